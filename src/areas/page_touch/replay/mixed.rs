//! A trace's reads, each through a mapping if the page cache holds it, by `pread` if it does not: so that no fault is waited for.

use std::fs::File;
use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::{Advice, FileMap};
use crate::os::{SysError, SysResult, cache};

use super::super::super::prepare::{map_by_reading, not_prepared};
use super::super::mapping::Hint;
use super::super::point::{Point, State};
use super::super::trace::Access;
use super::job::{Job, around, every_byte};

/// `mincore` of each access, then its way.
pub(in super::super) struct Mixed {
    job: Job,
    file: Option<File>,
    map: Option<FileMap>,
    buffer: Buffer,
}

impl Mixed {
    pub(in super::super) fn open(point: &Point, site: &Path) -> Opened {
        let job = Job::open(point, site, &point.recipe())?;
        let buffer = Buffer::new(job.longest())?;
        Ok(Box::new(Self { job, file: None, map: None, buffer }))
    }

    /// What is not there is read by itself: were it read ahead, a fault would bring its neighbours.
    #[inline(always)]
    fn map(&self) -> Result<FileMap, SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        Hint::Advice(Advice::Random).map(file, self.job.data.bytes() as usize)
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
        self.map = None;
        self.job.prepare()?;
        let file = self.job.data.reopen(Open::Read)?;
        cache::advise_file(&file, PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
        self.file = Some(file);
        if self.job.state == State::Mapped {
            let map = self.map()?;
            map_by_reading(&map)?;
            self.map = Some(map);
        }
        Ok(())
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        if self.job.state != State::Mapped {
            self.map = Some(self.map()?);
        }
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let (Some(map), Some(file)) = (&self.map, &self.file) else { return Err(not_prepared()) };
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
        if self.job.state != State::Mapped {
            self.map = None;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
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
