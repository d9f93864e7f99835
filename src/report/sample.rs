//! A run for tests: four areas, every verdict, every status, and text that means harm.

use crate::results::model::{
    Batches, Cache, Case, Dir, Estimate, Floor, FloorRatio, Latency, Machine, NullControl, PerOp, Profile, Program,
    Proof, Ratio, Run, SCHEMA, Scenario, Status, Study, TimeLine, Verdict, Warning,
};

/// Text that must never reach a page as markup.
pub const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// A measured case of `ns` an operation: the baseline, until it is given a ratio.
pub fn case(method: &str, ns: f64) -> Case {
    Case {
        method: method.to_owned(),
        about: format!("what {method} does"),
        status: Status::Ok,
        reason: None,
        ns_per_op: Some(Estimate { estimate: ns, low: Some(ns * 0.98), high: Some(ns * 1.03) }),
        bytes_per_op: None,
        ratio: None,
        latency: Some(latency(ns, 20_000)),
        latency_reason: None,
        phases: None,
        per_op: Some(PerOp { user_ns: ns * 0.1, system_ns: ns * 0.2, ..PerOp::default() }),
        device_ranges: None,
        floor: Some(FloorRatio { name: "system call".to_owned(), units: 1.0, also: Vec::new(), times: ns / 100.0 }),
        proof: Proof { checks: 120, ..Proof::default() },
        batches: Batches {
            worker: vec![0, 0, 1],
            round: vec![0, 1, 0],
            position: vec![0, 2, 1],
            ns: vec![9; 3],
            dropped: vec![false, true, false],
            ..Batches::default()
        },
    }
}

/// Percentiles around `ns`, those that `count` supports.
pub fn latency(ns: f64, count: u64) -> Latency {
    let at = |factor: f64, least: u64| (count >= least).then_some((ns * factor) as u64);
    Latency {
        p50: at(0.97, 20),
        p90: at(1.2, 100),
        p99: at(2.5, 1_000),
        p999: at(9.0, 10_000),
        max: (ns * 31.0) as u64,
        count,
        histogram: String::new(),
    }
}

/// What the sample changes of a case.
pub trait Change: Sized {
    /// Compared with the baseline: estimate, interval, verdict.
    fn ratio(self, estimate: f64, interval: Option<(f64, f64)>, verdict: Verdict) -> Self;
    /// Its counters.
    fn counts(self, change: impl FnOnce(&mut PerOp)) -> Self;
    /// Not measured.
    fn missing(self, status: Status, reason: &str) -> Self;
}

impl Change for Case {
    fn ratio(mut self, estimate: f64, interval: Option<(f64, f64)>, verdict: Verdict) -> Self {
        let (low, high) = interval.unzip();
        self.ratio = Some(Ratio { estimate, low, high, confidence: 0.99952, verdict });
        self
    }

    fn counts(mut self, change: impl FnOnce(&mut PerOp)) -> Self {
        if let Some(per_op) = &mut self.per_op {
            change(per_op);
        }
        self
    }

    fn missing(mut self, status: Status, reason: &str) -> Self {
        (self.status, self.reason) = (status, Some(reason.to_owned()));
        (self.ns_per_op, self.ratio, self.latency, self.per_op, self.floor) = (None, None, None, None, None);
        self
    }
}

fn faster(method: &str, baseline: f64, ratio: f64) -> Case {
    case(method, baseline * ratio).ratio(ratio, Some((ratio * 0.97, ratio * 1.02)), Verdict::Faster)
}

fn slower(method: &str, baseline: f64, ratio: f64) -> Case {
    case(method, baseline * ratio).ratio(ratio, Some((ratio * 0.98, ratio * 1.04)), Verdict::Slower)
}

fn equal(method: &str, baseline: f64, ratio: f64) -> Case {
    case(method, baseline * ratio).ratio(ratio, Some((ratio * 0.996, ratio * 1.002)), Verdict::Equal)
}

fn unresolved(method: &str, baseline: f64, ratio: f64) -> Case {
    case(method, baseline * ratio).ratio(ratio, Some((ratio * 0.9, ratio * 1.15)), Verdict::Unresolved)
}

/// Device bytes written, flushes and minor faults, an operation.
fn writes(bytes: f64, flushes: f64, faults: f64) -> impl FnOnce(&mut PerOp) {
    move |per_op| {
        (per_op.device_read_bytes, per_op.device_write_bytes, per_op.device_flushes) =
            (Some(0.0), Some(bytes), Some(flushes));
        (per_op.minor_faults, per_op.minor_faults_per_page) = (faults, Some(faults));
    }
}

