//! An edit by a system call, and what makes it durable.

use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::file;
use crate::os::{SysError, page_size};

use super::super::crew::{self, Shareable};
use super::super::prepare::refused;

use super::job::{Job, verify_start};
use super::point::Point;
use super::sync::ByCall;

/// A write for each edit, then what the policy says.
pub(super) struct Written<P> {
    job: Job,
    file: File,
    policy: PhantomData<P>,
}

impl<P: ByCall + 'static> Written<P> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, &point.recipe(), site)?;
        let method = Self { file: job.data.reopen(P::OPEN)?, job, policy: PhantomData };
        method.try_once()?;
        crew::open(point.threads, method)
    }

    /// Writes the first byte as it is: a kernel or a filesystem that does not know the way says so here.
    fn try_once(&self) -> Result<(), Trouble> {
        let mut first = [0];
        file::read_at(&self.file, &mut first, 0)?;
        P::write(&self.file, &first, 0).and_then(|()| P::sync(&self.file, 0..1)).map_err(|error| refused(&error))
    }
}

impl<P: ByCall + 'static> Shareable for Written<P> {
    fn advance(&mut self, ops: u64) -> Range<usize> {
        self.job.advance(ops)
    }

    /// Every so manieth commit.
    fn work(&self, place: usize, threads: usize, all: Range<usize>) -> Result<(), SysError> {
        (all.start + place..all.end).step_by(threads).try_for_each(|commit| self.commit(commit))
    }
}

impl<P: ByCall + 'static> Written<P> {
    /// Makes one commit.
    #[inline(always)]
    fn commit(&self, commit: usize) -> Result<(), SysError> {
        for edit in self.job.edits_of(commit) {
            P::write(&self.file, self.job.bytes_of(*edit), edit.at)?;
        }
        if self.job.is_synced(commit) { P::sync(&self.file, self.job.extents[commit].clone()) } else { Ok(()) }
    }
}

impl<P: ByCall + 'static> Method for Written<P> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.job.prepare(draw)?;
        self.job.sync_times()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let mut next = self.job.advance(ops);
        if self.job.point.is_plain() {
            for edit in &self.job.edits[next] {
                P::write(&self.file, &[edit.byte], edit.at)?;
                P::sync(&self.file, edit.at..edit.at + 1)?;
            }
            return Ok(());
        }
        next.try_for_each(|commit| self.commit(commit))
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.job.settle(false)?;
        let syncs = if P::EACH { self.job.point.places } else { 1 };
        // The kernel writes the blocks that a `write` changed, whatever the folio that holds them (fs/buffer.c; fs/iomap/buffered-io.c, struct
        // iomap_folio_state).
        Ok(self.job.account(0..=0, page_size() as u64, syncs))
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
