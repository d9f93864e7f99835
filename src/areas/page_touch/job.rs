//! What both sides share: the file, the records drawn for the batch, what is done with them, and the proof that it was.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use crate::engine::method::{Account, Draw, Trouble};
use crate::os::buffer::Buffer;
use crate::os::{file, page_size};

use super::super::dataset::{Dataset, History, Recipe};
use super::super::draw;
use super::consume::Consume;
use super::point::{Point, State};

/// What both sides share.
pub(super) struct Job<U> {
    pub(super) data: Dataset,
    pub(super) point: Point,
    /// The records of all passes, by their numbers.
    pub(super) records: Vec<u32>,
    /// A record has `1 << shift` bytes.
    pub(super) shift: u32,
    pub(super) cursor: usize,
    pub(super) sum: u64,
    /// What is done with a record.
    pub(super) using: U,
    /// Sum over the records drawn, and of how many: known for our own content, read once for a user's.
    expected: Option<(u64, u64)>,
    /// Whether the device must be asked for any of the records, of a user's file that is cold: it may have holes.
    on_device: bool,
    /// What each record of our own content gives, once that is known.
    known: Vec<u64>,
}

/// The least that a device reads, in bytes.
const SECTOR: u64 = 512;
/// Of more records than this it is worked out anew for each batch, not kept.
const KEPT: u64 = 1 << 20;

/// A file that is read within a second or two by most devices.
const LARGE: u64 = 1 << 30;

impl<U: Consume> Job<U> {
    pub(super) fn open(point: &Point, site: &Path, recipe: &Recipe) -> Result<Self, Trouble> {
        Ok(Self {
            data: Dataset::open(recipe, site)?,
            point: point.clone(),
            records: Vec::new(),
            shift: point.record.trailing_zeros(),
            cursor: 0,
            sum: 0,
            using: U::new(point.record as usize)?,
            expected: None,
            on_device: false,
            known: Vec::new(),
        })
    }

    /// Whether a method that reads all of a cold file is a method for what is used of it: not of a large one, where a batch would take minutes.
    ///
    /// # Errors
    /// [`Trouble::Unavailable`] where it is not.
    pub(super) fn worth_reading_whole(&self) -> Result<(), Trouble> {
        let (all, used) = (self.data.bytes(), self.point.touched * self.point.record);
        if self.point.state != State::Cold || all <= LARGE || used >= all / 4 {
            return Ok(());
        }
        Err(Trouble::Unavailable(format!(
            "it reads all of the file, {} MiB, for the {} MiB that are used",
            all >> 20,
            used.div_ceil(1 << 20)
        )))
    }