/// Device bytes read, minor and major faults, a page.
fn reads(bytes: f64, minor: f64, major: f64) -> impl FnOnce(&mut PerOp) {
    move |per_op| {
        (per_op.device_read_bytes, per_op.device_write_bytes, per_op.device_flushes) =
            (Some(bytes), Some(0.0), Some(0.0));
        (per_op.minor_faults, per_op.minor_faults_per_page, per_op.major_faults) = (minor, Some(minor), major);
    }
}

/// A study that was decided, of cases whose first is the baseline.
pub fn study(
    area: &str,
    question: &str,
    params: &[(&str, &str)],
    conditions: [Option<&str>; 3],
    cases: Vec<Case>,
) -> Study {
    let [guarantee, history, state] = conditions.map(|word| word.map(str::to_owned));
    let baseline = cases[0].method.clone();
    let mut id = area.to_owned();
    let named = [("", &guarantee), ("history=", &history), ("state=", &state)];
    for (name, value) in named {
        value.iter().for_each(|value| id += &format!("/{name}{value}"));
    }
    params.iter().for_each(|(name, value)| id += &format!("/{name}={value}"));
    Study {
        area: area.to_owned(),
        scenario: Scenario {
            id,
            question: question.to_owned(),
            operation: match area {
                "shared_edit" => "one byte changed, with its sync",
                "private_cow" => "one whole copy, edited and discarded",
                "fork_ipc" => "one round trip",
                _ => "one page",
            }
            .to_owned(),
            params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            state,
            history,
            guarantee,
        },
        baseline,
        k: 32,
        order_seed: 7,
        confidence: 0.99,
        margin: if area == "fork_ipc" { 0.01 } else { 0.05 },
        looks: vec![11, 17, 22],
        workers: 11,
        workers_used: 11,
        rounds: 6,
        cache: None,
        idle: None,
        stop_reason: "decided".to_owned(),
        tainted: false,
        null_control: Some(NullControl {
            estimate: Some(1.001),
            low: Some(0.996),
            high: Some(1.004),
            verdict: Verdict::Equal,
            batches: Batches::default(),
        }),
        cases,
    }
}

/// 64 MiB in the cache, by the size of its folios.
fn cached(pass_minor_faults: u64, folios: &[(u64, u64)]) -> Option<Cache> {
    Some(Cache { pages: 16_384, pass_minor_faults, folios: Some(folios.iter().copied().collect()) })
}

const SIZE: (&str, &str) = ("size", "64MiB");

/// Durable edits of a file whose cache holds small folios.
pub fn edit_write_4k() -> Study {
    let ns = 312_000.0;
    let cases = vec![
        case("pwrite+fdatasync", ns).counts(writes(8192.0, 1.0, 0.0)),
        equal("pwrite+fsync", ns, 1.004).counts(writes(8192.0, 1.0, 0.0)),
        faster("pwrite(O_DSYNC)", ns, 0.88).counts(writes(4096.0, 1.0, 0.0)),
        unresolved("mmap+msync(MS_SYNC)", ns, 1.06).counts(writes(8192.0, 1.0, 1.0)),
        slower("mmap+fdatasync", ns, 1.21).counts(writes(8192.0, 1.0, 1.0)),
    ];
    let question = "One byte changed at a random page of a 64 MiB file and made to survive a crash of the system; the cache was filled by 4 KiB writes.";
    let conditions = [Some("durable"), Some("write-4K"), Some("mapped")];
    Study {
        cache: cached(1_024, &[(4096, 16_384)]),
        ..study("shared_edit", question, &[("edit", "1B"), SIZE], conditions, cases)
    }
}

/// The same, of a file whose cache holds large folios: mapped stores dirty all of them.
pub fn edit_write_1m() -> Study {
    let ns = 318_000.0;
    let mut cases = vec![
        case("pwrite+fdatasync", ns).counts(writes(8192.0, 1.0, 0.0)),
        equal("pwrite+fsync", ns, 1.006).counts(writes(8192.0, 1.0, 0.0)),
        faster("pwrite(O_DSYNC)", ns, 0.89).counts(writes(4096.0, 1.0, 0.0)),
        slower("mmap+msync(MS_SYNC)", ns, 3.4).counts(writes(1_048_576.0, 1.0, 1.0)),
        slower("mmap+fdatasync", ns, 3.52).counts(writes(1_048_576.0, 1.0, 1.0)),
    ];
    cases[3].proof.dropped_rounds = 2;
    cases[3].proof.reasons.insert("foreign I/O on the device".to_owned(), 2);
    let question = "One byte changed at a random page of a 64 MiB file and made to survive a crash of the system; the cache was filled by 1 MiB writes.";
    let conditions = [Some("durable"), Some("write-1M"), Some("mapped")];
    let cache = cached(70, &[(4096, 64), (1 << 20, 16_320)]);
    Study { cache, ..study("shared_edit", question, &[("edit", "1B"), SIZE], conditions, cases) }
}

