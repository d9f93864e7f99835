//! An edit past the page cache: its block, which the program keeps in memory of its own, written by `O_DIRECT | O_DSYNC`.

use std::fs::File;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::{SysError, page_size};

use super::super::prepare::refused;
use super::job::Job;
use super::point::Point;

/// `pwrite` of the whole pages that hold an edit, from memory that holds them already, as an engine with a cache of its own has them.
pub(super) struct Direct {
    job: Job,
    file: File,
    /// The pages of each place of the batch, one place after the other.
    blocks: Buffer,
}

impl Direct {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, &point.uncached_recipe(), site)?;
        let file = job.data.reopen(Open::DirectDsync).map_err(|error| refused(&error))?;
        if job.data.in_memory {
            // tmpfs refused the flag with EINVAL until Linux 6.6 (mm/shmem.c, shmem_file_open).
            return Err(Trouble::Unavailable(
                "O_DIRECT is taken here and goes past nothing: this filesystem keeps its files in memory".to_owned(),
            ));
        }
        let mut method = Self { job, file, blocks: Buffer::new(Self::stride(point))? };
        method.try_once()?;
        Ok(Box::new(method))
    }

    /// Bytes of the pages of a place.
    fn stride(point: &Point) -> usize {
        point.pages_a_place() as usize * page_size()
    }

    /// Writes the first pages as they are: a filesystem without direct I/O says so at `open` or here.
    fn try_once(&mut self) -> Result<(), Trouble> {
        let first = self.blocks.bytes_mut();
        file::read_at(&self.file, first, 0)
            .and_then(|()| file::write_at(&self.file, first, 0))
            .map_err(|error| refused(&error))
    }

    fn start_of(at: u64) -> u64 {
        at - at % page_size() as u64
    }
}

impl Method for Direct {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.job.data.make_cold()?;
        self.job.checks = 1;
        self.job.draw(draw);
        let stride = Self::stride(&self.job.point);
        let bytes = self.job.edits.len() * stride;
        if self.blocks.bytes().len() < bytes {
            self.blocks = Buffer::new(bytes)?;
        }
        let within = self.job.point.within() as usize;
        for (edit, block) in self.job.edits.iter_mut().zip(self.blocks.bytes_mut().chunks_exact_mut(stride)) {
            file::read_at(&self.file, block, Self::start_of(edit.at))?;
            edit.follow(block[within]);
        }
        self.job.sync_times()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let (stride, within) = (Self::stride(&self.job.point), self.job.point.within() as usize);
        let places = self.job.point.places as usize;
        for index in next.start * places..next.end * places {
            let edit = self.job.edits[index];
            let block = &mut self.blocks.bytes_mut()[index * stride..][..stride];
            let bytes = self.job.bytes_of(edit);
            block[within..within + bytes.len()].copy_from_slice(bytes);
            file::write_at(&self.file, block, Self::start_of(edit.at))?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.job.data.prove_uncached()?;
        self.job.checks += 1;
        let (point, commits) = (self.job.point.clone(), self.job.cursor);
        let mut pages = Buffer::new(Self::stride(&point))?;
        for edit in &self.job.edits[..commits * point.places as usize] {
            file::read_at(&self.file, pages.bytes_mut(), Self::start_of(edit.at))?;
            let within = point.within() as usize;
            self.job.prove_edit(*edit, &pages.bytes()[within..within + point.edit as usize])?;
        }
        self.job.checks += 1;
        Ok(self.job.account(0..=0, page_size() as u64, point.places))
    }
}
