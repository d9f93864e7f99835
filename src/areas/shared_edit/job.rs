//! What both sides share: the file, the edits drawn for the batch, the proof that they were made.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use crate::engine::method::{Account, Draw, Trouble};
use crate::os::{cache, file, page_size};

use super::super::dataset::Dataset;
use super::super::draw::{self, Pattern};
use super::{Guarantee, Point};

/// One byte to change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    pub(super) at: u64,
    pub(super) byte: u8,
}

/// Where in its page an edit lies.
const WITHIN: u64 = 20;

/// The most that an edit adds to what it changes: a journal's transaction, which on a striped device xfs rounds up to a stripe (xfs(5), logbsize).
const METADATA: u64 = 256 << 10;
/// As much, where changed blocks go to a new place: the path of a tree from its leaf to its root, twice.
const METADATA_ELSEWHERE: u64 = 1 << 20;

/// What both sides share: the file, the edits drawn for the batch, the proof that they were made.
pub(super) struct Job {
    pub(super) data: Dataset,
    guarantee: Guarantee,
    pub(super) edits: Vec<Edit>,
    pages: Vec<u32>,
    pub(super) cursor: usize,
    pub(super) checks: u64,
}

impl Job {
    pub(super) fn open(point: &Point, site: &Path) -> Result<Self, Trouble> {
        let data = Dataset::open(&point.recipe(), site)?;
        Ok(Self { data, guarantee: point.guarantee, edits: Vec::new(), pages: Vec::new(), cursor: 0, checks: 0 })
    }

    /// A warm, clean file, and the batch's edits: each to a byte that is not there yet.
    pub(super) fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.data.make_warm()?;
        self.checks = 1;
        file::fdatasync(&self.data.file)?;
        self.checks += self.data.prove_clean()?;
        draw::pages(Pattern::Random, self.data.pages, draw.ops, draw.seed, &mut self.pages);
        self.edits.clear();
        self.cursor = 0;
        for page in &self.pages {
            let at = u64::from(*page) * page_size() as u64 + WITHIN;
            let mut now = [0];
            file::read_at(&self.data.file, &mut now, at)?;
            self.edits.push(Edit { at, byte: now[0].wrapping_add(1) });
        }
        Ok(())
    }

    /// Where the next `ops` edits stand.
    #[inline(always)]
    pub(super) fn advance(&mut self, ops: u64) -> Range<usize> {
        let first = self.cursor;
        self.cursor += ops as usize;
        first..self.cursor
    }

    /// Proves the guarantee as far as it can be seen without a crash, then leaves nothing dirty.
    pub(super) fn settle(&mut self, mapped: bool) -> Result<(), Trouble> {
        match self.guarantee {
            Guarantee::Durable => self.checks += self.data.prove_clean()?,
            Guarantee::Visible if mapped => self.prove_dirty()?,
            // Some filesystems write through; that the bytes are visible is proven below.
            Guarantee::Visible => {}
        }
        file::fdatasync(&self.data.file)?;
        for edit in &self.edits[..self.cursor] {
            let mut seen = [0];
            file::read_at(&self.data.file, &mut seen, edit.at)?;
            if seen[0] != edit.byte {
                let detail = format!("byte {} holds {}, not {}", edit.at, seen[0], edit.byte);
                return Err(Trouble::unproven("an edit did not reach the file", detail));
            }
        }
        self.checks += 1;
        Ok(())
    }

    /// Visible stores through a mapping are still dirty: nothing was written, and MS_ASYNC started nothing.
    fn prove_dirty(&mut self) -> Result<(), Trouble> {
        let Ok(seen) = cache::cachestat(&self.data.file, self.data.bytes()) else { return Ok(()) };
        if self.data.in_memory {
            return Ok(());
        }
        if seen.dirty < self.cursor as u64 {
            let detail = format!("{} pages dirty after {} edits", seen.dirty, self.cursor);
            return Err(Trouble::unproven("pages were written before the batch ended", detail));
        }
        self.checks += 1;
        Ok(())
    }

    /// Device bytes that edits explain. Durable ones write at least a sector each, and at most the folio that holds the byte with what
    /// the filesystem adds; the study narrows these bounds by the case's own median.
    pub(super) fn account(&self, minor_faults: RangeInclusive<u64>, most_dirtied: u64) -> Account {
        let edits = self.cursor as u64;
        let elsewhere = file::writes_elsewhere(&self.data.file);
        let durable = self.guarantee == Guarantee::Durable && !self.data.in_memory;
        let metadata = if elsewhere { METADATA_ELSEWHERE } else { METADATA };
        let written = if durable { edits * 512..=edits * (most_dirtied + metadata) } else { 0..=0 };
        Account {
            minor_faults,
            device_written: Some(written),
            device_flushes: if durable { edits } else { 0 },
            // Where writes go elsewhere each time, what they cost in metadata depends on where.
            steady: !elsewhere,
            ..Account::quiet(edits, edits, self.checks)
        }
    }
}
