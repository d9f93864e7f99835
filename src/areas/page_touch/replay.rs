//! A user's own accesses, replayed over a file that has room for them: each read's bytes are brought within reach and summed.

use std::fs::File;
use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::{SysError, SysResult, cache, page_size};

use super::super::dataset::Dataset;
use super::super::prepare::{map_by_reading, not_prepared, refused};
use super::mapping::Hint;
use super::point::{Point, State};
use super::trace::{Access, Trace};

/// What both sides share: the file, the accesses, the proof that all of their bytes were read.
struct Job {
    data: Dataset,
    state: State,
    reads: Vec<Access>,
    /// Pages that they lie in, each counted as often as it is read.
    pages: u64,
    cursor: usize,
    sum: u64,
    /// What the reads sum to, read once.
    expected: u64,
}

impl Job {
    fn open(point: &Point, site: &Path, own: bool) -> Result<Self, Trouble> {
        let path = point.trace.as_deref().ok_or_else(|| Trouble::Failed("there is no trace to replay".to_owned()))?;
        let trace = Trace::load(path).map_err(Trouble::Failed)?;
        if trace.reads.len() as u64 != point.touched || trace.extent() > point.bytes {
            return Err(Trouble::Failed(format!("{} has changed since the run began", path.display())));
        }
        let recipe = if own { point.own_recipe() } else { point.recipe() };
        let data = Dataset::open(&recipe, site)?;
        let mut buffer = Buffer::new(trace.longest() as usize)?;
        let mut expected = 0_u64;
        for access in &trace.reads {
            let part = access.len as usize;
            file::read_at(&data.file, &mut buffer.bytes_mut()[..part], access.at)?;
            expected = expected.wrapping_add(buffer.span().part(0, part).sum());
        }
        let page = page_size() as u64;
        let pages =
            trace.reads.iter().map(|read| (read.at + u64::from(read.len)).div_ceil(page) - read.at / page).sum();
        Ok(Self { data, state: point.state, reads: trace.reads, pages, cursor: 0, sum: 0, expected })
    }

    fn prepare(&mut self) -> Result<(), Trouble> {
        (self.cursor, self.sum) = (0, 0);
        match self.state {
            State::Cold => self.data.make_cold(),
            State::Warm | State::Mapped => self.data.make_warm(),
        }
    }

    /// The next `ops` accesses.
    #[inline(always)]
    fn advance(&mut self, ops: u64) -> std::ops::Range<usize> {
        let first = self.cursor;
        self.cursor += ops as usize;
        first..self.cursor.min(self.reads.len())
    }

    fn settle(
        &self,
        minor: std::ops::RangeInclusive<u64>,
        major: std::ops::RangeInclusive<u64>,
        most: u64,
    ) -> Result<Account, Trouble> {
        if self.cursor == self.reads.len() && self.sum != self.expected {
            let detail = format!("{:#x} summed, {:#x} expected", self.sum, self.expected);
            return Err(Trouble::unproven("the bytes read are not the file's", detail));
        }
        let device_read = if self.state == State::Cold { 0..=most } else { 0..=0 };
        Ok(Account {
            minor_faults: minor,
            major_faults: major,
            device_read: Some(device_read),
            ..Account::quiet(self.cursor as u64, self.pages, 2)
        })
    }
}

/// By `pread` into a reused buffer, through the cache or past it.
pub(super) struct ByRead {
    job: Job,
    how: Open,
    hint: Option<PosixFadviseAdvice>,
    buffer: Buffer,
    file: Option<File>,
}

impl ByRead {
    pub(super) fn open(point: &Point, site: &Path, how: Open, hint: Option<PosixFadviseAdvice>) -> Opened {
        let job = Job::open(point, site, how == Open::ReadDirect)?;
        let longest = job.reads.iter().map(|access| access.len as usize).max().unwrap_or(0);
        // Past the cache, whole pages around an access.
        let buffer = Buffer::new(longest.next_multiple_of(page_size()) + page_size())?;
        let mut method = Self { job, how, hint, buffer, file: None };
        if how == Open::ReadDirect {
            method.try_once().map_err(|error| refused(&error))?;
        }
        Ok(Box::new(method))
    }

    fn try_once(&mut self) -> SysResult<()> {
        let file = self.job.data.reopen(self.how)?;
        file::read_at(&file, &mut self.buffer.bytes_mut()[..page_size()], 0)
    }
}

impl Method for ByRead {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.job.prepare()?;
        self.file = Some(self.job.data.reopen(self.how)?);
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
        let direct = self.how == Open::ReadDirect;
        let mask = page_size() as u64 - 1;
        let next = self.job.advance(ops);
        let mut sum = self.job.sum;
        for access in &self.job.reads[next] {
            let (start, end) = (access.at, access.at + u64::from(access.len));
            let (from, to) = if direct { (start & !mask, (end + mask) & !mask) } else { (start, end) };
            file::read_at(file, &mut self.buffer.bytes_mut()[..(to - from) as usize], from)?;
            let part = self.buffer.span().part((start - from) as usize, access.len as usize);
            sum = sum.wrapping_add(part.sum());
        }
        self.job.sum = sum;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.file = None;
        let pages: u64 = self.job.reads.iter().map(|access| u64::from(access.len) + 2 * page_size() as u64).sum();
        let direct = self.how == Open::ReadDirect;
        let most = if direct { pages } else { self.job.data.bytes() };
        let account = self.job.settle(0..=0, 0..=0, most)?;
        Ok(if direct { Account { device_read: Some(0..=most), ..account } } else { account })
    }
}

/// Through a mapping, made and unmapped inside of the clock unless the state is `mapped`.
pub(super) struct ByMapping {
    job: Job,
    hint: Hint,
    file: Option<File>,
    map: Option<FileMap>,
}

impl ByMapping {
    pub(super) fn open(point: &Point, site: &Path, hint: Hint) -> Opened {
        Ok(Box::new(Self { job: Job::open(point, site, false)?, hint, file: None, map: None }))
    }

    #[inline(always)]
    fn map(&self) -> SysResult<FileMap> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        let populate = if let Hint::Populate(populate) = self.hint { populate } else { Populate::OnTouch };
        let map = FileMap::new(file, self.job.data.bytes() as usize, Kind::SharedRead, populate)?;
        if let Hint::Advice(advice) = self.hint {
            map.advise(advice)?;
        }
        Ok(map)
    }
}

impl Method for ByMapping {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.map = None;
        self.job.prepare()?;
        self.file = Some(self.job.data.reopen(Open::Read)?);
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
        let Some(map) = &self.map else { return Err(not_prepared()) };
        let all = map.span();
        let mut sum = self.job.sum;
        for access in &self.job.reads[next] {
            sum = sum.wrapping_add(all.part(access.at as usize, access.len as usize).sum());
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
        let pages = self.job.data.pages;
        let (minor, major) = match self.job.state {
            State::Mapped => (0..=0, 0..=0),
            State::Warm => (1..=pages, 0..=0),
            State::Cold => (0..=pages, 0..=pages),
        };
        self.job.settle(minor, major, self.job.data.bytes())
    }
}
