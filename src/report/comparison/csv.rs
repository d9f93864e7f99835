//! A comparison as a spreadsheet or a script reads it: RFC 4180, a row a case, figures as they are.

use ::csv::{Terminator, WriterBuilder};

use super::words::gate_word;
use super::{cells, words};
use crate::compare::{Case, Compared, Of};
use crate::report::rows;

/// The columns. Those of a side come twice.
const HEADER: [&str; 21] = [
    "area",
    "scenario",
    "guarantee",
    "state",
    "method",
    "of",
    "a_runs",
    "a_values",
    "a_median",
    "b_runs",
    "b_values",
    "b_median",
    "ratio",
    "low",
    "high",
    "confidence",
    "p",
    "margin",
    "verdict",
    "gate",
    "note",
];

/// The cases, with a heading. What is unknown is empty; times are ns an operation.
///
/// # Errors
/// None that is known: it is written to memory.
pub fn csv(compared: &Compared) -> Result<String, ::csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for case in &compared.cases {
        writer.write_record(record(compared, case))?;
    }
    let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn record(compared: &Compared, case: &Case) -> Vec<String> {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let mut cells = vec![
        case.area.clone(),
        case.scenario.clone(),
        case.guarantee.clone().unwrap_or_default(),
        case.state.clone().unwrap_or_default(),
        case.method.clone(),
        match compared.of {
            Of::Time => "time".to_owned(),
            Of::Ratio => "ratio".to_owned(),
        },
    ];
    for (figures, side) in [(&case.a, &compared.a), (&case.b, &compared.b)] {
        cells.extend([side.runs.len().to_string(), figures.values.len().to_string(), number(figures.median)]);
    }
    let confidence = case.low.map(|_| compared.confidence_each);
    cells.extend([case.ratio, case.low, case.high, confidence, case.p, Some(case.margin)].map(number));
    cells.extend([
        case.verdict.map(|verdict| rows::word(verdict).to_owned()).unwrap_or_default(),
        case.gate.map(|word| gate_word(word).to_owned()).unwrap_or_default(),
        note(compared, case),
    ]);
    cells
}

/// Why there is no verdict, or not all runs count.
fn note(compared: &Compared, case: &Case) -> String {
    let standing = if case.verdict.is_none() { cells::verdict(compared, case) } else { None };
    standing.into_iter().chain(words::missing(compared, case)).collect::<Vec<_>>().join("; ")
}
