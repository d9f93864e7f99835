//! What differs between two sets of recorded runs, and how sure is that?
//!
//! The unit is the run: each has one value a case. Whether side B's lie above side A's is asked by an exact rank test
//! ([`rank_shift`](crate::stats::rank_shift)) on their logarithms; the confidence is divided among the comparisons that are made, so that
//! all of them hold together. Known are the runs alone: nothing here asks the system.

mod cases;
mod gate;
mod likeness;
mod model;
mod ranking;
mod sides;

use crate::results::Found;
use crate::stats::{MOST, fewest_a_side, level};

pub use gate::{Gate, GateWord, Outcome};
pub use likeness::Difference;
pub use model::{
    Case, Compared, Figures, Mean, Missing, NotRanked, Of, Place, Ranked, Ranking, Recorded, SCHEMA, Side, Warning,
};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// What is compared.
    pub of: Of,
    /// With which all verdicts hold together: 0.99.
    pub confidence: f64,
    /// The slowdown that must not be: 0.05.
    pub gate: Option<f64>,
    /// Whether to go on where machines, kernels or filesystems differ.
    pub across_machines: bool,
}

/// Why two sets of runs are not compared: a sentence that ends with what to do.
// The sentences are the documentation of what each is.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error(
        "{second} is the same run as {first}, begun at {started} with seed {seed}: a run counts once, leave one of them out"
    )]
    Twice { first: String, second: String, started: String, seed: u64 },
    #[error("{0}")]
    Unlike(String),
    #[error("{runs} runs are more than the {MOST} that can be compared exactly: leave some of them out")]
    TooMany { runs: usize },
    #[error(
        "A and B have no case in common: A measured {a}; B measured {b}; compare runs that were asked for the same scenarios{hint}"
    )]
    NothingInCommon { a: String, b: String, hint: &'static str },
}

/// Compares side `b` with side `a`. The same runs give the same answer; swapped sides give the same verdicts turned over.
///
/// # Errors
/// [`CompareError`]: a run that stands on both sides or twice on one, runs of machines that differ, nothing in common.
pub fn compare(a: &[Found], b: &[Found], question: &Question) -> Result<Compared, CompareError> {
    if a.len() + b.len() > MOST {
        return Err(CompareError::TooMany { runs: a.len() + b.len() });
    }
    sides::refuse_doubles(a, b)?;
    let differences = likeness::differences(a, b);
    if !question.across_machines {
        likeness::refuse(&differences)?;
    }
    let mut cases = cases::matched(a, b, question.of);
    let comparisons = cases.iter().filter(|case| case.is_in_both()).count();
    if cases.iter().all(|case| case.place != Place::Both) {
        return Err(sides::nothing_in_common(a, b));
    }
    let each = level(question.confidence, comparisons, 1);
    for case in &mut cases {
        case.judge(each);
    }
    let gate = question.gate.map(|limit| Gate::of(limit, &mut cases, a.len(), b.len()));
    let mut warnings = likeness::warnings(&differences);
    warnings.extend(sides::warnings(a, b));
    if question.gate.is_some() && question.of == Of::Ratio {
        warnings.push(Warning {
            code: "gate_of_ratios",
            text: "the gate sees ratios to the baseline alone: what slows all methods alike, the baseline among them, passes it; \
                   `--of time` sees that."
                .to_owned(),
        });
    }
    Ok(Compared {
        schema: SCHEMA.to_owned(),
        of: question.of,
        confidence: question.confidence,
        comparisons,
        confidence_each: each,
        runs_needed: fewest_a_side(each),
        runs_needed_for_one: fewest_a_side(question.confidence),
        a: sides::side(a),
        b: sides::side(b),
        warnings,
        differences,
        means: ranking::means(&cases, a.len(), b.len()),
        rankings: if question.of == Of::Time { ranking::rankings(&cases, a.len(), b.len()) } else { Vec::new() },
        gate,
        cases,
    })
}
