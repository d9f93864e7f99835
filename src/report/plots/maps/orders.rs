//! Where does a mapping win, by order of use and state? A row an order, a column a state and an advice.

use super::{Cell, Map, is_plain, methods, order, param};
use crate::results::model::Study;

/// Fewer orders are no map.
const FEWEST: usize = 3;
/// The mappings that have a column in each state where they were measured.
const MAPPINGS: [&str; 3] = ["mmap", "mmap+MADV_RANDOM", "mmap+MADV_SEQUENTIAL"];

pub(super) fn map(studies: &[&Study]) -> Option<Map> {
    let plain: Vec<&Study> = studies.iter().filter(|study| is_plain(study)).copied().collect();
    // One use for all: the one that most orders have.
    let many = |job: &str| plain.iter().filter(|study| param(study, "use") == Some(job)).count();
    let job = plain.iter().filter_map(|study| param(study, "use")).max_by_key(|job| many(job))?;
    let studies: Vec<&Study> = plain.into_iter().filter(|study| param(study, "use") == Some(job)).collect();
    let mut orders: Vec<String> = studies.iter().map(|study| order(study)).collect();
    orders.sort();
    orders.dedup();
    if orders.len() < FEWEST {
        return None;
    }
    let at = |state: &str, row: &str, method: &str| -> Option<Cell> {
        let fits = |study: &&&Study| study.scenario.state.as_deref() == Some(state) && order(study) == row;
        methods::cell(studies.iter().find(fits)?, method)
    };
    let columns: Vec<(&str, &str)> = ["mapped", "warm", "cold"]
        .into_iter()
        .flat_map(|state| MAPPINGS.map(|method| (state, method)))
        .filter(|(state, method)| orders.iter().any(|row| at(state, row, method).is_some()))
        .collect();
    let rows = orders
        .iter()
        .map(|row| (row.clone(), columns.iter().map(|(state, method)| at(state, row, method)).collect()))
        .collect();
    let head = |(state, method): &(&str, &str)| {
        let (plain, advice) = method.split_once('+').unwrap_or((method, ""));
        [(*state).to_owned(), plain.to_owned(), advice.trim_start_matches("MADV_").to_owned()]
    };
    Some(Map {
        title: "A mapping by order of use and state, as a multiple of pread's time",
        caption: "below 1 less time than pread; in brackets where that is not decided",
        heads: columns.iter().map(head).collect(),
        rows,
    })
}
