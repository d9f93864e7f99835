//! A trace's reads, done through a mapping, made and unmapped inside of the clock unless the state is `mapped`.

use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::SysError;

use super::super::super::dataset::Dataset;
use super::super::batch_map::BatchMap;
use super::super::mapping::Hint;
use super::super::point::Point;
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
    map: BatchMap,
}

impl ByMapping {
    pub(in super::super) fn open(point: &Point, site: &Path, hint: Hint) -> Opened {
        let job = Job::open(point, site, &point.recipe())?;
        if hint.populates() {
            small_enough(&job.data)?;
        }
        hint.try_once(&job.data)?;
        let map = BatchMap::new(hint, point.state, &job.data);
        Ok(Box::new(Self { job, map }))
    }
}

impl Method for ByMapping {
    fn prepare(&mut self, _: Draw) -> Result<(), Trouble> {
        self.map.let_go();
        self.job.prepare()?;
        self.map.prepare(&self.job.data)
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        self.map.enter()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let next = self.job.advance(ops);
        let all = self.map.get()?.span();
        let mut sum = self.job.sum;
        for access in &self.job.reads()[next] {
            sum = sum.wrapping_add(every_byte(all.part(access.at as usize, access.len as usize)));
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
        let hint = self.map.hint();
        // Populating touches the whole file, whatever is used of it.
        let most = if hint.populates() { self.job.data.pages } else { self.job.pages_used() };
        let (minor_faults, major_faults) = hint.faults(self.job.state, most);
        Ok(Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        self.map.hint().verify(&self.job.data, self.job.state)
    }
}
