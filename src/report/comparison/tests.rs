//! What each format shows of the same comparison.

use super::*;
use crate::compare::{Of, Question, compare};
use crate::report::sample::{self, Change, HOSTILE};
use crate::report::table::Style;
use crate::results::Found;
use crate::results::model::Status;

/// Five runs a side, of three studies: one case is slower on B, one failed there, one method is new, one study is off in a run of A.
fn compared(gate: Option<f64>) -> Compared {
    let side = |name: &str, slowed: f64| -> Vec<Found> { (0..5).map(|index| found(name, index, slowed)).collect() };
    let (a, mut b) = (side("A", 1.0), side("B", 1.2));
    for found in &mut b {
        let case = &mut found.run.studies[0].cases[2];
        *case = case.clone().missing(Status::Failed, "the child died: <b>|`x`</b>");
        found.run.studies[2].cases[3].method = "mmap+new".to_owned();
    }
    let question = Question { of: Of::Time, confidence: 0.9, gate, across_machines: false };
    compare(&a, &b, &question).unwrap()
}

fn found(side: &str, index: usize, slowed: f64) -> Found {
    let mut run = sample::run();
    run.studies = vec![sample::edit_write_4k(), sample::edit_visible(), sample::touch_cold_random()];
    (run.id, run.seed) = (format!("{side}-{index}"), index as u64);
    run.started = format!("2026-01-02T03:{:02}:{}Z", 2 * index, if side == "A" { "00" } else { "30" });
    run.studies[1].tainted = side == "A" && index == 0;
    for study in &mut run.studies {
        for case in &mut study.cases {
            let factor = if case.method == "mmap" { slowed } else { 1.0 };
            let noise = 1.0 + 0.003 * index as f64;
            case.ns_per_op.iter_mut().for_each(|time| time.estimate *= factor * noise);
        }
    }
    Found { path: format!("runs/{side}/{}", run.id).into(), run }
}

#[test]
fn the_table_shows_every_case_under_its_scenario_and_how_sure_it_is() {
    insta::assert_snapshot!(table(&compared(Some(0.05)), Style::PLAIN));
}

#[test]
fn the_markdown_shows_the_outcome_first_and_obeys_no_markup() {
    let text = markdown(&compared(Some(0.05)));
    assert!(!text.contains("<b>"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_csv_has_a_row_a_case_with_figures_as_they_are() {
    insta::assert_snapshot!(csv(&compared(None)).unwrap().replace("\r\n", "\n"));
}

#[test]
fn the_json_has_the_fields_that_docs_format_describes() {
    let mut compared = compared(Some(0.05));
    // One of each is enough to see the fields.
    compared.a.runs.truncate(1);
    compared.b.runs.truncate(1);
    compared.cases.drain(3..);
    compared.cases.drain(..1);
    compared.cases[1].b.missing.truncate(1);
    compared.rankings.drain(..2);
    insta::assert_snapshot!(json(&compared).unwrap());
}

#[test]
fn a_narrow_terminal_breaks_names_and_never_figures() {
    let compared = compared(Some(0.05));
    let ids: Vec<&str> = compared.cases.iter().map(|case| case.scenario.as_str()).collect();
    for (width, figures) in
        [(78, &["×1.20", "1.19–1.21", "slower", "regression"][..]), (60, &["×1.20", "slower", "regression"])]
    {
        let text = table(&compared, Style { colour: false, width: Some(width) });
        for line in text.lines().filter(|line| !ids.contains(line)) {
            assert!(line.chars().count() <= usize::from(width), "{line}");
        }
        for figure in figures {
            assert!(text.contains(figure), "{figure}: {text}");
        }
    }
}

#[test]
fn colours_are_for_verdicts_alone_and_only_where_wanted() {
    let compared = compared(Some(0.05));
    let plain = table(&compared, Style::PLAIN);
    let coloured = table(&compared, Style { colour: true, width: None });
    assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
    assert!(coloured.lines().any(|line| line.starts_with("mmap ") && line.contains('\u{1b}')), "{coloured}");
}

#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    let mut compared = compared(None);
    compared.cases[0].method = "\u{1b}[31mred".to_owned();
    compared.a.runs[0].path = format!("\u{1b}]0;{HOSTILE}");
    let text = table(&compared, Style::PLAIN) + &markdown(&compared);
    assert!(!text.contains('\u{1b}'), "{text}");
}
