//! Two measurements on one machine, as their users meet them: the second waits, gives up or is
//! shared, and the end of the first, however it comes, starts the second.
//!
//! The first one is stopped (SIGSTOP) while the second is looked at: it measures, and cannot end
//! before it is allowed to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::skips::{Lack, skip};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pagewise::os::process::is_ignored;
use pagewise::results::model::Run;
use pagewise::results::store;
use tempfile::TempDir;

/// A folder, and a lock that nobody else uses: other measurements on this machine neither wait for
/// these nor delay them.
struct Place {
    dir: TempDir,
    lock: String,
}

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for folder in ["first", "second"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Self { dir, lock: format!("pagewise-test-{}-{number}", std::process::id()) }
    }

    /// `pagewise` with these words, in the folder of this `name`.
    fn pagewise(&self, name: &str, words: &str) -> Command {
        self.by(Path::new(env!("CARGO_BIN_EXE_pagewise")), name, words)
    }

    fn by(&self, program: &Path, name: &str, words: &str) -> Command {
        let mut command = Command::new(program);
        command.args(words.split(' ')).current_dir(self.dir.path().join(name)).env("PAGEWISE_LOCK_NAME", &self.lock);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A run that measures, and is stopped. It lasts far longer than it takes to stop it.
    fn first(&self) -> First {
        self.first_by(&mut self.pagewise("first", "run --budget 2m --out out"))
    }

    fn first_by(&self, command: &mut Command) -> First {
        let mut first = First(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait_for("the first run's folder", || {
            assert_eq!(first.0.try_wait().unwrap(), None, "it ended before it could be stopped");
            self.run("first").is_some()
        });
        first.signal(Signal::SIGSTOP);
        first
    }

    /// The one run in the folder of this name.
    fn folder(&self, name: &str) -> Option<PathBuf> {
        let mut runs = fs::read_dir(self.dir.path().join(name).join("out")).ok()?;
        Some(runs.next()?.unwrap().path())
    }

    fn run(&self, name: &str) -> Option<Run> {
        store::load(&self.folder(name)?).ok()
    }

    /// Whether the run in this folder says that another one measured at the same time, in the file
    /// and in the report.
    fn tells(&self, name: &str) -> bool {
        let told = self.run(name).unwrap().warnings.iter().filter(|warning| warning.code == "shared").count();
        let report = fs::read_to_string(self.folder(name).unwrap().join("report.html")).unwrap();
        let shown = report.contains("nother pagewise measured at the same time");
        assert!(told <= 1 && shown == (told == 1), "{told} warnings, in the report: {shown}");
        shown
    }
}

/// The first run; killed where a test fails.
struct First(Child);

impl First {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
    }

    /// Ends it as Ctrl-C does. SIGINT itself is ignored where the tests run in the background of a
    /// script.
    fn interrupt(mut self) {
        self.signal(Signal::SIGTERM);
        self.signal(Signal::SIGCONT);
        assert_eq!(self.0.wait().unwrap().signal(), Some(Signal::SIGTERM as i32));
    }
}

impl Drop for First {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that says that it waits for `first`.
struct Waiting {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Waiting {
    fn start(command: &mut Command, first: &First) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let waiting = format!("waiting for another pagewise to finish measuring: process {} of user ", first.0.id());
        assert!(line.contains(&waiting), "{line}");
        assert!(line.contains("(`pagewise run --budget 2m --out out`)"), "{line}");
        assert!(line.contains("--wait TIME") && line.contains("--shared"), "{line}");
        Self { child, stderr }
    }

