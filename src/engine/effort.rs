//! How a study's time is divided: how many workers, how many rounds each, and at which counts of workers it looks.

use std::time::Duration;

use crate::stats;

use super::plan::CONFIDENCE;

/// What one study costs, as its calibration saw it.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// A round: a batch of every method and of the null control, with what lies around them.
    pub round: Duration,
    /// A worker before its first round and after its last.
    pub worker: Duration,
}

/// A study's plan, fixed before its first worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Counts of finished workers at which it looks, rising.
    pub looks: Vec<usize>,
    /// Rounds a worker.
    pub rounds: usize,
}

/// The parts of the planned workers at which a study looks.
const LOOKS: [f64; 3] = [0.25, 0.5, 1.0];
/// More rounds a worker, and more workers, would make a study's record larger than its answer is worth.
const MOST_ROUNDS: usize = 16;
/// Fewer a worker have no median to speak of: that of two is their mean, which one slow batch spoils. Of cold scans with two rounds a worker, 27 batches of
/// 30 lay within 5 %, and an interval reached from half to the whole; with three or more it does not.
const LEAST_ROUNDS: usize = 3;
const MOST_WORKERS: usize = 80;
/// Of a worker's spread, what its rounds have over what is its own: measured at 4 and more (docs/METHODOLOGY.md).
const ROUNDS_OVER_WORKERS: f64 = 4.0;
/// Calibration saw one batch of each: a tenth is kept in hand.
const IN_HAND: f64 = 0.9;

impl Effort {
    /// What fits into `time` for `comparisons`.
    ///
    /// With a variance s² between workers and r² between rounds, W workers of R rounds know a ratio to about √((s² + r²/R)/W); at a given
    /// time that is best where R = √(worker/round)·r/s. Short of time, rounds go first, then looks. Where not even the fewest workers of one
    /// round each fit, they are planned all the same: the budget will cut the study short, which is then said.
    pub fn fitting(time: Duration, cost: Cost, comparisons: usize) -> Self {
        let (round, worker) = (cost.round.as_secs_f64().max(1e-6), cost.worker.as_secs_f64());
        let time = IN_HAND * time.as_secs_f64();
        let rounds_in = |workers: usize| ((time / workers as f64 - worker) / round).max(0.0) as usize;
        let best = (ROUNDS_OVER_WORKERS * (worker / round).sqrt()) as usize;
        let best = best.clamp(LEAST_ROUNDS, MOST_ROUNDS);
        let affordable = (time / (worker + best as f64 * round)) as usize;

        let fewest = |looks: usize| stats::workers_needed(CONFIDENCE, comparisons, looks);
        if affordable >= fewest(LOOKS.len()) {
            let workers = affordable.min(MOST_WORKERS);
            let mut looks: Vec<usize> =
                LOOKS.iter().map(|part| ((workers as f64 * part) as usize).max(fewest(LOOKS.len()))).collect();
            looks.dedup();
            return Self { looks, rounds: rounds_in(workers).clamp(best, MOST_ROUNDS) };
        }
        let workers = fewest(1);
        Self { looks: vec![workers], rounds: rounds_in(workers).clamp(1, best) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn effort(time_ms: u64, round_us: u64, worker_us: u64, comparisons: usize) -> Effort {
        let cost = Cost { round: Duration::from_micros(round_us), worker: Duration::from_micros(worker_us) };
        Effort::fitting(Duration::from_millis(time_ms), cost, comparisons)
    }

    #[test]
    fn short_rounds_are_many_a_worker_and_long_ones_few() {
        assert_eq!(effort(12_000, 3_000, 20_000, 5), Effort { looks: vec![20, 40, 80], rounds: 16 });
        assert_eq!(effort(12_000, 200_000, 20_000, 5), Effort { looks: vec![12, 17], rounds: 3 });
    }

    #[test]
    fn where_the_fewest_workers_do_not_fit_they_are_planned_with_one_look_and_one_round() {
        assert_eq!(effort(1_000, 3_000_000, 20_000, 5), Effort { looks: vec![10], rounds: 1 });
        assert_eq!(effort(0, 1_000, 1_000, 1), Effort { looks: vec![8], rounds: 1 });
    }

    proptest! {
        #[test]
        fn what_is_planned_fits_or_is_the_least_there_is(
            time in 0u64..600_000, round in 1u64..5_000_000, worker in 0u64..1_000_000, comparisons in 1usize..20,
        ) {
            let plan = effort(time, round, worker, comparisons);
            let workers = *plan.looks.last().unwrap();
            let takes = workers as u64 * (worker + plan.rounds as u64 * round);
            prop_assert!(takes <= time * 1000 || plan.looks.len() == 1 && plan.rounds == 1, "{:?} takes {} us", plan, takes);
            prop_assert!(plan.looks.is_sorted_by(|a, b| a < b));
            prop_assert!(plan.looks[0] >= stats::workers_needed(CONFIDENCE, comparisons, plan.looks.len()));
            prop_assert!((1..=MOST_ROUNDS).contains(&plan.rounds));
        }

        #[test]
        fn more_time_never_buys_fewer_workers(
            time in 0u64..600_000, more in 0u64..600_000, round in 1u64..5_000_000, worker in 0u64..1_000_000, comparisons in 1usize..20,
        ) {
            let (little, much) = (effort(time, round, worker, comparisons), effort(time + more, round, worker, comparisons));
            prop_assert!(much.looks.last() >= little.looks.last());
        }
    }
}
