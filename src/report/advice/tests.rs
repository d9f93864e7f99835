//! What the advice says of studies whose figures are known.

use super::read::{self, Faster};
use super::sync::{self, Advice, Need, RuledOut, Survive, Tried, text};
use crate::report::sample::{self, Change};
use crate::results::model::{Ratio, Reading, Run, Status, Study, Verdict, Warning};

const NEED: Need = Need { edit: 1, pages: 1, survive: Survive::Power, p99_ns: None, rate: None };

fn run(studies: Vec<Study>) -> Run {
    Run { studies, warnings: Vec::new(), ..sample::run() }
}

fn both() -> Run {
    run(vec![sample::edit_write_4k(), sample::edit_write_1m(), sample::edit_visible()])
}

/// As a catalogue has it: plain calls, then a mapping, then flags.
fn plainness(method: &str) -> usize {
    const PLAINEST_FIRST: [&str; 9] = [
        "pread",
        "mmap",
        "mmap+MADV_RANDOM",
        "O_DIRECT",
        "pwrite+fdatasync",
        "pwrite+fsync",
        "pwrite(O_DSYNC)",
        "mmap+msync(MS_SYNC)",
        "mmap+fdatasync",
    ];
    PLAINEST_FIRST.iter().position(|name| *name == method).unwrap_or(usize::MAX)
}

fn advise(run: &Run, need: Need) -> Result<Advice, String> {
    sync::advise(run, need, &plainness)
}

fn advised(run: &Run, need: Need) -> Advice {
    advise(run, need).unwrap()
}

/// Gives a method of a study another ratio to the baseline.
fn set_ratio(study: &mut Study, method: &str, (low, estimate, high): (f64, f64, f64)) {
    let case = study.cases.iter_mut().find(|case| case.method == method).unwrap();
    case.ratio = Some(Ratio {
        estimate,
        low: Some(low),
        high: Some(high),
        confidence: 0.999,
        verdict: Verdict::of(Some((low, high)), study.margin),
    });
}

