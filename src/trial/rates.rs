//! How often the verdicts of a trial were right and wrong: from what it recorded alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::results::model::{Batches, Status, Study, Verdict};
use crate::stats::{self, Sample};

use super::blocks;
use super::model::{Subject, Try};
use super::store::{self, Recorded};
use super::variation::{self, Variation};

/// Of all rates and intervals of a trial's table.
pub const CONFIDENCE: f64 = 0.95;

/// What the studies of a subject said of one of its names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// By how much it was slowed, in thousandths of its own time; 0 for the same again.
    pub slowed_by: u32,
    /// Studies that measured it: those that every rate is of.
    pub tries: usize,
    /// Studies in which it could not be measured: no tries.
    pub failed: usize,
    /// Verdicts by name; a tainted study gives none.
    pub faster: usize,
    /// See `faster`.
    pub slower: usize,
    /// See `faster`.
    pub equal: usize,
    /// See `faster`.
    pub unresolved: usize,
    /// Studies whose null control was off.
    pub tainted: usize,
    /// Of those, the ones whose interval excluded 1: hidden by the taint.
    pub hidden: usize,
    /// Verdicts of faster, had the dropped rounds counted.
    pub undropped_faster: usize,
    /// Of slower, had they.
    pub undropped_slower: usize,
    /// Median width of the interval, as a part of 1.
    pub width: Option<f64>,
    /// Median time of the comparison, in ns: the study's, divided among its comparisons.
    pub time_ns: Option<f64>,
    /// Median of the same up to the look at which it had its verdict, over those that had one.
    pub verdict_ns: Option<f64>,
}

impl Tally {
    /// Verdicts of faster or slower: false ones, if the methods are the same.
    pub fn different(&self) -> usize {
        self.faster + self.slower
    }
}

/// What counting says of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// As many, or as few, as it asks.
    Met,
    /// Fewer, or more.
    Missed,
    /// Not enough studies to tell a rate from its target by counting.
    TooFew,
}

/// So many of its verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Verdicts that were counted.
    pub count: usize,
    /// Comparisons.
    pub of: usize,
}

/// Workers that would find a slowdown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Needed {
    /// The slowdown, in thousandths.
    pub slowed_by: u32,
    /// The chance to find it that its target asks.
    pub chance: f64,
    /// How many; `null` for more than are planned for.
    pub workers: Option<usize>,
}

/// What one subject came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Result {
    /// As in [`Subject::name`].
    pub subject: String,
    /// A tally for each of [`Subject::drags`].
    pub tallies: Vec<Tally>,
    /// Why studies failed, and how many cases by each reason.
    pub failures: BTreeMap<String, usize>,
    /// Half of the distance between the 16th and 84th percentile of the workers' log-ratios of the method to itself: a standard deviation, if
    /// they were normal.
    pub spread: Option<f64>,
    /// Batches of the baseline, median ns.
    pub batch_ns: Option<f64>,
    /// Rounds a worker in the median study, and workers at its last look.
    pub rounds: Option<f64>,
    /// See `rounds`.
    pub workers: Option<f64>,
    /// For each slowdown that has a target: the workers that would find it with the target's chance.
    pub workers_needed: Vec<Needed>,
    /// Blocks of identical methods, one after the other: those that were called different.
    pub blocks: Share,
    /// The same by Criterion's baseline, where it was recorded.
    pub criterion: Option<Share>,
    /// How its batches, rounds and workers vary.
    pub variation: Variation,
}

/// The part of `drag` that is to be found, if there is a target: half of 2 %, nine in ten of 5 % where the processor is the bound; nine in
/// ten of 25 % where a device is.
pub fn target(subject: &Subject, drag: u32) -> Option<f64> {
    match (subject.device_bound, drag) {
        (false, 20) => Some(0.5),
        (false, 50) | (true, 250) => Some(0.9),
        _ => None,
    }
}

/// The most verdicts of faster or slower that `nulls` comparisons of identical methods may have: beyond it, a rate of 1 % would be rarer than
/// 1 %. 9 of 400.
pub fn most_false(nulls: usize) -> usize {
    (0..=nulls).find(|count| 1.0 - stats::at_most(*count, nulls, 0.01) <= 0.01).unwrap_or(nulls)
}

/// With fewer than this nothing is said of a target: it is for a hundred, of which some may fail.
const FEWEST: usize = 80;

impl Tally {
    /// What it says of its target: found often enough, or, for the same again, called different seldom enough, with what the taint hid. `None`
    /// where there is no target.
    pub fn said(&self, subject: &Subject) -> Option<Said> {
        if self.slowed_by == 0 {
            return Some(said_of_nulls(self.different() + self.hidden, self.tries));
        }
        let part = target(subject, self.slowed_by)?;
        Some(if self.tries < FEWEST {
            Said::TooFew
        } else if self.slower as f64 >= part * self.tries as f64 {
            Said::Met
        } else {
            Said::Missed
        })
    }
}

