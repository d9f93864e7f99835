//! What a task feels that shares its thread with one that reads a cold file, as tasks of an async runtime do: how long it waits for its turn.
//!
//! One thread takes turns: the reader begins or goes on with a read of a random page, then its neighbour does a little plain work. A read that blocks the
//! thread, as a fault does, is time in which the neighbour has no turn; one that is under way elsewhere is not. A file stays cold only while little of it
//! has been read, by readahead too: when a part of it is cached it is evicted, and the reader begins anew.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::{Advice, FileMap, Kind, Populate};
use crate::os::read::{self, ReadFlag};
use crate::os::read_ring::ReadRing;
use crate::os::{SysError, SysResult, cache, page_size};
use crate::results::model::Stalls;

/// What a process of its own is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The file, of which nothing is cached.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// One of [`WAYS`].
    pub way: String,
    /// Where the pages come from that are drawn: the same ones for every way.
    pub seed: u64,
}

/// A way of reading.
pub struct Way {
    /// As it stands in every table.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    watch: fn(&Order) -> SysResult<Seen>,
}

/// What is held against one another.
pub const WAYS: [Way; 5] = [
    Way { name: "pread", about: "pread of a page, which waits for it", watch: watch_one::<Waiting> },
    Way {
        name: "mmap",
        about: "a touch through a mapping with the kernel's default readahead",
        watch: watch_one::<Plain>,
    },
    Way { name: "mmap+MADV_RANDOM", about: "a touch through a mapping without readahead", watch: watch_one::<Random> },
    Way {
        name: "preadv2(RWF_NOWAIT)+readahead",
        about: "preadv2 that does not wait; readahead of a page that is not there, and another try at each turn",
        watch: watch_one::<NoWait>,
    },
    Way { name: "io_uring x1", about: "an io_uring read, asked after at each turn", watch: watch_one::<Ringed> },
];

/// How long each is watched, evictions not counted.
pub const TIME: Duration = Duration::from_secs(2);
/// Turns of plain work that count as one: about a microsecond.
const WORK: u32 = 300;
/// The part of the file, one in so many of its pages, that may be cached before it is evicted.
const COLD: u64 = 8;
/// Reads between two looks at how much that is: one of a plain mapping may bring as much as the whole readahead window.
const LOOK: u64 = 4;

/// A way of reading a page in steps.
trait Step: Sized {
    fn open(order: &Order) -> SysResult<Self>;
    /// Begins or goes on with the read of `page`; whether it is done.
    fn step(&mut self, page: u64) -> SysResult<bool>;
}

struct Waiting(std::fs::File, Buffer);
struct Plain(FileMap);
struct Random(FileMap);
struct NoWait {
    file: std::fs::File,
    buffer: Buffer,
    asked: bool,
}
struct Ringed {
    file: std::fs::File,
    ring: ReadRing,
    asked: bool,
}

