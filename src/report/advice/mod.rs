//! Which method should a user take, for what the user needs, and what are the cases behind that?

pub mod ranking;
pub mod read;
mod read_beyond;
mod read_words;
pub mod sync;
mod sync_evidence;
mod sync_warnings;
mod sync_words;

use crate::results::model::Run;

/// What affects the figures of `run`; `None` where nothing was seen that does.
fn conditions(run: &Run) -> Option<String> {
    let codes: Vec<&str> = run.warnings.iter().map(|warning| warning.code.as_str()).collect();
    (!codes.is_empty())
        .then(|| format!("Conditions that affect these figures: {}. See the report for remedies.", codes.join(", ")))
}

#[cfg(test)]
mod tests;
