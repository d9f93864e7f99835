//! The instrument's own trial as a user runs it: what it measures, keeps, shows again and refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::skips::{Lack, skip};
use assert_cmd::Command;
use pagewise::trial::model::Try;
use pagewise::trial::store;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, starts_with};
use tempfile::TempDir;

fn pagewise() -> Command {
    let mut command = Command::cargo_bin("pagewise").unwrap();
    command.env("NO_COLOR", "1");
    command
}

fn place() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A trial of one case, so small that it says nothing, measured once for all tests: where, and its folder.
fn small_trial() -> (&'static Path, &'static Path) {
    static TRIAL: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let dir = place();
        let output = pagewise()
            .args([
                "calibrate",
                "--shared",
                "--case",
                "syscall-bound",
                "--studies",
                "2",
                "--blocks",
                "1",
                "--time",
                "1s",
                "--seed",
                "7",
                "--dir",
            ])
            .arg(dir.path())
            .arg("--out")
            .arg(dir.path().join("trials"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        (dir, PathBuf::from(said.lines().last().unwrap()))
    });
    (TRIAL.0.path(), &TRIAL.1)
}

#[test]
fn a_trial_keeps_every_batch_and_its_table_can_be_shown_again() {
    let (_, folder) = small_trial();
    let recorded = store::load(folder).unwrap();
    assert!(recorded.trial.finished.is_some());
    let studies: Vec<_> = recorded
        .tries
        .iter()
        .filter_map(|one| match one {
            Try::Study { study, .. } => Some(study),
            Try::Blocks { first, second, .. } => {
                assert!(first.len() > 1 && second.len() > 1);
                None
            }
        })
        .collect();
    assert_eq!((studies.len(), recorded.tries.len()), (2, 3));
    for study in studies {
        let names: Vec<&str> = study.cases.iter().map(|case| case.method.as_str()).collect();
        assert_eq!(names, ["pread", "pread, again", "pread +2 %", "pread +5 %", "pread +10 %"]);
        for case in &study.cases {
            assert!(!case.batches.ns.is_empty() && case.batches.ns.iter().all(|ns| *ns > 0), "{}", case.method);
        }
    }
    for (format, head) in [("table", " case "), ("markdown", "| case | slowed by |")] {
        pagewise()
            .args(["calibrate", "--format", format, "--from"])
            .arg(folder)
            .assert()
            .success()
            .stdout(contains(head).and(contains("Identical methods called different:")).and(contains("of 2")));
    }
}

#[test]
fn its_rates_can_be_read_by_a_program_and_its_figures_computed_again() {
    let (_, folder) = small_trial();
    let output = pagewise().args(["calibrate", "--format", "json", "--from"]).arg(folder).output().unwrap();
    let rates: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let trial = &rates["trials"][0];
    assert_eq!(rates["schema"], "pagewise/calibrate/v1");
    let tallies = trial["subjects"][0]["tallies"].as_array().unwrap();
    let slowed: Vec<_> = tallies.iter().map(|tally| tally["slowed_by"].as_u64().unwrap()).collect();
    assert_eq!(slowed, [0, 20, 50, 100]);
    for tally in tallies {
        let of = |names: &[&str]| names.iter().map(|name| tally[*name].as_u64().unwrap()).sum::<u64>();
        assert_eq!(of(&["tries", "failed"]), 2);
        assert_eq!(of(&["slower", "faster", "equal", "unresolved"]), of(&["tries"]));
    }
    // Two studies are no proof of anything.
    assert_ne!(trial["identical"]["target"], "met");
    let validate = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/validate");
    match std::process::Command::new("python3").arg("-B").arg(validate).arg(folder).output() {
        Err(error) => skip(Lack::Python, error),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                said.contains("valid pagewise/trial/v1: 2 studies"),
                "{said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn nothing_of_a_trial_is_left_in_the_folder_that_it_measured_in() {
    let (dir, _) = small_trial();
    let left: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["trials"]);
}

#[test]
fn a_damaged_trial_is_refused_by_name_and_place() {
    let dir = place();
    let folder = dir.path().join("copy");
    fs::create_dir(&folder).unwrap();
    for part in ["trial.json", "tries.jsonl.gz"] {
        fs::copy(small_trial().1.join(part), folder.join(part)).unwrap();
    }
    let refuse = |what: &str| {
        pagewise()
            .args(["calibrate", "--from"])
            .arg(&folder)
            .assert()
            .code(1)
            .stderr(starts_with("pagewise: ").and(contains(what.to_owned())));
    };
    let tries = folder.join("tries.jsonl.gz");
    let whole = fs::read(&tries).unwrap();
    fs::write(&tries, &whole[..whole.len() - 100]).unwrap();
    refuse("line 3");
    let head = fs::read_to_string(folder.join("trial.json")).unwrap();
    fs::remove_file(&tries).unwrap();
    refuse("has 0 studies and 0 pairs of blocks");
    // Of one that was cut short there may be fewer, and nothing is said of its targets.
    let finished = head.lines().find(|line| line.contains("\"finished\"")).unwrap();
    fs::write(folder.join("trial.json"), head.replace(finished, "  \"finished\": null,")).unwrap();
    pagewise()
        .args(["calibrate", "--from"])
        .arg(&folder)
        .assert()
        .success()
        .stdout(contains("not finished: 0 of 2 studies").and(contains(" met\n").not()));
    fs::write(&tries, &whole).unwrap();
    fs::write(folder.join("trial.json"), head.replace("trial/v1", "trial/v9")).unwrap();
    refuse("trial/v9");
    fs::write(folder.join("trial.json"), &head[..head.len() / 2]).unwrap();
    refuse("trial.json is damaged");
    fs::remove_file(folder.join("trial.json")).unwrap();
    refuse("holds no trial.json");
}

#[test]
fn the_tables_in_the_methodology_are_those_of_the_recorded_trials() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let methodology = fs::read_to_string(root.join("docs/METHODOLOGY.md")).unwrap();
    let begin = "<!-- trials: pagewise calibrate --format markdown --from results/trials/* -->\n";
    let (_, rest) = methodology.split_once(begin).expect("the place of the tables");
    let (printed, _) = rest.split_once("<!-- end of trials -->").expect("its end");
    let Ok(entries) = fs::read_dir(root.join("results/trials")) else {
        assert_eq!(printed.trim(), "", "tables, and no trial that they are made from");
        return;
    };
    let mut trials: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    trials.sort();
    let output = pagewise().args(["calibrate", "--format", "markdown", "--from"]).args(&trials).output().unwrap();
    assert_eq!(printed.trim(), String::from_utf8(output.stdout).unwrap().trim());
}

#[test]
fn what_cannot_be_tried_is_a_usage_error() {
    for arguments in [
        &["calibrate", "--case", "no-such"][..],
        &["calibrate", "--studies", "0"],
        &["calibrate", "--case", "syscall-bound", "--method", "pipe"],
        &["calibrate", "--method", "no-such"],
        &["calibrate", "--from", "x", "--neighbour"],
    ] {
        pagewise().args(arguments).assert().code(2);
    }
}