fn random_file(order: &Order) -> SysResult<std::fs::File> {
    let file = file::open(&order.path, Open::Read)?;
    cache::advise_file(&file, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
    Ok(file)
}

fn map(order: &Order) -> SysResult<FileMap> {
    FileMap::new(&file::open(&order.path, Open::Read)?, order.bytes as usize, Kind::SharedRead, Populate::OnTouch)
}

fn place(page: u64) -> u64 {
    page * page_size() as u64
}

impl Step for Waiting {
    fn open(order: &Order) -> SysResult<Self> {
        Ok(Self(random_file(order)?, Buffer::new(page_size())?))
    }
    fn step(&mut self, page: u64) -> SysResult<bool> {
        file::read_at(&self.0, self.1.bytes_mut(), place(page)).map(|()| true)
    }
}

impl Step for Plain {
    fn open(order: &Order) -> SysResult<Self> {
        map(order).map(Self)
    }
    fn step(&mut self, page: u64) -> SysResult<bool> {
        std::hint::black_box(self.0.load(place(page) as usize));
        Ok(true)
    }
}

impl Step for Random {
    fn open(order: &Order) -> SysResult<Self> {
        let map = map(order)?;
        map.advise(Advice::Random)?;
        Ok(Self(map))
    }
    fn step(&mut self, page: u64) -> SysResult<bool> {
        std::hint::black_box(self.0.load(place(page) as usize));
        Ok(true)
    }
}

impl Step for NoWait {
    fn open(order: &Order) -> SysResult<Self> {
        Ok(Self { file: random_file(order)?, buffer: Buffer::new(page_size())?, asked: false })
    }
    fn step(&mut self, page: u64) -> SysResult<bool> {
        let is_there = read::read_if_there(&self.file, self.buffer.bytes_mut(), place(page), ReadFlag::NoWait)?;
        if !is_there && !self.asked {
            read::ahead(&self.file, place(page), page_size() as u64)?;
        }
        self.asked = !is_there;
        Ok(is_there)
    }
}

impl Step for Ringed {
    fn open(order: &Order) -> SysResult<Self> {
        Ok(Self { file: random_file(order)?, ring: ReadRing::new(1, page_size())?, asked: false })
    }
    fn step(&mut self, page: u64) -> SysResult<bool> {
        if !self.asked {
            self.ring.begin(&self.file, place(page))?;
            self.asked = true;
        }
        let done = self.ring.is_done(&self.file)?;
        self.asked = !done;
        Ok(done)
    }
}

/// What was seen of a way.
struct Seen {
    reads: u64,
    time: Duration,
    waits: Histogram<u64>,
}

/// Three digits, from a nanosecond to a minute: as the latencies of a study have.
fn histogram() -> SysResult<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3)
        .map_err(|_| SysError::new("make", "a histogram", nix::errno::Errno::EINVAL))
}

fn watch_one<S: Step>(order: &Order) -> SysResult<Seen> {
    let pages = order.bytes / page_size() as u64;
    let mut draw = ChaCha8Rng::seed_from_u64(order.seed);
    let mut seen = Seen { reads: 0, time: Duration::ZERO, waits: histogram()? };
    let file = file::open(&order.path, Open::ReadWrite)?;
    while seen.time < TIME {
        let mut reader = S::open(order)?;
        loop {
            seen.read_on(&mut reader, || draw.random_range(0..pages))?;
            let is_cold = cache::cached_pages(&file, order.bytes)? < pages / COLD;
            if !is_cold || seen.time >= TIME {
                break;
            }
        }
        // What is mapped is not evicted.
        drop(reader);
        cache::evict(&file)?;
    }
    Ok(seen)
}

impl Seen {
    /// A few reads, with a turn of the neighbour's after each of their steps.
    fn read_on(&mut self, reader: &mut impl Step, mut next: impl FnMut() -> u64) -> SysResult<()> {
        let begin = Instant::now();
        let (mut last, mut word) = (begin, 1_u64);
        for _ in 0..LOOK {
            let page = next();
            let mut is_done = false;
            while !is_done {
                is_done = reader.step(page)?;
                let turn = Instant::now();
                self.waits.saturating_record((turn - last).as_nanos() as u64);
                for _ in 0..WORK {
                    word = std::hint::black_box(word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
                }
                last = Instant::now();
            }
        }
        self.reads += LOOK;
        self.time += last - begin;
        Ok(())
    }
}

/// Watches the way that `order` names, in this process.
///
/// # Errors
/// In a sentence: no way is called so, or a call failed.
pub fn watch(order: &Order) -> Result<Stalls, String> {
    let way = WAYS.iter().find(|way| way.name == order.way).ok_or_else(|| format!("no way is called {}", order.way))?;
    let seen = (way.watch)(order).map_err(|error| error.to_string())?;
    Ok(Stalls {
        method: way.name.to_owned(),
        about: way.about.to_owned(),
        reason: None,
        reads_per_second: seen.reads as f64 / seen.time.as_secs_f64(),
        turns: seen.waits.len(),
        p50_ns: seen.waits.value_at_quantile(0.5),
        p99_ns: seen.waits.value_at_quantile(0.99),
        p999_ns: seen.waits.value_at_quantile(0.999),
        max_ns: seen.waits.max(),
    })
}
