//! `pagewise run page_touch --trace` as a user meets it: what it says of a trace, what it leaves, and what it says of one that is none.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use pagewise::results::model::{Run, Status};
use predicates::prelude::*;
use tempfile::TempDir;

/// On the disk that the build lies on.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Of a trace of this text, with two files in it and a write.
const LOG: &str = "fio version 3 iolog\n20 /data/f1 add\n24 /data/f2 add\n127 /data/f1 open\n134 /data/f1 read 122880 4096\n419 /data/f2 open\n\
                   420 /data/f2 read 1552384 4096\n499 /data/f1 read 1765376 4096\n556 /data/f2 write 983040 4096\n570 /data/f1 read 839680 100\n";

fn replay(dir: &Path, trace: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewise"));
    command.args(["run", "--shared", "page_touch", "--budget", "3s", "--trace"]).arg(trace);
    command.arg("--dir").arg(dir).arg("--out").arg(dir.join("out"));
    command
}

#[test]
fn a_trace_is_replayed_by_each_method_in_each_state() {
    let dir = folder();
    let trace = dir.path().join("fio.log");
    fs::write(&trace, LOG).unwrap();
    let assert = replay(dir.path(), &trace).assert().success();
    let said = predicate::str::contains("replayed: 3 reads of /data/f1, over a file of 1.7 MiB")
        .and(predicate::str::contains("left out: 1 read of another file, 1 write, 4 other lines"));
    let assert = assert.stderr(said);
    let stdout = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let run_folder = Path::new(stdout.lines().last().unwrap());
    let run: Run = serde_json::from_slice(&fs::read(run_folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(run.request.unwrap().trace, Some(trace.to_str().unwrap().to_owned()));
    let states: Vec<_> = run.studies.iter().map(|study| study.scenario.state.as_deref().unwrap()).collect();
    assert_eq!(states, ["warm", "mapped", "cold"]);
    for (study, rows) in run.studies.iter().zip([14, 7, 20]) {
        let question = &study.scenario.question;
        assert!(question.contains("The 3 reads of /data/f1 in your trace, 8292 bytes"), "{question}");
        assert!(question.contains("one write is left out"), "{question}");
        assert_eq!(study.cases.len(), rows, "{question}");
        for case in &study.cases {
            assert_eq!(case.bytes_per_op, Some(2764));
            // Other programs may use the disk; but no worker dies.
            let reason = case.reason.as_deref().unwrap_or_default();
            assert!(case.status != Status::Failed || !reason.contains("worker"), "{}: {reason}", case.method);
        }
    }
}

#[test]
fn what_cannot_be_replayed_is_one_clear_sentence() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name);
    let cases: [(&str, &[u8], &str); 9] = [
        ("empty", b"", "there is no read in it"),
        ("writes", b"0,10,w\n", "there is no read in it (writes: 1, other lines: 0)"),
        ("binary", b"\x7fELF\xff\x00", "not text, from byte 4 on"),
        ("negative", b"0,10\n-4096,10\n", "line 2: offset -4096 lies in no file"),
        ("huge", b"0,99999999999999999999999\n", "line 1: a length of 99999999999999999999999 bytes"),
        ("endless", b"0,9999999999999999999999999999999999999999999999\n", "is no whole number"),
        ("cut", b"fio version 2 iolog\n/f add\n/f read 40", "line 3: it is cut short"),
        ("other", b"fio version 4 iolog\n", "version 4 of fio's iolog is not known"),
        // As far as a file could reach: no disk here has the room.
        ("far", b"0,4096\n17592186044416,10\n", "its farthest read ends at 16.0 TiB"),
    ];
    for (name, text, said) in cases {
        fs::write(path(name), text).unwrap();
        let begins = predicate::str::contains("pagewise: --trace").and(predicate::str::contains(said));
        replay(dir.path(), &path(name)).assert().code(1).stderr(begins);
    }
    replay(dir.path(), &path("missing")).assert().code(1).stderr(predicate::str::contains("No such file"));
    replay(dir.path(), dir.path()).assert().code(1).stderr(predicate::str::contains("a folder; name the trace in it"));
    replay(dir.path(), Path::new("/dev/zero")).assert().code(1).stderr(predicate::str::contains("not a regular file"));
    assert!(!path("out").exists());
}
