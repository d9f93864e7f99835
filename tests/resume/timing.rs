//! `pagewise run --resume RUN`: what was cut short is done, what stands stays as it is, and what cannot be gone on with is refused by name.

use std::fs;
use std::io::{self, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::held;
use crate::sample;
use crate::skips::{Lack, skip, skip_in};
use assert_cmd::Command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pagewise::os::disk::Disk;
use pagewise::os::lock::{FolderLock, Locked};
use pagewise::results::model::Run;
use pagewise::results::store;
use predicates::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

fn pagewise() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pagewise"))
}

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Studies of a run that is cut short.
const STUDIES: usize = 6;

/// Room for the tables that such a run prints, 500 to 1500 bytes a study: one fits, and five do not. So a study is recorded, and the
/// run waits before its last one, until it is cut short.
const ROOM: usize = 2400;

/// A run that waits once its tables fill [`ROOM`].
struct Waiting {
    process: Child,
    tables: PipeReader,
}

impl Waiting {
    fn start(mut command: Process) -> Self {
        let (tables, output) = held::pipe(ROOM);
        Self { process: command.stdout(output).spawn().unwrap(), tables }
    }
}

/// Starts a run of [`STUDIES`] studies in `dir`, each of few methods: what is left takes a few seconds.
fn start(dir: &Path) -> Waiting {
    let mut command = Process::new(env!("CARGO_BIN_EXE_pagewise"));
    command
        .args([
            "run",
            "--shared",
            "--quick",
            "private_cow",
            "fork_ipc",
            "page_touch",
            "--budget",
            "4s",
            "--seed",
            "18446744073709551615",
        ])
        .args(["--method", "MAP_PRIVATE+store", "--method", "shm+f*", "--method", "mmap"])
        .args(["--dir", "files", "--out", "out"])
        .current_dir(dir)
        .stderr(Stdio::null());
    Waiting::start(command)
}

/// Goes on with the one run in `dir`.
fn resume(dir: &Path) -> Process {
    let mut command = Process::new(env!("CARGO_BIN_EXE_pagewise"));
    command.args(["run", "--shared", "--resume"]).arg(run_in(dir).unwrap()).current_dir(dir).stdout(Stdio::null());
    command
}

/// A folder with one of its own to measure in, and a run that was ended by `signal` once it had `studies`.
fn cut_short(studies: usize, signal: Signal) -> TempDir {
    let dir = folder();
    fs::create_dir(dir.path().join("files")).unwrap();
    end_at(start(dir.path()), dir.path(), signal, |run| run.studies.len() >= studies);
    dir
}

/// The text of a run that was killed before its first study: of this machine, and made once.
fn just_begun() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| text_in(cut_short(0, Signal::SIGKILL).path()))
}

/// A folder as [`cut_short`] leaves it, with this text for its run.
fn folder_with(text: &str) -> TempDir {
    let dir = folder();
    fs::create_dir_all(dir.path().join("out/run")).unwrap();
    fs::create_dir(dir.path().join("files")).unwrap();
    fs::write(dir.path().join("out/run/run.json"), text).unwrap();
    dir
}

