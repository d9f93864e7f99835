//! A file's pages reached through a shared mapping.

use std::fs::File;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::SysError;
use crate::os::file::Open;
use crate::os::map::{Advice, FileMap, Kind, Populate};
use crate::os::{page_size, pagemap};

use super::super::dataset::Dataset;
use super::super::prepare::refused;
use super::batch_map::BatchMap;
use super::consume::Consume;
use super::job::Job;
use super::needs::{Reach, needs};
use super::point::{Point, State};

/// What the kernel is told when the mapping is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    None,
    Advice(Advice),
    Populate(Populate),
}

impl Hint {
    /// A mapping of the first `bytes` of `file`, of which the kernel has been told so.
    #[inline(always)]
    pub(super) fn map(self, file: &File, bytes: usize) -> Result<FileMap, SysError> {
        let populate = if let Self::Populate(populate) = self { populate } else { Populate::OnTouch };
        let map = FileMap::new(file, bytes, Kind::SharedRead, populate)?;
        if let Self::Advice(advice) = self {
            map.advise(advice)?;
        }
        Ok(map)
    }

    /// Maps a part of the file as it will be: a kernel or a filesystem that does not know the advice says so here.
    pub(super) fn try_once(self, data: &Dataset) -> Result<(), Trouble> {
        let Self::Advice(Advice::Collapse | Advice::HugePage | Advice::PopulateRead) = self else { return Ok(()) };
        let bytes = data.bytes().min(HUGE) as usize;
        let outcome = data.reopen(Open::Read).and_then(|file| self.map(&file, bytes));
        outcome.map(drop).map_err(|error| refused(&error))
    }

    /// Whether the page tables of the whole file are filled when the mapping is made.
    pub(super) fn populates(self) -> bool {
        matches!(self, Self::Populate(_) | Self::Advice(Advice::PopulateRead))
    }

    /// Whether the whole file is asked for when the mapping is made.
    pub(super) fn brings(self) -> bool {
        self.populates() || self == Self::Advice(Advice::WillNeed)
    }

    /// Faults, minor and major, that a batch in that state may take which uses so many pages of a mapping made for it.
    pub(super) fn faults(self, state: State, most: u64) -> (RangeInclusive<u64>, RangeInclusive<u64>) {
        match state {
            State::Mapped => (0..=0, 0..=0),
            State::Warm => (1..=most, 0..=0),
            // Populating faults anew after each wait for a read, and that fault finds its page: none need count as major (mm/gup.c).
            // What was asked for beforehand may have come before its page is touched.
            State::Cold => (0..=most, u64::from(!self.brings())..=most),
        }
    }

    /// One more mapping, of the file's beginning, looked at: what its name says of it is so, where the kernel shows it.
    pub(super) fn verify(self, data: &Dataset, state: State) -> Result<u64, Trouble> {
        let bytes = data.bytes().min(LOOKED_AT) as usize;
        if self == Self::Advice(Advice::WillNeed) && state == State::Cold {
            let map = FileMap::new(&data.reopen(Open::Read)?, bytes, Kind::SharedRead, Populate::OnTouch)?;
            return data.prove_hint("madvise(MADV_WILLNEED)", || map.advise(Advice::WillNeed));
        }
        let map = self.map(&data.reopen(Open::Read)?, bytes)?;
        let wrong = match self {
            Self::None => return Ok(0),
            Self::Advice(Advice::PopulateRead) | Self::Populate(_) => return populated(&map, bytes),
            // What is asked once and not remembered, or remembered in ways of which a filesystem makes what it likes.
            Self::Advice(Advice::WillNeed | Advice::HugePage | Advice::Collapse) => return Ok(0),
            Self::Advice(asked) => match pagemap::advice(&map) {
                Ok(told) if told == Some(asked) => None,
                Ok(told) => Some(format!("after madvise({asked:?}) the kernel remembers {told:?}")),
                Err(_) => return Ok(0),
            },
        };
        wrong.map_or(Ok(1), |what| Err(not_as_called(&what)))
    }
}

/// Every page of a mapping that was populated is in the page tables.
fn populated(map: &FileMap, bytes: usize) -> Result<u64, Trouble> {
    match pagemap::present_pages(map) {
        Ok(present) if present == (bytes / page_size()) as u64 => Ok(1),
        Ok(present) => Err(not_as_called(&format!("{present} of {} pages in the page tables", bytes / page_size()))),
        Err(_) => Ok(0),
    }
}

/// How long a mapping lasts, where it is made inside of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// For all passes.
    Batch,
    /// For one pass: made anew for each.
    Pass,
}

/// Bytes of a huge page, on most machines (4 KiB pages, 512 of them).
const HUGE: u64 = 2 << 20;

/// Bytes of a mapping that is made to be looked at.
const LOOKED_AT: u64 = 1 << 20;

/// A mapping: made and unmapped inside the clock when cold or warm; when mapped, made before the first batch and kept.
pub(super) struct Mapped<U> {
    job: Job<U>,
    life: Life,
    map: BatchMap,
}

impl<U: Consume> Mapped<U> {
    pub(super) fn open(point: &Point, site: &Path, hint: Hint, life: Life) -> Opened {
        let alters = hint == Hint::Advice(Advice::Collapse);
        let recipe = if alters { point.own_recipe() } else { point.recipe() };
        let job = Job::<U>::open(point, site, &recipe)?;
        if hint.populates() {
            job.data.fits_in_memory()?;
            job.worth_reading_whole()?;
        }
        hint.try_once(&job.data)?;
        let map = BatchMap::new(hint, point.state, &job.data);
        Ok(Box::new(Self { job, life, map }))
    }

    /// The loop.
    #[inline(always)]
    fn use_records(&mut self, next: Range<usize>) -> Result<(), SysError> {
        let map = self.map.get()?;
        let mut sum = self.job.sum;
        for record in map.span().records(self.job.shift).each(&self.job.records[next]) {
            sum = sum.wrapping_add(self.job.using.consume(record));
        }
        self.job.sum = sum;
        Ok(())
    }

    /// Faults that the case's name allows.
    fn account(&self) -> Account {
        let mappings = match self.life {
            Life::Batch => 1,
            Life::Pass => self.job.cursor.div_ceil(self.job.a_pass()) as u64,
        };
        let hint = self.map.hint();
        // Populating touches the whole file, whatever is used of it.
        let most = mappings * if hint.populates() { self.job.data.pages } else { self.job.pages_used() };
        let (minor_faults, major_faults) = hint.faults(self.job.point.state, most);
        Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() }
    }
}

impl<U: Consume> Method for Mapped<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.map.let_go();
        self.job.prepare(draw)?;
        self.map.prepare(&self.job.data)
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        self.map.enter()
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let all = self.job.advance(ops);
        if self.life == Life::Batch {
            return self.use_records(all);
        }
        for part in self.job.by_pass(all) {
            if part.start > 0 && part.start.is_multiple_of(self.job.a_pass()) {
                self.map.again()?;
            }
            self.use_records(part)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn leave(&mut self) -> Result<(), SysError> {
        self.map.leave();
        Ok(())
    }

    fn first_pass(&self, ops: u64) -> Option<u64> {
        Some(self.job.first_pass(ops))
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, Reach::Mapping)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.map.settle()?;
        self.job.prove()?;
        Ok(self.account())
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        self.map.hint().verify(&self.job.data, self.job.point.state)
    }
}

fn not_as_called(what: &str) -> Trouble {
    Trouble::Failed(format!("the mapping is not what it is called: {what}"))
}
