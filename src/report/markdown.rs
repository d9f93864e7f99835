//! The table of a study as a README shows it, in GitHub's Markdown.

use super::columns::Column;
use super::grid::Look;
use super::{beyond, interference, notes, rows, stalls, units, write_back};
use crate::results::model::{Run, Study};

/// The tables of all studies, after what must be said of the run as a whole.
pub fn markdown_tables(run: &Run) -> String {
    let first = notes::parts(run).map(|said| format!("> {}\n", escaped(&said)));
    let tables = run.studies.iter().map(|study| {
        let prices = notes::prices(study, &run.floors).into_iter().map(|said| format!("\n{}\n", escaped(&said)));
        markdown_table(run, study) + &prices.collect::<String>()
    });
    let write_back = run.write_back.iter().map(|seen| write_back::text(seen, Look::Markdown));
    let beyond = run.beyond_memory.iter().map(|seen| beyond::text(seen, run.machine.page_size, Look::Markdown));
    let stalls = (!run.stalls.is_empty()).then(|| stalls::text(&run.stalls, Look::Markdown));
    first.into_iter().chain(tables).chain(write_back).chain(beyond).chain(stalls).collect::<Vec<_>>().join("\n")
}

/// The question, its conditions, what to beware of, and a row a case; the reason of a case that was not measured stands in its row.
///
/// Markup in names and reasons is escaped: they are shown, never obeyed.
pub fn markdown_table(run: &Run, study: &Study) -> String {
    let scenario = &study.scenario;
    let mut text = format!("**{}**\n\n{}\n\n", escaped(&scenario.question), code(&scenario.id));
    text += &format!(
        "One operation: {}. {}.\n\n",
        escaped(&scenario.operation),
        escaped(&notes::conditions(study).join(" · "))
    );
    let cautions = notes::cautions(run, study).into_iter().chain(notes::undecided(study));
    for caution in cautions.chain(interference::sentences(study)) {
        text += &format!("> {}\n\n", escaped(&caution));
    }
    let measured = rows::measured(study);
    let columns: Vec<Column> = COLUMNS.into_iter().filter(|column| column.is_known(study, &measured)).collect();
    let heads: Vec<&str> = columns.iter().map(|column| column.heading()).collect();
    text += &row(std::iter::once("method").chain(heads));
    text += &row(std::iter::once("---")
        .chain(columns.iter().map(|column| if *column == Column::Verdict { "---" } else { "--:" })));
    for case in rows::ordered(study) {
        let cells = columns.iter().map(|column| match column.text(study, case) {
            Some(word) if *column == Column::Verdict && case.reason.is_some() => {
                format!("{word}: {}", escaped(rows::reason(case)))
            }
            Some(word) => word,
            None => units::NONE.to_owned(),
        });
        let cells: Vec<String> = std::iter::once(code(&case.method)).chain(cells).collect();
        text += &row(cells.iter().map(String::as_str));
    }
    text
}

/// A file can be as wide as it likes, but a page can not: what decides, and what explains it.
const COLUMNS: [Column; 15] = [
    Column::Time,
    Column::PerSecond,
    Column::Ratio,
    Column::RatioInterval,
    Column::Verdict,
    Column::P50,
    Column::P99,
    Column::MinorFaults,
    Column::MajorFaults,
    Column::DeviceRead,
    Column::ReadAmplification,
    Column::DeviceWritten,
    Column::Amplification,
    Column::Flushes,
    Column::DirtyLeft,
];

pub(super) fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<&str> = cells.collect();
    format!("| {} |\n", cells.join(" | "))
}

/// `text` on one line, with what Markdown or HTML would obey made plain.
pub(super) fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => plain.extend(['\\', letter]),
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    plain
}

/// `text` in a code span. The bar of a table's cells must be escaped even there (GFM, "Tables").
pub(super) fn code(text: &str) -> String {
    let one_line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if one_line.contains(['`', '\\']) { escaped(&one_line) } else { format!("`{}`", one_line.replace('|', "\\|")) }
}
