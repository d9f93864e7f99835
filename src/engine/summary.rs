//! What the batches come to: from a study's ledger to its results, by the rules of docs/FORMAT.md.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};

use crate::results::model::{
    Batches, Case, DeviceRange, DeviceRanges, Disturbed, Estimate, IdleWindows, Latency, NullControl, PerOp, Phases,
    Proof, Ratio, Status, Study, Verdict,
};
use crate::stats::{self, Comparison, Sample};

use super::ledger::{Fate, Ledger};
use super::method::Flaw;
use super::need::held_against;
use super::plan::{CONFIDENCE, Plan};
use super::protocol::{self, Batch, DiskCounts, Idle};
use super::validity::MOST_DROPPED;

/// Confidence of the bound on the share of idle windows with foreign traffic.
const FOREIGN_CONFIDENCE: f64 = 0.99;
/// From this bound on, foreign traffic may be in so many batches that their median tells nothing of the case.
const MOST_FOREIGN: f64 = 0.8;
/// A device figure is given if others can have moved it by at most this part.
const MOST_MOVED: f64 = 0.1;
/// A steady batch moves this much more than the case's median, or a quarter more, before others are seen in it: a log line is no disturbance.
const SLACK_BYTES: f64 = 65_536.0;
/// Before a look, a case is given up only after this many workers, and if more than this part of its rounds was dropped: it would not recover.
const HOPELESS: (usize, f64) = (3, 0.5);

/// A round, by worker and number.
type Round = (u32, u32);

/// Rounds whose proof failed, and why, a case each (the null control last).
fn flaws(plan: &Plan, ledger: &Ledger) -> Vec<BTreeMap<Round, Flaw>> {
    let mut flaws = vec![BTreeMap::new(); plan.methods.len() + 1];
    for (case, found) in flaws.iter_mut().enumerate() {
        found.extend(of_case(ledger, case).filter_map(|(round, batch)| Some((round, batch.flaw.clone()?))));
    }
    flaws
}

fn of_case(ledger: &Ledger, case: usize) -> impl Iterator<Item = (Round, &Batch)> {
    ledger.workers.iter().enumerate().flat_map(move |(worker, batches)| {
        batches.iter().filter(move |batch| batch.method == case).map(move |batch| ((worker as u32, batch.round), batch))
    })
}

/// Fails the cases whose proofs failed in too many rounds; the others' rounds then no longer suffer for them.
/// `last_word` is said at a look and at the end; before, only a hopeless case fails.
pub fn fail_the_unproven(plan: &Plan, ledger: &mut Ledger, last_word: bool) {
    let most = if last_word { MOST_DROPPED } else { HOPELESS.1 };
    for (case, flaws) in flaws(plan, ledger).into_iter().enumerate() {
        let index = if case < plan.methods.len() { case } else { plan.baseline };
        let rounds = of_case(ledger, case).count();
        let too_many = (last_word || ledger.workers.len() >= HOPELESS.0) && flaws.len() as f64 > most * rounds as f64;
        if let Some(last) = flaws.values().last().filter(|_| too_many && ledger.fates[index] == Fate::In) {
            let reason =
                format!("{} of {rounds} rounds dropped: {}; the last: {}", flaws.len(), last.code, last.detail);
            ledger.fates[index] = Fate::Failed(reason);
        }
    }
}

/// Everything that verdicts rest on, worked out once.
struct Reading<'a> {
    plan: &'a Plan,
    ledger: &'a Ledger,
    flaws: Vec<BTreeMap<Round, Flaw>>,
    dropped: BTreeSet<Round>,
    level: f64,
    tainted: bool,
    null: Comparison,
    idle: Option<IdleWindows>,
}

