//! A file's records, of which so many are asked for before the first of them is used: several reads in flight without io_uring.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::Advice;
use crate::os::{SysError, cache, page_size, read};

use super::super::prepare::not_prepared;
use super::batch_map::BatchMap;
use super::consume::Consume;
use super::job::Job;
use super::mapping::Hint;
use super::needs::{Reach, needs};
use super::point::{Point, State};

/// Records that are asked for together.
const TOGETHER: usize = 32;

/// `readahead` of each of 32 records, then `pread` of each.
pub(super) struct ReadAhead<U> {
    job: Job<U>,
    file: Option<File>,
    buffer: Buffer,
}

/// `madvise(MADV_WILLNEED)` of each of 32 records, then each through the mapping.
pub(super) struct MapAhead<U> {
    job: Job<U>,
    map: BatchMap,
}

/// The parts of a range that are asked for together.
pub(super) fn groups(all: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    all.clone().step_by(TOGETHER).map(move |first| first..(first + TOGETHER).min(all.end))
}

impl<U: Consume> ReadAhead<U> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::<U>::open(point, site, &point.recipe())?;
        Ok(Box::new(Self { job, file: None, buffer: Buffer::new(point.record as usize)? }))
    }
}

impl<U: Consume> MapAhead<U> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::<U>::open(point, site, &point.recipe())?;
        let map = BatchMap::new(Hint::Advice(Advice::Random), point.state, &job.data);
        Ok(Box::new(Self { job, map }))
    }
}

impl<U: Consume> Method for ReadAhead<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.job.prepare(draw)?;
        self.file = Some(self.job.data.reopen(Open::Read)?);
        Ok(())
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        // The records alone: what would be read with each of them is not used.
        cache::advise_file(file, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_RANDOM)
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let Some(file) = &self.file else { return Err(not_prepared()) };
        let job = &mut self.job;
        let mut sum = job.sum;
        for group in groups(next) {
            for record in &job.records[group.clone()] {
                read::ahead(file, u64::from(*record) << job.shift, 1 << job.shift)?;
            }
            for record in &job.records[group] {
                file::read_at(file, self.buffer.bytes_mut(), u64::from(*record) << job.shift)?;
                sum = sum.wrapping_add(job.using.arrived(self.buffer.span()));
            }
        }
        job.sum = sum;
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, Reach::Read { block: self.job.point.record, depth: TOGETHER as u32, past: false })
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        Ok(Account { device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }

    /// Alone, a record has no others that are asked for with it.
    fn is_stamped(&self) -> bool {
        false
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        if self.job.point.state != State::Cold {
            return Ok(0);
        }
        let file = self.job.data.reopen(Open::Read)?;
        self.job.data.prove_hint("readahead", || read::ahead(&file, 0, page_size() as u64))
    }
}

impl<U: Consume> Method for MapAhead<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.map.let_go();
        self.job.prepare(draw)?;
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
        let job = &mut self.job;
        let mut sum = job.sum;
        let records = map.span().records(job.shift);
        for group in groups(next) {
            for record in &job.records[group.clone()] {
                let at = ((u64::from(*record) << job.shift) as usize) & !(page_size() - 1);
                map.advise_part(at..(at + (1 << job.shift)).min(map.len()), Advice::WillNeed)?;
            }
            for record in &job.records[group] {
                sum = sum.wrapping_add(job.using.consume(records.record(*record as usize)));
            }
        }
        job.sum = sum;
        Ok(())
    }

    #[inline(always)]
    fn leave(&mut self) -> Result<(), SysError> {
        self.map.leave();
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, Reach::Ahead { depth: TOGETHER as u32 })
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.map.settle()?;
        self.job.prove()?;
        let used = self.job.pages_used();
        let (minor_faults, major_faults) = match self.job.point.state {
            State::Cold => (0..=used, 0..=used),
            State::Warm | State::Mapped => (1..=used, 0..=0),
        };
        Ok(Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }

    fn is_stamped(&self) -> bool {
        false
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        Hint::Advice(Advice::WillNeed).verify(&self.job.data, self.job.point.state)
    }
}
