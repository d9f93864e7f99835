//! Whether the findings are true of the run, and say no more than it does.

use proptest::prelude::*;

use super::*;
use crate::report::sample::{self, Change};
use crate::results::model::Status;

fn texts(run: &Run) -> Vec<String> {
    findings(run).into_iter().map(|finding| finding.text).collect()
}

/// What is found in one study alone.
fn of(study: Study) -> String {
    texts(&Run { studies: vec![study], ..sample::run() }).join("\n")
}

fn case_of<'a>(study: &'a mut Study, method: &str) -> &'a mut Case {
    study.cases.iter_mut().find(|case| case.method == method).expect("the sample has it")
}

fn judge(study: &mut Study, method: &str, estimate: f64, interval: (f64, f64), verdict: Verdict) {
    let case = case_of(study, method);
    *case = case.clone().ratio(estimate, Some(interval), verdict);
}

#[test]
fn the_sample_says_what_is_most_striking_in_each_area() {
    insta::assert_snapshot!(texts(&sample::run()).join("\n\n"), @"
    `shm+spin` is the fastest of 4 methods: ×0.00610 (0.00592–0.00622) the time of `pipe`, 164 times as fast. An operation of `pipe` waited 2 times; one of `shm+spin`, 0.

    How the cache was filled decides what `mmap+fdatasync` writes to the device: 1.0 MiB an operation with history `write-1M`, 8.0 KiB with `write-4K`. Most of its pages lay in folios of 1.0 MiB in the first, of 4.0 KiB in the second. `pwrite(O_DSYNC)` is spared: 4.0 KiB with both.

    With the guarantee visible, `mmap` is the fastest of 3 methods: ×0.0310 (0.0301–0.0316) the time of `pwrite`, 32.3 times as fast.

    `mmap` takes ×14.2 (13.9–14.8) the time of `pread`. An operation of `mmap` read 2.3 MiB from the device and met 0.980 major faults; one of `pread`, 4.0 KiB and 0. `mmap+MADV_RANDOM` avoids it: 4.0 KiB read, ×1.01 (1.01–1.01) the time.

    With the file warm, `MAP_PRIVATE+store` is the fastest of 4 methods: ×0.0540 (0.0524–0.0551) the time of `read(reused)`, 18.5 times as fast.

    Not answered: 2 comparisons unresolved; 1 null control off, so that no verdict of its study stands; 2 cases that cannot be measured here; 3 cases that failed.
    ");
}

#[test]
fn a_tainted_study_and_one_without_a_look_say_nothing() {
    for break_it in [|study: &mut Study| study.tainted = true, |study: &mut Study| study.workers_used = 0] {
        let mut run = sample::run();
        run.studies.iter_mut().for_each(break_it);
        let found = findings(&run);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].text.starts_with("Not answered: ") && found[0].study.is_none());
    }
}

#[test]
fn a_study_without_its_baseline_says_nothing_of_times() {
    let mut study = sample::ipc_two_cores();
    study.cases[0] = study.cases[0].clone().missing(Status::Failed, "it died");
    let found = of(study);
    assert_eq!(found, "Not answered: 1 case that failed.");
}

#[test]
fn methods_whose_intervals_meet_share_the_first_place() {
    let mut study = sample::copy_one_percent();
    judge(&mut study, "read(fresh)", 0.06, (0.05, 0.2), Verdict::Faster);
    let found = of(study);
    assert!(found.contains("`read(fresh)` cannot be told from it") && !found.contains("fastest"), "{found}");
}

#[test]
fn a_method_of_which_too_little_is_known_may_be_the_fastest() {
    let mut study = sample::copy_one_percent();
    judge(&mut study, "read(fresh)", 2.0, (0.01, 9.0), Verdict::Unresolved);
    assert!(!of(study.clone()).contains("fastest"));
    let unknown = case_of(&mut study, "read(fresh)");
    *unknown = unknown.clone().ratio(2.0, None, Verdict::Unresolved);
    assert!(!of(study).contains("fastest"));
}

#[test]
fn a_baseline_is_unbeaten_only_if_every_comparison_says_so() {
    let mut study = sample::ipc_one_core();
    judge(&mut study, "shm+futex", 1.2, (1.1, 1.3), Verdict::Slower);
    judge(&mut study, "file map+futex", 1.3, (1.2, 1.4), Verdict::Slower);
    let found = of(study.clone());
    assert!(
        found.contains(
            "`pipe` is the fastest of 4 methods: the smallest ratio to it is that of `shm+futex`, ×1.20 (1.10–1.30)"
        ),
        "{found}"
    );
    judge(&mut study, "socketpair", 1.0, (0.999, 1.001), Verdict::Equal);
    assert!(of(study.clone()).contains("Nothing beats `pipe`: `socketpair` within ±1 % of it, the others slower"));
    judge(&mut study, "shm+futex", 1.0, (0.9, 1.1), Verdict::Unresolved);
    assert!(!of(study).contains("`pipe`"));
}

#[test]
fn methods_that_are_all_equal_are_said_to_be() {
    let mut study = sample::ipc_one_core();
    for method in ["socketpair", "shm+futex", "file map+futex"] {
        judge(&mut study, method, 1.001, (0.995, 1.006), Verdict::Equal);
    }
    assert!(of(study).starts_with("No method is better than another: "));
}