impl<'a> Reading<'a> {
    fn new(plan: &'a Plan, ledger: &'a Ledger) -> Self {
        let flaws = flaws(plan, ledger);
        let counts = |case: usize| case >= plan.methods.len() || ledger.fates[case] == Fate::In;
        let dropped = flaws
            .iter()
            .enumerate()
            .filter(|(case, _)| counts(*case))
            .flat_map(|(_, found)| found.keys().copied())
            .collect();
        let level = stats::level(CONFIDENCE, ledger.comparisons.max(1), ledger.looks.len().max(1));
        let mut reading = Self {
            plan,
            ledger,
            flaws,
            dropped,
            level,
            tainted: false,
            null: stats::compare(&[], &[], level, plan.margin),
            idle: idle_windows(&ledger.idle),
        };
        reading.null = reading.compare(plan.methods.len());
        reading.tainted = stats::tainted(&reading.null, plan.margin);
        reading
    }

    /// Kept batches of a case, of the workers that count.
    fn samples(&self, case: usize) -> Vec<Sample> {
        let used = match self.ledger.workers_used() {
            0 => self.ledger.workers.len(),
            used => used,
        };
        of_case(self.ledger, case)
            .filter(|((worker, _), _)| (*worker as usize) < used)
            .filter(|(round, batch)| !self.dropped.contains(round) && batch.flaw.is_none())
            .map(|((worker, round), batch)| Sample { worker, round, ns: batch.ns })
            .collect()
    }

    fn compare(&self, case: usize) -> Comparison {
        // Against a baseline that failed there is nothing to compare.
        let baseline_in = self.ledger.fates[self.plan.baseline] == Fate::In;
        let baseline = if baseline_in { self.samples(self.plan.baseline) } else { Vec::new() };
        let comparison = stats::compare(&self.samples(case), &baseline, self.level, self.plan.margin);
        if self.ledger.workers_used() == 0 { comparison.before_any_look() } else { comparison }
    }

    /// A comparison as it is published: without a verdict where the null control taints the study.
    fn published(&self, comparison: Comparison) -> Comparison {
        if self.tainted { comparison.of_tainted_study() } else { comparison }
    }

    /// The columns of a case, every batch in them; those of a failed case's own flaws are dropped there alone.
    fn columns(&self, case: usize) -> Batches {
        let mut columns = Batches::default();
        let usual = usual_bytes(self.ledger, case);
        for ((worker, round), batch) in of_case(self.ledger, case) {
            columns.worker.push(worker);
            columns.round.push(round);
            columns.position.push(batch.position);
            columns.ns.push(batch.ns);
            let own = self.flaws[case].contains_key(&(worker, round));
            columns.dropped.push(own || self.dropped.contains(&(worker, round)));
            let others_wrote = usual.zip(moved(batch)).is_some_and(|(usual, bytes)| bytes > usual);
            columns.disturbed.push(batch.disturbed | Disturbed::WRITES.when(others_wrote));
            columns.own_read.push(batch.own_read);
            columns.device_read.push(batch.disk.map(|disk| disk.read));
            columns.device_written.push(batch.disk.map(|disk| disk.written));
            columns.device_flushes.push(batch.disk.and_then(|disk| disk.flushes));
        }
        let measured =
            [&mut columns.own_read, &mut columns.device_read, &mut columns.device_written, &mut columns.device_flushes];
        measured.into_iter().filter(|column| column.iter().all(Option::is_none)).for_each(Vec::clear);
        columns
    }

    /// Batches of a case that count, of all workers.
    fn kept(&self, case: usize) -> Vec<&'a Batch> {
        of_case(self.ledger, case)
            .filter(|(round, batch)| !self.dropped.contains(round) && batch.flaw.is_none())
            .map(|(_, batch)| batch)
            .collect()
    }
}

/// Whether every comparison has a verdict. The null control guards them; it need not be proven equal.
pub fn decided(plan: &Plan, ledger: &Ledger) -> bool {
    let reading = Reading::new(plan, ledger);
    let mut others = (0..plan.methods.len()).filter(|case| *case != plan.baseline && ledger.fates[*case] == Fate::In);
    !reading.tainted && others.all(|case| reading.compare(case).verdict != Verdict::Unresolved)
}

