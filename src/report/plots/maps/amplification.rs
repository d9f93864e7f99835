//! What does each advice make the device read? Bytes read for each byte of the pages that are used, of cold files.

use super::{Cell, Map, is_plain, order, param};
use crate::report::{rows, units};
use crate::results::model::Study;

/// Fewer orders are no map.
const FEWEST: usize = 2;
const MOST: usize = 12;
/// Pages have `page` bytes.
pub(super) fn map(studies: &[&Study], page: f64) -> Option<Map> {
    let cold = |study: &&&Study| is_plain(study) && study.scenario.state.as_deref() == Some("cold");
    let mut columns: Vec<&Study> = Vec::new();
    for study in studies.iter().filter(cold) {
        // What is done with the bytes changes nothing of what is read.
        if !columns.iter().any(|known| order(known) == order(study) && known.cases.len() >= study.cases.len()) {
            columns.retain(|known| order(known) != order(study));
            columns.push(study);
        }
    }
    columns.truncate(MOST);
    if columns.len() < FEWEST {
        return None;
    }
    let mut methods: Vec<&str> = Vec::new();
    for case in columns.iter().flat_map(|study| &study.cases) {
        if !methods.contains(&case.method.as_str()) {
            methods.push(&case.method);
        }
    }
    let row = |method: &str| columns.iter().map(|study| cell(study, method, page)).collect::<Vec<_>>();
    let rows = methods.into_iter().map(|method| (method.to_owned(), row(method)));
    Some(Map {
        title: "Bytes that the device reads for each byte of the pages that are used",
        caption: "of a cold file; 1 is what is used and no more",
        heads: columns.iter().map(|study| ["cold".to_owned(), order(study), touched(study)]).collect(),
        rows: rows.filter(|(_, cells)| cells.iter().any(Option::is_some)).collect(),
    })
}

/// How much of the file is used.
fn touched(study: &Study) -> String {
    match param(study, "touched") {
        None | Some("all") => "all of it".to_owned(),
        Some(pages) => format!("{pages} pages"),
    }
}

fn cell(study: &Study, method: &str, page: f64) -> Option<Cell> {
    let case = rows::measured(study).into_iter().find(|case| case.method == method)?;
    let times = case.per_op?.device_read_bytes? / page;
    Some(Cell { times, words: units::ratio(times), full: 512.0 })
}
