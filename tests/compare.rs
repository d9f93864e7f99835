//! `pagewise compare` as a user meets it: two sets of runs that are alike, that differ, that do not go together, and runs that are no runs.

mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use pagewise::results::model::{Batches, Case, Run, Status};
use pagewise::results::store;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

/// A finished run of five studies, without its batches: comparing takes none.
static RUN: LazyLock<Run> = LazyLock::new(|| {
    let mut run = sample::run();
    for study in &mut run.studies {
        study.cases.iter_mut().for_each(|case| case.batches = Batches::default());
        study.null_control.iter_mut().for_each(|null| null.batches = Batches::default());
    }
    run
});

struct Runs {
    dir: TempDir,
    written: u32,
}

impl Runs {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), written: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// One more run in the folder `side`, a minute after the last.
    fn add(&mut self, side: &str, change: impl FnOnce(&mut Run)) -> PathBuf {
        let mut run = RUN.clone();
        let (hour, minute) = (self.written / 60, self.written % 60);
        self.written += 1;
        run.id = format!("20260131T{hour:02}{minute:02}00Z-{side}");
        run.started = format!("2026-01-31T{hour:02}:{minute:02}:00Z");
        run.seed = u64::from(self.written);
        change(&mut run);
        let folder = self.path(side).join(&run.id);
        fs::create_dir_all(&folder).unwrap();
        store::save(&run, &folder).unwrap();
        folder
    }

    /// `count` runs of A and of B in turns; `slowed` takes B's times by a factor, for methods whose names hold "mmap".
    fn sides(&mut self, count: usize, seed: u64, slowed: f64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..count {
            for (side, factor) in [("A", 1.0), ("B", slowed)] {
                let noise: Vec<f64> = (0..20).map(|_| rng.random_range(0.998..1.002)).collect();
                self.add(side, |run| {
                    shift(run, |index, method| {
                        noise[index % noise.len()] * if method.contains("mmap") { factor } else { 1.0 }
                    });
                });
            }
        }
    }

    /// Compares the folders `A` and `B`.
    fn compare(&self, options: &[&str]) -> Seen {
        self.run(&[&["A", "B"], options].concat())
    }

    fn run(&self, arguments: &[&str]) -> Seen {
        let assert = Command::new(env!("CARGO_BIN_EXE_pagewise"))
            .arg("compare")
            .args(arguments)
            .current_dir(self.dir.path())
            .assert();
        let output = assert.get_output();
        Seen {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            said: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    fn json(&self, options: &[&str]) -> Value {
        let seen = self.compare(&[options, &["--format", "json"]].concat());
        serde_json::from_str(&seen.out).unwrap_or_else(|error| panic!("{error}: {}{}", seen.out, seen.said))
    }
}

struct Seen {
    code: i32,
    out: String,
    said: String,
}

impl Seen {
    #[track_caller]
    fn is(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.said);
        for word in words {
            assert!(self.out.contains(word) || self.said.contains(word), "{word:?} in {}{}", self.out, self.said);
        }
        if code == 1 || code == 2 && !self.said.starts_with("error:") {
            assert!(self.out.is_empty() && self.said.lines().count() == 1, "{}{}", self.out, self.said);
        }
        self
    }

    #[track_caller]
    fn lacks(&self, word: &str) -> &Self {
        assert!(!self.out.contains(word) && !self.said.contains(word), "{word:?} in {}{}", self.out, self.said);
        self
    }
}

/// Takes each case's figures by a factor of its index and method.
fn shift(run: &mut Run, factor: impl Fn(usize, &str) -> f64) {
    let cases = run.studies.iter_mut().flat_map(|study| &mut study.cases);
    for (index, case) in cases.enumerate() {
        let factor = factor(index, &case.method);
        case.ns_per_op.iter_mut().for_each(|time| time.estimate *= factor);
        case.ratio.iter_mut().for_each(|ratio| ratio.estimate *= factor);
    }
}

fn case_of<'a>(run: &'a mut Run, scenario: &str, method: &str) -> &'a mut Case {
    let study = run.studies.iter_mut().find(|study| study.scenario.id == scenario).unwrap();
    study.cases.iter_mut().find(|case| case.method == method).unwrap()
}