fn ruled_out(advice: &Advice, method: &str) -> String {
    let of = |out: &&RuledOut| out.method == method;
    advice.ruled_out.iter().find(of).map_or_else(String::new, |out| out.reason.clone())
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
fn what_cannot_be_told_apart_is_statistically_tied() {
    let mut run = run(vec![sample::edit_write_4k()]);
    run.studies[0].cases.remove(2);
    let advice = advised(&run, NEED);
    let choice = advice.choice.as_ref().unwrap();
    assert_eq!(
        (choice.method.as_str(), choice.as_good.as_slice()),
        ("pwrite+fdatasync", &["pwrite+fsync".to_owned(), "mmap+msync(MS_SYNC)".to_owned()][..])
    );
    assert_eq!(choice.next.as_ref().unwrap().method, "mmap+fdatasync");
    let said = text(&advice);
    assert!(
        said.contains("Statistically tied: pwrite+fsync (×1.00, 0.99998–1.01), mmap+msync(MS_SYNC) (×1.06, "),
        "{said}"
    );
}

#[test]
fn what_is_as_good_in_one_history_and_worse_in_another_is_not_tied() {
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
    assert!(said.contains("Sync every 4 commits") && said.contains("up to 3 acknowledged commits"), "{said}");
    assert!(
        said.contains("At 10,000 commits a second each may take 100 µs; with a sync of its own it takes up to 328 µs."),
        "{said}"
    );
    assert!(
        said.contains(
            "calculated from a sync and an edit without one, not measured). By calculation no smaller batch keeps up."
        ),
        "{said}"
    );
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
    let advice = advised(&run, Need { rate: Some(10_000.0), ..NEED });
    let choice = advice.choice.as_ref().unwrap();
    assert_eq!((choice.batch, choice.batch_measured, choice.batched_ns), (16, true, 21_000.0));
    // Why so many, where 318 us a sync and 100 us a commit make four? The run has no smaller batch.
    let reason = choice.batch_reason.as_ref().unwrap();
    assert_eq!((reason.allowed_ns, reason.too_slow.len(), reason.smaller_by_calculation), (100_000.0, 0, Some(4)));
    assert!(
        text(&advice)
            .contains("By calculation every 4 would do; of the batches that were measured, 16 is the smallest")
    );
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
    let advice = advised(&run, Need { rate: Some(10_000.0), ..NEED });
    let choice = advice.choice.as_ref().unwrap();
    assert_eq!((choice.batch, choice.batch_measured), (13, false), "{choice:?}");
    assert_eq!(choice.batch_reason.as_ref().unwrap().too_slow, [Tried { batch: 6, ns: 200_410.0 }]);
    assert!(text(&advice).contains("A smaller batch is too slow: every 6, 200 µs a commit."), "{}", text(&advice));
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
    assert!(advise(&tainted, NEED).unwrap_err().contains("the same method differed from itself"));
    let mut failed = both();
    for study in &mut failed.studies {
        study.workers_used = 0;
        study.cases[0] = study.cases[0].clone().missing(Status::Failed, "no room on the disk");
    }
    let error = advise(&failed, NEED).unwrap_err();
    assert!(error.contains("pwrite+fdatasync is what the others are compared with: no room on the disk"), "{error}");
}

#[test]
fn a_method_whose_interval_holds_1_is_a_tie_and_nothing_else_is_said_of_it() {
    let mut run = run(vec![sample::edit_write_4k()]);
    set_ratio(&mut run.studies[0], "mmap+fdatasync", (0.9, 2.62, 7.0));
    set_ratio(&mut run.studies[0], "pwrite(O_DSYNC)", (0.97, 1.2, 1.4));
    let advice = advised(&run, NEED);
    let choice = advice.choice.as_ref().unwrap();
    assert_eq!(choice.method, "pwrite+fdatasync");
    assert_eq!(
        choice.as_good,
        ["pwrite+fsync", "mmap+msync(MS_SYNC)", "pwrite(O_DSYNC)", "mmap+fdatasync"],
        "all of them"
    );
    assert!(choice.next.is_none() && choice.tied.iter().all(|tie| tie.low <= 1.0 && tie.high >= 1.0), "{choice:?}");
    assert!(text(&advice).contains("mmap+fdatasync (×2.62, 0.900–7.00)"), "{}", text(&advice));
}

#[test]
fn of_tied_methods_the_plainest_is_advised_though_another_has_the_smaller_estimate() {
    let mut run = run(vec![sample::edit_write_4k()]);
    set_ratio(&mut run.studies[0], "mmap+msync(MS_SYNC)", (0.60, 0.70, 0.80));
    set_ratio(&mut run.studies[0], "mmap+fdatasync", (0.58, 0.66, 0.79));
    set_ratio(&mut run.studies[0], "pwrite(O_DSYNC)", (0.62, 0.71, 0.81));
    let choice = advised(&run, NEED).choice.unwrap();
    assert_eq!(choice.method, "pwrite(O_DSYNC)");
    assert_eq!(choice.as_good, ["mmap+fdatasync", "mmap+msync(MS_SYNC)"]);
    assert_eq!(choice.next.unwrap().method, "pwrite+fdatasync");
}

#[test]
fn every_durable_method_is_chosen_tied_slower_or_ruled_out_with_its_reason() {
    let mut run = both();
    let missing = run.studies[1].cases[4].clone().missing(Status::Unavailable, "no such call here");
    run.studies[1].cases[4] = missing;
    let advice = advised(&run, Need { rate: Some(10_000.0), ..NEED });
    assert_eq!(advice.choice.as_ref().unwrap().method, "pwrite+fdatasync");
    assert!(
        ruled_out(&advice, "pwrite(O_DSYNC)").contains("it syncs each commit, so that several cannot share a sync"),
        "{advice:?}"
    );
    assert!(ruled_out(&advice, "mmap+msync(MS_SYNC)").contains("it syncs each commit"), "{advice:?}");
    assert_eq!(ruled_out(&advice, "mmap+fdatasync"), "unavailable: no such call here");
    assert!(
        text(&advice).contains("Ruled out:\n- mmap+fdatasync: unavailable: no such call here."),
        "{}",
        text(&advice)
    );
    let late = advised(&run, Need { p99_ns: Some(750_000.0), ..NEED });
    assert_eq!(late.choice.as_ref().unwrap().method, "pwrite(O_DSYNC)");
    assert_eq!(ruled_out(&late, "pwrite+fdatasync"), "its p99 is 795 µs, more than 750 µs");
}

#[test]
fn a_rate_rules_out_what_does_not_keep_up_where_another_does() {
    // 280 us a commit at most 291 us, against 312 us at most 327 us.
    let advice = advised(&both(), Need { rate: Some(3_300.0), ..NEED });
    assert_eq!(advice.choice.as_ref().unwrap().method, "pwrite(O_DSYNC)");
    assert_eq!(advice.choice.as_ref().unwrap().batch, 1);
    assert_eq!(ruled_out(&advice, "pwrite+fdatasync"), "a commit takes up to 328 µs, and this rate leaves 303 µs");
}

fn reading() -> Reading {
    Reading {
        bytes: 256 << 20,
        used: 128.0 / 65_536.0,
        pattern: "random".to_owned(),
        record: 4096,
        passes: 1,
        state: "cold".to_owned(),
        job: "touch".to_owned(),
        memory: None,
    }
}

fn reads(change: impl FnOnce(&mut Study)) -> (read::Advice, String) {
    let mut study = sample::touch_cold_random();
    change(&mut study);
    let advice = read::advise(&run(vec![study]), &reading(), &plainness).unwrap();
    let said = read::text(&advice);
    (advice, said)
}

#[test]
fn mmap_is_always_held_against_pread_whichever_wins() {
    let (advice, said) = reads(|_| ());
    assert_eq!(advice.choice.unwrap().method, "O_DIRECT", "neither of the two");
    assert_eq!(advice.mmap_against_pread.faster, Some(Faster::Read));
    assert!(
        said.contains(
            "mmap against pread: pread is faster; mmap takes 1.31 ms, pread 92.0 µs: ×14.2 the time (13.9–14.8)"
        ),
        "{said}"
    );

    let (advice, said) = reads(|study| set_ratio(study, "mmap", (0.4, 0.5, 0.6)));
    assert_eq!(advice.mmap_against_pread.faster, Some(Faster::Mmap));
    assert!(said.contains("mmap against pread: mmap is faster"), "{said}");

    let (advice, said) = reads(|study| set_ratio(study, "mmap", (0.7, 0.9, 1.2)));
    assert_eq!(advice.mmap_against_pread.faster, Some(Faster::Tied));
    assert!(said.contains("mmap against pread: statistically tied"), "{said}");

    let (advice, said) = reads(|study| study.cases[1] = study.cases[1].clone().missing(Status::Failed, "it died"));
    assert_eq!((advice.mmap_against_pread.ratio, advice.mmap_against_pread.read_ns), (None, Some(92_000.0)));
    assert!(said.contains("mmap against pread: not known: mmap: it died."), "{said}");
}

#[test]
fn a_tie_among_ways_of_reading_goes_to_the_plainest_and_no_flag_is_said_to_help_it() {
    let (advice, said) = reads(|study| {
        set_ratio(study, "mmap", (0.49, 0.52, 0.56));
        set_ratio(study, "mmap+MADV_RANDOM", (0.48, 0.51, 0.55));
    });
    let choice = advice.choice.unwrap();
    assert_eq!((choice.method.as_str(), choice.as_good.as_slice()), ("mmap", &["mmap+MADV_RANDOM".to_owned()][..]));
    assert_eq!(choice.next.unwrap().method, "O_DIRECT");
    assert_eq!(advice.flags[0].verdict, Verdict::Unresolved);
    assert!(said.contains("mmap+MADV_RANDOM makes no measurable difference"), "{said}");
}

#[test]
fn json_has_the_ties_and_the_reasons_that_the_text_has() {
    let mut run = both();
    run.studies.truncate(1);
    set_ratio(&mut run.studies[0], "pwrite(O_DSYNC)", (0.97, 1.0, 1.08));
    let json = serde_json::to_value(advised(&run, Need { rate: Some(10_000.0), ..NEED })).unwrap();
    assert_eq!(json["choice"]["as_good"], serde_json::json!(["pwrite+fsync"]), "of those that can batch");
    assert_eq!(json["choice"]["batch_reason"]["allowed_ns"], 100_000.0);
    assert!(json["ruled_out"].as_array().unwrap().iter().any(|out| out["method"] == "pwrite(O_DSYNC)"), "{json}");
    let json = serde_json::to_value(advised(&run, NEED)).unwrap();
    assert_eq!(json["choice"]["as_good"].as_array().unwrap().len(), json["choice"]["tied"].as_array().unwrap().len());
    assert!(json["choice"]["as_good"].as_array().unwrap().contains(&"pwrite(O_DSYNC)".into()), "{json}");
}

#[test]
fn what_was_asked_is_read_again_from_the_run() {
    use crate::results::model::Commit;
    let asked = Need { edit: 100, pages: 8, survive: Survive::Crash, p99_ns: Some(5e6), rate: Some(200.0) };
    let commit = Commit {
        edit: 100,
        pages: 8,
        every: 1,
        durable: true,
        survive: Some(asked.survive.name().to_owned()),
        p99_ns: asked.p99_ns,
        rate: asked.rate,
        ..Commit::default()
    };
    let back: Commit = serde_json::from_str(&serde_json::to_string(&commit).unwrap()).unwrap();
    assert_eq!(Need::of(&back), asked);
    let first: Commit =
        serde_json::from_str(r#"{"edit": 1, "pages": 1, "every": 1, "durable": true, "file": null}"#).unwrap();
    assert_eq!(Need::of(&first), NEED, "of the first runs");
}
