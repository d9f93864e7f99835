//! A run of format v1 from simulated batches: what the engine would write, without a clock.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use pagewise::engine::schedule::orders;
use pagewise::results::model::*;
use pagewise::stats::{Comparison, Sample, compare, level, percentile_stands, tainted, time_per_op, workers_used};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CONFIDENCE: f64 = 0.99;
const MARGIN: f64 = 0.01;
const K: u64 = 16;
const SYSTEM_CALL_NS: f64 = 121.5;

/// One run with a study of each kind: decided, cut short, tainted, of two methods, not started.
pub fn run() -> Run {
    let looks = [11, 14, 18];
    let decided = Plan { workers: 14, looks: looks.to_vec(), stop_reason: "decided", ..Plan::new("warm") };
    let cut_short = Plan { workers: 9, looks: looks.to_vec(), stop_reason: "budget", ..Plan::new("cut short") };
    let off =
        Plan { workers: 18, looks: looks.to_vec(), stop_reason: "looks", null_factor: 1.2, ..Plan::new("tainted") };
    let few = Plan {
        workers: 9,
        looks: vec![9],
        stop_reason: "decided",
        rounds: 4,
        methods: &METHODS[..2],
        ..Plan::new("two methods")
    };
    let studies = vec![decided.measure(1), cut_short.measure(2), off.measure(3), few.measure(4), not_started()];
    Run {
        schema: SCHEMA.to_owned(),
        id: "20260131T120000Z-sample".to_owned(),
        label: "sample <&> \"quoted\" größer".to_owned(),
        started: "2026-01-31T12:00:00.25Z".to_owned(),
        finished: Some("2026-01-31T12:03:00Z".to_owned()),
        pagewise: Program { version: "0.1.0".to_owned(), commit: None, build: None },
        command: ["pagewise", "run", "--quick"].map(str::to_owned).to_vec(),
        seed: u64::MAX - 1,
        profile: Profile::Quick,
        dir: Dir {
            filesystem: "ext4".to_owned(),
            device: None,
            device_reason: Some("overlay: no single disk".to_owned()),
            mount_options: "rw,relatime".to_owned(),
        },
        machine: Machine {
            kernel: "Linux 6.18.44".to_owned(),
            cpu: "simulated".to_owned(),
            cpus: 2,
            memory: 24_000_000_000,
            page_size: 4096,
            virtualization: Some("kvm".to_owned()),
            facts: BTreeMap::from([("read_ahead_kb".to_owned(), "128".to_owned())]),
        },
        warnings: vec![Warning {
            code: "virtual".to_owned(),
            text: "This is a virtual machine.".to_owned(),
            fix: "Measure on the machine that you care about.".to_owned(),
        }],
        floors: vec![Floor {
            name: "system call".to_owned(),
            unit: "ns".to_owned(),
            estimate: SYSTEM_CALL_NS,
            low: 120.0,
            high: 123.0,
        }],
        write_back: None,
        beyond_memory: None,
        stalls: Vec::new(),
        request: Some(Request {
            sweeps: Vec::new(),
            trace: None,
            reading: None,
            commit: None,
            scenarios: studies.iter().map(|study| study.scenario.id.clone()).collect(),
            methods: vec!["pread*".to_owned()],
            file: None,
            evict: false,
            write_back: false,
            dir: ".".to_owned(),
            budget_ns: 180_000_000_000,
            worker_limit_ns: None,
        }),
        resumed: vec!["2026-01-31T12:01:00Z".to_owned()],
        studies,
    }
}

