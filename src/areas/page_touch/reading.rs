//! A file's records reached by reading them into memory of the program's own, through the page cache or past it.

use std::fs::File;
use std::marker::PhantomData;
use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::read::{self, ReadFlag};
use crate::os::{SysError, SysResult, cache, page_size};

use super::super::prepare::{not_prepared, refused};
use super::consume::Consume;
use super::job::Job;
use super::needs::{Reach, needs};
use super::point::{Point, State};

/// Of the page cache, on most machines.
pub(super) const LARGEST_FOLIO: u64 = 2 << 20;

/// By which call.
pub(super) trait Reader: 'static {
    /// What the file is opened for.
    const OPEN: Open = Open::Read;
    /// What lies in the page cache after it.
    const LEAVES: Leaves = Leaves::All;
    /// Whether a kernel or a filesystem may not know it, so that it is tried once.
    const MAY_BE_REFUSED: bool = false;
    /// Fills `buffer` from `at`.
    fn read(file: &File, buffer: &mut [u8], at: u64) -> SysResult<()>;
}

/// What of a file that was not cached lies in the page cache when a read is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// What was read, and what was read ahead.
    All,
    /// What was read ahead, and no more.
    Ahead,
    /// Nothing.
    Nothing,
}

/// `pread`.
pub(super) struct Pread;
/// `pread` through a descriptor opened with `O_DIRECT`.
pub(super) struct Direct;
/// `read` from where the descriptor stands.
pub(super) struct Next;
/// `preadv2(RWF_NOWAIT)`, and `pread` for what would have to be waited for.
pub(super) struct NoWait;
/// `preadv2(RWF_DONTCACHE)`.
pub(super) struct DontCache;

impl Reader for Pread {
    #[inline(always)]
    fn read(file: &File, buffer: &mut [u8], at: u64) -> SysResult<()> {
        file::read_at(file, buffer, at)
    }
}

impl Reader for Direct {
    const OPEN: Open = Open::ReadDirect;
    const LEAVES: Leaves = Leaves::Nothing;
    const MAY_BE_REFUSED: bool = true;
    #[inline(always)]
    fn read(file: &File, buffer: &mut [u8], at: u64) -> SysResult<()> {
        file::read_at(file, buffer, at)
    }
}

impl Reader for Next {
    #[inline(always)]
    fn read(file: &File, buffer: &mut [u8], _: u64) -> SysResult<()> {
        read::read_next(file, buffer)
    }
}

impl Reader for NoWait {
    const MAY_BE_REFUSED: bool = true;
    #[inline(always)]
    fn read(file: &File, buffer: &mut [u8], at: u64) -> SysResult<()> {
        read::read_flagged(file, buffer, at, ReadFlag::NoWait).map(drop)
    }
}

impl Reader for DontCache {
    const LEAVES: Leaves = Leaves::Ahead;
    const MAY_BE_REFUSED: bool = true;
    #[inline(always)]
    fn read(file: &File, buffer: &mut [u8], at: u64) -> SysResult<()> {
        read::read_flagged(file, buffer, at, ReadFlag::DontCache).map(drop)
    }
}

/// How much a call reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A record.
    Record,
    /// So many bytes, which serve all records in them where these follow one another; elsewhere, the block around the record.
    Bytes(u64),
}

impl Block {
    /// Bytes of a call: a record at least.
    pub(super) fn bytes(self, point: &Point) -> u64 {
        match self {
            Self::Record => point.record,
            Self::Bytes(bytes) => bytes.max(point.record),
        }
    }
}

/// Reads of a block at a time into a buffer that is used again.
pub(super) struct Read<U, R> {
    job: Job<U>,
    /// Bytes of a call.
    block: u64,
    buffer: Buffer,
    /// What the kernel is told first, inside of the clock.
    hint: Option<PosixFadviseAdvice>,
    file: Option<File>,
    reader: PhantomData<R>,
}

impl<U: Consume, R: Reader> Read<U, R> {
    pub(super) fn open(point: &Point, site: &Path, block: Block, hint: Option<PosixFadviseAdvice>) -> Opened {
        let recipe = if R::LEAVES == Leaves::All { point.recipe() } else { point.own_recipe() };
        let job = Job::<U>::open(point, site, &recipe)?;
        let block = block.bytes(point);
        let mut method =
            Self { job, block, buffer: Buffer::new(block as usize)?, hint, file: None, reader: PhantomData };
        if R::OPEN == Open::ReadDirect && method.job.data.in_memory {
            return Err(Trouble::Unavailable(
                "O_DIRECT is taken here and goes past nothing: this filesystem keeps its files in memory".to_owned(),
            ));
        }
        if R::MAY_BE_REFUSED {
            method.try_once().map_err(|error| refused(&error))?;
        }
        Ok(Box::new(method))
    }

    fn try_once(&mut self) -> SysResult<()> {
        let file = self.job.data.reopen(R::OPEN)?;
        let length = self.buffer.bytes().len().min(self.job.data.bytes() as usize);
        R::read(&file, &mut self.buffer.bytes_mut()[..length], 0)
    }

    /// Whether a call serves several records.
    fn serves_several(&self) -> bool {
        self.block > self.job.point.record && self.job.point.pattern.is_in_order()
    }