fn fail(case: &mut Case, reason: &str) {
    (case.status, case.reason, case.ns_per_op, case.ratio) = (Status::Failed, Some(reason.to_owned()), None, None);
}

fn verdicts(json: &Value) -> Vec<&str> {
    json["cases"].as_array().unwrap().iter().filter_map(|case| case["verdict"].as_str()).collect()
}

fn case<'a>(json: &'a Value, scenario: &str, method: &str) -> &'a Value {
    let cases = json["cases"].as_array().unwrap();
    cases.iter().find(|case| case["scenario"] == scenario && case["method"] == method).unwrap()
}

const WARM: &str = "page_touch/warm";
const ONE_CASE: [&str; 4] = ["--where", "id=page_touch/warm", "--method", "mmap"];

#[test]
fn twenty_comparisons_of_identical_builds_find_no_difference() {
    for seed in 0..20 {
        let mut runs = Runs::new();
        runs.sides(9, seed, 1.0);
        let json = runs.json(&["--gate", "5%"]);
        let verdicts = verdicts(&json);
        assert!(verdicts.len() == 12 && verdicts.iter().all(|verdict| *verdict == "equal"), "{seed}: {verdicts:?}");
        runs.compare(&["--gate", "5%"]).is(0, &["Gate 5 %: passed"]);
    }
}

#[test]
fn as_many_runs_as_are_asked_for_are_enough_and_one_less_is_not() {
    // What README and METHODOLOGY quote for 99 %.
    for (comparisons, fewest) in [(1, 5), (2, 6), (4, 6), (5, 7), (17, 7), (18, 8), (64, 8), (65, 9), (243, 9)] {
        let each = pagewise::stats::level(0.99, comparisons, 1);
        assert_eq!(pagewise::stats::fewest_a_side(each), Some(fewest), "{comparisons}");
    }
    for (runs, words) in [(4, "5 a side are needed"), (5, "1 comparison, by an exact rank test")] {
        let mut sides = Runs::new();
        sides.sides(runs, 3, 1.5);
        let seen = sides.compare(&ONE_CASE);
        seen.is(0, &[words, if runs < 5 { "No verdicts" } else { "1 slower" }]);
    }
}

#[test]
fn a_slowdown_is_found_in_the_methods_that_have_it_and_in_no_other() {
    let mut runs = Runs::new();
    runs.sides(9, 1, 1.08);
    let json = runs.json(&[]);
    for case in json["cases"].as_array().unwrap() {
        let slowed = case["method"].as_str().unwrap().contains("mmap");
        match case["verdict"].as_str() {
            Some(verdict) => assert_eq!(verdict, if slowed { "slower" } else { "equal" }, "{case}"),
            None => assert!(case["ratio"].is_null(), "{case}"),
        }
    }
    runs.compare(&["--gate", "5%"]).is(3, &["Gate 5 %: a regression is proven in", "page_touch/warm mmap"]);
    runs.compare(&["--gate", "0.05", "--method", "pread*"]).is(0, &["passed"]);
    runs.compare(&["--gate", "20%"]).is(0, &["passed"]);
    // Swapped, the same is a gain, and no regression.
    runs.run(&["B", "A", "--gate", "5%"]).is(0, &["faster", "passed"]).lacks(" slower\n");
}

#[test]
fn the_same_runs_compared_twice_give_the_same_text() {
    let mut runs = Runs::new();
    runs.sides(5, 1, 1.02);
    for format in ["table", "json", "markdown", "csv"] {
        assert_eq!(runs.compare(&["--format", format]).out, runs.compare(&["--format", format]).out);
    }
}

#[test]
fn one_run_a_side_gives_the_table_and_says_how_many_it_takes() {
    let mut runs = Runs::new();
    runs.sides(1, 1, 1.5);
    let seen = runs.compare(&[]);
    seen.is(
        0,
        &[
            "×1.50",
            "No verdicts: A has 1 run, B has 1 run; for",
            "7 a side are needed (5 would do for a single comparison",
        ],
    );
    seen.lacks("slower");
    assert_eq!(verdicts(&runs.json(&[])), [""; 0]);
    let one = runs.compare(&ONE_CASE);
    one.is(0, &["for 1 comparison at 99 %, 5 a side are needed.", "×1.5"]);
    runs.compare(&["--gate", "5%"]).is(4, &["Gate 5 %: cannot decide"]);
}

