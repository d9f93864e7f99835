//! What this machine cannot go below: the price of the clock, of entering the kernel, of a fault, of a copy, of a durable write.
//!
//! A case's time as a multiple of its floor tells how much of it is method, and how much machine.

mod memory;
mod storage;
mod time;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::results::model::Floor;
use crate::stats;

/// Rounds taken however short the budget: the 99 % sign interval then lies within the extremes, not on them.
const FEWEST: usize = 15;

/// Rounds after which the interval is narrow enough for a floor.
const MOST: usize = 201;

/// Confidence of each floor's interval.
const CONFIDENCE: f64 = 0.99;

/// Bytes that `page copy` and `page read` work in: the size of a file of `shared_edit`, and more than most processors cache.
const WITHIN: usize = 64 << 20;

/// Faults that a batch of faults may take besides: on the stack, or in code that runs for the first time.
const OTHERS: u64 = 16;

/// Seed of the order within rounds: the same on every machine, since nothing compares one floor with another.
const ORDER: u64 = 1;

/// Something whose least price can be measured.
trait Probe {
    /// The floor's name.
    fn name(&self) -> &'static str;

    /// Measures one batch: ns an operation. `None` where the batch proved not to be what it is called.
    fn batch(&mut self) -> Option<f64>;
}

/// A floor that another part of the house measures: the caller brings it, so that this part need not know that one.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    /// The floor's name.
    pub name: &'static str,
    /// Measures one batch: ns an operation. `None` where that failed.
    pub batch: fn() -> Option<f64>,
}

impl Probe for Other {
    fn name(&self) -> &'static str {
        self.name
    }

    fn batch(&mut self) -> Option<f64> {
        (self.batch)()
    }
}

/// Measures the floors, in ns, with files of its own in `dir`: `clock read` (a pair of reads), `others`, `system call`, `minor fault` (first
/// store to an anonymous page of the base size), `page copy` (4 KiB from one place to another within 64 MiB), `page copy out` (into a reused block), `page read` (every byte summed), `page touch` and `random touch`
/// (a byte a page there), `device read 4 KiB` (past the page cache; `x8` and `x32` with so many in flight), `device read 1 MiB x8`, `durable 4 KiB write`
/// (pwrite and fdatasync on blocks that are written already) and `re-fault` (the first store to a mapped page of a file since its sync).
///
/// Batches of all floors are interleaved, in an order drawn for each round, for about `budget`, but at least 15 rounds and at most 201. Each
/// floor has the median over its rounds and the exact 99 % sign interval. The rounds are of this one process: the interval tells
/// how steady the machine was meanwhile, not how processes differ.
///
/// What cannot be measured here (no memory, `dir` not writable) is left out.
pub fn floors(dir: &Path, budget: Duration, others: &[Other]) -> Vec<Floor> {
    measure(&mut probes(dir, WITHIN, others), budget)
}

/// What can be measured here.
fn probes(dir: &Path, within: usize, others: &[Other]) -> Vec<Box<dyn Probe>> {
    let mut probes: Vec<Box<dyn Probe>> = vec![Box::new(time::ClockRead)];
    probes.extend(others.iter().map(|other| Box::new(*other) as Box<dyn Probe>));
    probes.push(Box::new(time::SystemCall));
    probes.push(Box::new(memory::MinorFault));
    if let Ok(pages) = memory::Pages::new(within) {
        let pages = Rc::new(RefCell::new(pages));
        probes.push(Box::new(memory::PageCopy(pages.clone())));
        if let Ok(copy) = memory::PageCopyOut::new(pages.clone()) {
            probes.push(Box::new(copy));
        }
        probes.push(Box::new(memory::PageRead(pages.clone())));
        probes.push(Box::new(memory::PageTouch::in_order(pages.clone())));
        probes.push(Box::new(memory::PageTouch::at_random(pages)));
    }
    if let Ok(write) = storage::DurableWrite::new(dir) {
        probes.push(Box::new(write));
    }
    if let Ok(file) = storage::read_file(dir) {
        let reads = [&storage::ONE, &storage::EIGHT, &storage::MANY, &storage::STREAM];
        let able = reads.into_iter().filter_map(|how| storage::DeviceRead::new(how, &file).ok());
        probes.extend(able.map(|read| Box::new(read) as Box<dyn Probe>));
    }
    if let Ok(fault) = storage::ReFault::new(dir) {
        probes.push(Box::new(fault));
    }
    probes
}

