//! How a comparison looks: tables to read, Markdown, or lines of CSV.

use std::fmt::Write;

use super::{Comparison, Named};
use crate::compare::gate::{self, Outcome};
use crate::compare::ranking::Group;
use crate::compare::table::{Figures, Measure, Missing, Row};
use crate::report::grid::{self, Look};
use crate::report::{units, verdict_word};

/// Everything, to read.
pub fn text(comparison: &Comparison, markdown: bool) -> String {
    let look = if markdown { Look::Markdown } else { Look::Terminal };
    let mut text = String::new();
    let _ = writeln!(text, "A: {}", runs(&comparison.a));
    let _ = writeln!(text, "B: {}", runs(&comparison.b));
    if markdown {
        text = text.replace("\nB:", "  \nB:");
    }
    for difference in &comparison.differences {
        let _ = writeln!(text, "\ndifferent machines: {difference}");
    }
    for warning in &comparison.warnings {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    for rows in comparison.table.rows.chunk_by(|one, next| one.scenario == next.scenario) {
        let name = if markdown { format!("`{}`", rows[0].scenario) } else { rows[0].scenario.clone() };
        let _ = writeln!(text, "\n{name}\n");
        let lines = rows.iter().map(|row| line(row, comparison, markdown)).collect();
        text.push_str(&grid::text(&heads(comparison), lines, look));
        for reason in rows.iter().flat_map(reasons) {
            let _ = writeln!(text, "{}{reason}", if markdown { "\n" } else { "  " });
        }
    }
    let _ = writeln!(text, "\nOver all methods that every run finished\n");
    text.push_str(&grid::text(&OVERALL, comparison.groups.iter().map(overall).collect(), look));
    for group in comparison.groups.iter().filter(|group| !group.methods.is_empty() && group.scenarios > 1) {
        text.push_str(&ranking(group, look));
    }
    if let Some(gate) = comparison.gate {
        let allowed = percent(gate.allowed);
        let sentence = match gate.outcome {
            Outcome::Passed => format!("passed: nothing got slower by more than {allowed}"),
            Outcome::Regressed => format!("regressed: something got slower by more than {allowed}, for certain"),
            Outcome::Undecided => {
                format!("undecided: whether something got slower by more than {allowed} cannot be said")
            }
        };
        let _ = writeln!(text, "\ngate {sentence}");
    }
    text
}

/// `3 runs, 2026-01-31T12:00:00Z to 2026-01-31T12:40:00Z, pagewise 0.1.0 (0ba268e)`
fn runs(runs: &[Named]) -> String {
    let builds = runs.iter().fold(Vec::new(), |mut seen: Vec<String>, run| {
        let commit = run.commit.as_ref().map_or_else(String::new, |commit| format!(" ({commit})"));
        let build = format!("pagewise {}{commit}", run.version);
        if !seen.contains(&build) {
            seen.push(build);
        }
        seen
    });
    let builds = builds.join(" and ");
    match runs {
        [one] => format!("{}, {builds}", one.id),
        [first, .., last] => format!("{} runs, {} to {}, {builds}", runs.len(), first.started, last.started),
        [] => "no runs".to_owned(),
    }
}

fn heads(comparison: &Comparison) -> Vec<&'static str> {
    let mut heads = vec!["method", "A", "B", "B / A", "interval", "verdict", "p", "runs"];
    if comparison.gate.is_some() {
        heads.push("gate");
    }
    heads
}

fn line(row: &Row, comparison: &Comparison, markdown: bool) -> Vec<String> {
    let value = |figures: &Figures| {
        figures.median.map_or_else(
            || units::NONE.to_owned(),
            |median| match comparison.table.measure {
                Measure::Time => units::time(median),
                Measure::Ratio => units::ratio(median),
            },
        )
    };
    let known = |value: Option<f64>, shown: fn(f64) -> String| value.map_or_else(|| units::NONE.to_owned(), shown);
    let mut line = vec![
        if markdown { format!("`{}`", row.method) } else { row.method.clone() },
        value(&row.a),
        value(&row.b),
        known(row.ratio, units::ratio),
        row.low.zip(row.high).map_or_else(|| units::NONE.to_owned(), |(low, high)| units::ratio_interval(low, high)),
        word(row),
        known(row.p, |p| if p < 0.0001 { "<0.0001".to_owned() } else { format!("{p:.4}") }),
        format!("{} and {}", row.a.values.len(), row.b.values.len()),
    ];
    if let Some(gate) = comparison.gate {
        let outcome = gate::row(row, gate.allowed);
        line.push(
            outcome
                .map_or(units::NONE, |outcome| match outcome {
                    Outcome::Passed => "passed",
                    Outcome::Regressed => "regressed",
                    Outcome::Undecided => "undecided",
                })
                .to_owned(),
        );
    }
    line
}

