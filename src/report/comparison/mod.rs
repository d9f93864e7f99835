//! What a reader sees of a comparison of runs: a table, Markdown, CSV, JSON.

mod cells;
mod csv;
mod markdown;
mod table;
mod words;

pub use self::csv::csv;
pub use markdown::markdown;
pub use table::table;
pub use words::gate;

use crate::compare::{Case, Compared};

/// The comparison as one JSON object (docs/FORMAT.md, `pagewise/compare/v1`).
///
/// # Errors
/// None that is known: every part is text or a number.
pub fn json(compared: &Compared) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(compared)? + "\n")
}

/// The cases, those of a scenario together.
fn by_scenario(compared: &Compared) -> impl Iterator<Item = &[Case]> {
    compared.cases.chunk_by(|one, next| one.scenario == next.scenario)
}

#[cfg(test)]
mod tests;
