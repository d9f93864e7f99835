//! What happens when a file is larger than the memory that may hold it: watched second by second, not timed in batches, since the fall comes when
//! the cache is full (Crotty, Leis, Pavlo: "Are You Sure You Want to Use MMAP in Your Database Management System?", CIDR 2022).
//!
//! Threads read pages of the file at random, in a process of its own within a control group that limits memory. Another thread of it counts, and
//! shows by that what readers cost their neighbours: time on the processor, and interrupts that flush translations ("TLB shootdowns").

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::{Advice, FileMap, Kind, Populate};
use crate::os::memory_group::MemoryGroup;
use crate::os::usage::Usage;
use crate::os::{SysError, SysResult, cache, page_size};
use crate::results::model::TimeLine;

/// What a process of its own is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// One of [`WAYS`].
    pub way: String,
    /// Threads that read.
    pub readers: usize,
    /// How long they read.
    pub seconds: u64,
    /// The group to be in, where one was made.
    pub group: Option<PathBuf>,
}

/// A way of reading.
pub struct Way {
    /// As it stands in every table.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    serve: fn(&Order, &Shared, usize) -> SysResult<()>,
}

/// What is held against one another.
pub const WAYS: [Way; 4] = [
    Way { name: "pread", about: "pread of a page at a time, through the page cache", serve: serve::<Pread> },
    Way { name: "O_DIRECT", about: "pread of a page at a time, past the page cache", serve: serve::<Direct> },
    Way { name: "mmap", about: "a shared mapping with the kernel's default readahead", serve: serve::<Plain> },
    Way { name: "mmap+MADV_RANDOM", about: "a shared mapping without readahead", serve: serve::<Random> },
];

/// Reading a page.
trait Reach: Sized {
    fn open(order: &Order) -> SysResult<Self>;
    fn page(&mut self, page: u64) -> SysResult<u64>;
}

struct Pread(File, Buffer);
struct Direct(File, Buffer);
struct Plain(FileMap);
struct Random(FileMap);

impl Reach for Pread {
    fn open(order: &Order) -> SysResult<Self> {
        let file = file::open_unmarked(&order.path, Open::Read)?;
        cache::advise_file(&file, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
        Ok(Self(file, Buffer::new(page_size())?))
    }
    #[inline(always)]
    fn page(&mut self, page: u64) -> SysResult<u64> {
        file::read_at(&self.0, self.1.bytes_mut(), page * page_size() as u64)?;
        Ok(self.1.span().touch())
    }
}

impl Reach for Direct {
    fn open(order: &Order) -> SysResult<Self> {
        Ok(Self(file::open_unmarked(&order.path, Open::ReadDirect)?, Buffer::new(page_size())?))
    }
    #[inline(always)]
    fn page(&mut self, page: u64) -> SysResult<u64> {
        file::read_at(&self.0, self.1.bytes_mut(), page * page_size() as u64)?;
        Ok(self.1.span().touch())
    }
}

fn map(order: &Order) -> SysResult<FileMap> {
    let file = file::open_unmarked(&order.path, Open::Read)?;
    FileMap::new(&file, order.bytes as usize, Kind::SharedRead, Populate::OnTouch)
}

impl Reach for Plain {
    fn open(order: &Order) -> SysResult<Self> {
        map(order).map(Self)
    }
    #[inline(always)]
    fn page(&mut self, page: u64) -> SysResult<u64> {
        Ok(u64::from(self.0.load(page as usize * page_size())))
    }
}

impl Reach for Random {
    fn open(order: &Order) -> SysResult<Self> {
        let map = map(order)?;
        map.advise(Advice::Random)?;
        Ok(Self(map))
    }
    #[inline(always)]
    fn page(&mut self, page: u64) -> SysResult<u64> {
        Ok(u64::from(self.0.load(page as usize * page_size())))
    }
}

/// What the threads share.
struct Shared {
    started: AtomicBool,
    ended: AtomicBool,
    /// Pages that each reader has read, a line of the processor's cache each.
    read: Vec<Counter>,
    /// Turns that the bystander has done.
    turns: Counter,
}

#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

/// Pages between two looks at the clock's flag.
const AT_ONCE: u64 = 16;

fn serve<R: Reach>(order: &Order, shared: &Shared, place: usize) -> SysResult<()> {
    let mut reach = R::open(order)?;
    let pages = order.bytes / page_size() as u64;
    let mut draw = ChaCha8Rng::seed_from_u64(place as u64);
    let mut sum = 0_u64;
    let mut done = 0;
    while !shared.started.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(1));
    }
    while !shared.ended.load(Ordering::Acquire) {
        for _ in 0..AT_ONCE {
            sum = sum.wrapping_add(reach.page(draw.random_range(0..pages))?);
        }
        done += AT_ONCE;
        shared.read[place].0.store(done, Ordering::Release);
    }
    std::hint::black_box(sum);
    Ok(())
}

/// Work that needs no memory and no file: a turn takes about a microsecond.
fn stand_by(shared: &Shared) {
    let mut word = 1_u64;
    let mut turns = 0;
    while !shared.ended.load(Ordering::Acquire) {
        for _ in 0..1_000 {
            word = std::hint::black_box(word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
        }
        turns += 1;
        shared.turns.0.store(turns, Ordering::Release);
    }
}

/// How long the bystander is alone, at first.
const ALONE: Duration = Duration::from_secs(1);
/// Between two samples.
const STEP: Duration = Duration::from_millis(500);

/// Counters that are read at each sample; what is shown of them is how much they rose.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    operations: u64,
    turns: u64,
    usage: Usage,
    refaults: Option<u64>,
    scanned: Option<u64>,
    shootdowns: Option<u64>,
}

