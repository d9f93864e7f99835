//! What a method must do, and what is inside the clock: the contract.
//!
//! ```text
//! prepare   untimed   bring file, cache, page tables and dirty state to what the scenario names, and prove it
//! enter     timed     what a batch pays once: mmap and madvise, where the state says that they belong inside
//! run(k)    timed     k operations; static dispatch and no allocation, formatting or clock inside
//! leave     timed     what a batch pays once at its end: munmap
//! settle    untimed   prove that the work was done, say what the batch can explain, leave nothing dirty
//! ```

use std::hint::black_box;
use std::ops::RangeInclusive;

use crate::os::SysError;
use crate::os::disk::DiskStat;
use crate::os::pagemap::proportional_set;
use crate::os::usage::Usage;

use super::clock;
use super::drag::Drag;
use super::need::Need;
use super::protocol::Phases;

/// Why a batch does not count.
#[derive(Clone, Debug, PartialEq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Trouble {
    /// This machine cannot do it: the row is `unavailable`.
    #[error("{0}")]
    Unavailable(String),
    /// The state or the work could not be proven this time: the round is dropped, for all methods.
    #[error("{}: {}", .0.code, .0.detail)]
    Unproven(Flaw),
    /// It went wrong: the row is `failed`.
    #[error("{0}")]
    Failed(String),
}

/// A proof that failed: why a round is dropped.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Flaw {
    /// What was not as it should be, without figures: reasons are counted by it.
    pub code: String,
    /// The figures.
    pub detail: String,
}

impl Trouble {
    /// The trouble of a proof that failed.
    pub fn unproven(code: &str, detail: impl Into<String>) -> Self {
        Self::Unproven(Flaw { code: code.to_owned(), detail: detail.into() })
    }
}

impl From<SysError> for Trouble {
    fn from(error: SysError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What is asked of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Operations in the batch.
    pub ops: u64,
    /// Where the batch's random choices come from.
    pub seed: u64,
}

/// What a settled batch says of itself: counts that it can explain, and what it proved.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Operations done, as the method counted them: as many as were asked for, or the batch does not count.
    pub operations: u64,
    /// Minor faults that the case's name allows.
    pub minor_faults: RangeInclusive<u64>,
    /// Major faults that it allows.
    pub major_faults: RangeInclusive<u64>,
    /// Bytes that the device may have read for it; `None` where the case cannot say.
    pub device_read: Option<RangeInclusive<u64>>,
    /// Bytes that the device may have written for it.
    pub device_written: Option<RangeInclusive<u64>>,
    /// Flushes that the device must have been sent for it, at least.
    pub device_flushes: u64,
    /// Whether each batch should move about the same bytes on the device: then one that moves more tells of someone else, however
    /// wide the bounds are.
    pub steady: bool,
    /// Pages that its operations used; 0 where an operation uses none.
    pub pages: u64,
    /// Pages of its file that were dirty when it was over; `None` where the kernel does not tell, or nothing is edited.
    pub dirty_left: Option<u64>,
    /// Checks that passed: of state before, of work after.
    pub checks: u64,
    /// What a second process of the case spent.
    pub peer: Usage,
}

impl Account {
    /// A batch that takes no fault and moves no byte on the device.
    pub fn quiet(operations: u64, pages: u64, checks: u64) -> Self {
        Self {
            operations,
            minor_faults: 0..=0,
            major_faults: 0..=0,
            device_read: Some(0..=0),
            device_written: Some(0..=0),
            device_flushes: 0,
            steady: false,
            pages,
            dirty_left: None,
            checks,
            peer: Usage::default(),
        }
    }

    /// Whether the case does device I/O at all: else nobody looks at the device for it.
    pub fn uses_device(&self) -> bool {
        let some = |range: &Option<RangeInclusive<u64>>| range.as_ref().is_none_or(|range| *range.end() > 0);
        some(&self.device_read) || some(&self.device_written)
    }

    /// Whether the case writes to the device.
    pub fn writes_to_device(&self) -> bool {
        self.device_written.as_ref().is_none_or(|range| *range.end() > 0)
    }
}

impl Default for Account {
    /// That of a batch without operations.
    fn default() -> Self {
        Self::quiet(0, 0, 0)
    }
}

/// One way of doing a scenario's job. See the module for the order of the calls.
///
/// After a call that failed, the method is dropped or prepared again, never continued.
pub trait Method {
    /// Untimed: brings everything to the state that the scenario names, for `draw.ops` operations, and proves it.
    ///
    /// # Errors
    /// [`Trouble`]: the state cannot be had here, cannot be proven now, or a call failed.
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble>;

