//! A file's records reached through a mapping of a part of it, which moves on: what a program does that has little address space, or wants
//! few pages of a large file to be its own.

use std::fs::File;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::SysError;
use crate::os::file::Open;
use crate::os::map::{FileMap, Kind, Populate};

use super::super::prepare::not_prepared;
use super::consume::Consume;
use super::job::Job;
use super::needs::{Reach, needs};
use super::point::{Point, State};

/// A mapping of so many bytes at a time.
pub(super) struct Window<U> {
    job: Job<U>,
    bytes: u64,
    file: Option<File>,
    /// The part that is mapped, and the number of its first record.
    map: Option<(FileMap, u32)>,
}

impl<U: Consume> Window<U> {
    pub(super) fn open(point: &Point, site: &Path, bytes: u64) -> Opened {
        let job = Job::<U>::open(point, site, &point.recipe())?;
        Ok(Box::new(Self { job, bytes: bytes.max(point.record), file: None, map: None }))
    }

    #[inline(always)]
    fn move_to(&mut self, record: u32) -> Result<(), SysError> {
        self.map = None;
        let Some(file) = &self.file else { return Err(not_prepared()) };
        // Windows are powers of two: a mask, not a division.
        let start = self.job.place(record) & !(self.bytes - 1);
        let length = (self.job.data.bytes() - start).min(self.bytes) as usize;
        let map = FileMap::part(file, start, length, Kind::SharedRead, Populate::OnTouch)?;
        self.map = Some((map, (start >> self.job.shift) as u32));
        Ok(())
    }
}

impl<U: Consume> Method for Window<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.map = None;
        self.job.prepare(draw)?;
        self.file = Some(self.job.data.reopen(Open::Read)?);
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let mut sum = self.job.sum;
        for index in self.job.advance(ops) {
            let record = self.job.records[index];
            let in_window = |(map, first): &(FileMap, u32)| {
                record >= *first && u64::from(record - first) < map.len() as u64 >> self.job.shift
            };
            if !self.map.as_ref().is_some_and(in_window) {
                self.move_to(record)?;
            }
            let Some((map, first)) = &self.map else { return Err(not_prepared()) };
            let record = map.span().records(self.job.shift).record((record - first) as usize);
            sum = sum.wrapping_add(self.job.using.consume(record));
        }
        self.job.sum = sum;
        Ok(())
    }

    #[inline(always)]
    fn leave(&mut self) -> Result<(), SysError> {
        self.map = None;
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, Reach::Mapping)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        let used = self.job.pages_used() * self.job.point.passes;
        let (minor_faults, major_faults) = match self.job.point.state {
            State::Cold => (0..=used, 1..=used),
            State::Warm | State::Mapped => (1..=used, 0..=0),
        };
        Ok(Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }
}