/// Edits that promise no more than to be seen.
pub fn edit_visible() -> Study {
    let ns = 410.0;
    let cases = vec![
        case("pwrite", ns).counts(writes(0.0, 0.0, 0.0)),
        faster("mmap", ns, 0.031).counts(writes(0.0, 0.0, 0.0)),
        faster("mmap+msync(MS_ASYNC)", ns, 0.42).counts(writes(0.0, 0.0, 0.0)),
    ];
    let question = "One byte changed at a random page of a 64 MiB file and made visible to other processes; the cache was filled by 4 KiB writes.";
    study("shared_edit", question, &[("edit", "1B"), SIZE], [Some("visible"), Some("write-4K"), Some("mapped")], cases)
}

/// Private copies.
pub fn copy_one_percent() -> Study {
    let ns = 9_100_000.0;
    let cases = vec![
        case("read(reused)", ns),
        slower("read(fresh)", ns, 2.6).counts(|per_op| per_op.minor_faults = 16_384.0),
        faster("MAP_PRIVATE+store", ns, 0.054).counts(|per_op| per_op.minor_faults = 163.0),
        slower("MAP_PRIVATE|MAP_POPULATE+store", ns, 2.9).counts(|per_op| per_op.minor_faults = 16_384.0),
    ];
    let question =
        "A private editable copy of a warm 64 MiB file, one byte changed in 1 % of its pages, then discarded.";
    study("private_cow", question, &[("modified", "1%"), SIZE], [None, Some("write-1M"), Some("warm")], cases)
}

/// Messages on one core: a row unavailable, a row failed with a hostile reason.
pub fn ipc_one_core() -> Study {
    let ns = 2_120.0;
    let cases = vec![
        case("pipe", ns),
        slower("socketpair", ns, 1.52),
        case("shm+spin", ns).missing(
            Status::Unavailable,
            "on one core the spinning side keeps the other from running until its time slice ends: milliseconds a message",
        ),
        faster("shm+futex", ns, 0.93),
        equal("file map+futex", ns, 0.997),
        case("file poll", ns).missing(Status::Failed, &format!("the child died: {HOSTILE}")),
    ];
    let question = "A message of 8 bytes from a parent to its child and back, both on one core.";
    study("fork_ipc", question, &[("message", "8B"), ("placement", "one-core")], [None; 3], cases)
}

/// Messages on two cores: spinning wins by two orders of magnitude.
pub fn ipc_two_cores() -> Study {
    let ns = 41_200.0;
    let cases = vec![
        case("pipe", ns).counts(|per_op| per_op.voluntary_switches = 2.0),
        equal("socketpair", ns, 1.001).counts(|per_op| per_op.voluntary_switches = 2.0),
        faster("shm+spin", ns, 0.0061),
        faster("shm+futex", ns, 0.96).counts(|per_op| per_op.voluntary_switches = 2.0),
    ];
    let question = "A message of 8 bytes from a parent to its child and back, each on a core of its own.";
    study("fork_ipc", question, &[("message", "8B"), ("placement", "two-cores")], [None; 3], cases)
}

/// Cold pages at random: plain mappings read far more than they use.
pub fn touch_cold_random() -> Study {
    let ns = 92_000.0;
    let mut cases = vec![
        case("pread", ns).counts(reads(4096.0, 0.0, 0.0)),
        slower("mmap", ns, 14.2).counts(reads(2_400_000.0, 0.02, 0.98)),
        equal("mmap+MADV_RANDOM", ns, 1.012).counts(reads(4096.0, 0.0, 1.0)),
        faster("O_DIRECT", ns, 0.9).counts(reads(4096.0, 0.0, 0.0)),
    ];
    for case in &mut cases {
        case.latency = Some(latency(case.ns_per_op.map_or(ns, |time| time.estimate), 640));
    }
    let question =
        "Random order over 128 pages of a file of 256MiB, none of it in the page cache: one byte of each read.";
    let params = [("use", "touch"), ("touched", "128"), ("pattern", "random"), ("size", "256MiB")];
    study("page_touch", question, &params, [None, Some("none"), Some("cold")], cases)
}

