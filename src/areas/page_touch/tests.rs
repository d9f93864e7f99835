//! Whether every method does its job, in every state, order and use: over small files, with the proofs that a run has.

use std::path::Path;

use super::catalogue::ask;
use super::methods::METHODS;
use super::point::{Point, State, Use};
use crate::areas::dataset::History;
use crate::areas::draw::Pattern;
use crate::engine::drag::Drag;
use crate::engine::method::{DiskGauge, Draw, Trouble};
use crate::os::disk::DiskStat;
use crate::os::page_size;

struct NoDisk;

impl DiskGauge for NoDisk {
    fn read(&mut self) -> Option<DiskStat> {
        None
    }
}

fn plain() -> Point {
    Point {
        path: None,
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

/// Opens each method of the point, takes a batch and stamps one; gives the names of those that could be measured.
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
                eprintln!("skipped: {}: {why}", entry.name);
                continue;
            }
            Err(trouble) => panic!("{}: {trouble}", entry.name),
        };
        // Other programs may take pages away: not again and again.
        let taken = (0..5).map(|seed| case.measure(Draw { ops, seed }, Drag::default(), &mut NoDisk));
        let outcome = taken.into_iter().find(|outcome| !matches!(outcome, Err(Trouble::Unproven(_))));
        match outcome {
            Some(Ok(measured)) => assert_eq!(measured.account.operations, ops, "{}", entry.name),
            other => panic!("{} of {}: {other:?}", entry.name, ask(point).text),
        }
        if case.is_stamped() {
            let mut stamps = Vec::new();
            let stamped = (0..5).any(|seed| case.stamp(Draw { ops, seed }, &mut stamps).is_ok());
            assert!(stamped && stamps.len() as u64 == ops, "{}: {} stamps", entry.name, stamps.len());
        }
        let phases = (0..5).find_map(|seed| case.phases(Draw { ops, seed }).ok()).flatten();
        assert_eq!(phases.map(|phases| phases.first_ops), phases.map(|_| ops / point.passes), "{}", entry.name);
        case.verify().unwrap();
        done.push(entry.name);
    }
    done
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
            if state == State::Cold && crate::os::file::in_memory(&std::fs::File::open(dir.path()).unwrap()) {
                eprintln!("skipped: this filesystem keeps its files in memory");
                continue;
            }
            let done = measured(&point, dir.path());
            assert!(
                done.len() >= 8 && done.contains(&"pread") && done.contains(&"mmap"),
                "{state:?} {pattern:?}: {done:?}"
            );
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

#[test]
fn a_trace_is_replayed_wherever_its_reads_lie() {
    let dir = folder();
    let trace = dir.path().join("trace.csv");
    std::fs::write(&trace, "offset,length\n0,10\n4090,12\n4194300,4\n100,70000\n77,1,w\n0,10\n").unwrap();
    for state in [State::Warm, State::Mapped] {
        let point = Point { state, trace: Some(trace.clone()), touched: 5, wide: false, ..plain() };
        let done = measured(&point, dir.path());
        assert!(done.contains(&"pread") && done.contains(&"mmap"), "{done:?}");
        std::fs::remove_file(dir.path().join("touch")).unwrap();
        std::fs::remove_file(dir.path().join("touch-own")).unwrap();
    }
}