fn measure(probes: &mut [Box<dyn Probe>], budget: Duration) -> Vec<Floor> {
    let mut order: Vec<usize> = (0..probes.len()).collect();
    let mut draw = ChaCha8Rng::seed_from_u64(ORDER);
    let mut values: Vec<Vec<f64>> = probes.iter().map(|_| Vec::with_capacity(MOST)).collect();
    // The first batch of each pays for code and data that are touched for the first time.
    for probe in probes.iter_mut() {
        let _ = probe.batch();
    }
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < FEWEST || (rounds < MOST && start.elapsed() < budget) {
        order.shuffle(&mut draw);
        for index in &order {
            values[*index].extend(probes[*index].batch());
        }
        rounds += 1;
    }
    probes.iter().zip(&values).filter_map(|(probe, values)| floor(probe.name(), values)).collect()
}

/// The floor that `values` amount to; `None` where too few batches were what they are called.
fn floor(name: &str, values: &[f64]) -> Option<Floor> {
    let estimate = stats::median(values)?;
    let (low, high) = stats::sign_interval(values, CONFIDENCE)?;
    Some(Floor { name: name.to_owned(), unit: "ns".to_owned(), estimate, low, high })
}

/// Runs `batch` under one pair of clock reads: ns an operation, of which it does `operations`.
#[inline(always)]
fn timed(operations: usize, batch: impl FnOnce()) -> f64 {
    let start = Instant::now();
    batch();
    start.elapsed().as_nanos() as f64 / operations as f64
}

#[cfg(test)]
mod timing {
    use super::*;

    /// A probe that counts, in place of a clock.
    struct Counter {
        turns: u32,
        fails: bool,
    }

    impl Probe for Counter {
        fn name(&self) -> &'static str {
            "counter"
        }

        fn batch(&mut self) -> Option<f64> {
            self.turns += 1;
            (!self.fails).then_some(f64::from(self.turns))
        }
    }

    fn counter(fails: bool) -> Vec<Box<dyn Probe>> {
        vec![Box::new(Counter { turns: 0, fails })]
    }

    #[test]
    fn every_floor_of_a_writable_folder_is_measured_and_nothing_is_left_there() {
        let dir = tempfile::tempdir().unwrap();
        let brought = Other { name: "brought along", batch: || Some(7.0) };
        // A mebibyte, since a test's build is slow; the rest is as a user has it.
        let floors = measure(&mut probes(dir.path(), 1 << 20, &[brought]), Duration::ZERO);
        let names: Vec<&str> = floors.iter().map(|floor| floor.name.as_str()).collect();
        // What is kept in memory alone is never written back, and never read from a device.
        let on_disk = |name: &str| name == "re-fault" || name.starts_with("device read");
        let names: Vec<&str> = names.into_iter().filter(|name| !on_disk(name)).collect();
        assert_eq!(
            names,
            [
                "clock read",
                "brought along",
                "system call",
                "minor fault",
                "page copy",
                "page copy out",
                "page read",
                "page touch",
                "random touch",
                "durable 4 KiB write"
            ]
        );
        for floor in &floors {
            assert_eq!(floor.unit, "ns");
            assert!(0.0 < floor.low && floor.low <= floor.estimate && floor.estimate <= floor.high, "{floor:?}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_leaves_out_what_needs_a_file_alone() {
        let names: Vec<&str> = probes(Path::new("/proc"), 1 << 20, &[]).iter().map(|probe| probe.name()).collect();
        assert_eq!(
            names,
            [
                "clock read",
                "system call",
                "minor fault",
                "page copy",
                "page copy out",
                "page read",
                "page touch",
                "random touch"
            ]
        );
    }

    #[test]
    fn no_budget_still_takes_fifteen_rounds_after_one_to_warm_up() {
        // Turns 2 to 16: the median is the ninth turn; the third from each end bounds it at 99 %.
        let floors = measure(&mut counter(false), Duration::ZERO);
        assert_eq!((floors[0].low, floors[0].estimate, floors[0].high), (4.0, 9.0, 14.0));
    }

    #[test]
    fn a_large_budget_stops_when_the_interval_is_narrow_enough() {
        let floors = measure(&mut counter(false), Duration::from_secs(3600));
        assert_eq!(floors[0].estimate, 102.0);
    }

    #[test]
    fn a_probe_whose_batches_are_never_what_they_are_called_gives_no_floor() {
        assert_eq!(measure(&mut counter(true), Duration::ZERO), []);
    }
}
