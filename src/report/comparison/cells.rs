//! Which facts of a compared case can stand in a table, and how is each headed and written?

use crate::compare::{Case, Compared, Figures, Of, Place};
use crate::report::{rows, units};

/// The verdict of a case that has values on both sides, but fewer than the test needs.
pub const TOO_FEW: &str = "too few runs";

/// A column of a table of compared cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Side A's median.
    A,
    /// Side B's.
    B,
    /// B over A.
    Ratio,
    /// Its interval.
    Interval,
    /// What the interval says.
    Verdict,
    /// What the gate says.
    Gate,
    /// How many runs of each side have a value.
    Runs,
}

impl Cell {
    /// The columns that say something of these cases, from left to right.
    pub fn of(compared: &Compared) -> Vec<Self> {
        let (a, b) = (compared.a.runs.len(), compared.b.runs.len());
        let all = [Self::A, Self::B, Self::Ratio, Self::Interval, Self::Verdict, Self::Gate, Self::Runs];
        let is_known = |cell: &Self| match cell {
            Self::Interval => compared.has_intervals(),
            Self::Gate => compared.gate.is_some(),
            Self::Runs => {
                compared.cases.iter().any(|case| case.is_in_both() && !(case.a.is_whole(a) && case.b.is_whole(b)))
            }
            _ => true,
        };
        all.into_iter().filter(is_known).collect()
    }

    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::Ratio => "B/A",
            Self::Interval => "interval",
            Self::Verdict => "verdict",
            Self::Gate => "gate",
            Self::Runs => "runs",
        }
    }

    /// Whether its cells are words, and not figures.
    pub fn is_word(self) -> bool {
        matches!(self, Self::Verdict | Self::Gate)
    }

    /// What stands in the cell of `case`.
    pub fn text(self, compared: &Compared, case: &Case) -> String {
        let median = |figures: &Figures| {
            figures.median.map(|value| if compared.of == Of::Time { units::time(value) } else { units::ratio(value) })
        };
        let text = match self {
            Self::A => median(&case.a),
            Self::B => median(&case.b),
            Self::Ratio => case.ratio.map(units::ratio),
            Self::Interval => case.low.zip(case.high).map(|(low, high)| units::ratio_interval(low, high)),
            Self::Verdict => verdict(compared, case),
            Self::Gate => case.gate.map(|word| super::words::gate_word(word).to_owned()),
            Self::Runs => case.is_in_both().then(|| format!("{}+{}", case.a.values.len(), case.b.values.len())),
        };
        text.unwrap_or_else(|| units::NONE.to_owned())
    }
}

/// The verdict in a word, or why there can be none; `None` where no case has enough runs for one, which is said once for all.
pub fn verdict(compared: &Compared, case: &Case) -> Option<String> {
    let status = |figures: &Figures| figures.missing.first().map_or("absent", |missing| missing.status);
    match (case.verdict, case.place) {
        (Some(verdict), _) => Some(rows::word(verdict).to_owned()),
        (None, Place::OnlyA) => Some("only in A".to_owned()),
        (None, Place::OnlyB) => Some("only in B".to_owned()),
        (None, Place::Both) => match (case.a.values.is_empty(), case.b.values.is_empty()) {
            (false, false) => compared.has_intervals().then(|| TOO_FEW.to_owned()),
            (true, true) => Some(status(&case.b).to_owned()),
            (true, false) => Some(format!("{} in A", status(&case.a))),
            (false, true) => Some(format!("{} in B", status(&case.b))),
        },
    }
}
