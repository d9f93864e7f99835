//! By how much the values of one group lie above those of another, without a word about how either is spread.
//!
//! If both groups come from one source, each way to deal their values out is as likely as any other. So the number U of pairs in
//! which the second group's value is the greater has a known distribution: the two-sided rank-sum test of Wilcoxon (1945) and Mann and
//! Whitney (1947). Turned round, it bounds the shift between the groups by two of the pairwise differences (Hodges and Lehmann 1963).
//! No mean, no variance, no normal distribution; the counts are whole numbers, for any sizes up to [`MOST`] values in all.
//!
//! Ties only make it safer: a pair that is equal counts for "no difference", so that breaking the tie either way could not have made
//! less of the evidence than is made of it here.

use super::quantile::{median, sorted};

/// The most values, of both groups together, that are counted exactly: C(128, 64) is below 2¹²⁷.
pub const MOST: usize = 128;

/// The second group against the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The median of all pairwise differences, second less first.
    pub estimate: f64,
    /// Within what the shift lies; `None` with too few values.
    pub interval: Option<(f64, f64)>,
    /// How likely at most, without any shift, evidence as strong as this is, in either direction.
    pub p: f64,
}

/// Compares two groups of values; the interval holds a shift between them with at least `confidence`. It leaves out 0 exactly if
/// `p` is at most 1 − `confidence`.
///
/// `None` if a group is empty, if a value is not a number, or with more than [`MOST`] values.
pub fn rank_shift(first: &[f64], second: &[f64], confidence: f64) -> Option<Shift> {
    if first.is_empty() || second.is_empty() || first.len() + second.len() > MOST {
        return None;
    }
    let differences: Vec<f64> = second.iter().flat_map(|b| first.iter().map(move |a| b - a)).collect();
    let differences = sorted(&differences)?;
    let tails = Tails::of(first.len(), second.len());
    let pairs = differences.len();
    let above = differences.iter().filter(|difference| **difference > 0.0).count();
    let below = differences.iter().filter(|difference| **difference < 0.0).count();
    Some(Shift {
        estimate: median(&differences)?,
        interval: tails.rank(1.0 - confidence).map(|rank| (differences[rank - 1], differences[pairs - rank])),
        // All pairs but `above` at most count for no difference, and so for the other tail.
        p: tails.both(pairs - above.max(below)),
    })
}

/// The fewest values a side, as many on each, that can have an interval at this confidence: 5 for 0.99, since 2/C(10, 5) = 2/252.
///
/// `None` if no number up to [`MOST`] is enough.
pub fn fewest_a_side(confidence: f64) -> Option<usize> {
    (1..=MOST / 2).find(|n| Tails::of(*n, *n).both(0) <= 1.0 - confidence)
}

/// How many of the C(m + n, m) ways to deal out m + n values have each U.
struct Tails {
    /// `below[u]`: ways with at most u.
    below: Vec<u128>,
}

impl Tails {
    /// The coefficients of the Gaussian binomial ∏ (1 − qⁿ⁺ⁱ)/(1 − qⁱ), i = 1 … m, added up from the least power.
    fn of(m: usize, n: usize) -> Self {
        let mut ways = vec![0u128; m * n + 1];
        ways[0] = 1;
        for i in 1..=m {
            // Times (1 − qⁿ⁺ⁱ), then over (1 − qⁱ): between the two a coefficient may be negative, after them none is.
            for power in (n + i..ways.len()).rev() {
                ways[power] = ways[power].wrapping_sub(ways[power - n - i]);
            }
            for power in i..ways.len() {
                ways[power] = ways[power].wrapping_add(ways[power - i]);
            }
        }
        let mut sum = 0;
        let below = ways.into_iter().map(|ways| {
            sum += ways;
            sum
        });
        Self { below: below.collect() }
    }

    /// P(U ≤ u), twice, at most 1: both tails are alike.
    fn both(&self, u: usize) -> f64 {
        let all = self.below[self.below.len() - 1];
        ((2 * self.below[u]) as f64 / all as f64).min(1.0)
    }