#[test]
fn a_single_comparison_takes_five_runs_a_side_and_not_four() {
    let mut runs = Runs::new();
    runs.sides(4, 1, 1.5);
    runs.compare(&ONE_CASE).is(0, &["No verdicts", "5 a side are needed"]);
    runs.compare(&[&ONE_CASE[..], &["--confidence", "95%"]].concat()).is(0, &["1 slower"]);
    runs.sides(1, 2, 1.5);
    runs.compare(&ONE_CASE).is(0, &["slower", "1 slower, 0 faster, 0 equal, 0 unresolved."]);
    runs.compare(&[&ONE_CASE[..], &["--gate", "5%"]].concat()).is(3, &["regression"]);
    // The more cases, the more runs it takes to be as sure of all.
    runs.compare(&[]).is(0, &["No verdicts: A has 5 runs, B has 5 runs"]);
}

#[test]
fn a_difference_that_is_not_proven_is_not_passed_by_the_gate() {
    let mut runs = Runs::new();
    for round in 0..5 {
        for (side, factor) in [("A", 1.0), ("B", 1.04)] {
            runs.add(side, |run| shift(run, |_, _| factor * (1.0 + 0.02 * f64::from(round))));
        }
    }
    runs.compare(&[&ONE_CASE[..], &["--gate", "5%"]].concat())
        .is(4, &["unresolved", "undecided", "cannot decide 1 case"]);
    runs.compare(&[&ONE_CASE[..], &["--gate", "50%"]].concat()).is(0, &["unresolved", "passed"]);
}

#[test]
fn sides_can_be_named_run_by_run_and_as_files() {
    let mut runs = Runs::new();
    runs.sides(5, 1, 1.5);
    let globbed = |side: &str| -> Vec<String> {
        let mut paths: Vec<String> = fs::read_dir(runs.path(side))
            .unwrap()
            .map(|entry| entry.unwrap().path().join("run.json").to_str().unwrap().to_owned())
            .collect();
        paths.sort();
        paths
    };
    let (a, b) = (globbed("A"), globbed("B"));
    let arguments: Vec<&str> =
        a.iter().map(String::as_str).chain(["--with"]).chain(b.iter().map(String::as_str)).collect();
    let seen = runs.run(&[&arguments[..], &ONE_CASE].concat());
    seen.is(0, &["A: 5 runs", "B: 5 runs", "slower"]);
    runs.run(&[a[0].as_str(), b[0].as_str()]).is(0, &["A: one run, "]);
    runs.run(&[a[0].as_str(), a[1].as_str(), b[0].as_str()]).is(2, &["3 paths", "--with"]);
    runs.run(&["A"]).is(2, &["nothing to compare it with"]);
    runs.run(&[]).is(2, &["Usage: pagewise compare [OPTIONS] A B"]);
    assert!(runs.run(&["--help"]).is(0, &["Exit codes", "--with"]).out.contains("scripts/alternate"));
}

#[test]
fn a_folder_of_runs_passes_over_what_is_no_run() {
    let mut runs = Runs::new();
    runs.sides(2, 1, 1.0);
    fs::create_dir_all(runs.path("A/.record-x")).unwrap();
    fs::write(runs.path("A/.record-x/run.json"), "half").unwrap();
    fs::create_dir_all(runs.path("A/plots")).unwrap();
    fs::write(runs.path("A/notes.txt"), "mine").unwrap();
    runs.compare(&[]).is(0, &["A: 2 runs in A"]);
    fs::create_dir_all(runs.path("none/deep")).unwrap();
    runs.run(&["none", "B"]).is(1, &["none holds no run.json, nor does a folder in it"]);
}

