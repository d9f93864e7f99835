//! A trace's reads, done through a mapping, made and unmapped inside of the clock unless the state is `mapped`.

use std::fs::File;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::SysError;
use crate::os::file::Open;
use crate::os::map::{FileMap, is_mapped};

use super::super::super::dataset::Dataset;
use super::super::super::prepare::{map_by_reading, not_prepared};
use super::super::mapping::Hint;
use super::super::point::{Point, State};
use super::job::{Job, every_byte};

/// A file that is brought whole for a few reads takes a second for each GiB or so.
const WHOLE_MOST: u64 = 1 << 30;

/// Whether a file is small enough to be brought whole. What is asked for by advice is no more than one readahead has, whatever the range
/// (mm/readahead.c, force_page_cache_ra).
fn small_enough(data: &Dataset) -> Result<(), Trouble> {
    if data.bytes() <= WHOLE_MOST {
        return Ok(());
    }
    Err(Trouble::Unavailable(format!(
        "it brings the whole file into memory, whatever is read of it: {} MiB, and more than {} take too long",
        data.bytes() >> 20,
        WHOLE_MOST >> 20
    )))
}

/// Through one mapping of the whole file.
pub(in super::super) struct ByMapping {
    job: Job,
    hint: Hint,
    file: Option<File>,
    map: Option<FileMap>,
    /// Where the batch's mapping lay: nothing may lie there once it is unmapped.
    address: usize,
}

impl ByMapping {
    pub(in super::super) fn open(point: &Point, site: &Path, hint: Hint) -> Opened {
        let job = Job::open(point, site, &point.recipe())?;
        if hint.populates() {
            small_enough(&job.data)?;
        }
        hint.try_once(&job.data)?;
        Ok(Box::new(Self { job, hint, file: None, map: None, address: 0 }))
    }

    #[inline(always)]
    fn map(&self) -> Result<FileMap, SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        self.hint.map(file, self.job.data.bytes() as usize)
    }
}

impl Method for ByMapping {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        let is_mapped = self.job.state == State::Mapped;
        let kept = self.map.take().filter(|_| is_mapped);
        self.job.prepare()?;
        if let Some(map) = kept {
            map_by_reading(&map)?;
            self.map = Some(map);
            return Ok(());
        }
        self.file = Some(self.job.data.reopen(Open::Read)?);
        if is_mapped {
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
        for access in &self.job.reads()[next] {
            sum = sum.wrapping_add(every_byte(all.part(access.at as usize, access.len as usize)));
        }
        self.job.sum = sum;
        self.address = map.address();
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
        if self.job.state != State::Mapped && is_mapped(self.address) {
            return Err(Trouble::unproven("the mapping is still there", "munmap returned, and unmapped nothing"));
        }
        // Populating touches the whole file, whatever is used of it.
        let most = if self.hint.populates() { self.job.data.pages } else { self.job.pages_used() };
        let (minor_faults, major_faults) = self.hint.faults(self.job.state, most);
        Ok(Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        self.hint.verify(&self.job.data)
    }
}