    /// Timed: what the batch pays once.
    ///
    /// # Errors
    /// The call that failed.
    #[inline(always)]
    fn enter(&mut self) -> Result<(), SysError> {
        Ok(())
    }

    /// Timed: the next `ops` operations of those prepared.
    ///
    /// # Errors
    /// The call that failed.
    fn run(&mut self, ops: u64) -> Result<(), SysError>;

    /// Timed: what the batch pays once at its end.
    ///
    /// # Errors
    /// The call that failed.
    #[inline(always)]
    fn leave(&mut self) -> Result<(), SysError> {
        Ok(())
    }

    /// Untimed: proves that the work was done, and leaves nothing dirty.
    ///
    /// # Errors
    /// [`Trouble`]: the work cannot be proven, or a call failed.
    fn settle(&mut self) -> Result<Account, Trouble>;

    /// A batch is a multiple of so many operations.
    fn grain(&self) -> u64 {
        1
    }

    /// A batch has no more operations than this, whatever the scenario has room for.
    fn most(&self) -> u64 {
        u64::MAX
    }

    /// Whether `run` can do a single operation, so that it has a latency: not where one call does all operations of a grain.
    fn is_stamped(&self) -> bool {
        self.grain() == 1
    }

    /// Operations of a batch of `ops` that use their pages for the first time, where what it pays once, at first and again are to be told apart:
    /// then it has phases.
    fn first_pass(&self, _ops: u64) -> Option<u64> {
        None
    }

    /// What an operation needs at the least, one after the other; nothing where the scenario says it for all methods.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// Once, at the end of a worker: proofs that cost too much for each batch, such as the checksum of the whole file. Returns how many passed.
    ///
    /// # Errors
    /// [`Trouble::Failed`] where one did not.
    fn verify(&mut self) -> Result<u64, Trouble> {
        Ok(0)
    }
}

/// What one batch gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// From the first clock read to the second.
    pub ns: u64,
    /// Counters of the batch, those of a second process included.
    pub usage: Usage,
    /// What the block device did meanwhile, for whomever.
    pub disk: Option<DiskStat>,
    /// Bytes that the process had read from storage since its preparation began: some of it may have ended within the batch.
    pub read_since_preparation: u64,
    /// Faults of NUMA balancing meanwhile, of the whole machine.
    pub hint_faults: u64,
    /// What the case says of it.
    pub account: Account,
}

/// Counters of the machine around a batch.
pub trait Counters {
    /// The device's now; `None` where there is no device to ask.
    fn disk(&mut self) -> Option<DiskStat>;

    /// Faults of NUMA balancing since the machine started.
    fn hint_faults(&mut self) -> u64 {
        0
    }
}

/// No device, and nothing else to count.
#[derive(Clone, Copy, Debug)]
pub struct NoCounters;

impl Counters for NoCounters {
    fn disk(&mut self) -> Option<DiskStat> {
        None
    }
}

/// A method that can be measured, its type forgotten: one dynamic call a batch, outside of the clock.
pub trait Case {
    /// Prepares, times and settles one batch, slowed by `drag`.
    ///
    /// # Errors
    /// As [`Method`].
    fn measure(&mut self, draw: Draw, drag: Drag, counters: &mut dyn Counters) -> Result<Measured, Trouble>;

    /// The latency pass: one batch with a clock read after each operation; appends each operation's time, in ns, to `into`.
    /// `into` is grown before the clock is read first.
    ///
    /// # Errors
    /// As [`Method`].
    fn stamp(&mut self, draw: Draw, into: &mut Vec<u64>) -> Result<(), Trouble>;

    /// One batch with a clock read between its phases; `None` where it has none.
    ///
    /// # Errors
    /// As [`Method`].
    fn phases(&mut self, draw: Draw) -> Result<Option<Phases>, Trouble>;

    /// See [`Method::grain`].
    fn grain(&self) -> u64;

    /// See [`Method::most`].
    fn most(&self) -> u64;

    /// See [`Method::is_stamped`].
    fn is_stamped(&self) -> bool;

    /// See [`Method::needs`].
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// See [`Method::verify`].
    ///
    /// # Errors
    /// As [`Method::verify`].
    fn verify(&mut self) -> Result<u64, Trouble>;
}

/// A case ready to be measured, or why there is none.
pub type Opened = Result<Box<dyn Case>, Trouble>;

