//! What a study takes down as it goes: each method's fate, each worker's batches, and why it stopped.

use super::need::Need;
use super::plan::Plan;
use super::protocol::{Batch, Idle, Phases};

/// Why a study stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Every comparison had its verdict at a look.
    Decided,
    /// The last look was taken.
    Looks,
    /// Its time was up.
    Budget,
    /// The user asked.
    Interrupted,
    /// The baseline could not be measured.
    Failed,
}

impl Stop {
    /// As in format v1.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Looks => "looks",
            Self::Budget => "budget",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// What became of a method so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Measured.
    In,
    /// Not possible here.
    Unavailable(String),
    /// Went wrong.
    Failed(String),
}

/// All that a study took down, methods by their index in the plan; the null control is one past the last.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// What became of each method.
    pub fates: Vec<Fate>,
    /// Operations a batch.
    pub k: u64,
    /// Every finished worker's batches.
    pub workers: Vec<Vec<Batch>>,
    /// Every finished worker's idle windows.
    pub idle: Vec<Vec<Idle>>,
    /// Checks at workers' ends, a method each.
    pub checks: Vec<u64>,
    /// Stamped operations, a method each, in ns.
    pub stamps: Vec<Vec<u64>>,
    /// Why there are none.
    pub no_stamps: Vec<Option<String>>,
    /// Batches taken phase by phase, a method each.
    pub phases: Vec<Vec<Phases>>,
    /// What an operation needs at the least, a method each.
    pub needs: Vec<Vec<Need>>,
    /// Worker counts at which to look.
    pub looks: Vec<usize>,
    /// Rounds a worker.
    pub rounds: usize,
    /// Comparisons, the null control among them.
    pub comparisons: usize,
    /// The seed of the orders.
    pub seed: u64,
    /// Why it stopped.
    pub stop: Stop,
}

impl Ledger {
    /// Nothing taken down yet.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        let count = plan.methods.len();
        Self {
            fates: vec![Fate::In; count],
            k: 0,
            workers: Vec::new(),
            idle: Vec::new(),
            checks: vec![0; count],
            stamps: vec![Vec::new(); count],
            phases: vec![Vec::new(); count],
            no_stamps: vec![None; count],
            needs: vec![plan.needs.clone(); count],
            looks: Vec::new(),
            rounds: 0,
            comparisons: 0,
            seed,
            stop: Stop::Failed,
        }
    }

    /// Workers at the last look that was reached.
    pub fn workers_used(&self) -> usize {
        self.looks.iter().copied().filter(|look| *look <= self.workers.len()).max().unwrap_or(0)
    }
}