    fn account(&self) -> Account {
        let point = &self.job.point;
        let device_read = match R::OPEN {
            Open::ReadDirect => {
                let each = if self.serves_several() { point.record } else { self.block };
                // Compressed or inline data may take less of the device than of the file; never more.
                self.job.least_read()..=self.job.cursor as u64 * each
            }
            // A folio leaves the cache once a part of it was read, and is brought again for the next part (mm/filemap.c, filemap_end_dropbehind_read).
            _ if R::LEAVES == Leaves::Ahead && point.state == State::Cold => {
                *self.job.cold_bytes().start()..=self.job.cursor as u64 * self.block.max(LARGEST_FOLIO)
            }
            _ => self.job.cold_bytes(),
        };
        // A page at a time at random reads that page and no more: every batch the same.
        let steady = point.pattern.is_random() && self.block == page_size() as u64;
        Account { device_read: Some(device_read), steady, ..self.job.quiet() }
    }
}

impl<U: Consume, R: Reader> Method for Read<U, R> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.file = None;
        self.job.prepare(draw)?;
        let file = self.job.data.reopen(R::OPEN)?;
        if let Some(first) = self.job.records.first() {
            read::stand_at(&file, self.job.place(*first))?;
        }
        self.file = Some(file);
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
        let (job, buffer) = (&mut self.job, &mut self.buffer);
        let mut sum = job.sum;
        for part in job.by_pass(next) {
            let records = &job.records[part];
            let of_pass = if self.block == job.point.record {
                one_by_one::<U, R>(file, buffer, records, job.shift, &mut job.using)
            } else if job.point.pattern.is_in_order() {
                in_order::<U, R>(file, buffer, records, job.shift, &mut job.using)
            } else {
                around::<U, R>(file, buffer, records, job.shift, job.data.bytes(), &mut job.using)
            };
            sum = sum.wrapping_add(of_pass?);
        }
        job.sum = sum;
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, Reach::Read { block: self.block, depth: 1, past: R::OPEN == Open::ReadDirect })
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        self.job.prove()?;
        if R::LEAVES == Leaves::Nothing && self.job.point.state == State::Cold {
            self.job.data.prove_uncached()?;
        }
        Ok(self.account())
    }

    /// Pages that a read was to let go are gone once it is over; a hint that asks for pages brings
    /// some.
    fn verify(&mut self) -> Result<u64, Trouble> {
        if self.hint == Some(PosixFadviseAdvice::POSIX_FADV_WILLNEED) && self.job.point.state == State::Cold {
            let file = self.job.data.reopen(Open::Read)?;
            let ask = || cache::advise_file(&file, PosixFadviseAdvice::POSIX_FADV_WILLNEED);
            return self.job.data.prove_hint("posix_fadvise(POSIX_FADV_WILLNEED)", ask);
        }
        if R::LEAVES != Leaves::Ahead || self.job.point.state != State::Cold {
            return Ok(0);
        }
        self.job.data.make_cold()?;
        self.try_once()?;
        let read = (self.buffer.bytes().len() as u64).min(self.job.data.bytes());
        match cache::cached_pages(&self.job.data.file, read)? {
            0 => Ok(1),
            kept => Err(Trouble::Failed(format!("{kept} of the pages that it read are still in the page cache"))),
        }
    }

    fn grain(&self) -> u64 {
        if self.serves_several() { (self.block / self.job.point.record).min(self.job.point.records()) } else { 1 }
    }
}

/// A record a call; the buffer holds one.
#[inline(always)]
fn one_by_one<U: Consume, R: Reader>(
    file: &File,
    buffer: &mut Buffer,
    records: &[u32],
    shift: u32,
    using: &mut U,
) -> SysResult<u64> {
    let mut sum = 0_u64;
    for record in records {
        R::read(file, buffer.bytes_mut(), u64::from(*record) << shift)?;
        sum = sum.wrapping_add(using.arrived(buffer.span()));
    }
    Ok(sum)
}

/// A buffer full a call, of records that follow one another, in one pass.
#[inline(always)]
fn in_order<U: Consume, R: Reader>(
    file: &File,
    buffer: &mut Buffer,
    records: &[u32],
    shift: u32,
    using: &mut U,
) -> SysResult<u64> {
    let mut sum = 0_u64;
    for run in records.chunks(buffer.bytes().len() >> shift) {
        R::read(file, &mut buffer.bytes_mut()[..run.len() << shift], u64::from(run[0]) << shift)?;
        let read = buffer.span().records(shift);
        for index in 0..run.len() {
            sum = sum.wrapping_add(using.arrived(read.record(index)));
        }
    }
    Ok(sum)
}

/// The block around a record a call, of a file of `end` bytes.
#[inline(always)]
fn around<U: Consume, R: Reader>(
    file: &File,
    buffer: &mut Buffer,
    records: &[u32],
    shift: u32,
    end: u64,
    using: &mut U,
) -> SysResult<u64> {
    let block = buffer.bytes().len() as u64;
    let mut sum = 0_u64;
    for record in records {
        let at = u64::from(*record) << shift;
        // Blocks are powers of two: a mask, not a division.
        let start = at & !(block - 1);
        let bytes = (end - start).min(block) as usize;
        R::read(file, &mut buffer.bytes_mut()[..bytes], start)?;
        sum = sum.wrapping_add(using.arrived(buffer.span().part((at - start) as usize, 1 << shift)));
    }
    Ok(sum)
}
