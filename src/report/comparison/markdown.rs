//! A comparison as a pull request shows it, in GitHub's Markdown.

use super::cells::Cell;
use super::{by_scenario, words};
use crate::compare::Compared;
use crate::report::markdown::{code, escaped, row};
use crate::report::units;

/// What the sides are, what to beware of, a table a scenario, means, rankings, and how sure it is; what decides comes first.
///
/// Markup in names and reasons is escaped: they are shown, never obeyed.
pub fn markdown(compared: &Compared) -> String {
    let mut text: String = words::sides(compared).iter().map(|line| format!("- {}\n", escaped(line))).collect();
    text += "\n";
    for warning in &compared.warnings {
        text += &format!("> warning: {}\n\n", escaped(&warning.text));
    }
    if let Some(gate) = &compared.gate {
        text += &format!("**{}**\n\n", escaped(&words::gate(compared, gate)));
    }
    text += &format!("{}\n\n{}\n\n", escaped(&words::certainty(compared)), escaped(&words::legend(compared)));
    let columns = Cell::of(compared);
    for cases in by_scenario(compared) {
        text += &format!("{}\n\n", code(&cases[0].scenario));
        text += &row(std::iter::once("method").chain(columns.iter().map(|column| column.heading())));
        text += &row(
            std::iter::once("---").chain(columns.iter().map(|column| if column.is_word() { "---" } else { "--:" }))
        );
        for case in cases {
            let cells = columns.iter().map(|column| column.text(compared, case));
            let cells: Vec<String> = std::iter::once(code(&case.method)).chain(cells).collect();
            text += &row(cells.iter().map(String::as_str));
        }
        text += "\n";
        for reason in words::reasons(compared, cases) {
            text += &format!("> {}\n\n", escaped(&reason));
        }
    }
    text += &format!("{}\n\n", escaped(words::MEANS));
    text += &row(["area", "guarantee", "cases", "left out", "B/A"].into_iter());
    text += &row(["---", "---", "--:", "--:", "--:"].into_iter());
    for mean in &compared.means {
        let guarantee = mean.guarantee.as_deref().map_or_else(|| units::NONE.to_owned(), escaped);
        let ratio = mean.ratio.map_or_else(|| units::NONE.to_owned(), units::ratio);
        let cells = [escaped(&mean.area), guarantee, mean.cases.to_string(), mean.left_out.to_string(), ratio];
        text += &row(cells.iter().map(String::as_str));
    }
    text + &rankings(compared)
}

fn rankings(compared: &Compared) -> String {
    let mut text = String::new();
    for ranking in words::telling(&compared.rankings) {
        if text.is_empty() {
            text = format!("\n{}\n", escaped(words::RANKINGS));
        }
        text += &format!("\n{}\n\n", escaped(&words::ranking_over(ranking)));
        if !ranking.methods.is_empty() {
            text += &row(["method", "A", "B"].into_iter());
            text += &row(["---", "--:", "--:"].into_iter());
        }
        for place in &ranking.methods {
            let cells = [code(&place.method), units::ratio(place.a), units::ratio(place.b)];
            text += &row(cells.iter().map(String::as_str));
        }
        text.extend(words::not_ranked(ranking).map(|line| format!("\n> {}\n", escaped(&line))));
    }
    text
}
