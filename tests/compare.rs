//! Recorded runs compared as a user does it: what is proven, what is not, what is refused, and what a build server hears.

mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use pagewise::results::model::{Run, Status, Study};
use pagewise::results::store;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use tempfile::TempDir;

/// The sample, made once.
fn sample_run() -> Run {
    static SAMPLE: LazyLock<Run> = LazyLock::new(sample::run);
    SAMPLE.clone()
}

/// Runs on disk, in folders A and B.
struct Runs {
    dir: TempDir,
    made: u64,
}

impl Runs {
    fn new() -> Self {
        Self { dir: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap(), made: 0 }
    }

    fn path(&self, side: &str) -> PathBuf {
        self.dir.path().join(side)
    }

    /// A run of the sample's first study in which the first method other than the baseline takes `factor` of its time, give or take the place of the run.
    fn add(&mut self, side: &str, factor: f64, change: impl Fn(&mut Run)) {
        self.made += 1;
        let mut run = sample_run();
        run.seed = self.made;
        run.id = format!("20260131T1200{:02}Z-{side}", self.made);
        run.studies.truncate(1);
        let drift = 1.0 + 0.001 * (self.made % 7) as f64;
        let study = &mut run.studies[0];
        let (baseline, method) = (study.baseline.clone(), method(study));
        for case in &mut study.cases {
            if let Some(time) = &mut case.ns_per_op {
                let own = if case.method == method && case.method != baseline { factor } else { 1.0 };
                time.estimate *= own * drift;
            }
        }
        change(&mut run);
        let folder = self.path(side).join(&run.id);
        fs::create_dir_all(&folder).unwrap();
        store::save(&run, &folder).unwrap();
    }

    fn of(factor: f64, runs: usize) -> Self {
        let mut made = Self::new();
        for _ in 0..runs {
            made.add("A", 1.0, |_| {});
            made.add("B", factor, |_| {});
        }
        made
    }

