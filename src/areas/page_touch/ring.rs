//! A file's records read by io_uring, several reads in flight.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::file::Open;
use crate::os::read_ring::{Part, ReadRing};
use crate::os::{SysError, page_size};

use super::super::prepare::{not_prepared, refused};
use super::consume::Consume;
use super::job::Job;
use super::needs::{Reach, needs};
use super::point::{Point, State};
use super::reading::Block;

/// Reads into registered buffers, so many of them at a time: of a record each, or of a block of records that follow one another.
pub(super) struct Ringed<U> {
    job: Job<U>,
    how: Open,
    depth: u32,
    /// Records of a read.
    together: usize,
    ring: ReadRing,
    file: Option<File>,
}

/// What it means that a ring cannot be made. Registered memory counts against a limit that an ordinary user has (io_uring_register(2)).
pub(super) fn no_ring(error: &SysError) -> Trouble {
    match error.errno {
        Errno::ENOMEM => {
            Trouble::Unavailable(format!("refused here: {error}; RLIMIT_MEMLOCK (ulimit -l) may allow more"))
        }
        _ => refused(error),
    }
}

impl<U: Consume> Ringed<U> {
    pub(super) fn open(point: &Point, site: &Path, block: Block, depth: u32, how: Open) -> Opened {
        let recipe = if how == Open::ReadDirect { point.own_recipe() } else { point.recipe() };
        let job = Job::<U>::open(point, site, &recipe)?;
        let block = block.bytes(point).min(job.data.bytes());
        let ring = ReadRing::new(depth, block as usize).map_err(|error| no_ring(&error))?;
        let together = (block / point.record) as usize;
        let mut method = Self { job, how, depth, together, ring, file: None };
        method.try_once().map_err(|error| refused(&error))?;
        Ok(Box::new(method))
    }

    /// Reads the first record: a filesystem without direct I/O says so here.
    fn try_once(&mut self) -> Result<(), SysError> {
        let file = self.job.data.reopen(self.how)?;
        self.ring.read_each(&file, std::iter::once(0), |_| {})
    }
}

impl<U: Consume> Method for Ringed<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.file = None;
        self.job.prepare(draw)?;
        self.file = Some(self.job.data.reopen(self.how)?);
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        let next = self.job.advance(ops);
        let (shift, job) = (self.job.shift, &mut self.job);
        let mut sum = job.sum;
        for part in job.by_pass(next) {
            let (records, using) = (&job.records[part], &mut job.using);
            if self.together == 1 {
                let places = records.iter().map(|record| u64::from(*record) << shift);
                self.ring.read_each(file, places, |record| sum = sum.wrapping_add(using.arrived(record)))?;
            } else {
                let block =
                    |run: &[u32]| Part { at: u64::from(run[0]) << shift, len: (run.len() << shift) as u32, number: 0 };
                self.ring.read_parts(file, records.chunks(self.together).map(block), |_, block| {
                    let block = block.records(shift);
                    for index in 0..block.len() {
                        sum = sum.wrapping_add(using.arrived(block.record(index)));
                    }
                })?;
            }
        }
        job.sum = sum;
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(
            &self.job.point,
            Reach::Read {
                block: self.job.point.record * self.together as u64,
                depth: self.depth,
                past: self.how == Open::ReadDirect,
            },
        )
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        let direct = self.how == Open::ReadDirect;
        if direct && self.job.point.state == State::Cold {
            self.job.data.prove_uncached()?;
        }
        let read = self.job.cursor as u64 * self.job.point.record;
        let device_read =
            if direct { self.job.least_read()..=read.max(page_size() as u64) } else { self.job.cold_bytes() };
        // A kernel thread that a request is passed on to is one of this process's, and so are the faults of its start.
        Ok(Account { minor_faults: 0..=64, device_read: Some(device_read), ..self.job.quiet() })
    }

    fn grain(&self) -> u64 {
        self.together as u64
    }

    /// Alone, a read has no others beside it: what it takes then is not what it takes at that depth.
    fn is_stamped(&self) -> bool {
        self.depth == 1 && self.together == 1
    }
}
