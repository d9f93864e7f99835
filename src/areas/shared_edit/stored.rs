//! An edit by a store through a shared mapping, and what makes it durable.

use std::marker::PhantomData;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::map::{Advice, FileMap, Kind, Populate};
use crate::os::{SysError, page_size};

use super::super::crew::{self, Shareable};
use super::super::prepare::{map_by_reading, not_prepared};

use super::job::{Job, verify_start};
use super::point::Point;
use super::sync::ByStore;

/// A store dirties the whole folio: 2 MiB at most that the cache holds of a file (MAX_PAGECACHE_ORDER with pages of 4 KiB).
const LARGEST_FOLIO: u64 = 2 << 20;

/// Stores through a shared mapping, then what the policy says.
pub(super) struct Stored<P> {
    job: Job,
    map: Option<FileMap>,
    policy: PhantomData<P>,
}

impl<P: ByStore + 'static> Stored<P> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        crew::open(
            point.threads,
            Self { job: Job::open(point, &point.recipe(), site)?, map: None, policy: PhantomData },
        )
    }
}

impl<P: ByStore> Stored<P> {
    /// Faults that the stores of a batch may take: one a page, since clean pages are write-protected; fewer where one
    /// fault opens a whole folio, or where pages stay dirty until a later commit is synced; none on a filesystem that never writes back.
    fn faults(&self) -> RangeInclusive<u64> {
        let pages = self.job.cursor as u64 * self.job.point.places * self.job.point.pages_a_place();
        let fewest = if self.job.data.in_memory {
            0
        } else if self.job.data.history.single_pages() {
            pages
        } else {
            1
        };
        fewest..=pages + pages.div_ceil(100)
    }

    /// The mapping of the file, in as many parts as the scenario says: every second one advised, so that neighbours cannot be one.
    fn map(&self) -> Result<FileMap, Trouble> {
        let bytes = self.job.data.bytes() as usize;
        let map = FileMap::new(&self.job.data.file, bytes, Kind::SharedWrite, Populate::OnTouch)?;
        let vmas = self.job.point.vmas as usize;
        let part = (bytes / vmas).next_multiple_of(page_size());
        for index in (1..vmas).step_by(2) {
            map.advise_part(index * part..((index + 1) * part).min(bytes), Advice::Random)?;
        }
        Ok(map)
    }
}

impl<P: ByStore + 'static> Shareable for Stored<P> {
    fn advance(&mut self, ops: u64) -> Range<usize> {
        self.job.advance(ops)
    }

    /// Every so manieth commit.
    fn work(&self, place: usize, threads: usize, all: Range<usize>) -> Result<(), SysError> {
        (all.start + place..all.end).step_by(threads).try_for_each(|commit| self.commit(commit))
    }
}

impl<P: ByStore + 'static> Stored<P> {
    /// Makes one commit.
    #[inline(always)]
    fn commit(&self, commit: usize) -> Result<(), SysError> {
        let Some(map) = &self.map else { return Err(not_prepared()) };
        let edits = self.job.edits_of(commit);
        for edit in edits {
            map.copy_in(edit.at as usize, self.job.bytes_of(*edit));
        }
        if !self.job.is_synced(commit) {
            return Ok(());
        }
        P::sync(map, &self.job.data.file, edits, self.job.point.edit, self.job.extents[commit].clone())
    }
}

impl<P: ByStore + 'static> Method for Stored<P> {
    /// The mapping is made for the batch and its pages are mapped by reading: other methods' batches must not find them mapped, since
    /// write-back looks for every mapping of a page (mm/rmap.c, folio_mkclean).
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.map = None;
        self.job.prepare(draw)?;
        let map = self.map()?;
        self.job.checks += map_by_reading(&map)?;
        self.map = Some(map);
        self.job.sync_times()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let mut next = self.job.advance(ops);
        if self.job.point.is_plain() {
            let Some(map) = &self.map else { return Err(not_prepared()) };
            let file = &self.job.data.file;
            for edit in &self.job.edits[next] {
                map.store(edit.at as usize, edit.byte);
                P::sync(map, file, std::slice::from_ref(edit), 1, edit.at..edit.at + 1)?;
            }
            return Ok(());
        }
        next.try_for_each(|commit| self.commit(commit))
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let faults = self.faults();
        let settled = self.job.settle(true);
        self.map = None;
        settled?;
        let folio = if self.job.data.history.single_pages() { page_size() as u64 } else { LARGEST_FOLIO };
        let syncs = if P::EACH { self.job.point.places } else { 1 };
        Ok(self.job.account(faults, folio, syncs))
    }

    fn grain(&self) -> u64 {
        self.job.point.every
    }

    fn most(&self) -> u64 {
        self.job.most()
    }

    fn is_stamped(&self) -> bool {
        true
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        verify_start(self, |method| &method.job)
    }
}
