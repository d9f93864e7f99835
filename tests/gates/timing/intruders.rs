//! Someone else at work on the same files or the same disk: the test itself, which is another process than the one that measures.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::libc::O_DIRECT;
use pagewise::results::model::{Disturbed, Run, Status};

use crate::support::{folder, no_cold_state, no_disk, only, outcome_while, pagewise, rows, run_in, tells};

/// The large files that a run in `dir` works on.
fn files_of_a_run(dir: &Path) -> Vec<PathBuf> {
    let below =
        |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    let folders =
        below(dir).into_iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".pagewise-"));
    folders
        .flat_map(|folder| below(&folder))
        .filter(|path| path.metadata().is_ok_and(|file| file.len() >= 1 << 20))
        .collect()
}

/// What came of a run with these words in `dir`, while `meddle` is done again and again.
fn run_while(dir: &Path, words: &str, meddle: impl FnMut() + Send) -> Run {
    let mut command = pagewise();
    command.args(run_in(dir, words));
    outcome_while(command, meddle)
}

/// That someone was noticed: a row failed, or rounds were dropped, for what one of `words` names.
#[track_caller]
fn assert_noticed(run: &Run, words: &[&str]) {
    let study = only(run);
    assert!(study.cases.iter().any(|case| tells(case, words)), "none of {words:?} in {:#?}", rows(study));
}

/// Each file of the run, opened for reading.
fn each_file(dir: &Path, mut act: impl FnMut(&File)) {
    for path in files_of_a_run(dir) {
        // It may be gone by now.
        if let Ok(file) = File::open(path) {
            act(&file);
        }
    }
}

#[test]
fn a_warm_file_that_another_process_evicts_gives_no_figure() {
    let dir = folder();
    if no_cold_state(dir.path()) {
        return;
    }
    let run = run_while(dir.path(), "page_touch --quick --where state=warm", || {
        each_file(dir.path(), |file| {
            let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        });
    });
    assert_noticed(&run, &["the file is not warm", "the history write-1M cannot be had"]);
    for case in &only(&run).cases {
        assert!(case.status != Status::Ok && case.ns_per_op.is_none(), "{:#?}", rows(only(&run)));
    }
}

#[test]
fn a_cold_file_that_another_process_reads_is_not_cold() {
    let dir = folder();
    if no_cold_state(dir.path()) {
        return;
    }
    let mut page = vec![0; 1 << 20];
    let run = run_while(dir.path(), "page_touch --quick --where state=cold --method mmap --budget 5s", || {
        each_file(dir.path(), |file| {
            for at in (0..file.metadata().map_or(0, |found| found.len())).step_by(page.len()) {
                let _ = file.read_at(&mut page, at);
            }
        });
    });
    assert_noticed(&run, &["the file is not cold", "less was read from the device", "device bytes read"]);
}

/// A file of another program's on the same disk, to be read and written past the page cache.
fn neighbours_file(dir: &Path) -> File {
    let path = dir.join("neighbour");
    fs::write(&path, vec![1; 32 << 20]).unwrap();
    File::open(&path).unwrap().sync_all().unwrap();
    OpenOptions::new().read(true).write(true).custom_flags(O_DIRECT).open(path).unwrap()
}

const MIB: usize = 1 << 20;

/// Room for a MiB at an address that O_DIRECT takes.
struct Room(Vec<u8>);

impl Room {
    fn new() -> Self {
        Self(vec![1; 2 * MIB])
    }

    fn bytes(&mut self) -> &mut [u8] {
        let first = self.0.as_ptr().align_offset(MIB);
        &mut self.0[first..first + MIB]
    }
}

/// That every row has its figures, though others used the disk.
#[track_caller]
fn assert_measured(run: &Run) {
    let study = only(run);
    for case in &study.cases {
        assert!(case.status == Status::Ok && case.ns_per_op.is_some(), "{:#?}", rows(study));
        assert_eq!(case.ratio.is_some(), case.method != study.baseline, "{}", case.method);
        assert_eq!(case.proof.dropped_rounds, 0, "{:#?}", rows(study));
    }
}

/// Batches in which `kind` was counted, of all rows.
fn counted(run: &Run, kind: Disturbed) -> usize {
    let batches = only(run).cases.iter().flat_map(|case| &case.batches.disturbed);
    batches.filter(|batch| batch.any_of(kind)).count()
}

#[test]
fn reads_of_another_program_on_the_same_disk_are_counted_and_fail_no_cold_row() {
    let dir = folder();
    if no_disk(dir.path()) {
        return;
    }
    let (file, mut room, mut turn) = (neighbours_file(dir.path()), Room::new(), 0);
    let run = run_while(dir.path(), "page_touch --quick --where state=cold --method mmap --budget 2s", || {
        file.read_exact_at(room.bytes(), (turn % 32) * MIB as u64).unwrap();
        turn += 1;
    });
    assert_measured(&run);
    assert!(counted(&run, Disturbed::READS) > 0, "{:#?}", only(&run));
    // The process's own counter has nothing of what others read.
    let page = run.machine.page_size;
    for case in &only(&run).cases {
        let read = case.per_op.unwrap().device_read_bytes.unwrap();
        assert!(read >= f64::from(page), "{}: {read}", case.method);
    }
}

#[test]
fn writes_of_another_program_on_the_same_disk_are_counted_and_fail_no_durable_row() {
    let dir = folder();
    if no_disk(dir.path()) {
        return;
    }
    let (file, mut room, mut turn) = (neighbours_file(dir.path()), Room::new(), 0);
    let words = "shared_edit --quick --where history=write-4K --method mmap* --budget 2s";
    let run = run_while(dir.path(), words, || {
        file.write_all_at(room.bytes(), (turn % 32) * MIB as u64).unwrap();
        turn += 1;
    });
    assert_measured(&run);
    let idle = only(&run).idle.as_ref().expect("idle windows");
    let foreign = idle.device_written.iter().filter(|bytes| **bytes > 0).count();
    assert!(foreign > 0 || counted(&run, Disturbed::WRITES) > 0, "{:#?}", only(&run));
    for case in &only(&run).cases {
        let written = &case.device_ranges.as_ref().expect("a range").written;
        assert!(written.low <= written.high, "{written:?}");
        assert_eq!(case.per_op.unwrap().device_write_bytes.is_none(), written.reason.is_some(), "{written:?}");
    }
}
