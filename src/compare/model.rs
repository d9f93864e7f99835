//! What a comparison consists of, as it is printed as JSON (docs/FORMAT.md, `pagewise/compare/v1`). Times in ns; unknown is `null`.

use serde::Serialize;

use super::gate::{Gate, GateWord};
use super::likeness::Difference;
use crate::results::model::Profile;
use crate::stats::{Verdict, rank_shift};

/// The name of this format.
pub const SCHEMA: &str = "pagewise/compare/v1";

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// The time of an operation.
    #[default]
    Time,
    /// Its ratio to the scenario's baseline in the same run, which a machine that is slow as a whole does not move.
    Ratio,
}

/// Side B held against side A.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// [`SCHEMA`].
    pub schema: String,
    /// What is compared.
    pub of: Of,
    /// With which all verdicts hold together.
    pub confidence: f64,
    /// Cases that have a value on both sides.
    pub comparisons: usize,
    /// Of each interval: 1 − (1 − `confidence`)/`comparisons`.
    pub confidence_each: f64,
    /// Runs a side without which no case has an interval; `null` if more than can be compared.
    pub runs_needed: Option<usize>,
    /// The same, if a single case were compared.
    pub runs_needed_for_one: Option<usize>,
    /// The first side.
    pub a: Side,
    /// The other.
    pub b: Side,
    /// What speaks against taking the figures as they are.
    pub warnings: Vec<Warning>,
    /// In what the runs' machines differ.
    pub differences: Vec<Difference>,
    /// Every case of every run.
    pub cases: Vec<Case>,
    /// Over the cases that all runs of both sides finished.
    pub means: Vec<Mean>,
    /// Methods against each other.
    pub rankings: Vec<Ranking>,
    /// What became of the gate; `null` if there was none.
    pub gate: Option<Gate>,
}

impl Compared {
    /// Whether any case has runs enough for a verdict.
    pub fn has_intervals(&self) -> bool {
        self.cases.iter().any(|case| case.low.is_some())
    }
}

/// Runs that are taken together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// In the order given.
    pub runs: Vec<Recorded>,
}

/// A run of a side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Where it was read from.
    pub path: String,
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: String,
    /// Whether it ended.
    pub finished: bool,
    /// How much was asked for.
    pub profile: Profile,
    /// The pagewise that made it.
    pub version: String,
    /// The commit that this was built from.
    pub commit: Option<String>,
}

/// Something that skews the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// A short stable name: `unfinished`.
    pub code: &'static str,
    /// What is so, and what to do about it.
    pub text: String,
}

/// On which side a case was measured at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In runs of both.
    Both,
    /// No run of B has it.
    OnlyA,
    /// No run of A has it.
    OnlyB,
}

/// A scenario done by a method, on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// `shared_edit`, …
    pub area: String,
    /// The scenario's id.
    pub scenario: String,
    /// Its cache state.
    pub state: Option<String>,
    /// What a finished operation promises.
    pub guarantee: Option<String>,
    /// The method.
    pub method: String,
    /// Where it was measured.
    pub place: Place,
    /// Of side A.
    pub a: Figures,
    /// Of side B.
    pub b: Figures,
    /// B over A: the median of all ratios of a run of B to a run of A.
    pub ratio: Option<f64>,
    /// The lower end of its interval; `null` with too few runs.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// How likely at most, if nothing differed, evidence as strong as this is.
    pub p: Option<f64>,
    /// The ratio within 1 ± this is `equal`: the least margin of its studies.
    pub margin: f64,
    /// What the interval says; `null` where there is none.
    pub verdict: Option<Verdict>,
    /// What the gate says; `null` where there is none.
    pub gate: Option<GateWord>,
}

/// A side's values of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// One a run that has one, in the order of the runs: ns an operation, or the ratio to the baseline.
    pub values: Vec<f64>,
    /// Their median.
    pub median: Option<f64>,
    /// Runs without a value.
    pub missing: Vec<Missing>,
}

/// Why a run has no value of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The run's id.
    pub run: String,
    /// `failed`, `unavailable`, `absent`, or `tainted`: the null control of its study was off.
    pub status: &'static str,
    /// In a sentence.
    pub reason: String,
}

impl Figures {
    /// Whether each of the side's `runs` has a value.
    pub fn is_whole(&self, runs: usize) -> bool {
        self.values.len() == runs
    }
}

impl Case {
    /// Whether there is anything to compare.
    pub fn is_in_both(&self) -> bool {
        !self.a.values.is_empty() && !self.b.values.is_empty()
    }

    /// Compares the sides' values at this confidence.
    pub(super) fn judge(&mut self, confidence: f64) {
        let logs = |figures: &Figures| figures.values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
        let Some(shift) = rank_shift(&logs(&self.a), &logs(&self.b), confidence) else { return };
        let interval = shift.interval.map(|(low, high)| (low.exp(), high.exp()));
        self.ratio = Some(shift.estimate.exp());
        (self.low, self.high) = interval.unzip();
        self.p = Some(shift.p);
        self.verdict = interval.map(|interval| Verdict::of(Some(interval), self.margin));
    }
}

/// How B stands to A over several cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// The area.
    pub area: String,
    /// The guarantee of its scenarios.
    pub guarantee: Option<String>,
    /// Cases that every run of both sides finished.
    pub cases: usize,
    /// Cases that some run did not.
    pub left_out: usize,
    /// The geometric mean of their ratios, B over A; `null` for no cases.
    pub ratio: Option<f64>,
}

/// Methods of one area, guarantee and cache state, against each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranking {
    /// The area.
    pub area: String,
    /// The guarantee of its scenarios.
    pub guarantee: Option<String>,
    /// Their cache state.
    pub state: Option<String>,
    /// Scenarios that it is over.
    pub scenarios: usize,
    /// Those that every run finished in each of the scenarios; the fastest of side B first.
    pub methods: Vec<Ranked>,
    /// The others.
    pub not_ranked: Vec<NotRanked>,
}

/// A method in its ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// Its name.
    pub method: String,
    /// The geometric mean, over the scenarios, of its time over that of the fastest ranked method there, on side A.
    pub a: f64,
    /// The same on side B.
    pub b: f64,
}

/// A method that is not in its ranking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRanked {
    /// Its name.
    pub method: String,
    /// Why.
    pub reason: String,
}
