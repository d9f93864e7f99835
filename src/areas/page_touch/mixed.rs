//! A record through a long-lived mapping if the page cache holds it, by `pread` if it does not: so that no fault is waited for.

use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::buffer::Buffer;
use crate::os::file;
use crate::os::map::Advice;
use crate::os::{SysError, cache};

use super::batch_map::BatchMap;
use super::consume::Consume;
use super::job::Job;
use super::mapping::Hint;
use super::needs::{Reach, needs};
use super::point::{Point, State};

/// `mincore` of each record, then its way.
pub(super) struct Mixed<U> {
    job: Job<U>,
    map: BatchMap,
    buffer: Buffer,
}

impl<U: Consume> Mixed<U> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::<U>::open(point, site, &point.recipe())?;
        if !cache::tells_residency(&job.data.file) {
            return Err(Trouble::Unavailable(
                "mincore calls every page of this file resident, since it is neither yours nor yours to write"
                    .to_owned(),
            ));
        }
        // What is not there is read by itself: were it read ahead, a fault would bring its neighbours.
        let map = BatchMap::new(Hint::Advice(Advice::Random), point.state, &job.data);
        Ok(Box::new(Self { job, map, buffer: Buffer::new(point.record as usize)? }))
    }
}

impl<U: Consume> Method for Mixed<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.map.let_go();
        self.job.prepare(draw)?;
        self.map.prepare(&self.job.data)
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        if self.job.point.pattern.is_random() {
            cache::advise_file(self.map.file()?, PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
        }
        self.map.enter()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let (map, file) = (self.map.get()?, self.map.file()?);
        let (length, records) = (1 << self.job.shift, map.span().records(self.job.shift));
        let mut sum = self.job.sum;
        for index in next {
            let record = self.job.records[index];
            let at = self.job.place(record);
            let value = if cache::is_resident(map, at as usize, length)? {
                self.job.using.consume(records.record(record as usize))
            } else {
                file::read_at(file, self.buffer.bytes_mut(), at)?;
                self.job.using.arrived(self.buffer.span())
            };
            sum = sum.wrapping_add(value);
        }
        self.job.sum = sum;
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
        needs(&self.job.point, Reach::Mapping)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.map.settle()?;
        self.job.prove()?;
        let used = self.job.pages_used();
        let minor_faults = match self.job.point.state {
            State::Mapped => 0..=0,
            State::Warm => 1..=used,
            State::Cold => 0..=used,
        };
        Ok(Account { minor_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }
}
