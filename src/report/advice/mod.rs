//! Which method should a user take, for what the user needs, and what are the cases behind that?

pub mod ranking;
pub mod read;
mod read_beyond;
mod read_words;
pub mod sync;
mod sync_evidence;
mod sync_warnings;
mod sync_words;

use crate::results::model::{Run, Status, Study};

/// What affects the figures of `run`; `None` where nothing was seen that does.
fn conditions(run: &Run) -> Option<String> {
    let codes: Vec<&str> = run.warnings.iter().map(|warning| warning.code.as_str()).collect();
    (!codes.is_empty())
        .then(|| format!("Conditions that affect these figures: {}. See the report for remedies.", codes.join(", ")))
}

/// Why nothing can be read off a study, as the end of a sentence.
fn why_it_fell(study: &Study) -> String {
    let baseline = study.cases.iter().find(|case| case.method == study.baseline && case.status != Status::Ok);
    match baseline {
        Some(case) => format!(
            "{} is what the others are compared with: {}",
            case.method,
            case.reason.as_deref().unwrap_or("not measured")
        ),
        None if study.tainted => "the same method differed from itself: measure again on a quieter machine".to_owned(),
        None => "time was up before the first look: a larger --budget gives it time".to_owned(),
    }
}

#[cfg(test)]
mod tests;
