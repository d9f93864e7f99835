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
fn one_scenario_and_the_methods_that_were_asked_for() {
    insta::assert_snapshot!(list(&["shared_edit", "--quick", "--where", "guarantee=durable", "--method", "mmap*"]));
}