/// The study, as format v1 has it.
pub fn study(plan: &Plan, ledger: &Ledger) -> Study {
    let reading = Reading::new(plan, ledger);
    let measured = !ledger.workers.is_empty();
    Study {
        area: plan.area.clone(),
        scenario: plan.scenario.clone(),
        baseline: plan.methods[plan.baseline].name.clone(),
        k: ledger.k,
        order_seed: ledger.seed,
        confidence: CONFIDENCE,
        margin: plan.margin,
        looks: ledger.looks.iter().map(|look| *look as u32).collect(),
        workers: ledger.workers.len() as u32,
        workers_used: ledger.workers_used() as u32,
        rounds: ledger.rounds as u32,
        cache: None,
        idle: reading.idle.clone(),
        stop_reason: ledger.stop.name().to_owned(),
        tainted: reading.tainted,
        null_control: measured.then(|| NullControl {
            estimate: reading.null.estimate,
            low: reading.null.low,
            high: reading.null.high,
            verdict: reading.published(reading.null).verdict,
            batches: reading.columns(plan.methods.len()),
        }),
        cases: (0..plan.methods.len()).map(|index| case(&reading, index)).collect(),
    }
}

fn case(reading: &Reading<'_>, index: usize) -> Case {
    let (plan, ledger) = (reading.plan, reading.ledger);
    let (status, reason) = match &ledger.fates[index] {
        Fate::In if ledger.workers.is_empty() => (Status::Failed, Some(not_reached(plan, ledger))),
        Fate::In => (Status::Ok, None),
        Fate::Unavailable(reason) => (Status::Unavailable, Some(reason.clone())),
        Fate::Failed(reason) => (Status::Failed, Some(reason.clone())),
    };
    let fine = status == Status::Ok;
    let time = fine.then(|| time(reading, index)).flatten();
    let latency = if fine { latency(&ledger.stamps[index]) } else { None };
    let latency_reason = (fine && latency.is_none()).then(|| {
        ledger.no_stamps[index].clone().unwrap_or_else(|| "the study ended before its latency pass".to_owned())
    });
    let device_ranges = if fine { device_ranges(reading, index) } else { None };
    let per_op = fine.then(|| per_op(reading, index, device_ranges.as_ref())).flatten();
    let faults = per_op.map_or(0.0, |per_op| per_op.minor_faults);
    Case {
        method: plan.methods[index].name.clone(),
        about: plan.methods[index].about.clone(),
        status,
        reason,
        ns_per_op: time,
        bytes_per_op: plan.bytes_per_op,
        ratio: (fine && index != plan.baseline).then(|| ratio(reading, index)).flatten(),
        latency,
        latency_reason,
        phases: if fine { phases(&ledger.phases[index]) } else { None },
        per_op,
        device_ranges,
        floor: time.and_then(|time| held_against(time.estimate, &ledger.needs[index], faults, &plan.floors)),
        proof: proof(reading, index),
        batches: reading.columns(index),
    }
}

fn not_reached(plan: &Plan, ledger: &Ledger) -> String {
    match &ledger.fates[plan.baseline] {
        Fate::In => "not measured: interrupted before the first worker ended".to_owned(),
        Fate::Unavailable(_) | Fate::Failed(_) => {
            "not measured: the baseline could not be, so there is nothing to compare with".to_owned()
        }
    }
}

fn time(reading: &Reading<'_>, index: usize) -> Option<Estimate> {
    let (estimate, interval) = stats::time_per_op(&reading.samples(index), reading.ledger.k, CONFIDENCE)?;
    let interval = interval.filter(|_| reading.ledger.workers_used() > 0);
    Some(Estimate { estimate, low: interval.map(|(low, _)| low), high: interval.map(|(_, high)| high) })
}

fn ratio(reading: &Reading<'_>, index: usize) -> Option<Ratio> {
    let comparison = reading.published(reading.compare(index));
    Some(Ratio {
        estimate: comparison.estimate?,
        low: comparison.low,
        high: comparison.high,
        confidence: reading.level,
        verdict: comparison.verdict,
    })
}