impl<M: Method> Case for M {
    fn measure(&mut self, draw: Draw, drag: Drag, counters: &mut dyn Counters) -> Result<Measured, Trouble> {
        let usage_at_first = Usage::now();
        self.prepare(draw)?;
        let hint_faults_before = counters.hint_faults();
        let disk_before = counters.disk();
        let usage_before = Usage::now();
        let start = clock::now();
        let outcome = timed(self, draw.ops);
        let end = drag.end(start);
        let usage_after = Usage::now();
        let disk_after = counters.disk();
        let hint_faults = counters.hint_faults().saturating_sub(hint_faults_before);
        outcome?;
        let account = settled(self, draw.ops)?;
        Ok(Measured {
            ns: end.saturating_sub(start),
            usage: usage_after.since(usage_before).plus(account.peer),
            disk: disk_after.zip(disk_before).map(|(after, before)| after.since(before)),
            read_since_preparation: usage_after.since(usage_at_first).read_bytes + account.peer.read_bytes,
            hint_faults,
            account,
        })
    }

    fn stamp(&mut self, draw: Draw, into: &mut Vec<u64>) -> Result<(), Trouble> {
        self.prepare(draw)?;
        let first = into.len();
        // One more than the operations: the stamps are differences of neighbours. Resized, not reserved, so that its pages are there.
        into.resize(first + draw.ops as usize + 1, 0);
        let outcome = stamped(self, &mut into[first..]);
        if let Err(error) = outcome {
            into.truncate(first);
            return Err(error.into());
        }
        for index in first..into.len() - 1 {
            into[index] = into[index + 1].saturating_sub(into[index]);
        }
        into.pop();
        settled(self, draw.ops).inspect_err(|_| into.truncate(first)).map(drop)
    }

    fn phases(&mut self, draw: Draw) -> Result<Option<Phases>, Trouble> {
        let Some(first) = self.first_pass(draw.ops) else { return Ok(None) };
        self.prepare(draw)?;
        let phases = in_phases(self, first.min(draw.ops), draw.ops)?;
        settled(self, draw.ops).map(|_| Some(phases))
    }

    fn grain(&self) -> u64 {
        Method::grain(self)
    }

    fn most(&self) -> u64 {
        Method::most(self)
    }

    fn is_stamped(&self) -> bool {
        Method::is_stamped(self)
    }

    fn needs(&self) -> Vec<Need> {
        Method::needs(self)
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        Method::verify(self)
    }
}

/// Settles a batch of `asked` operations.
fn settled<M: Method>(method: &mut M, asked: u64) -> Result<Account, Trouble> {
    let account = method.settle()?;
    if account.operations != asked {
        let detail = format!("{} done, {asked} asked for", account.operations);
        return Err(Trouble::unproven("not as many operations were done as asked for", detail));
    }
    Ok(account)
}

/// What the clock encloses. Not inlined, so that the machine code of each method's batch stands in one place to be looked at (`objdump -d`).
///
/// What keeps the compiler from removing or hoisting the work: `black_box` hides which object the method is and how many operations are wanted, so
/// that none can be done before and none be known to be unneeded. The clock is read by opaque calls outside of this function, which may look
/// at anything that has an address: neither can trade places with the other. What a batch does is a system call, a volatile access
/// ([`crate::os::access`]), an atomic, or ends in a field of the method, which `settle` compares with what it should be.
#[inline(never)]
fn timed<M: Method>(method: &mut M, ops: u64) -> Result<(), SysError> {
    method.enter()?;
    black_box(&mut *method).run(black_box(ops))?;
    method.leave()
}

/// As [`timed`], with the clock inside: a latency is the time from stamp to stamp, so that it holds one read of the clock and the store of what it
/// gave, and no second read. What that costs is a floor of each run ([`super::stamp`]).
#[inline(never)]
fn stamped<M: Method>(method: &mut M, stamps: &mut [u64]) -> Result<(), SysError> {
    method.enter()?;
    let mut stamps = stamps.iter_mut();
    if let Some(first) = stamps.next() {
        *first = clock::now();
    }
    for stamp in stamps {
        method.run(1)?;
        *stamp = clock::now();
    }
    method.leave()
}

