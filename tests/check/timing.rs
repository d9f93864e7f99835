//! `pagewise check`, as a user runs it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::skips::{Lack, skip};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde_json::Value;
use tempfile::TempDir;

/// A user and group that own nothing.
const NOBODY: u32 = 65534;

/// A folder of this test's own on the filesystem that the project is built on.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn pagewise() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pagewise"))
}

fn check(dir: &Path, more: &[&str]) -> Output {
    pagewise().arg("check").arg("--dir").arg(dir).args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The names in `dir`.
fn left_in(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// That every claim was tried on `dir`, that none fails, and that nothing is left.
fn assert_all_hold(dir: &Path) {
    let output = check(dir, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", text(&output.stderr));
    let closing = shown.lines().last().unwrap();
    assert!(closing.contains(" hold, 0 fail, "), "{closing}");
    assert!(closing.contains(&format!("({})", dir.canonicalize().unwrap().display())), "{closing}");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(left_in(dir), Vec::<PathBuf>::new());
}

#[test]
fn every_claim_holds_on_the_filesystem_of_the_build_and_nothing_is_left() {
    assert_all_hold(folder().path());
}

#[test]
fn every_claim_holds_on_tmpfs_with_the_expectations_of_tmpfs() {
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else {
        return skip(Lack::DevShm, "no folder can be made there");
    };
    assert_all_hold(dir.path());
    let shown = text(&check(dir.path(), &[]).stdout);
    if !shown.lines().last().unwrap().contains(" on tmpfs") {
        return skip(Lack::DevShm, "it is not a tmpfs");
    }
    assert!(shown.contains("on tmpfs:"), "{shown}");
}

#[test]
fn the_table_fits_100_columns_and_has_no_colour_away_from_a_terminal() {
    let dir = folder();
    let shown = text(&check(dir.path(), &[]).stdout);
    assert!(!shown.contains('\u{1b}'));
    let (closing, table) =
        shown.lines().collect::<Vec<_>>().split_last().map(|(last, rest)| (*last, rest.to_vec())).unwrap();
    assert!(table.iter().all(|line| line.chars().count() <= 100), "{shown}");
    assert!(table.iter().any(|line| { line.split_whitespace().eq(["claim", "expected", "seen", "verdict"]) }));
    let rows = table.iter().filter(|line| line.ends_with(" holds")).count();
    assert!(closing.starts_with(&format!("{rows} hold, ")), "{rows} rows, but: {closing}");
}

#[test]
fn json_says_of_each_claim_what_was_expected_and_seen() {
    let dir = folder();
    let output = check(dir.path(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "pagewise/check/v1");
    let claims = report["claims"].as_array().unwrap();
    let ids: BTreeSet<&str> = claims.iter().map(|claim| claim["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), claims.len());
    let known: BTreeSet<&str> = pagewise::proof::claims().map(|claim| claim.id).collect();
    assert_eq!(ids, known, "a claim was left out");
    for claim in claims {
        for part in ["topic", "claim", "expected", "source"] {
            assert!(claim[part].as_str().is_some_and(|text| !text.is_empty()), "{part} of {claim}");
        }
        match claim["verdict"].as_str().unwrap() {
            "holds" => assert!(claim["seen"].is_string(), "{claim}"),
            "skipped" => assert!(claim["reason"].is_string(), "{claim}"),
            verdict => panic!("{verdict}: {claim}"),
        }
    }
    let count = |name: &str| report[name].as_u64().unwrap() as usize;
    assert_eq!(count("holds") + count("fails") + count("skipped"), claims.len());
}

#[test]
fn the_signals_of_the_access_limits_are_seen_with_their_codes() {
    let dir = folder();
    let report: Value = serde_json::from_slice(&check(dir.path(), &["--format", "json"]).stdout).unwrap();
    let seen = |id: &str| {
        let claims = report["claims"].as_array().unwrap();
        claims.iter().find(|claim| claim["id"] == id).unwrap()["seen"].clone()
    };
    assert_eq!(seen("rest-of-last-page-reads-zero"), "0");
    assert_eq!(seen("page-past-end-load-is-sigbus"), "SIGBUS, si_code 2 (BUS_ADRERR)");
    assert_eq!(seen("past-the-mapping-is-sigsegv"), "SIGSEGV, si_code 1 (SEGV_MAPERR)");
    assert_eq!(seen("store-to-read-only-mapping-is-sigsegv"), "SIGSEGV, si_code 2 (SEGV_ACCERR)");
    assert_eq!(seen("system-call-past-end-is-efault"), "EFAULT");
}

/// That `dir` is refused in one sentence that names it, before anything is made.
fn assert_refused(output: &Output, dir: &Path, why: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&dir.display().to_string()) && said.contains(why), "{said}");
    assert!(said.contains("--dir"), "no way out named: {said}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_missing_folder_is_refused_in_a_sentence() {
    let dir = folder();
    let missing = dir.path().join("missing");
    assert_refused(&check(&missing, &[]), &missing, "no such folder");
    assert!(!missing.exists());
}

#[test]
fn a_file_in_place_of_a_folder_is_refused_in_a_sentence() {
    let dir = folder();
    let file = dir.path().join("file");
    fs::write(&file, "bytes").unwrap();
    assert_refused(&check(&file, &[]), &file, "not a folder");
    assert_eq!(fs::read(&file).unwrap(), b"bytes");
}

#[test]
fn a_folder_that_may_not_be_written_is_refused_in_a_sentence() {
    // Where those other than root may look, and run a copy of the program.
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("pagewise");
    let closed = place.path().join("closed");
    crate::program::copy(env!("CARGO_BIN_EXE_pagewise"), &program);
    fs::create_dir(&closed).unwrap();
    for path in [place.path(), &program, &closed] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let mut command = Command::new(&program);
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.arg("check").arg("--dir").arg(&closed).output() {
        Ok(output) => output,
        Err(error) => return skip(Lack::Nobody, error),
    };
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_refused(&output, &closed, "Permission denied");
}

/// Checks that a test starts to meet one at work. One is missed only if the test is not scheduled for as long as the check takes, a
/// thousand looks. If that happened to half of them, all would be missed once in 2^20 tests.
const STARTS: usize = 20;

/// Starts a check in `dir` and waits until its folder is there. `None` if the check was over first.
fn started(dir: &Path) -> Option<Child> {
    let mut child = pagewise().args(["check", "--dir"]).arg(dir).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    // With a number in its lock: before that, a folder is too young to be anyone's.
    let is_locked = |folder: &PathBuf| fs::metadata(folder.join("lock")).is_ok_and(|lock| lock.len() > 0);
    while !left_in(dir).iter().any(is_locked) {
        assert!(Instant::now() < deadline, "no folder after five minutes");
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Some(child)
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

#[test]
fn a_check_that_is_asked_to_stop_ends_by_that_signal_and_leaves_nothing() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let dir = folder();
        // One that is over before the signal comes shows nothing: another is started.
        let ended = (0..STARTS).filter_map(|_| started(dir.path())).find_map(|mut child| {
            send(&child, signal);
            child.wait().unwrap().signal()
        });
        assert_eq!(ended, Some(signal as i32));
        assert_eq!(left_in(dir.path()), Vec::<PathBuf>::new());
    }
}

#[test]
fn what_a_killed_check_left_is_removed_by_the_next_and_other_files_are_not() {
    let dir = folder();
    let left = (0..STARTS).filter_map(|_| started(dir.path())).find_map(|mut child| {
        send(&child, Signal::SIGKILL);
        child.wait().unwrap();
        left_in(dir.path()).pop()
    });
    let left = left.expect("a check that was killed in the middle");
    let other = dir.path().join(".pagewise-check-notes");
    fs::write(&other, "a file of the user's").unwrap();
    // The claim's own process holds the lock until it dies of its parent's death, a moment after it.
    let lock = File::open(left.join("lock")).unwrap();
    lock.lock().unwrap();
    drop(lock);
    assert_eq!(check(dir.path(), &[]).status.code(), Some(0));
    assert_eq!(left_in(dir.path()), [other]);
}

#[test]
fn two_checks_in_one_folder_do_not_disturb_each_other() {
    let dir = folder();
    let spawn = || pagewise().args(["check", "--dir"]).arg(dir.path()).stdout(Stdio::null()).spawn();
    let mut both = [spawn().unwrap(), spawn().unwrap()];
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(left_in(dir.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = folder();
    let mut child = pagewise()
        .args(["check", "--dir"])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