/// Means over every batch that was kept; of what the device wrote and was sent, medians.
fn per_op(reading: &Reading<'_>, index: usize, ranges: Option<&DeviceRanges>) -> Option<PerOp> {
    let kept = reading.kept(index);
    let operations = kept.len() as f64 * reading.ledger.k as f64;
    if operations == 0.0 {
        return None;
    }
    let mean = |value: fn(&Batch) -> u64| kept.iter().map(|batch| value(batch) as f64).sum::<f64>() / operations;
    let known = |value: fn(&Batch) -> Option<u64>| {
        let values: Option<Vec<u64>> = kept.iter().map(|batch| value(batch)).collect();
        values.map(|all| all.into_iter().map(|each| each as f64).sum::<f64>() / operations)
    };
    let given = |range: &DeviceRange| range.reason.is_none().then_some(range.high);
    let pages: u64 = kept.iter().map(|batch| batch.pages).sum();
    let faults: u64 = kept.iter().map(|batch| batch.minor_faults).sum();
    Some(PerOp {
        minor_faults: mean(|batch| batch.minor_faults),
        major_faults: mean(|batch| batch.major_faults),
        voluntary_switches: mean(|batch| batch.voluntary_switches),
        user_ns: mean(|batch| batch.user_ns),
        system_ns: mean(|batch| batch.system_ns),
        device_read_bytes: known(|batch| batch.own_read),
        device_write_bytes: ranges.and_then(|ranges| given(&ranges.written)),
        device_flushes: ranges.and_then(|ranges| given(ranges.flushes.as_ref()?)),
        dirty_pages: known(|batch| batch.dirty_left),
        minor_faults_per_page: (pages > 0).then(|| faults as f64 / pages as f64),
    })
}

/// The idle windows of all workers, and how often others used the device in them; `None` where none was taken.
fn idle_windows(taken: &[Vec<Idle>]) -> Option<IdleWindows> {
    let mut columns = IdleWindows::default();
    for (worker, windows) in taken.iter().enumerate() {
        for window in windows {
            columns.worker.push(worker as u32);
            columns.round.push(window.round);
            columns.ns.push(window.ns);
            columns.device_written.push(window.written);
            columns.device_flushes.push(window.flushes);
        }
    }
    let windows = columns.ns.len();
    let bound = |foreign: usize| stats::rate_at_most(foreign, windows, FOREIGN_CONFIDENCE);
    columns.foreign_writes = bound(columns.device_written.iter().filter(|bytes| **bytes > 0).count());
    let flushes: Option<Vec<u64>> = columns.device_flushes.iter().copied().collect();
    columns.foreign_flushes = flushes.map(|all| bound(all.into_iter().filter(|flushes| *flushes > 0).count()));
    (windows > 0).then_some(columns)
}

/// Between what and what the case's own device figures lie; `None` where it writes nothing to a device that can be watched.
fn device_ranges(reading: &Reading<'_>, index: usize) -> Option<DeviceRanges> {
    let kept = reading.kept(index);
    let counts: Option<Vec<DiskCounts>> = kept.iter().map(|batch| batch.disk.filter(|_| batch.writes)).collect();
    let counts = counts.filter(|counts| !counts.is_empty())?;
    let k = reading.ledger.k as f64;
    let written: Vec<f64> = counts.iter().map(|disk| disk.written as f64 / k).collect();
    let flushes: Option<Vec<f64>> = counts.iter().map(|disk| Some(disk.flushes? as f64 / k)).collect();
    // Without a window nothing is known of others.
    let (writes, sent) =
        reading.idle.as_ref().map_or((1.0, Some(1.0)), |idle| (idle.foreign_writes, idle.foreign_flushes));
    Some(DeviceRanges {
        written: device_range(&written, writes, "writes to")?,
        flushes: flushes.and_then(|values| device_range(&values, sent.unwrap_or(1.0), "flushes")),
    })
}

/// The range of one figure, where at most the part `foreign` of the batches holds others' traffic. That only adds: so the case's own median
/// is at most the batches' median, and at least their (1 − `foreign`)/2 quantile.
fn device_range(values: &[f64], foreign: f64, what: &str) -> Option<DeviceRange> {
    let (low, high) = (stats::quantile(values, (1.0 - foreign) / 2.0)?, stats::median(values)?);
    let reason = if foreign >= MOST_FOREIGN {
        Some(format!("another program {what} this disk in too many idle windows"))
    } else if high - low > MOST_MOVED * high {
        Some(format!("another program {what} this disk, which may move the figure by more than 10 %"))
    } else {
        None
    };
    Some(DeviceRange { low, high, reason })
}

