//! Whether every method does its job, in every state, order and use: over small files, with the proofs that a run has. What other programs do
//! to the page cache meanwhile could change the outcome.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::catalogue::ask;
use super::methods::METHODS;
use super::point::{Point, State, Use};
use super::trace::Trace;
use crate::areas::dataset::History;
use crate::areas::draw::Pattern;
use crate::engine::drag::Drag;
use crate::engine::method::{Draw, NoCounters, Trouble};
use crate::os::cache;
use crate::os::page_size;
use crate::skips::{Lack, skip_in};

fn plain() -> Point {
    Point {
        file: None,
        bytes: 4 << 20,
        history: History::Write1M,
        state: State::Warm,
        pattern: Pattern::Random,
        job: Use::Sum,
        record: page_size() as u64,
        touched: 128,
        passes: 1,
        threads: 0,
        trace: None,
        wide: true,
    }
}

/// What a method needs that is not available.
fn lacking(method: &str, why: &str) -> Lack {
    if why.contains("keeps its files in memory") {
        return Lack::DiskFiles;
    }
    if why.contains("RLIMIT_MEMLOCK") {
        return Lack::LockedMemory;
    }
    let needs = [
        ("io_uring", Lack::IoUring),
        ("O_DIRECT", Lack::DirectIo),
        ("RWF_DONTCACHE", Lack::DontCache),
        ("RWF_NOWAIT", Lack::NoWait),
        ("MADV_POPULATE", Lack::MadvPopulate),
        ("MADV_HUGEPAGE", Lack::HugePages),
        ("MADV_COLLAPSE", Lack::Collapse),
    ];
    let found = needs.into_iter().find(|(name, _)| method.contains(name));
    found.unwrap_or_else(|| panic!("{method} is not available ({why}), and nothing says what it needs")).1
}

/// Opens each method of the point, takes a batch and stamps one; gives the names of those that could be measured.
#[track_caller]
fn measured(point: &Point, site: &Path) -> Vec<&'static str> {
    for recipe in ask(point).files {
        recipe.build(site).unwrap();
    }
    let ops = point.touched * point.passes;
    let mut done = Vec::new();
    for entry in METHODS.iter().filter(|entry| (entry.fits)(point)) {
        let mut case = match (entry.open)(point, site) {
            Ok(case) => case,
            Err(Trouble::Unavailable(why)) => {
                skip_in(site, lacking(entry.name, &why), format!("{}: {why}", entry.name));
                continue;
            }
            Err(trouble) => panic!("{}: {trouble}", entry.name),
        };
        let failed = |trouble: Trouble| -> ! { panic!("{} of {}: {trouble}", entry.name, ask(point).text) };
        wait_until_cold(point, site);
        match case.measure(Draw { ops, seed: 0 }, Drag::default(), &mut NoCounters) {
            Ok(measured) => assert_eq!(measured.account.operations, ops, "{}", entry.name),
            Err(trouble) => failed(trouble),
        }
        if case.is_stamped() {
            let mut stamps = Vec::new();
            wait_until_cold(point, site);
            case.stamp(Draw { ops, seed: 1 }, &mut stamps).unwrap_or_else(|trouble| failed(trouble));
            assert_eq!(stamps.len() as u64, ops, "{}", entry.name);
        }
        wait_until_cold(point, site);
        let phases = case.phases(Draw { ops, seed: 2 }).unwrap_or_else(|trouble| failed(trouble));
        assert_eq!(phases.map(|phases| phases.first_ops), phases.map(|_| ops / point.passes), "{}", entry.name);
        case.verify().unwrap();
        done.push(entry.name);
    }
    done
}

