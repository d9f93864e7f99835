//! What a comparison says, from its interval alone.

use serde::{Deserialize, Serialize};

use super::Comparison;

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The interval lies within the margin.
    Equal,
    /// The interval lies below 1.
    Faster,
    /// The interval lies above 1.
    Slower,
    /// The data do not say.
    Unresolved,
}

impl Verdict {
    /// The verdict on a ratio to the baseline of which `interval` (low, high) is known, `None` for nothing. In this order:
    ///
    /// 1. `Equal` if it lies within \[1 − `margin`, 1 + `margin`\], ends included: a difference may be certain, and too small to matter.
    /// 2. `Faster` if it lies below 1, `Slower` if above; an end of exactly 1 leaves 1 possible.
    /// 3. else `Unresolved`.
    ///
    /// The margin is taken as it is written, 0.99 to 1.01 for 1 %, so that a reader can check it by eye. In logarithms that is
    /// not quite the same width up and down (by margin² / 2, 0.1 % at 5 %); a ratio and its inverse can differ there.
    pub fn of(interval: Option<(f64, f64)>, margin: f64) -> Self {
        match interval {
            Some((low, high)) if low >= 1.0 - margin && high <= 1.0 + margin => Self::Equal,
            Some((_, high)) if high < 1.0 => Self::Faster,
            Some((low, _)) if low > 1.0 => Self::Slower,
            _ => Self::Unresolved,
        }
    }
}

/// Whether the null control is off: its interval excludes 1 and its estimate lies outside of \[1 − `margin`, 1 + `margin`\]. The instrument
/// then sees a difference where there is none, and no verdict of the study stands. A null control without an interval says nothing.
pub fn tainted(null: &Comparison, margin: f64) -> bool {
    let (Some(low), Some(high), Some(estimate)) = (null.low, null.high, null.estimate) else {
        return false;
    };
    let excludes_one = high < 1.0 || low > 1.0;
    excludes_one && (estimate < 1.0 - margin || estimate > 1.0 + margin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn null_control(low: f64, estimate: f64, high: f64) -> Comparison {
        Comparison {
            estimate: Some(estimate),
            low: Some(low),
            high: Some(high),
            confidence: 0.99,
            workers: 12,
            verdict: Verdict::of(Some((low, high)), 0.01),
        }
    }

    #[test]
    fn equal_comes_before_faster_and_slower() {
        assert_eq!(Verdict::of(Some((0.991, 0.995)), 0.01), Verdict::Equal);
        assert_eq!(Verdict::of(Some((1.002, 1.01)), 0.01), Verdict::Equal);
        assert_eq!(Verdict::of(Some((0.99, 1.01)), 0.01), Verdict::Equal);
    }

    #[test]
    fn a_certain_difference_beyond_the_margin_has_a_direction() {
        assert_eq!(Verdict::of(Some((0.5, 0.995)), 0.01), Verdict::Faster);
        assert_eq!(Verdict::of(Some((1.005, 3.0)), 0.01), Verdict::Slower);
    }

    #[test]
    fn what_the_data_do_not_say_is_unresolved() {
        assert_eq!(Verdict::of(Some((0.98, 1.02)), 0.01), Verdict::Unresolved);
        assert_eq!(Verdict::of(Some((0.5, 1.0)), 0.01), Verdict::Unresolved);
        assert_eq!(Verdict::of(Some((1.0, 2.0)), 0.01), Verdict::Unresolved);
        assert_eq!(Verdict::of(Some((f64::NAN, f64::NAN)), 0.01), Verdict::Unresolved);
        assert_eq!(Verdict::of(None, 0.01), Verdict::Unresolved);
    }

    #[test]
    fn a_null_control_taints_only_if_it_is_off_for_certain_and_by_more_than_the_margin() {
        assert!(tainted(&null_control(1.011, 1.02, 1.03), 0.01));
        assert!(tainted(&null_control(0.9, 0.95, 0.98), 0.01));
        assert!(!tainted(&null_control(0.9, 1.05, 1.3), 0.01), "1 is possible");
        assert!(!tainted(&null_control(1.001, 1.005, 1.03), 0.01), "within the margin");
        let unknown = Comparison { low: None, high: None, ..null_control(1.0, 2.0, 1.0) };
        assert!(!tainted(&unknown, 0.01), "without an interval");
    }

    proptest! {
        #[test]
        fn a_wider_interval_never_says_the_opposite(
            low in 0.5..2.0f64, width in 0.0..0.5f64, more in 0.0..0.5f64, margin in 0.0..0.1f64,
        ) {
            let narrow = Verdict::of(Some((low, low + width)), margin);
            let wide = Verdict::of(Some((low - more, low + width + more)), margin);
            let opposite = matches!((narrow, wide), (Verdict::Faster, Verdict::Slower) | (Verdict::Slower, Verdict::Faster));
            prop_assert!(!opposite);
            if wide == Verdict::Equal {
                prop_assert_eq!(narrow, Verdict::Equal);
            }
        }

        #[test]
        fn no_equal_interval_taints(low in 0.9..1.1f64, width in 0.0..0.05f64, margin in 0.0..0.1f64) {
            let null = null_control(low, low + width / 2.0, low + width);
            if Verdict::of(Some((low, low + width)), margin) == Verdict::Equal {
                prop_assert!(!tainted(&null, margin));
            }
        }
    }
}
