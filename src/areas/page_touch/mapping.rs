//! A file's pages reached through a shared mapping.

use std::fs::File;
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::os::SysError;
use crate::os::file::Open;
use crate::os::map::{Advice, FileMap, Kind, Populate, is_mapped};
use crate::os::{page_size, pagemap};

use super::super::prepare::{map_by_reading, not_prepared};
use super::job::{Consume, Job};
use super::{Point, State};

/// What the kernel is told when the mapping is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    None,
    Advice(Advice),
    Populate(Populate),
}

/// Bytes of a mapping that is made to be looked at.
const LOOKED_AT: u64 = 1 << 20;

/// A mapping: made and unmapped inside the clock when cold or warm; when mapped, made before the first batch and kept.
pub(super) struct Mapped<U> {
    job: Job<U>,
    hint: Hint,
    file: Option<File>,
    map: Option<FileMap>,
    /// Where the batch's mapping lay: nothing may lie there once it is unmapped.
    address: usize,
}

impl<U: Consume> Mapped<U> {
    pub(super) fn open(point: &Point, site: &Path, hint: Hint) -> Opened {
        let job = Job::<U>::open(point, site, &point.recipe())?;
        Ok(Box::new(Self { job, hint, file: None, map: None, address: 0 }))
    }

    fn map(&self) -> Result<FileMap, SysError> {
        let Some(file) = &self.file else { return Err(not_prepared()) };
        self.map_of(file, self.job.data.bytes() as usize)
    }

    #[inline(always)]
    fn map_of(&self, file: &File, bytes: usize) -> Result<FileMap, SysError> {
        let populate = if let Hint::Populate(populate) = self.hint { populate } else { Populate::OnTouch };
        let map = FileMap::new(file, bytes, Kind::SharedRead, populate)?;
        if let Hint::Advice(advice) = self.hint {
            map.advise(advice)?;
        }
        Ok(map)
    }

    /// Faults that the case's name allows.
    fn account(&self) -> Account {
        let touched = self.job.cursor as u64;
        let populated = matches!(self.hint, Hint::Populate(_));
        // Populating touches the whole file, whatever is used of it.
        let most = if populated { self.job.data.pages } else { touched };
        let (minor_faults, major_faults) = match self.job.state {
            State::Mapped => (0..=0, 0..=0),
            State::Warm => (1..=most, 0..=0),
            // Populating faults anew after each wait for a read, and that fault finds its page: none need count as major (mm/gup.c).
            State::Cold => (0..=most, u64::from(!populated)..=most),
        };
        Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() }
    }
}

impl<U: Consume> Method for Mapped<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        let kept = self.map.take();
        self.job.prepare(draw)?;
        if self.job.state != State::Mapped {
            self.file = Some(self.job.data.reopen(Open::Read)?);
            return Ok(());
        }
        let map = match kept {
            Some(map) => map,
            None => {
                self.file = Some(self.job.data.reopen(Open::Read)?);
                self.map()?
            }
        };
        map_by_reading(&map)?;
        self.map = Some(map);
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
        let Some(map) = &self.map else { return Err(not_prepared()) };
        let pages = map.span().pages();
        let mut sum = self.job.sum;
        let next = self.job.advance(ops);
        for page in pages.each(&self.job.pages[next]) {
            sum = sum.wrapping_add(U::consume(page));
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
        Ok(self.account())
    }

    /// One more mapping, of the file's beginning, looked at: what its name says of it is so, where the kernel shows it.
    fn verify(&mut self) -> Result<u64, Trouble> {
        let bytes = self.job.data.bytes().min(LOOKED_AT) as usize;
        let map = self.map_of(&self.job.data.reopen(Open::Read)?, bytes)?;
        let wrong = match self.hint {
            Hint::None => return Ok(0),
            Hint::Advice(asked) => match pagemap::advice(&map) {
                Ok(told) if told == Some(asked) => None,
                Ok(told) => Some(format!("after madvise({asked:?}) the kernel remembers {told:?}")),
                Err(_) => return Ok(0),
            },
            Hint::Populate(_) => match pagemap::present_pages(&map) {
                Ok(present) if present == (bytes / page_size()) as u64 => None,
                Ok(present) => Some(format!("{present} of {} pages in the page tables", bytes / page_size())),
                Err(_) => return Ok(0),
            },
        };
        wrong.map_or(Ok(1), |what| Err(Trouble::Failed(format!("the mapping is not what it is called: {what}"))))
    }
}
