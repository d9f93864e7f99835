//! What the batches come to: from a study's ledger to its results, by the rules of docs/FORMAT.md.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};

use crate::results::model::{
    Batches, Case, Estimate, Latency, NullControl, PerOp, Phases, Proof, Ratio, Status, Study, Verdict,
};
use crate::stats::{self, Comparison, Sample};

use super::gates::{self, MOST_DROPPED};
use super::ledger::{Fate, Ledger};
use super::method::Flaw;
use super::need::held_against;
use super::plan::{CONFIDENCE, Plan};
use super::protocol::{self, Batch, DiskCounts};

/// Fewer batches than this have no median worth to be called a case's own.
const FEWEST_BATCHES: usize = 5;
/// Before a look, a case is given up only after this many workers, and if more than this part of its rounds was dropped: it would not recover.
const HOPELESS: (usize, f64) = (3, 0.5);

/// A round, by worker and number.
type Round = (u32, u32);

/// Rounds whose proof failed, and why, a case each (the null control last).
fn flaws(plan: &Plan, ledger: &Ledger) -> Vec<BTreeMap<Round, Flaw>> {
    let mut flaws = vec![BTreeMap::new(); plan.methods.len() + 1];
    for (case, found) in flaws.iter_mut().enumerate() {
        let own: Vec<(Round, &Batch)> = of_case(ledger, case).collect();
        for (round, batch) in &own {
            if let Some(flaw) = &batch.flaw {
                found.insert(*round, flaw.clone());
            }
        }
        if own.len() >= FEWEST_BATCHES {
            let batches: Vec<&Batch> = own.iter().map(|(_, batch)| *batch).collect();
            for (index, flaw) in gates::outlying_device_bytes(&batches) {
                found.insert(own[index].0, flaw);
            }
        }
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
        for ((worker, round), batch) in of_case(self.ledger, case) {
            columns.worker.push(worker);
            columns.round.push(round);
            columns.position.push(batch.position);
            columns.ns.push(batch.ns);
            let own = self.flaws[case].contains_key(&(worker, round));
            columns.dropped.push(own || self.dropped.contains(&(worker, round)));
        }
        columns
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
    let per_op = fine.then(|| per_op(reading, index)).flatten();
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

/// Means over every batch that was kept.
fn per_op(reading: &Reading<'_>, index: usize) -> Option<PerOp> {
    let kept: Vec<&Batch> = of_case(reading.ledger, index)
        .filter(|(round, batch)| !reading.dropped.contains(round) && batch.flaw.is_none())
        .map(|(_, batch)| batch)
        .collect();
    let operations = kept.len() as f64 * reading.ledger.k as f64;
    if operations == 0.0 {
        return None;
    }
    let mean = |value: fn(&Batch) -> u64| kept.iter().map(|batch| value(batch) as f64).sum::<f64>() / operations;
    let device = |value: fn(&DiskCounts) -> Option<u64>| {
        let values: Option<Vec<u64>> = kept.iter().map(|batch| batch.disk.as_ref().and_then(value)).collect();
        values.map(|all| all.into_iter().map(|each| each as f64).sum::<f64>() / operations)
    };
    let dirty: Option<Vec<u64>> = kept.iter().map(|batch| batch.dirty_left).collect();
    let pages: u64 = kept.iter().map(|batch| batch.pages).sum();
    let faults: u64 = kept.iter().map(|batch| batch.minor_faults).sum();
    Some(PerOp {
        minor_faults: mean(|batch| batch.minor_faults),
        major_faults: mean(|batch| batch.major_faults),
        voluntary_switches: mean(|batch| batch.voluntary_switches),
        user_ns: mean(|batch| batch.user_ns),
        system_ns: mean(|batch| batch.system_ns),
        device_read_bytes: device(|disk| Some(disk.read)),
        device_write_bytes: device(|disk| Some(disk.written)),
        device_flushes: device(|disk| disk.flushes),
        dirty_pages: dirty.map(|all| all.into_iter().map(|each| each as f64).sum::<f64>() / operations),
        minor_faults_per_page: (pages > 0).then(|| faults as f64 / pages as f64),
    })
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