    /// Its end, and what it said after that it waits.
    fn end(mut self) -> (std::process::ExitStatus, String) {
        let said: Vec<String> = std::io::Read::by_ref(&mut self.stderr).lines().map(Result::unwrap).collect();
        (self.child.wait().unwrap(), said.join("\n"))
    }
}

#[track_caller]
fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(100);
    while !ready() {
        assert!(Instant::now() < deadline, "waited 100 seconds for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn assert_gave_up(output: &Output, first: &First) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("still measuring: process {}", first.0.id())), "{said}");
    assert!(said.contains("--wait") && said.contains("--shared"), "it says what to do: {said}");
}

const SECOND: &str = "run fork_ipc --quick --budget 1s --out out";

#[test]
fn the_second_waits_for_the_end_of_the_first_and_neither_mentions_the_other() {
    let place = Place::new();
    let first = place.first();
    let second = Waiting::start(&mut place.pagewise("second", SECOND), &first);
    assert_eq!(place.folder("second"), None, "it has begun");
    let before = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    first.interrupt();
    let (status, said) = second.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("the other measurement has ended; starting"), "{said}");
    let started: jiff::Timestamp = place.run("second").unwrap().started.parse().unwrap();
    assert!(started >= before, "the wait is not part of the run");
    assert!(!place.tells("first") && !place.tells("second"));
}

#[test]
fn a_first_that_is_killed_is_waited_for_no_longer() {
    let place = Place::new();
    let first = place.first();
    let second = Waiting::start(&mut place.pagewise("second", SECOND), &first);
    first.signal(Signal::SIGKILL);
    let (status, said) = second.end();
    assert!(status.success(), "{said}");
    drop(first);
    assert!(place.run("second").unwrap().finished.is_some());
}

#[test]
fn who_waits_gives_up_after_the_time_that_it_was_given() {
    let place = Place::new();
    let first = place.first();
    for time in ["1s", "0s"] {
        let output = place.pagewise("second", &format!("{SECOND} --wait {time}")).output().unwrap();
        assert_gave_up(&output, &first);
    }
    assert_eq!(fs::read_dir(place.dir.path().join("second")).unwrap().count(), 0, "it left something");
}

#[test]
fn whatever_measures_waits_and_nothing_else_does() {
    let place = Place::new();
    drop(place.first());
    let cut_short = place.folder("first").unwrap();
    fs::rename(&cut_short, place.dir.path().join("cut-short")).unwrap();
    let first = place.first();
    for words in [
        "run --write-back --wait 0s",
        "run --resume ../cut-short --wait 0s",
        "advise sync --wait 0s",
        "advise read --wait 0s",
        "calibrate --wait 0s",
    ] {
        assert_gave_up(&place.pagewise("second", words).output().unwrap(), &first);
    }
    let recorded = place.folder("first").unwrap();
    let recorded = recorded.to_str().unwrap();
    for words in ["list".to_owned(), format!("report {recorded}"), format!("compare {recorded} {recorded}")] {
        let output = place.pagewise("second", &words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("measuring") && !said.contains("waiting"), "{words}: {said}");
    }
}

#[test]
fn a_signal_ends_who_waits_at_once() {
    let place = Place::new();
    let first = place.first();
    // One that is ignored, as by `nohup`, was meant to be.
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    for signal in signals.into_iter().filter(|signal| !is_ignored(*signal as i32)) {
        let second = Waiting::start(&mut place.pagewise("second", SECOND), &first);
        kill(Pid::from_raw(second.child.id() as i32), signal).unwrap();
        let (status, said) = second.end();
        assert_eq!((status.signal(), said.as_str()), (Some(signal as i32), ""));
    }
    assert_eq!(fs::read_dir(place.dir.path().join("second")).unwrap().count(), 0, "it left something");
}

#[test]
fn a_shared_run_does_not_wait_and_both_reports_say_so() {
    let place = Place::new();
    let first = place.first();
    let output = place.pagewise("second", &format!("{SECOND} --shared")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("another pagewise is measuring at the same time; the reports of both say so"), "{said}");
    assert!(place.tells("second"));
    first.interrupt();
    assert!(place.tells("first"));
}

#[test]
fn shared_runs_know_of_each_other_and_who_wants_to_be_alone_waits_for_them() {
    let place = Place::new();
    let first = place.first_by(&mut place.pagewise("first", "run --budget 2m --out out --shared"));
    assert_gave_up(&place.pagewise("second", &format!("{SECOND} --wait 0s")).output().unwrap(), &first);
    let output = place.pagewise("second", &format!("{SECOND} --shared")).output().unwrap();
    assert!(output.status.success());
    assert!(place.tells("second"));
    first.interrupt();
    assert!(place.tells("first"));
}

#[test]
fn a_shared_run_that_is_alone_mentions_nobody() {
    let place = Place::new();
    let output = place.pagewise("second", &format!("{SECOND} --shared")).output().unwrap();
    assert!(output.status.success());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("another pagewise"));
    assert!(!place.tells("second"));
}

#[test]
fn users_wait_for_each_other() {
    if !nix::unistd::geteuid().is_root() {
        skip(Lack::Root, "only root can be two users");
        return;
    }
    const NOBODY: u32 = 65534;
    let place = Place::new();
    // Of root's build folder another user may be able to read nothing.
    let copy = tempfile::tempdir().unwrap();
    fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = copy.path().join("pagewise");
    crate::program::copy(env!("CARGO_BIN_EXE_pagewise"), &program);
    let first = place.first();
    let mut command = place.by(&program, "second", "run fork_ipc --quick --wait 0s");
    let output = command.current_dir(copy.path()).uid(NOBODY).gid(NOBODY).output().unwrap();
    assert_gave_up(&output, &first);
    assert!(String::from_utf8_lossy(&output.stderr).contains("of user root"), "{output:?}");
}
