//! What the advice says of studies whose figures are known.

use super::sync::{Advice, Need, Survive, advise, text};
use crate::report::sample;
use crate::results::model::{Run, Study, Warning};

const NEED: Need = Need { edit: 1, pages: 1, survive: Survive::Power, p99_ns: None, rate: None };

fn run(studies: Vec<Study>) -> Run {
    Run { studies, warnings: Vec::new(), ..sample::run() }
}

fn both() -> Run {
    run(vec![sample::edit_write_4k(), sample::edit_write_1m(), sample::edit_visible()])
}

fn advised(run: &Run, need: Need) -> Advice {
    advise(run, need).unwrap()
}

#[test]
fn the_best_by_its_worst_history_is_advised_with_its_margin() {
    let advice = advised(&both(), NEED);
    let choice = advice.choice.unwrap();
    assert_eq!((choice.method.as_str(), choice.batch), ("pwrite(O_DSYNC)", 1));
    let next = choice.next.unwrap();
    assert_eq!(next.method, "pwrite+fdatasync");
    // Of 0.88 and 0.89 with ends at 0.97 and 1.02 of it, where the margin is most.
    assert!((next.low - 1.0 / (0.88 * 1.02)).abs() < 1e-9 && next.low < next.ratio && next.ratio < next.high);
    assert_eq!(next.history.as_deref(), Some("write-4K"));
    assert_eq!(advice.scenarios.len(), 3);
}

#[test]
fn a_mapped_method_that_is_good_in_one_history_alone_is_not_advised() {
    let mut run = both();
    let mapped = &mut run.studies[0].cases[3];
    mapped.ratio.as_mut().unwrap().estimate = 0.5;
    assert_eq!(advised(&run, NEED).choice.unwrap().method, "pwrite(O_DSYNC)");
    let advice = advised(&run, NEED);
    assert!(
        advice.warnings.iter().any(|said| said.contains("1.0 MiB a commit") && said.contains("8.0 KiB")),
        "{advice:?}"
    );
}

#[test]
fn what_cannot_be_told_apart_is_too_close_to_call() {
    let mut run = run(vec![sample::edit_write_4k()]);
    run.studies[0].cases.remove(2);
    let advice = advised(&run, NEED);
    let choice = advice.choice.as_ref().unwrap();
    assert_eq!(
        (choice.method.as_str(), choice.as_good.as_slice()),
        ("pwrite+fdatasync", &["pwrite+fsync".to_owned(), "mmap+msync(MS_SYNC)".to_owned()][..])
    );
    assert_eq!(choice.next.as_ref().unwrap().method, "mmap+fdatasync");
    assert!(text(&advice).contains("Too close to call: pwrite+fsync, mmap+msync(MS_SYNC)"));
}

#[test]
fn what_is_as_good_in_one_history_and_worse_in_another_is_not_too_close_to_call() {
    let mut run = both();
    run.studies.iter_mut().for_each(|study| study.cases.retain(|case| case.method != "pwrite(O_DSYNC)"));
    let advice = advised(&run, NEED);
    let choice = advice.choice.as_ref().unwrap();
    assert!(!choice.as_good.contains(&"mmap+msync(MS_SYNC)".to_owned()), "{choice:?}");
    let said = text(&advice);
    assert!(said.contains("mmap+msync(MS_SYNC) 8.0 KiB with history write-4K to 1.0 MiB with write-1M"), "{said}");
    assert!(said.contains("with history write-1M."), "{said}");
}

#[test]
fn a_rate_that_one_sync_a_commit_cannot_meet_takes_a_batch_and_says_what_it_loses() {
    // 318 us a commit at most 327 us; 10,000 a second leave 100 us each.
    let advice = advised(&both(), Need { rate: Some(10_000.0), ..NEED });
    let choice = advice.choice.as_ref().unwrap();
    assert_eq!((choice.method.as_str(), choice.batch, choice.batch_measured), ("pwrite+fdatasync", 4, false));
    assert!(choice.batched_ns <= 100_000.0 && choice.loss_ns == 400_000.0, "{choice:?}");
    let said = text(&advice);
    assert!(said.contains("Sync every 4 commits") && said.contains("up to 3 commits"), "{said}");
    let easy = advised(&both(), Need { rate: Some(1_000.0), ..NEED });
    assert_eq!(easy.choice.unwrap().batch, 1);
}

