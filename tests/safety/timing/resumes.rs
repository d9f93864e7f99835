//! Never a figure that was not measured.

use std::fs;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pagewise::os::process::is_ignored;

use crate::skips::{Lack, skip};
use crate::support::{PAGEWISE, assert_failed_with_a_word, folder, left_in, recorded, start, stderr, wait_for, words};

#[test]
fn a_watch_of_write_back_that_was_interrupted_is_not_recorded_and_is_done_again() {
    if is_ignored(Signal::SIGINT as i32) {
        return skip(Lack::Signals, "SIGINT is ignored");
    }
    let dir = folder();
    let out = dir.path().join("out");
    let run = start(&words("--write-back", dir.path(), &out));
    let watches = || {
        let site = left_in(dir.path()).pop()?;
        fs::read_dir(site)
            .ok()?
            .flatten()
            .any(|file| file.file_name().to_string_lossy().starts_with("edit-"))
            .then_some(())
    };
    wait_for("the run's folder", || recorded(&out).pop());
    wait_for("the watch", watches);
    kill(Pid::from_raw(run.id() as i32), Signal::SIGINT).unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(stderr(&output).contains("--resume"), "{}", stderr(&output));
    let (folder, recorded_run) = recorded(&out).pop().unwrap();
    assert!(recorded_run.finished.is_none() && recorded_run.write_back.is_none());
    let again = start(
        &["run", "--shared", "--resume"]
            .map(str::to_owned)
            .into_iter()
            .chain([folder.display().to_string()])
            .collect::<Vec<_>>(),
    );
    wait_for("the watch again", watches);
    kill(Pid::from_raw(again.id() as i32), Signal::SIGINT).unwrap();
    again.wait_with_output().unwrap();
    let (_, recorded_run) = recorded(&out).pop().unwrap();
    assert!(recorded_run.finished.is_none() && recorded_run.write_back.is_none());
}

#[test]
fn a_run_without_a_figure_ends_with_code_1_and_says_why() {
    let dir = folder();
    let out = dir.path().join("out");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\"", PAGEWISE])
        .args(words("shared_edit --quick --budget 2s", dir.path(), &out))
        .output();
    match output {
        Ok(output) if !stderr(&output).contains("unshare:") && !stderr(&output).contains("mount:") => {
            assert_failed_with_a_word(&output, &["/proc"]);
            assert!(left_in(dir.path()).is_empty() && recorded(&out).is_empty());
        }
        _ => skip(Lack::MountNamespace, "nothing can be mounted"),
    }
}
