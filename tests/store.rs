//! What a run's folder promises: what was written reads back, nothing is half written, and what cannot be read says why.

mod sample;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use pagewise::results::model::Run;
use pagewise::results::store::{StoreError, load, load_as_written, new_run_folder, save};
use proptest::prelude::*;
use tempfile::TempDir;

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

/// The error of loading a `run.json` with this text.
fn error_of(text: &str) -> String {
    let folder = folder();
    fs::write(folder.path().join("run.json"), text).unwrap();
    load(folder.path()).expect_err("it should not load").to_string()
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn text_of(run: &Run) -> String {
    let folder = folder();
    save(run, folder.path()).unwrap();
    fs::read_to_string(folder.path().join("run.json")).unwrap()
}

#[test]
fn a_run_reads_back_as_it_was_written_by_its_folder_or_its_file() {
    let (folder, run) = (folder(), sample::run());
    save(&run, folder.path()).unwrap();
    assert_eq!(load(folder.path()).unwrap(), run);
    assert_eq!(load(&folder.path().join("run.json")).unwrap(), run);
    assert_eq!(names_in(folder.path()), ["run.json"]);
}

#[test]
fn a_later_save_replaces_the_run_as_a_whole() {
    let (folder, mut run) = (folder(), sample::run());
    save(&run, folder.path()).unwrap();
    let reader = fs::File::open(folder.path().join("run.json")).unwrap();
    run.studies.truncate(1);
    save(&run, folder.path()).unwrap();
    assert_eq!(load(folder.path()).unwrap(), run);
    // Who opened the file before still has the whole old run: it was replaced, not written over.
    let before: Run = serde_json::from_reader(reader).unwrap();
    assert_eq!(before, sample::run());
    assert_eq!(names_in(folder.path()), ["run.json"]);
}

#[test]
fn others_may_read_a_run_as_far_as_the_umask_lets_them() {
    let folder = folder();
    fs::write(folder.path().join("plain"), "").unwrap();
    save(&sample::run(), folder.path()).unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("run.json"), mode("plain"));
}

#[test]
fn a_column_takes_one_line_and_a_field_another() {
    let text = text_of(&sample::run());
    let columns =
        text.lines().filter(|line| line.trim_start().starts_with("\"ns\": [") && line.ends_with("],")).count();
    // Six cases and the null control in three studies, two and it in one, two empty ones in the last.
    assert_eq!(columns, 3 * 7 + 3 + 2);
    assert!(text.lines().any(|line| line == " \"schema\": \"pagewise/run/v1\","));
    assert!(text.ends_with("}\n"));
}

#[test]
fn a_figure_that_is_not_a_number_is_refused_by_its_place_and_what_was_there_stays() {
    let (folder, run) = (folder(), sample::run());
    save(&run, folder.path()).unwrap();
    for (value, said) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let mut bad = run.clone();
        bad.studies[0].cases[1].ratio.as_mut().unwrap().high = Some(value);
        let error = save(&bad, folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("studies[0].cases[1].ratio.high is {said}")), "{error}");
    }
    assert_eq!(load(folder.path()).unwrap(), run);
    assert_eq!(names_in(folder.path()), ["run.json"]);
}

#[test]
fn a_disk_that_refuses_is_said_and_leaves_nothing_behind() {
    let folder = folder();
    // A folder in the place of the file: the rename fails, after everything before it worked.
    fs::create_dir_all(folder.path().join("run.json/occupied")).unwrap();
    let error = save(&sample::run(), folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error:?}");
    assert_eq!(names_in(folder.path()), ["run.json"]);

    let error = save(&sample::run(), &folder.path().join("missing")).unwrap_err().to_string();
    assert!(error.contains("missing/run.json") && error.contains("--out"), "{error}");
}

#[test]
fn a_run_of_the_same_second_gets_a_folder_of_its_own_and_never_another_s() {
    let out = folder();
    let deep = out.path().join("results/local");
    let made = new_run_folder(&deep, "20260131T120000Z-a").unwrap();
    assert_eq!((made.id.as_str(), &made.path), ("20260131T120000Z-a", &deep.join("20260131T120000Z-a")));
    fs::write(made.path.join("run.json"), "precious").unwrap();
    // Not a folder, and yet in the way.
    fs::write(deep.join("20260131T120000Z-a-3"), "").unwrap();
    for id in ["20260131T120000Z-a-2", "20260131T120000Z-a-4"] {
        let made = new_run_folder(&deep, "20260131T120000Z-a").unwrap();
        assert_eq!((made.id.as_str(), &made.path), (id, &deep.join(id)));
        assert!(made.path.is_dir());
    }
    assert_eq!(fs::read_to_string(made.path.join("run.json")).unwrap(), "precious");
}