#[test]
fn a_measured_batch_is_taken_before_one_that_is_worked_out() {
    let mut batched = sample::edit_write_4k();
    batched.scenario.params.insert("every".to_owned(), "16".to_owned());
    batched.scenario.id += "/every=16";
    for case in &mut batched.cases {
        case.ns_per_op.iter_mut().for_each(|time| (time.estimate, time.high) = (20_000.0, Some(21_000.0)));
    }
    let mut run = both();
    run.studies.push(batched);
    let choice = advised(&run, Need { rate: Some(10_000.0), ..NEED }).choice.unwrap();
    assert_eq!((choice.batch, choice.batch_measured, choice.batched_ns), (16, true, 21_000.0));
}

#[test]
fn a_batch_that_was_measured_and_was_too_slow_is_not_advised_by_reckoning() {
    let mut batched = sample::edit_write_4k();
    batched.scenario.params.insert("every".to_owned(), "6".to_owned());
    for case in &mut batched.cases {
        case.ns_per_op.iter_mut().for_each(|time| (time.estimate, time.high) = (190_000.0, Some(200_410.0)));
    }
    let mut run = both();
    run.studies.push(batched);
    // 6 at 200 us beyond an edit of 410 ns make a sync of 1.2 ms: 13 of them are needed to come below 100 us.
    let choice = advised(&run, Need { rate: Some(10_000.0), ..NEED }).choice.unwrap();
    assert_eq!((choice.batch, choice.batch_measured), (13, false), "{choice:?}");
}

#[test]
fn a_rate_beyond_an_unsynced_edit_cannot_be_met() {
    let advice = advised(&both(), Need { rate: Some(1e8), ..NEED });
    assert!(advice.choice.is_none());
    assert!(advice.unmet.as_ref().unwrap().contains("even without a sync"), "{advice:?}");
    assert!(text(&advice).contains("Nothing here meets that"));
}

#[test]
fn a_p99_is_held_against_the_worst_history_and_the_nearest_is_named() {
    // p99 is 2.5 times the time: 780 us of the baseline, 700 us of O_DSYNC.
    let met = advised(&both(), Need { p99_ns: Some(900_000.0), ..NEED });
    assert_eq!(met.choice.unwrap().method, "pwrite(O_DSYNC)");
    let unmet = advised(&both(), Need { p99_ns: Some(100_000.0), ..NEED });
    assert!(unmet.unmet.unwrap().contains("of pwrite(O_DSYNC)"));
}

#[test]
fn nothing_in_memory_is_advised_to_survive_a_crash() {
    let mut run = both();
    run.warnings = vec![Warning {
        code: "memory_filesystem".to_owned(),
        text: "The files are on tmpfs.".to_owned(),
        fix: "Put them on a disk.".to_owned(),
    }];
    for survive in [Survive::Crash, Survive::Power] {
        let advice = advised(&run, Need { survive, ..NEED });
        assert!(advice.choice.is_none() && advice.unmet.unwrap().contains("the files lie in memory"));
    }
    assert!(advised(&run, Need { survive: Survive::Process, ..NEED }).choice.is_some());
}

#[test]
fn what_survives_the_process_alone_is_a_question_to_visible_edits() {
    let advice = advised(&both(), Need { survive: Survive::Process, ..NEED });
    assert_eq!(advice.choice.as_ref().unwrap().method, "mmap");
    assert!(text(&advice).contains("everything not yet written back, when the system crashes"));
}

#[test]
fn ms_async_is_always_warned_of_and_other_commits_are_told() {
    let advice = advised(&both(), Need { edit: 100, pages: 8, ..NEED });
    assert!(advice.warnings[0].starts_with("msync(MS_ASYNC) promises nothing"));
    assert!(advice.warnings.iter().any(|said| said.contains("1 B in each of 1 place, the nearest")), "{advice:?}");
}

#[test]
fn a_run_without_such_a_study_is_refused_with_what_to_do() {
    let error = advise(&run(vec![sample::edit_visible()]), NEED).unwrap_err();
    assert!(error.contains("durable") && error.contains("without --from"), "{error}");
    let mut tainted = both();
    tainted.studies.iter_mut().for_each(|study| study.tainted = true);
    assert!(advise(&tainted, NEED).is_err());
}