/// A method of the simulation: its name and its time over the baseline's.
type Method = (&'static str, f64);

/// The first is the baseline; `broken` fails its proof too often.
const METHODS: [Method; 6] = [
    ("pread", 1.0),
    ("mmap", 0.4),
    ("pread 256K", 1.001),
    ("mmap+MAP_POPULATE", 1.6),
    ("O_DIRECT", 30.0),
    ("broken", 1.0),
];

struct Plan {
    name: &'static str,
    methods: &'static [Method],
    workers: u32,
    looks: Vec<u32>,
    rounds: u32,
    null_factor: f64,
    stop_reason: &'static str,
}

impl Plan {
    fn new(name: &'static str) -> Self {
        Self { name, methods: &METHODS, workers: 0, looks: vec![], rounds: 12, null_factor: 1.0, stop_reason: "" }
    }

    /// Batches of every method, the null control last.
    fn batches(&self, seed: u64) -> Vec<Batches> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let entries = self.methods.len() + 1;
        let mut all = vec![Batches::default(); entries];
        for worker in 0..self.workers {
            let luck: Vec<f64> = (0..entries).map(|_| rng.random_range(0.999..1.001)).collect();
            for (round, order) in
                orders(entries, self.rounds as usize, seed + u64::from(worker)).into_iter().enumerate()
            {
                let weather = rng.random_range(0.9..1.5);
                let dropped = rng.random_bool(0.05);
                for (position, entry) in order.into_iter().enumerate() {
                    let factor = self.methods.get(entry).map_or(self.null_factor, |method| method.1);
                    let noise = rng.random_range(0.999..1.001);
                    let batches = &mut all[entry];
                    batches.worker.push(worker);
                    batches.round.push(round as u32);
                    batches.position.push(position as u32);
                    batches.ns.push((K as f64 * 50_000.0 * factor * weather * luck[entry] * noise) as u64);
                    batches.dropped.push(dropped);
                }
            }
        }
        all
    }

    fn measure(&self, seed: u64) -> Study {
        let mut batches = self.batches(seed);
        let null_batches = batches.pop().expect("the null control");
        let used = workers_used(&self.looks, self.workers);
        let failed = |method: &Method| method.0 == "broken";
        let comparisons = self.methods.iter().filter(|method| !failed(method)).count();
        let confidence = level(CONFIDENCE, comparisons, self.looks.len());
        let count = |batches: &Batches| samples(batches, if used == 0 { self.workers } else { used });
        let baseline = count(&batches[0]);
        let publish = |seen: Comparison| {
            if used == 0 { seen.before_any_look() } else { seen }
        };
        let null = publish(compare(&count(&null_batches), &baseline, confidence, MARGIN));
        let tainted = tainted(&null, MARGIN);
        let judge = |seen: Comparison| {
            if tainted { seen.of_tainted_study() } else { seen }
        };
        let cases = self.methods.iter().zip(batches).enumerate().map(|(index, (method, batches))| {
            let samples = count(&batches);
            if failed(method) {
                return failed_case(method.0, batches);
            }
            let ratio = (index > 0).then(|| judge(publish(compare(&samples, &baseline, confidence, MARGIN))));
            let time = time_per_op(&samples, K, CONFIDENCE).expect("samples");
            let latency = latency(100 * 4u64.pow(index as u32), seed);
            case(method.0, batches, time, used > 0, ratio, latency)
        });
        Study {
            cases: cases.collect(),
            workers: self.workers,
            workers_used: used,
            tainted,
            null_control: Some(NullControl {
                estimate: null.estimate,
                low: null.low,
                high: null.high,
                verdict: judge(null).verdict,
                batches: null_batches,
            }),
            ..study(self)
        }
    }
}

fn study(plan: &Plan) -> Study {
    Study {
        area: "page_touch".to_owned(),
        scenario: Scenario {
            id: format!("page_touch/{}", plan.name),
            question: "Which way to read a file once is the fastest?".to_owned(),
            operation: "one page".to_owned(),
            params: BTreeMap::from([("size".to_owned(), "64M".to_owned())]),
            state: Some("warm".to_owned()),
            history: Some("write-4K".to_owned()),
            guarantee: None,
        },
        baseline: METHODS[0].0.to_owned(),
        k: K,
        order_seed: 77,
        confidence: CONFIDENCE,
        margin: MARGIN,
        looks: plan.looks.clone(),
        workers: 0,
        workers_used: 0,
        rounds: plan.rounds,
        cache: Some(Cache { pages: 16384, pass_minor_faults: 1024, folios: Some(BTreeMap::from([(4096, 16384)])) }),
        idle: None,
        stop_reason: plan.stop_reason.to_owned(),
        tainted: false,
        null_control: None,
        cases: vec![],
    }
}

