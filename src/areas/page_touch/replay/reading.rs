//! A trace's reads, done by reading: a call an access, into a reused buffer, through the page cache or past it.

use std::fs::File;
use std::marker::PhantomData;
use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::buffer::Buffer;
use crate::os::file::Open;
use crate::os::{SysError, SysResult, cache, page_size};

use super::super::super::prepare::{not_prepared, refused};
use super::super::point::{Point, State};
use super::super::reading::{LARGEST_FOLIO, Leaves, Reader};
use super::job::{Job, around, every_byte};

/// By one kind of call; past the cache, of whole pages around the access.
pub(in super::super) struct ByRead<R> {
    job: Job,
    /// What the kernel is told first, inside of the clock.
    hint: Option<PosixFadviseAdvice>,
    buffer: Buffer,
    file: Option<File>,
    reader: PhantomData<R>,
}

impl<R: Reader> ByRead<R> {
    const IS_DIRECT: bool = matches!(R::OPEN, Open::ReadDirect);

    pub(in super::super) fn open(point: &Point, site: &Path, hint: Option<PosixFadviseAdvice>) -> Opened {
        // What is cached already stays cached.
        let alters = R::LEAVES != Leaves::All && point.state == State::Cold;
        let recipe = if alters { point.own_recipe() } else { point.recipe() };
        let job = Job::open(point, site, &recipe)?;
        if Self::IS_DIRECT && job.data.in_memory {
            return Err(Trouble::Unavailable(
                "O_DIRECT is taken here and goes past nothing: this filesystem keeps its files in memory".to_owned(),
            ));
        }
        let longest = job.reads().iter().map(|access| around(*access).1).max().unwrap_or(page_size());
        let mut method = Self { job, hint, buffer: Buffer::new(longest)?, file: None, reader: PhantomData };
        if R::MAY_BE_REFUSED {
            method.try_once().map_err(|error| refused(&error))?;
        }
        Ok(Box::new(method))
    }

    fn try_once(&mut self) -> SysResult<()> {
        let file = self.job.data.reopen(R::OPEN)?;
        R::read(&file, &mut self.buffer.bytes_mut()[..page_size()], 0)
    }
}

impl<R: Reader> Method for ByRead<R> {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.file = None;
        self.job.prepare()?;
        self.file = Some(self.job.data.reopen(R::OPEN)?);
        Ok(())
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        match (self.hint, &self.file) {
            (Some(hint), Some(file)) => cache::advise_file(file, hint),
            _ => Ok(()),
        }
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        let next = self.job.advance(ops);
        let mut sum = self.job.sum;
        for access in &self.job.reads()[next] {
            let (from, bytes) = if Self::IS_DIRECT { around(*access) } else { (access.at, access.len as usize) };
            R::read(file, &mut self.buffer.bytes_mut()[..bytes], from)?;
            let part = self.buffer.span().part((access.at - from) as usize, access.len as usize);
            sum = sum.wrapping_add(every_byte(part));
        }
        self.job.sum = sum;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        if R::LEAVES == Leaves::Nothing && self.job.state == State::Cold {
            self.job.data.prove_uncached()?;
        }
        let pages = |access| around(access).1 as u64;
        let device_read = match R::LEAVES {
            Leaves::Nothing => self.job.direct_bytes(pages),
            Leaves::Ahead if self.job.state == State::Cold => {
                self.job.direct_bytes(|access| pages(access).max(LARGEST_FOLIO))
            }
            Leaves::Ahead | Leaves::All => self.job.cold_bytes(),
        };
        Ok(Account { device_read: Some(device_read), ..self.job.quiet() })
    }
}
