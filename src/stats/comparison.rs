//! How much time a method takes, and how much of the baseline's, with workers as the unit.
//!
//! Rounds of one process share its page tables, its place in memory, its luck: they are not independent, and pooling them gives
//! false certainty. So a worker has one value, the median over its rounds, and all intervals are over workers.

use std::collections::BTreeMap;

use super::{Verdict, median, sign_interval};

/// One batch of one method that counts: not dropped, of a worker that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The worker's number.
    pub worker: u32,
    /// The round within the worker.
    pub round: u32,
    /// The whole batch, in ns.
    pub ns: u64,
}

/// A method's time over the baseline's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The median over workers; `None` if no round has both.
    pub estimate: Option<f64>,
    /// The lower end of its interval; `None` with too few workers.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Of this interval ([`level`](super::level)).
    pub confidence: f64,
    /// Workers with at least one round that has both.
    pub workers: usize,
    /// What it says.
    pub verdict: Verdict,
}

impl Comparison {
    /// As it is published before the first planned look: the estimate, and nothing that claims to be sure.
    pub fn before_any_look(self) -> Self {
        Self { low: None, high: None, verdict: Verdict::Unresolved, ..self }
    }

    /// As it is published of a study that its null control taints: the interval, and no verdict.
    pub fn of_tainted_study(self) -> Self {
        Self { verdict: Verdict::Unresolved, ..self }
    }
}

/// Per worker, in order of their numbers: the median over its rounds of ln(method / baseline), both of the same round, so that what slows
/// a whole round down cancels out.
///
/// A sample without a partner of the same worker and round is left out, as is a pair with a batch of 0 ns, which has no ratio.
/// Of several samples of one round the first counts.
pub fn per_worker_log_ratios(method: &[Sample], baseline: &[Sample]) -> Vec<f64> {
    let baseline = by_worker(baseline);
    by_worker(method)
        .iter()
        .filter_map(|(worker, rounds)| {
            let partners = baseline.get(worker)?;
            let ratios: Vec<f64> = rounds
                .iter()
                .filter_map(|(round, ns)| Some((*ns, *partners.get(round)?)))
                .filter(|(ns, partner)| *ns > 0 && *partner > 0)
                .map(|(ns, partner)| (ns as f64 / partner as f64).ln())
                .collect();
            median(&ratios)
        })
        .collect()
}

/// Compares a method with the baseline: median and exact interval of the workers' log-ratios, as ratios, and what they say.
/// `confidence` is the comparison's own, `margin` as for [`Verdict::of`].
pub fn compare(method: &[Sample], baseline: &[Sample], confidence: f64, margin: f64) -> Comparison {
    let logs = per_worker_log_ratios(method, baseline);
    let interval = sign_interval(&logs, confidence).map(|(low, high)| (low.exp(), high.exp()));
    Comparison {
        estimate: median(&logs).map(f64::exp),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        confidence,
        workers: logs.len(),
        verdict: Verdict::of(interval, margin),
    }
}

/// ns an operation, with `k` operations a batch: the median over workers of each worker's median, and its interval (low, high) if there are
/// workers enough for `confidence`.
///
/// `None` for no samples, or a `k` of 0.
pub fn time_per_op(samples: &[Sample], k: u64, confidence: f64) -> Option<(f64, Option<(f64, f64)>)> {
    if k == 0 {
        return None;
    }
    let times: Vec<f64> = by_worker(samples)
        .values()
        .filter_map(|rounds| {
            let ns: Vec<f64> = rounds.values().map(|ns| *ns as f64 / k as f64).collect();
            median(&ns)
        })
        .collect();
    Some((median(&times)?, sign_interval(&times, confidence)))
}

