//! What do the lines of one way of reading show together, before and after the cache was full?

use crate::results::model::{BeyondMemory, TimeLine};

/// A column of a line whose figures may be unknown.
pub type Column = fn(&TimeLine) -> &Vec<Option<f64>>;

/// The part of the limit that files' pages take when the cache is full: threads and page tables take some of it too.
const FULL: f64 = 0.85;
/// The beginning of a line of which the cache never was full.
const BEGINNING_NS: u64 = 500_000_000;

/// A way of reading a file of some size, watched once or more.
pub struct Watched<'a> {
    /// `mmap`, `pread`, …
    pub method: &'a str,
    /// Size of the file.
    pub bytes: u64,
    /// Its lines, also those that have no samples.
    pub lines: Vec<&'a TimeLine>,
}

/// The ways of `pattern`, by size of the file, in the order of the run.
pub fn watched<'a>(seen: &'a BeyondMemory, pattern: &str) -> Vec<Watched<'a>> {
    let mut all: Vec<Watched<'a>> = Vec::new();
    for line in seen.lines.iter().filter(|line| line.pattern == pattern) {
        let is_same = |group: &&mut Watched<'_>| group.method == line.method && group.bytes == line.bytes;
        match all.iter_mut().find(is_same) {
            Some(group) => group.lines.push(line),
            None => all.push(Watched { method: &line.method, bytes: line.bytes, lines: vec![line] }),
        }
    }
    all.sort_by_key(|group| group.bytes);
    all
}

/// When files' pages took what `limit` leaves them, in ns from the first read on; `None` if they never did, or nobody counted.
pub fn full_at(line: &TimeLine, limit: u64) -> Option<u64> {
    let is_full = |bytes: &Option<u64>| bytes.is_some_and(|bytes| bytes as f64 >= FULL * limit as f64);
    line.at_ns.get(line.file_bytes.iter().position(is_full)?).copied()
}

/// The mean of `column` between two moments: each sample stands for the time since the one before.
fn mean_between(line: &TimeLine, column: impl Fn(usize) -> Option<f64>, (from, to): (u64, u64)) -> Option<f64> {
    let starts = std::iter::once(0).chain(line.at_ns.iter().copied());
    let (mut sum, mut time) = (0.0, 0.0);
    for (index, (start, end)) in starts.zip(line.at_ns.iter().copied()).enumerate() {
        if let Some(value) = column(index).filter(|_| start >= from && end <= to) {
            sum += value * (end - start) as f64;
            time += (end - start) as f64;
        }
    }
    (time > 0.0).then(|| sum / time)
}

/// From half of a line's time to its end.
fn later(line: &TimeLine) -> (u64, u64) {
    let end = line.at_ns.last().copied().unwrap_or(0);
    // The sample across the middle is of the first half.
    (end / 2, end)
}

/// Pages a second, in the second half of the time.
pub fn steady_of(line: &TimeLine) -> Option<f64> {
    mean_between(line, |index| line.operations_per_second.get(index).copied(), later(line))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

impl Watched<'_> {
    /// The lines that have samples.
    pub fn sampled(&self) -> impl Iterator<Item = &TimeLine> {
        self.lines.iter().copied().filter(|line| !line.at_ns.is_empty())
    }

    /// Pages a second in the second half of the time, of each line.
    pub fn each_steady(&self) -> Vec<f64> {
        self.sampled().filter_map(steady_of).collect()
    }

    /// Their mean.
    pub fn steady(&self) -> Option<f64> {
        mean(self.each_steady().into_iter())
    }

    /// The mean of `column` in the second half of the time.
    pub fn later(&self, column: Column) -> Option<f64> {
        mean(
            self.sampled()
                .filter_map(|line| mean_between(line, |index| column(line).get(index).copied().flatten(), later(line))),
        )
    }

    /// When the cache was full, in seconds: the mean of the lines of which it was.
    pub fn full_after(&self, limit: u64) -> Option<f64> {
        mean(self.sampled().filter_map(|line| full_at(line, limit)).map(|ns| ns as f64 / 1e9))
    }

    /// Pages a second until the cache was full; of a way that does not fill it, in the beginning.
    pub fn filling(&self, limit: u64) -> Option<f64> {
        mean(self.sampled().filter_map(|line| {
            let first = line.at_ns.first().copied()?;
            let until = full_at(line, limit).unwrap_or(BEGINNING_NS).max(first);
            mean_between(line, |index| line.operations_per_second.get(index).copied(), (0, until))
        }))
    }

    /// The least and the most pages a second of a sample in the second half of the time.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        let halves = self.sampled().flat_map(|line| {
            let (from, _) = later(line);
            line.at_ns.iter().zip(&line.operations_per_second).filter(move |(at, _)| **at > from).map(|(_, rate)| *rate)
        });
        let (low, high) = halves.fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
        (low <= high).then_some((low, high))
    }

    /// Bytes that the device read for each byte of a page that was used, pages being of `page` bytes.
    pub fn read_per_used(&self, page: f64) -> Option<f64> {
        let read = self.later(|line| &line.device_read_bytes_per_second)?;
        self.steady().filter(|rate| *rate > 0.0).map(|rate| read / (rate * page))
    }

    /// What the bystander did, as a part of what it did alone.
    pub fn bystander(&self) -> Option<f64> {
        mean(self.sampled().filter(|line| line.alone_per_second > 0.0).filter_map(|line| {
            let rate = mean_between(line, |index| line.bystander_per_second.get(index).copied(), later(line));
            rate.map(|rate| rate / line.alone_per_second)
        }))
    }
}
