//! Format v1, as it lies in `run.json` (docs/FORMAT.md). Times in ns, sizes in bytes, ratios without unit; unknown is `null`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::disturbed::Disturbed;
pub use crate::stats::Verdict;

/// The name of this format, in every run.
pub const SCHEMA: &str = "pagewise/run/v1";

/// The studies of one invocation, with the machine they ran on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: String,
    /// The folder's name: `<UTC time>-<label>`.
    pub id: String,
    /// What the user called it.
    pub label: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// When it ended; `null` while it runs, and for ever where it was killed.
    pub finished: Option<String>,
    /// The program that made it.
    pub pagewise: Program,
    /// The command as typed.
    pub command: Vec<String>,
    /// What it was to do; `None` in runs of releases that did not record it.
    #[serde(default)]
    pub request: Option<Request>,
    /// When it was taken up again after it had been cut short: RFC 3339, UTC; the first part's start is `started`.
    #[serde(default)]
    pub resumed: Vec<String>,
    /// The seed that every draw of the run comes from.
    pub seed: u64,
    /// How much was asked for.
    pub profile: Profile,
    /// Where the files lay.
    pub dir: Dir,
    /// The machine.
    pub machine: Machine,
    /// What skews the figures here.
    pub warnings: Vec<Warning>,
    /// What this machine cannot go below.
    pub floors: Vec<Floor>,
    /// When edits that nobody synced reached the device, where that was watched; absent from the first runs.
    #[serde(default)]
    pub write_back: Option<WriteBack>,
    /// What happens when files are larger than a memory limit, where that was watched; absent from the first runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond_memory: Option<BeyondMemory>,
    /// What a task feels that shares its thread with one that reads a cold file, where that was watched; absent from the first runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stalls: Vec<Stalls>,
    /// What was measured: last, since it grows while the run goes on.
    pub studies: Vec<Study>,
}

/// When edits that nobody synced reached the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteBack {
    /// vm.dirty_expire_centisecs: data that has been dirty for so long is written when the kernel next looks; `null` where it cannot be read.
    pub expire_ns: Option<u64>,
    /// vm.dirty_writeback_centisecs: how often the kernel looks; 0 for never.
    pub wakeup_ns: Option<u64>,
    /// How long each edit was watched, at most.
    pub watched_ns: u64,
    /// How often it was looked whether its page was clean: a time may be too long by this.
    pub poll_ns: u64,
    /// Why nothing was watched; `null` where it was.
    pub reason: Option<String>,
    /// The ways of editing, each on files of its own, at the same moments.
    pub methods: Vec<Watched>,
}

/// A way of editing, and when its pages were clean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// `mmap+msync(MS_ASYNC)`, …
    pub method: String,
    /// What it does, in a sentence.
    pub about: String,
    /// From each edit until its page was clean, in ns; `null` for one that was still dirty at the end.
    pub clean_after_ns: Vec<Option<u64>>,
}

/// Random reads of files up to several times a memory limit, watched as they go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeyondMemory {
    /// Bytes that the reading process may use, page cache included; `null` where it could not be limited.
    pub limit_bytes: Option<u64>,
    /// Threads that read.
    pub readers: u32,
    /// Why nothing, or not all, was watched; `null` where all was.
    pub reason: Option<String>,
    /// One for each size of the file and way of reading.
    pub lines: Vec<TimeLine>,
}

/// How long a task waits for its turn beside one that reads a cold file at random, in the same thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stalls {
    /// `mmap`, `io_uring x1`, …
    pub method: String,
    /// What it does, in a sentence.
    pub about: String,
    /// Why there is nothing; `null` where there is.
    pub reason: Option<String>,
    /// Pages read a second.
    pub reads_per_second: f64,
    /// Turns that the task had.
    pub turns: u64,
    /// 50 % of its waits took at most this, in ns.
    pub p50_ns: u64,
    /// 99 %.
    pub p99_ns: u64,
    /// 99.9 %.
    pub p999_ns: u64,
    /// The longest wait.
    pub max_ns: u64,
}

