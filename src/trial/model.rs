//! What a trial leaves behind: format `pagewise/trial/v1` (docs/FORMAT.md).

use serde::{Deserialize, Serialize};

use crate::results::model::{Dir, Machine, Program, Scenario, Study, Warning};

/// The name of this format.
pub const SCHEMA: &str = "pagewise/trial/v1";

/// What was tried, when and where: `trial.json`. Its tries lie beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// [`SCHEMA`].
    pub schema: String,
    /// The folder's name.
    pub id: String,
    /// What the user called it.
    pub label: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// When it ended; `null` while it runs, and for ever where it was stopped.
    pub finished: Option<String>,
    /// The program that made it.
    pub pagewise: Program,
    /// The command as typed.
    pub command: Vec<String>,
    /// Where every random choice comes from.
    pub seed: u64,
    /// Where the files lay.
    pub dir: Dir,
    /// The machine.
    pub machine: Machine,
    /// What skews the figures here.
    pub warnings: Vec<Warning>,
    /// What loaded the other cores meanwhile; `null` for nothing of ours.
    pub neighbour: Option<String>,
    /// What was tried.
    pub subjects: Vec<Subject>,
    /// Studies of each subject that were asked for.
    pub studies: u32,
    /// Pairs of blocks of each subject that were asked for.
    pub blocks: u32,
}

/// A method that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// What its time goes into, or its scenario's id.
    pub name: String,
    /// The question.
    pub scenario: Scenario,
    /// The method.
    pub method: String,
    /// Ratios within 1 ± this are equal.
    pub margin: f64,
    /// Whether a device is the bound.
    pub device_bound: bool,
    /// By how much it was slowed, in thousandths of its own time.
    pub injected: Vec<u32>,
    /// The time that a study may take, in ns.
    pub study_ns: u64,
}

/// One try: a line of `tries.jsonl.gz`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Try {
    /// A study of the method under several names.
    Study {
        /// Whose: an index of [`Trial::subjects`].
        subject: usize,
        /// How long it took, in ns.
        elapsed_ns: u64,
        /// What it came to, as in format v1.
        study: Box<Study>,
    },
    /// One block of batches of a method, then another of the same, in one process.
    Blocks {
        /// Whose.
        subject: usize,
        /// Operations a batch.
        k: u64,
        /// Batches of the first block, in ns, in the order measured.
        first: Vec<u64>,
        /// Batches of the second.
        second: Vec<u64>,
    },
}

/// What another harness said of the same identical methods in the same hour: `criterion.json`, made by `scripts/beside-criterion`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// Its benchmarks, by subject.
    pub subjects: Vec<CriterionSubject>,
}

/// One benchmark, run again and again, each time against the run before as its baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriterionSubject {
    /// As in [`Subject::name`].
    pub subject: String,
    /// The benchmark.
    pub benchmark: String,
    /// Each comparison's verdict: `improved`, `regressed`, `within noise`, `no change`.
    pub verdicts: Vec<String>,
    /// Each comparison's estimate of the change, as a ratio.
    pub changes: Vec<f64>,
}
