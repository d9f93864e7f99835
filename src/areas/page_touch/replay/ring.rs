//! A trace's reads, done by io_uring, several of them in flight.

use std::fs::File;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::file::Open;
use crate::os::read_ring::{Part, ReadRing};
use crate::os::{SysError, page_size};

use super::super::super::prepare::{not_prepared, refused};
use super::super::point::{Point, State};
use super::super::ring::no_ring;
use super::super::trace::Access;
use super::job::{Job, around, every_byte};

/// Reads into registered buffers, each as large as the longest, so many of them at a time; past the cache, of whole pages around the access.
pub(in super::super) struct Ringed {
    job: Job,
    how: Open,
    depth: u32,
    ring: ReadRing,
    file: Option<File>,
}

/// Registered memory stays in memory: no more of it is asked for.
const MOST_REGISTERED: usize = 256 << 20;

impl Ringed {
    pub(in super::super) fn open(point: &Point, site: &Path, depth: u32, how: Open) -> Opened {
        let recipe = if how == Open::ReadDirect { point.own_recipe() } else { point.recipe() };
        let job = Job::open(point, site, &recipe)?;
        let longest = job.reads().iter().map(|access| part(*access, how, 0).len as usize).max().unwrap_or(page_size());
        // Whole pages, so that each buffer is aligned as O_DIRECT asks.
        let each = longest.next_multiple_of(page_size());
        if each * depth as usize > MOST_REGISTERED {
            return Err(Trouble::Unavailable(format!(
                "{depth} registered buffers for reads of up to {longest} bytes are more than {} MiB, which would have to stay in memory",
                MOST_REGISTERED >> 20
            )));
        }
        let ring = ReadRing::new(depth, each).map_err(|error| no_ring(&error))?;
        let mut method = Self { job, how, depth, ring, file: None };
        method.try_once().map_err(|error| refused(&error))?;
        Ok(Box::new(method))
    }

    /// Reads a page: a filesystem without direct I/O says so here.
    fn try_once(&mut self) -> Result<(), SysError> {
        let file = self.job.data.reopen(self.how)?;
        let first = Part { at: 0, len: page_size() as u32, number: 0 };
        self.ring.read_parts(&file, std::iter::once(first), |_, _| {})
    }
}

/// What is asked of the kernel for an access.
#[inline(always)]
fn part(access: Access, how: Open, number: usize) -> Part {
    let (at, len) = if how == Open::ReadDirect {
        let (start, bytes) = around(access);
        (start, bytes as u32)
    } else {
        (access.at, access.len)
    };
    Part { at, len, number: number as u32 }
}

impl Method for Ringed {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.file = None;
        self.job.prepare()?;
        self.file = Some(self.job.data.reopen(self.how)?);
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let Some(file) = &self.file else { return Err(not_prepared()) };
        let (reads, how) = (self.job.reads(), self.how);
        let parts = next.map(|number| part(reads[number], how, number));
        let mut sum = self.job.sum;
        self.ring.read_parts(file, parts, |read, bytes| {
            let access = reads[read.number as usize];
            sum = sum.wrapping_add(every_byte(bytes.part((access.at - read.at) as usize, access.len as usize)));
        })?;
        self.job.sum = sum;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        let direct = self.how == Open::ReadDirect;
        if direct && self.job.state == State::Cold {
            self.job.data.prove_uncached()?;
        }
        let device_read =
            if direct { self.job.direct_bytes(|access| around(access).1 as u64) } else { self.job.cold_bytes() };
        // A kernel thread that a request is passed on to is one of this process's, and so are the faults of its start.
        Ok(Account { minor_faults: 0..=64, device_read: Some(device_read), ..self.job.quiet() })
    }

    /// Alone, a read has no others beside it: what it takes then is not what it takes at that depth.
    fn is_stamped(&self) -> bool {
        self.depth == 1
    }
}
