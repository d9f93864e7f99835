//! `--sweep memory`: which files are watched under a limit of memory, in which ways and order, and how long does that take?

use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::reader::{self, Kind};
use super::site_worker::SiteWorker;
use crate::areas::Options;
use crate::areas::dataset::{History, Recipe};
use crate::areas::page_touch::beyond::{ALONE, Order, Pattern, WAYS, Way};
use crate::engine::interrupt::Interrupt;
use crate::os::memory_group::MemoryGroup;
use crate::os::process;
use crate::results::model::{BeyondMemory, TimeLine};
use crate::site::Site;

/// The limit of a group that is made.
const LIMIT: u64 = 128 << 20;
/// A limit that this process is under already is used as it is, if it is no larger than this: files are several times as large.
const LARGEST_FOUND: u64 = 4 << 30;
/// Beyond this the largest file is [`FEWER`] times the limit, since it must be made and read.
const LARGE: u64 = 1 << 30;
const FEWER: f64 = 4.0;
/// Sizes of the file, as a part of the limit; the first stands for [`SMALLEST`].
const PARTS: [f64; 5] = [0.0, 0.5, 1.0, 2.0, MOST];
/// The least and the most that a file is larger than the limit where one size is wanted.
const LEAST: f64 = 1.25;
const MOST: f64 = 8.0;
/// The smallest file.
const SMALLEST: u64 = 64 << 10;
/// How long a file is read that memory can hold, and one that it cannot.
const WITHIN: Duration = Duration::from_millis(1_500);
const BEYOND: Duration = Duration::from_secs(3);
/// How long the largest file is read.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes a second by which a cache fills, at the least: what a larger limit takes longer.
const FILLS: u64 = 128 << 20;
/// Bytes a second by which a file comes page by page, at the least.
const PAGE_BY_PAGE: u64 = 16 << 20;
/// What a watch takes beside: the bystander alone, a process's start and end, an eviction.
const BESIDE: Duration = Duration::from_millis(200);
/// Bytes a second by which a file is made, at the least.
const MADE: u64 = 256 << 20;

/// Threads a processor that read at random. They wait for the device most of their time: more of them keep it busy, as a database's many
/// clients do, and say nothing of scaling.
const READERS: usize = 8;

/// The reason of what a user stopped.
pub const INTERRUPTED: &str = "interrupted";

/// A file that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watched {
    bytes: u64,
    time: Duration,
    /// How often each way is watched: in an order that is drawn, and back.
    times: u32,
}

impl Watched {
    /// How long `way` reads it: one that memory can hold is to be all there in the second half.
    fn time_of(&self, way: &Way) -> Duration {
        let is_held = self.times == 1;
        let loads = if is_held && way.is_page_by_page() { self.bytes as f64 / PAGE_BY_PAGE as f64 } else { 0.0 };
        self.time + Duration::from_secs_f64(loads)
    }
}

/// What of it is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    /// One file, of so many times the limit; all sizes where nothing is said.
    times: Option<f64>,
    /// One order of reading; both where nothing is said.
    pattern: Option<Pattern>,
}

impl Wanted {
    /// What advice on a file that is larger than memory needs, if it is that; else all.
    pub fn of(options: &Options) -> Self {
        let Some((reading, times)) =
            options.reading.as_ref().and_then(|reading| Some((reading, reading.times_memory()?)))
        else {
            return Self::default();
        };
        let pattern = if reading.pattern == Pattern::Sequential.word() { Pattern::Sequential } else { Pattern::Random };
        // Of one that is hardly larger, or many times as large, the next that can be told from memory, or made.
        Self { times: Some(times.clamp(LEAST, MOST)), pattern: Some(pattern) }
    }

    fn ways(self) -> impl Iterator<Item = &'static Way> {
        WAYS.iter().filter(move |way| self.pattern.is_none_or(|pattern| way.pattern == pattern))
    }
}

/// The files under `limit`, smallest first, in whole MiB but for the smallest.
fn files(limit: u64, wanted: Wanted) -> Vec<Watched> {
    let longer = Duration::from_secs_f64(limit.saturating_sub(LIMIT) as f64 / FILLS as f64);
    let of = |part: f64| {
        let part = if limit > LARGE { part.min(FEWER) } else { part };
        let bytes = ((limit as f64 * part) as u64 >> 20 << 20).max(SMALLEST);
        let is_beyond = bytes > limit;
        let time = match part {
            part if part >= FEWER => LONGEST + longer,
            _ if is_beyond => BEYOND + longer,
            _ => WITHIN,
        };
        Watched { bytes, time, times: if is_beyond { 2 } else { 1 } }
    };
    wanted.times.map_or_else(|| PARTS.to_vec(), |times| vec![times]).into_iter().map(of).collect()
}

