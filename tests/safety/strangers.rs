//! Files from strangers: bounded time, memory and output, and nothing that a terminal obeys.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::support::{PAGEWISE, folder, stderr};

fn sample() -> PathBuf {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference");
    let mut runs: Vec<PathBuf> = fs::read_dir(reference).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs.pop().unwrap().join("run.json")
}

fn report(text: &[u8]) -> (Output, String) {
    let dir = folder();
    fs::write(dir.path().join("run.json"), text).unwrap();
    let output = Command::new(PAGEWISE).arg("report").arg(dir.path()).output().unwrap();
    let page = fs::read_to_string(dir.path().join("report.html")).unwrap_or_default();
    (output, page)
}

/// The sample run, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut run: Value = serde_json::from_slice(&fs::read(sample()).unwrap()).unwrap();
    change(&mut run);
    serde_json::to_vec(&run).unwrap()
}

#[test]
fn what_a_terminal_obeys_comes_neither_to_the_terminal_nor_to_the_page() {
    let evil = "\u{1b}[2J\u{7}\u{202e}evil\u{0}\u{9b}31m";
    let text = changed(|run| {
        run["label"] = evil.into();
        run["machine"]["cpu"] = evil.into();
        let study = &mut run["studies"][0];
        study["scenario"]["question"] = evil.into();
        study["cases"][0]["about"] = evil.into();
        run["warnings"] = serde_json::json!([{"code": evil, "text": evil, "fix": evil}]);
    });
    let (output, page) = report(&text);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!page.chars().any(|letter| letter.is_control() && letter != '\n' || letter == '\u{202e}'));
    assert!(page.contains("evil"));
    let dir = folder();
    fs::write(dir.path().join("run.json"), &text).unwrap();
    let output = Command::new(PAGEWISE).args(["report", "--markdown"]).arg(dir.path()).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}', '\0', '\u{9b}']));
    // Also where it is refused.
    let (output, _) = report(&changed(|run| run["studies"][0]["cases"][0]["status"] = evil.into()));
    assert_eq!(output.status.code(), Some(1));
    assert!(!stderr(&output).contains(['\u{1b}', '\u{7}', '\u{202e}', '\0']), "{:?}", stderr(&output));
}

#[test]
fn figures_and_sizes_out_of_bounds_are_refused_by_their_place() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 3] = [
        (|run| run["studies"][0]["margin"] = (-1e308).into(), "margin"),
        (
            |run| {
                let case = run["studies"][0]["cases"][0].clone();
                let many = (0..2000).map(|index| {
                    let mut case = case.clone();
                    case["method"] = format!("method {index}").into();
                    case
                });
                run["studies"][0]["cases"] = many.collect();
            },
            "cases",
        ),
        (|run| run["label"] = "x".repeat(2 << 20).into(), "label"),
    ];
    for (change, place) in changes {
        let (output, page) = report(&changed(change));
        assert_eq!(output.status.code(), Some(1), "{place}");
        assert!(stderr(&output).contains(place) && page.is_empty(), "{}", stderr(&output));
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let dir = folder();
    let large = fs::File::create(dir.path().join("run.json")).unwrap();
    large.set_len(64 << 30).unwrap();
    let output = Command::new(PAGEWISE).arg("report").arg(dir.path()).output().unwrap();
    assert!(output.status.code() == Some(1) && stderr(&output).contains("larger than"), "{}", stderr(&output));
    let output = Command::new(PAGEWISE)
        .args(["list", "page_touch", "--trace"])
        .arg(dir.path().join("run.json"))
        .output()
        .unwrap();
    assert!(!output.status.success() && stderr(&output).contains("larger than"), "{}", stderr(&output));
}
