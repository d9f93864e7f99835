//! A file's pages reached by `pread` into a reused buffer, through the page cache or past it.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::{SysError, page_size};

use super::super::draw::Pattern;
use super::super::prepare::not_prepared;
use super::job::{Consume, Job};
use super::{Point, State};

/// `pread` of `block` bytes at a time; in order a block serves all of its pages, at random only the one wanted.
pub(super) struct Read<U> {
    job: Job<U>,
    how: Open,
    block: usize,
    buffer: Buffer,
    file: Option<File>,
}

impl<U: Consume> Read<U> {
    pub(super) fn open(point: &Point, site: &Path, block: usize, how: Open) -> Opened {
        let recipe = if how == Open::ReadDirect { point.own_recipe() } else { point.recipe() };
        let job = Job::<U>::open(point, site, &recipe)?;
        let buffer = Buffer::new(block.max(page_size()))?;
        let mut method = Self { job, how, block: block.max(page_size()), buffer, file: None };
        if how == Open::ReadDirect {
            method.prove_direct()?;
        }
        Ok(Box::new(method))
    }

    /// A filesystem without direct I/O says so at `open` or at the first read (open(2), O_DIRECT).
    fn prove_direct(&mut self) -> Result<(), Trouble> {
        let outcome = self.job.data.reopen(Open::ReadDirect).and_then(|file| {
            let length = self.buffer.bytes().len().min(self.job.data.bytes() as usize);
            file::read_at(&file, &mut self.buffer.bytes_mut()[..length], 0)
        });
        match outcome {
            Err(error) if matches!(error.errno, Errno::EINVAL | Errno::EOPNOTSUPP) => {
                Err(Trouble::Unavailable(format!("O_DIRECT is refused here: {error}")))
            }
            outcome => outcome.map_err(Trouble::from),
        }
    }

    fn pages_a_block(&self) -> usize {
        self.block / page_size()
    }

    fn whole_blocks(&self) -> bool {
        self.job.pattern == Pattern::Sequential && self.block > page_size()
    }

    fn account(&self) -> Account {
        let quiet = self.job.quiet();
        let device_read = match self.how {
            Open::ReadDirect => {
                let per_page = if self.whole_blocks() { page_size() } else { self.block };
                let bytes = self.job.cursor as u64 * per_page as u64;
                // Compressed or inline data may take less of the device than of the file; never more.
                page_size() as u64..=bytes
            }
            _ => self.job.cold_bytes(),
        };
        // A page at a time at random reads that page and no more: every batch the same.
        let steady = self.job.pattern == Pattern::Random && self.block == page_size();
        Account { device_read: Some(device_read), steady, ..quiet }
    }
}

impl<U: Consume> Method for Read<U> {
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
        let pages = &self.job.pages[next];
        let sum = if self.whole_blocks() {
            in_order::<U>(file, &mut self.buffer, pages)
        } else if self.block == page_size() {
            page_by_page::<U>(file, &mut self.buffer, pages)
        } else {
            blocks_around::<U>(file, &mut self.buffer, pages, self.job.data.bytes())
        };
        self.job.sum = self.job.sum.wrapping_add(sum?);
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        if self.how == Open::ReadDirect && self.job.state == State::Cold {
            self.job.data.prove_uncached()?;
        }
        Ok(self.account())
    }

    fn grain(&self) -> u64 {
        if self.whole_blocks() { self.job.data.pages.min(self.pages_a_block() as u64) } else { 1 }
    }
}

/// A page a call; the buffer holds one.
#[inline(always)]
fn page_by_page<U: Consume>(file: &File, buffer: &mut Buffer, pages: &[u32]) -> Result<u64, SysError> {
    let shift = page_size().trailing_zeros();
    let mut sum = 0_u64;
    for page in pages {
        file::read_at(file, buffer.bytes_mut(), u64::from(*page) << shift)?;
        sum = sum.wrapping_add(U::consume(buffer.span()));
    }
    Ok(sum)
}

/// A buffer full a call, of pages that follow one another.
#[inline(always)]
fn in_order<U: Consume>(file: &File, buffer: &mut Buffer, pages: &[u32]) -> Result<u64, SysError> {
    let page_bytes = page_size();
    let mut sum = 0_u64;
    for run in pages.chunks(buffer.bytes().len() / page_bytes) {
        let bytes = &mut buffer.bytes_mut()[..run.len() * page_bytes];
        file::read_at(file, bytes, u64::from(run[0]) * page_bytes as u64)?;
        let read = buffer.span().pages();
        for index in 0..run.len() {
            sum = sum.wrapping_add(U::consume(read.page(index)));
        }
    }
    Ok(sum)
}

/// The block around a page a call, of a file of `end` bytes.
#[inline(always)]
fn blocks_around<U: Consume>(file: &File, buffer: &mut Buffer, pages: &[u32], end: u64) -> Result<u64, SysError> {
    let (page_bytes, block) = (page_size(), buffer.bytes().len() as u64);
    let mut sum = 0_u64;
    for page in pages {
        let at = u64::from(*page) * page_bytes as u64;
        // Blocks are powers of two: a mask, not a division.
        let start = at & !(block - 1);
        let bytes = (end - start).min(block) as usize;
        file::read_at(file, &mut buffer.bytes_mut()[..bytes], start)?;
        sum = sum.wrapping_add(U::consume(buffer.span().part((at - start) as usize, page_bytes)));
    }
    Ok(sum)
}
