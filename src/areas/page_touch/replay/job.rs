//! What all ways of a replay share: the file, the accesses, the proof that all of their bytes were read.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::method::{Account, Trouble};
use crate::os::access::Span;
use crate::os::buffer::Buffer;
use crate::os::{file, page_size};

use super::super::super::dataset::{Dataset, Recipe};
use super::super::point::{Point, State};
use super::super::trace::{Access, Trace};

/// What all ways share.
pub(super) struct Job {
    pub(super) data: Dataset,
    pub(super) state: State,
    trace: Arc<Trace>,
    cursor: usize,
    pub(super) sum: u64,
    /// What the reads sum to, read once.
    expected: u64,
    /// Pages that all of them lie in, each once.
    distinct: u64,
}

impl Job {
    pub(super) fn open(point: &Point, site: &Path, recipe: &Recipe) -> Result<Self, Trouble> {
        let trace = point.trace.clone().ok_or_else(|| Trouble::Failed("there is no trace to replay".to_owned()))?;
        let data = Dataset::open(recipe, site)?;
        if trace.extent() > data.bytes() {
            return Err(Trouble::Failed(format!("reads end at {}, the file at {}", trace.extent(), data.bytes())));
        }
        let expected = expected(&data, &trace)?;
        let distinct = distinct(&trace.reads);
        Ok(Self { data, state: point.state, trace, cursor: 0, sum: 0, expected, distinct })
    }

    /// All accesses.
    #[inline(always)]
    pub(super) fn reads(&self) -> &[Access] {
        &self.trace.reads
    }

    /// Bytes of the longest.
    pub(super) fn longest(&self) -> usize {
        self.trace.longest()
    }

    pub(super) fn prepare(&mut self) -> Result<(), Trouble> {
        (self.cursor, self.sum) = (0, 0);
        match self.state {
            State::Cold => self.data.make_cold(),
            State::Warm | State::Mapped => self.data.make_warm(),
        }
    }

    /// The next `ops` accesses.
    #[inline(always)]
    pub(super) fn advance(&mut self, ops: u64) -> Range<usize> {
        let first = self.cursor;
        self.cursor = (first + ops as usize).min(self.trace.reads.len());
        first..self.cursor
    }

    /// Proves that every byte of every access was read.
    pub(super) fn prove(&self) -> Result<(), Trouble> {
        if self.is_whole() && self.sum != self.expected {
            let detail = format!("{:#x} summed, {:#x} expected", self.sum, self.expected);
            return Err(Trouble::unproven("the bytes read are not the file's", detail));
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.cursor == self.trace.reads.len()
    }

    /// Pages that the accesses of the batch lie in, each once.
    pub(super) fn pages_used(&self) -> u64 {
        if self.is_whole() { self.distinct } else { distinct(&self.trace.reads[..self.cursor]) }
    }

    /// A batch that takes no fault.
    pub(super) fn quiet(&self) -> Account {
        let pages =
            self.trace.reads[..self.cursor].iter().map(|access| pages(*access)).map(|pages| pages.end - pages.start);
        Account::quiet(self.cursor as u64, pages.sum(), 2)
    }

    /// The bytes that the device reads for a batch through the page cache: when it is cold, at least the pages used, at most the file, by readahead.
    pub(super) fn cold_bytes(&self) -> RangeInclusive<u64> {
        match self.state {
            State::Cold => self.least_read()..=self.data.bytes(),
            State::Warm | State::Mapped => 0..=0,
        }
    }

    /// The same past the page cache, of a batch that reads `each` bytes for an access: what is read twice is read from the device twice.
    pub(super) fn direct_bytes(&self, each: impl Fn(Access) -> u64) -> RangeInclusive<u64> {
        let least = self.least_read();
        least..=self.trace.reads[..self.cursor].iter().map(|access| each(*access)).sum::<u64>().max(least)
    }

    /// A filesystem that writes elsewhere may compress: there, a block at least.
    fn least_read(&self) -> u64 {
        let page = page_size() as u64;
        if file::writes_elsewhere(&self.data.file) { page } else { self.pages_used() * page }
    }
}

/// Every byte, as words and what is left of the last: an access may end anywhere.
#[inline(always)]
pub(super) fn every_byte(span: Span) -> u64 {
    let words = span.len() & !7;
    (words..span.len()).fold(span.sum(), |sum, at| sum.wrapping_add(span.part(at, 1).touch()))
}

/// The whole pages around an access: where they begin, and how many bytes they are.
#[inline(always)]
pub(super) fn around(access: Access) -> (u64, usize) {
    let mask = page_size() as u64 - 1;
    let start = access.at & !mask;
    (start, (((access.end() + mask) & !mask) - start) as usize)
}

/// The pages that an access lies in, by their numbers.
fn pages(access: Access) -> Range<u64> {
    let page = page_size() as u64;
    access.at / page..access.end().div_ceil(page)
}

/// Pages that accesses lie in, each counted once.
fn distinct(reads: &[Access]) -> u64 {
    let mut ranges: Vec<Range<u64>> = reads.iter().map(|access| pages(*access)).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let (mut count, mut end) = (0, 0);
    for range in ranges {
        count += range.end.saturating_sub(range.start.max(end));
        end = end.max(range.end);
    }
    count
}

/// What the accesses of a trace sum to. Read once a process, and the file's content does not depend on its history: every method of a worker asks
/// for the same.
fn expected(data: &Dataset, trace: &Trace) -> Result<u64, Trouble> {
    static KNOWN: Mutex<Option<(Vec<Access>, u64)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, sum)) = known.as_ref().filter(|(reads, _)| *reads == trace.reads) {
        return Ok(*sum);
    }
    let mut buffer = Buffer::new(trace.longest())?;
    let mut sum = 0_u64;
    for access in &trace.reads {
        let part = access.len as usize;
        file::read_at(&data.file, &mut buffer.bytes_mut()[..part], access.at)?;
        sum = sum.wrapping_add(every_byte(buffer.span().part(0, part)));
    }
    *known = Some((trace.reads.clone(), sum));
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_counted_once_however_many_reads_lie_in_it() {
        let page = page_size() as u64;
        let of = |reads: &[(u64, u64)]| {
            distinct(&reads.iter().map(|(at, len)| Access { at: *at, len: *len as u32 }).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[(0, 1), (1, 1), (page - 1, 1)]), 1);
        assert_eq!(of(&[(page - 1, 2), (0, 4 * page), (2 * page, 1), (9 * page, page + 1)]), 6);
        assert_eq!(around(Access { at: page + 7, len: page as u32 }), (page, 2 * page as usize));
        assert_eq!(around(Access { at: page, len: 1 }), (page, page as usize));
    }

    #[test]
    fn no_byte_is_left_out_of_a_sum() {
        let mut buffer = Buffer::new(64).unwrap();
        for len in 1..64 {
            let before = every_byte(buffer.span().part(0, len));
            buffer.store(len - 1, 200);
            assert_ne!(every_byte(buffer.span().part(0, len)), before, "{len}");
        }
    }
}
