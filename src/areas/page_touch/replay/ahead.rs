//! A trace's reads, of which so many are asked for before the first of them is used: several in flight without io_uring.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::Advice;
use crate::os::{SysError, cache, read};

use super::super::super::prepare::not_prepared;
use super::super::ahead::groups;
use super::super::batch_map::BatchMap;
use super::super::mapping::Hint;
use super::super::point::{Point, State};
use super::job::{Job, around, every_byte};

/// `readahead` of each of 32 accesses, then `pread` of each.
pub(in super::super) struct ReadAhead {
    job: Job,
    file: Option<File>,
    buffer: Buffer,
}

/// `madvise(MADV_WILLNEED)` of the pages of each of 32 accesses, then each through the mapping.
pub(in super::super) struct MapAhead {
    job: Job,
    map: BatchMap,
}

impl ReadAhead {
    pub(in super::super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, site, &point.recipe())?;
        let buffer = Buffer::new(job.longest())?;
        Ok(Box::new(Self { job, file: None, buffer }))
    }
}

impl MapAhead {
    pub(in super::super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, site, &point.recipe())?;
        let map = BatchMap::new(Hint::Advice(Advice::Random), point.state, &job.data);
        Ok(Box::new(Self { job, map }))
    }
}

impl Method for ReadAhead {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.job.prepare()?;
        self.file = Some(self.job.data.reopen(Open::Read)?);
        Ok(())
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        // The accesses alone: what would be read with each of them need not be used.
        cache::advise_file(file, PosixFadviseAdvice::POSIX_FADV_RANDOM)
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let Some(file) = &self.file else { return Err(not_prepared()) };
        let mut sum = self.job.sum;
        for group in groups(next) {
            for access in &self.job.reads()[group.clone()] {
                read::ahead(file, access.at, u64::from(access.len))?;
            }
            for access in &self.job.reads()[group] {
                let bytes = access.len as usize;
                file::read_at(file, &mut self.buffer.bytes_mut()[..bytes], access.at)?;
                sum = sum.wrapping_add(every_byte(self.buffer.span().part(0, bytes)));
            }
        }
        self.job.sum = sum;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        Ok(Account { device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }

    /// Alone, an access has no others that are asked for with it.
    fn is_stamped(&self) -> bool {
        false
    }
}

impl Method for MapAhead {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.map.let_go();
        self.job.prepare()?;
        self.map.prepare(&self.job.data)
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        self.map.enter()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let map = self.map.get()?;
        let all = map.span();
        let mut sum = self.job.sum;
        for group in groups(next) {
            for access in &self.job.reads()[group.clone()] {
                map.advise_part(pages_of(around(*access)), Advice::WillNeed)?;
            }
            for access in &self.job.reads()[group] {
                sum = sum.wrapping_add(every_byte(all.part(access.at as usize, access.len as usize)));
            }
        }
        self.job.sum = sum;
        Ok(())
    }

    #[inline(always)]
    fn leave(&mut self) -> Result<(), SysError> {
        self.map.leave();
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.map.settle()?;
        self.job.prove()?;
        let used = self.job.pages_used();
        let (minor_faults, major_faults) = match self.job.state {
            State::Cold => (0..=used, 0..=used),
            State::Warm | State::Mapped => (1..=used, 0..=0),
        };
        Ok(Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }

    fn is_stamped(&self) -> bool {
        false
    }
}

/// As a part of a mapping.
#[inline(always)]
fn pages_of((start, bytes): (u64, usize)) -> Range<usize> {
    start as usize..start as usize + bytes
}
