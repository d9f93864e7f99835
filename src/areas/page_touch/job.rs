//! What both sides share: the file, the pages drawn for the batch, what is done with their bytes, and the proof that it was.

use std::path::Path;

use crate::engine::method::{Account, Draw, Trouble};
use crate::os::access::Span;
use crate::os::buffer::Buffer;
use crate::os::{file, page_size};

use super::super::content;
use super::super::dataset::{Dataset, History, Recipe};
use super::super::draw::{self, Pattern};
use super::{Point, State};

/// What is done with the bytes of a page: the same code for a mapping and for a buffer.
pub(super) trait Consume: 'static {
    /// Uses one page.
    fn consume(page: Span) -> u64;
    /// What that gives for a page of our own content.
    fn expected(page: u64) -> u64;
}

pub(super) struct Touch;
pub(super) struct Sum;

impl Consume for Touch {
    #[inline(always)]
    fn consume(page: Span) -> u64 {
        page.touch()
    }
    fn expected(page: u64) -> u64 {
        content::touched(page)
    }
}

impl Consume for Sum {
    #[inline(always)]
    fn consume(page: Span) -> u64 {
        page.sum()
    }
    fn expected(page: u64) -> u64 {
        content::summed(page)
    }
}

/// What both sides share: the file, the pages drawn for the batch, and the sum that proves they were used.
pub(super) struct Job<U> {
    pub(super) data: Dataset,
    pub(super) state: State,
    pub(super) pattern: Pattern,
    pub(super) pages: Vec<u32>,
    pub(super) cursor: usize,
    pub(super) sum: u64,
    /// Sum of the pages drawn, and of how many: known for our own content, read once for a user's.
    expected: Option<(u64, u64)>,
    consume: std::marker::PhantomData<U>,
}

impl<U: Consume> Job<U> {
    pub(super) fn open(point: &Point, site: &Path, recipe: &Recipe) -> Result<Self, Trouble> {
        let data = Dataset::open(recipe, site)?;
        Ok(Self {
            data,
            state: point.state,
            pattern: point.pattern,
            pages: Vec::new(),
            cursor: 0,
            sum: 0,
            expected: None,
            consume: std::marker::PhantomData,
        })
    }

    /// Draws the pages and brings the file to its state of the cache.
    pub(super) fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        let found = self.data.history == History::Found;
        // A user's file has content that we do not know: one draw a worker, whose sum is read once.
        let seed = if found { 0 } else { draw.seed };
        draw::pages(self.pattern, self.data.pages, draw.ops, seed, &mut self.pages);
        (self.cursor, self.sum) = (0, 0);
        if !found {
            let expected = self.pages.iter().fold(0_u64, |sum, page| sum.wrapping_add(U::expected(u64::from(*page))));
            self.expected = Some((draw.ops, expected));
        } else if self.expected.is_none_or(|(ops, _)| ops != draw.ops) {
            self.expected = Some((draw.ops, self.read_expected()?));
        }
        match self.state {
            State::Cold => self.data.make_cold(),
            State::Warm | State::Mapped => self.data.make_warm(),
        }
    }

    fn read_expected(&self) -> Result<u64, Trouble> {
        let mut buffer = Buffer::new(page_size())?;
        let mut sum = 0_u64;
        for page in &self.pages {
            file::read_at(&self.data.file, buffer.bytes_mut(), u64::from(*page) * page_size() as u64)?;
            sum = sum.wrapping_add(U::consume(buffer.span()));
        }
        Ok(sum)
    }

    /// The next `ops` pages.
    #[inline(always)]
    pub(super) fn advance(&mut self, ops: u64) -> std::ops::Range<usize> {
        let first = self.cursor;
        self.cursor += ops as usize;
        first..self.cursor
    }

    /// Proves that every page drawn was used.
    pub(super) fn prove(&self) -> Result<(), Trouble> {
        let expected = self.expected.map_or(0, |(_, sum)| sum);
        if self.cursor == self.pages.len() && self.sum != expected {
            let detail = format!("{:#x} summed, {expected:#x} expected", self.sum);
            return Err(Trouble::unproven("the bytes read are not the file's", detail));
        }
        Ok(())
    }

    /// A batch that takes no fault: checks are those of state and of content.
    pub(super) fn quiet(&self) -> Account {
        Account::quiet(self.cursor as u64, self.cursor as u64, 2)
    }

    /// The bytes that the device reads for a cold batch: at least the pages used, at most the file, by readahead. A filesystem that
    /// writes elsewhere may compress, and a user's file may have holes: there, a block at least.
    pub(super) fn cold_bytes(&self) -> std::ops::RangeInclusive<u64> {
        match self.state {
            State::Cold if self.data.history == History::Found || file::writes_elsewhere(&self.data.file) => {
                page_size() as u64..=self.data.bytes()
            }
            State::Cold => self.cursor as u64 * page_size() as u64..=self.data.bytes(),
            State::Warm | State::Mapped => 0..=0,
        }
    }
}