/// Bytes that a batch moved on the device, where every batch of its case should move about the same.
fn moved(batch: &Batch) -> Option<f64> {
    batch.disk.filter(|_| batch.steady).map(|disk| (disk.read + disk.written) as f64)
}

/// Bytes above which a batch of a steady case holds others' traffic; `None` where the case is not steady.
fn usual_bytes(ledger: &Ledger, case: usize) -> Option<f64> {
    let all: Vec<f64> =
        of_case(ledger, case).filter(|(_, batch)| batch.flaw.is_none()).filter_map(|(_, batch)| moved(batch)).collect();
    let median = stats::median(&all)?;
    Some(median + SLACK_BYTES.max(median / 4.0))
}

/// Evidence that the case rests on and that could not be had.
fn missing(reading: &Reading<'_>, index: usize) -> Vec<String> {
    let kept = reading.kept(index);
    let mut missing = reading.plan.missing.clone();
    let needs_flushes = kept.iter().any(|batch| batch.flushes_needed > 0);
    if needs_flushes && kept.iter().any(|batch| batch.disk.is_none()) {
        missing.push("bytes written and flushes: no single disk can be watched here".to_owned());
    } else if needs_flushes && kept.iter().any(|batch| batch.disk.is_some_and(|disk| disk.flushes.is_none())) {
        missing.push("flushes: they are not counted for this disk".to_owned());
    } else if needs_flushes {
        let foreign = reading.idle.as_ref().and_then(|idle| idle.foreign_flushes).unwrap_or(1.0);
        if foreign >= MOST_FOREIGN {
            missing
                .push("flushes: not provable here, since another program's flushes could stand in for them".to_owned());
        }
    }
    missing
}

fn proof(reading: &Reading<'_>, index: usize) -> Proof {
    let mut reasons = BTreeMap::new();
    for flaw in reading.flaws[index].values() {
        *reasons.entry(flaw.code.clone()).or_insert(0) += 1;
    }
    let in_batches: u64 = of_case(reading.ledger, index).map(|(_, batch)| batch.checks).sum();
    Proof {
        checks: in_batches + reading.ledger.checks[index],
        dropped_rounds: reading.flaws[index].len() as u64,
        reasons,
        missing: if reading.ledger.fates[index] == Fate::In { missing(reading, index) } else { Vec::new() },
    }
}

/// The medians over batches that were taken phase by phase.
fn phases(taken: &[protocol::Phases]) -> Option<Phases> {
    let median = |value: fn(&protocol::Phases) -> Option<f64>| {
        let values: Option<Vec<f64>> = taken.iter().map(value).collect();
        stats::median(&values?)
    };
    Some(Phases {
        enter_ns: median(|batch| Some(batch.enter as f64))?,
        first_ns_per_op: median(|batch| (batch.first_ops > 0).then(|| batch.first as f64 / batch.first_ops as f64))?,
        again_ns_per_op: median(|batch| (batch.again_ops > 0).then(|| batch.again as f64 / batch.again_ops as f64)),
        leave_ns: median(|batch| Some(batch.leave as f64))?,
        memory_bytes: median(|batch| batch.memory.map(|bytes| bytes as f64)),
        batches: taken.len() as u64,
    })
}

/// Percentiles that the count supports, and the histogram they come from.
fn latency(stamps: &[u64]) -> Option<Latency> {
    let mut histogram = Histogram::<u64>::new(3).ok()?;
    for ns in stamps {
        histogram.record((*ns).max(1)).ok()?;
    }
    let count = histogram.len();
    if count == 0 {
        return None;
    }
    let percentile = |p: f64| stats::percentile_stands(count, p).then(|| histogram.value_at_quantile(p));
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(&histogram, &mut bytes).ok()?;
    Some(Latency {
        p50: percentile(0.5),
        p90: percentile(0.9),
        p99: percentile(0.99),
        p999: percentile(0.999),
        max: stamps.iter().copied().max().unwrap_or(0),
        count,
        histogram: base64::engine::general_purpose::STANDARD.encode(bytes),
    })
}
