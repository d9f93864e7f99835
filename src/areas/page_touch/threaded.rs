//! Records reached by several threads at the same time: through one mapping or one each, by one descriptor or one each.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::need::Need;
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::{Advice, FileMap, Kind, Populate};
use crate::os::{SysError, SysResult, cache};

use super::super::crew::{self, Shareable};
use super::super::prepare::{map_by_reading, not_prepared};
use super::consume::Consume;
use super::job::Job;
use super::needs::{Reach, needs};
use super::point::{Point, State};

/// By what the threads reach the file, and whether it is one for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    SharedMapping,
    OwnMapping,
    SharedDescriptor,
    OwnDescriptor,
}

impl Access {
    fn maps(self) -> bool {
        matches!(self, Self::SharedMapping | Self::OwnMapping)
    }
}

/// What a thread has.
struct Hand<U> {
    file: Option<Arc<File>>,
    map: Option<Arc<FileMap>>,
    buffer: Buffer,
    using: U,
    sum: u64,
}

/// A part of the records a thread.
pub(super) struct Threaded<U> {
    job: Job<U>,
    access: Access,
    hands: Vec<Mutex<Hand<U>>>,
}

impl<U: Consume + Send + Sync> Threaded<U> {
    pub(super) fn open(point: &Point, site: &Path, access: Access) -> Opened {
        let record = point.record as usize;
        let hand = || -> SysResult<Mutex<Hand<U>>> {
            Ok(Mutex::new(Hand { file: None, map: None, buffer: Buffer::new(record)?, using: U::new(record)?, sum: 0 }))
        };
        let hands: SysResult<Vec<_>> = (0..point.threads).map(|_| hand()).collect();
        let job = Job::<U>::open(point, site, &point.recipe())?;
        crew::open(point.threads, Self { job, access, hands: hands? })
    }

    fn reach(&self) -> Reach {
        let block = self.job.point.record;
        if self.access.maps() { Reach::Mapping } else { Reach::Read { block, depth: 1, past: false } }
    }

    fn map(&self, file: &File) -> SysResult<FileMap> {
        let map = FileMap::new(file, self.job.data.bytes() as usize, Kind::SharedRead, Populate::OnTouch)?;
        // The readahead of one would serve the others.
        map.advise(Advice::Random)?;
        Ok(map)
    }

    fn hands(&mut self) -> impl Iterator<Item = &mut Hand<U>> {
        self.hands.iter_mut().map(|hand| hand.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// A mapping for all, or for each.
    fn map_for_all(&mut self) -> Result<(), SysError> {
        let Some(file) = self.hands().next().and_then(|hand| hand.file.clone()) else { return Err(not_prepared()) };
        let shared = if self.access == Access::SharedMapping { Some(Arc::new(self.map(&file)?)) } else { None };
        for index in 0..self.hands.len() {
            let map = match &shared {
                Some(map) => Arc::clone(map),
                None => Arc::new(self.map(&file)?),
            };
            self.hands[index].get_mut().unwrap_or_else(PoisonError::into_inner).map = Some(map);
        }
        Ok(())
    }
}

impl<U: Consume + Send + Sync> Shareable for Threaded<U> {
    fn advance(&mut self, ops: u64) -> Range<usize> {
        self.job.advance(ops)
    }

    fn work(&self, place: usize, threads: usize, all: Range<usize>) -> Result<(), SysError> {
        let part = |place: usize| all.start + all.len() * place / threads;
        let records = &self.job.records[part(place)..part(place + 1)];
        let mut hand = self.hands[place].lock().unwrap_or_else(PoisonError::into_inner);
        let Hand { file, map, buffer, using, sum } = &mut *hand;
        if let Some(map) = map {
            for record in map.span().records(self.job.shift).each(records) {
                *sum = sum.wrapping_add(using.consume(record));
            }
            return Ok(());
        }
        let Some(file) = file else { return Err(not_prepared()) };
        for record in records {
            file::read_at(file, buffer.bytes_mut(), self.job.place(*record))?;
            *sum = sum.wrapping_add(using.arrived(buffer.span()));
        }
        Ok(())
    }
}

impl<U: Consume + Send + Sync> Method for Threaded<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.hands().for_each(|hand| (hand.file, hand.map, hand.sum) = (None, None, 0));
        self.job.prepare(draw)?;
        let own = self.access == Access::OwnDescriptor;
        let shared = Arc::new(self.job.data.reopen(Open::Read)?);
        for index in 0..self.hands.len() {
            let file = if own { Arc::new(self.job.data.reopen(Open::Read)?) } else { Arc::clone(&shared) };
            self.hands[index].get_mut().unwrap_or_else(PoisonError::into_inner).file = Some(file);
        }
        if self.access.maps() && self.job.point.state == State::Mapped {
            self.map_for_all()?;
            let maps: Vec<Arc<FileMap>> = self.hands().filter_map(|hand| hand.map.clone()).collect();
            for map in maps {
                map_by_reading(&map)?;
            }
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), SysError> {
        match self.job.point.state {
            State::Warm | State::Cold if self.access.maps() => self.map_for_all(),
            // As the mappings are told: what one thread's readahead brought would serve the others.
            State::Cold => self
                .hands()
                .filter_map(|hand| hand.file.as_ref())
                .try_for_each(|file| cache::advise_file(file, PosixFadviseAdvice::POSIX_FADV_RANDOM)),
            State::Warm | State::Mapped => Ok(()),
        }
    }

    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let all = self.advance(ops);
        self.work(0, 1, all)
    }

    fn leave(&mut self) -> Result<(), SysError> {
        if self.job.point.state != State::Mapped {
            self.hands().for_each(|hand| hand.map = None);
        }
        Ok(())
    }

    fn needs(&self) -> Vec<Need> {
        needs(&self.job.point, self.reach())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        self.job.sum = self.hands().fold(0, |sum, hand| sum.wrapping_add(hand.sum));
        self.hands().for_each(|hand| hand.file = None);
        self.job.prove()?;
        // Each thread may fault on what another has mapped for itself alone.
        let used = self.job.pages_used() * self.job.point.threads;
        let others = 64 * self.job.point.threads;
        let (minor_faults, major_faults) = match self.job.point.state {
            _ if !self.access.maps() => (0..=others, 0..=0),
            State::Mapped => (0..=others, 0..=0),
            State::Warm => (1..=used + others, 0..=0),
            State::Cold => (0..=used + others, 1..=used),
        };
        Ok(Account { minor_faults, major_faults, device_read: Some(self.job.cold_bytes()), ..self.job.quiet() })
    }
}
