//! A trace's reads, each through a mapping if the page cache holds it, by `pread` if it does not: so that no fault is waited for.

use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::buffer::Buffer;
use crate::os::file;
use crate::os::map::{Advice, FileMap};
use crate::os::{SysError, SysResult, cache};

use super::super::batch_map::BatchMap;
use super::super::mapping::Hint;
use super::super::point::{Point, State};
use super::super::trace::Access;
use super::job::{Job, around, every_byte};

/// `mincore` of each access, then its way.
pub(in super::super) struct Mixed {
    job: Job,
    map: BatchMap,
    buffer: Buffer,
}

impl Mixed {
    pub(in super::super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, site, &point.recipe())?;
        let buffer = Buffer::new(job.longest())?;
        // What is not there is read by itself: were it read ahead, a fault would bring its neighbours.
        let map = BatchMap::new(Hint::Advice(Advice::Random), point.state, &job.data);
        Ok(Box::new(Self { job, map, buffer }))
    }
}

/// Whether the page cache holds all of an access, a MiB a call.
#[inline(always)]
fn is_there(map: &FileMap, access: Access) -> SysResult<bool> {
    const A_CALL: usize = 1 << 20;
    let (start, bytes) = around(access);
    for at in (0..bytes).step_by(A_CALL) {
        if !cache::is_resident(map, start as usize + at, (bytes - at).min(A_CALL))? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Method for Mixed {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.map.let_go();
        self.job.prepare()?;
        self.map.prepare(&self.job.data)
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        cache::advise_file(self.map.file()?, PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
        self.map.enter()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let (map, file) = (self.map.get()?, self.map.file()?);
        let all = map.span();
        let mut sum = self.job.sum;
        for access in &self.job.reads()[next] {
            let bytes = access.len as usize;
            let part = if is_there(map, *access)? {
                all.part(access.at as usize, bytes)
            } else {
                file::read_at(file, &mut self.buffer.bytes_mut()[..bytes], access.at)?;
                self.buffer.span().part(0, bytes)
            };
            sum = sum.wrapping_add(every_byte(part));
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
        let minor_faults = match self.job.state {
            State::Mapped => 0..=0,
            State::Warm => 1..=used,
            State::Cold => 0..=used,
        };
        Ok(Account { minor_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }
}