#[test]
fn a_label_may_end_as_a_suffix_does() {
    let out = folder();
    let ids = ["x-a", "x-a", "x-a-2", "x-a-2", "x-a"].map(|id| new_run_folder(out.path(), id).unwrap().id);
    assert_eq!(ids, ["x-a", "x-a-2", "x-a-2-2", "x-a-2-3", "x-a-3"]);
}

#[test]
fn many_that_ask_for_one_name_at_once_get_a_folder_each() {
    const EACH: usize = 50;
    let out = folder();
    let deep = out.path().join("results/local");
    let together = Barrier::new(8);
    let ask = || {
        together.wait();
        (0..EACH).map(|_| new_run_folder(&deep, "x-a").unwrap().id).collect::<Vec<_>>()
    };
    let ids: BTreeSet<String> = thread::scope(|scope| {
        let threads = [(); 8].map(|()| scope.spawn(ask));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 8 * EACH, "no id was given twice");
    assert_eq!(ids, names_in(&deep).into_iter().collect(), "an id is its folder's name");
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let out = folder();
    fs::write(out.path().join("file"), "").unwrap();
    let error = new_run_folder(&out.path().join("file"), "id").unwrap_err();
    assert!(matches!(error, StoreError::Folder { .. }), "{error:?}");
    assert!(error.to_string().contains("file/id"), "{error}");
}

#[test]
fn what_is_not_there_is_told_from_a_folder_without_a_run() {
    let folder = folder();
    let gone = load(&folder.path().join("gone")).unwrap_err().to_string();
    assert!(gone.starts_with("no run at ") && gone.contains("gone") && gone.contains("pagewise run"), "{gone}");
    let empty = load(folder.path()).unwrap_err().to_string();
    assert!(empty.contains("holds no run.json"), "{empty}");
}

#[test]
fn what_cannot_be_read_says_what_the_system_answered() {
    let folder = folder();
    fs::create_dir(folder.path().join("run.json")).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.contains("not a regular file"), "{error}");
}

#[test]
fn damage_is_said_with_its_line_and_column() {
    let whole = text_of(&sample::run());
    let cut = error_of(&whole[..whole.len() / 2]);
    assert!(cut.contains("cut short") && cut.contains("line ") && cut.contains("column "), "{cut}");
    let broken = error_of("{\n \"schema\": oops\n}");
    assert!(broken.contains("line 2 column 12"), "{broken}");
    assert!(error_of("").contains("line 1 column 0"));
    assert!(error_of("\u{0}\u{1}\u{2}").contains("not JSON"));
}

#[test]
fn a_file_of_another_kind_hears_what_is_expected() {
    for text in ["{}", "[1, 2]", "3", "null"] {
        let error = error_of(text);
        assert!(error.contains("has no \"schema\": \"pagewise/run/v1\""), "{error}");
    }
    for (schema, found) in [("\"other/v1\"", "\"other/v1\""), ("7", "7"), ("null", "null")] {
        let error = error_of(&format!("{{\"schema\": {schema}}}"));
        assert!(error.contains(found) && error.contains("\"pagewise/run/v1\" is expected"), "{error}");
    }
}

