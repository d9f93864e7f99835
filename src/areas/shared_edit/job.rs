//! What both sides share: the file, the commits drawn for the batch, the proof that they were made.

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::method::{Account, Draw, Method, Trouble};
use crate::os::{cache, file, page_size};

use super::super::dataset::{Dataset, Recipe};
use super::super::draw::{self, Pattern};
use super::point::{Guarantee, Layout, Point};

/// A place to change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    pub(super) at: u64,
    /// What its first byte is to be; the others count up from it.
    pub(super) byte: u8,
}

impl Edit {
    /// Its first byte is to be another than what is there `now`.
    pub(super) fn follow(&mut self, now: u8) {
        self.byte = now.wrapping_add(1);
    }
}

/// The most that a sync adds to what it makes durable: a journal's transaction, which on a striped device xfs rounds up to a stripe (xfs(5), logbsize).
const METADATA: u64 = 256 << 10;
/// As much, where changed blocks go to a new place: the path of a tree from its leaf to its root, twice.
const METADATA_ELSEWHERE: u64 = 1 << 20;

/// How long the write-out of a single edit may take to start. The kernel's flusher writes by itself
/// only after many times that (vm.dirty_writeback_centisecs, vm.dirty_expire_centisecs).
const STARTED: Duration = Duration::from_secs(1);

/// Commits for which a small filesystem can reserve metadata.
const MOST_RESERVED: u64 = 32;

/// What both sides share: the file, the commits drawn for the batch, the proof that they were made.
pub(super) struct Job {
    pub(super) data: Dataset,
    pub(super) point: Point,
    /// Those of the first commit, then those of the second, …
    pub(super) edits: Vec<Edit>,
    /// From the first byte that a commit changes to its last.
    pub(super) extents: Vec<Range<u64>>,
    /// Bytes that count up: an edit's are those from its first byte's place on.
    rising: Vec<u8>,
    drawn: Vec<u32>,
    /// Commits done.
    pub(super) cursor: usize,
    pub(super) checks: u64,
    /// Dirty pages when the batch was over, where the kernel tells.
    dirty_left: Option<u64>,
}

impl Job {
    pub(super) fn open(point: &Point, recipe: &Recipe, site: &Path) -> Result<Self, Trouble> {
        Ok(Self {
            data: Dataset::open(recipe, site)?,
            point: point.clone(),
            edits: Vec::new(),
            extents: Vec::new(),
            rising: (0..256 + point.edit as usize).map(|index| index as u8).collect(),
            drawn: Vec::new(),
            cursor: 0,
            checks: 0,
            dirty_left: None,
        })
    }

