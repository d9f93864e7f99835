//! `pagewise advise`, as a user meets it: what is answered from a recorded run, what is measured, resumed and refused.

mod skips;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::prelude::*;
use serde_json::Value;
use skips::{Lack, skip};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// `pagewise` in `dir`, with the words of a command line. It waits for no other measurement than those in the same folder.
fn pagewise(dir: &Path, line: &str) -> Process {
    let mut command = Process::new(env!("CARGO_BIN_EXE_pagewise"));
    let lock = format!("pagewise-test-{}", dir.file_name().unwrap().display());
    command.args(line.split_whitespace()).current_dir(dir).env("PAGEWISE_LOCK_NAME", lock);
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The run folders below `dir/out`.
fn runs(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("out")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Whether a command advised, or said that no study stands: which of the two is for the machine, and the load on it, to decide.
fn is_advice(output: &Output, begins: &str) -> bool {
    if output.status.success() { stdout(output).starts_with(begins) } else { stderr(output).contains("that stands") }
}

fn advise(args: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_pagewise")).args(["advise", "sync"]).args(args).assert()
}

fn advise_read(args: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_pagewise")).args(["advise", "read"]).args(args).assert()
}

/// The full run that lies in the repository, beside those of sweeps.
fn recorded() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference");
    let mut runs: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.retain(|run| run.to_str().unwrap().ends_with("-2vcpu-vm-ext4"));
    runs[0].to_str().unwrap().to_owned()
}

#[test]
fn a_recorded_run_answers_how_to_read_with_what_each_advice_does() {
    let run = recorded();
    let sparse = [
        "--size",
        "256MiB",
        "--used",
        "0.2%",
        "--pattern",
        "random",
        "--state",
        "cold",
        "--use",
        "touch",
        "--from",
        &run,
    ];
    let out = advise_read(&sparse).success().get_output().stdout.clone();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("mmap+MADV_RANDOM helps: ×0.0"), "plain readahead loads megabytes there: {text}");
    assert!(text.contains("page_touch/cold/random/use=touch/touched=128/"), "{text}");
    let json = advise_read(&[&sparse[..], &["--format", "json"]].concat()).success().get_output().stdout.clone();
    let advice: Value = serde_json::from_slice(&json).unwrap();
    assert!(advice["choice"]["read_amplification"].as_f64().unwrap() >= 4096.0, "a page for a byte: {advice}");
    let far = ["--size", "64GiB", "--memory", "16GiB", "--state", "cold", "--pattern", "sequential", "--from", &run];
    let said = String::from_utf8(advise_read(&far).success().get_output().stdout.clone()).unwrap();
    assert!(said.contains("larger than the 16.0 GiB") && said.contains("Measured was a file of 32MiB"), "{said}");
}

#[test]
fn nonsense_about_reading_is_refused_with_what_would_do() {
    for (args, said) in [
        (&["--used", "0%"][..], "above 0 and up to 100%"),
        (&["--used", "200%"], "above 0 and up to 100%"),
        (&["--size", "1KiB"], "from 64KiB on"),
        (&["--record", "2MiB"], "from 1B to 1MiB"),
        (&["--passes", "17"], "1..=16"),
        (&["--pattern", "sideways"], "possible values"),
        (&["--record", "1MiB", "--size", "64KiB"], "does not fit"),
        (&["--state", "cold", "--file", "Cargo.lock"], "--evict"),
    ] {
        advise_read(args).code(2).stderr(predicate::str::contains(said));
    }
    advise_read(&["--file", "/nonexistent"]).code(1).stderr(predicate::str::contains("name a file that is there"));
    advise_read(&["--pattern", "zipf", "--state", "cold", "--from", &recorded()])
        .code(1)
        .stderr(predicate::str::contains("has no study of page_touch"));
}

#[test]
fn a_recorded_run_answers_with_a_method_its_margin_and_what_it_rests_on() {
    let run = recorded();
    let out = advise(&["--edit", "1B", "--from", &run]).success().get_output().stdout.clone();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("\nUse pwrite"), "mapped methods write whole folios there: {text}");
    assert!(text.contains("msync(MS_ASYNC) promises nothing") && text.contains("shared_edit/durable/"), "{text}");
    assert!(text.contains("1.0 MiB a commit"), "{text}");
}

