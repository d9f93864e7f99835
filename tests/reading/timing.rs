//! A file of the user's, measured by `--file`: it is left as it was, whatever it is, and whatever others do to it meanwhile is told, not measured.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::held;
use crate::skips::{Lack, skip, skip_in};
use assert_cmd::Command;
use nix::sys::stat::Mode;
use pagewise::results::model::{Case, Run, Status};
use pagewise::results::store;
use predicates::prelude::*;
use tempfile::TempDir;

const MIB: usize = 1 << 20;
/// Nothing here takes as long, unless it hangs.
const HANGS: Duration = Duration::from_secs(300);

/// A folder on the disk that the build lies on: the system's temporary folder is often tmpfs.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Bytes of which no page is like another.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A file of these bytes in `dir`, on the disk, last read and written in 2020.
fn file_of(dir: &Path, bytes: &[u8]) -> PathBuf {
    let path = dir.join("mine");
    fs::write(&path, bytes).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.sync_all().unwrap();
    // Where atime is kept as relatime does, it moves once it is a day old (mount(8)).
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_577_836_800_123_456_789);
    file.set_times(FileTimes::new().set_accessed(long_ago).set_modified(long_ago)).unwrap();
    path
}

/// What must not change of a file that is read.
fn marks(path: &Path) -> ([(i64, i64); 3], u64, u64, u32) {
    let found = fs::metadata(path).unwrap();
    let times =
        [(found.atime(), found.atime_nsec()), (found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())];
    (times, found.ino(), found.len(), found.mode())
}

/// `pagewise` with these words and `--file`, which leaves what it records in `out` beside the file.
fn with_file(words: &str, file: &Path) -> Process {
    with_file_by(Path::new(env!("CARGO_BIN_EXE_pagewise")), words, file)
}

fn with_file_by(program: &Path, words: &str, file: &Path) -> Process {
    let dir = file.parent().unwrap();
    let mut command = Process::new(program);
    command
        .args(words.split(' '))
        .args(["--shared", "--file"])
        .arg(file)
        .arg("--dir")
        .arg(dir)
        .arg("--out")
        .arg(dir.join("out"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn end(command: Process) -> Output {
    Command::from_std(command).timeout(HANGS).output().unwrap()
}

/// The run that it left.
#[track_caller]
fn run_of(output: &Output) -> Run {
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // 1 where nothing could be measured, which is what some of these tests are about.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {shown}{said}", output.status);
    store::load(Path::new(shown.lines().last().unwrap())).unwrap()
}

fn cases(run: &Run) -> impl Iterator<Item = (&str, &Case)> {
    run.studies.iter().flat_map(|study| study.cases.iter().map(|case| (study.scenario.id.as_str(), case)))
}

/// All that a row says of what went wrong.
fn told(case: &Case) -> String {
    let dropped = case.proof.reasons.keys().map(String::as_str);
    case.reason.as_deref().into_iter().chain(dropped).collect::<Vec<_>>().join("; ")
}

/// What a command leaves, while `meddle` is done again and again beside it.
fn while_meddled(command: Process, mut meddle: impl FnMut() + Send) -> Output {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                meddle();
            }
        });
        let output = Command::from_std(command).timeout(HANGS).output();
        done.store(true, Ordering::Relaxed);
        output.unwrap()
    })
}

/// Twelve studies, whose tables have 600 to 1200 bytes each: a run that prints to a pipe of 4096 bytes records a few of them, and waits.
const TWELVE: &str = "run page_touch --budget 4s --evict --method mmap --method O_DIRECT --method std::fs::read";

/// The run that [`TWELVE`] leaves if `act` is done in the middle of it: after a study was recorded, and before the last one.
fn run_changed_by(act: impl FnOnce(), file: &Path) -> Run {
    let (mut tables, output) = held::pipe(4096);
    let mut command = with_file(TWELVE, file);
    let mut process = command.stdout(output).stderr(Stdio::null()).spawn().unwrap();
    // Its copy of the pipe would keep it open.
    drop(command);
    let out = file.with_file_name("out");
    let deadline = Instant::now() + HANGS;
    let recorded = || store::load(&fs::read_dir(&out).ok()?.next()?.ok()?.path()).ok();
    while recorded().is_none_or(|run| run.studies.is_empty()) {
        assert!(process.try_wait().unwrap().is_none() && Instant::now() < deadline, "no study is recorded");
        std::thread::sleep(Duration::from_millis(5));
    }
    act();
    let mut shown = String::new();
    tables.read_to_string(&mut shown).unwrap();
    assert!(process.wait().unwrap().success(), "{shown}");
    let run = store::load(Path::new(shown.lines().last().unwrap())).unwrap();
    assert_eq!(run.studies.len(), 12);
    run
}