#[test]
fn a_remedy_must_be_known_to_be_faster_and_to_cost_less() {
    let remedy = "`mmap+MADV_RANDOM` avoids it: 4.0 KiB read, ×1.01 (1.01–1.01) the time.";
    let mut study = sample::touch_cold_random();
    assert!(of(study.clone()).contains(remedy));
    let mut costly = study.clone();
    case_of(&mut costly, "mmap+MADV_RANDOM").per_op.iter_mut().for_each(|counts| counts.device_read_bytes = Some(2e6));
    assert!(!of(costly).contains("avoids it"));
    judge(&mut study, "mmap+MADV_RANDOM", 1.01, (0.8, 1.3), Verdict::Unresolved);
    assert!(!of(study).contains("avoids it"));
}

#[test]
fn a_trap_is_news_only_where_both_use_the_device() {
    let mut study = sample::touch_cold_random();
    for case in &mut study.cases {
        case.per_op.iter_mut().for_each(|counts| (counts.device_read_bytes, counts.major_faults) = (Some(0.0), 0.0));
    }
    case_of(&mut study, "mmap").per_op.iter_mut().for_each(|counts| counts.device_read_bytes = Some(4096.0));
    assert!(!of(study).contains("from the device"));
}

#[test]
fn what_a_condition_turns_round_is_found() {
    let cold = sample::touch_cold_random();
    let mut warm = cold.clone();
    (warm.scenario.state, warm.scenario.history) = (Some("warm".to_owned()), Some("write-1M".to_owned()));
    warm.cases.iter_mut().filter_map(|case| case.per_op.as_mut()).for_each(|counts| *counts = Default::default());
    judge(&mut warm, "mmap", 0.05, (0.045, 0.052), Verdict::Faster);
    let run = Run { studies: vec![cold, warm], ..sample::run() };
    let said = "It depends: `mmap` takes ×0.0500 (0.0450–0.0520) the time of `pread` with state warm, but ×14.2 (13.9–14.8) with state cold.";
    assert!(texts(&run).iter().any(|text| text == said), "{:#?}", texts(&run));
    let mut two = run;
    two.studies[0].scenario.params.insert("size".to_owned(), "1MiB".to_owned());
    assert!(!texts(&two).iter().any(|text| text.starts_with("It depends")), "two conditions differ");
}

#[test]
fn bytes_of_other_questions_are_not_compared() {
    let mut run = sample::run();
    run.studies.truncate(2);
    assert!(texts(&run).iter().any(|text| text.starts_with("How the cache was filled decides")));
    run.studies[1].scenario.guarantee = Some("atomic".to_owned());
    assert!(!texts(&run).iter().any(|text| text.starts_with("How the cache was filled decides")));
}

#[test]
fn a_run_of_nothing_says_nothing() {
    assert_eq!(findings(&Run { studies: Vec::new(), ..sample::run() }), []);
}

/// A comparison with some interval around its estimate, or none.
fn comparison() -> impl Strategy<Value = (f64, Option<(f64, f64)>)> {
    (-3.0..3.0_f64, 0.0..1.0_f64, 0.0..1.0_f64, any::<bool>()).prop_map(|(power, below, above, known)| {
        let estimate = power.exp();
        (estimate, known.then_some((estimate / (1.0 + below), estimate * (1.0 + above))))
    })
}

proptest! {
    #[test]
    fn the_fastest_is_apart_from_every_other(comparisons in proptest::collection::vec(comparison(), 1..6)) {
        let mut cases = vec![sample::case("base", 100.0)];
        for (index, (estimate, interval)) in comparisons.iter().enumerate() {
            let verdict = Verdict::of(*interval, 0.05);
            cases.push(sample::case(&format!("m{index}"), 100.0 * estimate).ratio(*estimate, *interval, verdict));
        }
        let study = sample::study("page_touch", "q", &[], [None; 3], cases);
        if let Some((text, _)) = winner::winner(&study) && text.contains("the fast") {
            let name = text.split('`').nth(1).unwrap_or_default().to_owned();
            let ends = |case: &Case| if case.method == "base" { Some((1.0, 1.0)) } else { case.ratio.and_then(|ratio| ratio.low.zip(ratio.high)) };
            let (first, others): (Vec<&Case>, Vec<&Case>) = study.cases.iter().partition(|case| case.method == name);
            let high = ends(first[0]).map_or(f64::INFINITY, |(_, high)| high);
            prop_assert!(others.iter().all(|other| ends(other).is_some_and(|(low, _)| low > high)), "{text}");
        }
    }

    #[test]
    fn findings_are_few_and_each_points_at_its_study(order in Just((0..10_usize).collect::<Vec<_>>()).prop_shuffle(), count in 0..10_usize) {
        let all = sample::run();
        let studies = order.into_iter().take(count).map(|index| all.studies[index].clone()).collect();
        let run = Run { studies, ..all };
        let found = findings(&run);
        prop_assert!(found.len() <= 6);
        let standing = found.iter().filter_map(|finding| finding.study);
        prop_assert!(standing.into_iter().all(|study| stands(&run.studies[study])));
        prop_assert!(found.windows(2).all(|pair| pair[0].weight >= pair[1].weight));
    }
}