impl Counts {
    fn now(shared: &Shared, group: Option<&Path>) -> Self {
        let of_group = group.map(MemoryGroup::counts);
        // What a group reclaims within its limit is not counted for the machine (mm/vmscan.c, cgroup_reclaim).
        let of_machine = || of_vmstat(&["pgscan_kswapd", "pgscan_direct", "pgscan_khugepaged", "pgscan_proactive"]);
        Self {
            operations: shared.read.iter().map(|count| count.0.load(Ordering::Acquire)).sum(),
            turns: shared.turns.0.load(Ordering::Acquire),
            usage: Usage::now(),
            refaults: of_group.map_or_else(|| of_vmstat(&["workingset_refault_file"]), |seen| seen.refaults),
            scanned: of_group.map_or_else(of_machine, |seen| seen.scanned),
            shootdowns: shootdowns(),
        }
    }
}

/// The sum of counters of /proc/vmstat, the whole machine's.
fn of_vmstat(names: &[&str]) -> Option<u64> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let values = lines.filter(|(name, _)| names.contains(name)).filter_map(|(_, value)| value.parse::<u64>().ok());
    values.reduce(|a, b| a + b)
}

/// Interrupts by which one processor asked others to forget translations: the line `TLB` of /proc/interrupts, on x86.
fn shootdowns() -> Option<u64> {
    let text = fs::read_to_string("/proc/interrupts").ok()?;
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("TLB:"))?;
    Some(line.split_whitespace().map_while(|word| word.parse::<u64>().ok()).sum())
}

/// Does what `order` says, in this process.
///
/// # Errors
/// In a sentence: the group cannot be entered, the file cannot be reached in this way, a read failed.
pub fn watch(order: &Order) -> Result<TimeLine, String> {
    let way = WAYS.iter().find(|way| way.name == order.way).ok_or_else(|| format!("no way is called {}", order.way))?;
    if let Some(folder) = &order.group {
        MemoryGroup::enter(folder).map_err(|error| format!("entering {}: {error}", folder.display()))?;
    }
    let group = order.group.as_deref();
    let shared = Shared {
        started: AtomicBool::new(false),
        ended: AtomicBool::new(false),
        read: (0..order.readers).map(|_| Counter::default()).collect(),
        turns: Counter::default(),
    };
    let mut line =
        TimeLine { method: order.way.clone(), about: way.about.to_owned(), bytes: order.bytes, ..TimeLine::default() };
    let outcome: Result<(), SysError> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..order.readers)
            .map(|place| {
                scope.spawn({
                    let shared = &shared;
                    move || (way.serve)(order, shared, place)
                })
            })
            .collect();
        let bystander = scope.spawn(|| stand_by(&shared));
        std::thread::sleep(STEP / 5);
        let (begin, before) = (Instant::now(), Counts::now(&shared, group));
        std::thread::sleep(ALONE);
        line.alone_per_second = rate(Counts::now(&shared, group).turns - before.turns, begin.elapsed());
        shared.started.store(true, Ordering::Release);
        sample(&mut line, order, &shared, group, || readers.iter().any(|reader| reader.is_finished()));
        shared.ended.store(true, Ordering::Release);
        let _ = bystander.join();
        readers.into_iter().try_for_each(|reader| reader.join().unwrap_or(Ok(())))
    });
    outcome.map_err(|error| error.to_string())?;
    Ok(line)
}

/// So many a second.
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

/// Takes a sample each half second, until time is up or a reader is.
fn sample(line: &mut TimeLine, order: &Order, shared: &Shared, group: Option<&Path>, is_over: impl Fn() -> bool) {
    let begin = Instant::now();
    let (mut at, mut before) = (begin, Counts::now(shared, group));
    for step in 1..=order.seconds * 2 {
        let due = begin + STEP * step as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let (now, counts) = (Instant::now(), Counts::now(shared, group));
        let time = now - at;
        let of_two = |after: Option<u64>, before: Option<u64>| {
            after.zip(before).map(|(after, before)| rate(after.saturating_sub(before), time))
        };
        let memory = group.map(MemoryGroup::counts).unwrap_or_default();
        let faults = counts.usage.since(before.usage);
        line.at_ns.push((now - begin).as_nanos() as u64);
        line.operations_per_second.push(rate(counts.operations - before.operations, time));
        line.bystander_per_second.push(rate(counts.turns - before.turns, time));
        line.minor_faults_per_second.push(rate(faults.minor_faults, time));
        line.major_faults_per_second.push(rate(faults.major_faults, time));
        line.refaults_per_second.push(of_two(counts.refaults, before.refaults));
        line.scanned_per_second.push(of_two(counts.scanned, before.scanned));
        line.shootdowns_per_second.push(of_two(counts.shootdowns, before.shootdowns));
        line.file_bytes.push(memory.file_bytes);
        line.anon_bytes.push(memory.anon_bytes);
        (at, before) = (now, counts);
        if is_over() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(way: &str, path: &Path) -> Order {
        Order { path: path.to_owned(), bytes: 1 << 20, way: way.to_owned(), readers: 2, seconds: 1, group: None }
    }

    #[test]
    fn a_way_of_reading_is_sampled_every_half_second() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        let line = watch(&order("pread", file.path())).unwrap();
        assert_eq!(line.at_ns.len(), 2);
        assert!(line.operations_per_second.iter().all(|rate| *rate > 0.0), "{line:?}");
        assert!(line.alone_per_second > 0.0 && line.bystander_per_second.len() == 2);
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        assert!(watch(&order("telepathy", Path::new("/"))).unwrap_err().contains("telepathy"));
        let mut missing = order("mmap", Path::new("/nonexistent"));
        missing.readers = 1;
        assert!(watch(&missing).unwrap_err().contains("/nonexistent"));
    }
}