    /// A warm, clean file, and the batch's commits: each place to bytes that are not there yet.
    pub(super) fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.data.make_warm()?;
        self.checks = 1;
        file::fdatasync(&self.data.file)?;
        self.checks += self.data.prove_clean()?;
        self.draw(draw);
        for edit in &mut self.edits {
            let mut now = [0];
            file::read_at(&self.data.file, &mut now, edit.at)?;
            edit.follow(now[0]);
        }
        Ok(())
    }

    /// The last step before durable commits: the file's times are of now, and on the device.
    ///
    /// The kernel changes them at the first edit of each tick of its clock (fs/inode.c,
    /// file_update_time), and the sync of that edit writes the inode too. The batch's first edit is
    /// one after a pause, the others follow at once: without this step, a share of 1/k of the
    /// commits would write an inode because of how many the batch has.
    pub(super) fn sync_times(&self) -> Result<(), Trouble> {
        if self.point.guarantee == Guarantee::Durable {
            file::set_times_to_now(&self.data.file)?;
            file::fsync(&self.data.file)?;
        }
        Ok(())
    }

    /// Where the batch's commits change what; what they write is still to be said, by [`Edit::follow`].
    pub(super) fn draw(&mut self, draw: Draw) {
        let point = self.point.clone();
        let places = point.places;
        self.edits.clear();
        self.extents.clear();
        (self.cursor, self.dirty_left) = (0, None);
        let stride = point.pages_a_place() * page_size() as u64;
        let (units, each) = match point.layout {
            Layout::Scattered => (point.places_in_file(), 1),
            Layout::Contiguous => (point.places_in_file() / places, places),
        };
        draw::records(Pattern::Random, units, draw.ops * places / each, draw.seed, &mut self.drawn);
        let places_drawn =
            self.drawn.iter().flat_map(|unit| (0..each).map(move |place| u64::from(*unit) * each + place));
        self.edits.extend(places_drawn.map(|place| Edit { at: place * stride + point.within(), byte: 0 }));
        for commit in self.edits.chunks(places as usize) {
            let first = commit.iter().map(|edit| edit.at).min().unwrap_or(0);
            let last = commit.iter().map(|edit| edit.at).max().unwrap_or(0);
            self.extents.push(first..last + point.edit);
        }
    }

    /// Which commits are the next `ops`.
    #[inline(always)]
    pub(super) fn advance(&mut self, ops: u64) -> Range<usize> {
        let first = self.cursor;
        self.cursor += ops as usize;
        first..self.cursor
    }

    /// The edits of a commit.
    #[inline(always)]
    pub(super) fn edits_of(&self, commit: usize) -> &[Edit] {
        let places = self.point.places as usize;
        &self.edits[commit * places..][..places]
    }

    /// What an edit writes.
    #[inline(always)]
    pub(super) fn bytes_of(&self, edit: Edit) -> &[u8] {
        &self.rising[usize::from(edit.byte)..][..self.point.edit as usize]
    }

    /// Whether this commit is one that is synced.
    #[inline(always)]
    pub(super) fn is_synced(&self, commit: usize) -> bool {
        self.point.every == 1 || (commit as u64 + 1).is_multiple_of(self.point.every)
    }

    /// The edits made.
    fn made(&self) -> &[Edit] {
        &self.edits[..self.cursor * self.point.places as usize]
    }

    /// Pages that were edited.
    fn pages_edited(&self) -> u64 {
        self.made().len() as u64 * self.point.pages_a_place()
    }

    /// Proves the guarantee as far as it can be seen without a crash, then leaves nothing dirty.
    pub(super) fn settle(&mut self, mapped: bool) -> Result<(), Trouble> {
        self.dirty_left = self.look_at_dirty();
        match self.point.guarantee {
            Guarantee::Durable | Guarantee::Written | Guarantee::Atomic => self.checks += self.data.prove_clean()?,
            Guarantee::Started => self.prove_started()?,
            Guarantee::Visible if mapped => self.prove_dirty()?,
            // Some filesystems write through; that the bytes are visible is proven below.
            Guarantee::Visible => {}
        }
        file::fdatasync(&self.data.file)?;
        let mut seen = vec![0; self.point.edit as usize];
        for edit in self.made() {
            file::read_at(&self.data.file, &mut seen, edit.at)?;
            self.prove_edit(*edit, &seen)?;
        }
        self.checks += 1;
        Ok(())
    }

    /// That the file holds what an edit wrote.
    pub(super) fn prove_edit(&self, edit: Edit, seen: &[u8]) -> Result<(), Trouble> {
        let wanted = self.bytes_of(edit);
        match seen.iter().zip(wanted).position(|(seen, wanted)| seen != wanted) {
            None => Ok(()),
            Some(index) => {
                let (at, seen, wanted) = (edit.at + index as u64, seen[index], wanted[index]);
                let detail = format!("byte {at} holds {seen}, not {wanted}");
                Err(Trouble::unproven("an edit did not reach the file", detail))
            }
        }
    }

    fn look_at_dirty(&self) -> Option<u64> {
        if self.data.in_memory {
            return None;
        }
        cache::cachestat(&self.data.file, self.data.bytes()).ok().map(|seen| seen.dirty)
    }

    /// Visible stores through a mapping are still dirty: nothing was written, and MS_ASYNC started nothing.
    fn prove_dirty(&mut self) -> Result<(), Trouble> {
        let Some(dirty) = self.dirty_left else { return Ok(()) };
        if dirty < self.pages_edited() {
            let detail = format!("{dirty} pages dirty after {} were edited", self.pages_edited());
            return Err(Trouble::unproven("pages were written before the batch ended", detail));
        }
        self.checks += 1;
        Ok(())
    }

    /// No page waits for its write-out to start. Of a large folio that is being written no second write-out is started (mm/page-writeback.c,
    /// writeback_iter, WB_SYNC_NONE), so that it can be seen of single pages alone.
    fn prove_started(&mut self) -> Result<(), Trouble> {
        let Some(dirty) = self.dirty_left.filter(|_| self.data.history.single_pages()) else { return Ok(()) };
        if dirty > 0 {
            let detail = format!("{dirty} pages still dirty after {} were edited", self.pages_edited());
            return Err(Trouble::unproven("write-out was not started", detail));
        }
        self.checks += 1;
        Ok(())
    }

    /// Whether [`Job::prove_started`] can see nothing of batches of many commits, so that a commit
    /// alone has to show it.
    fn starts_unseen(&self) -> bool {
        self.point.guarantee == Guarantee::Started && !self.data.in_memory && !self.data.history.single_pages()
    }

    /// That the write-out of a commit alone was started: its pages are no longer dirty, or soon.
    fn prove_started_alone(&self) -> Result<u64, Trouble> {
        if self.look_at_dirty().is_none() {
            return Ok(0);
        }
        let deadline = Instant::now() + STARTED;
        while let Some(dirty) = self.look_at_dirty().filter(|dirty| *dirty > 0) {
            if Instant::now() >= deadline {
                let limit = STARTED.as_secs();
                let text =
                    format!("write-out was not started: {dirty} pages still dirty {limit} s after a single edit");
                return Err(Trouble::Failed(text));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(1)
    }

    /// Commits that a batch may have. Where writes go to a new place, metadata is reserved for each page that is dirty, and short of it the
    /// filesystem starts write-out by itself and lets writers wait (fs/btrfs/space-info.c, need_preemptive_reclaim): on a small one
    /// after some hundred pages, which would be measured in place of the edits.
    pub(super) fn most(&self) -> u64 {
        let unsynced = matches!(self.point.guarantee, Guarantee::Visible | Guarantee::Started);
        if unsynced && file::writes_elsewhere(&self.data.file) { MOST_RESERVED } else { u64::MAX }
    }

    /// Device bytes that the commits explain, where each of them is synced `syncs` times and a page that is edited makes at most `dirtied` bytes
    /// dirty. Those that reach the device write at least a sector a place; the study narrows these bounds by the case's own median.
    pub(super) fn account(&self, minor_faults: RangeInclusive<u64>, dirtied: u64, syncs: u64) -> Account {
        let (commits, point) = (self.cursor as u64, &self.point);
        let synced = commits / point.every * syncs;
        let elsewhere = file::writes_elsewhere(&self.data.file);
        let metadata = if elsewhere { METADATA_ELSEWHERE } else { METADATA };
        let guarantee = point.guarantee;
        // Each sync writes what is dirty: at most the whole file.
        let most =
            (self.pages_edited() * dirtied).min(synced.max(1) * self.data.bytes()) + synced.max(commits) * metadata;
        let written = match guarantee {
            _ if self.data.in_memory => 0..=0,
            Guarantee::Visible => 0..=0,
            Guarantee::Started => 0..=most,
            Guarantee::Written | Guarantee::Durable | Guarantee::Atomic => self.made().len() as u64 * 512..=most,
        };
        let flushes = if guarantee.flushes() && !self.data.in_memory { synced.div_ceil(point.threads) } else { 0 };
        Account {
            minor_faults,
            device_written: Some(written),
            device_flushes: flushes,
            // Where writes go elsewhere each time, or to blocks that are new, what they cost in metadata depends on where; what was only
            // started may end after the batch.
            steady: !elsewhere && guarantee != Guarantee::Started && !self.data.history.is_used_up(),
            dirty_left: self.dirty_left,
            ..Account::quiet(commits, self.pages_edited(), self.checks)
        }
    }
}

/// Proves by a commit alone what [`Job::prove_started`] cannot see of many: for [`Method::verify`].
pub(super) fn verify_start<M: Method>(method: &mut M, job: fn(&M) -> &Job) -> Result<u64, Trouble> {
    if !job(method).starts_unseen() {
        return Ok(0);
    }
    method.prepare(Draw { ops: 1, seed: 1 })?;
    method.run(1)?;
    let proven = job(method).prove_started_alone();
    method.settle()?;
    proven
}
