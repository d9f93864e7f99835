//! Is there a slowdown that must not be: proven, ruled out, or neither?

use serde::Serialize;

use super::model::Case;

/// What the gate says of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GateWord {
    /// Its interval lies wholly above 1 + the limit.
    Regression,
    /// Its interval reaches above 1 + the limit, or there is none, or runs of B have no value though all of A have.
    Undecided,
    /// Its interval lies at or below 1 + the limit.
    Passed,
}

/// What the gate says of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A regression is proven in at least one case.
    Regression,
    /// None is, but some case is undecided, or there is no case to decide on.
    Undecided,
    /// Every case passed.
    Passed,
}

/// A slowdown that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// By this part B may take longer: 0.05.
    pub limit: f64,
    /// What became of it.
    pub outcome: Outcome,
    /// Cases in which a regression is proven.
    pub regressions: usize,
    /// Cases that are undecided.
    pub undecided: usize,
    /// Cases that passed.
    pub passed: usize,
}

impl Gate {
    /// Puts each case through the gate. Cases that side A has no value of have nothing to regress from, and none.
    pub(super) fn of(limit: f64, cases: &mut [Case], runs_of_a: usize, runs_of_b: usize) -> Self {
        for case in &mut *cases {
            case.gate = word(limit, case, runs_of_a, runs_of_b);
        }
        let count = |word| cases.iter().filter(|case| case.gate == Some(word)).count();
        let (regressions, undecided, passed) =
            (count(GateWord::Regression), count(GateWord::Undecided), count(GateWord::Passed));
        let outcome = match (regressions, undecided, passed) {
            (1.., _, _) => Outcome::Regression,
            (0, 1.., _) | (0, 0, 0) => Outcome::Undecided,
            _ => Outcome::Passed,
        };
        Self { limit, outcome, regressions, undecided, passed }
    }
}

fn word(limit: f64, case: &Case, runs_of_a: usize, runs_of_b: usize) -> Option<GateWord> {
    if case.a.values.is_empty() {
        return None;
    }
    // What always worked on A and sometimes does not on B has got worse in a way that times do not tell.
    let got_worse = case.a.is_whole(runs_of_a) && !case.b.is_whole(runs_of_b);
    Some(match (case.low, case.high) {
        (Some(low), _) if low > 1.0 + limit => GateWord::Regression,
        (Some(_), Some(high)) if high <= 1.0 + limit && !got_worse => GateWord::Passed,
        _ => GateWord::Undecided,
    })
}
