//! What does this machine say? The most striking of what a run shows, in sentences, each resting on one study's verdicts.
//!
//! A statement about time rests on resolved verdicts alone. The intervals of a study hold together (each at 1 − 0.01/(m·L)), so that
//! methods whose intervals do not meet may be put in order. Counters beside it are what was counted, not a proof of the cause.

mod cause;
mod choice;
mod history;
mod open;
mod reversal;
mod trap;
mod winner;

use crate::results::model::{Case, Ratio, Run, Study, Verdict};

use super::{rows, units};

/// A statement, and the study that it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Sentences; names of methods and scenarios stand between backticks.
    pub text: String,
    /// The place in [`Run::studies`] of the study that shows it; `None` for what concerns several.
    pub study: Option<usize>,
    /// How striking it is: about the logarithm of a ratio.
    weight: f64,
}

/// The three to six most striking findings, the most striking first; fewer if the run shows fewer.
pub fn findings(run: &Run) -> Vec<Finding> {
    let mut all = Vec::new();
    for (index, study) in run.studies.iter().enumerate().filter(|(_, study)| stands(study)) {
        all.extend(winner::winner(study).map(|(text, weight)| Finding { text, study: Some(index), weight }));
        all.extend(trap::trap(study).map(|(text, weight)| Finding { text, study: Some(index), weight }));
    }
    all.extend(history::amplifications(run));
    all.extend(reversal::reversals(run));
    let mut chosen = choice::choose(run, all);
    chosen.extend(open::open(run));
    chosen
}

/// Whether anything may be read off a study's verdicts.
pub(super) fn stands(study: &Study) -> bool {
    !study.tainted && study.workers_used > 0 && baseline(study).is_some()
}

/// A comparison whose verdict is resolved, with its interval.
#[derive(Clone, Copy, Debug)]
struct Resolved<'a> {
    case: &'a Case,
    ratio: Ratio,
    low: f64,
    high: f64,
}

/// The comparisons of `study` that have this verdict, smallest ratio first.
fn with_verdict(study: &Study, verdict: Verdict) -> Vec<Resolved<'_>> {
    let resolved = |case: &'_ Case| {
        let ratio = case.ratio.filter(|ratio| ratio.verdict == verdict)?;
        Some((ratio, ratio.low?, ratio.high?))
    };
    let measured = rows::measured(study).into_iter();
    measured.filter_map(|case| resolved(case).map(|(ratio, low, high)| Resolved { case, ratio, low, high })).collect()
}

/// `×0.890 (0.863–0.908)`.
fn with_interval(found: &Resolved<'_>) -> String {
    format!("{} ({})", units::ratio(found.ratio.estimate), units::ratio_interval(found.low, found.high))
}

/// `, 18.5 times as fast`, where that is plainer than the ratio.
fn times_as_fast(ratio: f64) -> String {
    if ratio > 0.0 && ratio <= 0.67 {
        format!(", {} times as fast", units::ratio(1.0 / ratio).trim_start_matches('×'))
    } else {
        String::new()
    }
}

/// The baseline, if it was measured.
fn baseline(study: &Study) -> Option<&Case> {
    rows::measured(study).into_iter().find(|case| rows::is_baseline(study, case))
}

#[cfg(test)]
mod tests;
