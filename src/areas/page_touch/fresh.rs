//! A file's records read into memory that is new each time, as a program has them that keeps what it reads.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::access::Span;
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::{SysError, page_size};

use super::super::prepare::not_prepared;
use super::consume::Consume;
use super::job::Job;
use super::needs::{Reach, needs};
use super::point::{Point, State};

/// `pread` of a block at a time, each into memory of its own, which is let go after its records are used.
pub(super) struct Fresh<U> {
    job: Job<U>,
    block: u64,
    file: Option<File>,
}

impl<U: Consume> Fresh<U> {
    pub(super) fn open(point: &Point, site: &Path, block: u64) -> Opened {
        let job = Job::<U>::open(point, site, &point.recipe())?;
        Ok(Box::new(Self { job, block: block.max(point.record), file: None }))
    }

    fn records_a_block(&self) -> usize {
        (self.block >> self.job.shift) as usize
    }
}

/// Faults of memory that holds `bytes`, blocks of `block`: one a page, or one for many where they are huge.
fn faults_of(bytes: u64, block: u64) -> u64 {
    bytes.div_ceil(page_size() as u64) + bytes.div_ceil(block.max(1))
}

impl<U: Consume> Method for Fresh<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.file = None;
        self.job.prepare(draw)?;
        self.file = Some(self.job.data.reopen(Open::Read)?);
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        let next = self.job.advance(ops);
        let each = self.records_a_block();
        let job = &mut self.job;
        let mut sum = job.sum;
        for pass in job.by_pass(next) {
            for run in job.records[pass].chunks(each) {
                let mut buffer = Buffer::fresh(run.len() << job.shift)?;
                file::read_at(file, buffer.bytes_mut(), u64::from(run[0]) << job.shift)?;
                let read = buffer.span().records(job.shift);
                for index in 0..run.len() {
                    sum = sum.wrapping_add(job.using.arrived(read.record(index)));
                }
            }
        }
        job.sum = sum;
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, Reach::Fresh)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        let read = (self.job.cursor as u64) << self.job.shift;
        Ok(Account {
            minor_faults: 1..=faults_of(read, self.block),
            device_read: Some(self.job.cold_bytes()),
            ..self.job.quiet()
        })
    }

    fn grain(&self) -> u64 {
        (self.records_a_block() as u64).min(self.job.point.records())
    }
}

/// What `std::fs::read` does with the whole file, then its records from the vector: open, the size asked for, memory, one long read.
///
/// Not by that function itself: it would leave its time on a user's file (`O_NOATIME`).
pub(super) struct Whole<U> {
    job: Job<U>,
    bytes: Vec<u8>,
}

impl<U: Consume> Whole<U> {
    pub(super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::<U>::open(point, site, &point.recipe())?;
        Ok(Box::new(Self { job, bytes: Vec::new() }))
    }
}

impl<U: Consume> Method for Whole<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.job.prepare(draw)
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        let data = &self.job.data;
        data.reopen(Open::Read)?.read_to_end(&mut self.bytes).map_err(SysError::io("read", &data.path))?;
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let job = &mut self.job;
        let mut sum = job.sum;
        for record in Span::of(&self.bytes).records(job.shift).each(&job.records[next]) {
            sum = sum.wrapping_add(job.using.arrived(record));
        }
        job.sum = sum;
        Ok(())
    }

    #[inline(always)]
    fn leave(&mut self) -> Result<(), SysError> {
        self.bytes = Vec::new();
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, Reach::Fresh)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.job.prove()?;
        let bytes = self.job.data.bytes();
        let device_read = match self.job.point.state {
            State::Cold => self.job.cold_bytes(),
            State::Warm | State::Mapped => 0..=0,
        };
        Ok(Account {
            minor_faults: 0..=faults_of(bytes, bytes) + 8,
            device_read: Some(device_read),
            ..self.job.quiet()
        })
    }
}
