//! What `cargo bench --bench overhead` says of a bound: from the interval alone, and of what it could not measure.

#[path = "../benches/bare/bound.rs"]
#[allow(dead_code, reason = "a part of a benchmark, of which this tests what it concludes")]
mod bound;
mod sample;

use bound::{Row, Verdict, of_operation, of_stamp, verdict};
use pagewise::results::model::{Status, Study};
use proptest::prelude::*;

#[test]
fn long_operations_may_cost_two_hundredths_more_short_ones_five_or_a_nanosecond() {
    assert_eq!(of_operation(200.0), 1.02);
    assert_eq!(of_operation(1e6), 1.02);
    assert_eq!(of_operation(199.0), 1.05);
    assert_eq!(of_operation(20.0), 1.05);
    assert_eq!(of_operation(10.0), 1.1);
    assert_eq!(of_operation(1.0), 2.0);
}

#[test]
fn a_stamp_may_cost_thirty_nanoseconds_more_than_two_reads_of_the_clock() {
    assert_eq!(of_stamp(60.0), 1.5);
    assert_eq!(of_stamp(15.0), 3.0);
}

proptest! {
    #[test]
    fn the_verdict_is_read_off_the_interval(low in 0.5_f64..1.5, width in 0.0_f64..0.3, bound in 1.001_f64..1.2) {
        let high = low + width;
        let (floor, said) = (1.0 / bound, verdict(low, high, bound));
        prop_assert_eq!(said == Verdict::Over, low > bound);
        prop_assert_eq!(said == Verdict::Under, high < floor);
        prop_assert_eq!(said == Verdict::Unresolved, low <= bound && high > bound);
        prop_assert_eq!(said == Verdict::Within, floor <= high && high <= bound);
    }
}

/// A study with an interval: its first two cases.
fn pair() -> Study {
    let mut study = sample::run().studies.swap_remove(0);
    study.cases.truncate(2);
    (study.tainted, study.baseline) = (false, study.cases[0].method.clone());
    study
}

fn verdict_of(study: &Study) -> Verdict {
    match Row::of(study, |_| 1e9) {
        Row::Compared { verdict, .. } => verdict,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_study_that_is_tainted_or_has_no_interval_is_unresolved_whatever_its_estimate() {
    let mut study = pair();
    assert_eq!(verdict_of(&study), Verdict::Within);
    study.tainted = true;
    assert_eq!(verdict_of(&study), Verdict::Unresolved);
    study.tainted = false;
    study.cases[1].ratio.as_mut().unwrap().low = None;
    assert_eq!(verdict_of(&study), Verdict::Unresolved);
}

#[test]
fn what_this_machine_cannot_do_and_what_went_wrong_are_rows_with_their_reason() {
    let mut study = pair();
    study.cases[0].reason = Some("there is no second core".to_owned());
    study.cases[0].status = Status::Unavailable;
    assert!(matches!(Row::of(&study, of_operation), Row::Unavailable(reason) if reason == "there is no second core"));
    study.cases[0].status = Status::Failed;
    assert!(matches!(Row::of(&study, of_operation), Row::Failed(reason) if reason.ends_with("no second core")));
}
