//! What happened when files were larger than the memory that might hold them?

use super::grid::{self, Look};
use super::units;
use crate::results::model::{BeyondMemory, TimeLine};

/// The heading of all that is said of it.
pub const TITLE: &str = "Files larger than memory";

/// The columns of its table. Of a way of reading: what it did at first, what in the second half of its time, and what that cost others.
pub const HEADS: [&str; 9] = [
    "read by",
    "file",
    "pages/s at first",
    "later",
    "least and most",
    "refaults/s",
    "scanned/s",
    "TLB shootdowns/s",
    "bystander",
];

/// What was watched, in sentences.
pub fn intro(seen: &BeyondMemory) -> Vec<String> {
    let readers = if seen.readers == 1 { "One thread".to_owned() } else { format!("{} threads", seen.readers) };
    let limit = seen.limit_bytes.map_or_else(
        || "of which its memory was to be limited".to_owned(),
        |bytes| format!("whose memory, page cache included, was limited to {}", units::bytes(bytes as f64)),
    );
    let mut said = vec![format!(
        "{readers} of a process {limit} read random pages of a file of which nothing was cached; another thread of it counted. \
         Later is the second half of the time. The bystander's part is of what it did while nobody read. \
         TLB shootdowns are the whole machine's."
    )];
    said.extend(seen.reason.as_ref().map(|reason| format!("Not all was watched: {reason}.")));
    said.extend(fall(seen));
    said
}

/// The lines that have samples.
fn watched(seen: &BeyondMemory) -> impl Iterator<Item = &TimeLine> {
    seen.lines.iter().filter(|line| !line.at_ns.is_empty())
}

/// The second half of a column.
fn later<T: Copy>(column: &[T]) -> &[T] {
    &column[column.len() / 2..]
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

/// Pages a second, in the second half of its time.
pub fn steady(line: &TimeLine) -> Option<f64> {
    mean(later(&line.operations_per_second).iter().copied())
}

/// What the largest file showed of the mapping with the kernel's own readahead, beside pread.
fn fall(seen: &BeyondMemory) -> Option<String> {
    let limit = seen.limit_bytes?;
    let largest = watched(seen).map(|line| line.bytes).max().filter(|bytes| *bytes > limit)?;
    let of = |method: &str| watched(seen).find(|line| line.bytes == largest && line.method == method);
    let rates = |method: &str| steady(of(method)?);
    let (pread, plain, random) = (rates("pread")?, rates("mmap")?, rates("mmap+MADV_RANDOM")?);
    Some(format!(
        "Of a file of {}, {:.0} times the limit, `mmap` read {} as many pages as `pread`, `mmap+MADV_RANDOM` {}.",
        units::bytes(largest as f64),
        largest as f64 / limit as f64,
        units::percent(units::round(plain / pread, 2)),
        units::percent(units::round(random / pread, 2)),
    ))
}

/// A row a line.
pub fn rows(seen: &BeyondMemory) -> Vec<Vec<String>> {
    seen.lines.iter().map(row).collect()
}

fn row(line: &TimeLine) -> Vec<String> {
    let mut cells = vec![format!("`{}`", line.method), units::bytes(line.bytes as f64)];
    if line.at_ns.is_empty() {
        cells.push(line.reason.clone().unwrap_or_else(|| "not watched".to_owned()));
        cells.resize(HEADS.len(), String::new());
        return cells;
    }
    let rate = |value: Option<f64>| {
        value.map_or_else(|| units::NONE.to_owned(), |value| units::grouped(units::round(value, 3)))
    };
    let known = |column: &[Option<f64>]| mean(later(column).iter().filter_map(|value| *value));
    let half = later(&line.operations_per_second);
    let (least, most) =
        half.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
    let bystander = mean(later(&line.bystander_per_second).iter().copied()).filter(|_| line.alone_per_second > 0.0);
    let part = bystander.map(|rate| units::percent(units::round(rate / line.alone_per_second, 2)));
    cells.extend([
        rate(line.operations_per_second.first().copied()),
        rate(steady(line)),
        format!("{}–{}", rate(Some(least)), rate(Some(most))),
        rate(known(&line.refaults_per_second)),
        rate(known(&line.scanned_per_second)),
        rate(known(&line.shootdowns_per_second)),
        part.unwrap_or_else(|| units::NONE.to_owned()),
    ]);
    cells
}

/// Heading, sentences and table, for a terminal or as Markdown.
pub fn text(seen: &BeyondMemory, look: Look) -> String {
    grid::section(TITLE, &intro(seen), &HEADS, rows(seen), look)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: &str, bytes: u64, rates: &[f64]) -> TimeLine {
        let count = rates.len();
        TimeLine {
            method: method.to_owned(),
            bytes,
            alone_per_second: 1000.0,
            at_ns: (1..=count as u64).map(|step| step * 500_000_000).collect(),
            operations_per_second: rates.to_vec(),
            bystander_per_second: vec![750.0; count],
            minor_faults_per_second: vec![0.0; count],
            major_faults_per_second: vec![0.0; count],
            refaults_per_second: vec![Some(12.0); count],
            scanned_per_second: vec![None; count],
            shootdowns_per_second: vec![Some(3.0); count],
            file_bytes: vec![None; count],
            anon_bytes: vec![None; count],
            ..TimeLine::default()
        }
    }

    fn seen() -> BeyondMemory {
        let lines = vec![
            line("pread", 8 << 20, &[900.0, 1000.0, 1000.0, 1000.0]),
            line("mmap", 8 << 20, &[5000.0, 4000.0, 100.0, 300.0]),
            line("mmap+MADV_RANDOM", 8 << 20, &[1000.0, 500.0, 500.0, 500.0]),
            TimeLine { reason: Some("killed".to_owned()), ..line("O_DIRECT", 8 << 20, &[]) },
        ];
        BeyondMemory { limit_bytes: Some(1 << 20), readers: 1, reason: None, lines }
    }

    #[test]
    fn the_second_half_is_held_against_the_first_look() {
        let rows = rows(&seen());
        assert_eq!(rows[1], ["`mmap`", "8.0 MiB", "5,000", "200", "100–300", "12", "–", "3", "75 %"]);
        assert_eq!(rows[3][2], "killed");
    }

    #[test]
    fn the_largest_file_says_by_how_much_the_mapping_fell_behind() {
        let said = intro(&seen()).join(" ");
        assert!(
            said.contains("8 times the limit, `mmap` read 20 % as many pages as `pread`, `mmap+MADV_RANDOM` 50 %."),
            "{said}"
        );
        assert!(text(&seen(), Look::Terminal).starts_with(TITLE));
    }

    #[test]
    fn what_could_not_be_limited_is_a_reason() {
        let none =
            BeyondMemory { limit_bytes: None, reason: Some("no controller".to_owned()), lines: Vec::new(), ..seen() };
        assert!(intro(&none)[1].contains("no controller"));
    }
}
