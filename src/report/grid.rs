//! A plain table of words: as a terminal shows it, or as Markdown.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, Width, presets};

use super::markdown;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Aligned columns under a rule.
    Terminal,
    /// GitHub's Markdown; markup in cells is shown, never obeyed, save for code that a cell is as a whole.
    Markdown,
}

/// The table of `lines` under `heads`, the first column aligned to the left and all others to the right.
pub fn text(heads: &[&str], lines: Vec<Vec<String>>, look: Look) -> String {
    match look {
        Look::Terminal => terminal(heads, lines),
        Look::Markdown => {
            let rule = std::iter::once("---").chain(heads.iter().skip(1).map(|_| "---:"));
            let lines = lines.iter().map(|line| {
                let cells: Vec<String> = line.iter().map(|cell| shown(cell)).collect();
                markdown::row(cells.iter().map(String::as_str))
            });
            markdown::row(heads.iter().copied()) + &markdown::row(rule) + &lines.collect::<String>()
        }
    }
}

fn shown(cell: &str) -> String {
    match cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        Some(code) => markdown::code(code),
        None => markdown::escaped(cell),
    }
}

/// Of a cell, left and right of its words.
const PADDING: u16 = 2;

fn terminal(heads: &[&str], lines: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─')));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heads);
    // A table may be wider than its terminal; a word in two is not to be read.
    let widths: Vec<u16> = (0..heads.len())
        .map(|index| {
            let cells = lines.iter().filter_map(|line| line.get(index)).map(String::as_str);
            let words = cells.chain(heads.get(index).copied()).flat_map(str::split_whitespace);
            words.map(|word| word.chars().count()).max().unwrap_or(0) as u16
        })
        .collect();
    for line in lines {
        table.add_row(line);
    }
    for (index, (column, width)) in table.column_iter_mut().zip(widths).enumerate() {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + PADDING)));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Heading, sentences and table of what was watched. Names stand between backticks.
pub fn section(title: &str, intro: &[String], heads: &[&'static str], rows: Vec<Vec<String>>, look: Look) -> String {
    let plain = |text: &str| text.replace('`', "");
    let mut text = match look {
        Look::Terminal => format!("{title}\n"),
        Look::Markdown => format!("**{title}**\n\n"),
    };
    for sentence in intro {
        text += &match look {
            Look::Terminal => plain(sentence) + "\n",
            Look::Markdown => format!("{sentence}\n\n"),
        };
    }
    if rows.is_empty() {
        return text;
    }
    let rows = match look {
        Look::Terminal => rows.into_iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect(),
        Look::Markdown => rows,
    };
    text + &self::text(heads, rows, look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_cells_is_shown_and_code_stays_code() {
        let lines = vec![vec!["`a|b`".to_owned(), "<b> *x*".to_owned()]];
        let text = text(&["name", "value"], lines, Look::Markdown);
        assert!(text.starts_with("| name | value |\n| --- | ---: |\n| `a\\|b` |"), "{text}");
        assert!(!text.contains("<b>"), "{text}");
    }

    #[test]
    fn a_terminal_s_columns_are_aligned() {
        let lines = vec![vec!["x".to_owned(), "1".to_owned()], vec!["longer".to_owned(), "100".to_owned()]];
        assert_eq!(
            text(&["name", "n"], lines, Look::Terminal),
            " name      n\n─────────────\n x         1\n longer  100\n"
        );
    }
}
