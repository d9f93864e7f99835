//! Which way of reading is worth it where? The ratios to `pread` of every way, by state, order and use.

use super::{Cell, Map, is_plain, order, param};
use crate::report::rows;
use crate::results::model::{Study, Verdict};

/// Fewer columns are no map; of more the words would not fit.
const FEWEST: usize = 3;
const MOST: usize = 16;

pub(super) fn map(studies: &[&Study]) -> Option<Map> {
    let fits = |study: &&&Study| is_plain(study) && param(study, "stride").or(param(study, "within")).is_none();
    let studies: Vec<&Study> = studies.iter().filter(fits).copied().take(MOST).collect();
    if studies.len() < FEWEST {
        return None;
    }
    let mut methods: Vec<&str> = Vec::new();
    for study in &studies {
        for case in rows::measured(study).into_iter().filter(|case| !rows::is_baseline(study, case)) {
            if !methods.contains(&case.method.as_str()) {
                methods.push(&case.method);
            }
        }
    }
    let row = |method: &str| studies.iter().map(|study| cell(study, method)).collect::<Vec<_>>();
    let mut rows: Vec<(String, Vec<Option<Cell>>)> =
        methods.into_iter().map(|method| (method.to_owned(), row(method))).collect();
    // Those that are measured most come first: a row with few cells says little.
    rows.sort_by_key(|(_, cells)| std::cmp::Reverse(cells.iter().flatten().count()));
    Some(Map {
        title: "One page by each way of reading, as a multiple of pread's time",
        caption: "below 1 less time than pread; in brackets where that is not decided",
        heads: studies.iter().map(|study| head(study)).collect(),
        rows,
    })
}

fn head(study: &Study) -> [String; 3] {
    let state = study.scenario.state.clone().unwrap_or_default();
    let history =
        study.scenario.history.as_deref().filter(|history| !matches!(*history, "none" | "write-1M" | "found"));
    let job = param(study, "use").unwrap_or_default();
    [state, order(study), history.map_or_else(|| job.to_owned(), |history| format!("{job} {history}"))]
}

/// The ratio of a method to the baseline, and whether a verdict stands.
pub(super) fn cell(study: &Study, method: &str) -> Option<Cell> {
    let case = rows::measured(study).into_iter().find(|case| case.method == method)?;
    let ratio = case.ratio?;
    Some(Cell::ratio(ratio.estimate, ratio.verdict != Verdict::Unresolved))
}