/// A study whose null control was off.
pub fn touch_cold_sequential() -> Study {
    let ns = 3_100.0;
    let cases = vec![
        case("pread", ns).counts(reads(4096.0, 0.0, 0.0)),
        unresolved("mmap", ns, 0.7).counts(reads(4096.0, 0.06, 0.002)),
        unresolved("mmap+MADV_SEQUENTIAL", ns, 1.3).counts(reads(4096.0, 0.06, 0.002)),
    ];
    let question =
        "Sequential order over every page of a file of 256MiB, none of it in the page cache: one byte of each read.";
    let params = [("use", "touch"), ("touched", "all"), ("pattern", "sequential"), ("size", "256MiB")];
    let mut study = study("page_touch", question, &params, [None, Some("none"), Some("cold")], cases);
    (study.tainted, study.stop_reason, study.workers, study.workers_used) = (true, "looks".to_owned(), 22, 22);
    if let Some(null) = &mut study.null_control {
        (null.estimate, null.low, null.high) = (Some(1.08), Some(1.06), Some(1.11));
    }
    study
}

/// A study that its budget cut short: no intervals, no latency.
pub fn touch_mapped() -> Study {
    let mut cases = vec![
        case("pread", 351.0),
        case("mmap", 6.1).ratio(0.0174, None, Verdict::Unresolved),
        case("O_DIRECT 256K", 900.0)
            .missing(Status::Unavailable, "open with O_DIRECT: EINVAL: the filesystem does not support it"),
    ];
    for case in &mut cases {
        case.ns_per_op = case.ns_per_op.map(|time| Estimate { low: None, high: None, ..time });
        case.latency = None;
        case.latency_reason = Some("the study ended before its latency pass".to_owned());
    }
    let question = "Sequential order over every page of a file of 256MiB, all in the page cache and in the page tables: every byte read and summed.";
    let params = [("use", "sum"), ("touched", "all"), ("pattern", "sequential"), ("size", "256MiB")];
    let mut study = study("page_touch", question, &params, [None, Some("write-4K"), Some("mapped")], cases);
    (study.workers, study.workers_used, study.stop_reason) = (3, 0, "budget".to_owned());
    study
}

/// A study that never started.
pub fn touch_failed() -> Study {
    let failed = |method: &str| case(method, 1.0).missing(Status::Failed, "the file could not be made: no space left");
    let question = "Random order over every page of your file, all in the page cache: one byte of each read.";
    let params = [("use", "touch"), ("touched", "all"), ("pattern", "random"), ("size", "5000B")];
    let mut study = study(
        "page_touch",
        question,
        &params,
        [None, Some("found"), Some("warm")],
        vec![failed("pread"), failed("mmap")],
    );
    (study.k, study.workers, study.workers_used, study.rounds, study.looks) = (0, 0, 0, 0, Vec::new());
    (study.stop_reason, study.null_control) = ("failed".to_owned(), None);
    study
}

/// A study of its own with a row of each kind: every verdict, and every reason why there is none.
pub fn every_verdict() -> Study {
    let ns = 2_400.0;
    let mut unstamped = faster("batched", ns, 0.31);
    (unstamped.latency, unstamped.latency_reason) =
        (None, Some("one call does 64 operations: they have no latency of their own".to_owned()));
    let mut cases = vec![
        case("baseline", ns).counts(reads(4096.0, 0.0, 0.0)),
        faster("quick", ns, 0.52).counts(reads(4096.0, 1.0, 0.0)),
        unstamped,
        equal("same", ns, 1.003).counts(reads(4096.0, 0.0, 0.0)),
        slower("slow", ns, 4.2).counts(reads(2_097_152.0, 0.0, 1.0)),
        unresolved("noisy", ns, 1.04).counts(reads(4096.0, 0.0, 0.0)),
        case("exotic", ns).missing(Status::Unavailable, "io_uring_setup: EPERM (Operation not permitted)"),
        case("deadly", ns).missing(Status::Failed, "the worker was killed by SIGBUS"),
        case("endless", ns).missing(Status::Failed, "the worker gave no answer in 120 s, and was killed"),
        case("shaky", ns).missing(Status::Failed, "31 of 88 rounds dropped: not warm; the last: 3 of 4 pages"),
    ];
    cases[9].proof.dropped_rounds = 31;
    cases[9].proof.reasons.insert("not warm".to_owned(), 31);
    let question = "Random order over 128 pages of a file of 32MiB, all in the page cache: one byte of each read.";
    let params = [("use", "touch"), ("touched", "128"), ("pattern", "random"), ("size", "32MiB")];
    let study = study("page_touch", question, &params, [None, Some("write-4K"), Some("warm")], cases);
    Study { stop_reason: "looks".to_owned(), workers: 22, workers_used: 22, ..study }
}

