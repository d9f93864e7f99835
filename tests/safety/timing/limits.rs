//! Limits and full disks: the parent says a sentence and ends with code 1.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use pagewise::results::model::Run;

use crate::group::Group;
use crate::skips::{Lack, skip};
use crate::small::Small;
use crate::support::{
    PAGEWISE, after, assert_failed_with_a_word, folder, left_in, recorded, start, stderr, wait_for, words, worker_of,
};

#[test]
fn a_limit_of_file_sizes_is_said_and_kills_nobody() {
    for limit in [0, 8, 100] {
        let dir = folder();
        let output =
            after(&format!("ulimit -f {limit}"), &words("--quick --budget 2s", dir.path(), &dir.path().join("out")))
                .output()
                .unwrap();
        assert_failed_with_a_word(&output, &["EFBIG", "File too large"]);
        assert!(left_in(dir.path()).is_empty());
    }
}

#[test]
fn a_limit_of_descriptors_leaves_a_sentence() {
    let dir = folder();
    let output =
        after("ulimit -n 10", &words("--quick --budget 2s", dir.path(), &dir.path().join("out"))).output().unwrap();
    assert_failed_with_a_word(&output, &["EMFILE", "Too many open files"]);
    assert!(left_in(dir.path()).is_empty());
}

#[test]
fn a_full_output_is_no_panic() {
    let dir = folder();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let words = words("private_cow --quick --budget 1s", dir.path(), &dir.path().join("out"));
    let status = Command::new(PAGEWISE).args(&words).stdout(full()).stderr(full()).status().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{status:?}");
    let status = Command::new(PAGEWISE).arg("list").stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(left_in(dir.path()).is_empty());
}

#[test]
fn little_memory_kills_workers_and_not_the_run() {
    let group = match Group::with_little_memory() {
        Ok(group) => group,
        Err(why) => return skip(Lack::MemoryCgroup, why),
    };
    let dir = folder();
    let enter = format!("echo $$ > '{}/cgroup.procs'", group.path().display());
    let output = after(&enter, &words("--quick --budget 8s", dir.path(), &dir.path().join("out"))).output().unwrap();
    let said = stderr(&output);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {said}", output.status);
    let (_, run) = recorded(&dir.path().join("out")).pop().expect(&said);
    assert!(run.finished.is_some());
    assert!(left_in(dir.path()).is_empty(), "{said}");
}

#[test]
fn a_disk_that_fills_up_under_a_run_leaves_a_sentence_and_what_was_measured() {
    for kind in ["ext4", "btrfs"] {
        let Some(small) = Small::make(kind, 256) else { continue };
        let out = small.beside();
        let run = start(&words("shared_edit --quick --budget 12s", small.path(), &out));
        worker_of(run.id());
        let filler = fs::File::create(small.path().join("filler")).unwrap();
        // Again and again, whatever the run gives back meanwhile.
        let id = run.id();
        let done = thread::scope(|scope| {
            let waiting = scope.spawn(|| run.wait_with_output().unwrap());
            let mut len = 0;
            while !waiting.is_finished() {
                if nix::fcntl::posix_fallocate(&filler, len, 1 << 20).is_ok() {
                    len += 1 << 20;
                } else {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            waiting.join().unwrap()
        });
        let said = stderr(&done);
        assert!(matches!(done.status.code(), Some(0 | 1)), "{id} {kind}: {:?}: {said}", done.status);
        assert!(!said.contains("panicked"), "{said}");
        if let Some((_, run)) = recorded(&out).pop() {
            assert!(
                run.studies
                    .iter()
                    .flat_map(|study| &study.cases)
                    .all(|case| case.reason.is_some() || case.ns_per_op.is_some())
            );
        }
        assert!(left_in(small.path()).is_empty(), "{kind}: {said}");
    }
}

#[test]
fn where_results_cannot_be_written_any_more_the_run_goes_on_elsewhere_and_says_where() {
    let Some(small) = Small::make("ext4", 16) else { return };
    let dir = folder();
    let out = small.path().join("out");
    let run = start(&words("private_cow fork_ipc --quick --budget 6s", dir.path(), &out));
    wait_for("the run's folder", || recorded(&out).pop());
    // Full to the last block.
    let mut filler = fs::File::create(small.path().join("filler")).unwrap();
    while filler.write(&[1; 4096]).is_ok_and(|count| count > 0) {}
    let output = run.wait_with_output().unwrap();
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    let elsewhere = said.split("The run goes on in ").nth(1).and_then(|rest| rest.split(": move").next());
    let elsewhere = PathBuf::from(elsewhere.unwrap_or_else(|| panic!("{said}")));
    let run: Run = serde_json::from_slice(&fs::read(elsewhere.join("run.json")).unwrap()).unwrap();
    assert!(run.finished.is_some() && run.studies.len() == 3);
    fs::remove_dir_all(elsewhere.parent().unwrap()).unwrap();
}
