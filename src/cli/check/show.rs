//! How the outcomes of a check look: a table to read, or JSON.

use std::fmt::Write;
use std::path::PathBuf;

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, Width, presets};
use serde::Serialize;

use crate::proof::{Filesystem, Outcome, Verdict};
use crate::results::text::printable;

/// Where the claims were tried.
#[derive(Debug)]
pub struct Place {
    /// The folder.
    pub dir: PathBuf,
    /// Its filesystem.
    pub filesystem: Filesystem,
    /// `Linux 6.18.44`.
    pub kernel: String,
}

/// Characters of each column, with a space on either side; with one between columns, 100 in all.
const COLUMNS: [u16; 4] = [42, 23, 23, 9];
const WIDTH: u16 = 100;

/// A table for each topic, what failed and what was skipped, and a closing line.
pub fn table(outcomes: &[Outcome], place: &Place, colours: bool) -> String {
    let mut text = String::new();
    for topic in outcomes.chunk_by(|one, next| one.topic == next.topic) {
        let _ = writeln!(text, "{}", topic[0].topic.question());
        for line in topic_table(topic).lines() {
            text.push_str(&paint(line.trim_end(), colours));
            text.push('\n');
        }
        text.push('\n');
    }
    text.push_str(&failures(outcomes));
    text.push_str(&skips(outcomes));
    let _ = writeln!(
        text,
        "{} hold, {} fail, {} skipped on {} ({}), {}",
        count(outcomes, Verdict::Holds),
        count(outcomes, Verdict::Fails),
        count(outcomes, Verdict::Skipped),
        place.filesystem,
        printable(&place.dir.to_string_lossy()),
        place.kernel,
    );
    text
}

fn topic_table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    table.set_header(["claim", "expected", "seen", "verdict"]);
    for outcome in outcomes {
        let seen = outcome.seen.as_deref().unwrap_or("nothing: see below");
        table.add_row([&outcome.claim, &outcome.expected, seen, outcome.verdict.name()]);
    }
    for (column, width) in table.column_iter_mut().zip(COLUMNS) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    table
}

/// Colours the verdict at the end of a line of the table: the word in its last column.
fn paint(line: &str, colours: bool) -> String {
    let before = usize::from(WIDTH - COLUMNS[3]);
    let start = line.char_indices().nth(before).map(|(at, _)| at);
    let Some((rest, last)) = start.map(|at| line.split_at(at)).filter(|_| colours) else {
        return line.to_owned();
    };
    let colour = match last.trim() {
        "holds" => "32",
        "fails" => "1;31",
        "skipped" => "33",
        _ => return line.to_owned(),
    };
    let word = last.trim_start();
    let space = &last[..last.len() - word.len()];
    format!("{rest}{space}\u{1b}[{colour}m{word}\u{1b}[0m")
}

/// What failed, each with its name and where the claim is written.
fn failures(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fails) {
        let _ = writeln!(text, "fails: {}\n  expected: {}", outcome.id, outcome.expected);
        if let Some(seen) = &outcome.seen {
            let _ = writeln!(text, "  seen: {seen}");
        }
        if let Some(reason) = &outcome.reason {
            let _ = writeln!(text, "  reason: {reason}");
        }
        let _ = writeln!(text, "  source: {}\n", outcome.source);
    }
    text
}

/// What was skipped: each reason once, with the claims that it holds for.
fn skips(outcomes: &[Outcome]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Skipped) {
        let reason = outcome.reason.as_deref().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, ids)) => ids.push(&outcome.id),
            None => reasons.push((reason, vec![&outcome.id])),
        }
    }
    let mut text = String::new();
    for (reason, ids) in reasons {
        let _ = writeln!(text, "skipped: {reason}");
        for id in ids {
            let _ = writeln!(text, "  {id}");
        }
        text.push('\n');
    }
    text
}

fn count(outcomes: &[Outcome], verdict: Verdict) -> usize {
    outcomes.iter().filter(|outcome| outcome.verdict == verdict).count()
}

/// The outcomes as one JSON object.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    dir: String,
    filesystem: &'a Filesystem,
    kernel: &'a str,
    holds: usize,
    fails: usize,
    skipped: usize,
    claims: &'a [Outcome],
}

/// The outcomes as JSON.
///
/// # Errors
/// None that is known: every part is text or a number.
pub fn json(outcomes: &[Outcome], place: &Place) -> serde_json::Result<String> {
    let report = Report {
        schema: "pagewise/check/v1",
        dir: place.dir.display().to_string(),
        filesystem: &place.filesystem,
        kernel: &place.kernel,
        holds: count(outcomes, Verdict::Holds),
        fails: count(outcomes, Verdict::Fails),
        skipped: count(outcomes, Verdict::Skipped),
        claims: outcomes,
    };
    let mut text = serde_json::to_string_pretty(&report)?;
    text.push('\n');
    Ok(text)
}
