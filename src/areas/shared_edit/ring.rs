//! An edit by io_uring: the writes of a commit, linked to a sync of the file's data.

use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::ring::Ring;
use crate::os::{SysError, page_size};

use super::super::prepare::refused;
use super::job::Job;
use super::point::Point;

/// A chain for each commit: its writes, then an `fdatasync`, given and awaited by one call.
pub(super) struct Ringed {
    job: Job,
    ring: Ring,
}

impl Ringed {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, &point.recipe(), site)?;
        let requests = u32::try_from(point.places + 1).unwrap_or(u32::MAX);
        let ring = Ring::new(requests).map_err(|error| refused(&error))?;
        Ok(Box::new(Self { job, ring }))
    }
}

impl Method for Ringed {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.job.prepare(draw)?;
        self.job.sync_times()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        for commit in self.job.advance(ops) {
            let parts = self.job.edits_of(commit).iter().map(|edit| (self.job.bytes_of(*edit), edit.at));
            self.ring.write_then_fdatasync(&self.job.data.file, parts)?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.job.settle(false)?;
        // A kernel thread that a request is passed on to is one of this process's, and so are the faults of its start.
        Ok(self.job.account(0..=64, page_size() as u64, 1))
    }
}
