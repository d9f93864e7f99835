//! By how much one group of values lies above another, by their ranks alone: the exact rank-sum test of Wilcoxon, Mann and Whitney.
//!
//! Under the one assumption that the two groups differ by a shift and by nothing else, every way to deal the values to the groups is as likely as
//! any other; the number of pairs in which the second lies above the first then has a distribution that can be counted (H. B. Mann and D. R.
//! Whitney, Annals of Mathematical Statistics 18, 1947). No shape of the values is assumed.

use super::quantile::{median, sorted};

/// More values a group than this are not counted: C(128, 64) is the largest that a `u128` holds with room for sums.
pub const MOST: usize = 64;

/// A shift of one group against another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The median of all differences, second group less first (J. L. Hodges and E. L. Lehmann, 1963).
    pub estimate: f64,
    /// The interval of all shifts that the test does not reject, both ends included; `None` with too few values.
    pub interval: Option<(f64, f64)>,
    /// The two-sided probability of groups that lie as far apart, if there were no shift. Ties count against a difference.
    pub p: f64,
}

/// How far `second` lies above `first`. `None` if a group is empty or has more than [`MOST`] values, or if one is not a number.
pub fn shift(first: &[f64], second: &[f64], confidence: f64) -> Option<Shift> {
    if first.is_empty() || second.is_empty() || first.len().max(second.len()) > MOST {
        return None;
    }
    let differences: Vec<f64> = second.iter().flat_map(|b| first.iter().map(move |a| b - a)).collect();
    let differences = sorted(&differences)?;
    let tails = Tails::of(first.len(), second.len());
    let above = differences.iter().filter(|difference| **difference >= 0.0).count();
    let below = differences.iter().filter(|difference| **difference <= 0.0).count();
    Some(Shift {
        estimate: median(&differences)?,
        interval: tails
            .rank(1.0 - confidence)
            .map(|rank| (differences[rank - 1], differences[differences.len() - rank])),
        p: (2.0 * tails.at_most(above.min(below))).min(1.0),
    })
}

/// The fewest values in each of two equal groups with which there is an interval at `confidence`: 5 for 99 %, since 2/C(10, 5) is 2/252.
/// `None` if [`MOST`] are not enough.
pub fn fewest_a_side(confidence: f64) -> Option<usize> {
    (1..=MOST).find(|n| Tails::of(*n, *n).rank(1.0 - confidence).is_some())
}

/// How many ways to deal the values give at most so many pairs, by number of pairs.
struct Tails {
    at_most: Vec<u128>,
}

impl Tails {
    fn of(first: usize, second: usize) -> Self {
        let pairs = first * second;
        // Ways to write u as a sum of `first` numbers from 0 to `second`, each at most the next: the coefficients of the Gaussian binomial,
        // as a product of (1 − q^(second+i))/(1 − q^i).
        let mut ways = vec![0_u128; pairs + 1];
        ways[0] = 1;
        for part in 1..=first {
            for u in (second + part..=pairs).rev() {
                ways[u] = ways[u].wrapping_sub(ways[u - second - part]);
            }
            for u in part..=pairs {
                ways[u] = ways[u].wrapping_add(ways[u - part]);
            }
        }
        let mut sum = 0;
        let at_most = ways
            .into_iter()
            .map(|ways| {
                sum += ways;
                sum
            })
            .collect();
        Self { at_most }
    }

    /// P(U ≤ u).
    fn at_most(&self, u: usize) -> f64 {
        let all = self.at_most.last().copied().unwrap_or(1);
        self.at_most.get(u).copied().unwrap_or(all) as f64 / all as f64
    }