    /// Draws the records and brings the file to its state of the cache.
    pub(super) fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        let prepared = self.bring(draw);
        // A read past the end of the file, say, is told as what it comes from.
        prepared.map_err(|trouble| self.data.prove_found().err().unwrap_or(trouble))
    }

    fn bring(&mut self, draw: Draw) -> Result<(), Trouble> {
        let found = self.data.history == History::Found;
        if found && self.point.state != State::Cold {
            self.data.fits_in_memory()?;
        }
        self.draw(draw)?;
        match self.point.state {
            State::Cold => self.data.make_cold()?,
            State::Warm | State::Mapped => self.data.make_warm()?,
        }
        if found && self.point.state == State::Cold {
            let holds = |record: &u32| file::has_data(&self.data.file, self.place(*record), self.point.record);
            self.on_device = self.records.iter().any(holds);
        }
        Ok(())
    }

    /// Draws the records, and finds what they amount to.
    pub(super) fn draw(&mut self, draw: Draw) -> Result<(), Trouble> {
        let found = self.data.history == History::Found;
        // A user's file has content that we do not know: one draw a worker, whose sum is read once.
        let seed = if found { 0 } else { draw.seed };
        let a_pass = draw.ops.div_ceil(self.point.passes);
        draw::records(self.point.pattern, self.point.records(), a_pass, seed, &mut self.records);
        let once = self.records.len();
        for _ in 1..self.point.passes {
            self.records.extend_from_within(..once);
        }
        self.records.truncate(draw.ops as usize);
        (self.cursor, self.sum) = (0, 0);
        if !found {
            self.expected = Some((draw.ops, self.reckoned()));
        } else if self.expected.is_none_or(|(ops, _)| ops != draw.ops) {
            self.expected = Some((draw.ops, self.read()?));
        }
        Ok(())
    }

    /// What the records of our own content amount to.
    fn reckoned(&mut self) -> u64 {
        let (shift, record) = (self.shift, self.point.record);
        let of = |number: u64| U::expected(number << shift, record);
        if self.known.is_empty() && self.point.records() <= KEPT {
            self.known = (0..self.point.records()).map(of).collect();
        }
        let known = &self.known;
        let value = |number: &u32| known.get(*number as usize).copied().unwrap_or_else(|| of(u64::from(*number)));
        self.records.iter().map(value).fold(0, u64::wrapping_add)
    }

    /// The same of a user's file, read.
    fn read(&mut self) -> Result<u64, Trouble> {
        let mut buffer = Buffer::new(self.point.record as usize)?;
        let mut sum = 0_u64;
        for index in 0..self.records.len() {
            file::read_at(&self.data.file, buffer.bytes_mut(), self.place(self.records[index]))?;
            sum = sum.wrapping_add(self.using.arrived(buffer.span()));
        }
        Ok(sum)
    }

    /// Where a record begins.
    #[inline(always)]
    pub(super) fn place(&self, record: u32) -> u64 {
        u64::from(record) << self.shift
    }

    /// The next `ops` records.
    #[inline(always)]
    pub(super) fn advance(&mut self, ops: u64) -> Range<usize> {
        let first = self.cursor;
        self.cursor += ops as usize;
        first..self.cursor
    }

    /// Records of a pass of this batch.
    pub(super) fn a_pass(&self) -> usize {
        self.records.len().div_ceil(self.point.passes as usize).max(1)
    }

    /// Operations of the first pass of a batch of `ops`.
    pub(super) fn first_pass(&self, ops: u64) -> u64 {
        ops.div_ceil(self.point.passes)
    }

    /// The parts of `all` that lie in one pass each.
    #[inline(always)]
    pub(super) fn by_pass(&self, all: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<U> {
        let a_pass = self.a_pass();
        let mut first = all.start;
        std::iter::from_fn(move || {
            let last = (first - first % a_pass + a_pass).min(all.end);
            let part = (first < all.end).then_some(first..last);
            first = last;
            part
        })
    }

    /// Proves that every record drawn was used.
    pub(super) fn prove(&self) -> Result<(), Trouble> {
        self.data.prove_found()?;
        let expected = self.expected.map_or(0, |(_, sum)| sum);
        if self.cursor == self.records.len() && self.sum != expected {
            let by =
                if self.data.history == History::Found { "; does another program write to your file?" } else { "" };
            let detail = format!("{:#x} summed, {expected:#x} expected{by}", self.sum);
            return Err(Trouble::unproven("the bytes read are not the file's", detail));
        }
        Ok(())
    }

    /// Pages that the batch used at most: each record's in one pass.
    pub(super) fn pages_used(&self) -> u64 {
        let a_pass = self.cursor.min(self.a_pass()) as u64;
        (a_pass * self.point.pages_a_record()).min(self.data.pages)
    }

    /// A batch that takes no fault: checks are those of state and of content.
    pub(super) fn quiet(&self) -> Account {
        Account::quiet(self.cursor as u64, self.cursor as u64 * self.point.pages_a_record(), 2)
    }

    /// The bytes that the device reads for a cold batch: at least the pages used, at most the file, by readahead. A filesystem that
    /// writes elsewhere may compress: there, a block at least; so where several records may lie in a page. See [`Job::least_read`].
    pub(super) fn cold_bytes(&self) -> RangeInclusive<u64> {
        let page = page_size() as u64;
        let distinct = self.point.record >= page && self.point.pattern != draw::Pattern::Zipf;
        let at_least = |bytes: u64| if distinct { bytes.max(page) } else { page };
        match self.point.state {
            State::Cold if self.data.history == History::Found || file::writes_elsewhere(&self.data.file) => {
                self.least_read()..=self.data.bytes()
            }
            State::Cold => at_least(self.pages_used() * page)..=self.data.bytes(),
            State::Warm | State::Mapped => 0..=0,
        }
    }

    /// The bytes that the device reads for a batch that finds nothing in the page cache, at least: a page. A user's file may have holes, and pages of
    /// which few blocks are data: nothing of one, a sector of the other.
    pub(super) fn least_read(&self) -> u64 {
        match self.data.history {
            History::Found if self.on_device => SECTOR,
            History::Found => 0,
            _ => page_size() as u64,
        }
    }
}
