//! Methods whose work did not happen: a libc call that lies, and the row that says what did not happen.

use std::process::Command;

use pagewise::results::model::{Status, Verdict};
use serde_json::Value;

use crate::disk_load;
use crate::interposed;
use crate::support::{
    assert_failed, folder, no_cachestat, no_cold_state, no_disk, no_flushes, only, outcome, pagewise, row, run_in,
};

/// The command, lied to. `None` where no lie can be told.
#[track_caller]
fn lied_to(lie: &str, words: &[String]) -> Option<Command> {
    let library = interposed::library(lie)?;
    let mut command = pagewise();
    command.args(words).env("LD_PRELOAD", library);
    Some(command)
}

/// That a run lied to fails the row for what one of `reasons` names, also while the disk is in use.
#[track_caller]
fn caught(lie: &str, words: &str, method: &str, reasons: &[&str]) {
    disk_load::start();
    let dir = folder();
    let Some(command) = lied_to(lie, &run_in(dir.path(), words)) else { return };
    assert_failed(&outcome(command).0, method, reasons);
}

const DURABLE: &str = "shared_edit --quick --where history=write-4K";
const DIRTY: &[&str] = &["pages are left dirty"];

#[test]
fn an_msync_that_does_not_sync_leaves_pages_dirty() {
    if !no_cachestat(folder().path()) {
        caught("msync", &format!("{DURABLE} --method *msync*"), "mmap+msync(MS_SYNC)", DIRTY);
    }
}

#[test]
fn an_fsync_that_does_not_sync_leaves_pages_dirty() {
    if !no_cachestat(folder().path()) {
        caught("fsync", &format!("{DURABLE} --method *+fsync"), "pwrite+fsync", DIRTY);
    }
}

#[test]
fn an_fdatasync_that_does_not_sync_leaves_pages_dirty() {
    if !no_cachestat(folder().path()) {
        caught("fdatasync", DURABLE, "pwrite+fdatasync", DIRTY);
    }
}

#[test]
fn an_fdatasync_that_does_not_sync_writes_nothing_to_the_device_where_nobody_tells_what_is_dirty() {
    if !no_disk(folder().path()) {
        let reasons = ["fewer device bytes written than the case needs"];
        caught("fdatasync unseen", &format!("{DURABLE} --method pwrite*"), "pwrite+fdatasync", &reasons);
    }
}

#[test]
fn an_fdatasync_that_writes_and_does_not_flush_is_not_durable() {
    let dir = folder();
    if !no_disk(dir.path()) && !no_flushes(dir.path()) {
        let words = format!("{DURABLE} --method pwrite+fdatasync");
        caught("fdatasync without a flush", &words, "pwrite+fdatasync", &["the device was not flushed"]);
    }
}

#[test]
fn a_descriptor_without_its_o_dsync_leaves_pages_dirty() {
    if !no_cachestat(folder().path()) {
        caught("O_DSYNC", &format!("{DURABLE} --method *O_DSYNC*"), "pwrite(O_DSYNC)", DIRTY);
    }
}

#[test]
fn a_flag_that_the_kernel_never_heard_leaves_pages_dirty() {
    if !no_cachestat(folder().path()) {
        caught("RWF_DSYNC", &format!("{DURABLE} --method *RWF_DSYNC*"), "pwritev2(RWF_DSYNC)", DIRTY);
    }
}

#[test]
fn write_out_that_was_not_started_or_not_awaited_is_seen() {
    if no_cachestat(folder().path()) {
        return;
    }
    let of = |guarantee: &str| format!("shared_edit --budget 2s --where guarantee={guarantee} --method mmap*");
    caught("sync_file_range", &of("written"), "mmap+sync_file_range", DIRTY);
    caught("sync_file_range", &of("started"), "mmap+sync_file_range(WRITE)", &["write-out was not started"]);
}

#[test]
fn a_write_that_writes_nothing_does_not_reach_the_file() {
    // Nothing written is nothing durable either, which shows first.
    let reasons = ["an edit did not reach the file", "fewer device bytes written"];
    caught("pwrite", DURABLE, "pwrite+fdatasync", &reasons);
}

#[test]
fn a_store_to_a_mapping_that_is_not_shared_does_not_reach_the_file() {
    let words = format!("{DURABLE} --method mmap*");
    caught("private for shared", &words, "mmap+msync(MS_SYNC)", &["an edit did not reach the file"]);
}