/// A way of reading, over time: columns, a sample each. What the kernel does not tell is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeLine {
    /// `mmap`, `pread`, …
    pub method: String,
    /// What it does, in a sentence.
    pub about: String,
    /// `random`, or `sequential` (from end to end, and again); absent from the first runs, which were all at random.
    #[serde(default = "at_random")]
    pub pattern: String,
    /// Size of the file.
    pub bytes: u64,
    /// Threads that read; 0 where an earlier run did not note it.
    #[serde(default)]
    pub readers: u32,
    /// Its place among the lines of the same file and pattern, as they were watched, from 0.
    #[serde(default)]
    pub turn: u32,
    /// Why there is nothing; `null` where there is.
    pub reason: Option<String>,
    /// Turns a second that the bystander did before anybody read.
    pub alone_per_second: f64,
    /// When each sample was taken, from the first read on, in ns.
    pub at_ns: Vec<u64>,
    /// Pages that were read, a second, since the sample before; so are the others.
    pub operations_per_second: Vec<f64>,
    /// Turns of the bystander.
    pub bystander_per_second: Vec<f64>,
    /// Faults without I/O.
    pub minor_faults_per_second: Vec<f64>,
    /// Faults with I/O.
    pub major_faults_per_second: Vec<f64>,
    /// Bytes that the device read, for whomever.
    #[serde(default)]
    pub device_read_bytes_per_second: Vec<Option<f64>>,
    /// Pages of files that came back after they had been evicted, of the group, or of the whole machine where there is none.
    pub refaults_per_second: Vec<Option<f64>>,
    /// Pages that reclaim looked at, of the group, or of the whole machine where the group does not tell.
    pub scanned_per_second: Vec<Option<f64>>,
    /// Pages that reclaim took, of the same.
    #[serde(default)]
    pub reclaimed_per_second: Vec<Option<f64>>,
    /// Interrupts by which one processor asked others to forget translations, of the whole machine.
    pub shootdowns_per_second: Vec<Option<f64>>,
    /// Bytes of files' pages in the group.
    pub file_bytes: Vec<Option<u64>>,
    /// Bytes of processes' own pages in the group.
    pub anon_bytes: Vec<Option<u64>>,
}

fn at_random() -> String {
    "random".to_owned()
}

/// The program that made a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Its version.
    pub version: String,
    /// The commit that it was built from, where known.
    pub commit: Option<String>,
    /// How it was built: `release` or `debug`; absent from runs that did not note it.
    #[serde(default)]
    pub build: Option<String>,
}

/// What a run was to do: enough to do what is missing of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Ids of the scenarios to be measured, in their order.
    pub scenarios: Vec<String>,
    /// Patterns that a method's name was to match, beside each scenario's baseline; empty for all methods.
    pub methods: Vec<String>,
    /// The user's own file, as typed.
    pub file: Option<String>,
    /// Whether that file could be evicted.
    pub evict: bool,
    /// Sweeps asked for, `full` for all; empty for the representative scenarios, and absent from the first runs.
    #[serde(default)]
    pub sweeps: Vec<String>,
    /// The trace that was replayed, as typed; absent from the first runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The user's own reads, where advice was asked for; absent from the first runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// The user's own commit, where advice was asked for; absent from the first runs.
    #[serde(default)]
    pub commit: Option<Commit>,
    /// Whether unsynced edits are watched in place of studies; absent where they are not, and from
    /// the first runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub write_back: bool,
    /// The folder to measure in, as typed.
    pub dir: String,
    /// The time that it was given.
    pub budget_ns: u64,
    /// The time that one worker was given, where it was not left to the studies.
    pub worker_limit_ns: Option<u64>,
}

/// Reads of the user's that advice was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Size of the file.
    pub bytes: u64,
    /// The part of it that is used, from above 0 to 1.
    pub used: f64,
    /// `sequential`, `random`, `backward` or `zipf`.
    pub pattern: String,
    /// Bytes used in one place.
    pub record: u64,
    /// Times that the same records are used.
    pub passes: u64,
    /// `cold`, `warm` or `mapped`.
    pub state: String,
    /// What is done with the bytes: `touch`, `sum`, `copy` or `search`.
    #[serde(rename = "use")]
    pub job: String,
    /// Bytes of memory that may hold the file, page cache included; absent where that was not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

impl Reading {
    /// How many times as large as the memory the file is, where it is larger.
    pub fn times_memory(&self) -> Option<f64> {
        self.memory.filter(|memory| self.bytes > *memory).map(|memory| self.bytes as f64 / memory.max(1) as f64)
    }
}

