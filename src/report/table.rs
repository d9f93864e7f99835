//! What is printed in the terminal as each study ends?

use std::io::IsTerminal;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle,
};

use super::columns::Column;
use super::{interference, notes, rows, units};
use crate::results::model::{Case, Run, Study};

pub use super::markdown::{markdown_table, markdown_tables};

/// How a table is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour verdicts.
    pub colour: bool,
    /// Columns of the terminal; `None` where nothing need fit.
    pub width: Option<u16>,
}

impl Style {
    /// No colour, as wide as need be: for files and pipes.
    pub const PLAIN: Self = Self { colour: false, width: None };

    /// What suits standard output: plain unless it is a terminal; no colour where `NO_COLOR` is set (no-color.org) or the terminal is dumb.
    pub fn of_stdout() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::PLAIN;
        }
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colour: !set("NO_COLOR") && !dumb, width: Table::new().width() }
    }
}

/// No narrower than this, whatever the terminal says: below it nothing can be read.
pub(super) const NARROWEST: u16 = 40;

/// The study of `run` as a table: its question and conditions, what to beware of, its cases fastest first, and why the others are missing.
///
/// Columns that hold nothing are left out, and so are the least important ones until the rest fit in `style.width`.
pub fn study_table(run: &Run, study: &Study, style: Style) -> String {
    let style = Style { width: style.width.map(|width| width.max(NARROWEST)), ..style };
    let mut parts = vec![
        paragraph(&study.scenario.question, style, Some(Attribute::Bold)),
        // Unbroken, so that it can be copied.
        plain(&study.scenario.id),
        paragraph(&notes::conditions(study).join(" · "), style, Some(Attribute::Dim)),
    ];
    parts.extend(
        notes::cautions(run, study)
            .iter()
            .chain(&notes::undecided(study))
            .chain(&interference::sentences(study))
            .map(|said| paragraph(said, style, None)),
    );
    let measured = rows::measured(study);
    if !measured.is_empty() {
        parts.push(cases(study, &measured, style));
    }
    let missing = rows::missing(study);
    if !missing.is_empty() {
        parts.push(reasons(study, &missing, style));
    }
    parts.join("\n") + "\n"
}

/// Columns from left to right.
fn columns(study: &Study) -> Vec<Column> {
    let faults = if study.area == "page_touch" { Column::FaultsPerPage } else { Column::MinorFaults };
    vec![
        Column::Time,
        Column::TimeInterval,
        Column::Ratio,
        Column::RatioInterval,
        Column::Verdict,
        Column::P50,
        Column::P99,
        faults,
        Column::DeviceRead,
        Column::DeviceWritten,
        Column::Flushes,
        Column::DirtyLeft,
    ]
}

/// Those that a narrow terminal loses, first to last. The others stay.
const EXPENDABLE: [Column; 10] = [
    Column::TimeInterval,
    Column::DirtyLeft,
    Column::Flushes,
    Column::P50,
    Column::P99,
    Column::FaultsPerPage,
    Column::MinorFaults,
    Column::DeviceRead,
    Column::DeviceWritten,
    Column::RatioInterval,
];

fn cases(study: &Study, measured: &[&Case], style: Style) -> String {
    let mut columns = columns(study);
    columns.retain(|column| match column {
        // Of what no method does, silence says as much in less room.
        Column::DeviceRead | Column::DeviceWritten | Column::Flushes | Column::DirtyLeft => {
            column.is_telling(study, measured)
        }
        _ => column.is_known(study, measured),
    });
    let mut expendable = EXPENDABLE.iter();
    loop {
        let table = grid(study, measured, &columns, style);
        let widest = table.lines().map(|line| visible_width(&line)).max().unwrap_or(0);
        let Some(width) = style.width.filter(|width| widest > usize::from(*width)) else {
            return trimmed(&table);
        };
        match expendable.find(|column| columns.contains(column)) {
            Some(lost) => columns.retain(|column| column != lost),
            None => return trimmed(&squeezed(table, width)),
        }
    }
}

fn grid(study: &Study, measured: &[&Case], columns: &[Column], style: Style) -> Table {
    let mut table = bare(style);
    let rule = LineStyle::none().fill('─');
    table.load_style(TableStyle::new().header_separator(rule));
    let heads = columns.iter().map(|column| aligned(Cell::new(column.heading()), *column));
    table.set_header(std::iter::once(Cell::new("method")).chain(heads));
    for case in measured {
        let cells = columns.iter().map(|column| {
            let text = column.text(study, case).unwrap_or_else(|| units::NONE.to_owned());
            let cell = aligned(Cell::new(&text), *column);
            if *column == Column::Verdict { painted(cell, &text) } else { cell }
        });
        table.add_row(std::iter::once(Cell::new(plain(&case.method))).chain(cells));
    }
    spaced(&mut table);
    table
}

/// The table with its methods' names broken, so that it fits in `width`.
fn squeezed(mut table: Table, width: u16) -> Table {
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    let widths = table.column_max_content_widths();
    for (index, content) in widths.into_iter().enumerate().skip(1) {
        if let Some(column) = table.column_mut(index) {
            let padding = column.padding_width();
            column.set_constraint(ColumnConstraint::Absolute(comfy_table::Width::Fixed(content + padding)));
        }
    }
    table
}

fn reasons(study: &Study, missing: &[&Case], style: Style) -> String {
    let mut table = bare(style);
    for case in missing {
        let word = rows::verdict_word(study, case).unwrap_or(units::NONE);
        let reason = plain(rows::reason(case));
        table.add_row([Cell::new(plain(&case.method)), painted(Cell::new(word), word), Cell::new(reason)]);
    }
    spaced(&mut table);
    if let Some(width) = style.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    trimmed(&table)
}

/// `text` broken into lines that fit.
pub(super) fn paragraph(text: &str, style: Style, attribute: Option<Attribute>) -> String {
    let mut table = bare(style);
    let cell = Cell::new(plain(text));
    table.add_row([attribute.into_iter().fold(cell, Cell::add_attribute)]);
    spaced(&mut table);
    if let Some(width) = style.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    trimmed(&table)
}

pub(super) fn bare(style: Style) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).force_no_tty();
    if style.colour {
        table.enforce_styling();
    }
    table
}

/// Two spaces between columns, none around them.
pub(super) fn spaced(table: &mut Table) {
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
}

fn aligned(cell: Cell, column: Column) -> Cell {
    let left = matches!(column, Column::Verdict | Column::TimeInterval | Column::RatioInterval);
    cell.set_alignment(if left { CellAlignment::Left } else { CellAlignment::Right })
}

pub(super) fn painted(cell: Cell, verdict: &str) -> Cell {
    match verdict {
        "faster" | "passed" => cell.fg(Color::Green),
        "slower" => cell.fg(Color::Red),
        "equal" => cell.fg(Color::Cyan),
        "unresolved" | "unavailable" | "undecided" => cell.fg(Color::Yellow),
        "failed" | "regression" => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        _ => cell,
    }
}

/// Without what a terminal would obey: a run may come from another's machine.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

pub(super) fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Characters of a line that take room: all but the escape sequences of colours.
fn visible_width(line: &str) -> usize {
    let mut escape = false;
    line.trim_end()
        .chars()
        .filter(|letter| {
            let hidden = escape || *letter == '\u{1b}';
            escape = hidden && *letter != 'm';
            !hidden
        })
        .count()
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