/// The limit that there will be, in bytes: of a group that can be made, else the one that this process is under.
pub fn limit() -> Option<u64> {
    ground().ok().map(|ground| ground.limit)
}

/// About how long all of it takes under `limit`; nothing without one.
pub fn longest(limit: Option<u64>, wanted: Wanted) -> Duration {
    let of = |file: Watched| {
        let once: Duration = wanted.ways().map(|way| file.time_of(way) + ALONE + BESIDE).sum();
        once * file.times + Duration::from_secs_f64(file.bytes as f64 / MADE as f64)
    };
    files(limit.unwrap_or(0), wanted).into_iter().filter(|_| limit.is_some()).map(of).sum()
}

/// Space that the largest file takes.
pub fn space(limit: Option<u64>, wanted: Wanted) -> u64 {
    limit.map_or(0, |limit| files(limit, wanted).iter().map(|file| file.bytes).max().unwrap_or(0))
}

/// Where memory is limited.
struct Ground {
    limit: u64,
    /// The group that was made, removed with this.
    group: Option<MemoryGroup>,
    /// The group that is counted.
    folder: PathBuf,
}

fn ground() -> Result<Ground, String> {
    let found = MemoryGroup::limit();
    // A group within a limit has to leave some of it to the process that asks.
    let limit = found.as_ref().map_or(LIMIT, |found| LIMIT.min(found.bytes / 2));
    match MemoryGroup::make(limit) {
        Ok(group) => Ok(Ground { limit, folder: group.folder().to_owned(), group: Some(group) }),
        Err(why) => match found {
            Some(found) if found.bytes <= LARGEST_FOUND => {
                Ok(Ground { limit: found.bytes, folder: found.folder, group: None })
            }
            Some(found) => {
                Err(format!("{why}; the limit of {} MiB that there is already is too large", found.bytes >> 20))
            }
            None => Err(why),
        },
    }
}

/// What a watch is given.
pub struct Given<'a> {
    /// Where files lie.
    pub site: &'a Site,
    /// The counters of the disk below.
    pub disk_stat: Option<&'a Path>,
    /// What is wanted of it.
    pub wanted: Wanted,
    /// Where orders and pages are drawn from.
    pub seed: u64,
    /// Whether the user wants no more.
    pub interrupt: &'a Interrupt,
}

/// Watches every way over every size; `say` is told which. What this machine cannot do is the reason of one that holds nothing.
pub fn watch(given: &Given<'_>, say: &mut dyn FnMut(&str)) -> BeyondMemory {
    let cpus = process::allowed_cpus().map_or(1, |cpus| cpus.len());
    let at_random = cpus * READERS;
    let seen = |limit: Option<u64>, reason: Option<String>, mut lines: Vec<TimeLine>| {
        let place = |line: &TimeLine| WAYS.iter().position(|way| is_of(way, line));
        lines.sort_by_key(|line| {
            (place(line).map(|index| WAYS[index].pattern.word()), line.bytes, place(line), line.turn)
        });
        BeyondMemory { limit_bytes: limit, readers: at_random as u32, reason, lines }
    };
    let ground = match ground() {
        Ok(ground) => ground,
        Err(why) => return seen(None, Some(why), Vec::new()),
    };
    let mut lots = ChaCha8Rng::seed_from_u64(given.seed);
    let mut lines = Vec::new();
    let site_worker = SiteWorker { site: given.site, interrupt: given.interrupt };
    let path = PathBuf::from("beyond");
    for file in files(ground.limit, given.wanted) {
        if let Err(trouble) = site_worker.build(&[Recipe::new("beyond", file.bytes, History::Cold)]) {
            if given.interrupt.should_stop() {
                return seen(Some(ground.limit), Some(INTERRUPTED.to_owned()), lines);
            }
            let why = format!("a file of {} MiB could not be made: {trouble}", file.bytes >> 20);
            lines.extend(given.wanted.ways().map(|way| failed(way, file.bytes, why.clone())));
            continue;
        }
        for (turn, way) in turns(file.times, given.wanted, &mut lots) {
            let order = Order {
                path: path.clone(),
                bytes: file.bytes,
                pattern: way.pattern,
                way: way.name.to_owned(),
                readers: if way.pattern == Pattern::Random { at_random } else { 1 },
                time: file.time_of(way),
                seed: given.seed.wrapping_add(file.bytes),
                group: Some(ground.folder.clone()),
                enters: ground.group.is_some(),
                disk_stat: given.disk_stat.map(Path::to_path_buf),
            };
            say(&format!("beyond memory: {}, {} ({})", in_words(file.bytes), way.name, way.pattern.word()));
            let time = order.time + ALONE;
            let line = reader::ask(given, Kind::Beyond, &order, time, Some(&ground.folder));
            if given.interrupt.should_stop() {
                return seen(Some(ground.limit), Some(INTERRUPTED.to_owned()), lines);
            }
            let line = line.unwrap_or_else(|why| failed(way, file.bytes, format!("{why:#}")));
            lines.push(TimeLine { turn, ..line });
        }
    }
    site_worker.clear(0);
    seen(Some(ground.limit), None, lines)
}