#[test]
fn a_run_that_cannot_be_read_is_refused_by_name() {
    let mut runs = Runs::new();
    runs.sides(2, 1, 1.0);
    let folder = runs.add("B", |_| ());
    let whole = fs::read_to_string(folder.join("run.json")).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    for (text, word) in [
        (whole[..whole.len() / 2].to_owned(), "cut short"),
        (whole.replacen("pagewise/run/v1", "pagewise/run/v2", 1), "later pagewise"),
        (whole.replacen("pagewise/run/v1", "pagewise/run/v0", 1), "older than the first"),
        (whole.replacen("\"margin\"", "\"margins\"", 1), "missing field `margin`"),
        (String::new(), "not JSON"),
    ] {
        fs::write(folder.join("run.json"), text).unwrap();
        runs.compare(&[]).is(1, &[word, &name]);
    }
    runs.run(&["A", "gone"]).is(1, &["no run at gone"]);
}

#[test]
fn the_same_run_counts_once() {
    let mut runs = Runs::new();
    runs.sides(2, 1, 1.0);
    runs.run(&["A", "A"]).is(1, &["is the same run as", "(side A)", "(side B)", "counts once"]);
    let twice = fs::read_dir(runs.path("B")).unwrap().next().unwrap().unwrap().path();
    let path = twice.to_str().unwrap();
    runs.run(&["A", "--with", "B", path]).is(1, &["is the same run as", "(side B)"]).lacks("side A");
    // A copy is the same run, wherever it lies.
    fs::create_dir_all(runs.path("A/copy")).unwrap();
    fs::copy(twice.join("run.json"), runs.path("A/copy/run.json")).unwrap();
    runs.compare(&[]).is(1, &["is the same run as A/copy (side A)"]);
}

