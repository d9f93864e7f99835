//! What `pagewise compare` prints in a terminal.

use comfy_table::{
    Cell as Text, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width,
};

use super::cells::Cell;
use super::{by_scenario, words};
use crate::compare::{Case, Compared, Ranking};
use crate::report::table::{NARROWEST, Style, bare, painted, paragraph, plain, spaced, trimmed};
use crate::report::units;

/// The whole comparison: what the sides are, what to beware of, every case under its scenario, means, rankings, and how sure it is.
pub fn table(compared: &Compared, style: Style) -> String {
    let style = Style { width: style.width.map(|width| width.max(NARROWEST)), ..style };
    let mut parts: Vec<String> = words::sides(compared).iter().map(|line| plain(line)).collect();
    parts.extend(compared.warnings.iter().map(|warning| paragraph(&format!("warning: {}", warning.text), style, None)));
    parts.push(paragraph(&words::legend(compared), style, None));
    parts.push(String::new());
    let frame = Frame::of(compared, style);
    for cases in by_scenario(compared) {
        // Unbroken, so that it can be copied.
        parts.push(plain(&cases[0].scenario));
        parts.push(frame.draw(compared, cases));
        parts.extend(words::reasons(compared, cases).iter().map(|line| paragraph(line, style, None)));
        parts.push(String::new());
    }
    parts.extend([paragraph(words::MEANS, style, None), means(compared, style), String::new()]);
    let rankings: Vec<&Ranking> = words::telling(&compared.rankings).collect();
    if !rankings.is_empty() {
        parts.push(paragraph(words::RANKINGS, style, None));
        parts.extend(rankings.into_iter().map(|ranking| ranked(ranking, style)));
        parts.push(String::new());
    }
    parts.push(paragraph(&words::certainty(compared), style, None));
    parts.extend(compared.gate.iter().map(|gate| paragraph(&words::gate(compared, gate), style, None)));
    parts.join("\n") + "\n"
}

/// Columns that a narrow terminal loses, first to last. The others stay.
const EXPENDABLE: [Cell; 4] = [Cell::Runs, Cell::Interval, Cell::A, Cell::B];

/// Names of methods are broken no shorter than this.
const SHORTEST_NAME: u16 = 14;

/// How wide each column is, the same for every scenario, so that figures stand below each other.
struct Frame {
    columns: Vec<Cell>,
    widths: Vec<u16>,
    style: Style,
}

impl Frame {
    fn of(compared: &Compared, style: Style) -> Self {
        let mut columns = Cell::of(compared);
        let mut expendable = EXPENDABLE.iter();
        loop {
            let mut widths = grid(compared, &compared.cases, &columns, style).column_max_content_widths();
            let wide = widths.iter().sum::<u16>() + 2 * (widths.len() as u16 - 1);
            let over = style.width.map_or(0, |most| wide.saturating_sub(most));
            // The names of methods are broken before a column goes.
            let shorter = widths[0].saturating_sub(over);
            if over == 0 || shorter >= SHORTEST_NAME {
                widths[0] = shorter;
                return Self { columns, widths, style };
            }
            match expendable.find(|column| columns.contains(column)) {
                Some(lost) => columns.retain(|column| column != lost),
                None => {
                    widths[0] = SHORTEST_NAME;
                    return Self { columns, widths, style };
                }
            }
        }
    }

    fn draw(&self, compared: &Compared, cases: &[Case]) -> String {
        let mut table = grid(compared, cases, &self.columns, self.style);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::MAX);
        for (column, content) in table.column_iter_mut().zip(&self.widths) {
            let width = content + column.padding_width();
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
        trimmed(&table)
    }
}

fn grid(compared: &Compared, cases: &[Case], columns: &[Cell], style: Style) -> Table {
    let mut table = ruled(style);
    let heads = columns.iter().map(|column| aligned(Text::new(column.heading()), column.is_word()));
    table.set_header(std::iter::once(Text::new("method")).chain(heads));
    for case in cases {
        let cells = columns.iter().map(|column| {
            let text = column.text(compared, case);
            let cell = aligned(Text::new(&text), column.is_word());
            if column.is_word() { painted(cell, text.split(' ').next().unwrap_or_default()) } else { cell }
        });
        table.add_row(std::iter::once(Text::new(plain(&case.method))).chain(cells));
    }
    spaced(&mut table);
    table
}

fn means(compared: &Compared, style: Style) -> String {
    let mut table = ruled(style);
    let heads = [("area", true), ("guarantee", true), ("cases", false), ("left out", false), ("B/A", false)];
    table.set_header(heads.map(|(head, is_word)| aligned(Text::new(head), is_word)));
    for mean in &compared.means {
        let number = |text: String| aligned(Text::new(text), false);
        table.add_row([
            Text::new(plain(&mean.area)),
            Text::new(plain(mean.guarantee.as_deref().unwrap_or(units::NONE))),
            number(mean.cases.to_string()),
            number(mean.left_out.to_string()),
            number(mean.ratio.map_or_else(|| units::NONE.to_owned(), units::ratio)),
        ]);
    }
    spaced(&mut table);
    trimmed(&table)
}

fn ranked(ranking: &Ranking, style: Style) -> String {
    let mut parts = vec![plain(&words::ranking_over(ranking))];
    if !ranking.methods.is_empty() {
        let mut table = ruled(style);
        let heads = ["A", "B"].map(|head| aligned(Text::new(head), false));
        table.set_header(std::iter::once(Text::new("method")).chain(heads));
        for place in &ranking.methods {
            let figures = [place.a, place.b].map(|mean| aligned(Text::new(units::ratio(mean)), false));
            table.add_row(std::iter::once(Text::new(plain(&place.method))).chain(figures));
        }
        spaced(&mut table);
        parts.push(trimmed(&table));
    }
    parts.extend(words::not_ranked(ranking).map(|line| paragraph(&line, style, None)));
    parts.join("\n")
}

fn ruled(style: Style) -> Table {
    let mut table = bare(style);
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
    table
}

fn aligned(cell: Text, is_word: bool) -> Text {
    if is_word { cell } else { cell.set_alignment(CellAlignment::Right) }
}
