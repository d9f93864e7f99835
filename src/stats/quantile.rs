//! Where the middle of the values lies, and any other part of them.

/// Operations that must lie beyond a percentile before it is published.
const BEYOND: f64 = 10.0;

/// The middle value; of an even number, the mean of the middle two.
///
/// `None` for no values, or if one is not a number.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which the part `p` (0 to 1) of the values lies, linear between neighbours: R's type 7 (Hyndman and Fan, 1996),
/// so that `quantile(values, 0.5)` is the median.
///
/// `None` for no values, if one is not a number, or if `p` is not within 0 and 1.
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    let sorted = sorted(values)?;
    let last = sorted.len().checked_sub(1)?;
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let place = p * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    let part = place.fract();
    Some(if part == 0.5 {
        // The mean without overflow, and the same whichever way the values are counted.
        f64::midpoint(low, high)
    } else if part == 0.0 {
        low
    } else {
        low * (1.0 - part) + high * part
    })
}

/// Whether percentile `p` (0 to 1) of `count` operations says something: ten or more of them must lie beyond it,
/// `count·(1 − p) ≥ 10`. Below that it is one stall away from another value.
pub fn percentile_stands(count: u64, p: f64) -> bool {
    // 1 − 0.9 is a little less than a tenth in binary; a hundred operations are enough for p90 all the same.
    count as f64 * (1.0 - p) > BEYOND - 1e-6
}

/// The values in ascending order; `None` if one is not a number.
pub(super) fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(sorted)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[f64::MAX, f64::MAX]), Some(f64::MAX));
    }

    #[test]
    fn nothing_and_not_a_number_have_no_quantile() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(quantile(&[1.0], 1.1), None);
        assert_eq!(quantile(&[1.0], f64::NAN), None);
    }

    #[test]
    fn quantiles_between_values_are_linear() {
        // Type 7 by hand: the place 4·p among 1, 2, 4, 8, 16.
        let values = [16.0, 1.0, 8.0, 2.0, 4.0];
        for (p, expected) in [(0.0, 1.0), (0.1, 1.4), (0.25, 2.0), (0.9, 12.8), (1.0, 16.0)] {
            let seen = quantile(&values, p).unwrap();
            assert!((seen - expected).abs() < 1e-12, "p = {p}: {seen}, not {expected}");
        }
    }

    #[test]
    fn a_percentile_stands_from_ten_operations_beyond_it() {
        for (p, first) in [(0.5, 20), (0.9, 100), (0.99, 1_000), (0.999, 10_000)] {
            assert!(percentile_stands(first, p), "p = {p} stands at {first}");
            assert!(!percentile_stands(first - 1, p), "p = {p} does not stand at {}", first - 1);
        }
    }

    proptest! {
        #[test]
        fn half_of_the_values_lie_on_either_side_of_the_median(values in vec(-1e9..1e9f64, 1..60)) {
            let middle = median(&values).unwrap();
            let half = values.len().div_ceil(2);
            prop_assert!(values.iter().filter(|v| **v <= middle).count() >= half);
            prop_assert!(values.iter().filter(|v| **v >= middle).count() >= half);
        }

        #[test]
        fn the_order_of_the_values_does_not_matter(values in vec(-1e9..1e9f64, 1..60), p in 0.0..=1.0f64) {
            let backwards: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert_eq!(quantile(&values, p), quantile(&backwards, p));
        }

        #[test]
        fn quantiles_rise_with_p_and_stay_within_the_values(values in vec(-1e9..1e9f64, 1..60), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
            let (low, high) = (quantile(&values, a.min(b)).unwrap(), quantile(&values, a.max(b)).unwrap());
            prop_assert!(low <= high + 1e-6);
            let (least, most) = (quantile(&values, 0.0).unwrap(), quantile(&values, 1.0).unwrap());
            prop_assert!(least - 1e-6 <= low && high <= most + 1e-6);
        }
    }
}