#[test]
fn another_machine_kernel_or_filesystem_is_refused_by_name_until_asked_for() {
    type Change = (&'static str, fn(&mut Run));
    let changes: [Change; 7] = [
        ("processor is \"simulated\" in A, \"other\" in B", |run| run.machine.cpu = "other".to_owned()),
        ("number of processors", |run| run.machine.cpus = 4),
        ("memory is \"22888 MiB\" in A, \"11444 MiB\" in B", |run| run.machine.memory /= 2),
        ("virtualization", |run| run.machine.virtualization = None),
        ("kernel is \"Linux 6.18.44\" in A, \"Linux 6.19.1\" in B", |run| {
            run.machine.kernel = "Linux 6.19.1".to_owned();
        }),
        ("filesystem is \"ext4\" in A, \"xfs\" in B", |run| run.dir.filesystem = "xfs".to_owned()),
        ("device", |run| run.dir.device = Some("sdb".to_owned())),
    ];
    for (said, change) in changes {
        let mut runs = Runs::new();
        for _ in 0..2 {
            runs.add("A", |_| ());
            runs.add("B", change);
        }
        let refused = runs.compare(&[]);
        refused.is(1, &[said, "--across-machines"]);
        assert_eq!(refused.said.contains("if the kernels are what you compare"), said.starts_with("kernel"), "{said}");
        runs.compare(&["--across-machines"]).is(0, &[&format!("warning: {said}")[..], "page_touch/warm"]);
        assert_eq!(runs.json(&["--across-machines"])["differences"][0]["refused"], true);
    }
}

#[test]
fn runs_of_one_side_must_be_of_one_machine_too() {
    let mut runs = Runs::new();
    runs.sides(2, 1, 1.0);
    runs.add("A", |run| run.machine.kernel = "Linux 5.15.0".to_owned());
    runs.compare(&[]).is(1, &["\"Linux 5.15.0\" and \"Linux 6.18.44\" in A", "give each side runs of one machine"]);
}

#[test]
fn a_little_memory_more_and_another_build_are_what_is_compared() {
    let mut runs = Runs::new();
    runs.add("A", |_| ());
    runs.add("B", |run| {
        run.machine.memory += 1 << 20;
        run.pagewise.version = "0.2.0".to_owned();
        run.pagewise.commit = Some("0123abcd".to_owned());
    });
    runs.compare(&[]).is(0, &["pagewise 0.1.0\n", "pagewise 0.2.0 (0123abcd)\n"]).lacks("warning");
}

#[test]
fn settings_that_differ_are_a_warning_and_fleeting_facts_are_none() {
    let mut runs = Runs::new();
    runs.add("A", |_| ());
    runs.add("B", |run| {
        run.machine.facts.insert("read_ahead_kb".to_owned(), "8192".to_owned());
        run.machine.facts.insert("load_average".to_owned(), "3 2 1".to_owned());
        run.machine.facts.insert("stolen_time".to_owned(), "3 of 9000 ticks".to_owned());
        run.machine.facts.insert("new_in_this_version".to_owned(), "x".to_owned());
    });
    let seen = runs.compare(&[]);
    seen.is(0, &["warning: read_ahead_kb is \"128\" in A, \"8192\" in B"])
        .lacks("load_average")
        .lacks("stolen_time")
        .lacks("new_in_this_version");
}

#[test]
fn what_skews_a_set_of_runs_is_said_first() {
    let mut runs = Runs::new();
    runs.add("A", |_| ());
    runs.add("A", |run| run.pagewise.commit = Some("0123abcd".to_owned()));
    runs.add("B", |run| {
        run.finished = None;
        run.studies.truncate(1);
    });
    runs.add("B", |run| run.warnings.clear());
    let seen = runs.compare(&[]);
    seen.is(
        0,
        &[
            "did not finish, or still goes on: what it has counts, 1 study;",
            "side A mixes runs of different builds: 0.1.0, 0.1.0 (0123abcd)",
            "not taken in turns, but in 2 stretches",
            "scripts/alternate",
            "the warning \"virtual\" stands in 2 of 2 runs of A and in 1 of 2 of B",
            "every method: absent in 1 of 2 runs of B: the run has no such scenario",
        ],
    );
    runs.compare(&["--format", "csv"]).is(0, &["warning: the runs were not taken in turns"]);
    assert!(runs.json(&[])["warnings"].as_array().unwrap().len() >= 4);
}

#[test]
fn runs_taken_in_turns_need_no_warning() {
    let mut runs = Runs::new();
    runs.sides(3, 1, 1.0);
    runs.compare(&[]).is(0, &[]).lacks("warning");
    // In the order of scripts/alternate too; but many of one side within those of the other are no turns.
    let mut runs = Runs::new();
    for side in ["A", "B", "B", "A", "A", "B"] {
        runs.add(side, |_| ());
    }
    runs.compare(&[]).is(0, &[]).lacks("warning");
    let mut runs = Runs::new();
    for (side, count) in [("A", 4), ("B", 6), ("A", 4)] {
        (0..count).for_each(|_| drop(runs.add(side, |_| ())));
    }
    runs.compare(&[]).is(0, &["in 3 stretches of one side"]);
}

#[test]
fn a_case_that_fails_on_one_side_is_a_row_with_its_reason_and_no_gate_passes_it() {
    let mut runs = Runs::new();
    for _ in 0..9 {
        runs.add("A", |_| ());
        runs.add("B", |run| fail(case_of(run, WARM, "mmap"), "the child died"));
    }
    let seen = runs.compare(&["--gate", "5%"]);
    seen.is(4, &["failed in B", "mmap: failed in 9 of 9 runs of B: the child died", "cannot decide 1 case"]);
    // What never worked on A cannot have got worse.
    runs.run(&["B", "A", "--gate", "5%"]).is(0, &["failed in A", "passed"]);
    let json = runs.json(&[]);
    assert_eq!(case(&json, WARM, "broken")["verdict"], Value::Null);
    assert_eq!(case(&json, WARM, "broken")["b"]["missing"][0]["status"], "failed");
}

#[test]
fn a_case_that_now_fails_sometimes_is_not_passed_though_its_times_are_alike() {
    let mut runs = Runs::new();
    runs.sides(9, 1, 1.0);
    runs.add("A", |_| ());
    runs.add("B", |run| fail(case_of(run, WARM, "mmap"), "SIGBUS"));
    let seen = runs.compare(&["--gate", "5%"]);
    seen.is(4, &["mmap: failed in 1 of 10 runs of B: SIGBUS", "10+9", "cannot decide 1 case"]);
    assert_eq!(case(&runs.json(&[]), WARM, "mmap")["verdict"], "equal");
}

#[test]
fn scenarios_and_methods_of_one_side_alone_are_listed_as_such() {
    let mut runs = Runs::new();
    for _ in 0..2 {
        runs.add("A", |run| run.studies.truncate(2));
        runs.add("B", |run| {
            run.studies.remove(1);
            case_of(run, WARM, "mmap").method = "mmap+new".to_owned();
        });
    }
    let json = runs.json(&[]);
    assert_eq!(case(&json, WARM, "mmap")["place"], "only-a");
    assert_eq!(case(&json, WARM, "mmap+new")["place"], "only-b");
    assert_eq!(case(&json, "page_touch/cut short", "mmap")["place"], "only-a");
    assert_eq!(case(&json, "page_touch/two methods", "mmap")["place"], "only-b");
    runs.compare(&[]).is(0, &["only in A", "only in B"]);
}

#[test]
fn nothing_in_common_is_said_and_nothing_compared() {
    let mut runs = Runs::new();
    runs.add("A", |run| run.studies.truncate(1));
    runs.add("B", |run| {
        run.studies.drain(..3);
        run.profile = pagewise::results::model::Profile::Full;
    });
    let seen = runs.compare(&["--gate", "5%"]);
    seen.is(
        1,
        &["no case in common", "page_touch/warm", "page_touch/not started and 1 more", "both quick or both full"],
    );
    runs.add("empty", |run| run.studies.clear());
    runs.run(&["A", "empty"]).is(1, &["B measured nothing"]);
}

#[test]
fn no_figure_of_a_tainted_study_stands() {
    let mut runs = Runs::new();
    runs.sides(2, 1, 1.0);
    runs.compare(&[]).is(0, &["tainted in 2 of 2 runs of A and 2 of 2 runs of B: the null control was off"]);
    let json = runs.json(&[]);
    let tainted = case(&json, "page_touch/tainted", "mmap");
    assert_eq!((&tainted["a"]["missing"][0]["status"], &tainted["ratio"]), (&Value::from("tainted"), &Value::Null));
    assert_eq!(case(&json, WARM, "mmap")["a"]["missing"], Value::Array(Vec::new()));
}

#[test]
fn a_gate_of_ratios_says_what_it_cannot_see() {
    let mut runs = Runs::new();
    runs.sides(9, 1, 1.0);
    runs.compare(&["--gate", "5%", "--of", "ratio", "--format", "csv"]).is(0, &["what slows all methods alike"]);
    runs.compare(&["--gate", "5%"]).lacks("what slows all methods alike");
    runs.compare(&["--gate", "5"]).is(2, &["did you mean 5%?"]);
}

#[test]
fn what_is_left_can_be_narrowed_with_the_words_of_run() {
    let mut runs = Runs::new();
    runs.sides(1, 1, 1.0);
    assert_eq!(runs.json(&ONE_CASE)["comparisons"], 1);
    assert_eq!(runs.json(&["--where", "area=page_touch,size=64M", "--method", "mmap"])["comparisons"], 3);
    runs.compare(&["--where", "size=1G"]).is(2, &["no scenario is left", "size is 64M"]);
    runs.compare(&["--where", "area=fork_ipc"]).is(2, &["area is page_touch"]);
    runs.compare(&["--method", "zzz*"]).is(2, &["--method zzz*: no method matches", "mmap"]);
}

#[test]
fn ratios_to_the_baseline_are_blind_to_a_machine_that_is_slow_as_a_whole() {
    let mut runs = Runs::new();
    for round in 0..9 {
        let noise = 1.0 + 0.0003 * f64::from(round);
        runs.add("A", |run| shift(run, |_, _| noise));
        runs.add("B", |run| {
            shift(run, |_, _| noise);
            let times =
                run.studies.iter_mut().flat_map(|study| &mut study.cases).filter_map(|case| case.ns_per_op.as_mut());
            times.for_each(|time| time.estimate *= 1.3);
        });
    }
    runs.compare(&["--gate", "5%"]).is(3, &["slower"]);
    let seen = runs.compare(&["--of", "ratio", "--gate", "5%"]);
    seen.is(0, &["over the baseline's of the same run", "passed"]).lacks("  pread ");
}

#[test]
fn ranking_is_over_cases_that_all_runs_finished_and_names_who_is_not_in_it() {
    let mut runs = Runs::new();
    runs.sides(2, 1, 2.0);
    let json = runs.json(&[]);
    let ranking = &json["rankings"][0];
    let names: Vec<&str> =
        ranking["methods"].as_array().unwrap().iter().map(|m| m["method"].as_str().unwrap()).collect();
    // Three studies were measured and stand; the last of them has two methods, so that only these finished all.
    assert_eq!((ranking["scenarios"].as_u64(), names), (Some(3), vec!["mmap", "pread"]));
    assert_eq!(ranking["methods"][0]["a"], 1.0);
    let mean = |side: &str| ranking["methods"][1][side].as_f64().unwrap();
    assert!((mean("a") - 2.5).abs() < 0.1 && (mean("b") - 1.25).abs() < 0.05, "{ranking}");
    let out = runs.compare(&[]).out;
    assert!(out.contains("not ranked: pread 256K (all runs finished it in 2 of 3 scenarios)"), "{out}");
    assert!(out.contains("broken (all runs finished it in 0 of 3 scenarios)"), "{out}");
    // Two of five methods doubled in time in each of two studies, one of two in the third.
    let (ratio, cases) = (json["means"][0]["ratio"].as_f64().unwrap(), json["means"][0]["cases"].as_u64().unwrap());
    assert_eq!((cases, json["means"][0]["left_out"].as_u64()), (12, Some(10)));
    assert!((ratio - 2f64.powf(5.0 / 12.0)).abs() < 0.01, "{ratio}");
}

#[test]
fn nonsense_on_the_command_line_is_a_usage_error() {
    let mut runs = Runs::new();
    runs.sides(1, 1, 1.0);
    for gate in ["0%", "-3%", "nan", "five", "", "inf%", "5"] {
        runs.compare(&[&format!("--gate={gate}")]).is(2, &["5% or 0.05"]);
    }
    for confidence in ["100%", "0", "1", "nan", "30%"] {
        runs.compare(&[&format!("--confidence={confidence}")]).is(2, &["99%"]);
    }
    runs.compare(&["--format", "xml"]).is(2, &["possible values"]);
    runs.compare(&["--of", "space"]).is(2, &["possible values"]);
}

#[test]
fn csv_has_a_row_a_case_by_the_book() {
    let mut runs = Runs::new();
    runs.sides(5, 1, 1.0);
    let seen = runs.compare(&["--format", "csv", "--gate", "5%"]);
    assert!(seen.out.lines().count() == seen.out.matches("\r\n").count(), "CRLF, and no line break within a cell");
    let mut reader = csv::Reader::from_reader(seen.out.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let json = runs.json(&[]);
    assert_eq!(rows.len(), json["cases"].as_array().unwrap().len());
    for (row, case) in rows.iter().zip(json["cases"].as_array().unwrap()) {
        let cell = |name: &str| row.get(columns.iter().position(|column| column == name).unwrap()).unwrap();
        assert_eq!(cell("method"), case["method"]);
        assert_eq!(cell("ratio").parse::<f64>().ok(), case["ratio"].as_f64());
        assert_eq!(cell("a_median").parse::<f64>().ok(), case["a"]["median"].as_f64());
        assert!(cell("method") != "broken" || cell("note").contains("failed"), "{row:?}");
    }
    assert!(seen.said.contains("Gate 5 %: cannot decide"), "{}", seen.said);
}

#[test]
fn more_runs_than_can_be_counted_exactly_are_refused() {
    let mut runs = Runs::new();
    for _ in 0..65 {
        runs.add("A", |run| run.studies.truncate(1));
    }
    let a: Vec<PathBuf> = fs::read_dir(runs.path("A")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in &a {
        copy_as_another(path, &runs.path("B"));
    }
    runs.compare(&[]).is(1, &["130 runs are more than the 128"]);
}

fn copy_as_another(run: &Path, to: &Path) {
    let folder = to.join(run.file_name().unwrap());
    fs::create_dir_all(&folder).unwrap();
    fs::copy(run.join("run.json"), folder.join("run.json")).unwrap();
}