fn word(row: &Row) -> String {
    match (row.a.values.is_empty(), row.b.values.is_empty()) {
        (true, true) => "on neither side".to_owned(),
        (true, false) => "only on side B".to_owned(),
        (false, true) => "only on side A".to_owned(),
        (false, false) => verdict_word(row.verdict).to_owned(),
    }
}

/// Why runs have no figure of a method.
fn reasons(row: &Row) -> Vec<String> {
    let of = |name: &str, figures: &Figures| -> Vec<String> {
        let said = |missing: &Missing| format!("{}: {} of side {name}: {}", row.method, missing.runs, missing.reason);
        figures.missing.iter().map(said).collect()
    };
    [of("A", &row.a), of("B", &row.b)].concat()
}

const OVERALL: [&str; 5] = ["area", "guarantee", "B / A, geometric mean", "methods of scenarios", "left out"];

fn overall(group: &Group) -> Vec<String> {
    vec![
        group.area.clone(),
        group.guarantee.clone().unwrap_or_else(|| units::NONE.to_owned()),
        group.ratio.map_or_else(|| units::NONE.to_owned(), units::ratio),
        group.cases.to_string(),
        group.left_out.to_string(),
    ]
}

fn ranking(group: &Group, look: Look) -> String {
    let guarantee = group.guarantee.as_ref().map_or_else(String::new, |guarantee| format!(", {guarantee}"));
    let mut text = format!(
        "\n{}{guarantee}: methods over the {} scenarios that all of them finished, time over the best's, geometric mean\n\n",
        group.area, group.scenarios
    );
    let lines =
        group.methods.iter().map(|method| vec![method.method.clone(), units::ratio(method.a), units::ratio(method.b)]);
    text.push_str(&grid::text(&["method", "A", "B"], lines.collect(), look));
    if !group.unranked.is_empty() {
        let names: Vec<String> = group.unranked.iter().map(|(name, finished)| format!("{name} ({finished})")).collect();
        let _ = writeln!(text, "\nnot ranked, since they finished fewer: {}", names.join(", "));
    }
    text
}

fn percent(part: f64) -> String {
    format!("{} %", (part * 1e6).round() / 1e4)
}

/// A line a method (RFC 4180); times in ns, absent figures empty, values of runs with a space between.
pub fn csv(comparison: &Comparison) -> anyhow::Result<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record([
        "area",
        "scenario",
        "guarantee",
        "method",
        "measure",
        "a",
        "b",
        "a_values",
        "b_values",
        "ratio",
        "low",
        "high",
        "p",
        "verdict",
        "a_missing",
        "b_missing",
        "gate",
    ])?;
    let measure = if comparison.table.measure == Measure::Time { "ns_per_op" } else { "ratio" };
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let values = |figures: &Figures| figures.values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let reasons = |figures: &Figures| {
        figures.missing.iter().map(|missing| missing.reason.as_str()).collect::<Vec<_>>().join("; ")
    };
    for row in &comparison.table.rows {
        let gate = comparison.gate.and_then(|gate| gate::row(row, gate.allowed));
        let gate = serde_json::to_value(gate)?;
        writer.write_record([
            &row.area,
            &row.scenario,
            row.guarantee.as_deref().unwrap_or(""),
            &row.method,
            measure,
            &number(row.a.median),
            &number(row.b.median),
            &values(&row.a),
            &values(&row.b),
            &number(row.ratio),
            &number(row.low),
            &number(row.high),
            &number(row.p),
            &word(row),
            &reasons(&row.a),
            &reasons(&row.b),
            gate.as_str().unwrap_or(""),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
