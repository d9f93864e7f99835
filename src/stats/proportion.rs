//! How sure a rate is that was counted, and how many tries a rate needs.

use super::plan::ranks_from_each_end;

/// P(Bin(n, p) ≤ k): how likely `n` tries, each a success with probability `p`, give at most `k` successes.
pub fn at_most(k: usize, n: usize, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    // By logarithms: C(n, i) overflows an `f64` long before its product with the powers does.
    let mut log_ways = 0.0;
    let mut sum = 0.0;
    for i in 0..=k {
        sum += (log_ways + i as f64 * p.ln() + (n - i) as f64 * (-p).ln_1p()).exp();
        log_ways += ((n - i) as f64 / (i + 1) as f64).ln();
    }
    sum.min(1.0)
}

/// The exact interval (Clopper and Pearson, Biometrika 26, 1934) of the rate behind `k` successes of `n` tries: (low, high), the least and
/// the greatest rate for which so few or so many are no rarer than half of 1 − `confidence`. (0, 1) for no tries.
pub fn rate_interval(k: usize, n: usize, confidence: f64) -> (f64, f64) {
    let tail = (1.0 - confidence) / 2.0;
    let low = if k == 0 { 0.0 } else { crossing(|p| 1.0 - at_most(k - 1, n, p) > tail) };
    (low, rate_at_most(k, n, 1.0 - tail))
}

/// The exact upper bound of the rate behind `k` successes of `n` tries: the greatest rate for which so few are no rarer than
/// 1 − `confidence`. 1 for no tries.
pub fn rate_at_most(k: usize, n: usize, confidence: f64) -> f64 {
    if k >= n { 1.0 } else { crossing(|p| at_most(k, n, p) <= 1.0 - confidence) }
}

/// The probability from which on `holds`, which turns true once.
fn crossing(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut below, mut above) = (0.0, 1.0);
    // An `f64` has no more halvings to give.
    for _ in 0..60 {
        let middle = f64::midpoint(below, above);
        if holds(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    f64::midpoint(below, above)
}

/// The fewest workers with which the sign interval at `confidence` lies wholly above 1 with a chance of at least `power`, if each worker's ratio
/// does with probability `p`. `None` if more than `most` would be needed.
pub fn workers_to_find(p: f64, confidence: f64, power: f64, most: usize) -> Option<usize> {
    (1..=most).find(|workers| {
        ranks_from_each_end(*workers, confidence).is_some_and(|rank| at_most(rank - 1, *workers, 1.0 - p) >= power)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        let close = |(low, high): (f64, f64), expected: (f64, f64)| {
            assert!((low - expected.0).abs() < 5e-4 && (high - expected.1).abs() < 5e-4, "{low} {high}");
        };
        close(rate_interval(0, 10, 0.95), (0.0, 0.3085));
        close(rate_interval(4, 10, 0.95), (0.1216, 0.7376));
        close(rate_interval(4, 400, 0.95), (0.0027, 0.0254));
        close(rate_interval(100, 100, 0.95), (0.9638, 1.0));
        assert_eq!(rate_interval(0, 0, 0.95), (0.0, 1.0));
        // Of no success in n tries: 1 − 0.01^(1/n), the "rule of three" at 99 %.
        assert!((rate_at_most(0, 100, 0.99) - (1.0 - 0.01_f64.powf(0.01))).abs() < 1e-12);
        assert_eq!(rate_at_most(7, 7, 0.99), 1.0);
        assert_eq!(rate_at_most(0, 0, 0.99), 1.0);
    }

    #[test]
    fn workers_that_always_agree_need_to_be_as_many_as_an_interval_takes() {
        assert_eq!(workers_to_find(1.0, 0.99, 0.9, 100), Some(8));
        assert_eq!(workers_to_find(0.5, 0.99, 0.9, 500), None);
        let (clear, faint) = (workers_to_find(0.95, 0.99, 0.9, 500), workers_to_find(0.7, 0.99, 0.9, 500));
        assert!(clear.unwrap() < faint.unwrap());
    }

    proptest! {
        #[test]
        fn the_rate_seen_lies_within(n in 1usize..300, part in 0.0..=1.0f64, confidence in 0.5..0.999f64) {
            let k = (n as f64 * part) as usize;
            let (low, high) = rate_interval(k, n, confidence);
            let seen = k as f64 / n as f64;
            prop_assert!(low <= seen + 1e-12 && seen <= high + 1e-12);
        }

        #[test]
        fn the_interval_holds_the_rate_at_least_as_often_as_it_says(n in 1usize..60, p in 0.01..0.99f64) {
            // Exactly: the chance of every count whose interval holds p.
            let held: f64 = (0..=n)
                .filter(|k| {
                    let (low, high) = rate_interval(*k, n, 0.95);
                    low <= p && p <= high
                })
                .map(|k| at_most(k, n, p) - if k == 0 { 0.0 } else { at_most(k - 1, n, p) })
                .sum();
            prop_assert!(held >= 0.95 - 1e-9, "{}", held);
        }

        #[test]
        fn successes_and_failures_mirror_each_other(n in 1usize..200, part in 0.0..=1.0f64) {
            let k = (n as f64 * part) as usize;
            let (low, high) = rate_interval(k, n, 0.95);
            let (mirror_low, mirror_high) = rate_interval(n - k, n, 0.95);
            prop_assert!((low - (1.0 - mirror_high)).abs() < 1e-9 && (high - (1.0 - mirror_low)).abs() < 1e-9);
        }
    }
}