fn not_started() -> Study {
    let plan = Plan { looks: vec![9], stop_reason: "failed", ..Plan::new("not started") };
    let unavailable = |method: &Method| Case {
        status: Status::Unavailable,
        reason: Some("open with O_DIRECT: EINVAL".to_owned()),
        ..failed_case(method.0, Batches::default())
    };
    Study { cases: METHODS[..2].iter().map(unavailable).collect(), ..study(&plan) }
}

fn samples(batches: &Batches, workers: u32) -> Vec<Sample> {
    (0..batches.ns.len())
        .filter(|row| !batches.dropped[*row] && batches.worker[*row] < workers)
        .map(|row| Sample { worker: batches.worker[row], round: batches.round[row], ns: batches.ns[row] })
        .collect()
}

fn failed_case(method: &str, batches: Batches) -> Case {
    Case {
        method: method.to_owned(),
        about: "Reads it.".to_owned(),
        status: Status::Failed,
        reason: Some("its state could not be proven in 60 of 168 rounds".to_owned()),
        ns_per_op: None,
        bytes_per_op: None,
        ratio: None,
        latency: None,
        latency_reason: None,
        phases: None,
        per_op: None,
        device_ranges: None,
        floor: None,
        proof: Proof {
            checks: 3,
            dropped_rounds: 60,
            reasons: BTreeMap::from([("minor faults contradict the case".to_owned(), 60)]),
            missing: Vec::new(),
        },
        batches,
    }
}

fn case(
    method: &str,
    batches: Batches,
    (time, interval): (f64, Option<(f64, f64)>),
    sure: bool,
    ratio: Option<Comparison>,
    latency: Latency,
) -> Case {
    let interval = interval.filter(|_| sure);
    Case {
        status: Status::Ok,
        reason: None,
        ns_per_op: Some(Estimate { estimate: time, low: interval.map(|i| i.0), high: interval.map(|i| i.1) }),
        bytes_per_op: Some(4096),
        ratio: ratio.map(|ratio| Ratio {
            estimate: ratio.estimate.expect("pairs"),
            low: ratio.low,
            high: ratio.high,
            confidence: ratio.confidence,
            verdict: ratio.verdict,
        }),
        latency: (method != "O_DIRECT").then_some(latency),
        latency_reason: (method == "O_DIRECT").then(|| "an operation cannot be told from the next".to_owned()),
        phases: None,
        per_op: Some(PerOp { minor_faults: 1.0 / 16.0, ..PerOp::default() }),
        floor: Some(FloorRatio {
            name: "system call".to_owned(),
            units: 1.0,
            also: Vec::new(),
            times: time / SYSTEM_CALL_NS,
        }),
        proof: Proof { checks: 12, ..Proof::default() },
        ..failed_case(method, batches)
    }
}

fn latency(count: u64, seed: u64) -> Latency {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut histogram = Histogram::<u64>::new(3).expect("three digits");
    for _ in 0..count {
        histogram.record(rng.random_range(40_000..90_000)).expect("it grows");
    }
    let percentile = |p: f64| percentile_stands(count, p).then(|| histogram.value_at_quantile(p));
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(&histogram, &mut bytes).expect("to memory");
    Latency {
        p50: percentile(0.5),
        p90: percentile(0.9),
        p99: percentile(0.99),
        p999: percentile(0.999),
        max: histogram.max(),
        count,
        histogram: STANDARD.encode(bytes),
    }
}
