//! What a fresh process does with its part of a study: opens the methods, measures, answers.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use crate::os::disk::{DiskStat, StatReader, has_volatile_cache};
use crate::os::file;
use crate::os::map::SharedWords;

use super::clock;
use super::drag::Drag;
use super::interference::{self, HintFaults, Interference};
use super::method::{Case, Counters, Draw, Measured, Opened, Trouble};
use super::protocol::{Answer, Batch, DiskCounts, Idle, Order, Phases, Size, Standing, Task};
use super::validity;

/// A page shared with the parent that says which method the worker is at: a store, not a message, so that nobody wakes.
#[derive(Debug)]
pub struct InFlight {
    words: Option<SharedWords>,
}

impl InFlight {
    /// Parent's side: the index that a worker was at when it ended. `order` is the file that was
    /// its standard input.
    pub fn read(order: &File) -> Option<usize> {
        let mut word = [0; 4];
        file::read_at(order, &mut word, 0).ok()?;
        let word = u32::from_ne_bytes(word);
        (word > 0).then(|| word as usize - 1)
    }

    /// Worker's side: maps the first page of its standard input. Without it a death is told without
    /// its method.
    fn open() -> Self {
        let order = io::stdin().as_fd().try_clone_to_owned().map(File::from).ok();
        Self { words: order.and_then(|order| SharedWords::of_file(&order, 1).ok()) }
    }