/// As [`timed`], with a clock read between its phases, and a look at memory before the last.
#[inline(never)]
fn in_phases<M: Method>(method: &mut M, first: u64, ops: u64) -> Result<Phases, SysError> {
    let memory_before = proportional_set();
    let mut ends = [clock::now(); 4];
    method.enter()?;
    ends[1] = clock::now();
    method.run(first)?;
    ends[2] = clock::now();
    if ops > first {
        method.run(ops - first)?;
    }
    ends[3] = clock::now();
    let memory = proportional_set();
    let last = clock::now();
    method.leave()?;
    let leave = clock::now() - last;
    let length = |index: usize| ends[index + 1].saturating_sub(ends[index]);
    Ok(Phases {
        enter: length(0),
        first: length(1),
        first_ops: first,
        again: length(2),
        again_ops: ops - first,
        leave,
        memory: memory.zip(memory_before).map(|(after, before)| after.saturating_sub(before)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes the order in which it is called.
    #[derive(Default)]
    struct Recorder {
        calls: Vec<String>,
        fail_in: &'static str,
        done: u64,
        /// Operations of each `run` that are not done.
        left_out: u64,
        first_pass: Option<u64>,
    }

    impl Recorder {
        fn call(&mut self, name: &str) -> Result<(), SysError> {
            self.calls.push(name.to_owned());
            if self.fail_in == name {
                return Err(SysError::new("test", name, nix::errno::Errno::EIO));
            }
            Ok(())
        }
    }

    impl Method for Recorder {
        fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
            self.done = 0;
            Ok(self.call(&format!("prepare {}", draw.ops))?)
        }
        fn enter(&mut self) -> Result<(), SysError> {
            self.call("enter")
        }
        fn run(&mut self, ops: u64) -> Result<(), SysError> {
            self.done += ops - self.left_out;
            self.call(&format!("run {ops}"))
        }
        fn leave(&mut self) -> Result<(), SysError> {
            self.call("leave")
        }
        fn first_pass(&self, _: u64) -> Option<u64> {
            self.first_pass
        }
        fn settle(&mut self) -> Result<Account, Trouble> {
            self.call("settle")?;
            Ok(Account::quiet(self.done, 0, 1))
        }
    }

    const DRAW: Draw = Draw { ops: 3, seed: 0 };

    #[test]
    fn a_batch_is_prepared_entered_run_left_and_settled_in_that_order() {
        let mut recorder = Recorder::default();
        let measured = recorder.measure(DRAW, Drag::default(), &mut NoCounters).unwrap();
        assert_eq!(recorder.calls, ["prepare 3", "enter", "run 3", "leave", "settle"]);
        assert_eq!(measured.account.checks, 1);
    }

    #[test]
    fn the_latency_pass_runs_one_operation_at_a_time_within_one_entry() {
        let mut recorder = Recorder::default();
        let mut stamps = vec![9];
        recorder.stamp(DRAW, &mut stamps).unwrap();
        assert_eq!(recorder.calls, ["prepare 3", "enter", "run 1", "run 1", "run 1", "leave", "settle"]);
        assert_eq!(stamps.len(), 4, "a stamp an operation, after those that were there");
        assert_eq!(stamps[0], 9);
    }

    #[test]
    fn the_phases_of_a_batch_are_its_entry_its_first_pass_the_others_and_its_end() {
        let mut recorder = Recorder { first_pass: Some(2), ..Recorder::default() };
        let phases = recorder.phases(DRAW).unwrap().unwrap();
        assert_eq!(recorder.calls, ["prepare 3", "enter", "run 2", "run 1", "leave", "settle"]);
        assert_eq!((phases.first_ops, phases.again_ops), (2, 1));
        assert_eq!(Recorder::default().phases(DRAW).unwrap(), None);
    }

    #[test]
    fn a_batch_of_fewer_operations_than_asked_for_does_not_count() {
        let mut lazy = Recorder { left_out: 1, ..Recorder::default() };
        let trouble = lazy.measure(DRAW, Drag::default(), &mut NoCounters).unwrap_err();
        assert!(matches!(&trouble, Trouble::Unproven(flaw) if flaw.detail == "2 done, 3 asked for"), "{trouble}");
        let mut stamps = Vec::new();
        assert!(matches!(lazy.stamp(DRAW, &mut stamps), Err(Trouble::Unproven(_))));
        assert!(stamps.is_empty());
    }

    /// A disk that writes so many bytes, and a kernel that samples once, between any two readings.
    struct Busy(u64, u64);

    impl Counters for Busy {
        fn disk(&mut self) -> Option<DiskStat> {
            self.1 += self.0;
            Some(DiskStat { written_bytes: self.1, ..DiskStat::default() })
        }

        fn hint_faults(&mut self) -> u64 {
            self.1
        }
    }

    #[test]
    fn counters_of_the_machine_are_read_around_the_batch() {
        let measured = Recorder::default().measure(DRAW, Drag::default(), &mut Busy(512, 0)).unwrap();
        assert_eq!(measured.disk.unwrap().written_bytes, 512);
        assert_eq!(measured.hint_faults, 1024);
    }

    #[test]
    fn a_batch_that_failed_is_not_settled_and_leaves_no_stamp() {
        let mut recorder = Recorder { fail_in: "run 1", ..Recorder::default() };
        let mut stamps = Vec::new();
        assert!(matches!(recorder.stamp(DRAW, &mut stamps), Err(Trouble::Failed(_))));
        assert!(stamps.is_empty());
        assert_eq!(recorder.calls, ["prepare 3", "enter", "run 1"]);
    }
}
