//! What `pagewise list` prints: the catalogue as a user reads it. `INSTA_UPDATE=always cargo test --test list` writes it anew.

use assert_cmd::Command;

fn list(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pagewise")).arg("list").args(args).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_quick_run_s_scenarios_with_their_parameters_and_methods() {
    insta::assert_snapshot!(list(&["--quick"]));
}

#[test]
fn a_sweep_is_asked_for_by_name_and_full_is_all_of_them_and_the_representative_points() {
    let count = |args: &[&str]| list(args).lines().filter(|line| line.starts_with("    where")).count();
    assert_eq!(count(&["shared_edit", "--sweep", "threads"]), 3);
    assert_eq!(count(&["shared_edit", "--sweep", "threads", "--sweep", "vmas"]), 6);
    assert!(list(&["--sweep", "pages"]).contains("pages=4096"));
    let (usual, full) = (count(&[]), count(&["--full"]));
    // Each sweep has points of its own; what two of them share is one scenario.
    assert!(full > usual + 25, "{usual} and {full}");
    let of = |area| count(&[area, "--full"]);
    assert_eq!(full, ["shared_edit", "private_cow", "fork_ipc", "page_touch"].map(of).iter().sum::<usize>());
    // A sweep that two areas have is both of theirs, unless one is named.
    assert!(count(&["page_touch", "--sweep", "history"]) < count(&["--sweep", "history"]));
    let memory = list(&["--sweep", "memory"]);
    assert!(memory.contains("larger than a memory limit"), "{memory}");
}

#[test]
fn sweeps_that_are_not_there_are_a_usage_error_that_names_those_that_are() {
    let refused = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_pagewise")).arg("list").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["--sweep", "nope"]).contains("history"));
    assert!(refused(&["page_touch", "--sweep", "pages"]).contains("one of shared_edit"));
    assert!(refused(&["--quick", "--sweep", "pages"]).contains("cannot be used with"));
}

#[test]
fn one_scenario_and_the_methods_that_were_asked_for() {
    insta::assert_snapshot!(list(&["shared_edit", "--quick", "--where", "guarantee=durable", "--method", "mmap*"]));
}
