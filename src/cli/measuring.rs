//! What commands that measure share: how a study is made, and how its maker, time and seed are told.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use super::site_worker::SiteWorker;
use crate::areas::dataset::{History, Recipe};
use crate::areas::{Options, private_cow};
use crate::engine::interrupt::Interrupt;
use crate::engine::method::Trouble;
use crate::engine::plan::Plan;
use crate::engine::process::Workers;
use crate::engine::study::{self, Progress, Time};
use crate::machine;
use crate::os::disk::{Disk, StatReader};
use crate::os::file::{self, Open};
use crate::os::memory_group::MemoryGroup;
use crate::os::own_reads;
use crate::results::model::{Dir, Machine, Program, Study, Warning};
use crate::results::text::printable;
use crate::site::Site;

/// Where studies are made.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The folder of their files.
    pub site: &'a Site,
    /// `/sys/block/<name>/stat` of the disk below it, where there is one.
    pub disk_stat: Option<&'a Path>,
    /// Why the process's own count of storage reads is no evidence there; `None` where it is.
    pub own_reads: Option<&'a str>,
    /// How long a study waits for that disk to be idle.
    pub patience: &'a Patience,
    /// What the catalogue is made from.
    pub options: &'a Options,
    /// Whether the user has asked to stop.
    pub interrupt: &'a Interrupt,
}

/// How long a study waits until the disk is idle, once its files are made and synced.
#[derive(Debug)]
pub struct Patience(Cell<Duration>);

/// A disk that was idle for so long is idle.
const QUIET: Duration = Duration::from_millis(200);
/// The stop reason of a study that the user stopped.
const INTERRUPTED: &str = "interrupted";
/// A study waits at most this long for it.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The studies after one that waited in vain: a disk that others use all the time is worth no more of their time.
const NEXT_WAIT: Duration = Duration::from_millis(400);
/// The largest share of its time that a study spends on it.
const SHARE: u32 = 4;

impl Default for Patience {
    fn default() -> Self {
        Self(Cell::new(LONGEST_WAIT))
    }
}

impl Patience {
    /// `budget`: the study's time.
    fn wait_until_idle(&self, stat: &Path, budget: Duration, interrupt: &Interrupt) {
        let Ok(reader) = StatReader::open(stat) else { return };
        let most = self.0.get().min(budget / SHARE);
        let idle = reader.wait_until_idle(QUIET, most, || interrupt.asked().is_some());
        self.0.set(if idle { LONGEST_WAIT } else { NEXT_WAIT });
    }
}

/// Why the process's own count of storage reads is no evidence where the files are; `None` where it is. `elsewhere`: the user's
/// file is on another filesystem than ours.
pub fn own_reads(site: &Path, options: &Options, elsewhere: bool) -> Option<String> {
    let tried = match &options.file {
        Some(file) if elsewhere && options.evict => file::open_unmarked(&file.path, Open::Read)
            .map_err(|error| error.to_string())
            .and_then(|file| own_reads::probe_file(&file)),
        Some(_) if elsewhere => Err("whether the kernel counts them on the filesystem of --file was not tried, \
             since that takes a page that is not cached; --evict allows it"
            .to_owned()),
        _ => own_reads::probe(site),
    };
    tried.err()
}