    /// The largest j with 2·P(U ≤ j − 1) ≤ `alpha`: how many differences may be counted in from each end. At most the middle one;
    /// `None` if not even j = 1 will do.
    fn rank(&self, alpha: f64) -> Option<usize> {
        let pairs = self.below.len() - 1;
        let rank = (0..pairs.div_ceil(2)).take_while(|u| self.both(*u) <= alpha).count();
        (rank > 0).then_some(rank)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::stats::level;

    fn shift(first: &[f64], second: &[f64]) -> Shift {
        rank_shift(first, second, 0.99).unwrap()
    }

    /// Each way to choose `first` of the values, as the groups that come of it.
    fn deals(values: &[f64], first: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
        (0..1u32 << values.len())
            .filter(|chosen| chosen.count_ones() as usize == first)
            .map(|chosen| {
                let (a, b): (Vec<_>, Vec<_>) = (0..values.len()).partition(|place| chosen >> place & 1 == 1);
                let pick = |places: Vec<usize>| places.into_iter().map(|place| values[place]).collect();
                (pick(a), pick(b))
            })
            .collect()
    }

    #[test]
    fn five_a_side_are_the_fewest_for_one_comparison_at_99_per_cent() {
        assert_eq!(Tails::of(5, 5).both(0), 2.0 / 252.0);
        assert_eq!(Tails::of(4, 4).both(0), 2.0 / 70.0);
        for (confidence, n) in [(0.5, 2), (0.95, 4), (0.99, 5), (0.999, 7), (1.0 - 0.01 / 57.0, 8)] {
            assert_eq!(fewest_a_side(confidence), Some(n), "confidence {confidence}");
        }
        // As README.md, docs/METHODOLOGY.md and scripts/alternate have it: so many comparisons, and not one more.
        for (comparisons, n) in [(1, 5), (4, 6), (17, 7), (64, 8), (243, 9)] {
            assert_eq!(fewest_a_side(level(0.99, comparisons, 1)), Some(n));
            assert_eq!(fewest_a_side(level(0.99, comparisons + 1, 1)), Some(n + 1));
        }
        for confidence in [1.0, 1.5, f64::NAN] {
            assert_eq!(fewest_a_side(confidence), None);
        }
    }

    #[test]
    fn ranks_are_those_of_the_tables_of_mann_and_whitney_s_u() {
        // One more than the critical values of the two-sided test.
        for (m, n, alpha, critical) in [
            (4, 4, 0.05, 0),
            (5, 5, 0.05, 2),
            (8, 10, 0.05, 17),
            (10, 10, 0.05, 23),
            (20, 20, 0.05, 127),
            (4, 6, 0.01, 0),
            (3, 9, 0.01, 0),
            (5, 5, 0.01, 0),
            (6, 6, 0.01, 2),
            (7, 7, 0.01, 4),
            (8, 8, 0.01, 7),
            (10, 10, 0.01, 16),
            (20, 20, 0.01, 105),
        ] {
            assert_eq!(Tails::of(m, n).rank(alpha), Some(critical + 1), "{m} + {n} at {alpha}");
            assert_eq!(Tails::of(n, m).rank(alpha), Some(critical + 1), "{n} + {m} at {alpha}");
        }
        assert_eq!(Tails::of(3, 8).rank(0.01), None);
        assert_eq!(Tails::of(4, 4).rank(0.01), None);
    }

    #[test]
    fn the_largest_groups_are_counted_without_overflow() {
        let tails = Tails::of(64, 64);
        assert_eq!(tails.below[64 * 64], 23_951_146_041_928_082_866_135_587_776_380_551_750);
        assert_eq!(tails.below[0..4], [1, 2, 4, 7], "partitions of 0 to 3, added up");
        let values = vec![1.0; 65];
        assert_eq!(rank_shift(&values, &values, 0.99), None);
    }

    #[test]
    fn groups_that_do_not_overlap_differ_from_five_a_side_on() {
        let low: Vec<f64> = (0..5).map(f64::from).collect();
        let high: Vec<f64> = (10..15).map(f64::from).collect();
        let seen = shift(&low, &high);
        assert_eq!((seen.estimate, seen.interval, seen.p), (10.0, Some((6.0, 14.0)), 2.0 / 252.0));
        let few = shift(&low[1..], &high[1..]);
        assert_eq!((few.estimate, few.interval, few.p), (10.0, None, 2.0 / 70.0));
    }

    #[test]
    fn a_value_in_both_groups_is_no_evidence() {
        // Without the tie, U = 0 and 2/252; with it, as if it were broken to the other side.
        let seen = shift(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!((seen.interval, seen.p), (Some((0.0, 8.0)), 4.0 / 252.0));
        let same = shift(&[1.0; 9], &[1.0; 9]);
        assert_eq!((same.estimate, same.interval, same.p), (0.0, Some((0.0, 0.0)), 1.0));
    }

    #[test]
    fn without_values_there_is_nothing_to_say() {
        assert_eq!(rank_shift(&[], &[1.0], 0.99), None);
        assert_eq!(rank_shift(&[1.0], &[f64::NAN], 0.99), None);
        assert_eq!(rank_shift(&[1.0], &[1.0], 0.99).map(|seen| seen.interval), Some(None));
    }

    #[test]
    fn groups_of_one_source_are_called_different_no_more_often_than_allowed() {
        // 4,000 tries at 5 %, 9 + 9 values of a heavy tail: 200 expected at most, 4.5 standard deviations are 62.
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut heavy = || (rng.random_range(1e-9..1.0f64)).powf(-2.0);
        let wrong = (0..4_000).filter(|_| {
            let values: Vec<f64> = (0..18).map(|_| heavy()).collect();
            let (low, high) = rank_shift(&values[..9], &values[9..], 0.95).unwrap().interval.unwrap();
            low > 0.0 || high < 0.0
        });
        let wrong = wrong.count();
        assert!((100..262).contains(&wrong), "{wrong}");
    }

    #[test]
    fn the_interval_holds_the_true_shift_as_often_as_it_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut skewed = || -rng.random_range(1e-9..1.0f64).ln();
        let missed = (0..4_000).filter(|_| {
            let first: Vec<f64> = (0..6).map(|_| skewed()).collect();
            let second: Vec<f64> = (0..11).map(|_| skewed() + 0.3).collect();
            let (low, high) = rank_shift(&first, &second, 0.95).unwrap().interval.unwrap();
            !(low..=high).contains(&0.3)
        });
        let missed = missed.count();
        assert!((100..262).contains(&missed), "{missed}");
    }

    proptest! {
        #[test]
        fn of_all_ways_to_deal_values_out_no_more_than_alpha_look_different(
            values in vec(0u8..6, 2..11), alpha in 0.01..0.5f64, size in any::<prop::sample::Index>(),
        ) {
            // Ties in plenty: this is where a normal approximation or a mid-rank goes wrong.
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let deals = deals(&values, 1 + size.index(values.len() - 1));
            let seen: Vec<Shift> = deals.iter().map(|(a, b)| rank_shift(a, b, 1.0 - alpha).unwrap()).collect();
            let excluding = seen.iter().filter(|seen| seen.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)).count();
            prop_assert!(excluding as f64 <= alpha * deals.len() as f64 * (1.0 + 1e-12));
            let rare = seen.iter().filter(|seen| seen.p <= alpha).count();
            prop_assert!(rare as f64 <= alpha * deals.len() as f64 * (1.0 + 1e-12));
        }

        #[test]
        fn the_interval_leaves_out_0_exactly_if_p_says_so(
            first in vec(0u8..20, 1..12), second in vec(0u8..20, 1..12), confidence in 0.5..0.999f64,
        ) {
            let numbers = |values: Vec<u8>| values.into_iter().map(f64::from).collect::<Vec<_>>();
            let seen = rank_shift(&numbers(first), &numbers(second), confidence).unwrap();
            let excludes = seen.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0);
            prop_assert_eq!(excludes, seen.p <= 1.0 - confidence);
        }