/// Before a batch that is to find no page cached, waits until none is. Pages that readahead is still bringing in cannot be dropped, and on a
/// busy disk that takes longer than a method waits: a run takes such a round again, a test does not.
fn wait_until_cold(point: &Point, site: &Path) {
    if point.state != State::Cold {
        return;
    }
    let deadline = Instant::now() + Duration::from_secs(300);
    for recipe in ask(point).files {
        let file = File::open(site.join(recipe.name)).unwrap();
        while cache::cached_pages(&file, recipe.bytes).unwrap() > 0 {
            assert!(Instant::now() < deadline, "pages stay in the page cache for five minutes");
            cache::evict(&file).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap()
}

#[test]
fn every_method_reads_what_the_file_holds_in_every_state() {
    for state in [State::Cold, State::Warm, State::Mapped] {
        for pattern in [Pattern::Random, Pattern::Sequential] {
            let dir = folder();
            let history = if state == State::Cold { History::Cold } else { History::Write1M };
            let point = Point { state, pattern, history, touched: 1024, ..plain() };
            if state == State::Cold && crate::os::file::in_memory(&File::open(dir.path()).unwrap()) {
                skip_in(dir.path(), Lack::DiskFiles, "there is no cold state");
                continue;
            }
            let done = measured(&point, dir.path());
            assert!(done.contains(&"pread") && done.contains(&"mmap"), "{state:?} {pattern:?}: {done:?}");
        }
    }
}

#[test]
fn every_order_record_and_use_is_the_same_job_for_both_sides() {
    let page = page_size() as u64;
    let orders = [Pattern::Backward, Pattern::Strided(16), Pattern::Zipf, Pattern::Window(256)];
    let of_orders = orders.map(|pattern| Point { pattern, touched: 64, ..plain() });
    let of_uses = [Use::Touch, Use::Copy, Use::Search].map(|job| Point { job, ..plain() });
    let of_records = [8, 64, 4 * page, 1 << 20].map(|record| Point { record, touched: 4, ..plain() });
    let of_passes = [2, 4].map(|passes| Point { passes, pattern: Pattern::Sequential, touched: 1024, ..plain() });
    for point in of_orders.into_iter().chain(of_uses).chain(of_records).chain(of_passes) {
        let dir = folder();
        let done = measured(&point, dir.path());
        assert!(done.contains(&"pread") && done.contains(&"mmap"), "{point:?}: {done:?}");
    }
}

#[test]
fn threads_share_the_records_of_a_batch() {
    for (state, threads) in [(State::Warm, 1), (State::Warm, 3), (State::Mapped, 2)] {
        let dir = folder();
        let point = Point { state, threads, wide: false, touched: 120, ..plain() };
        assert_eq!(measured(&point, dir.path()), ["pread own fd", "pread shared fd", "mmap shared", "mmap own"]);
    }
}

/// A trace of a file of 4 MiB: reads across pages, at its end, of a part of a word, twice, and of most of a MiB and more.
fn trace(dir: &Path) -> Arc<Trace> {
    let path = dir.join("trace.csv");
    let reads = "offset,length\n0,10\n4090,12\n4194300,4\n100,1500000\n77,1,w\n0,10\n12345,7\n";
    std::fs::write(
        &path,
        reads.to_owned() + &(0..60).map(|read| format!("{},5000\n", read * 65_537)).collect::<String>(),
    )
    .unwrap();
    Arc::new(Trace::load(&path).unwrap())
}

#[test]
fn a_trace_is_replayed_wherever_its_reads_lie() {
    let all = [
        "pread",
        "mmap",
        "pread+FADV_RANDOM",
        "pread+FADV_SEQUENTIAL",
        "pread+FADV_WILLNEED",
        "mmap+MADV_RANDOM",
        "mmap+MADV_SEQUENTIAL",
        "mmap+MADV_WILLNEED",
        "mmap+MAP_POPULATE",
        "mmap+MADV_POPULATE_READ",
        "readahead x32+pread",
        "mmap+MADV_WILLNEED x32",
        "mincore+mmap|pread",
        "preadv2(RWF_NOWAIT)",
        "preadv2(RWF_DONTCACHE)",
        "O_DIRECT",
        "io_uring x1",
        "io_uring x8",
        "io_uring x32",
        "io_uring x32 O_DIRECT",
    ];
    let of_cold_files = |name: &str| name.contains("FADV") || name.contains("O_DIRECT") || name == "mmap+MADV_WILLNEED";
    for state in [State::Cold, State::Warm, State::Mapped] {
        let dir = folder();
        let trace = trace(dir.path());
        let touched = trace.reads.len() as u64;
        let history = if state == State::Cold { History::Cold } else { History::Write1M };
        let point = Point { state, history, trace: Some(trace), touched, wide: false, ..plain() };
        let fits: Vec<&str> = METHODS.iter().filter(|entry| (entry.fits)(&point)).map(|entry| entry.name).collect();
        match state {
            State::Cold => assert_eq!(fits, all),
            State::Warm => assert_eq!(fits, all.into_iter().filter(|name| !of_cold_files(name)).collect::<Vec<_>>()),
            State::Mapped => assert_eq!(
                fits,
                [
                    "pread",
                    "mmap",
                    "mincore+mmap|pread",
                    "preadv2(RWF_NOWAIT)",
                    "io_uring x1",
                    "io_uring x8",
                    "io_uring x32",
                ]
            ),
        }
        if state == State::Cold && crate::os::file::in_memory(&File::open(dir.path()).unwrap()) {
            skip_in(dir.path(), Lack::DiskFiles, "there is no cold state");
            continue;
        }
        let done = measured(&point, dir.path());
        assert!(done.contains(&"pread") && done.contains(&"mmap") && done.contains(&"mincore+mmap|pread"), "{done:?}");
        let text = ask(&point).text;
        assert!(text.contains("The 66 reads in your trace, 1800043 bytes, over a file of 4 MiB"), "{text}");
        assert!(text.contains("one write is left out"), "{text}");
        assert_eq!(ask(&point).bytes_per_op, Some(1_800_043 / 66));
    }
}

#[test]
fn reads_too_long_for_registered_memory_are_a_row_with_a_reason() {
    let dir = folder();
    let reads = vec![(0, 32 << 20).into()];
    let trace = Arc::new(Trace { reads, all: 1, ..Trace::default() });
    let point = Point { trace: Some(trace), touched: 1, bytes: 32 << 20, ..plain() };
    point.recipe().build(dir.path()).unwrap();
    let open = |name| METHODS.iter().find(|entry| entry.name == name).map(|entry| (entry.open)(&point, dir.path()));
    match open("io_uring x32").unwrap() {
        Err(Trouble::Unavailable(why)) => assert!(why.contains("32 registered buffers"), "{why}"),
        other => panic!("{:?}", other.err()),
    }
    // A file that is no longer as large as the reads need is an error, not a signal.
    let shorter = Point { bytes: 16 << 20, ..point.clone() };
    for name in ["pread", "mmap"] {
        let entry = METHODS.iter().find(|entry| entry.name == name).unwrap();
        assert!(matches!((entry.open)(&shorter, dir.path()), Err(Trouble::Failed(_))), "{name}");
    }
}