/// Whether `wrong` of `nulls` comparisons of identical methods are few enough. More than [`most_false`] are too many, however few the tries.
pub fn said_of_nulls(wrong: usize, nulls: usize) -> Said {
    if wrong > most_false(nulls) {
        Said::Missed
    } else if nulls < FEWEST {
        Said::TooFew
    } else {
        Said::Met
    }
}

/// More workers than this are not planned for.
const MOST_WORKERS: usize = 5_000;

/// What each subject came to.
pub fn results(recorded: &Recorded) -> Vec<Result> {
    (0..recorded.trial.subjects.len()).map(|index| result(recorded, index)).collect()
}

fn result(recorded: &Recorded, index: usize) -> Result {
    let subject = &recorded.trial.subjects[index];
    let own = || recorded.tries.iter().filter(|one| store::subject_of(one) == index);
    let studies: Vec<(u64, &Study)> = own()
        .filter_map(|one| match one {
            Try::Study { elapsed_ns, study, .. } => Some((*elapsed_ns, &**study)),
            Try::Blocks { .. } => None,
        })
        .collect();
    let blocks: Vec<Verdict> = own()
        .filter_map(|one| match one {
            Try::Blocks { first, second, .. } => Some(blocks::verdict(first, second, subject.margin)),
            Try::Study { .. } => None,
        })
        .collect();
    let nulls = worker_ratios(subject, &studies);
    let level = median_of(studies.iter().filter_map(|(_, study)| level(study)));
    let baselines = studies.iter().filter_map(|(_, study)| study.cases.first());
    let batches: Vec<f64> = baselines.flat_map(|case| &case.batches.ns).map(|ns| *ns as f64).collect();
    let rounds = median_of(studies.iter().map(|(_, study)| f64::from(study.rounds)));
    let workers = median_of(studies.iter().filter_map(|(_, study)| study.looks.last()).map(|look| f64::from(*look)));
    let alone: Vec<&Study> = studies.iter().map(|(_, study)| *study).collect();
    Result {
        subject: subject.name.clone(),
        variation: variation::variation(&alone, &subject.name_of(0)),
        tallies: subject.drags().map(|drag| tally(subject, drag, &studies)).collect(),
        failures: failures(&alone),
        spread: stats::quantile(&nulls, 0.84).zip(stats::quantile(&nulls, 0.16)).map(|(high, low)| (high - low) / 2.0),
        batch_ns: stats::median(&batches),
        rounds,
        workers,
        workers_needed: subject
            .injected
            .iter()
            .filter_map(|drag| {
                let chance = target(subject, *drag)?;
                Some(Needed { slowed_by: *drag, chance, workers: workers_needed(&nulls, *drag, level?, chance) })
            })
            .collect(),
        blocks: Share { count: different(&blocks), of: blocks.len() },
        criterion: recorded.criterion.as_ref().and_then(|criterion| {
            let own = criterion.subjects.iter().find(|other| other.subject == subject.name)?;
            let off = own.verdicts.iter().filter(|verdict| matches!(verdict.as_str(), "improved" | "regressed"));
            Some(Share { count: off.count(), of: own.verdicts.len() })
        }),
    }
}

/// The reasons of the cases that failed. The baseline's is that of all of its study.
fn failures(studies: &[&Study]) -> BTreeMap<String, usize> {
    let mut failures = BTreeMap::new();
    for case in studies.iter().flat_map(|study| &study.cases).filter(|case| case.status != Status::Ok) {
        let reason = case.reason.clone().unwrap_or_default();
        *failures.entry(reason).or_insert(0) += 1;
    }
    failures
}

fn different(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Faster | Verdict::Slower)).count()
}

/// Every worker's log-ratio of the method to itself.
fn worker_ratios(subject: &Subject, studies: &[(u64, &Study)]) -> Vec<f64> {
    studies
        .iter()
        .filter_map(|(_, study)| {
            let (null, baseline) = (case(study, &subject.name_of(0))?, study.cases.first()?);
            Some(stats::per_worker_log_ratios(
                &samples(&null.batches, study.workers, false),
                &samples(&baseline.batches, study.workers, false),
            ))
        })
        .flatten()
        .collect()
}

