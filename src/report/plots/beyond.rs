//! How do reads go on when the cache is full, and how does that depend on the file's size?

use super::PlotError;
use super::axis::Round;
use super::canvas::Plot;
use super::lines::{self, Lines};
use crate::report::{beyond, units};
use crate::results::model::{BeyondMemory, TimeLine};

/// The lines of one size of the file.
pub struct OverTime<'a> {
    title: String,
    lines: Vec<&'a TimeLine>,
}

/// Of each size that is larger than the limit, its lines.
pub fn over_time(seen: &BeyondMemory) -> Vec<OverTime<'_>> {
    let Some(limit) = seen.limit_bytes else { return Vec::new() };
    let mut sizes: Vec<u64> = seen.lines.iter().map(|line| line.bytes).filter(|bytes| *bytes > limit).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let of = |bytes: u64| OverTime {
        title: format!(
            "Random reads of a file of {} within {} of memory, over time",
            units::bytes(bytes as f64),
            units::bytes(limit as f64)
        ),
        lines: seen.lines.iter().filter(|line| line.bytes == bytes && !line.at_ns.is_empty()).collect(),
    };
    sizes.into_iter().map(of).collect()
}

impl OverTime<'_> {
    /// What is drawn.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The drawing; `None` if there is nothing to draw.
    ///
    /// # Errors
    /// A fault of this program.
    pub fn plot(&self) -> Result<Option<Plot>, PlotError> {
        let longest = self.lines.iter().max_by_key(|line| line.at_ns.len());
        let Some(longest) = longest else { return Ok(None) };
        // A label each second: samples come twice as often.
        let label = |(index, ns): (usize, &u64)| {
            if index % 2 == 1 { format!("{:.0} s", *ns as f64 / 1e9) } else { String::new() }
        };
        let labels: Vec<String> = longest.at_ns.iter().enumerate().map(label).collect();
        let points =
            |line: &TimeLine| (0..labels.len()).map(|index| line.operations_per_second.get(index).copied()).collect();
        lines::plot(&Lines {
            title: self.title.clone(),
            labels: labels.iter().map(String::as_str).collect(),
            caption: "pages read a second, logarithmic, over time from the first read on",
            round: Round::ByTens,
            in_words: units::grouped,
            series: self.lines.iter().map(|line| (line.method.as_str(), points(line))).collect(),
            turns: Vec::new(),
            marks: Vec::new(),
        })
    }
}

/// The title of [`by_size`].
pub const BY_SIZE: &str = "Random reads against the file's size, under a memory limit";

/// Pages a second in the second half of the time, over the file's sizes; dashed where the file is as large as the limit.
///
/// # Errors
/// A fault of this program.
pub fn by_size(seen: &BeyondMemory) -> Result<Option<Plot>, PlotError> {
    let mut sizes: Vec<u64> = seen.lines.iter().map(|line| line.bytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut methods: Vec<&str> = Vec::new();
    for line in &seen.lines {
        if !methods.contains(&line.method.as_str()) {
            methods.push(&line.method);
        }
    }
    let rate = |method: &str, bytes: u64| {
        seen.lines.iter().find(|line| line.method == method && line.bytes == bytes).and_then(beyond::steady)
    };
    let labels: Vec<String> = sizes.iter().map(|bytes| units::bytes(*bytes as f64)).collect();
    let at_limit = seen.limit_bytes.and_then(|limit| sizes.iter().position(|bytes| *bytes >= limit));
    lines::plot(&Lines {
        title: BY_SIZE.to_owned(),
        labels: labels.iter().map(String::as_str).collect(),
        caption: "size of the file; pages read a second, logarithmic",
        round: Round::ByTens,
        in_words: units::grouped,
        series: methods
            .into_iter()
            .map(|method| (method, sizes.iter().map(|bytes| rate(method, *bytes)).collect()))
            .collect(),
        turns: Vec::new(),
        marks: at_limit.map(|place| (place as f64, "memory limit".to_owned())).into_iter().collect(),
    })
}