/// A commit of the user's that advice was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// Bytes changed in one place.
    pub edit: u64,
    /// Places changed, each on pages of its own.
    pub pages: u64,
    /// Of so many commits one is synced; 1 but for runs of batches alone, of earlier versions.
    pub every: u64,
    /// Whether it is to survive a crash of the system.
    pub durable: bool,
    /// The user's own file, a copy of which is to be edited.
    pub file: Option<Copied>,
    /// What it is to survive: `process`, `crash` or `power`; absent from the first runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survive: Option<String>,
    /// 99 % of the commits are to take at most this, in ns; absent where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<f64>,
    /// Commits a second; absent where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Batches that are measured besides, in commits to a sync: those that met the rate by calculation; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batches: Vec<u64>,
}

/// A file of the user's, and how a copy of it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its path.
    pub path: String,
    /// How the copy comes into the page cache, so that its pages lie there as the file's do: `write-4K`, `readahead`, …
    pub history: String,
    /// MiB of it that are copied, from its beginning; more than it has are filled up.
    pub mib: u64,
}

/// How much a run measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The default scenarios.
    Full,
    /// A scenario or two an area, on small files: 40 s at most.
    Quick,
}

/// The folder that the run's files lay in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dir {
    /// Its filesystem's type: `ext4`.
    pub filesystem: String,
    /// The whole disk below it (`vda`), where there is one.
    pub device: Option<String>,
    /// Why `device` is `null`, where it is.
    pub device_reason: Option<String>,
    /// The options it is mounted with.
    pub mount_options: String,
}

/// The machine: named facts, in groups (`kernel`, `cpu`, `memory`, `block`, `cache`), each a text or number as read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// `Linux 6.18.44`.
    pub kernel: String,
    /// The processor's name.
    pub cpu: String,
    /// Processors that the run could use.
    pub cpus: u32,
    /// Memory, in bytes.
    pub memory: u64,
    /// Bytes in a page.
    pub page_size: u32,
    /// The hypervisor's name, where the machine is a virtual one.
    pub virtualization: Option<String>,
    /// Everything else that was read, by name: `read_ahead_kb`, `clocksource`, `transparent_hugepage`, …
    pub facts: BTreeMap<String, String>,
}

/// Something that skews the figures, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// A short stable name: `tmpfs`.
    pub code: String,
    /// What is so, and what it does to the figures.
    pub text: String,
    /// What to do.
    pub fix: String,
}

/// What the machine cannot go below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// `system call`, `minor fault`, …
    pub name: String,
    /// Always `ns`.
    pub unit: String,
    /// The median.
    pub estimate: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// One scenario, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// `shared_edit`, `private_cow`, `fork_ipc` or `page_touch`.
    pub area: String,
    /// The question.
    pub scenario: Scenario,
    /// The method that the others are compared with.
    pub baseline: String,
    /// Operations a batch, the same for every method.
    pub k: u64,
    /// The seed that the order of the rounds was drawn from.
    pub order_seed: u64,
    /// Of the whole study: 0.99. A comparison's own is higher (`ratio.confidence`).
    pub confidence: f64,
    /// Ratios within 1 ± this are `equal`.
    pub margin: f64,
    /// Worker counts, fixed before the start, at which the study could stop.
    pub looks: Vec<u32>,
    /// Workers that finished.
    pub workers: u32,
    /// Of those, the workers that the verdicts rest on: the last look reached; 0 if none was.
    pub workers_used: u32,
    /// Rounds that a worker is to take; one that it drops it takes again, at most this many more.
    pub rounds: u32,
    /// How its file lay in the page cache when it was made; `null` where there is none of ours, or none of it is cached.
    pub cache: Option<Cache>,
    /// What the disk did while the suite used it for nothing; absent where no case writes to a disk,
    /// and in runs of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdleWindows>,
    /// Why it stopped: `decided`, `looks` (the last was taken), `budget`, `interrupted`, `failed`.
    pub stop_reason: String,
    /// Whether the null control was off: then no verdict stands.
    pub tainted: bool,
    /// The baseline against itself under another name; `null` where the study did not start.
    pub null_control: Option<NullControl>,
    /// The methods, in the catalogue's order, the baseline among them.
    pub cases: Vec<Case>,
}

/// How a file lies in the page cache: what its history comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cache {
    /// Pages of the file, all cached.
    pub pages: u64,
    /// Minor faults of one pass over a fresh mapping, a touch a page.
    pub pass_minor_faults: u64,
    /// Pages by the size in bytes of the folio that holds them; `null` where /proc/kpageflags cannot be read.
    pub folios: Option<BTreeMap<u64, u64>>,
}

