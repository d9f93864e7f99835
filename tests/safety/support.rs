//! A run that meets a fault, and what is left of it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::processes::children_of;
use pagewise::results::model::Run;
use tempfile::TempDir;

/// A folder on the disk that the build is on.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub const PAGEWISE: &str = env!("CARGO_BIN_EXE_pagewise");

/// The words of a run in `dir` that records in `out`.
pub fn words(words: &str, dir: &Path, out: &Path) -> Vec<String> {
    let mut all: Vec<String> = ["run", "--shared"].map(str::to_owned).to_vec();
    all.extend(words.split_whitespace().map(str::to_owned));
    all.extend(["--dir".to_owned(), dir.display().to_string(), "--out".to_owned(), out.display().to_string()]);
    all
}

/// The shell command `before`, and then pagewise with these words in its place.
pub fn after(before: &str, words: &[String]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before}; exec \"$0\" \"$@\""), PAGEWISE]).args(words);
    command
}

pub fn start(words: &[String]) -> Child {
    Command::new(PAGEWISE).args(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// That it ended by itself with code 1, and said why, without a panic.
#[track_caller]
pub fn assert_failed_with_a_word(output: &Output, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.signal(), None, "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(words.iter().any(|word| said.contains(word)) && !said.contains("panicked"), "{words:?} in {said}");
}

/// Folders of pagewise's in `dir`.
pub fn left_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".pagewise")).collect()
}

/// The runs recorded in `out`.
pub fn recorded(out: &Path) -> Vec<(PathBuf, Run)> {
    let folders = fs::read_dir(out).into_iter().flatten().flatten().map(|entry| entry.path());
    folders
        .filter_map(|folder| {
            let text = fs::read(folder.join("run.json")).ok()?;
            Some((folder, serde_json::from_slice(&text).unwrap()))
        })
        .collect()
}

/// Waits for what must come; five minutes are a hang.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited five minutes for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process runs with this word on its command line: `worker`.
pub fn has_word(pid: i32, word: &str) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
}

/// A worker that measures for a run.
#[track_caller]
pub fn worker_of(run: u32) -> i32 {
    wait_for("a worker", || children_of(run).into_iter().find(|child| has_word(*child, "worker")))
}
