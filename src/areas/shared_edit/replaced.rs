//! A file edited by putting another in its place: what makes a change of any size whole or not there at all.

use std::fs::File;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::file::{self, Open};
use crate::os::map::{FileMap, Kind, Msync, Populate};
use crate::os::{SysError, SysResult, page_size};

use super::super::prepare::refused;
use super::job::Job;
use super::point::Point;

/// How the new file comes to hold the new content, durably.
pub(super) trait Copying {
    /// Faults that a page of the file may take.
    const FAULTS_A_PAGE: u64 = 0;
    /// Whether every byte of the new file is written.
    const WRITES_ALL: bool = true;
    /// Fills `new`, from `old` or from `content`, which holds the edits already.
    fn fill(new: &File, old: &File, content: &[u8], changed: &[(u64, &[u8])]) -> SysResult<()>;
}

/// One write of all that the program has in memory, then `fsync`.
pub(super) struct ByWrite;
/// The same through a shared mapping, then `msync(MS_SYNC)`.
pub(super) struct ByMapping;
/// A copy that the kernel makes, a clone where the filesystem can; the edits written; `fsync`.
pub(super) struct ByKernel;

impl Copying for ByWrite {
    #[inline(always)]
    fn fill(new: &File, _: &File, content: &[u8], _: &[(u64, &[u8])]) -> SysResult<()> {
        file::write_at(new, content, 0)?;
        file::fsync(new)
    }
}

impl Copying for ByMapping {
    const FAULTS_A_PAGE: u64 = 1;
    #[inline(always)]
    fn fill(new: &File, _: &File, content: &[u8], _: &[(u64, &[u8])]) -> SysResult<()> {
        // Blocks first: a store that meets a full disk is a SIGBUS.
        file::reserve(new, content.len() as u64)?;
        let map = FileMap::new(new, content.len(), Kind::SharedWrite, Populate::OnTouch)?;
        map.copy_in(0, content);
        map.msync(0..content.len(), Msync::Sync)
    }
}

impl Copying for ByKernel {
    const WRITES_ALL: bool = false;
    #[inline(always)]
    fn fill(new: &File, old: &File, content: &[u8], changed: &[(u64, &[u8])]) -> SysResult<()> {
        file::copy_range(old, new, content.len() as u64)?;
        for (at, bytes) in changed {
            file::write_at(new, bytes, *at)?;
        }
        file::fsync(new)
    }
}

/// A new file beside the old one, filled and synced; renamed over it; the folder synced.
pub(super) struct Replaced<C> {
    job: Job,
    folder: File,
    new: PathBuf,
    /// What the file holds, as a program that edits it has it in memory.
    content: Vec<u8>,
    copying: PhantomData<C>,
}

impl<C: Copying + 'static> Replaced<C> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, &point.own_recipe(), site)?;
        let folder = file::open(site, Open::Read)?;
        let mut method =
            Self { new: job.data.path.with_extension("new"), content: Vec::new(), job, folder, copying: PhantomData };
        method.look_again()?;
        let old = method.job.data.reopen(Open::Read)?;
        method.replace(&old, &[]).map_err(|error| refused(&error))?;
        Ok(Box::new(method))
    }
}

impl<C: Copying> Replaced<C> {
    /// Takes the file that is at the path now, and what it holds.
    fn look_again(&mut self) -> Result<(), Trouble> {
        self.job.data.file = self.job.data.reopen(Open::ReadWrite)?;
        self.job.data.make_warm()?;
        self.content.resize(self.job.data.bytes() as usize, 0);
        file::read_at(&self.job.data.file, &mut self.content, 0)?;
        Ok(())
    }

    #[inline(always)]
    fn replace(&self, old: &File, changed: &[(u64, &[u8])]) -> SysResult<File> {
        let new = file::create_new(&self.new)?;
        C::fill(&new, old, &self.content, changed)?;
        std::fs::rename(&self.new, &self.job.data.path).map_err(SysError::io("rename", &self.new))?;
        file::fsync(&self.folder)?;
        Ok(new)
    }
}

impl<C: Copying> Method for Replaced<C> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.look_again()?;
        self.job.prepare(draw)
    }

    /// Files are opened inside of the clock: making and renaming them is the job.
    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        for index in next {
            let edit = self.job.edits[index];
            let at = edit.at as usize;
            let bytes = self.job.bytes_of(edit);
            self.content[at..at + bytes.len()].copy_from_slice(bytes);
            self.job.data.file = self.replace(&self.job.data.file, &[(edit.at, bytes)])?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        // By its path: what was renamed there must be what was written.
        self.job.data.file = self.job.data.reopen(Open::ReadWrite)?;
        self.job.settle(false)?;
        let mut seen = vec![0; self.content.len()];
        file::read_at(&self.job.data.file, &mut seen, 0)?;
        if seen != self.content {
            return Err(Trouble::unproven("the file is not the one that was written", "its content differs"));
        }
        self.job.checks += 1;
        let (replacements, bytes) = (self.job.cursor as u64, self.job.data.bytes());
        let pages = bytes / page_size() as u64;
        // The file and its folder are synced: two transactions each.
        let account = self.job.account(0..=replacements * pages * C::FAULTS_A_PAGE, 2 * bytes, 2);
        let least = if C::WRITES_ALL { bytes } else { 512 };
        let written = account.device_written.filter(|range| *range.end() > 0);
        Ok(Account {
            // A page of blocks that are reserved and were never written counts as read from the device, and is not (fs/iomap, fs/mpage.c).
            major_faults: 0..=replacements * pages * C::FAULTS_A_PAGE,
            device_written: Some(written.map_or(0..=0, |range| replacements * least..=*range.end())),
            // A clone has no page in the cache: the block of an edit is read before it is changed.
            device_read: Some(0..=if C::WRITES_ALL { 0 } else { replacements * bytes }),
            device_flushes: account.device_flushes / 2,
            steady: false,
            ..account
        })
    }
}
