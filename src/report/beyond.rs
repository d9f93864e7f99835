//! What happened when files were larger than the memory that might hold them?

pub mod figures;

use super::grid::{self, Look};
use super::units;
use crate::results::model::{BeyondMemory, TimeLine};
use figures::{Watched, watched};

/// All that is said of one order of reading.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// Its name within a page.
    pub anchor: &'static str,
    /// A word or two for it.
    pub word: &'static str,
    /// What was watched and seen, in sentences.
    pub intro: Vec<String>,
    /// A row a way of reading a file.
    pub rows: Vec<Vec<String>>,
}

/// The columns of its table. Of a way of reading: what it did until the cache was full, what in the second half of its time, and what that cost.
pub const HEADS: [&str; 13] = [
    "read by",
    "file",
    "pages/s while the cache fills",
    "full after",
    "pages/s later",
    "MiB/s",
    "least and most pages/s",
    "read/used",
    "refaults/s",
    "reclaimed of scanned/s",
    "TLB shootdowns/s",
    "bystander",
    "file, own memory",
];

/// Orders of reading: how each is recorded, its heading, its anchor and word, and the way that others are held against.
const PATTERNS: [(&str, &str, &str, &str, &str); 2] = [
    ("random", "Files larger than memory, read at random", "beyond-memory", "Beyond memory, random", "pread"),
    (
        "sequential",
        "Files larger than memory, read from end to end",
        "beyond-memory-sequential",
        "Beyond memory, sequential",
        "pread 256K",
    ),
];

/// Of each order of reading that was watched its section; one that says why, where none was. Pages are of `page` bytes.
pub fn sections(seen: &BeyondMemory, page: u32) -> Vec<Section> {
    let of = |(pattern, title, anchor, word, base)| {
        let groups = watched(seen, pattern);
        let mut intro = Vec::new();
        if !groups.is_empty() {
            intro.extend([watched_how(seen, pattern, &groups), COLUMNS.to_owned()]);
        }
        let part = if groups.is_empty() { "Nothing" } else { "Not all" };
        intro.extend(seen.reason.as_ref().map(|reason| format!("{part} was watched: {reason}.")));
        intro.extend(seen.limit_bytes.and_then(|limit| fall(&groups, limit, base, f64::from(page))));
        let rows = groups.iter().map(|group| row(group, seen.limit_bytes.unwrap_or(0), f64::from(page))).collect();
        (!groups.is_empty() || (seen.lines.is_empty() && pattern == "random")).then_some(Section {
            title,
            anchor,
            word,
            intro,
            rows,
        })
    };
    PATTERNS.into_iter().filter_map(of).collect()
}

/// What the largest file showed, in a sentence for each order of reading that was watched. Pages are of `page` bytes.
pub fn falls(seen: &BeyondMemory, page: u32) -> Vec<String> {
    let of = |pattern, base| fall(&watched(seen, pattern), seen.limit_bytes?, base, f64::from(page));
    PATTERNS.into_iter().filter_map(|(pattern, .., base)| of(pattern, base)).collect()
}

