//! Whether something got slower than allowed.

use serde::Serialize;

use super::table::{Row, Table};

/// What the gate says of a row, or of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Certainly no slower than allowed.
    Passed,
    /// It may be slower than allowed: too few runs, too much noise, or no figure where there was one.
    Undecided,
    /// Certainly slower than allowed.
    Regressed,
}

/// What the gate says of a row; `None` where side A has no figure either, so that nothing can have been lost.
pub fn row(row: &Row, allowed: f64) -> Option<Outcome> {
    if row.a.values.is_empty() {
        return None;
    }
    Some(match (row.low, row.high) {
        (Some(low), _) if low > 1.0 + allowed => Outcome::Regressed,
        // A run that lost the method hides what it would have been.
        (_, Some(high)) if high <= 1.0 + allowed && row.b.runs_missing <= row.a.runs_missing => Outcome::Passed,
        _ => Outcome::Undecided,
    })
}

/// What it says of all: the worst of any. A table with nothing to compare decides nothing.
pub fn all(table: &Table, allowed: f64) -> Outcome {
    table.rows.iter().filter_map(|each| row(each, allowed)).max().unwrap_or(Outcome::Undecided)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::table::Figures;
    use crate::results::model::Verdict;

    fn compared(low: f64, high: f64) -> Row {
        let figures = Figures { values: vec![1.0; 5], ..Figures::default() };
        Row {
            area: "page_touch".to_owned(),
            scenario: "page_touch/warm".to_owned(),
            guarantee: None,
            method: "mmap".to_owned(),
            a: figures.clone(),
            b: figures,
            ratio: Some((low * high).sqrt()),
            low: Some(low),
            high: Some(high),
            p: None,
            verdict: Verdict::Unresolved,
            margin: 0.01,
        }
    }

    #[test]
    fn a_regression_is_proven_where_the_whole_interval_lies_beyond_what_is_allowed() {
        assert_eq!(row(&compared(1.051, 1.2), 0.05), Some(Outcome::Regressed));
        assert_eq!(row(&compared(1.02, 1.2), 0.05), Some(Outcome::Undecided), "slower for certain, by how much is not");
        assert_eq!(
            row(&compared(1.01, 1.05), 0.05),
            Some(Outcome::Passed),
            "slower for certain, and no more than allowed"
        );
        assert_eq!(row(&compared(0.5, 0.9), 0.05), Some(Outcome::Passed));
    }

    #[test]
    fn what_has_no_interval_or_was_lost_is_undecided() {
        assert_eq!(row(&Row { low: None, high: None, ..compared(1.0, 1.0) }, 0.05), Some(Outcome::Undecided));
        let mut lost = compared(0.9, 1.0);
        lost.b.runs_missing = 1;
        assert_eq!(row(&lost, 0.05), Some(Outcome::Undecided));
        let mut never = compared(0.9, 1.0);
        never.a = Figures { runs_missing: 5, ..Figures::default() };
        assert_eq!(row(&never, 0.05), None);
    }
}