        #[test]
        fn swapping_the_groups_turns_the_shift_over(first in vec(-1e3..1e3f64, 1..20), second in vec(-1e3..1e3f64, 1..20)) {
            let (there, back) = (shift(&first, &second), shift(&second, &first));
            prop_assert_eq!(there.estimate, -back.estimate);
            prop_assert_eq!(there.interval, back.interval.map(|(low, high)| (-high, -low)));
            prop_assert_eq!(there.p, back.p);
        }

        #[test]
        fn moving_a_group_moves_the_shift(first in vec(-1000i16..1000, 5..12), second in vec(-1000i16..1000, 5..12), by in -500i16..500) {
            let numbers = |values: &[i16], by: i16| values.iter().map(|value| f64::from(value + by)).collect::<Vec<_>>();
            let seen = shift(&numbers(&first, 0), &numbers(&second, 0));
            let moved = shift(&numbers(&first, 0), &numbers(&second, by));
            prop_assert_eq!(moved.estimate, seen.estimate + f64::from(by));
            prop_assert_eq!(moved.interval, seen.interval.map(|(low, high)| (low + f64::from(by), high + f64::from(by))));
        }

        #[test]
        fn the_estimate_lies_within_and_more_confidence_never_narrows(
            first in vec(-1e3..1e3f64, 8..14), second in vec(-1e3..1e3f64, 8..14), a in 0.5..0.999f64, b in 0.5..0.999f64,
        ) {
            let narrow = rank_shift(&first, &second, a.min(b)).unwrap();
            let wide = rank_shift(&first, &second, a.max(b)).unwrap();
            let ((low, high), (wide_low, wide_high)) = (narrow.interval.unwrap(), wide.interval.unwrap());
            prop_assert!(wide_low <= low && high <= wide_high);
            prop_assert!(low <= narrow.estimate && narrow.estimate <= high);
        }

        #[test]
        fn there_is_an_interval_from_the_fewest_a_side_on(n in 1usize..40, confidence in 0.0..0.999_999f64) {
            let values: Vec<f64> = (0..n).map(|value| value as f64).collect();
            let seen = rank_shift(&values, &values, confidence).unwrap();
            prop_assert_eq!(seen.interval.is_some(), n >= fewest_a_side(confidence).unwrap());
        }
    }
}