/// All ways, `times` times: in an order by lot, then back, so that what changes steadily meanwhile favours none.
fn turns(times: u32, wanted: Wanted, lots: &mut ChaCha8Rng) -> Vec<(u32, &'static Way)> {
    let mut ways: Vec<&Way> = wanted.ways().collect();
    ways.shuffle(lots);
    let mut all = Vec::new();
    for _ in 0..times {
        all.extend(ways.iter().copied());
        ways.reverse();
    }
    (0..).zip(all).collect()
}

fn in_words(bytes: u64) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

fn is_of(way: &Way, line: &TimeLine) -> bool {
    way.name == line.method && way.pattern.word() == line.pattern
}

fn failed(way: &Way, bytes: u64, reason: String) -> TimeLine {
    TimeLine {
        method: way.name.to_owned(),
        about: way.about.to_owned(),
        pattern: way.pattern.word().to_owned(),
        bytes,
        reason: Some(reason),
        ..TimeLine::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::model::Reading;

    #[test]
    fn files_reach_from_64_kib_to_several_times_the_limit() {
        let bytes = |limit| files(limit, Wanted::default()).iter().map(|file| file.bytes).collect::<Vec<_>>();
        assert_eq!(bytes(128 << 20), [64 << 10, 64 << 20, 128 << 20, 256 << 20, 1 << 30]);
        assert_eq!(bytes(4 << 30).last(), Some(&(16 << 30)));
        let all = Wanted::default();
        assert_eq!((space(Some(128 << 20), all), space(None, all)), (1 << 30, 0));
        let took = longest(Some(128 << 20), all);
        assert!((180..270).contains(&took.as_secs()), "{took:?}");
        assert!(longest(Some(1 << 30), all) > 2 * took && longest(None, all).is_zero());
    }

    #[test]
    fn for_advice_one_file_is_watched_in_one_order() {
        let reading = Reading {
            bytes: 64 << 30,
            used: 1.0,
            pattern: "sequential".to_owned(),
            record: 4096,
            passes: 1,
            state: "warm".to_owned(),
            job: "sum".to_owned(),
            memory: Some(16 << 30),
        };
        let wanted = |memory| {
            let reading = Some(Reading { memory, ..reading.clone() });
            Wanted::of(&Options { reading, ..Options::default() })
        };
        let four = wanted(Some(16 << 30));
        assert_eq!(files(128 << 20, four).iter().map(|file| file.bytes).collect::<Vec<_>>(), [512 << 20]);
        assert!(four.ways().all(|way| way.pattern == Pattern::Sequential) && four.ways().count() > 1);
        assert_eq!(wanted(Some(1 << 30)).times, Some(MOST));
        assert_eq!(wanted(None), Wanted::default());
        assert_eq!(wanted(Some(64 << 30)), Wanted::default(), "it fits");
    }

    #[test]
    fn what_is_watched_twice_is_watched_in_an_order_by_lot_and_back() {
        let names = |seed| -> Vec<_> {
            let all = turns(2, Wanted::default(), &mut ChaCha8Rng::seed_from_u64(seed));
            all.iter().map(|(turn, way)| (*turn, way.pattern.word(), way.name)).collect()
        };
        let first = names(1);
        assert_eq!(first.len(), 2 * WAYS.len());
        assert!(first.iter().zip(first.iter().rev()).all(|(there, back)| there.1 == back.1 && there.2 == back.2));
        assert!(first == names(1) && first != names(2));
        assert!((0..).zip(&first).all(|(place, (turn, ..))| *turn == place));
    }
}
