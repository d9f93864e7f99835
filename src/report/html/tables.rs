//! What stands in the tables of a study?

use serde::Serialize;

use crate::report::columns::Column;
use crate::report::{rows, units};
use crate::results::model::{Case, Status, Study};

/// A table as the template shows it.
#[derive(Debug, Serialize)]
pub struct Table {
    columns: Vec<Head>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Head {
    heading: &'static str,
    meaning: &'static str,
    word: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    method: String,
    baseline: bool,
    /// Where the case was not measured: what stands in place of its figures.
    reason: Option<String>,
    word: Option<&'static str>,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    text: String,
    /// The interval below a figure.
    interval: Option<String>,
    /// Whether the text is a verdict.
    verdict: bool,
    /// Whether there is nothing to see.
    nothing: bool,
}

const COMPARISON: [Column; 14] = [
    Column::Time,
    Column::PerSecond,
    Column::Ratio,
    Column::Verdict,
    Column::Floor,
    Column::MinorFaults,
    Column::FaultsPerPage,
    Column::MajorFaults,
    Column::DeviceRead,
    Column::ReadAmplification,
    Column::DeviceWritten,
    Column::Amplification,
    Column::Flushes,
    Column::DirtyLeft,
];

const TIMES: [Column; 14] = [
    Column::P50,
    Column::P90,
    Column::P99,
    Column::P999,
    Column::Longest,
    Column::Stamped,
    Column::User,
    Column::System,
    Column::Switches,
    Column::Enter,
    Column::FirstUse,
    Column::UseAgain,
    Column::Leave,
    Column::Memory,
];

/// How the methods compare, and what each costs beside time. Every case has its row; `None` if none was measured.
pub fn comparison(study: &Study) -> Option<Table> {
    table(study, &COMPARISON, &rows::ordered(study))
}

/// How long single operations take, and where the processor's time goes.
pub fn times(study: &Study) -> Option<Table> {
    table(study, &TIMES, &rows::measured(study))
}

fn table(study: &Study, columns: &[Column], cases: &[&Case]) -> Option<Table> {
    let measured = rows::measured(study);
    let columns: Vec<Column> = columns.iter().copied().filter(|column| is_shown(study, *column, &measured)).collect();
    if measured.is_empty() || columns.is_empty() {
        return None;
    }
    let heads = columns.iter().map(|column| Head {
        heading: column.heading(),
        meaning: column.meaning(),
        word: *column == Column::Verdict,
    });
    Some(Table { columns: heads.collect(), rows: cases.iter().map(|case| row(study, &columns, case)).collect() })
}

/// Whether a column is known, and is not another's twin: where an operation is one page, faults a page are its faults.
fn is_shown(study: &Study, column: Column, measured: &[&Case]) -> bool {
    let same = |case: &&Case| column.value(study, case) == Column::MinorFaults.value(study, case);
    let twin = column == Column::FaultsPerPage && measured.iter().all(same);
    column.is_known(study, measured) && !twin
}

fn row(study: &Study, columns: &[Column], case: &Case) -> Row {
    let missing = case.status != Status::Ok;
    Row {
        method: case.method.clone(),
        baseline: rows::is_baseline(study, case),
        reason: missing.then(|| rows::reason(case).to_owned()),
        word: rows::verdict_word(study, case),
        cells: if missing { Vec::new() } else { columns.iter().map(|column| cell(study, *column, case)).collect() },
    }
}

fn cell(study: &Study, column: Column, case: &Case) -> Cell {
    let text = column.text(study, case);
    let interval = match column {
        Column::Time => Column::TimeInterval.text(study, case),
        Column::Ratio => Column::RatioInterval.text(study, case),
        _ => None,
    };
    Cell {
        nothing: text.is_none() || (column.value(study, case) == Some(0.0)),
        text: text.unwrap_or_else(|| units::NONE.to_owned()),
        interval,
        verdict: column == Column::Verdict,
    }
}
