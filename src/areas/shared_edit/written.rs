//! An edit by `pwrite`, and what makes it durable.

use std::fs::File;
use std::marker::PhantomData;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::file;
use crate::os::{SysError, page_size};

use super::Point;
use super::job::Job;
use super::sync::AfterWrite;

/// `pwrite`, then what the policy says.
pub(super) struct Written<P> {
    job: Job,
    file: File,
    policy: PhantomData<P>,
}

impl<P: AfterWrite + 'static> Written<P> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, site)?;
        let file = job.data.reopen(P::OPEN)?;
        Ok(Box::new(Self { job, file, policy: PhantomData }))
    }
}

impl<P: AfterWrite> Method for Written<P> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.job.prepare(draw)
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        for edit in &self.job.edits[next] {
            file::write_at(&self.file, &[edit.byte], edit.at)?;
            P::sync(&self.file)?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.job.settle(false)?;
        // The kernel writes the blocks that a `write` changed, whatever the folio that holds them (fs/buffer.c; fs/iomap/buffered-io.c, struct
        // iomap_folio_state).
        Ok(self.job.account(0..=0, page_size() as u64))
    }
}
