//! What happens when a file is larger than the memory that may hold it: watched as time goes on, not timed in batches, since the fall comes when
//! the cache is full (Crotty, Leis, Pavlo: "Are You Sure You Want to Use MMAP in Your Database Management System?", CIDR 2022).
//!
//! Threads read the file, at random or from end to end and again, in a process of its own within a control group that limits memory. Another thread
//! of it counts, and shows by that what readers cost their neighbours: time on the processor, and interrupts that flush translations ("TLB shootdowns").

mod samples;
mod ways;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::os::memory_group::MemoryGroup;
use crate::os::{SysError, SysResult, page_size};
use crate::results::model::TimeLine;

pub use ways::{Pattern, WAYS, Way, named};

use samples::Sampler;
use ways::{Hand, Opened};

/// What a process of its own is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// In which order it is read.
    pub pattern: Pattern,
    /// One of [`WAYS`] of that pattern.
    pub way: String,
    /// Threads that read.
    pub readers: usize,
    /// How long they read.
    pub time: Duration,
    /// Where the pages come from that are drawn: the same ones for every way.
    pub seed: u64,
    /// The group whose memory is counted, where there is one that limits it.
    pub group: Option<PathBuf>,
    /// Whether the process is not in that group yet, and enters it.
    pub enters: bool,
    /// The counters of the disk that holds the file, where there is one.
    pub disk_stat: Option<PathBuf>,
}

/// What the threads share.
struct Shared {
    started: AtomicBool,
    ended: AtomicBool,
    /// Pages that each reader has read, a line of the processor's cache each.
    read: Vec<Counter>,
    /// Turns that the bystander has done.
    turns: Counter,
    /// Parts of the file that readers from end to end have taken.
    taken: Counter,
}

#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

impl Shared {
    fn new(readers: usize) -> Self {
        Self {
            started: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            read: (0..readers).map(|_| Counter::default()).collect(),
            turns: Counter::default(),
            taken: Counter::default(),
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn pages(&self) -> u64 {
        self.read.iter().map(|count| count.0.load(Ordering::Acquire)).sum()
    }
}

/// A reader: every byte of every thread comes from one open file, or through one mapping, as in a database.
fn serve(order: &Order, opened: &Opened, shared: &Shared, place: usize) -> SysResult<()> {
    match opened {
        Opened::File(file) => {
            let mut hand = Hand::new(order.pattern.at_once(order.bytes))?;
            read_on(order, shared, place, |at, len| hand.read(file, at, len))
        }
        Opened::Mapping(map) => {
            read_on(order, shared, place, |at, len| Ok(map.span().part(at as usize, len).touch_pages()))
        }
    }
}

fn read_on(
    order: &Order,
    shared: &Shared,
    place: usize,
    mut read: impl FnMut(u64, usize) -> SysResult<u64>,
) -> SysResult<()> {
    let len = order.pattern.at_once(order.bytes);
    let pages = len.div_ceil(page_size()) as u64;
    let parts = order.bytes / len as u64;
    let mut draw = ChaCha8Rng::seed_from_u64(order.seed.wrapping_add(place as u64));
    let mut next = || match order.pattern {
        Pattern::Random => draw.random_range(0..parts),
        Pattern::Sequential => shared.taken.0.fetch_add(1, Ordering::Relaxed) % parts,
    };
    let (mut sum, mut done) = (0_u64, 0);
    while !shared.started.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(1));
    }
    while !shared.has_ended() {
        sum = sum.wrapping_add(read(next() * len as u64, len)?);
        done += pages;
        shared.read[place].0.store(done, Ordering::Release);
    }
    std::hint::black_box(sum);
    Ok(())
}

/// Work that needs no memory and no file: a turn takes about a microsecond.
fn stand_by(shared: &Shared) {
    let mut word = 1_u64;
    let mut turns = 0;
    while !shared.has_ended() {
        for _ in 0..1_000 {
            word = std::hint::black_box(word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
        }
        turns += 1;
        shared.turns.0.store(turns, Ordering::Release);
    }
}

/// How long the bystander is alone, at first.
pub const ALONE: Duration = Duration::from_millis(500);
/// Until the threads are there.
const GATHER: Duration = Duration::from_millis(50);

/// Does what `order` says, in this process.
///
/// # Errors
/// In a sentence: the group cannot be entered, the file cannot be reached in this way, a read failed.
pub fn watch(order: &Order) -> Result<TimeLine, String> {
    let way = named(order.pattern, &order.way)
        .ok_or_else(|| format!("no way of reading ({}) is called {}", order.pattern.word(), order.way))?;
    if let Some(folder) = order.group.as_ref().filter(|_| order.enters) {
        MemoryGroup::enter(folder).map_err(|error| format!("entering {}: {error}", folder.display()))?;
    }
    let opened = way.open(order).map_err(|error| error.to_string())?;
    let shared = Shared::new(order.readers);
    let mut sampler = Sampler::new(order, way, &shared);
    let outcome: Result<(), SysError> = std::thread::scope(|scope| {
        let (shared, opened) = (&shared, &opened);
        let readers: Vec<_> =
            (0..order.readers).map(|place| scope.spawn(move || serve(order, opened, shared, place))).collect();
        let bystander = scope.spawn(|| stand_by(shared));
        std::thread::sleep(GATHER);
        let (begin, before) = (Instant::now(), shared.turns.0.load(Ordering::Acquire));
        std::thread::sleep(ALONE);
        let turns = shared.turns.0.load(Ordering::Acquire) - before;
        sampler.line.alone_per_second = samples::rate(turns, begin.elapsed());
        shared.started.store(true, Ordering::Release);
        sampler.run(order.time, || readers.iter().any(|reader| reader.is_finished()));
        shared.ended.store(true, Ordering::Release);
        let _ = bystander.join();
        readers.into_iter().try_for_each(|reader| reader.join().unwrap_or(Ok(())))
    });
    outcome.map_err(|error| error.to_string())?;
    Ok(sampler.line)
}

#[cfg(test)]
mod timing {
    use std::path::Path;

    use super::*;

    fn order(pattern: Pattern, way: &str, path: &Path) -> Order {
        Order {
            path: path.to_owned(),
            bytes: 1 << 20,
            pattern,
            way: way.to_owned(),
            readers: 2,
            time: Duration::from_millis(250),
            seed: 1,
            group: None,
            enters: false,
            disk_stat: None,
        }
    }

    #[test]
    fn every_way_of_reading_is_sampled_until_its_time_is_up() {
        let file = tempfile::NamedTempFile::new_in(".").unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        for way in &WAYS {
            match watch(&order(way.pattern, way.name, file.path())) {
                Ok(line) => {
                    assert_eq!((line.method.as_str(), line.pattern.as_str()), (way.name, way.pattern.word()));
                    assert!(line.at_ns.len() >= 2 && line.at_ns.is_sorted(), "{line:?}");
                    assert!(line.operations_per_second.iter().any(|rate| *rate > 0.0), "{line:?}");
                    assert_eq!((line.bystander_per_second.len(), line.readers), (line.at_ns.len(), 2));
                    assert!(line.alone_per_second > 0.0);
                }
                // A filesystem without direct I/O.
                Err(why) => assert!(way.name.starts_with("O_DIRECT"), "{}: {why}", way.name),
            }
        }
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        assert!(watch(&order(Pattern::Random, "telepathy", Path::new("/"))).unwrap_err().contains("telepathy"));
        let missing = order(Pattern::Sequential, "mmap", Path::new("/nonexistent"));
        assert!(watch(&missing).unwrap_err().contains("/nonexistent"));
    }
}