#[test]
fn a_run_of_an_earlier_format_than_was_ever_published_is_to_be_measured_again() {
    let error = error_of(r#"{"schema": "pagewise/run/v0"}"#);
    assert!(error.contains("run/v0, older than the first") && error.contains("measure again"), "{error}");
}

#[test]
fn a_run_of_a_later_format_asks_for_a_later_pagewise() {
    let error = error_of(r#"{"schema": "pagewise/run/v2", "whatever": []}"#);
    assert!(
        error.contains("pagewise/run/v2")
            && error.contains("reads pagewise/run/v1")
            && error.contains("update pagewise"),
        "{error}"
    );
}

#[test]
fn a_missing_or_mistyped_field_is_named() {
    let whole = text_of(&sample::run());
    let missing = error_of(&whole.replacen("\"margin\"", "\"margins\"", 1));
    assert!(missing.contains("missing field `margin`") && missing.contains("line "), "{missing}");
    let mistyped = error_of(&whole.replacen("\"k\": 16", "\"k\": \"16\"", 1));
    assert!(mistyped.contains("expected u64") && mistyped.contains("docs/FORMAT.md"), "{mistyped}");
}

#[test]
fn fields_that_a_later_release_adds_are_passed_over() {
    let folder = folder();
    let text = text_of(&sample::run()).replacen("\"margin\"", "\"added_later\": {\"a\": [1]}, \"margin\"", 1);
    fs::write(folder.path().join("run.json"), text).unwrap();
    assert_eq!(load(folder.path()).unwrap(), sample::run());
}

#[test]
fn every_error_is_one_sentence() {
    let folder = folder();
    let errors = [
        load(&folder.path().join("gone")).unwrap_err().to_string(),
        load(folder.path()).unwrap_err().to_string(),
        error_of("{"),
        error_of("{}"),
        error_of(r#"{"schema": "x"}"#),
        error_of(r#"{"schema": "pagewise/run/v2"}"#),
        error_of(r#"{"schema": "pagewise/run/v1"}"#),
    ];
    for error in errors {
        assert!(!error.contains('\n') && !error.ends_with('.') && !error.contains(". "), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_figure_within_bounds_and_any_text_reads_back_bit_for_bit(
        mantissa in 1.0_f64..9.9, scale in -17_i32..20, minus in any::<bool>(), whole in any::<u64>(), text in ".*", unknown in any::<bool>(),
    ) {
        let figure = mantissa * 10_f64.powi(scale) * if minus { -1.0 } else { 1.0 };
        let mut run = sample::run();
        run.studies.truncate(4);
        run.studies.drain(..3);
        run.seed = whole;
        run.label = text.clone();
        run.machine.facts.insert(text, String::new());
        run.floors[0].estimate = figure;
        let case = &mut run.studies[0].cases[1];
        case.batches.ns[0] = whole;
        case.ns_per_op.as_mut().unwrap().low = (!unknown).then_some(figure);
        let folder = folder();
        save(&run, folder.path()).unwrap();
        let back = load_as_written(folder.path()).unwrap();
        prop_assert_eq!(back.floors[0].estimate.to_bits(), figure.to_bits());
        prop_assert_eq!(back, run);
    }
}

#[test]
fn a_run_that_does_not_hold_together_is_refused_by_its_place() {
    let told = |mend: &dyn Fn(&mut Run)| {
        let mut run = sample::run();
        mend(&mut run);
        error_of(&text_of(&run))
    };
    for (mend, place) in [
        (
            &(|run: &mut Run| run.studies[0].cases[1].batches.dropped.push(true)) as &dyn Fn(&mut Run),
            "$.studies[0].cases[1].batches.dropped has",
        ),
        (&|run| run.studies[1].baseline = "none".to_owned(), "$.studies[1].baseline is \"none\""),
        (&|run| run.studies.push(run.studies[0].clone()), "which an earlier study is, too"),
        (
            &|run| run.studies[0].cases[0].ns_per_op.as_mut().unwrap().estimate = -1.0,
            "$.studies[0].cases[0].ns_per_op.estimate is -1",
        ),
        (&|run| run.studies[0].workers_used = 10_000, "$.studies[0].workers_used is 10000"),
    ] {
        let error = told(mend);
        assert!(error.contains(place), "{error}");
    }
}

/// Time or load could change the outcome of these tests (CONTRIBUTING.md).
mod timing {
    use super::*;

    #[test]
    fn processes_that_start_together_record_a_run_each_in_a_folder_of_its_own() {
        let out = folder();
        let start = |_| {
            Command::new(env!("CARGO_BIN_EXE_pagewise"))
                .args(["run", "--shared", "private_cow", "--quick", "--budget", "1s", "--label", "a", "--dir"])
                .arg(out.path())
                .arg("--out")
                .arg(out.path().join("out"))
                .output()
        };
        let ended = thread::scope(|scope| {
            let runs = [0; 4].map(|run| scope.spawn(move || start(run)));
            runs.map(|run| run.join().unwrap().unwrap())
        });
        for output in &ended {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let names = names_in(&out.path().join("out"));
        assert_eq!(names.len(), ended.len(), "{names:?}");
        for name in names {
            assert_eq!(load(&out.path().join("out").join(&name)).unwrap().id, name);
        }
    }
}