#[test]
fn a_file_has_its_content_and_all_its_times_after_every_way_of_reading_it() {
    let dir = folder();
    let bytes = content(MIB + 123);
    let file = file_of(dir.path(), &bytes);
    let before = marks(&file);
    let run = run_of(&end(with_file("run page_touch --evict --budget 3s", &file)));
    let states = |state: &str| run.studies.iter().any(|study| study.scenario.state.as_deref() == Some(state));
    assert!(["warm", "mapped", "cold"].into_iter().all(states));
    assert!(cases(&run).any(|(_, case)| case.method == "std::fs::read" && case.status == Status::Ok));
    assert_eq!(marks(&file), before, "atime, mtime, ctime, inode, length, mode");
    for way in ["--state warm --pattern sequential", "--state cold --evict", "--state mapped --pattern zipf"] {
        let words = format!("advise read {way} --budget 1s");
        let output = end(with_file(&words, &file));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("measured, and recorded in"), "{words}: {said}");
        assert_eq!(marks(&file), before, "{words}");
    }
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

/// Who is nobody.
const NOBODY: u32 = 65534;

/// A folder that nobody may write to, with this program in it; none where we are not root, said visibly.
#[track_caller]
fn nobodys() -> Option<(TempDir, PathBuf)> {
    if !nix::unistd::geteuid().is_root() {
        skip(Lack::Root, "only root may run a program as another user");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("pagewise");
    crate::program::copy(env!("CARGO_BIN_EXE_pagewise"), &program);
    std::os::unix::fs::chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    Some((dir, program))
}

#[test]
fn of_a_file_that_is_neither_ours_nor_ours_to_write_no_state_is_claimed() {
    let Some((dir, program)) = nobodys() else { return };
    let file = file_of(dir.path(), &content(MIB));
    for (mode, told_residency) in [(0o444, false), (0o666, true)] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let mut command = with_file_by(&program, "run page_touch --quick --budget 1s", &file);
        command.uid(NOBODY).gid(NOBODY);
        let run = run_of(&end(command));
        assert!(run.studies.len() >= 2);
        for (id, case) in cases(&run).filter(|_| !told_residency) {
            assert_eq!(case.status, Status::Unavailable, "{id} {}: {}", case.method, told(case));
            assert!(told(case).contains("the state cannot be proven"), "{id} {}: {}", case.method, told(case));
        }
        let measured = cases(&run).any(|(_, case)| case.status == Status::Ok);
        assert_eq!(measured, told_residency, "mode {mode:o}");
    }
    assert_eq!(fs::read(&file).unwrap(), content(MIB));
}

#[test]
fn a_file_that_becomes_shorter_gives_no_further_figure_and_says_so() {
    let dir = folder();
    let file = file_of(dir.path(), &content(8 * MIB));
    let shorten = || OpenOptions::new().write(true).open(&file).unwrap().set_len(5000).unwrap();
    let run = run_changed_by(shorten, &file);
    let last = run.studies.last().unwrap();
    for case in &last.cases {
        let words = ["made shorter while it was measured", "past the end of the file", "SIGBUS"];
        assert!(words.iter().any(|word| told(case).contains(word)), "{}: {}", case.method, told(case));
        assert!(case.status == Status::Failed && case.ns_per_op.is_none());
    }
    assert_eq!(fs::metadata(&file).unwrap().len(), 5000);
}

/// A study that ends once its baseline failed, which it does soon after what another does to the file was seen. Its budget is for a
/// machine on which that one gets no turn for long.
const UNTIL_SEEN: &str = "run page_touch --quick --budget 20s --where state=mapped --method mmap";