/// Columns, an idle window each: as long as the longest batch of its round that writes to the disk,
/// with nothing of the suite's outstanding. What the disk did in them was for other programs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdleWindows {
    /// The worker's number, from 0.
    pub worker: Vec<u32>,
    /// The round before the window, from 0.
    pub round: Vec<u32>,
    /// How long, in ns.
    pub ns: Vec<u64>,
    /// Bytes that the disk wrote.
    pub device_written: Vec<u64>,
    /// Flushes that it was sent; `null` where it does not count them.
    pub device_flushes: Vec<Option<u64>>,
    /// The exact upper bound (99 %) of the share of such windows with foreign writes.
    pub foreign_writes: f64,
    /// The same of foreign flushes; `null` where they are not counted.
    pub foreign_flushes: Option<f64>,
}

/// The question that a study answers, every parameter filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// `shared_edit/durable/history=write-4K/…`.
    pub id: String,
    /// The question in a sentence.
    pub question: String,
    /// What one operation is, in words.
    pub operation: String,
    /// Parameters by name.
    pub params: BTreeMap<String, String>,
    /// `cold`, `warm`, `mapped`; `null` where no file is read.
    pub state: Option<String>,
    /// How the cache was filled: `write-4K`, `write-1M`, `readahead`, …, `found` (the user's own), `none` (cold); `null` where there is no
    /// file.
    pub history: Option<String>,
    /// `visible`, `started`, `written`, `durable`, `atomic`; `null` where nothing is written.
    pub guarantee: Option<String>,
}

/// The baseline against itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullControl {
    /// Its time over the baseline's; 1 is expected.
    pub estimate: Option<f64>,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// As a case's.
    pub verdict: Verdict,
    /// What was measured.
    pub batches: Batches,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Measured.
    Ok,
    /// Not possible on this machine; `reason` says why.
    Unavailable,
    /// Went wrong; `reason` says how.
    Failed,
}

/// A scenario done by a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// `mmap+msync(MS_SYNC)`, `pwrite+fdatasync`, …
    pub method: String,
    /// What it does, in a sentence.
    pub about: String,
    /// What became of it.
    pub status: Status,
    /// Why it is not `ok`.
    pub reason: Option<String>,
    /// Time an operation.
    pub ns_per_op: Option<Estimate>,
    /// Useful bytes an operation, where the question is about bytes.
    pub bytes_per_op: Option<u64>,
    /// Time of this method over time of the baseline; `null` for the baseline itself, and for a case that is not `ok`.
    pub ratio: Option<Ratio>,
    /// From the pass of its own; `null` with a reason where an operation cannot be stamped.
    pub latency: Option<Latency>,
    /// Why `latency` is `null`.
    pub latency_reason: Option<String>,
    /// What of a batch is paid once, at first and again, where that can be told apart. Absent from the first runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// Counters an operation.
    pub per_op: Option<PerOp>,
    /// How far other programs may have moved what the device counted; absent where the case writes
    /// nothing to a disk that can be watched, and in runs of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_ranges: Option<DeviceRanges>,
    /// Its floor.
    pub floor: Option<FloorRatio>,
    /// What was checked.
    pub proof: Proof,
    /// What was measured.
    pub batches: Batches,
}

/// A median with its exact interval; the ends are `null` with too few workers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The median over workers of their medians.
    pub estimate: f64,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// A comparison with the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The median over workers of their median ratio within rounds.
    pub estimate: f64,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Of this interval: 1 − 0.01/(m·L).
    pub confidence: f64,
    /// What it says.
    pub verdict: Verdict,
}

/// Latency of single operations. A percentile is `null` unless count·(1−p) ≥ 10.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// ns
    pub p50: Option<u64>,
    /// ns
    pub p90: Option<u64>,
    /// ns
    pub p99: Option<u64>,
    /// ns
    pub p999: Option<u64>,
    /// ns
    pub max: u64,
    /// Operations stamped.
    pub count: u64,
    /// HDR histogram V2, base64.
    pub histogram: String,
}

