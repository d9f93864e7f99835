//! Which tests of this `cargo test` were skipped, and what they lacked. Its name sorts last, so that it runs after the others.
//!
//! With `STRICT_SKIPS=1` in the environment it fails if what a skipped test lacked is there.

mod present;
#[path = "../skips/mod.rs"]
mod skips;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use skips::{Lack, Skip};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut skips = Vec::new();
    if !arguments.list {
        skips = match skips::take_recorded() {
            Ok(skips) => skips,
            Err(error) => {
                eprintln!("the record of skipped tests cannot be read: {error}");
                return ExitCode::FAILURE;
            }
        };
        print!("{}", summary(&skips));
    }
    let is_strict = std::env::var_os("STRICT_SKIPS").is_some_and(|value| value == "1");
    let lacking = Trial::test("skipped_tests_lack_what_they_say", move || {
        let wrong: Vec<&Skip> = skips.iter().filter(|skip| present::is_present(skip)).collect();
        if wrong.is_empty() || !is_strict { Ok(()) } else { Err(Failed::from(fault(&wrong))) }
    });
    let counted = Trial::test("a_test_counts_once_for_each_thing_that_it_lacks", || {
        counts_a_test_once();
        Ok(())
    });
    let found = Trial::test("what_is_there_is_not_taken_for_lacking", || {
        finds_what_is_there();
        Ok(())
    });
    libtest_mimic::run(&arguments, vec![lacking, counted, found]).exit_code()
}

fn skip(lacks: Lack, test: &str, why: &str) -> Skip {
    Skip { lacks, test: test.to_owned(), place: None, why: why.to_owned() }
}

fn counts_a_test_once() {
    let skips = [
        skip(Lack::MkfsXfs, "tests/a.rs one", "not installed"),
        skip(Lack::Root, "tests/a.rs one", "EPERM"),
        skip(Lack::Root, "tests/a.rs one", "EACCES"),
        skip(Lack::Root, "tests/b.rs two", "EPERM"),
    ];
    let expected = "skipped for lack of root:\n  tests/a.rs one: EACCES; EPERM\n  tests/b.rs two: EPERM\n\
                    skipped for lack of mkfs.xfs:\n  tests/a.rs one: not installed\nskips: 3 (root 2, mkfs.xfs 1)\n";
    assert_eq!(summary(&skips), expected);
    assert_eq!(summary(&[]), "skips: 0\n");
}

/// One of these two is always there.
fn finds_what_is_there() {
    let there = [Lack::Root, Lack::OrdinaryUser].map(|lacks| present::is_present(&skip(lacks, "", "")));
    assert_ne!(there[0], there[1]);
}

/// What is lacking, each with its tests, and a last line with the counts.
fn summary(skips: &[Skip]) -> String {
    let mut lacking: BTreeMap<Lack, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for skip in skips {
        lacking.entry(skip.lacks).or_default().entry(&skip.test).or_default().insert(&skip.why);
    }
    let mut text = String::new();
    for (lacks, tests) in &lacking {
        let _ = writeln!(text, "skipped for lack of {lacks}:");
        for (test, reasons) in tests {
            let reasons: Vec<&str> = reasons.iter().copied().collect();
            let _ = writeln!(text, "  {test}: {}", reasons.join("; "));
        }
    }
    let total: usize = lacking.values().map(BTreeMap::len).sum();
    let counts: Vec<String> = lacking.iter().map(|(lacks, tests)| format!("{lacks} {}", tests.len())).collect();
    let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    let _ = writeln!(text, "skips: {total}{counts}");
    text
}

fn fault(wrong: &[&Skip]) -> String {
    let lines =
        wrong.iter().map(|skip| format!("{} was skipped for lack of {}, which is there", skip.test, skip.lacks));
    let mut lines: Vec<String> = lines.collect();
    lines.dedup();
    lines.join("\n")
}
