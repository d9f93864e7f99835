//! `pagewise run`, `list` and `report` as a user meets them: what they leave, what they say of bad input, and that nothing is left behind.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use crate::processes::{children_of, is_alive};
use crate::skips::{Lack, skip};
use assert_cmd::Command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pagewise::os::process::is_ignored;
use pagewise::results::model::{Run, Status};
use predicates::prelude::*;
use tempfile::TempDir;

fn pagewise() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pagewise"))
}

/// A folder on the disk that the build lies on: the system's temporary folder is often tmpfs.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn load(folder: &Path) -> Run {
    serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap()
}

/// What of ours lies in a folder.
fn left_in(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".pagewise"))
        .collect()
}

/// Starts a run that lasts long enough to be interrupted, in a process group of its own.
fn start_long_run(area: &str, dir: &Path) -> Child {
    Process::new(env!("CARGO_BIN_EXE_pagewise"))
        .args(["run", "--shared", area, "--budget", "120s", "--dir"])
        .arg(dir)
        .arg("--out")
        .arg(dir.join("out"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap()
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(300);
    while !ready() {
        assert!(Instant::now() < deadline, "waited five minutes for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_leaves_a_report_prints_its_folder_last_and_nothing_else() {
    let dir = folder();
    let out = dir.path().join("out");
    let assert = pagewise()
        .args([
            "run",
            "--shared",
            "fork_ipc",
            "private_cow",
            "--quick",
            "--budget",
            "8s",
            "--label",
            "trial",
            "--seed",
            "7",
            "--dir",
        ])
        .arg(dir.path())
        .arg("--out")
        .arg(&out)
        .assert()
        .success();
    let stdout = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let run_folder = PathBuf::from(stdout.lines().last().unwrap());
    assert!(run_folder.starts_with(&out), "{stdout}");
    let run = load(&run_folder);
    assert_eq!((run.label.as_str(), run.seed), ("trial", 7));
    assert!(run.finished.is_some());
    assert_eq!(run.studies.len(), 3);
    assert!(["clock read", "stamp"].iter().all(|name| run.floors.iter().any(|floor| floor.name == *name)));
    assert!(fs::read_to_string(run_folder.join("report.html")).unwrap().contains("</html>"));
    // One worker is taken whatever it costs, so there are figures, also on a slow machine.
    let mut cases = run.studies.iter().flat_map(|study| &study.cases);
    assert!(cases.any(|case| case.status == Status::Ok && case.ratio.is_some()));
    assert!(fs::read_dir(run_folder.join("plots")).unwrap().count() > 0, "what was compared is drawn");
    assert!(left_in(dir.path()).is_empty());
}

#[test]
fn a_recorded_run_can_be_drawn_again_elsewhere() {
    let dir = folder();
    let assert = pagewise()
        .args(["run", "--shared", "private_cow", "--quick", "--budget", "2s", "--dir"])
        .arg(dir.path())
        .arg("--out")
        .arg(dir.path().join("out"))
        .assert()
        .success();
    let stdout = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let run_folder = PathBuf::from(stdout.lines().last().unwrap());
    fs::remove_file(run_folder.join("report.html")).unwrap();
    pagewise().arg("report").arg(&run_folder).assert().success();
    assert!(run_folder.join("report.html").exists());
    pagewise()
        .arg("report")
        .arg(&run_folder)
        .arg("--markdown")
        .assert()
        .success()
        .stdout(predicate::str::contains("| `MAP_PRIVATE+store` |"));
}

#[test]
fn the_user_s_own_file_is_read_and_left_as_it_was() {
    let dir = folder();
    let file = dir.path().join("mine");
    // An odd tail: the last part of a page is not used, and not touched.
    let content: Vec<u8> =
        (0..(1 << 20) + 123).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(&file, &content).unwrap();
    fs::File::open(&file).unwrap().sync_all().unwrap();
    let before = fs::metadata(&file).unwrap();
    let assert = pagewise()
        .args(["run", "--shared", "--quick", "--budget", "4s", "--file"])
        .arg(&file)
        .arg("--dir")
        .arg(dir.path())
        .arg("--out")
        .arg(dir.path().join("out"))
        .assert()
        .success();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), content);
    assert_eq!((before.mtime_nsec(), before.mtime(), before.ino()), (after.mtime_nsec(), after.mtime(), after.ino()));
    assert_eq!((before.atime_nsec(), before.atime()), (after.atime_nsec(), after.atime()));
    let stdout = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let run = load(Path::new(stdout.lines().last().unwrap()));
    assert!(run.studies.iter().all(|study| study.area == "page_touch"));
    let ok = run.studies.iter().flat_map(|study| &study.cases).filter(|case| case.status == Status::Ok).count();
    assert!(ok >= 5, "the file is measured: {ok} cases");
    assert!(run.studies.iter().all(|study| study.scenario.state.as_deref() != Some("cold")), "cold needs --evict");
}

#[test]
fn bad_input_is_one_clear_sentence() {
    let dir = folder();
    let missing = dir.path().join("missing");
    let empty = dir.path().join("empty");
    fs::write(&empty, b"").unwrap();
    let small = dir.path().join("small");
    fs::write(&small, b"x").unwrap();
    let corrupt = dir.path().join("run.json");
    fs::write(&corrupt, b"{\"schema\": ").unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let cases: Vec<(Vec<String>, i32, &str)> = vec![
        (vec!["run".into(), "--dir".into(), path(&missing)], 1, "no such folder"),
        (vec!["run".into(), "--dir".into(), path(&small)], 1, "not a folder"),
        (vec!["run".into(), "--file".into(), path(&empty)], 1, "empty"),
        (vec!["run".into(), "--file".into(), path(&small)], 1, "less than a page"),
        (vec!["run".into(), "--file".into(), path(&missing)], 1, "No such file"),
        (vec!["run".into(), "--file".into(), path(dir.path())], 1, "a folder"),
        (vec!["run".into(), "--file".into(), "/dev/null".into()], 1, "not a regular file"),
        (vec!["run".into(), "nonsense".into()], 2, "shared_edit"),
        (vec!["run".into(), "shared_edit".into(), "--file".into(), path(&corrupt)], 1, "less than a page"),
        (vec!["run".into(), "--budget".into(), "soon".into()], 2, "90s"),
        (vec!["run".into(), "--budget".into(), "0".into()], 2, "1s"),
        (vec!["run".into(), "--label".into(), "a/b".into()], 2, "letters"),
        (vec!["run".into(), "--worker-limit".into(), "0".into()], 2, "1s"),
        (vec!["run".into(), "--wait".into(), "soon".into()], 2, "30s, 10m or 1h"),
        (vec!["run".into(), "--wait".into(), "1m".into(), "--shared".into()], 2, "--shared"),
        (vec!["advise".into(), "sync".into(), "--from".into(), path(&missing), "--shared".into()], 2, "--from"),
        (vec!["list".into(), "--where".into(), "state=tepid".into()], 2, "state is cold, mapped, warm"),
        (vec!["list".into(), "--where".into(), "colour=red".into()], 2, "no scenario has colour"),
        (vec!["list".into(), "--where".into(), "state".into()], 2, "KEY=VALUE"),
        (vec!["list".into(), "--method".into(), "teleport*".into()], 2, "no method matches"),
        (vec!["list".into(), "--evict".into()], 2, "--file"),
        (vec!["report".into(), path(&corrupt)], 1, "run.json"),
        (vec!["report".into(), path(&missing)], 1, "missing"),
        (vec!["frobnicate".into()], 2, "frobnicate"),
    ];
    for (args, code, words) in cases {
        pagewise()
            .args(&args)
            .current_dir(dir.path())
            .assert()
            .code(code)
            .stderr(predicate::str::contains(words).and(predicate::str::contains("panicked").not()));
    }
    assert!(left_in(dir.path()).is_empty());
    assert!(!dir.path().join("results").exists(), "a run that did not start leaves no folder");
}

#[test]
fn a_folder_that_cannot_be_written_is_said_so() {
    if !nix::unistd::geteuid().is_root() {
        let dir = folder();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
        pagewise()
            .args(["run", "--shared", "--dir"])
            .arg(dir.path())
            .assert()
            .code(1)
            .stderr(predicate::str::contains("write"));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        return;
    }
    // Root may write anywhere: the run is made by nobody, from a copy that nobody can reach.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("pagewise");
    crate::program::copy(env!("CARGO_BIN_EXE_pagewise"), &program);
    let output = Process::new(&program)
        .args(["run", "--shared", "--dir"])
        .arg(dir.path())
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("name a folder that you can write to"), "{stderr}");
}

#[test]
fn list_names_scenarios_that_where_takes() {
    pagewise()
        .args(["list", "page_touch", "--where", "state=cold,pattern=random,use=touch"])
        .assert()
        .success()
        .stdout(predicate::str::contains("page_touch/cold/random").and(predicate::str::contains("warm").not()));
    pagewise()
        .args(["list", "shared_edit", "--method", "*MS_ASYNC*"])
        .assert()
        .success()
        .stdout(predicate::str::contains("MS_ASYNC").and(predicate::str::contains("fsync").not()));
}

#[test]
fn an_interrupted_run_cleans_up_keeps_what_it_had_and_ends_by_the_signal() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        if is_ignored(signal as i32) {
            skip(Lack::Signals, format!("{signal} is ignored, as in a script's background job, and so by the run"));
            continue;
        }
        let dir = folder();
        let run = start_long_run("private_cow", dir.path());
        wait_for("its record", || fs::read_dir(dir.path().join("out")).is_ok_and(|mut out| out.next().is_some()));
        kill(Pid::from_raw(run.id() as i32), signal).unwrap();
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(signal as i32), "{:?}", output.status);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("interrupted") && stderr.contains("run --resume"), "{stderr}");
        assert!(left_in(dir.path()).is_empty());
        let recorded: Vec<PathBuf> =
            fs::read_dir(dir.path().join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(recorded.len(), 1);
        assert!(load(&recorded[0]).finished.is_none());
    }
}