impl Ground<'_> {
    /// Who makes the files.
    pub fn site_worker(&self) -> SiteWorker<'_> {
        SiteWorker { site: self.site, interrupt: self.interrupt }
    }

    /// Who runs the tasks of `plan`.
    pub fn workers(&self, plan: &Plan) -> Workers<'_> {
        Workers {
            site: self.site.held_path(),
            disk_stat: self.disk_stat.map(Path::to_owned),
            own_reads: self.own_reads.is_none(),
            catalogue: serde_json::to_value(self.options).unwrap_or_default(),
            scenario: plan.scenario.id.clone(),
            interrupt: self.interrupt,
            start: Instant::now(),
        }
    }

    /// Makes `files` on an empty site and measures `plan` there; where they cannot be made, every row says why. The files' making counts
    /// as the study's time.
    pub fn study(
        &self,
        plan: &Plan,
        files: &[Recipe],
        time: impl Into<Time>,
        seed: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Study {
        let time = time.into();
        let reads_a_file = plan.scenario.state.is_some();
        let missing = self.own_reads.filter(|_| reads_a_file).map(|why| format!("own storage reads: {why}"));
        let plan = &Plan { missing: missing.into_iter().collect(), ..plan.clone() };
        let mut workers = self.workers(plan);
        if let Some(why) = lacks_memory(&plan.area, files) {
            return study::unbuilt(plan, seed, &Trouble::Unavailable(why));
        }
        match self.site_worker().build(files) {
            // Not a fault of the files: a resumed run does it again.
            Err(trouble) if self.interrupt.should_stop() => {
                Study { stop_reason: INTERRUPTED.to_owned(), ..study::unbuilt(plan, seed, &trouble) }
            }
            Err(trouble) => study::unbuilt(plan, seed, &trouble),
            // The first file is the scenario's; the others are for methods that need one of their own.
            Ok(built) => {
                if let Some(stat) = self.disk_stat.filter(|_| !files.is_empty()) {
                    self.patience.wait_until_idle(stat, time.budget, self.interrupt);
                }
                let study = study::run(plan, time, seed, &mut workers, progress);
                Study { cache: built.into_iter().next().flatten(), ..study }
            }
        }
    }
}

/// Memory that a worker takes beside files and their copies, in bytes.
const BESIDE_FILES: u64 = 24 << 20;

/// Why a study of `files` does not fit into the memory limit of this process's cgroup; `None` where
/// it does, or there is no limit. A file that is to be cached must stay cached, in `private_cow`
/// together with a copy of it.
fn lacks_memory(area: &str, files: &[Recipe]) -> Option<String> {
    let limit = MemoryGroup::limit()?.bytes;
    let cached = files.iter().filter(|file| !matches!(file.history, History::Cold | History::Found));
    let copies = if area == private_cow::AREA.name { 2 } else { 1 };
    let needed = copies * cached.map(|file| file.bytes).max()? + BESIDE_FILES;
    let (needs, has) = (needed >> 20, limit >> 20);
    (needed > limit).then(|| format!("needs {needs} MiB of memory; the limit of this process's cgroup is {has} MiB"))
}

/// The most that the files of one study take.
pub fn space<'a>(files: impl Iterator<Item = &'a [Recipe]>) -> u64 {
    files.map(|files| files.iter().map(|file| file.bytes).sum()).max().unwrap_or(0)
}

/// This program, as results tell it.
pub fn program() -> Program {
    Program {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("PAGEWISE_COMMIT").map(str::to_owned),
        build: Some(if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned()),
    }
}

/// What skews figures that this program takes there.
pub fn warnings(machine: &Machine, dir: &Dir, disk: &Disk) -> Vec<Warning> {
    let built = cfg!(debug_assertions).then(|| Warning {
        code: "debug_build".to_owned(),
        text: "This pagewise was built without optimization: its own work is in every figure.".to_owned(),
        fix: "Build it with `cargo build --release`.".to_owned(),
    });
    built.into_iter().chain(machine::warnings(machine, dir, disk)).collect()
}

/// The command as typed.
pub fn command() -> Vec<String> {
    std::env::args_os().map(|word| printable(&word.to_string_lossy()).into_owned()).collect()
}

/// As results tell the time.
pub fn to_the_second(time: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// 48 bits, so that every reader of JSON keeps it whole.
pub fn seed_from_time() -> u64 {
    let ns = jiff::Timestamp::now().as_nanosecond() as u64;
    (ns ^ u64::from(std::process::id()) << 24) & 0xffff_ffff_ffff
}

/// The value of an option that takes a time.
pub fn duration(text: &str) -> Result<Duration, String> {
    match time(text) {
        Some(time) if time >= Duration::from_secs(1) && time <= Duration::from_secs(7 * 24 * 3600) => Ok(time),
        Some(_) => Err("a time between 1s and 7 days".to_owned()),
        None => Err("expected a time such as 90s, 4m or 1h".to_owned()),
    }
}

/// A time such as 90s or 4m; a number without a unit is in seconds.
pub fn time(text: &str) -> Option<Duration> {
    let plain = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    match plain {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok()),
    }
}

/// The value of an option that takes a name.
pub fn label(text: &str) -> Result<String, String> {
    let fine = !text.is_empty()
        && text.len() <= 60
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
    if fine { Ok(text.to_owned()) } else { Err("letters, digits, '.', '_' and '-', at most 60".to_owned()) }
}