fn watched_how(seen: &BeyondMemory, pattern: &str, groups: &[Watched<'_>]) -> String {
    let readers =
        groups.iter().flat_map(|group| &group.lines).map(|line| line.readers).max().filter(|count| *count > 0);
    let readers = match readers.unwrap_or(seen.readers) {
        1 => "One thread".to_owned(),
        count => format!("{count} threads"),
    };
    let limit = seen.limit_bytes.map_or_else(
        || "of which its memory was to be limited".to_owned(),
        |bytes| format!("whose memory, page cache included, was limited to {}", units::bytes(bytes as f64)),
    );
    let order = match pattern {
        "sequential" => "read a file from end to end, and again from its begin;",
        _ => {
            "read random pages of a file, more threads than processors, since they wait for the device: no measure of scaling;"
        }
    };
    format!(
        "{readers} of a process {limit} {order} nothing of it was cached at first, and of each page one byte was used."
    )
}

/// What the columns are, where they need words.
const COLUMNS: &str = "Later is the second half of the time; where a file was watched twice, both figures follow their mean. \
    Read/used is what the device read for each byte of the pages that were used, and the bystander's part is of what a thread beside the readers did while \
    nobody read. The device's reads and TLB shootdowns are the whole machine's, and so is reclaim where the group does not count it.";

/// Beyond these a figure is named as what goes with a fall.
const AMPLIFIED: f64 = 2.0;
const SHOT_DOWN: f64 = 100.0;

/// What the largest file showed of each way, held against `base`.
fn fall(groups: &[Watched<'_>], limit: u64, base: &str, page: f64) -> Option<String> {
    let largest = groups.iter().filter(|group| group.steady().is_some()).map(|group| group.bytes).max()?;
    let groups = || groups.iter().filter(|group| group.bytes == largest && largest > limit);
    let base = groups().find(|group| group.method == base)?;
    let (filled, steady) = (base.filling(limit)?, base.steady().filter(|rate| *rate > 0.0)?);
    let part = |rate: f64, of: f64| units::percent(units::round(rate / of, 2));
    let others: Vec<String> = groups()
        .filter(|group| group.method != base.method)
        .filter_map(|group| {
            let (first, later) = (group.filling(limit)?, group.steady()?);
            let amplified = group.read_per_used(page).filter(|times| *times > AMPLIFIED).map(|times| {
                format!("the device reading {} bytes for each one used", units::count(units::round(times, 2)))
            });
            let shot = group
                .later(|line| &line.shootdowns_per_second)
                .filter(|rate| *rate > SHOT_DOWN)
                .map(|rate| format!("{} TLB shootdowns a second", units::grouped(units::round(rate, 2))));
            let with: Vec<String> = amplified.into_iter().chain(shot).collect();
            let with = if with.is_empty() { String::new() } else { format!(", with {}", with.join(" and ")) };
            Some(format!("`{}` {} at first and {} later{with}", group.method, part(first, filled), part(later, steady)))
        })
        .collect();
    let after = base.full_after(limit).map(|seconds| format!(", the cache full after {seconds:.1} s"));
    let order = if base.lines.iter().any(|line| line.pattern == "random") { "at random" } else { "from end to end" };
    (!others.is_empty()).then(|| {
        format!(
            "Of a file of {}, {:.0} times the limit, {order}, `{}` read {} pages a second until the cache was full and {} later{}. Of that read {}.",
            units::bytes(largest as f64),
            largest as f64 / limit as f64,
            base.method,
            units::grouped(units::round(filled, 2)),
            units::grouped(units::round(steady, 2)),
            after.unwrap_or_default(),
            others.join("; ")
        )
    })
}

fn row(group: &Watched<'_>, limit: u64, page: f64) -> Vec<String> {
    let mut cells = vec![format!("`{}`", group.method), units::bytes(group.bytes as f64)];
    let reason = group.lines.iter().find_map(|line| line.reason.clone());
    let Some(steady) = group.steady() else {
        cells.push(reason.unwrap_or_else(|| "not watched".to_owned()));
        cells.resize(HEADS.len(), String::new());
        return cells;
    };
    let none = || units::NONE.to_owned();
    let rate = |value: Option<f64>| value.map_or_else(none, |value| units::grouped(units::round(value, 3)));
    let each: Vec<String> = group.each_steady().into_iter().map(|value| rate(Some(value))).collect();
    let each = if each.len() > 1 { format!(" ({})", each.join(", ")) } else { String::new() };
    let failed = reason.map(|why| format!("; once {why}")).unwrap_or_default();
    let is_beyond = group.bytes > limit;
    let reclaimed = group.later(|line| &line.reclaimed_per_second);
    let scanned = group.later(|line| &line.scanned_per_second);
    cells.extend([
        rate(group.filling(limit).filter(|_| is_beyond)),
        group.full_after(limit).filter(|_| is_beyond).map_or_else(none, |seconds| format!("{seconds:.1} s")),
        format!("{}{each}{failed}", rate(Some(steady))),
        // What memory holds is not read but looked at: a byte of each page.
        rate(Some(steady * page / f64::from(1 << 20)).filter(|_| is_beyond)),
        group.extremes().map_or_else(none, |(low, high)| format!("{}–{}", rate(Some(low)), rate(Some(high)))),
        group.read_per_used(page).map_or_else(none, units::count),
        rate(group.later(|line| &line.refaults_per_second)),
        format!("{} of {}", rate(reclaimed), rate(scanned)),
        rate(group.later(|line| &line.shootdowns_per_second)),
        group.bystander().map_or_else(none, |part| units::percent(units::round(part, 2))),
        memory(group),
    ]);
    cells
}

/// What of the group's memory held pages of files, and what the processes' own, page tables left out.
fn memory(group: &Watched<'_>) -> String {
    let last = |column: fn(&TimeLine) -> &Vec<Option<u64>>| {
        let bytes = group.sampled().last().and_then(|line| column(line).last().copied().flatten());
        bytes.map_or_else(|| units::NONE.to_owned(), |bytes| units::bytes(bytes as f64))
    };
    format!("{}, {}", last(|line| &line.file_bytes), last(|line| &line.anon_bytes))
}

/// Headings, sentences and tables, for a terminal or as Markdown.
pub fn text(seen: &BeyondMemory, page: u32, look: Look) -> String {
    let of = |section: Section| grid::section(section.title, &section.intro, &HEADS, section.rows, look);
    sections(seen, page).into_iter().map(of).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