#[test]
fn workers_of_a_killed_run_die_and_the_next_run_removes_what_it_left() {
    let dir = folder();
    let mut run = start_long_run("fork_ipc", dir.path());
    let mut family = Vec::new();
    // A worker of this area forks a child for each batch.
    wait_for("a worker with a child", || {
        let workers = children_of(run.id());
        family = workers.iter().flat_map(|worker| children_of(*worker as u32)).chain(workers.iter().copied()).collect();
        family.len() > workers.len()
    });
    run.kill().unwrap();
    run.wait().unwrap();
    wait_for("the end of workers and their children", || !family.iter().any(|pid| is_alive(*pid)));
    assert_eq!(left_in(dir.path()).len(), 1, "kill -9 leaves the folder");
    pagewise()
        .args(["run", "--shared", "fork_ipc", "--quick", "--budget", "1s", "--dir"])
        .arg(dir.path())
        .arg("--out")
        .arg(dir.path().join("out"))
        .assert()
        .success();
    assert!(left_in(dir.path()).is_empty(), "the next run removes it");
}

#[test]
fn a_worker_is_not_started_by_hand() {
    pagewise().arg("worker").write_stdin("").assert().code(1).stderr(predicate::str::contains("pagewise run"));
}

#[test]
fn help_names_every_command_and_fits_a_terminal() {
    let assert = pagewise().arg("--help").assert().success();
    let help = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    for command in ["run", "list", "check", "report"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
}
