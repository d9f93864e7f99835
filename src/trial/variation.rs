//! How batches, rounds and workers vary and hang together: the evidence on which the way of comparing stands.
//!
//! All from the batches of a method and of the same method again, in the rounds that count.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::results::model::{Case, Study};
use crate::stats;

use super::rates::Share;

/// Of one subject, medians over its studies; spreads are robust standard deviations of logarithms, so that 0.01 is 1 %.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Variation {
    /// Of a method's batches within a worker.
    pub batch: Option<f64>,
    /// Of the ratio within a round, over the rounds of a worker.
    pub round: Option<f64>,
    /// Of the worker's ratio, the median of its rounds, over workers.
    pub worker: Option<f64>,
    /// What that would be if a worker's rounds were independent and workers alike: 1.2533·round/√rounds.
    pub worker_if_independent: Option<f64>,
    /// Correlation of a batch with the next one of the method in its worker.
    pub batch_lag: Option<f64>,
    /// Correlation of a round's ratio with the next round's.
    pub round_lag: Option<f64>,
    /// Correlation of a worker's ratio with the next worker's.
    pub worker_lag: Option<f64>,
    /// Of a worker's ratio, had it been that of the medians of either method's batches.
    pub ratio_of_medians: Option<f64>,
    /// Of a worker's ratio, had it been the mean of its rounds' logarithms.
    pub mean_of_rounds: Option<f64>,
    /// From the fastest to the slowest place in a round: medians of a batch over the mean of its round.
    pub places: Option<f64>,
    /// Studies in which all rounds, taken as independent, call the method different from itself.
    pub pooled: Share,
}

/// The normal quantile of a quarter: a robust standard deviation is this times the median distance from the median.
const MAD_TO_SD: f64 = 1.4826;

/// What the studies of a method say, with the same method again under the name `again`.
pub fn variation(studies: &[&Study], again: &str) -> Variation {
    let each: Vec<OfStudy> = studies.iter().filter_map(|study| of_study(study, again)).collect();
    let median = |part: fn(&OfStudy) -> Option<f64>| stats::median(&each.iter().filter_map(part).collect::<Vec<_>>());
    let rounds = stats::median(&studies.iter().map(|study| f64::from(study.rounds)).collect::<Vec<_>>());
    let round = median(|one| one.round);
    Variation {
        batch: median(|one| one.batch),
        round,
        worker: median(|one| one.worker),
        worker_if_independent: round.zip(rounds).map(|(round, rounds)| 1.2533 * round / rounds.sqrt()),
        batch_lag: median(|one| one.batch_lag),
        round_lag: median(|one| one.round_lag),
        worker_lag: median(|one| one.worker_lag),
        ratio_of_medians: median(|one| one.ratio_of_medians),
        mean_of_rounds: median(|one| one.mean_of_rounds),
        places: median(|one| one.places),
        pooled: Share { count: each.iter().filter(|one| one.pooled_different).count(), of: each.len() },
    }
}

struct OfStudy {
    batch: Option<f64>,
    round: Option<f64>,
    worker: Option<f64>,
    batch_lag: Option<f64>,
    round_lag: Option<f64>,
    worker_lag: Option<f64>,
    ratio_of_medians: Option<f64>,
    mean_of_rounds: Option<f64>,
    places: Option<f64>,
    pooled_different: bool,
}

/// A worker's rounds in order: logarithms of the baseline's batch and of the method's.
type Rounds = Vec<(f64, f64)>;

