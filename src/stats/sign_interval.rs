//! Within what bounds the true median lies, without a word about how the values are spread.
//!
//! Each value falls on either side of the true median as a fair coin falls. So the j-th smallest and the j-th largest of n
//! values have the median between them unless fewer than j heads, or fewer than j tails, come in n tosses. No mean, no
//! variance, no normal distribution: times have heavy tails, several modes and ties, and the bounds hold for all of them.
//! (Thompson 1936; David and Nagaraja, *Order Statistics*, 7.1.)

use super::binomial;
use super::quantile::sorted;

/// The fewest values whose least and greatest hold the median between them with this confidence:
/// the smallest n with 1 − 2·2⁻ⁿ ≥ `confidence`. 8 for 0.99.
///
/// `usize::MAX` if no number is enough: a confidence of 1 or more, or not a number.
pub fn fewest(confidence: f64) -> usize {
    let alpha = 1.0 - confidence;
    if alpha.is_nan() || alpha <= 0.0 {
        return usize::MAX;
    }
    // alpha is at least 2⁻⁵³ here, so this ends by n = 54.
    let mut n = 1;
    let mut both_missed = 1.0;
    while both_missed > alpha {
        both_missed /= 2.0;
        n += 1;
    }
    n
}

/// The exact sign-test interval for the median: \[x₍ⱼ₎, x₍ₙ₊₁₋ⱼ₎\] with the largest j that 2·P(Bin(n, ½) ≤ j − 1) ≤ 1 − `confidence` allows.
/// It holds the median with at least this confidence, whatever the distribution; ties only make it safer.
///
/// `None` if there are fewer than [`fewest`] values, or if one is not a number. A confidence below 0 counts as 0.
pub fn sign_interval(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let rank = binomial::rank(values.len(), 1.0 - confidence)?;
    let sorted = sorted(values)?;
    Some((sorted[rank - 1], sorted[sorted.len() - rank]))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::stats::median;

    fn count_up(n: usize) -> Vec<f64> {
        (1..=n).map(|value| value as f64).collect()
    }

    #[test]
    fn fewest_is_the_first_number_whose_extremes_are_enough() {
        for (confidence, n) in [(0.0, 1), (0.5, 2), (0.75, 3), (0.95, 6), (0.99, 8), (0.999, 11)] {
            assert_eq!(fewest(confidence), n, "confidence {confidence}");
        }
    }

    #[test]
    fn certainty_is_not_to_be_had() {
        for confidence in [1.0, 1.5, f64::NAN, f64::INFINITY] {
            assert_eq!(fewest(confidence), usize::MAX);
            assert_eq!(sign_interval(&count_up(1_000), confidence), None);
        }
    }

    #[test]
    fn the_interval_counts_in_from_both_ends() {
        assert_eq!(sign_interval(&count_up(7), 0.99), None);
        assert_eq!(sign_interval(&count_up(8), 0.99), Some((1.0, 8.0)));
        assert_eq!(sign_interval(&count_up(20), 0.95), Some((6.0, 15.0)));
        assert_eq!(sign_interval(&count_up(20), 0.99), Some((4.0, 17.0)));
    }

    #[test]
    fn not_a_number_has_no_interval() {
        let mut values = count_up(20);
        values[3] = f64::NAN;
        assert_eq!(sign_interval(&values, 0.95), None);
    }

    proptest! {
        #[test]
        fn there_is_an_interval_from_the_fewest_values_on(n in 1usize..80, confidence in 0.0..0.999_999f64) {
            prop_assert_eq!(sign_interval(&count_up(n), confidence).is_some(), n >= fewest(confidence));
        }

        #[test]
        fn the_median_of_the_values_lies_within(values in vec(-1e6..1e6f64, 8..80), confidence in 0.0..0.99f64) {
            let (low, high) = sign_interval(&values, confidence).unwrap();
            let middle = median(&values).unwrap();
            prop_assert!(low <= middle && middle <= high);
        }

        #[test]
        fn more_confidence_never_narrows_it(values in vec(-1e6..1e6f64, 12..80), a in 0.0..0.999f64, b in 0.0..0.999f64) {
            let (low, high) = sign_interval(&values, a.min(b)).unwrap();
            let (wide_low, wide_high) = sign_interval(&values, a.max(b)).unwrap();
            prop_assert!(wide_low <= low && high <= wide_high);
        }

        #[test]
        fn turning_the_values_over_turns_the_interval_over(values in vec(-1e6..1e6f64, 8..80)) {
            let (low, high) = sign_interval(&values, 0.99).unwrap();
            let negated: Vec<f64> = values.iter().map(|value| -value).collect();
            prop_assert_eq!(sign_interval(&negated, 0.99), Some((-high, -low)));
        }
    }
}
