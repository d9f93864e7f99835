//! An edit by a store through a shared mapping, and what makes it durable.

use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::{SysError, page_size};

use super::super::prepare::{map_by_reading, not_prepared};
use super::Point;
use super::job::Job;
use super::sync::AfterStore;

/// A store dirties the whole folio: 2 MiB at most that the cache holds of a file (MAX_PAGECACHE_ORDER with pages of 4 KiB).
const LARGEST_FOLIO: u64 = 2 << 20;

/// A store through a shared mapping, then what the policy says.
pub(super) struct Stored<P> {
    job: Job,
    map: Option<FileMap>,
    policy: PhantomData<P>,
}

impl<P: AfterStore + 'static> Stored<P> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        Ok(Box::new(Self { job: Job::open(point, site)?, map: None, policy: PhantomData }))
    }
}

impl<P> Stored<P> {
    /// Faults that the stores of a batch may take: one a page, since clean pages are write-protected; fewer where one
    /// fault opens a whole folio; none on a filesystem that never writes back.
    fn faults(&self) -> RangeInclusive<u64> {
        let edits = self.job.cursor as u64;
        let fewest = if self.job.data.in_memory {
            0
        } else if self.job.data.history.single_pages() {
            edits
        } else {
            1
        };
        fewest..=edits + edits.div_ceil(100)
    }
}

impl<P: AfterStore> Method for Stored<P> {
    /// The mapping is made for the batch and its pages are mapped by reading: other methods' batches must not find them mapped, since
    /// write-back looks for every mapping of a page (mm/rmap.c, folio_mkclean).
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.map = None;
        self.job.prepare(draw)?;
        let bytes = self.job.data.bytes() as usize;
        let map = FileMap::new(&self.job.data.file, bytes, Kind::SharedWrite, Populate::OnTouch)?;
        self.job.checks += map_by_reading(&map)?;
        self.map = Some(map);
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let Some(map) = &self.map else { return Err(not_prepared()) };
        let next = self.job.advance(ops);
        for edit in &self.job.edits[next] {
            map.store(edit.at as usize, edit.byte);
            P::sync(map, &self.job.data.file, edit.at as usize)?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let faults = self.faults();
        let settled = self.job.settle(true);
        self.map = None;
        settled?;
        let folio = if self.job.data.history.single_pages() { page_size() as u64 } else { LARGEST_FOLIO };
        Ok(self.job.account(faults, folio))
    }
}