    /// The largest `j` with 2·P(U ≤ j − 1) ≤ `alpha`: how many differences may be counted in from each end. `None` if not even 1 will do.
    fn rank(&self, alpha: f64) -> Option<usize> {
        let most = self.at_most.len().div_ceil(2);
        (1..=most).take_while(|rank| 2.0 * self.at_most(rank - 1) <= alpha).last()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn critical_values_are_those_of_the_tables() {
        // One more than the tables' U: two-sided 1 % and 5 %.
        for (m, n, alpha, expected) in [
            (5, 5, 0.01, Some(1)),
            (8, 8, 0.01, Some(8)),
            (10, 10, 0.01, Some(17)),
            (20, 20, 0.05, Some(128)),
            (4, 4, 0.01, None),
        ] {
            assert_eq!(Tails::of(m, n).rank(alpha), expected, "{m} and {n} at {alpha}");
        }
    }

    #[test]
    fn five_a_side_are_enough_for_one_comparison_at_99_percent() {
        assert_eq!(fewest_a_side(0.99), Some(5));
        assert_eq!(fewest_a_side(0.95), Some(4));
        assert_eq!(fewest_a_side(1.0 - 0.01 / 57.0), Some(8));
        assert_eq!(fewest_a_side(1.0), None);
    }

    #[test]
    fn all_ways_are_counted_also_for_the_largest_groups() {
        assert_eq!(Tails::of(5, 5).at_most.last(), Some(&252));
        // C(128, 64), by another language.
        assert_eq!(Tails::of(64, 64).at_most.last(), Some(&23_951_146_041_928_082_866_135_587_776_380_551_750));
    }

    #[test]
    fn groups_that_do_not_overlap_differ_and_the_same_values_do_not() {
        let (low, high) = ([1.0, 2.0, 3.0, 4.0, 5.0], [11.0, 12.0, 13.0, 14.0, 15.0]);
        let seen = shift(&low, &high, 0.99).unwrap();
        assert_eq!((seen.estimate, seen.interval), (10.0, Some((6.0, 14.0))));
        assert!((seen.p - 2.0 / 252.0).abs() < 1e-12);
        let same = shift(&low, &low, 0.99).unwrap();
        assert_eq!((same.estimate, same.p), (0.0, 1.0));
    }

    #[test]
    fn the_interval_holds_the_shift_as_often_as_it_says() {
        const TRIALS: usize = 3_000;
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for (m, n, confidence) in [(5, 5, 0.99), (7, 5, 0.95), (9, 9, 0.9)] {
            let held = (0..TRIALS)
                .filter(|_| {
                    // A Pareto tail without variance.
                    let mut group = |count: usize, by: f64| -> Vec<f64> {
                        (0..count).map(|_| by + rng.random_range(1e-9..1.0_f64).powf(-0.8)).collect()
                    };
                    let (first, second) = (group(m, 0.0), group(n, 3.0));
                    let (low, high) = shift(&first, &second, confidence).unwrap().interval.unwrap();
                    low <= 3.0 && 3.0 <= high
                })
                .count();
            let slack = 4.0 * (confidence * (1.0 - confidence) * TRIALS as f64).sqrt();
            assert!(held as f64 >= confidence * TRIALS as f64 - slack, "{held} of {TRIALS} at {confidence}");
        }
    }

    proptest! {
        #[test]
        fn turning_the_groups_over_turns_the_shift_over(
            first in vec(-1e3..1e3f64, 1..12), second in vec(-1e3..1e3f64, 1..12), confidence in 0.5..0.99f64,
        ) {
            let there = shift(&first, &second, confidence).unwrap();
            let back = shift(&second, &first, confidence).unwrap();
            prop_assert!((there.estimate + back.estimate).abs() < 1e-9);
            prop_assert!((there.p - back.p).abs() < 1e-12);
            prop_assert_eq!(there.interval, back.interval.map(|(low, high)| (-high, -low)));
        }

        #[test]
        fn the_test_rejects_no_shift_exactly_where_the_interval_leaves_it_out(
            first in vec(-10..10i32, 1..12), second in vec(-10..10i32, 1..12), alpha in 0.001..0.5f64,
        ) {
            let whole = |values: &[i32]| -> Vec<f64> { values.iter().map(|value| f64::from(*value)).collect() };
            let seen = shift(&whole(&first), &whole(&second), 1.0 - alpha).unwrap();
            let out = seen.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0);
            prop_assert_eq!(out, seen.p <= 1.0 - (1.0 - alpha), "{:?}", seen);
        }
    }
}