#[test]
fn what_can_be_lost_follows_from_the_rate_and_what_must_survive() {
    let run = recorded();
    let json = |args: &[&str]| -> Value {
        let out = advise(&[args, &["--edit", "1B", "--format", "json", "--from", &run]].concat()).success();
        serde_json::from_slice(&out.get_output().stdout).unwrap()
    };
    let slow = json(&["--rate", "10/s"]);
    assert_eq!((&slow["choice"]["batch"], &slow["choice"]["loss_ns"]), (&Value::from(1), &Value::from(0.0)));
    let fast = json(&["--rate", "50000/s"]);
    let batch = fast["choice"]["batch"].as_u64().unwrap();
    assert!(batch > 1 && fast["choice"]["batched_ns"].as_f64().unwrap() <= 20_000.0, "{fast}");
    assert_eq!(fast["choice"]["loss_ns"].as_f64().unwrap(), batch as f64 * 20_000.0);
    assert!(json(&["--rate", "1e9"])["unmet"].as_str().unwrap().contains("even without a sync"));
    assert_eq!(json(&["--survive", "process"])["scenarios"].as_array().unwrap().len(), 1);
}

#[test]
fn nonsense_is_a_usage_error_and_a_run_that_cannot_be_read_is_named() {
    for args in [
        &["--p99", "0"][..],
        &["--p99", "-1ms"],
        &["--edit", "0"],
        &["--edit", "3MiB"],
        &["--edit", "much"],
        &["--pages", "0"],
        &["--pages", "5000"],
        &["--rate", "0/s"],
        &["--rate", "nan"],
        &["--survive", "everything"],
        &["--from", "x", "--file", "y"],
    ] {
        advise(args).code(2);
    }
    advise(&["--from", "nowhere"]).code(1).stderr(predicate::str::contains("nowhere"));
    advise(&["--file", "nowhere"]).code(1).stderr(predicate::str::contains("--file nowhere"));
}

#[test]
fn what_a_resumed_run_was_asked_cannot_be_asked_again() {
    for option in ["--edit 1B", "--rate 5/s", "--survive process", "--budget 9s", "--dir .", "--from x"] {
        let words: Vec<&str> = format!("--resume x {option}").leak().split(' ').collect();
        advise(&words).code(2).stderr(predicate::str::contains("cannot be used with"));
    }
    for option in ["--size 1MiB", "--state cold", "--use copy", "--memory 1GiB"] {
        let words: Vec<&str> = format!("--resume x {option}").leak().split(' ').collect();
        advise_read(&words).code(2).stderr(predicate::str::contains("cannot be used with"));
    }
}

#[test]
fn a_recorded_run_names_all_ties_and_always_holds_mmap_against_pread() {
    let run = recorded();
    let json = |out: assert_cmd::assert::Assert| -> Value {
        serde_json::from_slice(&out.success().get_output().stdout).unwrap()
    };
    let sync = json(advise(&["--edit", "1B", "--format", "json", "--from", &run]));
    let (names, tied) = (&sync["choice"]["as_good"], sync["choice"]["tied"].as_array().unwrap());
    assert_eq!(names.as_array().unwrap().len(), tied.len());
    let text = advise(&["--edit", "1B", "--from", &run]).success().get_output().stdout.clone();
    let text = String::from_utf8(text).unwrap();
    for name in names.as_array().unwrap() {
        let line = text.lines().find(|line| line.contains("Statistically tied: ")).unwrap();
        assert!(line.contains(name.as_str().unwrap()), "{line}");
    }
    let questions =
        [("warm", "sequential"), ("warm", "random"), ("mapped", "random"), ("cold", "sequential"), ("cold", "random")];
    for (state, pattern) in questions {
        let question = ["--size", "32MiB", "--pattern", pattern, "--state", state, "--use", "touch", "--from", &run];
        let advice = json(advise_read(&[&question[..], &["--format", "json"]].concat()));
        let contest = &advice["mmap_against_pread"];
        assert!(contest["ratio"].is_number() && contest["faster"].is_string(), "{state} {pattern}: {contest}");
        advise_read(&question).success().stdout(predicate::str::contains("\n  mmap against pread: "));
    }
}

#[test]
fn what_the_readme_shows_of_a_recorded_run_is_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let mut shown = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let Some(line) = block.lines().next().and_then(|line| line.strip_prefix("$ pagewise ")) else { continue };
        if !line.contains("--from results/reference/") {
            continue;
        }
        let printed = stdout(&pagewise(root, line).output().unwrap());
        for expected in block.lines().skip(1).filter(|line| *line != "…" && !line.is_empty()) {
            assert!(
                printed.lines().any(|line| line == expected),
                "README.md shows {expected:?}, printed is:\n{printed}"
            );
            shown += 1;
        }
    }
    assert!(shown > 3, "{shown}");
}

