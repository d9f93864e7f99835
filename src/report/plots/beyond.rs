//! How do reads go on when the cache is full, and how does that depend on the file's size?

use super::PlotError;
use super::axis::Round;
use super::canvas::Plot;
use super::lines::{self, Lines};
use super::panels::{self, Panel, Panels};
use crate::report::beyond::figures::{self, Watched, watched};
use crate::report::units;
use crate::results::model::{BeyondMemory, TimeLine};

/// Orders of reading, as they are recorded.
pub const PATTERNS: [&str; 2] = ["random", "sequential"];

fn in_words(pattern: &str) -> &'static str {
    if pattern == "random" { "Random reads" } else { "Reads from end to end" }
}

/// The lines of one size of the file, read in one order.
pub struct OverTime<'a> {
    title: String,
    limit: u64,
    ways: Vec<Watched<'a>>,
}

/// Of each order and each size that is larger than the limit, its lines; the largest first.
pub fn over_time(seen: &BeyondMemory) -> Vec<OverTime<'_>> {
    let Some(limit) = seen.limit_bytes else { return Vec::new() };
    let mut all = Vec::new();
    for pattern in PATTERNS {
        let mut ways = watched(seen, pattern);
        ways.retain(|way| way.bytes > limit && way.steady().is_some());
        while let Some(bytes) = ways.iter().map(|way| way.bytes).max() {
            let (of_size, rest) = ways.into_iter().partition(|way| way.bytes == bytes);
            ways = rest;
            let (file, memory) = (units::bytes(bytes as f64), units::bytes(limit as f64));
            let title = format!("{} of a file of {file} within {memory} of memory, over time", in_words(pattern));
            all.push(OverTime { title, limit, ways: of_size });
        }
    }
    all
}

impl OverTime<'_> {
    /// What is drawn.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How it is to be read.
    pub fn says(&self) -> Vec<String> {
        vec![
            "Rings, and dashed lines of their colours, are where the cache was full. Where a way was watched twice, the second time is drawn thin."
                .to_owned(),
        ]
    }

    /// The drawing; `None` if there is nothing to draw.
    ///
    /// # Errors
    /// A fault of this program.
    pub fn plot(&self) -> Result<Option<Plot>, PlotError> {
        let moment = |way: &Watched<'_>| {
            let first = way.sampled().next()?;
            figures::full_at(first, self.limit).map(seconds)
        };
        let ends = self.ways.iter().flat_map(Watched::sampled).filter_map(|line| line.at_ns.last().copied());
        let of = |times: usize, value: &dyn Fn(&TimeLine, usize) -> Option<f64>| {
            self.ways.iter().map(|way| way.sampled().take(times).map(|line| points(line, value)).collect()).collect()
        };
        panels::plot(&Panels {
            title: self.title.clone(),
            caption: "time from the first read on",
            seconds: ends.max().map_or(0.0, seconds),
            methods: self.ways.iter().map(|way| (way.method, moment(way))).collect(),
            panels: vec![
                Panel {
                    caption: "pages read a second",
                    height: 230,
                    in_words: units::compact,
                    curves: of(usize::MAX, &|line, index| line.operations_per_second.get(index).copied()),
                },
                Panel {
                    caption: "TLB shootdowns a second, of the whole machine",
                    height: 90,
                    in_words: units::compact,
                    curves: of(usize::MAX, &|line, index| line.shootdowns_per_second.get(index).copied().flatten()),
                },
                Panel {
                    caption: "work of a bystander, as a part of what it did while nobody read",
                    height: 90,
                    in_words: units::percent,
                    curves: of(1, &|line, index| {
                        let rate = line.bystander_per_second.get(index)?;
                        (line.alone_per_second > 0.0).then(|| rate / line.alone_per_second)
                    }),
                },
            ],
        })
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn points(line: &TimeLine, value: &dyn Fn(&TimeLine, usize) -> Option<f64>) -> Vec<(f64, f64)> {
    let known = line.at_ns.iter().enumerate();
    known.filter_map(|(index, at)| value(line, index).map(|value| (seconds(*at), value))).collect()
}

/// The title of [`by_size`].
pub fn by_size_title(pattern: &str) -> String {
    format!("{} against the file's size, under a memory limit", in_words(pattern))
}

/// Pages a second in the second half of the time, over the file's sizes; marked where the file is as large as the limit.
///
/// # Errors
/// A fault of this program.
pub fn by_size(seen: &BeyondMemory, pattern: &str) -> Result<Option<Plot>, PlotError> {
    let ways = watched(seen, pattern);
    let mut sizes: Vec<u64> = ways.iter().map(|way| way.bytes).collect();
    sizes.dedup();
    let mut methods: Vec<&str> = Vec::new();
    for way in &ways {
        if !methods.contains(&way.method) {
            methods.push(way.method);
        }
    }
    let rate = |method: &str, bytes: u64| {
        ways.iter().find(|way| way.method == method && way.bytes == bytes).and_then(Watched::steady)
    };
    let labels: Vec<String> = sizes.iter().map(|bytes| units::bytes(*bytes as f64)).collect();
    let at_limit = seen.limit_bytes.and_then(|limit| sizes.iter().position(|bytes| *bytes >= limit));
    lines::plot(&Lines {
        title: by_size_title(pattern),
        labels: labels.iter().map(String::as_str).collect(),
        caption: "size of the file; pages read a second, logarithmic",
        round: Round::ByTens,
        in_words: units::compact,
        series: methods
            .into_iter()
            .map(|method| (method, sizes.iter().map(|bytes| rate(method, *bytes)).collect()))
            .collect(),
        turns: Vec::new(),
        marks: at_limit.map(|place| (place as f64, "memory limit".to_owned())).into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::time_line;
    use crate::report::well_formed;

    fn seen() -> BeyondMemory {
        let line = |pattern, method, bytes, rate: f64| time_line(pattern, method, bytes, &[rate, rate, rate / 2.0]);
        let lines = vec![
            line("random", "pread", 64 << 10, 1e6),
            line("random", "pread", 2 << 20, 70e3),
            line("random", "pread", 8 << 20, 70e3),
            line("random", "pread", 8 << 20, 60e3),
            line("random", "mmap", 8 << 20, 0.0),
            line("sequential", "mmap", 8 << 20, 3e5),
        ];
        BeyondMemory { limit_bytes: Some(1 << 20), readers: 16, reason: None, lines }
    }

    #[test]
    fn each_order_and_each_size_beyond_the_limit_is_drawn_with_the_moment_when_the_cache_was_full() {
        let seen = seen();
        let all = over_time(&seen);
        let titles: Vec<&str> = all.iter().map(OverTime::title).collect();
        assert_eq!(titles.len(), 3, "{titles:?}");
        assert!(titles[0].starts_with("Random reads of a file of 8.0 MiB") && titles[2].starts_with("Reads from end"));
        for line in &all {
            let svg = line.plot().unwrap().unwrap().standalone();
            well_formed::check(&svg);
            assert!(svg.contains("TLB shootdowns") && svg.contains("bystander") && svg.contains("<circle"), "{svg}");
        }
    }

    #[test]
    fn rates_are_drawn_against_the_size_with_the_limit_marked() {
        for pattern in PATTERNS {
            let svg = by_size(&seen(), pattern).unwrap().unwrap().standalone();
            well_formed::check(&svg);
            assert!(svg.contains("memory limit"), "{svg}");
        }
        assert_eq!(by_size(&BeyondMemory { lines: Vec::new(), ..seen() }, "random").unwrap(), None);
    }
}