/// From how the workers spread here: how many of them would see a slowdown by `drag`. No shape of the spread is assumed.
fn workers_needed(nulls: &[f64], drag: u32, level: f64, power: f64) -> Option<usize> {
    let shift = (f64::from(drag) / 1000.0).ln_1p();
    let above = nulls.iter().filter(|ratio| *ratio + shift > 0.0).count();
    // The rule of succession: of workers that all agreed, the next may not.
    let p = (above as f64 + 1.0) / (nulls.len() as f64 + 2.0);
    stats::workers_to_find(p, level, power, MOST_WORKERS)
}

fn tally(subject: &Subject, drag: u32, studies: &[(u64, &Study)]) -> Tally {
    let mut tally = Tally { slowed_by: drag, ..Tally::default() };
    let (mut widths, mut times, mut verdict_times) = (Vec::new(), Vec::new(), Vec::new());
    for (elapsed, study) in studies {
        let comparison_ns = *elapsed as f64 / subject.drags().count() as f64;
        let Some(seen) = see(study, &subject.name_of(drag), comparison_ns) else {
            tally.failed += 1;
            continue;
        };
        tally.tries += 1;
        times.push(comparison_ns);
        match seen.verdict {
            Verdict::Faster => tally.faster += 1,
            Verdict::Slower => tally.slower += 1,
            Verdict::Equal => tally.equal += 1,
            Verdict::Unresolved => tally.unresolved += 1,
        }
        tally.tainted += usize::from(study.tainted);
        tally.hidden += usize::from(study.tainted && seen.excludes_one);
        match seen.undropped {
            Verdict::Faster => tally.undropped_faster += 1,
            Verdict::Slower => tally.undropped_slower += 1,
            Verdict::Equal | Verdict::Unresolved => {}
        }
        widths.extend(seen.width);
        verdict_times.extend(seen.verdict_ns);
    }
    Tally {
        width: stats::median(&widths),
        time_ns: stats::median(&times),
        verdict_ns: stats::median(&verdict_times),
        ..tally
    }
}

/// What one study said of one name.
struct Seen {
    verdict: Verdict,
    excludes_one: bool,
    undropped: Verdict,
    width: Option<f64>,
    verdict_ns: Option<f64>,
}

fn see(study: &Study, name: &str, comparison_ns: f64) -> Option<Seen> {
    let (case, baseline) = (case(study, name)?, study.cases.first()?);
    let ratio = case.ratio?;
    let compare = |workers: u32, all: bool| {
        let (method, baseline) = (samples(&case.batches, workers, all), samples(&baseline.batches, workers, all));
        stats::compare(&method, &baseline, ratio.confidence, study.margin)
    };
    let reached = study.looks.iter().filter(|look| **look <= study.workers_used);
    let first_sure = reached.copied().find(|look| compare(*look, false).verdict != Verdict::Unresolved);
    Some(Seen {
        verdict: ratio.verdict,
        excludes_one: ratio.low.is_some_and(|low| low > 1.0) || ratio.high.is_some_and(|high| high < 1.0),
        undropped: if study.workers_used > 0 { compare(study.workers_used, true).verdict } else { Verdict::Unresolved },
        width: ratio.low.zip(ratio.high).map(|(low, high)| high - low),
        verdict_ns: first_sure
            .filter(|_| ratio.verdict != Verdict::Unresolved)
            .map(|look| comparison_ns * f64::from(look) / f64::from(study.workers)),
    })
}

fn case<'a>(study: &'a Study, name: &str) -> Option<&'a crate::results::model::Case> {
    study.cases.iter().find(|case| case.method == name && case.status == Status::Ok)
}

fn level(study: &Study) -> Option<f64> {
    study.cases.iter().find_map(|case| case.ratio).map(|ratio| ratio.confidence)
}

/// Batches of the first `workers`: those that count, or `all` that ran.
fn samples(batches: &Batches, workers: u32, all: bool) -> Vec<Sample> {
    (0..batches.ns.len())
        .filter(|row| batches.worker[*row] < workers && batches.ns[*row] > 0 && (all || !batches.dropped[*row]))
        .map(|row| Sample { worker: batches.worker[row], round: batches.round[row], ns: batches.ns[row] })
        .collect()
}

fn median_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    stats::median(&values.collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_four_hundred_are_the_most() {
        assert_eq!(most_false(400), 9);
        assert_eq!(most_false(100), 4);
        assert_eq!(most_false(0), 0);
    }

    #[test]
    fn workers_that_spread_more_need_to_be_more() {
        let spread = |by: f64| -> Vec<f64> { (-500..=500).map(|step| by * f64::from(step) / 500.0).collect() };
        let (calm, wild) =
            (workers_needed(&spread(0.01), 20, 0.999, 0.5), workers_needed(&spread(0.2), 20, 0.999, 0.5));
        assert!(calm.unwrap() < 20 && wild.unwrap() > 500, "{calm:?} {wild:?}");
    }
}