/// The same, of which the null control takes every verdict.
pub fn every_verdict_tainted() -> Study {
    let mut study = every_verdict();
    study.tainted = true;
    if let Some(null) = &mut study.null_control {
        (null.estimate, null.low, null.high, null.verdict) = (Some(0.91), Some(0.88), Some(0.93), Verdict::Unresolved);
    }
    for ratio in study.cases.iter_mut().filter_map(|case| case.ratio.as_mut()) {
        ratio.verdict = Verdict::Unresolved;
    }
    study
}

/// Every study above but the last two, on a machine with a warning, under a hostile label.
pub fn run() -> Run {
    let floor = |name: &str, ns: f64| Floor {
        name: name.to_owned(),
        unit: "ns".to_owned(),
        estimate: ns,
        low: ns * 0.99,
        high: ns * 1.02,
    };
    let facts = [
        ("clocksource", "kvm-clock"),
        ("read_ahead_kb", "8192"),
        ("transparent_hugepage", "madvise"),
        ("write_cache", "write back"),
    ];
    Run {
        schema: SCHEMA.to_owned(),
        id: "20260102T030405Z-sample".to_owned(),
        label: format!("sample {HOSTILE}"),
        started: "2026-01-02T03:04:05Z".to_owned(),
        finished: Some("2026-01-02T03:08:01Z".to_owned()),
        pagewise: Program {
            version: "0.1.0".to_owned(),
            commit: Some("0123abcd".to_owned()),
            build: Some("release".to_owned()),
        },
        command: ["pagewise", "run", "--budget", "4m"].map(str::to_owned).to_vec(),
        request: None,
        resumed: Vec::new(),
        seed: 42,
        profile: Profile::Full,
        dir: Dir {
            filesystem: "ext4".to_owned(),
            device: Some("vda".to_owned()),
            device_reason: None,
            mount_options: "rw,relatime".to_owned(),
        },
        machine: Machine {
            kernel: "Linux 6.18.44".to_owned(),
            cpu: "Example CPU @ 2.50GHz".to_owned(),
            cpus: 2,
            memory: 25_115_492_352,
            page_size: 4096,
            virtualization: Some("kvm".to_owned()),
            facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        },
        warnings: vec![
            Warning {
                code: "virtual".to_owned(),
                text: "This is a virtual machine: faults and wake-ups cost more than on the metal below.".to_owned(),
                fix: "Compare figures of this machine with each other only.".to_owned(),
            },
            Warning {
                code: "hostile".to_owned(),
                text: format!("A warning that says {HOSTILE}."),
                fix: format!("Do {HOSTILE}."),
            },
        ],
        floors: vec![
            floor("clock read", 41.0),
            floor("stamp", 22.5),
            floor("system call", 86.0),
            floor("minor fault", 640.0),
            floor("page copy", 182.0),
            floor("page copy out", 130.0),
            floor("durable 4 KiB write", 281_000.0),
            floor("re-fault", 910.0),
        ],
        write_back: None,
        beyond_memory: None,
        stalls: Vec::new(),
        studies: vec![
            edit_write_4k(),
            edit_write_1m(),
            edit_visible(),
            copy_one_percent(),
            ipc_one_core(),
            ipc_two_cores(),
            touch_cold_random(),
            touch_cold_sequential(),
            touch_mapped(),
            touch_failed(),
        ],
    }
}

/// A line of samples half a second apart, within a limit of 1 MiB that is reached with the second of them.
pub fn time_line(pattern: &str, method: &str, bytes: u64, rates: &[f64]) -> TimeLine {
    let count = rates.len();
    TimeLine {
        method: method.to_owned(),
        pattern: pattern.to_owned(),
        bytes,
        readers: if pattern == "random" { 16 } else { 1 },
        alone_per_second: 1000.0,
        at_ns: (1..=count as u64).map(|step| step * 500_000_000).collect(),
        operations_per_second: rates.to_vec(),
        bystander_per_second: vec![750.0; count],
        minor_faults_per_second: vec![0.0; count],
        major_faults_per_second: vec![0.0; count],
        device_read_bytes_per_second: vec![Some(600.0 * 4096.0); count],
        refaults_per_second: vec![Some(12.0); count],
        scanned_per_second: vec![Some(10.0); count],
        reclaimed_per_second: vec![Some(5.0); count],
        shootdowns_per_second: vec![Some(300.0); count],
        file_bytes: (0..count).map(|step| Some(if step == 0 { 0 } else { 1 << 20 })).collect(),
        anon_bytes: vec![None; count],
        ..TimeLine::default()
    }
}
