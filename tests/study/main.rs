//! A study from its plan to its figures, with a fake clock: what is found, what is dropped, what is said when things go wrong.
//!
//! | file | asks |
//! |---|---|
//! | here | what becomes of a study on a machine that behaves |
//! | `order` | in which order a worker calls its methods |
//! | `weather` | whether its verdicts hold on one that does not |

#[path = "../bounds/mod.rs"]
mod bounds;
mod order;
mod trial;
mod weather;

use std::time::Duration;

use pagewise::engine::method::Flaw;
use pagewise::engine::plan::{MethodPlan, Plan};
use pagewise::engine::process::{Death, Executor};
use pagewise::engine::protocol::{Answer, Asked, Batch, DiskCounts, Idle, Size, Standing, Task};
use pagewise::engine::study;
use pagewise::results::model::{Scenario, Status, Study, Verdict};
use pagewise::stats::{self, Sample};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A machine on which each method takes a known time, with noise that workers share and noise of each batch.
struct Bench {
    now: Duration,
    rng: ChaCha8Rng,
    /// ns an operation, by name.
    times: Vec<(&'static str, f64)>,
    /// The null control's time over the baseline's.
    null_bias: f64,
    worker_spread: f64,
    /// What becomes of a method in a worker, if not measured.
    fate: fn(&str, usize) -> Fate,
    /// Whether a batch's proof fails: method, worker, round.
    flaw: fn(&str, usize, usize) -> bool,
    workers: usize,
    tasks: Vec<&'static str>,
    /// Bytes that the disk wrote for others in a batch or window: by the count of batches and windows before it.
    foreign: fn(u64) -> u64,
    /// Batches and windows so far.
    ticks: u64,
    /// What slows every method alike, for a while.
    weather: weather::Weather,
    /// A method, and the factor by which whatever follows it is slower.
    trail: Option<(&'static str, f64)>,
    /// Rounds in the order of the methods, whatever is asked.
    fixed_order: bool,
    /// What ran last, by name.
    last: &'static str,
}

#[derive(PartialEq)]
enum Fate {
    Fine,
    Unavailable,
    Kills,
    Hangs,
}

const BATCH: u64 = 100;

impl Bench {
    fn new(times: &[(&'static str, f64)]) -> Self {
        Self {
            now: Duration::ZERO,
            rng: ChaCha8Rng::seed_from_u64(7),
            times: times.to_vec(),
            null_bias: 1.0,
            worker_spread: 0.002,
            fate: |_, _| Fate::Fine,
            flaw: |_, _, _| false,
            workers: 0,
            tasks: Vec::new(),
            foreign: |_| 0,
            ticks: 0,
            weather: weather::Weather::calm(),
            trail: None,
            fixed_order: false,
            last: "",
        }
    }

    /// What the disk writes for others now.
    fn foreign(&mut self) -> u64 {
        self.ticks += 1;
        (self.foreign)(self.ticks)
    }

    fn batch_ns(&mut self, method: usize, asked: &[Asked], luck: f64) -> u64 {
        let null = method > 0 && asked[method] == asked[0];
        let (name, time) = *self.times.iter().find(|(name, _)| *name == asked[method].method).expect("a known method");
        let trail = self.trail.filter(|(before, _)| *before == self.last).map_or(1.0, |(_, factor)| factor);
        // The null control is the baseline, and yet another one.
        self.last = if null { "null" } else { name };
        let bias = if null { self.null_bias } else { 1.0 };
        let noise = 1.0 + self.rng.random_range(-0.001..0.001);
        let weather = self.weather.factor(self.now, method, &mut self.rng);
        let drag = 1.0 + f64::from(asked[method].drag.0) / 1000.0;
        let ns = drag * time * BATCH as f64 * bias * noise * luck * trail * weather;
        self.now += Duration::from_nanos(ns as u64);
        ns as u64
    }
}

impl Executor for Bench {
    fn execute(&mut self, asked: &[Asked], task: Task, _: Duration) -> Result<Answer, Death> {
        self.now += Duration::from_millis(1);
        let mut answer = Answer { methods: vec![Standing::default(); asked.len()], k: BATCH, ..Answer::default() };
        for (index, method) in asked.iter().enumerate() {
            match (self.fate)(&method.method, self.workers) {
                Fate::Hangs => {
                    self.now += Duration::from_secs(20);
                    return Err(Death::At(index, "the worker gave no answer in 20 s, and was killed".to_owned()));
                }
                Fate::Kills => return Err(Death::At(index, "the worker was killed by SIGBUS".to_owned())),
                Fate::Unavailable => answer.methods[index].unavailable = Some("not on this machine".to_owned()),
                Fate::Fine => {}
            }
        }
        match task {
            Task::Calibrate(_) => {
                self.tasks.push("calibrate");
                for index in 0..asked.len() {
                    answer.methods[index].batch_cost_ns = self.batch_ns(index, asked, 1.0);
                }
            }
            Task::Rounds { orders, wanted, .. } => {
                self.tasks.push("rounds");
                self.last = "";
                self.weather.new_worker(asked.len(), &mut self.rng);
                let mut held = 0;
                for (round, order) in orders.iter().enumerate() {
                    if held == wanted {
                        break;
                    }
                    let first = answer.batches.len();
                    let listed: Vec<usize> = (0..order.len()).collect();
                    for (position, method) in if self.fixed_order { &listed } else { order }.iter().enumerate() {
                        let luck = 1.0 + self.rng.random_range(-self.worker_spread..=self.worker_spread);
                        let ns = self.batch_ns(*method, asked, luck);
                        let bad = (self.flaw)(&asked[*method].method, self.workers, round);
                        answer.batches.push(Batch {
                            method: *method,
                            round: round as u32,
                            position: position as u32,
                            ns,
                            minor_faults: BATCH,
                            own_read: Some(512 * BATCH),
                            disk: Some(DiskCounts { read: 0, written: 4096 * BATCH + self.foreign(), flushes: None }),
                            writes: true,
                            pages: BATCH,
                            checks: 2,
                            flaw: bad.then(|| Flaw { code: "not warm".to_owned(), detail: "3 of 4 pages".to_owned() }),
                            ..Batch::default()
                        });
                    }
                    let written = self.foreign();
                    answer.idle.push(Idle { round: round as u32, ns: 1_000, written, flushes: None });
                    held += usize::from(answer.batches[first..].iter().all(|batch| batch.flaw.is_none()));
                }
                self.workers += 1;
            }
            Task::Latency { .. } => {
                self.tasks.push("latency");
                answer.stamps = asked.iter().map(|_| (1..=1000).collect()).collect();
            }
        }
        Ok(answer)
    }

    fn elapsed(&self) -> Duration {
        self.now
    }
}

fn plan(names: &[&str]) -> Plan {
    Plan {
        area: "test".to_owned(),
        scenario: Scenario {
            id: "test/one".to_owned(),
            question: String::new(),
            operation: String::new(),
            params: std::collections::BTreeMap::new(),
            state: None,
            history: None,
            guarantee: None,
        },
        methods: names.iter().map(|name| MethodPlan::new(name, "")).collect(),
        baseline: 0,
        size: Size::Fixed(BATCH),
        margin: 0.01,
        needs: Vec::new(),
        floors: Vec::new(),
        bytes_per_op: None,
        missing: Vec::new(),
        stamps: true,
    }
}

fn measure(bench: &mut Bench, budget: Duration) -> Study {
    measure_with(bench, budget, 1)
}

/// With orders drawn from `seed`.
fn measure_with(bench: &mut Bench, budget: Duration, seed: u64) -> Study {
    let names: Vec<&str> = bench.times.iter().map(|(name, _)| *name).collect();
    study::run(&plan(&names), budget, seed, bench, &mut |_| {})
}

fn verdict(study: &Study, method: &str) -> Verdict {
    let case = study.cases.iter().find(|case| case.method == method).expect("a case");
    case.ratio.expect("a ratio").verdict
}

const LONG: Duration = Duration::from_secs(100);

#[test]
fn each_method_gets_the_verdict_that_its_time_deserves() {
    let mut bench = Bench::new(&[("base", 1000.0), ("same", 1001.0), ("slow", 1100.0), ("fast", 500.0)]);
    let study = measure(&mut bench, LONG);
    assert_eq!(verdict(&study, "same"), Verdict::Equal);
    assert_eq!(verdict(&study, "slow"), Verdict::Slower);
    assert_eq!(verdict(&study, "fast"), Verdict::Faster);
    assert_eq!(study.stop_reason, "decided");
    assert!(!study.tainted);
    assert!(study.cases[0].ratio.is_none(), "the baseline is not compared with itself");
    let time = study.cases[3].ns_per_op.unwrap();
    assert!((time.estimate - 500.0).abs() < 5.0 && time.low.unwrap() <= time.estimate);
    assert_eq!(bench.tasks.first(), Some(&"calibrate"));
    assert_eq!(bench.tasks.last(), Some(&"latency"));
}

#[test]
fn a_study_stops_at_its_first_look_when_all_is_decided_and_at_its_last_when_it_never_is() {
    let decided = measure(&mut Bench::new(&[("base", 1000.0), ("fast", 500.0)]), LONG);
    assert_eq!(decided.workers, decided.looks[0]);
    let mut noisy = Bench::new(&[("base", 1000.0), ("near", 1010.0)]);
    noisy.worker_spread = 0.3;
    let never = measure(&mut noisy, LONG);
    assert_eq!((never.stop_reason.as_str(), never.workers), ("looks", *never.looks.last().unwrap()));
    assert_eq!(verdict(&never, "near"), Verdict::Unresolved);
}

#[test]
fn a_study_that_its_budget_cuts_short_is_unresolved_and_not_left_out() {
    let mut bench = Bench::new(&[("base", 10_000_000.0), ("fast", 5_000_000.0)]);
    let study = measure(&mut bench, Duration::from_secs(8));
    assert_eq!(study.stop_reason, "budget");
    assert_eq!(study.workers_used, 0);
    assert!(study.workers > 0);
    let fast = study.cases[1].ratio.unwrap();
    assert_eq!((fast.verdict, fast.low, fast.high), (Verdict::Unresolved, None, None));
    assert!((fast.estimate - 0.5).abs() < 0.01);
}

#[test]
fn a_study_that_is_a_little_late_still_reaches_its_first_look() {
    // Nine workers of 250 ms: calibration saw 2.25 s of the 2.34 s that there are, and the machine got a tenth slower a second.
    let mut bench = Bench::new(&[("base", 1_000_000.0), ("fast", 500_000.0)]);
    bench.weather = weather::Weather::that_gets_worse();
    let study = measure(&mut bench, Duration::from_millis(2_900));
    assert_eq!((study.looks.as_slice(), study.workers_used), (&[9][..], 9));
    assert_eq!(verdict(&study, "fast"), Verdict::Faster);
}

#[test]
fn a_null_control_that_is_off_takes_every_verdict_away() {
    let mut bench = Bench::new(&[("base", 1000.0), ("slow", 2000.0)]);
    bench.null_bias = 1.05;
    let study = measure(&mut bench, LONG);
    assert!(study.tainted);
    assert_eq!(verdict(&study, "slow"), Verdict::Unresolved);
    assert!(study.cases[1].ratio.unwrap().low.is_some(), "the interval stays, the verdict does not");
}

#[test]
fn a_worker_s_death_fails_its_method_and_the_run_goes_on() {
    let mut bench = Bench::new(&[("base", 1000.0), ("deadly", 1000.0), ("fast", 500.0)]);
    bench.fate = |name, worker| if name == "deadly" && worker >= 2 { Fate::Kills } else { Fate::Fine };
    let study = measure(&mut bench, LONG);
    let deadly = &study.cases[1];
    assert_eq!(deadly.status, Status::Failed);
    assert!(deadly.reason.as_ref().unwrap().contains("SIGBUS"));
    assert!(deadly.ratio.is_none() && deadly.ns_per_op.is_none());
    assert_eq!(verdict(&study, "fast"), Verdict::Faster);
}

#[test]
fn a_worker_that_hung_in_calibration_costs_its_time_and_does_not_count_as_what_a_worker_costs() {
    let plan = |fate: fn(&str, usize) -> Fate, budget: u64| {
        let mut bench = Bench::new(&[("base", 1000.0), ("stuck", 1000.0), ("fast", 500.0)]);
        bench.fate = fate;
        measure(&mut bench, Duration::from_secs(budget))
    };
    let hung = plan(|name, _| if name == "stuck" { Fate::Hangs } else { Fate::Fine }, 120);
    assert_eq!(hung.cases[1].status, Status::Failed);
    assert_eq!(verdict(&hung, "fast"), Verdict::Faster);
    let without = plan(|name, _| if name == "stuck" { Fate::Unavailable } else { Fate::Fine }, 100);
    assert_eq!(
        (hung.looks, hung.rounds),
        (without.looks, without.rounds),
        "the same effort with the time that is left"
    );
}

#[test]
fn a_study_without_its_baseline_says_so_in_every_row() {
    let mut bench = Bench::new(&[("base", 1000.0), ("fast", 500.0)]);
    bench.fate = |name, _| if name == "base" { Fate::Unavailable } else { Fate::Fine };
    let study = measure(&mut bench, LONG);
    assert_eq!(study.stop_reason, "failed");
    assert_eq!(study.cases[0].status, Status::Unavailable);
    assert!(study.cases[1].reason.as_ref().unwrap().contains("baseline"));
}

#[test]
fn what_this_machine_cannot_do_is_a_row_with_its_reason() {
    let mut bench = Bench::new(&[("base", 1000.0), ("exotic", 1.0), ("fast", 500.0)]);
    bench.fate = |name, _| if name == "exotic" { Fate::Unavailable } else { Fate::Fine };
    let study = measure(&mut bench, LONG);
    assert_eq!(study.cases[1].status, Status::Unavailable);
    assert_eq!(study.cases[1].reason.as_deref(), Some("not on this machine"));
    assert_eq!(verdict(&study, "fast"), Verdict::Faster);
}

#[test]
fn a_failed_proof_drops_the_round_for_every_method() {
    let mut bench = Bench::new(&[("base", 1000.0), ("fast", 500.0)]);
    bench.flaw = |name, worker, round| name == "fast" && worker == 1 && round == 0;
    let study = measure(&mut bench, LONG);
    for case in &study.cases {
        let dropped: Vec<(u32, u32)> = (0..case.batches.ns.len())
            .filter(|index| case.batches.dropped[*index])
            .map(|index| (case.batches.worker[index], case.batches.round[index]))
            .collect();
        assert_eq!(dropped, [(1, 0)], "{}", case.method);
    }
    let taken = |worker| study.cases[0].batches.worker.iter().filter(|other| **other == worker).count();
    assert_eq!(taken(1), taken(0) + 1, "a dropped round is taken again");
    assert_eq!(study.cases[1].proof.dropped_rounds, 1);
    assert_eq!(study.cases[0].proof.dropped_rounds, 0);
    assert_eq!(verdict(&study, "fast"), Verdict::Faster);
}

#[test]
fn a_case_whose_proof_often_fails_is_failed_and_the_others_keep_their_rounds() {
    let mut bench = Bench::new(&[("base", 1000.0), ("shaky", 500.0), ("fast", 500.0)]);
    bench.flaw = |name, worker, _| name == "shaky" && worker.is_multiple_of(3);
    let study = measure(&mut bench, LONG);
    assert_eq!(study.cases[1].status, Status::Failed);
    assert!(study.cases[1].reason.as_ref().unwrap().contains("not warm"));
    assert!(study.cases[2].batches.dropped.iter().all(|dropped| !dropped));
    assert_eq!(verdict(&study, "fast"), Verdict::Faster);
}

#[test]
fn a_baseline_that_is_given_up_early_leaves_no_row_that_its_own_proofs_would_fail() {
    let mut bench = Bench::new(&[("base", 1000.0), ("shaky", 500.0), ("fast", 500.0)]);
    bench.flaw = |name, _, round| name == "base" || name == "shaky" && round % 3 == 0;
    let study = measure(&mut bench, LONG);
    assert_eq!(study.stop_reason, "failed");
    let told: Vec<Status> = study.cases.iter().map(|case| case.status).collect();
    assert_eq!(told, [Status::Failed, Status::Failed, Status::Ok], "a third of the rounds is more than a fifth");
}

#[test]
fn a_percentile_is_given_only_where_the_count_supports_it() {
    let study = measure(&mut Bench::new(&[("base", 1000.0), ("fast", 500.0)]), LONG);
    let latency = study.cases[0].latency.as_ref().unwrap();
    assert_eq!((latency.count, latency.max), (1000, 1000));
    assert!(latency.p99.is_some(), "a thousand operations have ten beyond the 99th percentile");
    assert!(latency.p999.is_none(), "and one beyond the 99.9th");
}

#[test]
fn counters_are_an_operation_s_and_those_of_dropped_rounds_do_not_count() {
    let study = measure(&mut Bench::new(&[("base", 1000.0), ("fast", 500.0)]), LONG);
    let per_op = study.cases[1].per_op.unwrap();
    assert!((per_op.minor_faults - 1.0).abs() < 1e-9);
    assert_eq!(per_op.device_read_bytes, Some(512.0));
    assert_eq!(per_op.device_write_bytes, Some(4096.0));
    assert_eq!(per_op.device_flushes, None, "a disk that does not count flushes has told of none");
}

/// A study of a method that writes 4,096 bytes an operation, on a disk that writes `foreign` besides.
fn study_beside(foreign: fn(u64) -> u64) -> Study {
    let mut bench = Bench::new(&[("base", 1000.0), ("fast", 500.0)]);
    bench.foreign = foreign;
    measure(&mut bench, LONG)
}

#[test]
fn writes_of_others_in_a_fifth_of_the_batches_change_no_figure() {
    let study = study_beside(|tick| if tick % 5 == 0 { 1 << 20 } else { 0 });
    let case = &study.cases[1];
    assert_eq!(case.per_op.unwrap().device_write_bytes, Some(4096.0));
    let written = &case.device_ranges.as_ref().unwrap().written;
    assert_eq!((written.low, written.high, written.reason.as_deref()), (4096.0, 4096.0, None));
    let idle = study.idle.as_ref().unwrap();
    let seen = idle.device_written.iter().filter(|bytes| **bytes > 0).count() as f64 / idle.ns.len() as f64;
    assert!(idle.foreign_writes > seen && idle.foreign_writes < 0.5, "{seen} {}", idle.foreign_writes);
    assert_eq!(verdict(&study, "fast"), Verdict::Faster);
    assert!(case.proof.dropped_rounds == 0 && case.batches.dropped.iter().all(|dropped| !dropped));
}

#[test]
fn writes_of_others_in_nearly_every_batch_make_the_figure_unknown_and_nothing_else() {
    let study = study_beside(|tick| if tick % 20 == 0 { 0 } else { 1 << 20 });
    let case = &study.cases[1];
    assert_eq!(case.per_op.unwrap().device_write_bytes, None);
    let written = &case.device_ranges.as_ref().unwrap().written;
    assert!(written.reason.as_ref().unwrap().contains("another program"), "{written:?}");
    assert!(written.low >= 4096.0 && written.high > 2.0 * 4096.0, "{written:?}");
    assert_eq!((case.status, verdict(&study, "fast")), (Status::Ok, Verdict::Faster));
}

#[test]
fn where_writes_of_others_can_have_moved_the_median_the_figure_is_unknown() {
    // In just under half of the batches: their median is the method's own, but that cannot be known.
    let study = study_beside(|tick| if tick % 9 < 4 { tick << 12 } else { 0 });
    let written = &study.cases[1].device_ranges.as_ref().unwrap().written;
    assert!(study.idle.as_ref().unwrap().foreign_writes < 0.8);
    assert_eq!(written.reason.is_some(), written.high - written.low > 0.1 * written.high, "{written:?}");
    assert_eq!(study.cases[1].per_op.unwrap().device_write_bytes.is_none(), written.reason.is_some());
}

#[test]
fn every_figure_can_be_computed_again_from_the_study_alone() {
    let mut bench = Bench::new(&[("base", 1000.0), ("near", 1005.0), ("fast", 500.0)]);
    bench.flaw = |name, worker, round| name == "near" && worker == 2 && round == 1;
    let study = measure(&mut bench, LONG);
    let samples = |index: usize| -> Vec<Sample> {
        let batches = &study.cases[index].batches;
        (0..batches.ns.len())
            .filter(|row| !batches.dropped[*row] && batches.worker[*row] < study.workers_used)
            .map(|row| Sample { worker: batches.worker[row], round: batches.round[row], ns: batches.ns[row] })
            .collect()
    };
    for index in 1..study.cases.len() {
        let ratio = study.cases[index].ratio.unwrap();
        let again = stats::compare(&samples(index), &samples(0), ratio.confidence, study.margin);
        assert_eq!(again.estimate, Some(ratio.estimate));
        assert_eq!((again.low, again.high, again.verdict), (ratio.low, ratio.high, ratio.verdict));
        let time = study.cases[index].ns_per_op.unwrap();
        let (estimate, interval) = stats::time_per_op(&samples(index), study.k, study.confidence).unwrap();
        assert_eq!((estimate, interval), (time.estimate, time.low.zip(time.high)));
    }
}