#[test]
fn a_file_that_shrinks_under_a_mapping_kills_a_worker_and_not_the_run() {
    let dir = folder();
    let bytes = content(8 * MIB);
    let file = file_of(dir.path(), &bytes);
    let (writer, out) = (OpenOptions::new().write(true).open(&file).unwrap(), dir.path().join("out"));
    let run = run_of(&while_meddled(with_file(UNTIL_SEEN, &file), || {
        // Once its length is taken down, half of the time it is short, and half of it whole.
        std::thread::sleep(Duration::from_millis(5));
        if out.exists() {
            writer.set_len(5000).unwrap();
            std::thread::sleep(Duration::from_millis(5));
            writer.write_all_at(&bytes, 0).unwrap();
        }
    }));
    let words = [
        "made shorter",
        "past the end of the file",
        "killed by SIGBUS: a page of a mapped file could not be had",
        "the bytes read are not",
    ];
    let whys: Vec<String> = cases(&run).map(|(_, case)| told(case)).collect();
    assert!(whys.iter().any(|why| words.iter().any(|word| why.contains(word))), "{whys:?}");
}

#[test]
fn a_file_that_another_takes_the_place_of_gives_no_further_figure_and_says_so() {
    let dir = folder();
    let file = file_of(dir.path(), &content(4 * MIB));
    let new = dir.path().join("new");
    fs::write(&new, vec![7; 6 * MIB]).unwrap();
    let replace = || fs::rename(&new, &file).unwrap();
    let run = run_changed_by(replace, &file);
    for case in &run.studies.last().unwrap().cases {
        assert!(case.status == Status::Failed && case.ns_per_op.is_none(), "{}: {}", case.method, told(case));
        assert!(told(case).contains("replaced while it was measured"), "{}: {}", case.method, told(case));
    }
}

#[test]
fn a_file_that_is_written_to_is_not_what_was_read_and_one_that_grows_is() {
    let dir = folder();
    let file = file_of(dir.path(), &content(MIB));
    let writer = OpenOptions::new().write(true).open(&file).unwrap();
    let mut turn = 0_u8;
    let run = run_of(&while_meddled(with_file(UNTIL_SEEN, &file), || {
        turn = turn.wrapping_add(1);
        writer.write_all_at(&vec![turn; MIB], 0).unwrap();
    }));
    // A busy machine may let whole batches pass between two writes: those are of one content, and stand.
    let whys: Vec<String> = cases(&run).map(|(_, case)| told(case)).collect();
    assert!(whys.iter().any(|why| why.contains("the bytes read are not the file's")), "{whys:?}");

    let mut log = OpenOptions::new().append(true).open(&file).unwrap();
    let words = "run page_touch --quick --budget 2s --where state=mapped --method mmap";
    let run = run_of(&while_meddled(with_file(words, &file), || {
        log.write_all(b"a line\n").unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }));
    let bad: Vec<String> = cases(&run).map(|(_, case)| told(case)).collect();
    // Others may use the disk, or the machine; the file is the same all along.
    assert!(!bad.iter().any(|why| why.contains("while it was measured") || why.contains("not the file's")), "{bad:?}");
}

