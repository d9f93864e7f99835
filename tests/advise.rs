//! `pagewise advise`, as a user meets it: what is answered from a recorded run, and what is refused.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;

fn advise(args: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_pagewise")).args(["advise", "sync"]).args(args).assert()
}

/// The run that lies in the repository.
fn recorded() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference");
    let runs: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    runs[0].to_str().unwrap().to_owned()
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