/// Ends a run once what it has recorded is so far.
fn end_at(mut run: Waiting, dir: &Path, signal: Signal, so_far: impl Fn(&Run) -> bool) {
    wait_for("a study's end", || {
        let ended = run.process.try_wait().unwrap();
        assert!(ended.is_none(), "it ended before it could be ended, {ended:?}");
        recorded(dir).is_some_and(|run| so_far(&run))
    });
    let locked = FolderLock::take(&run_in(dir).unwrap()).unwrap();
    assert!(matches!(locked, Locked::Held(_)), "its folder is its own while it measures: {locked:?}");
    kill(Pid::from_raw(run.process.id() as i32), signal).unwrap();
    // It may go on printing, and comes to see the signal.
    io::copy(&mut run.tables, &mut io::sink()).unwrap();
    run.process.wait().unwrap();
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(300);
    while !ready() {
        assert!(Instant::now() < deadline, "waited five minutes for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The folder of the one run in `dir`.
fn run_in(dir: &Path) -> Option<PathBuf> {
    let mut runs = fs::read_dir(dir.join("out")).ok()?.map(|entry| entry.unwrap().path());
    let run = runs.next();
    assert!(runs.next().is_none(), "one run, gone on with in place");
    run
}

fn recorded(dir: &Path) -> Option<Run> {
    store::load(&run_in(dir)?).ok()
}

fn text_in(dir: &Path) -> String {
    fs::read_to_string(run_in(dir).unwrap().join("run.json")).unwrap()
}

/// The studies as they stand in the file, without what closes the list.
fn studies_in(text: &str) -> &str {
    let (_, studies) = text.split_once("\"studies\": [").unwrap();
    studies.trim_end_matches(|end: char| end.is_whitespace() || "]}".contains(end))
}

#[track_caller]
fn assert_valid(dir: &Path) {
    match Process::new("python3").arg("-B").arg("scripts/validate").arg(run_in(dir).unwrap()).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => skip(Lack::Python, error),
    }
}

#[test]
fn a_killed_run_goes_on_where_it_was_and_what_stands_stays_byte_for_byte() {
    let dir = cut_short(1, Signal::SIGKILL);
    let (before, old) = (text_in(dir.path()), recorded(dir.path()).unwrap());
    assert!(old.finished.is_none() && old.studies.len() < STUDIES);
    assert_eq!(fs::read_dir(dir.path().join("files")).unwrap().count(), 1, "kill -9 leaves its files");
    fs::write(run_in(dir.path()).unwrap().join(".run.json.cut"), "half a run").unwrap();

    pagewise()
        .args(["run", "--shared", "--resume"])
        .arg(run_in(dir.path()).unwrap().join("run.json"))
        .current_dir(dir.path())
        .assert()
        .success()
        .stdout(predicate::str::ends_with(format!("{}\n", run_in(dir.path()).unwrap().display())))
        .stderr(predicate::str::contains(format!("{} of {STUDIES} studies stand", old.studies.len())));

    let (after, new) = (text_in(dir.path()), recorded(dir.path()).unwrap());
    assert!(after.contains(studies_in(&before)), "what stood was changed");
    assert_eq!(new.studies.len(), STUDIES);
    assert!(new.finished.is_some() && new.resumed.len() == 1 && new.resumed[0] >= new.started);
    assert_eq!((&new.id, &new.started, new.seed, &new.floors), (&old.id, &old.started, old.seed, &old.floors));
    for (place, study) in new.studies.iter().enumerate() {
        assert_eq!(study.order_seed, new.seed.wrapping_add(place as u64 * 1_000_003), "as if it had never stopped");
        assert_eq!(study.scenario.id, new.request.as_ref().unwrap().scenarios[place]);
    }
    assert_valid(dir.path());
    assert_eq!(fs::read_dir(dir.path().join("files")).unwrap().count(), 0, "and the next part removes them");
    assert!(!run_in(dir.path()).unwrap().join(".run.json.cut").exists());
    let page = fs::read_to_string(run_in(dir.path()).unwrap().join("report.html")).unwrap();
    assert!(page.contains("Measured in 2 parts"), "the report tells");
}

#[test]
fn a_run_can_be_cut_short_and_resumed_again_and_again_until_nothing_is_missing() {
    // Not by SIGINT: where it is ignored, as in a script's background job, the run ignores it too.
    let dir = cut_short(1, Signal::SIGTERM);
    let second = Waiting::start(resume(dir.path()));
    end_at(second, dir.path(), Signal::SIGTERM, |run| run.resumed.len() == 1);
    assert!(resume(dir.path()).status().unwrap().success());
    let run = recorded(dir.path()).unwrap();
    assert!(run.finished.is_some() && run.studies.len() == STUDIES, "{:?}", run.finished);
    assert_eq!(run.resumed.len(), 2);
    assert!(run.studies.iter().all(|study| study.stop_reason != "interrupted"), "what was interrupted is done again");
    assert_valid(dir.path());

    let before = text_in(dir.path());
    pagewise()
        .args(["run", "--shared", "--resume"])
        .arg(run_in(dir.path()).unwrap())
        .assert()
        .success()
        .stderr(predicate::str::contains("nothing is missing"));
    assert_eq!(text_in(dir.path()), before);
}

#[test]
fn a_run_that_is_being_measured_is_not_taken_from_who_measures_it() {
    let dir = folder_with(just_begun());
    let measuring = FolderLock::take(&run_in(dir.path()).unwrap()).unwrap();
    let output = resume(dir.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let told = stderr.contains(&format!("process {} is measuring this run", std::process::id()));
    assert!(told || stderr.contains("another process is measuring this run"), "{stderr}");
    drop(measuring);
}

#[test]
fn what_cannot_be_gone_on_with_is_refused_by_name_and_left_as_it_is() {
    let good: Value = serde_json::from_str(just_begun()).unwrap();
    let dir = folder_with("");
    let path = run_in(dir.path()).unwrap().join("run.json");
    let with = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        bad.to_string()
    };
    let study = serde_json::to_value(&sample::run().studies[0]).unwrap();
    let cases = [
        (with("/machine/kernel", json!("Linux 2.6.9")), "the kernel was \"Linux 2.6.9\""),
        (with("/machine/cpus", json!(4096)), "the number of processors was \"4096\""),
        (with("/machine/facts/kernel_build", json!("#0")), "the machine's kernel_build"),
        (with("/dir/mount_options", json!("rw,never")), "the mount options of --dir"),
        (with("/dir/filesystem", json!("minix")), "the filesystem of --dir was \"minix\""),
        (with("/pagewise/version", json!("0.0.1")), "made by pagewise 0.0.1"),
        (with("/pagewise/commit", json!("0123456789ab")), "(0123456789ab, "),
        (with("/request", Value::Null), "did not record what was asked for"),
        (with("/request/scenarios/1", json!("fork_ipc/by-pigeon")), "the catalogue has no fork_ipc/by-pigeon"),
        (with("/request/methods", json!(["teleport"])), "with such methods"),
        (with("/request/dir", json!("gone")), "--dir gone: no such folder"),
        (with("/request/file", json!("gone")), "--file gone: No such file"),
        (with("/studies", json!([study])), "not the first of those"),
        (with("/schema", json!("pagewise/run/v2")), "of a later pagewise"),
        (with("/schema", json!("pagewise/run/v0")), "pagewise/run/v0, older than the first"),
        (good.to_string()[..400].to_owned(), "damaged or cut short"),
    ];
    for (text, said) in cases {
        fs::write(&path, &text).unwrap();
        let output = resume(dir.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}: {stderr}");
        assert!(stderr.contains(said), "no {said:?} in: {stderr}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{said}: the run was changed");
    }
    assert_eq!(fs::read_dir(dir.path().join("files")).unwrap().count(), 0, "no files are left");
}

#[test]
fn another_filesystem_is_another_run() {
    let dir = folder_with(just_begun());
    let here = recorded(dir.path()).unwrap().dir.filesystem;
    let others = [PathBuf::from("/dev/shm"), std::env::temp_dir(), PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    let folders = others.into_iter().filter_map(|other| tempfile::tempdir_in(other).ok());
    let Some(elsewhere) = folders.into_iter().find(|other| Disk::of_dir(other.path()).filesystem != here) else {
        return skip_in(dir.path(), Lack::SecondFilesystem, format!("every folder that can be written is on {here}"));
    };
    let output = resume(dir.path()).arg("--dir").arg(elsewhere.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&format!("the filesystem of --dir was \"{here}\"")), "{stderr}");
}

#[test]
fn what_a_resumed_run_has_settled_cannot_be_asked_for_again() {
    let dir = folder();
    let settled: [&[&str]; 10] = [
        &["fork_ipc"],
        &["--where", "state=warm"],
        &["--method", "mmap*"],
        &["--quick"],
        &["--file", "x"],
        &["--out", "x"],
        &["--budget", "9s"],
        &["--worker-limit", "9s"],
        &["--seed", "1"],
        &["--label", "x"],
    ];
    for option in settled {
        pagewise().args(["run", "--resume", "anything"]).args(option).current_dir(dir.path()).assert().code(2).stderr(
            predicate::str::contains("--resume")
                .and(predicate::str::contains(option[0].trim_start_matches("fork_ipc"))),
        );
    }
    pagewise()
        .args(["run", "--resume", "missing"])
        .current_dir(dir.path())
        .assert()
        .code(1)
        .stderr(predicate::str::contains("no run at missing"));
}
