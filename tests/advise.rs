//! `pagewise advise`, as a user meets it: what is answered from a recorded run, and what is refused.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;

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