    fn at(&self, method: Option<usize>) {
        if let Some(words) = &self.words {
            let value = method.map_or(0, |index| index as u32 + 1);
            words.word(0).store(value, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

/// This machine's counters: the disk's, where there is a disk, and NUMA balancing's, where it is on.
#[derive(Debug)]
pub struct Machine {
    stat: Option<StatReader>,
    /// Whether the disk is sent flushes at all: one without a volatile cache is not, and has told of none, not of zero.
    flushed: bool,
    hint_faults: HintFaults,
}

impl Machine {
    /// With the disk whose counters are at `stat`.
    pub fn with_disk(stat: Option<&Path>) -> Self {
        Self {
            stat: stat.and_then(|path| StatReader::open(path).ok()),
            flushed: stat.is_some_and(has_volatile_cache),
            hint_faults: HintFaults::at(Path::new("/")),
        }
    }
}

impl Counters for Machine {
    fn disk(&mut self) -> Option<DiskStat> {
        let seen = self.stat.as_ref()?.read().ok()?;
        Some(DiskStat { flushes: seen.flushes.filter(|_| self.flushed), ..seen })
    }

    fn hint_faults(&mut self) -> u64 {
        self.hint_faults.count()
    }
}

/// Opens a method by its name.
pub type Opener<'a> = dyn Fn(&str) -> Opened + 'a;

/// Does what `order` asks.
pub fn serve(order: &Order, open: &Opener<'_>) -> Answer {
    let in_flight = InFlight::open();
    let mut bench = Bench {
        machine: Machine::with_disk(order.disk_stat.as_deref()),
        own_reads: order.own_reads,
        answer: Answer { methods: vec![Standing::default(); order.methods.len()], ..Answer::default() },
        cases: Vec::with_capacity(order.methods.len()),
        drags: order.methods.iter().map(|asked| asked.drag).collect(),
        in_flight,
    };
    for (index, asked) in order.methods.iter().enumerate() {
        bench.open(index, &asked.method, open);
    }
    bench.warm_up();
    let begin = clock::now();
    match &order.task {
        Task::Calibrate(size) => bench.calibrate(*size),
        Task::Rounds { k, wanted, orders, seeds } => bench.rounds(*k, *wanted, orders, seeds),
        Task::Latency { k, operations, limit_ns, seed } => bench.latency(*k, *operations, *limit_ns, *seed),
    }
    bench.answer.task_ns = clock::now() - begin;
    bench.verify();
    bench.close();
    bench.answer
}

/// After a dropped round, wait this long for what broke its state (another's eviction or sync) to end.
const AFTER_A_DROPPED_ROUND: Duration = Duration::from_millis(20);
/// Tries before a state that cannot be proven is a failure, in calibration.
const TRIES: u64 = 3;
/// Batches that are taken phase by phase.
const PHASED: u64 = 5;
/// A batch that costs less than this is worth a second look.
const SHORT_BATCH_NS: u64 = 50_000_000;

struct Bench {
    machine: Machine,
    /// Whether own storage reads are evidence.
    own_reads: bool,
    answer: Answer,
    cases: Vec<Option<Box<dyn Case>>>,
    drags: Vec<Drag>,
    in_flight: InFlight,
}

impl Bench {
    fn open(&mut self, index: usize, name: &str, open: &Opener<'_>) {
        self.in_flight.at(Some(index));
        let case = open(name).map_err(|trouble| self.stand(index, trouble)).ok();
        self.answer.methods[index].needs = case.as_ref().map_or_else(Vec::new, |case| case.needs());
        self.cases.push(case);
    }

    /// Notes why a method takes no further part.
    fn stand(&mut self, index: usize, trouble: Trouble) {
        let standing = &mut self.answer.methods[index];
        match trouble {
            Trouble::Unavailable(reason) => standing.unavailable = Some(reason),
            Trouble::Failed(reason) => standing.failed = Some(reason),
            Trouble::Unproven(flaw) => standing.failed = Some(format!("{}: {}", flaw.code, flaw.detail)),
        }
    }

    fn drop_case(&mut self, index: usize, trouble: Trouble) {
        self.stand(index, trouble);
        self.cases[index] = None;
    }

    fn measure(&mut self, index: usize, draw: Draw) -> Option<Result<Measured, Trouble>> {
        self.in_flight.at(Some(index));
        let case = self.cases[index].as_mut()?;
        Some(case.measure(draw, self.drags[index], &mut self.machine))
    }

    /// The smallest batch of each method, not counted: the first use of a page of code is a minor fault that is not the method's.
    fn warm_up(&mut self) {
        for index in 0..self.cases.len() {
            let ops = self.cases[index].as_ref().map_or(1, |case| case.grain());
            if let Some(Err(trouble)) = self.measure(index, Draw { ops, seed: 0 })
                && !matches!(trouble, Trouble::Unproven(_))
            {
                self.drop_case(index, trouble);
            }
        }
    }

    fn calibrate(&mut self, size: Size) {
        let grain = self.cases.iter().flatten().map(|case| case.grain()).max().unwrap_or(1);
        (self.answer.k, self.answer.most) = match size {
            Size::Fixed(k) => (k, k),
            Size::Lasting { target_ns, most } => {
                let most = self.cases.iter().flatten().map(|case| case.most()).fold(most, u64::min);
                (self.find_k(target_ns, most, grain), most)
            }
        };
        for index in 0..self.cases.len() {
            self.answer.methods[index].batch_cost_ns = self.batch_cost(index).unwrap_or(0);
        }
    }

    /// The operations that the first method does in `target_ns`: doubled until a batch lasts a quarter of that, then in proportion.
    /// The fastest of three batches counts, since one may wait for what the file's making left to the device.
    fn find_k(&mut self, target_ns: u64, most: u64, grain: u64) -> u64 {
        let ceiling = (most / grain).max(1) * grain;
        let mut k = grain;
        while let Some(ns) = (0..3).map_while(|_| self.calibration_batch(0, k)).min() {
            if k >= ceiling || ns >= target_ns / 4 {
                let wanted = (k as f64 * target_ns as f64 / ns.max(1) as f64) as u64;
                return (wanted / grain * grain).clamp(grain, ceiling);
            }
            k = (k * 2).min(ceiling);
        }
        grain
    }

    /// What a batch costs with all that is around it: of short ones, the least of three.
    fn batch_cost(&mut self, index: usize) -> Option<u64> {
        let mut least = u64::MAX;
        for _ in 0..3 {
            let begin = clock::now();
            if self.calibration_batch(index, self.answer.k)? == 0 {
                self.drop_case(index, no_time(self.answer.k));
                return None;
            }
            least = least.min(clock::now() - begin);
            if least > SHORT_BATCH_NS {
                break;
            }
        }
        Some(least)
    }

    fn calibration_batch(&mut self, index: usize, ops: u64) -> Option<u64> {
        for attempt in 0..TRIES {
            match self.measure(index, Draw { ops, seed: attempt })? {
                Ok(measured) => return Some(measured.ns),
                Err(Trouble::Unproven(_)) if attempt + 1 < TRIES => {}
                Err(trouble) => {
                    self.drop_case(index, trouble);
                    return None;
                }
            }
        }
        None
    }

    /// Takes rounds until `wanted` of them hold, or there are no more orders.
    fn rounds(&mut self, k: u64, wanted: usize, orders: &[Vec<usize>], seeds: &[u64]) {
        self.answer.k = k;
        self.answer.batches.reserve_exact(orders.iter().map(Vec::len).sum());
        let mut held = 0;
        let mut interference = Interference::here();
        for (round, (order, seed)) in orders.iter().zip(seeds).enumerate() {
            if held == wanted {
                break;
            }
            let first = self.answer.batches.len();
            interference.begin();
            for (position, index) in order.iter().enumerate() {
                let Some(outcome) = self.measure(*index, draw_of(k, *seed, position)) else { continue };
                interference.visit();
                let place =
                    Batch { method: *index, round: round as u32, position: position as u32, ..Batch::default() };
                match outcome {
                    Ok(measured) if measured.ns == 0 => self.drop_case(*index, no_time(k)),
                    Ok(measured) => self.answer.batches.push(on_the_wire(&place, &measured, self.own_reads)),
                    Err(Trouble::Unproven(flaw)) => self.answer.batches.push(Batch { flaw: Some(flaw), ..place }),
                    Err(trouble) => self.drop_case(*index, trouble),
                }
            }
            let disturbed = interference.end();
            let batches = &mut self.answer.batches[first..];
            batches.iter_mut().for_each(|batch| batch.disturbed |= disturbed);
            let all_hold = batches.iter().all(|batch| batch.flaw.is_none());
            let longest = batches.iter().filter(|batch| batch.writes).map(|batch| batch.ns).max();
            if let Some(idle) = longest.and_then(|ns| self.idle(round as u32, Duration::from_nanos(ns))) {
                self.answer.idle.push(idle);
            }
            if all_hold {
                held += 1;
            } else {
                std::thread::sleep(AFTER_A_DROPPED_ROUND);
            }
        }
    }

    /// Leaves the disk alone for about `length`, and sees what it does for others.
    fn idle(&mut self, round: u32, length: Duration) -> Option<Idle> {
        let before = self.machine.disk()?;
        let begin = clock::now();
        std::thread::sleep(length);
        let ns = clock::now() - begin;
        let seen = self.machine.disk()?.since(before);
        Some(Idle { round, ns, written: seen.written_bytes, flushes: seen.flushes })
    }

    fn latency(&mut self, k: u64, operations: u64, limit_ns: u64, seed: u64) {
        self.answer.k = k;
        let slow_clock = interference::slow_clock(Path::new("/"));
        for index in 0..self.cases.len() {
            let mut stamps = Vec::with_capacity((operations + k) as usize);
            self.in_flight.at(Some(index));
            let phases = self.phases(index, k, limit_ns / 4, seed);
            self.answer.phases.push(phases);
            if slow_clock.is_some() {
                self.answer.methods[index].no_stamps = slow_clock.clone();
            } else if let Err(trouble) = self.stamp_until(index, k, operations, limit_ns, seed, &mut stamps) {
                self.drop_case(index, trouble);
            }
            self.answer.stamps.push(stamps);
        }
    }

    /// A few batches, phase by phase; those whose proofs fail do not count.
    fn phases(&mut self, index: usize, k: u64, limit_ns: u64, seed: u64) -> Vec<Phases> {
        let Some(case) = self.cases[index].as_mut() else { return Vec::new() };
        let begin = clock::now();
        let mut taken = Vec::new();
        for batch in 0..PHASED {
            match case.phases(Draw { ops: k, seed: seed + batch }) {
                Ok(Some(phases)) => taken.push(phases),
                Ok(None) => break,
                Err(_) => {}
            }
            if clock::now() - begin >= limit_ns {
                break;
            }
        }
        taken
    }

    fn stamp_until(
        &mut self,
        index: usize,
        k: u64,
        operations: u64,
        limit_ns: u64,
        seed: u64,
        into: &mut Vec<u64>,
    ) -> Result<(), Trouble> {
        let Some(case) = self.cases[index].as_mut() else { return Ok(()) };
        if !case.is_stamped() {
            self.answer.methods[index].no_stamps = Some(match case.grain() {
                1 => "several operations are in flight at once: they have no latency of their own".to_owned(),
                together => format!("one call does {together} operations: they have no latency of their own"),
            });
            return Ok(());
        }
        let begin = clock::now();
        for batch in 0.. {
            match case.stamp(Draw { ops: k, seed: seed + batch }, into) {
                Ok(()) | Err(Trouble::Unproven(_)) => {}
                Err(trouble) => return Err(trouble),
            }
            if into.len() as u64 >= operations || clock::now() - begin >= limit_ns {
                break;
            }
        }
        into.truncate(operations as usize);
        Ok(())
    }

    /// Lets go of the methods one by one: one that dies of it is the one that did.
    fn close(&mut self) {
        for index in 0..self.cases.len() {
            self.in_flight.at(Some(index));
            self.cases[index] = None;
        }
        self.in_flight.at(None);
    }

    fn verify(&mut self) {
        for index in 0..self.cases.len() {
            self.in_flight.at(Some(index));
            match self.cases[index].as_mut().map(|case| case.verify()) {
                Some(Ok(checks)) => self.answer.methods[index].checks = checks,
                Some(Err(trouble)) => self.drop_case(index, trouble),
                None => {}
            }
        }
    }
}

/// A batch as long as the study's that took no time was not done, or the clock stands still: neither gives a ratio, in this round or another.
fn no_time(ops: u64) -> Trouble {
    Trouble::Failed(format!("a batch took no time (operations: {ops}): nothing was done, or the clock stood still"))
}

/// Each batch has a draw of its own. Were it the round's, the first method would bring the pages into the processor's caches for those after
/// it: batches of a millisecond ran 40 % faster in the last place than in the first.
fn draw_of(ops: u64, round_seed: u64, position: usize) -> Draw {
    // Weyl's sequence by the golden ratio: far apart, whatever the round's seed.
    Draw { ops, seed: round_seed.wrapping_add((position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)) }
}

fn on_the_wire(place: &Batch, measured: &Measured, own_reads: bool) -> Batch {
    let account = &measured.account;
    Batch {
        ns: measured.ns,
        minor_faults: measured.usage.minor_faults,
        major_faults: measured.usage.major_faults,
        voluntary_switches: measured.usage.voluntary_switches,
        user_ns: measured.usage.user_ns,
        system_ns: measured.usage.system_ns,
        own_read: own_reads.then_some(measured.usage.read_bytes),
        disk: measured.disk.filter(|_| account.uses_device()).map(|disk| DiskCounts {
            read: disk.read_bytes,
            written: disk.written_bytes,
            flushes: disk.flushes,
        }),
        writes: account.writes_to_device(),
        flushes_needed: account.device_flushes,
        steady: account.steady,
        disturbed: interference::seen_in(measured),
        pages: account.pages,
        dirty_left: account.dirty_left,
        checks: account.checks,
        flaw: validity::flaw(measured, own_reads),
        method: place.method,
        round: place.round,
        position: place.position,
    }
}
