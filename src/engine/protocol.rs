//! What a parent asks of a worker, and what the worker answers: JSON, one object each way.
//!
//! A worker answers once, when it is done: a message in the middle would wake the parent beside a batch. What it is at
//! when it dies is read from a shared page (see [`super::worker::InFlight`]).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::drag::Drag;
use super::method::Flaw;
use super::need::Need;
use crate::results::model::Disturbed;

/// What the parent asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The parent's process id: the worker dies with it.
    pub parent: i32,
    /// The folder with the study's files: the one that the worker works in.
    pub site: PathBuf,
    /// `/sys/block/<name>/stat` of the disk below it, where there is one.
    pub disk_stat: Option<PathBuf>,
    /// Whether the process's own count of storage reads is evidence there ([`crate::os::own_reads`]).
    pub own_reads: bool,
    /// What the catalogue was made from, so that the worker makes the same one.
    pub catalogue: serde_json::Value,
    /// The scenario's id.
    pub scenario: String,
    /// The methods to open. An index in a task is a place in this list.
    pub methods: Vec<Asked>,
    /// What to do with them.
    pub task: Task,
}

/// A method that a worker is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its name in the catalogue.
    pub method: String,
    /// By how much it is slowed.
    pub drag: Drag,
}

/// What a worker is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task {
    /// Find out which methods can be opened, and how long a batch of each takes.
    Calibrate(Size),
    /// Measure rounds.
    Rounds {
        /// Operations a batch.
        k: u64,
        /// Rounds whose proofs must hold.
        wanted: usize,
        /// Each round's order, by index; those beyond `wanted` are for rounds that have to be taken again.
        orders: Vec<Vec<usize>>,
        /// Each round's seed.
        seeds: Vec<u64>,
    },
    /// Stamp single operations.
    Latency {
        /// Operations a batch.
        k: u64,
        /// At most this many operations a method.
        operations: u64,
        /// At most this long a method, in ns.
        limit_ns: u64,
        /// Where the batches' seeds start.
        seed: u64,
    },
}

/// How many operations a batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// The scenario says.
    Fixed(u64),
    /// As many as the baseline (the first method) does in `target_ns`, at most `most`.
    Lasting {
        /// How long a batch of the baseline should last.
        target_ns: u64,
        /// The most that the scenario has room for.
        most: u64,
    },
}

/// What a worker answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What became of each method, in the order's order.
    pub methods: Vec<Standing>,
    /// Operations a batch: as calibrated, or as asked.
    pub k: u64,
    /// Calibration: the most operations that a batch may have.
    pub most: u64,
    /// How long the task took, beside opening the methods and verifying them, in ns.
    pub task_ns: u64,
    /// The batches, in the order measured.
    pub batches: Vec<Batch>,
    /// The idle windows, one after each round that wrote to the device.
    pub idle: Vec<Idle>,
    /// Each method's stamped operations, in ns.
    pub stamps: Vec<Vec<u64>>,
    /// Each method's batches taken phase by phase; none where it has no phases.
    pub phases: Vec<Vec<Phases>>,
}

/// A batch, phase by phase, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// What it pays once, before its operations: mmap and madvise.
    pub enter: u64,
    /// The operations that use their pages for the first time.
    pub first: u64,
    /// How many.
    pub first_ops: u64,
    /// Those that use them again.
    pub again: u64,
    /// How many.
    pub again_ops: u64,
    /// What it pays once, after its operations: munmap.
    pub leave: u64,
    /// Memory that the process came to use meanwhile, its part of what it shares with others, in bytes; where the kernel shows it.
    pub memory: Option<u64>,
}

/// What became of a method in a worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// This machine cannot do it.
    pub unavailable: Option<String>,
    /// It went wrong.
    pub failed: Option<String>,
    /// Why an operation cannot be stamped.
    pub no_stamps: Option<String>,
    /// What an operation needs at the least.
    pub needs: Vec<Need>,
    /// Calibration: a whole batch with its preparation and settling, in ns.
    pub batch_cost_ns: u64,
    /// Checks at the worker's end that passed.
    pub checks: u64,
}

/// What a disk did in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskCounts {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
    /// Flushes, where the kernel counts them.
    pub flushes: Option<u64>,
}

/// A window in which the suite used the disk for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// The round before it.
    pub round: u32,
    /// How long it was.
    pub ns: u64,
    /// Bytes that the disk wrote.
    pub written: u64,
    /// Flushes that it was sent, where they are counted.
    pub flushes: Option<u64>,
}

/// One batch, on the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Whose.
    pub method: usize,
    /// The round within the worker.
    pub round: u32,
    /// The place within the round.
    pub position: u32,
    /// How long; 0 where the batch did not run.
    pub ns: u64,
    /// Faults without I/O.
    pub minor_faults: u64,
    /// Faults with I/O.
    pub major_faults: u64,
    /// Times the processor was given up.
    pub voluntary_switches: u64,
    /// User time, in ns.
    pub user_ns: u64,
    /// Kernel time, in ns.
    pub system_ns: u64,
    /// Bytes that the process itself had read from storage; `None` where its counter is no evidence.
    pub own_read: Option<u64>,
    /// What the block device did meanwhile, for whomever; `None` where the case does no device I/O.
    pub disk: Option<DiskCounts>,
    /// Whether the case writes to the device.
    pub writes: bool,
    /// Flushes that it must have been sent.
    pub flushes_needed: u64,
    /// Whether every batch of the case should move about the same bytes.
    pub steady: bool,
    /// What else happened on the machine.
    pub disturbed: Disturbed,
    /// Pages used.
    pub pages: u64,
    /// Dirty pages that it left, where that is known.
    pub dirty_left: Option<u64>,
    /// Checks that passed.
    pub checks: u64,
    /// Why the round does not count.
    pub flaw: Option<Flaw>,
}