#[test]
fn a_store_to_a_copy_that_is_not_private_reaches_the_file() {
    // On tmpfs nothing is dirty, and the copies of others show it first.
    let reasons =
        ["pages are left dirty", "the file changed under its private copies", "it is not the file with its edits"];
    caught("shared for private", "private_cow --quick --method MAP_PRIVATE+store", "MAP_PRIVATE+store", &reasons);
}

#[test]
fn a_copy_that_was_not_populated_takes_too_few_faults() {
    let method = "MAP_PRIVATE|MAP_POPULATE+store";
    caught("MAP_POPULATE", "private_cow --quick --method *POPULATE*", method, &["minor faults contradict the case"]);
}

const WARM: &str = "page_touch --quick --where state=warm";
/// What a cached file is not read by, unless every method is asked for.
const SWEPT: &str = "page_touch --sweep methods --where state=warm,pattern=random --budget 3s";

#[test]
fn a_mapping_that_was_not_populated_is_not_what_it_is_called() {
    let words = format!("{WARM} --method *POPULATE*");
    caught("MAP_POPULATE", &words, "mmap+MAP_POPULATE", &["not what it is called", "minor faults"]);
}

#[test]
fn advice_that_the_kernel_never_heard_is_found_out() {
    let words = format!("{SWEPT} --method *MADV_RANDOM");
    caught("madvise", &words, "mmap+MADV_RANDOM", &["after madvise(Random) the kernel remembers None"]);
}

#[test]
fn a_mapping_that_was_not_unmapped_is_still_there() {
    caught("munmap", &format!("{WARM} --method mmap"), "mmap", &["the mapping is still there"]);
}

#[test]
fn a_read_that_reads_nothing_gives_other_bytes_than_the_file_s() {
    caught("pread", &format!("{WARM} --method mmap"), "pread", &["the bytes read are not the file's"]);
}

#[test]
fn a_copy_that_is_the_copy_before_is_not_the_file_s() {
    caught("pread again", "private_cow --quick --method read*", "read(reused)", &["the copy is not the file's"]);
}

#[test]
fn a_cold_read_past_the_cache_that_goes_through_it_leaves_pages_there() {
    if !no_cold_state(folder().path()) {
        let words = "page_touch --quick --where state=cold --method O_DIRECT*";
        caught("O_DIRECT", words, "O_DIRECT", &["a read past the page cache left pages in it"]);
    }
}

#[test]
fn a_warm_read_past_the_cache_that_goes_through_it_reads_nothing_from_the_device() {
    if !no_disk(folder().path()) {
        let reasons = ["less was read from the device", "fewer device bytes read"];
        caught("O_DIRECT", &format!("{SWEPT} --method O_DIRECT*"), "O_DIRECT", &reasons);
    }
}

#[test]
fn an_eviction_that_evicts_nothing_leaves_the_file_warm() {
    if !no_cold_state(folder().path()) {
        caught("posix_fadvise", "page_touch --quick --where state=cold", "pread", &["the file is not cold"]);
    }
}

#[test]
fn pages_that_someone_evicts_in_the_middle_of_a_warm_batch_are_read_from_the_device() {
    if !no_disk(folder().path()) {
        let reasons = ["more was read from the device than the case's state allows"];
        caught("an evicting pread", &format!("{WARM} --method mmap"), "pread", &reasons);
    }
}

#[test]
fn pages_that_someone_else_brought_in_are_not_read_by_a_cold_batch() {
    if !no_disk(folder().path()) {
        let words = "page_touch --quick --where state=cold --method mmap";
        let reasons = ["less was read from the device than the case's state asks for"];
        caught("a helped pread", words, "pread", &reasons);
    }
}

/// That a counter of own reads which lies is found out: the rows keep their figures, and say which evidence is missing.
#[track_caller]
fn own_reads_are_not_believed(lie: &str, why: &str) {
    let dir = folder();
    if no_cold_state(dir.path()) {
        return;
    }
    let words = run_in(dir.path(), "page_touch --quick --where state=cold --method mmap");
    let Some(command) = lied_to(lie, &words) else { return };
    let (run, shown) = outcome(command);
    for case in &only(&run).cases {
        assert!(case.status == Status::Ok && case.ns_per_op.is_some(), "{case:?}");
        assert_eq!(case.per_op.unwrap().device_read_bytes, None);
        let missing = case.proof.missing.join(" ");
        assert!(missing.contains("own storage reads") && missing.contains(why), "{missing}");
    }
    assert!(shown.contains("Not verified for all methods: own storage reads"), "{shown}");
}