fn of_study(study: &Study, again: &str) -> Option<OfStudy> {
    let baseline = study.cases.first()?;
    let method = study.cases.iter().find(|case| case.method == again)?;
    let workers = by_worker(baseline, method);
    let over =
        |per_worker: &dyn Fn(&Rounds) -> Option<f64>| -> Vec<f64> { workers.iter().filter_map(per_worker).collect() };
    let ratios = |rounds: &Rounds| -> Vec<f64> { rounds.iter().map(|(base, method)| method - base).collect() };
    let bases = |rounds: &Rounds| -> Vec<f64> { rounds.iter().map(|(base, _)| *base).collect() };
    let methods = |rounds: &Rounds| -> Vec<f64> { rounds.iter().map(|(_, method)| *method).collect() };
    let medians = over(&|rounds| stats::median(&ratios(rounds)));
    let all: Vec<f64> = workers.iter().flat_map(ratios).collect();
    let level = method.ratio?.confidence;
    Some(OfStudy {
        batch: stats::median(&over(&|rounds| spread(&bases(rounds)))),
        round: stats::median(&over(&|rounds| spread(&ratios(rounds)))),
        worker: spread(&medians),
        batch_lag: stats::median(&over(&|rounds| lag_one(&bases(rounds)))),
        round_lag: stats::median(&over(&|rounds| lag_one(&ratios(rounds)))),
        worker_lag: lag_one(&medians),
        ratio_of_medians: spread(&over(&|rounds| {
            Some(stats::median(&methods(rounds))? - stats::median(&bases(rounds))?)
        })),
        mean_of_rounds: spread(&over(&|rounds| Some(ratios(rounds).iter().sum::<f64>() / rounds.len() as f64))),
        places: places(study),
        pooled_different: stats::sign_interval(&all, level).is_some_and(|(low, high)| low > 0.0 || high < 0.0),
    })
}

fn by_worker(baseline: &Case, method: &Case) -> Vec<Rounds> {
    let times = |case: &Case| -> BTreeMap<(u32, u32), f64> {
        let batches = &case.batches;
        (0..batches.ns.len())
            .filter(|row| !batches.dropped[*row] && batches.ns[*row] > 0)
            .map(|row| ((batches.worker[row], batches.round[row]), (batches.ns[row] as f64).ln()))
            .collect()
    };
    let method = times(method);
    let mut workers: BTreeMap<u32, Rounds> = BTreeMap::new();
    for (place, base) in times(baseline) {
        if let Some(other) = method.get(&place) {
            workers.entry(place.0).or_default().push((base, *other));
        }
    }
    workers.into_values().collect()
}

/// Batches by their place in the round, whichever name they had, as logarithms over their round's mean: from the least median to the greatest. Only of the
/// names that are the same method as it is.
fn places(study: &Study) -> Option<f64> {
    let null = study.null_control.as_ref()?;
    let same = [&study.cases.first()?.batches, &study.cases.get(1)?.batches, &null.batches];
    let mut rounds: BTreeMap<(u32, u32), Vec<(u32, f64)>> = BTreeMap::new();
    for batches in same {
        for row in (0..batches.ns.len()).filter(|row| !batches.dropped[*row] && batches.ns[*row] > 0) {
            let place = (batches.worker[row], batches.round[row]);
            rounds.entry(place).or_default().push((batches.position[row], (batches.ns[row] as f64).ln()));
        }
    }
    let mut by_place: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for round in rounds.values() {
        let mean = round.iter().map(|(_, log)| log).sum::<f64>() / round.len() as f64;
        for (place, log) in round {
            by_place.entry(*place).or_default().push(log - mean);
        }
    }
    let medians: Vec<f64> = by_place.values().filter_map(|logs| stats::median(logs)).collect();
    let (least, greatest) = medians.iter().fold((f64::MAX, f64::MIN), |(low, high), m| (low.min(*m), high.max(*m)));
    (!medians.is_empty()).then_some(greatest - least)
}

fn spread(values: &[f64]) -> Option<f64> {
    let middle = stats::median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    (values.len() > 1).then(|| stats::median(&distances).map(|distance| MAD_TO_SD * distance)).flatten()
}

/// Correlation of each value with the next; `None` for fewer than four, or values that do not vary.
fn lag_one(values: &[f64]) -> Option<f64> {
    if values.len() < 4 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let together: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    (variance > 0.0).then(|| together / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_correlates_and_what_alternates_does_the_opposite() {
        let slow: Vec<f64> = (0..40).map(|index| f64::from(index / 10)).collect();
        let alternating: Vec<f64> = (0..40).map(|index| f64::from(index % 2)).collect();
        assert!(lag_one(&slow).unwrap() > 0.8);
        assert!(lag_one(&alternating).unwrap() < -0.8);
        assert_eq!(lag_one(&[1.0; 10]), None);
    }

    #[test]
    fn a_stall_moves_the_spread_little() {
        let mut values: Vec<f64> = (0..21).map(|index| f64::from(index) / 100.0).collect();
        let calm = spread(&values).unwrap();
        values[20] = 1e6;
        assert!((spread(&values).unwrap() - calm).abs() < 0.01);
    }
}