/// ns by round, by worker.
fn by_worker(samples: &[Sample]) -> BTreeMap<u32, BTreeMap<u32, u64>> {
    let mut workers: BTreeMap<u32, BTreeMap<u32, u64>> = BTreeMap::new();
    for sample in samples {
        workers.entry(sample.worker).or_default().entry(sample.round).or_insert(sample.ns);
    }
    workers
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn sample(worker: u32, round: u32, ns: u64) -> Sample {
        Sample { worker, round, ns }
    }

    /// `workers` × `rounds` pairs of batches between a microsecond and a second.
    fn pairs() -> impl Strategy<Value = (Vec<Sample>, Vec<Sample>)> {
        (1u32..16, 1u32..8).prop_flat_map(|(workers, rounds)| {
            let count = (workers * rounds) as usize;
            let times = vec((1_000u64..1_000_000_000, 1_000u64..1_000_000_000), count);
            times.prop_map(move |times| {
                let place = |index: usize| (index as u32 / rounds, index as u32 % rounds);
                times
                    .into_iter()
                    .enumerate()
                    .map(|(index, (method, baseline))| {
                        let (worker, round) = place(index);
                        (sample(worker, round, method), sample(worker, round, baseline))
                    })
                    .unzip()
            })
        })
    }

    fn close(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a / b - 1.0).abs() < 1e-9,
            (a, b) => a == b,
        }
    }

    #[test]
    fn a_method_that_takes_half_the_time_in_every_round_is_faster_by_two() {
        let baseline: Vec<Sample> =
            (0..8).flat_map(|w| (0..3).map(move |r| sample(w, r, 1_000 * u64::from(w + r + 1)))).collect();
        let method: Vec<Sample> = baseline.iter().map(|s| sample(s.worker, s.round, s.ns / 2)).collect();
        let seen = compare(&method, &baseline, 0.99, 0.01);
        assert!(close(seen.estimate, Some(0.5)) && close(seen.low, Some(0.5)) && close(seen.high, Some(0.5)));
        assert_eq!((seen.workers, seen.verdict), (8, Verdict::Faster));
    }

    #[test]
    fn workers_are_the_unit_however_many_rounds_they_take() {
        let baseline: Vec<Sample> = (0..7).flat_map(|w| (0..100).map(move |r| sample(w, r, 1_000))).collect();
        let method: Vec<Sample> = baseline.iter().map(|s| sample(s.worker, s.round, 2_000)).collect();
        let seen = compare(&method, &baseline, 0.99, 0.01);
        assert!(close(seen.estimate, Some(2.0)));
        assert_eq!((seen.low, seen.high, seen.verdict), (None, None, Verdict::Unresolved));
    }

    #[test]
    fn what_slows_a_whole_round_down_cancels_out() {
        let baseline = [sample(0, 0, 1_000), sample(0, 1, 50_000), sample(0, 2, 700)];
        let method = [sample(0, 0, 1_100), sample(0, 1, 55_000), sample(0, 2, 770)];
        assert!((per_worker_log_ratios(&method, &baseline)[0] - 1.1f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn batches_without_a_partner_in_their_round_do_not_count() {
        let baseline = [sample(0, 0, 1_000), sample(1, 1, 1_000), sample(2, 0, 0)];
        let method =
            [sample(0, 0, 3_000), sample(0, 1, 9_000), sample(1, 0, 9_000), sample(2, 0, 9_000), sample(3, 0, 9_000)];
        assert_eq!(per_worker_log_ratios(&method, &baseline), [3.0f64.ln()]);
        let none = compare(&method[3..], &baseline, 0.5, 0.01);
        assert_eq!((none.estimate, none.workers, none.verdict), (None, 0, Verdict::Unresolved));
    }

    #[test]
    fn time_per_operation_is_the_median_of_medians() {
        // Medians of the workers over 10 operations: 10, 25, 90; a slow round of a worker moves nothing.
        let samples = [
            sample(0, 0, 90),
            sample(0, 1, 100),
            sample(0, 2, 99_999),
            sample(1, 0, 200),
            sample(1, 1, 300),
            sample(2, 0, 900),
        ];
        assert_eq!(time_per_op(&samples, 10, 0.99), Some((25.0, None)));
        assert_eq!(time_per_op(&samples, 10, 0.75), Some((25.0, Some((10.0, 90.0)))));
        assert_eq!(time_per_op(&samples, 0, 0.99), None);
        assert_eq!(time_per_op(&[], 10, 0.99), None);
    }

    #[test]
    fn without_a_look_or_with_a_taint_there_is_no_verdict() {
        let baseline: Vec<Sample> = (0..8).map(|w| sample(w, 0, 1_000)).collect();
        let method: Vec<Sample> = (0..8).map(|w| sample(w, 0, 2_000)).collect();
        let seen = compare(&method, &baseline, 0.99, 0.01);
        assert_eq!(seen.verdict, Verdict::Slower);
        let early = seen.before_any_look();
        assert_eq!(
            (early.estimate, early.low, early.high, early.verdict),
            (seen.estimate, None, None, Verdict::Unresolved)
        );
        let tainted = seen.of_tainted_study();
        assert_eq!((tainted.low, tainted.high, tainted.verdict), (seen.low, seen.high, Verdict::Unresolved));
    }

    proptest! {
        #[test]
        fn swapping_method_and_baseline_turns_the_ratio_over((method, baseline) in pairs()) {
            let there = compare(&method, &baseline, 0.75, 0.01);
            let back = compare(&baseline, &method, 0.75, 0.01);
            prop_assert!(close(there.estimate, back.estimate.map(f64::recip)));
            prop_assert!(close(there.low, back.high.map(f64::recip)));
            prop_assert!(close(there.high, back.low.map(f64::recip)));
        }

        #[test]
        fn a_method_against_itself_is_exactly_one((method, _) in pairs()) {
            let same = compare(&method, &method, 0.0, 0.01);
            prop_assert_eq!((same.estimate, same.low, same.high, same.verdict), (Some(1.0), Some(1.0), Some(1.0), Verdict::Equal));
        }

        #[test]
        fn the_order_of_the_samples_does_not_matter((method, baseline) in pairs()) {
            let backwards: Vec<Sample> = method.iter().rev().copied().collect();
            prop_assert_eq!(compare(&method, &baseline, 0.75, 0.01), compare(&backwards, &baseline, 0.75, 0.01));
        }

        #[test]
        fn the_interval_holds_the_estimate((method, baseline) in pairs()) {
            let seen = compare(&method, &baseline, 0.75, 0.01);
            if let (Some(low), Some(high), Some(estimate)) = (seen.low, seen.high, seen.estimate) {
                prop_assert!(low <= estimate && estimate <= high);
            }
            prop_assert_eq!(seen.low.is_some(), seen.workers >= 3);
        }

        #[test]
        fn time_per_operation_goes_down_with_the_operations_a_batch((method, _) in pairs(), k in 1u64..1_000) {
            let (whole, _) = time_per_op(&method, 1, 0.99).unwrap();
            let (each, _) = time_per_op(&method, k, 0.99).unwrap();
            prop_assert!(close(Some(each), Some(whole / k as f64)));
        }
    }
}