/// Time or load could change the outcome of these tests (CONTRIBUTING.md).
mod timing {
    use super::*;

    #[test]
    fn one_run_holds_every_study_of_an_answer_and_gives_the_same_answer_again() {
        let dir = folder();
        let question = "advise sync --edit 1B --rate 30000/s";
        let live = pagewise(dir.path(), &format!("{question} --budget 8s --out out")).output().unwrap();
        assert!(is_advice(&live, "Commits of 1 B"), "{}", stderr(&live));
        let [run] = &runs(dir.path())[..] else { panic!("one run: {:?}", runs(dir.path())) };
        let recorded: Value = serde_json::from_str(&fs::read_to_string(run.join("run.json")).unwrap()).unwrap();
        assert!(recorded["finished"].is_string());
        assert_eq!(recorded["request"]["commit"]["rate"], 30_000.0);
        assert_eq!(recorded["request"]["commit"]["survive"], "power");
        let durable = recorded["studies"][0]["cases"].as_array().unwrap();
        let methods: Vec<&str> = durable.iter().map(|case| case["method"].as_str().unwrap()).collect();
        for method in
            ["pwrite(O_DSYNC)", "pwritev2(RWF_DSYNC)", "pwrite(O_DIRECT|O_DSYNC)", "pwrite+fsync", "mmap+fsync"]
        {
            assert!(methods.contains(&method), "{method} is weighed: {methods:?}");
        }
        // Every batch that it tried lies there as well.
        let ids: Vec<&str> = recorded["studies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|study| study["scenario"]["id"].as_str().unwrap())
            .collect();
        for batch in recorded["request"]["commit"]["batches"].as_array().into_iter().flatten() {
            assert!(ids.iter().any(|id| id.contains(&format!("every={batch}/"))), "{batch}: {ids:?}");
        }

        let shown = run.strip_prefix(dir.path()).unwrap().display().to_string();
        for again in [format!("{question} --from {shown}"), format!("advise sync --resume {shown}")] {
            let again = pagewise(dir.path(), &again).output().unwrap();
            assert_eq!((again.status.code(), stdout(&again)), (live.status.code(), stdout(&live)));
        }
        let resumed = pagewise(dir.path(), &format!("run --resume {shown}")).output().unwrap();
        if resumed.status.success() {
            assert_eq!(stdout(&resumed), format!("{}{shown}\n", stdout(&live)), "the advice, then the folder");
        }
        let other = pagewise(dir.path(), &format!("advise read --resume {shown}")).output().unwrap();
        assert!(stderr(&other).contains("is not a run of `pagewise advise read`"), "{}", stderr(&other));
        let validate = Process::new("python3").arg("-B").arg("scripts/validate").arg(run).output();
        match validate {
            Ok(output) => assert!(output.status.success(), "{}", stdout(&output)),
            Err(error) => skip(Lack::Python, error),
        }
    }

    #[test]
    fn interrupted_advice_names_the_command_that_finishes_it_and_that_command_advises() {
        for (line, begins) in [
            ("advise sync --survive process --budget 8s --out out", "Commits of"),
            ("advise read --size 1MiB --state warm --format json --budget 8s --out out", "{"),
        ] {
            let dir = folder();
            let child = pagewise(dir.path(), line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            // Its run lies there before its first study: seconds of it are left.
            let deadline = Instant::now() + Duration::from_secs(60);
            while !runs(dir.path()).iter().any(|run| run.join("run.json").exists()) {
                assert!(Instant::now() < deadline, "waited a minute for the run");
                std::thread::sleep(Duration::from_millis(5));
            }
            // SIGINT is ignored in the background of a script.
            kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
            let interrupted = child.wait_with_output().unwrap();
            let said = stderr(&interrupted);
            assert_eq!(stdout(&interrupted), "", "no advice yet: {said}");
            let hint = said.split('`').nth(1).unwrap_or_else(|| panic!("a command between backticks: {said}"));
            let command = hint.strip_prefix("pagewise ").unwrap();
            assert!(command.starts_with("advise "), "{hint}");
            let resumed = pagewise(dir.path(), command).output().unwrap();
            assert!(is_advice(&resumed, begins), "`{hint}`: {}{}", stdout(&resumed), stderr(&resumed));
            assert_eq!(runs(dir.path()).len(), 1, "it went on in place");
        }
    }
}
