//! How sure each comparison must be for the whole study to keep its promise, and how many workers that takes.

use super::binomial;
use super::sign_interval::fewest;

/// The confidence of one comparison: 1 − (1 − `confidence`)/(m·L), for `comparisons` m (the null control among them) that are each
/// looked at up to `looks` L times. All of a study's intervals hold at all of its looks together with at least `confidence`
/// (Bonferroni: no assumption about how they hang together). Zero counts as one.
pub fn level(confidence: f64, comparisons: usize, looks: usize) -> f64 {
    let times = comparisons.max(1) as f64 * looks.max(1) as f64;
    1.0 - (1.0 - confidence) / times
}

/// The workers below which no comparison of such a study has an interval: ⌈log₂(2·m·L/(1 − `confidence`))⌉. A study that plans fewer is
/// `unresolved` before it starts.
pub fn workers_needed(confidence: f64, comparisons: usize, looks: usize) -> usize {
    fewest(level(confidence, comparisons, looks))
}

/// The values that the sign interval of `workers` values leaves out at each end, and one: the rank of its ends. `None` for too few.
pub(super) fn ranks_from_each_end(workers: usize, confidence: f64) -> Option<usize> {
    binomial::rank(workers, 1.0 - confidence)
}

/// The workers that verdicts rest on when `finished` have finished: the last of the planned `looks` that was reached; 0 if none was.
/// Later workers do not count: a look at a number that the data chose is not one of the L.
pub fn workers_used(looks: &[u32], finished: u32) -> u32 {
    looks.iter().copied().filter(|look| *look <= finished).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn workers_needed_is_the_logarithm_that_the_design_gives() {
        for comparisons in 1..=200u64 {
            for looks in 1..=3u64 {
                // ⌈log₂(200·m·L)⌉ in whole numbers.
                let expected = (200 * comparisons * looks).next_power_of_two().trailing_zeros();
                let seen = workers_needed(0.99, comparisons as usize, looks as usize);
                assert_eq!(seen, expected as usize, "m = {comparisons}, L = {looks}");
            }
        }
    }

    #[test]
    fn five_comparisons_looked_at_thrice_need_twelve_workers() {
        assert_eq!(workers_needed(0.99, 5, 3), 12);
    }

    #[test]
    fn one_comparison_at_one_look_keeps_the_study_s_confidence() {
        assert_eq!(level(0.99, 1, 1), 0.99);
        assert_eq!(level(0.99, 0, 0), 0.99);
    }

    #[test]
    fn only_a_planned_look_counts() {
        assert_eq!(workers_used(&[12, 16, 24], 11), 0);
        assert_eq!(workers_used(&[12, 16, 24], 12), 12);
        assert_eq!(workers_used(&[12, 16, 24], 23), 16);
        assert_eq!(workers_used(&[12, 16, 24], 40), 24);
        assert_eq!(workers_used(&[], 40), 0);
    }

    proptest! {
        #[test]
        fn the_chances_to_be_wrong_add_up_to_no_more_than_the_study_s(
            confidence in 0.5..0.9999f64, comparisons in 1usize..100, looks in 1usize..5,
        ) {
            let each = 1.0 - level(confidence, comparisons, looks);
            prop_assert!(each * (comparisons * looks) as f64 <= (1.0 - confidence) * (1.0 + 1e-9));
        }
    }
}