#[test]
fn odd_lengths_and_holes_are_measured_or_said_and_never_taken_for_someone_else_s_reading() {
    let page = pagewise::os::page_size();
    for (kind, bytes, data) in [
        ("3 pages", 3 * page, 3 * page),
        ("5 pages and a part", 5 * page + 100, 5 * page + 100),
        ("a hole", 64 * MIB, 0),
        ("half a hole", 64 * MIB, 32 * MIB),
    ] {
        let dir = folder();
        let file = file_of(dir.path(), &content(data));
        OpenOptions::new().write(true).open(&file).unwrap().set_len(bytes as u64).unwrap();
        let before = marks(&file);
        let output = end(with_file("run page_touch --quick --evict --budget 1s", &file));
        let run = run_of(&output);
        for (id, case) in cases(&run) {
            let why = told(case);
            let nonsense = ["less was read", "fewer device bytes", "more was read", "contradict"];
            assert!(!nonsense.iter().any(|word| why.contains(word)), "{kind}: {id} {}: {why}", case.method);
        }
        assert!(cases(&run).all(|(_, case)| case.status == Status::Ok || case.reason.is_some()), "{kind}");
        assert_eq!(marks(&file), before, "{kind}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.contains("the rest is holes"), kind.contains("hole"), "{kind}: {said}");
    }
}

#[test]
fn what_is_no_file_that_can_be_read_is_one_clear_sentence_and_nothing_is_waited_for() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name);
    nix::unistd::mkfifo(&at("pipe"), Mode::S_IRUSR).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    symlink(at("pipe"), at("to a pipe")).unwrap();
    symlink(at("ring"), at("ring")).unwrap();
    fs::write(at("empty"), b"").unwrap();
    fs::write(at("short"), b"short").unwrap();
    let unnamed = dir.path().join(OsStr::from_bytes(b"\xff\xfe"));
    fs::write(&unnamed, content(8192)).unwrap();
    if let Err(why) = File::create(at("vast")).unwrap().set_len((u64::from(u32::MAX) + 2) * 4096) {
        skip_in(dir.path(), Lack::LargeFiles, why);
        fs::remove_file(at("vast")).unwrap();
    }
    let mut cases = vec![
        (at("pipe"), "not a regular file"),
        (at("to a pipe"), "not a regular file"),
        (at("socket"), "not a regular file"),
        (PathBuf::from("/dev/zero"), "not a regular file"),
        (dir.path().to_owned(), "a folder; name a file in it"),
        (at("dangling"), "name a file that is there"),
        (at("nowhere"), "name a file that is there"),
        (at("ring"), "symbolic links"),
        (at("empty"), "empty; there is nothing to read"),
        (at("short"), "less than a page"),
        (unnamed, "not UTF-8"),
    ];
    cases.extend(at("vast").exists().then(|| (at("vast"), "name a smaller one")));
    let disk = fs::read_dir("/sys/block")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| Path::new("/dev").join(entry.file_name()));
    cases.extend(disk.into_iter().find(|path| path.exists()).map(|path| (path, "not a regular file")));
    for (path, words) in cases {
        for command in [&["run", "page_touch"][..], &["advise", "read"], &["advise", "sync"]] {
            let mut pagewise = Command::new(env!("CARGO_BIN_EXE_pagewise"));
            pagewise.args(command).arg("--file").arg(&path).current_dir(dir.path()).timeout(HANGS);
            let clear = predicate::str::contains("--file ").and(predicate::str::contains(words));
            let calm = predicate::str::contains("panicked")
                .not()
                .and(predicate::function(|said: &str| said.lines().count() == 1));
            pagewise.assert().code(predicate::in_iter([1, 2])).stderr(clear.and(calm)).stdout("");
        }
    }
    assert!(!at("out").exists() && !at("results").exists(), "what did not start leaves nothing");
}

#[test]
fn a_file_that_may_not_be_read_is_said_so() {
    let Some((dir, program)) = nobodys() else { return };
    let file = file_of(dir.path(), &content(8192));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    for words in ["run page_touch", "advise read"] {
        let mut command = with_file_by(&program, words, &file);
        command.uid(NOBODY).gid(NOBODY);
        let output = end(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("name one that you may read"), "{said}");
    }
}

#[test]
fn a_link_is_followed_and_advice_is_given_of_any_length() {
    let dir = folder();
    let page = pagewise::os::page_size();
    let file = file_of(dir.path(), &content(5 * page + 100));
    let link = dir.path().join("link");
    symlink(&file, &link).unwrap();
    let before = marks(&file);
    let output = end(with_file("advise read --state warm --record 512 --budget 4s", &link));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("measured, and recorded in"), "{said}");
    // Whether it stands is for the machine to say; if it does not, why.
    let advised = output.status.success() && String::from_utf8_lossy(&output.stdout).contains("Use ");
    assert!(advised || said.contains("that stands"), "{said}");
    assert_eq!(marks(&file), before);

    let odd = end(with_file("advise read --record 20000", &link));
    assert_eq!(odd.status.code(), Some(2), "{:?}", String::from_utf8_lossy(&odd.stderr));
    assert!(String::from_utf8_lossy(&odd.stderr).contains("a record of 32768 bytes does not fit into a file of"));
}