/// A batch phase by phase: medians over a few batches, taken apart from those that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// What is paid once before the operations, in ns: mmap and madvise.
    pub enter_ns: f64,
    /// An operation that uses its pages for the first time, in ns.
    pub first_ns_per_op: f64,
    /// One that uses them again, in ns; `null` where the batch has one pass.
    pub again_ns_per_op: Option<f64>,
    /// What is paid once after the operations, in ns: munmap.
    pub leave_ns: f64,
    /// Memory that the process came to use, its part of what it shares (Pss), in bytes; `null` where the kernel does not show it.
    pub memory_bytes: Option<f64>,
    /// How many batches.
    pub batches: u64,
}

/// Counters an operation, over every batch that was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PerOp {
    /// Faults met without I/O.
    pub minor_faults: f64,
    /// Faults that waited for I/O.
    pub major_faults: f64,
    /// Times the process gave the processor up to wait.
    pub voluntary_switches: f64,
    /// Time in user mode, in ns; both processes' where there are two.
    pub user_ns: f64,
    /// Time in the kernel, in ns.
    pub system_ns: f64,
    /// Bytes that the process itself had read from storage; in runs of earlier releases, that the
    /// block device read for whomever. `null` where that cannot be told.
    pub device_read_bytes: Option<f64>,
    /// Bytes that the block device wrote: the median over the batches that count; in runs of earlier
    /// releases, their mean. `null` where the case writes nothing to a disk, or as [`DeviceRange::reason`] says.
    pub device_write_bytes: Option<f64>,
    /// Flushes that it was sent, likewise; `null` where it does not count them.
    pub device_flushes: Option<f64>,
    /// Minor faults a page used, where an operation uses pages.
    pub minor_faults_per_page: Option<f64>,
    /// Pages that it leaves dirty, whole folios at a time; `null` where nothing is edited or the kernel does not tell. Absent from the first
    /// runs.
    #[serde(default)]
    pub dirty_pages: Option<f64>,
}

/// How far other programs may have moved a case's device figures, an operation each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceRanges {
    /// Of `per_op.device_write_bytes`.
    pub written: DeviceRange,
    /// Of `per_op.device_flushes`; `null` where they are not counted.
    pub flushes: Option<DeviceRange>,
}

/// Between what and what a device counter's median for the case itself lies. Foreign traffic only adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceRange {
    /// The (1 − *e*)/2 quantile of the batches, *e* the bound of [`IdleWindows`].
    pub low: f64,
    /// Their median.
    pub high: f64,
    /// Why the figure is `null`; `null` where it is given.
    pub reason: Option<String>,
}

/// A case's time as a multiple of what the machine cannot go below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloorRatio {
    /// Which floor.
    pub name: String,
    /// How many of it one operation needs.
    pub units: f64,
    /// What it needs besides, one after the other; absent where that is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<FloorPart>,
    /// Time an operation over the sum of all of these, each `units` times its floor's estimate.
    pub times: f64,
}

/// A part of what an operation needs at the least.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloorPart {
    /// Which floor.
    pub name: String,
    /// How many of it.
    pub units: f64,
}

/// What was checked of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Checks of state, content and counts that passed.
    pub checks: u64,
    /// Rounds dropped, for all methods, since this case's proof failed.
    pub dropped_rounds: u64,
    /// Why, each reason once, with how often.
    pub reasons: BTreeMap<String, u64>,
    /// Evidence that could not be had here, a sentence each; absent where there is none, and in runs
    /// of earlier releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// Columns, a batch each, in the order measured; `k` operations a batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batches {
    /// The worker's number, from 0.
    pub worker: Vec<u32>,
    /// The round within the worker, from 0.
    pub round: Vec<u32>,
    /// The place within the round, from 0.
    pub position: Vec<u32>,
    /// The whole batch, in ns.
    pub ns: Vec<u64>,
    /// Whether its round was dropped: rejected for its evidence.
    pub dropped: Vec<bool>,
    /// What else happened on the machine meanwhile. Nothing is dropped for it. Empty in runs of
    /// earlier releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbed: Vec<Disturbed>,
    /// Bytes that the process itself had read from storage; empty where its counter is no evidence.
    /// `null` where the batch did not come to its end, here and in the next three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_read: Vec<Option<u64>>,
    /// Bytes that the disk read, for whomever; empty where the case does no device I/O, or the disk
    /// cannot be watched. So are the next two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_read: Vec<Option<u64>>,
    /// Bytes that it wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_written: Vec<Option<u64>>,
    /// Flushes that it was sent; empty also where it does not count them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_flushes: Vec<Option<u64>>,
}
