//! A run made under some disturbance, and what its rows say.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pagewise::os::cache;
use pagewise::os::disk::{Disk, has_volatile_cache};
use pagewise::results::model::{Case, Run, Status, Study};
use tempfile::TempDir;

use super::skips::{Lack, skip_in};

/// A folder on the disk that the build lies on: the system's temporary folder is often tmpfs.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// `pagewise`, to which a test adds what disturbs it.
pub fn pagewise() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pagewise"))
}

/// The `words` of a `pagewise run` in `dir`, in the shortest time that still takes a worker.
pub fn run_in(dir: &Path, words: &str) -> Vec<String> {
    let place =
        ["--dir".to_owned(), dir.display().to_string(), "--out".to_owned(), dir.join("out").display().to_string()];
    let mut all = vec!["run".to_owned(), "--shared".to_owned()];
    all.extend(words.split(' ').map(str::to_owned));
    if !words.contains("--budget") {
        all.extend(["--budget".to_owned(), "1s".to_owned()]);
    }
    all.extend(place);
    all
}

/// What a run that ended well left, and what it printed.
#[track_caller]
pub fn outcome(command: Command) -> (Run, String) {
    outcome_of(command)
}

/// The same, while `meddle` is done again and again.
pub fn outcome_while(command: Command, meddle: impl FnMut() + Send) -> Run {
    with(meddle, || outcome_of(command).0)
}

/// Does `meddle` again and again until `work` is done.
fn with(mut meddle: impl FnMut() + Send, work: impl FnOnce() -> Run) -> Run {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                meddle();
            }
        });
        let outcome = catch_unwind(AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

#[track_caller]
fn outcome_of(mut command: Command) -> (Run, String) {
    let output = command.output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {shown}{said}", output.status);
    let folder = Path::new(shown.lines().last().unwrap());
    let run: Run = serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap();
    let has_a_figure = run.studies.iter().flat_map(|study| &study.cases).any(|case| case.ns_per_op.is_some());
    assert_eq!(output.status.success(), has_a_figure, "{shown}{said}");
    let report = fs::read_to_string(folder.join("report.html")).unwrap();
    (run, format!("{shown}\n{report}"))
}

/// The row of `method` in the run's only study.
#[track_caller]
pub fn row<'a>(run: &'a Run, method: &str) -> &'a Case {
    let study = only(run);
    study.cases.iter().find(|case| case.method == method).unwrap_or_else(|| panic!("{method} in {:?}", rows(study)))
}

#[track_caller]
pub fn only(run: &Run) -> &Study {
    assert_eq!(run.studies.len(), 1, "one study is asked for");
    &run.studies[0]
}

/// Each row with its status and reason: for messages.
pub fn rows(study: &Study) -> Vec<String> {
    let told = |case: &Case| format!("{}: {:?} {:?} {:?}", case.method, case.status, case.reason, case.proof.reasons);
    study.cases.iter().map(told).collect()
}

/// Whether one of `words` is in a row's reason, or in one of those that its rounds were dropped for: the last may be of someone else's doing.
pub fn tells(case: &Case, words: &[&str]) -> bool {
    let told = case.reason.iter().chain(case.proof.reasons.keys());
    told.into_iter().any(|text| words.iter().any(|word| text.contains(word)))
}

/// That the row failed for what the disturbance did, which one of `words` names, and that it has no figure.
#[track_caller]
pub fn assert_failed(run: &Run, method: &str, words: &[&str]) {
    let case = row(run, method);
    assert!(case.status == Status::Failed && tells(case, words), "none of {words:?} in {:#?}", rows(only(run)));
    assert!(case.ns_per_op.is_none() && case.ratio.is_none() && case.latency.is_none());
}

/// Skips the test unless what it needs is there. Whether it is skipped.
#[track_caller]
fn skipped(unless: bool, dir: &Path, lacks: Lack, why: &str) -> bool {
    if !unless {
        skip_in(dir, lacks, why);
    }
    !unless
}

/// Dirty pages must be told by the kernel, of a file that is written back.
#[track_caller]
pub fn no_cachestat(dir: &Path) -> bool {
    let file = tempfile::tempfile_in(dir).unwrap();
    let told = cache::cachestat(&file, 4096).is_ok();
    no_cold_state(dir) || skipped(told, dir, Lack::Cachestat, "the kernel does not tell what is dirty")
}

/// The filesystem must be on one disk that counts.
#[track_caller]
pub fn no_disk(dir: &Path) -> bool {
    let disk = Disk::of_dir(dir);
    let counts = disk.device.is_ok() && !disk.is_memory;
    skipped(counts, dir, Lack::BlockDevice, "the filesystem is on no single disk that counts")
}

/// That disk must be sent flushes.
#[track_caller]
pub fn no_flushes(dir: &Path) -> bool {
    let device = Disk::of_dir(dir).device;
    let flushed = device.is_ok_and(|device| has_volatile_cache(&device.stat));
    skipped(flushed, dir, Lack::VolatileCache, "the disk is sent no flushes")
}

/// There must be files that can be evicted.
#[track_caller]
pub fn no_cold_state(dir: &Path) -> bool {
    skipped(!Disk::of_dir(dir).is_memory, dir, Lack::DiskFiles, "files are kept in memory: there is no cold state")
}