    fn compare(&self, arguments: &[&str]) -> Command {
        let mut command = pagewise();
        command.arg("compare").arg(self.path("A")).arg(self.path("B")).args(arguments);
        command
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.compare(&[&["--format", "json"], arguments].concat()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn pagewise() -> Command {
    let mut command = Command::cargo_bin("pagewise").unwrap();
    command.env("NO_COLOR", "1");
    command
}

/// The first method of the study that was measured and is not its baseline.
fn method(study: &Study) -> String {
    let measured = study.cases.iter().find(|case| case.status == Status::Ok && case.method != study.baseline);
    measured.expect("a method").method.clone()
}

fn sample_method() -> String {
    method(&sample_run().studies[0])
}

#[test]
fn a_method_that_got_slower_is_said_to_have() {
    let runs = Runs::of(1.2, 8);
    let compared = runs.json(&[]);
    let measured = |row: &&serde_json::Value| row["a"]["runs_missing"] == 0;
    for row in compared["rows"].as_array().unwrap().iter().filter(measured) {
        let slower = row["method"] == sample_method();
        assert_eq!(row["verdict"], if slower { "slower" } else { "equal" }, "{row}");
        if slower {
            let ratio = row["ratio"].as_f64().unwrap();
            assert!((ratio - 1.2).abs() < 0.01 && row["low"].as_f64().unwrap() > 1.18, "{row}");
        }
    }
    runs.compare(&[])
        .assert()
        .success()
        .stdout(contains("slower").and(contains("Over all methods that every run finished")));
}

#[test]
fn a_gate_tells_a_build_server_by_its_exit_code() {
    let slower = Runs::of(1.2, 8);
    slower.compare(&["--gate", "5%"]).assert().code(3).stdout(contains("regressed"));
    slower.compare(&["--gate", "0.3"]).assert().code(0).stdout(contains("gate passed"));
    slower.compare(&["--gate", "20%"]).assert().code(4).stdout(contains("undecided"));
    slower.compare(&[]).assert().code(0);
    Runs::of(0.8, 8).compare(&["--gate", "5%"]).assert().code(0);
    Runs::of(1.2, 2).compare(&["--gate", "5%"]).assert().code(4);
    let mut lost = Runs::of(1.0, 8);
    lost.add("B", 1.0, |run| {
        let name = method(&run.studies[0]);
        let case = run.studies[0].cases.iter_mut().find(|case| case.method == name).unwrap();
        (case.status, case.reason, case.ns_per_op) = (Status::Failed, Some("killed by SIGBUS".to_owned()), None);
    });
    lost.compare(&["--gate", "5%"]).assert().code(4).stdout(contains("1 of side B: failed: killed by SIGBUS"));
}

#[test]
fn too_few_runs_give_a_table_no_verdict_and_the_number_that_would_do() {
    let runs = Runs::of(2.0, 2);
    runs.compare(&[]).assert().success().stdout(
        contains("too few runs for a verdict: 2 a side")
            .and(contains("5 would do for one"))
            .and(contains("unresolved"))
            .and(contains("slower").not()),
    );
    let five = Runs::of(2.0, 5);
    five.compare(&["--method", &sample_method()])
        .assert()
        .success()
        .stdout(contains("slower").and(contains("too few").not()));
    five.compare(&[]).assert().success().stdout(contains("too few runs"));
}

#[test]
fn the_same_thing_twice_is_not_told_apart() {
    // Twenty pairs of groups that are alike.
    for seed in 0..20_u64 {
        let mut runs = Runs::new();
        for index in 0..16_u64 {
            let noise = 1.0 + 0.01 * (((index + 1) * (seed * 7919 + 104_729)) % 97) as f64 / 97.0;
            runs.add(if index % 4 == 0 || index % 4 == 3 { "A" } else { "B" }, noise, |_| {});
        }
        let compared = runs.json(&[]);
        let verdicts: Vec<_> = compared["rows"].as_array().unwrap().iter().map(|row| row["verdict"].clone()).collect();
        assert!(verdicts.iter().all(|verdict| verdict == "equal" || verdict == "unresolved"), "{verdicts:?}");
    }
}

#[test]
fn runs_can_be_named_one_by_one_and_by_their_files() {
    let runs = Runs::of(1.0, 2);
    let each = |side: &str| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            fs::read_dir(runs.path(side)).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    };
    let (a, b) = (each("A"), each("B"));
    pagewise()
        .arg("compare")
        .args(&a)
        .arg("--with")
        .args(b.iter().map(|run| run.join("run.json")))
        .assert()
        .success()
        .stdout(contains("A: 2 runs").and(contains("2 and 2")));
    pagewise().arg("compare").args(&a).assert().success().stdout(contains("1 and 1"));
    pagewise().arg("compare").arg(&a[0]).assert().code(2).stderr(contains("name two runs"));
    pagewise().arg("compare").args(&a).arg(&b[0]).assert().code(2).stderr(contains("--with"));
    pagewise().arg("compare").arg(&a[0]).arg(&a[0]).assert().code(1).stderr(contains("is named twice"));
    pagewise().arg("compare").arg(&a[0]).arg(runs.dir.path()).assert().code(1).stderr(contains("holds no runs"));
}

#[test]
fn other_machines_kernels_and_filesystems_are_refused_unless_asked_for() {
    type Change = (&'static str, fn(&mut Run));
    let changes: [Change; 4] = [
        ("kernel", |run| run.machine.kernel = "Linux 7.0.1".to_owned()),
        ("processor", |run| run.machine.cpu = "another".to_owned()),
        ("filesystem", |run| run.dir.filesystem = "xfs".to_owned()),
        ("memory", |run| run.machine.memory *= 2),
    ];
    for (what, change) in changes {
        let mut runs = Runs::of(1.0, 1);
        runs.add("B", 1.0, change);
        runs.compare(&[]).assert().code(1).stderr(contains(what).and(contains("--across-machines")));
        runs.compare(&["--across-machines"]).assert().success().stdout(contains(format!("different machines: {what}")));
    }
}

#[test]
fn what_cannot_be_read_or_compared_is_one_clear_sentence() {
    let runs = Runs::of(1.0, 1);
    let run = fs::read_dir(runs.path("B")).unwrap().next().unwrap().unwrap().path().join("run.json");
    let text = fs::read_to_string(&run).unwrap();
    for (content, said) in [
        (text[..text.len() / 2].to_owned(), "damaged or cut short"),
        (text.replace("pagewise/run/v1", "pagewise/run/v2"), "of a later pagewise"),
        (text.replace("pagewise/run/v1", "pagewise/run/v0"), "pagewise/run/v0"),
    ] {
        fs::write(&run, content).unwrap();
        runs.compare(&[]).assert().code(1).stderr(contains(said).and(contains("run.json")));
    }
    let runs = Runs::of(1.0, 1);
    runs.compare(&["--method", "no-such"]).assert().code(2).stderr(contains("nothing to compare"));
    for gate in ["0%", "-3%", "nan", "x", "100%"] {
        runs.compare(&[&format!("--gate={gate}")]).assert().code(2);
    }
    runs.compare(&["--confidence", "1.5"]).assert().code(2);
    let mut unfinished = Runs::of(1.0, 1);
    unfinished.add("B", 1.0, |run| run.finished = None);
    unfinished.compare(&[]).assert().success().stdout(contains("1 of 2 runs of side B did not finish"));
}

#[test]
fn each_format_has_every_method() {
    let runs = Runs::of(1.1, 5);
    let methods = sample_run().studies[0].cases.len();
    let of = |format: &str| String::from_utf8(runs.compare(&["--format", format]).output().unwrap().stdout).unwrap();
    assert_eq!(runs.json(&[])["rows"].as_array().unwrap().len(), methods);
    let csv = of("csv");
    assert_eq!(csv.lines().count(), methods + 1);
    assert!(csv.starts_with("area,scenario,guarantee,method,measure,a,b,") && csv.contains("\r\n"));
    assert_eq!(of("markdown").lines().filter(|line| line.starts_with("| `")).count(), methods);
    let ratio = String::from_utf8(runs.compare(&["--of", "ratio"]).output().unwrap().stdout).unwrap();
    assert!(
        !ratio.lines().any(|line| line.trim_start().starts_with(&format!("{} ", sample_run().studies[0].baseline)))
    );
}

#[test]
fn methods_are_ranked_over_scenarios_that_all_of_them_finished() {
    let mut runs = Runs::new();
    for side in ["A", "B", "B", "A"] {
        runs.add(side, 1.0, |run| {
            let mut second = run.studies[0].clone();
            second.scenario.id += "/again";
            let lost = method(&second);
            let case = second.cases.iter_mut().find(|case| case.method == lost).unwrap();
            (case.status, case.reason, case.ns_per_op) = (Status::Unavailable, Some("not here".to_owned()), None);
            run.studies.push(second);
        });
    }
    let text = String::from_utf8(runs.compare(&[]).output().unwrap().stdout).unwrap();
    assert!(text.contains("over the 2 scenarios that all of them finished"), "{text}");
    assert!(text.contains(&format!("{} (1)", sample_method())), "{text}");
}

/// A stand-in for a build: it leaves a run's folder, and notes in which order it was called.
fn stand_in(dir: &Path, name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    let text = format!(
        "#!/usr/bin/env bash\nif [[ $1 == compare ]]; then echo compared \"$@\"; exit; fi\nwhile [[ $# -gt 0 ]]; do case $1 in --out) out=$2 ;; esac; shift; done\n\
         echo {name} >> {log}\nfolder=$out/$(wc -l < {log})\nmkdir -p \"$folder\"\ntouch \"$folder/run.json\"\n",
        log = dir.join("order").display()
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn alternate(dir: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/alternate");
    let output = std::process::Command::new(script).args(arguments).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn alternating_runs_are_taken_a_b_b_a_and_gone_on_with() {
    let dir = TempDir::new().unwrap();
    stand_in(dir.path(), "before");
    stand_in(dir.path(), "after");
    let (code, said, error) =
        alternate(dir.path(), &["--runs", "2", "--into", "runs", "./before", "./after", "--", "--quick"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("compared compare runs/A runs/B"), "{said}");
    let order = fs::read_to_string(dir.path().join("order")).unwrap();
    assert_eq!(order.split_whitespace().collect::<Vec<_>>(), ["before", "after", "after", "before"]);
    let (code, said, _) = alternate(dir.path(), &["--into", "runs", "--side", "A", "./before"]);
    assert_eq!((code, said.trim()), (Some(0), "side A: 3, side B: 2; next: B"));
    for arguments in [
        &["./before"][..],
        &["--runs", "0", "./before", "./after"],
        &["--side", "C", "./before"],
        &["./before", "./no-such"],
    ] {
        assert_eq!(alternate(dir.path(), arguments).0, Some(2), "{arguments:?}");
    }
}
