//! Nothing hangs: what does not answer is given up, and a signal is always heard.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::skips::{Lack, skip};
use crate::small::Small;
use crate::support::{folder, left_in, recorded, start, stderr, wait_for, words, worker_of};

#[test]
fn a_worker_that_is_stopped_is_killed_at_its_limit() {
    let dir = folder();
    let out = dir.path().join("out");
    let run = start(&words("private_cow --quick --budget 4s --worker-limit 3s", dir.path(), &out));
    // One that is just ending is not met.
    wait_for("a worker to be stopped", || kill(Pid::from_raw(worker_of(run.id())), Signal::SIGSTOP).ok());
    let output = run.wait_with_output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    assert!(left_in(dir.path()).is_empty());
    assert!(recorded(&out).pop().is_some_and(|(_, run)| run.finished.is_some()));
}

#[test]
fn a_signal_is_heard_while_the_disk_does_not_answer() {
    let Some(small) = Small::make("ext4", 256) else { return };
    if !Path::new("/sbin/fsfreeze").exists() && !Path::new("/usr/sbin/fsfreeze").exists() {
        return skip(Lack::Fsfreeze, "there is no fsfreeze");
    }
    let out = small.beside();
    let run = start(&words("shared_edit --quick --budget 120s", small.path(), &out));
    worker_of(run.id());
    small.freeze();
    // SIGINT is ignored in the background of a script.
    kill(Pid::from_raw(run.id() as i32), Signal::SIGTERM).unwrap();
    let output = run.wait_with_output().unwrap();
    let said = stderr(&output);
    small.thaw();
    assert!(said.contains("--resume"), "{said}");
    // What it could not remove, the next run does.
    let next = start(&words("fork_ipc --quick --budget 1s", small.path(), &out)).wait_with_output().unwrap();
    assert!(next.status.success(), "{}", stderr(&next));
    wait_for("the left-over's end", || left_in(small.path()).is_empty().then_some(()));
}