#[test]
fn a_counter_that_counts_no_read_is_no_evidence_and_the_rows_say_so() {
    own_reads_are_not_believed("no own reads", "bytes from storage counted 0");
}

#[test]
fn a_counter_that_counts_what_was_not_read_is_no_evidence_and_the_rows_say_so() {
    own_reads_are_not_believed("too many own reads", "reading a cached page counts");
}

#[test]
fn faults_that_a_read_cannot_explain_are_not_taken_for_its_own() {
    let reasons = ["minor faults contradict the case"];
    caught("a faulting pread", &format!("{WARM} --method mmap"), "pread", &reasons);
}

#[test]
fn messages_that_no_child_answered_are_no_round_trips() {
    let words = "fork_ipc --quick --where placement=one-core --method pipe";
    caught("pipes that answer themselves", words, "pipe", &["the child did not serve every message"]);
}

#[test]
fn a_clock_of_another_speed_is_found_out_before_the_run() {
    let dir = folder();
    let Some(mut command) = lied_to("a fast clock", &run_in(dir.path(), "private_cow --quick")) else { return };
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("times the speed of the kernel's own clock"), "{said}");
}

#[test]
fn a_hint_that_the_kernel_never_heard_is_found_out() {
    if !no_cold_state(folder().path()) {
        let words = "page_touch --sweep methods --where state=cold,pattern=random --budget 3s --method *MADV_WILLNEED";
        caught("MADV_WILLNEED", words, "mmap+MADV_WILLNEED", &["brought no page into the page cache"]);
    }
}

#[test]
fn messages_that_are_interrupted_or_cut_are_read_on() {
    let dir = folder();
    for method in ["pipe", "socketpair"] {
        let words = run_in(dir.path(), &format!("fork_ipc --quick --where placement=one-core --method {method}"));
        let Some(command) = lied_to("interrupted messages", &words) else { return };
        let (run, _) = outcome(command);
        assert!(only(&run).cases.iter().all(|case| case.ns_per_op.is_some()), "{:?}", only(&run).cases);
    }
}

#[test]
fn a_null_control_that_is_off_takes_the_verdicts_away_and_table_and_report_say_so() {
    let dir = folder();
    // Time for the workers of the first look on a machine that is ten times as slow as an idle one.
    let words = format!("{DURABLE} --method pwrite+fsync --budget 60s");
    let Some(command) = lied_to("a slow null control", &run_in(dir.path(), &words)) else { return };
    let (run, shown) = outcome(command);
    let study = only(&run);
    assert!(study.tainted, "{:?}", study.null_control);
    assert_eq!(row(&run, "pwrite+fsync").ratio.unwrap().verdict, Verdict::Unresolved);
    let told = shown.matches("null control").count();
    assert!(told >= 2, "the table and the report say so: {shown}");
}

/// The claims that fail when checked under a lie.
#[track_caller]
fn failing(lie: &str) -> Option<Vec<String>> {
    let dir = folder();
    let words = ["check", "--format", "json", "--dir", dir.path().to_str().unwrap()].map(str::to_owned);
    let output = lied_to(lie, &words)?.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed = report["claims"].as_array().unwrap().iter().filter(|claim| claim["verdict"] == "fails");
    Some(failed.map(|claim| claim["id"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn claims_that_rest_on_a_call_fail_where_it_lies() {
    let dir = folder();
    if no_cachestat(dir.path()) {
        return;
    }
    let lies: [(&str, &[&str]); 7] = [
        ("msync", &["ms-sync-leaves-none-dirty", "store-after-sync-faults-again"]),
        ("fdatasync", &["fdatasync-covers-mapped-stores"]),
        ("fsync", &["fsync-covers-mapped-stores"]),
        ("O_DSYNC", &["dsync-write-leaves-none-dirty"]),
        ("private for shared", &["store-makes-its-page-dirty", "shared-edit-seen-by-read"]),
        ("shared for private", &["private-store-makes-nothing-dirty", "private-edit-not-seen-by-read"]),
        ("posix_fadvise", &["eviction-empties-the-cache"]),
    ];
    for (lie, claims) in lies {
        let Some(failed) = failing(lie) else { return };
        for claim in claims {
            assert!(
                failed.iter().any(|id| id == claim),
                "{claim} holds under a lying {lie}; those that fail: {failed:?}"
            );
        }
    }
}
