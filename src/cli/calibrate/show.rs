//! How a trial's rates look: tables to read, Markdown, or JSON.

use std::fmt::Write;

use serde_json::json;

use super::Format;
use crate::report::grid::{self, Look};
use crate::report::units;
use crate::stats;
use crate::trial::model::{Subject, Trial};
use crate::trial::rates::{self, CONFIDENCE, Result, Said, Share, Tally};
use crate::trial::store::Recorded;

/// The rates of `trials`, one after the other.
pub fn text(trials: &[Recorded], format: Format) -> String {
    let tables = |look| trials.iter().map(|recorded| one(recorded, look)).collect::<Vec<_>>().join("\n");
    match format {
        Format::Table => tables(Look::Terminal),
        Format::Markdown => tables(Look::Markdown),
        Format::Json => {
            let all =
                json!({ "schema": "pagewise/calibrate/v1", "trials": trials.iter().map(object).collect::<Vec<_>>() });
            format!("{all:#}\n")
        }
    }
}

/// The rates of one trial, for programs.
fn object(recorded: &Recorded) -> serde_json::Value {
    let trial = &recorded.trial;
    let results = rates::results(recorded);
    let nulls = nulls(&results);
    json!({
        "id": trial.id,
        "label": trial.label,
        "started": trial.started,
        "finished": trial.finished,
        "pagewise": trial.pagewise,
        "neighbour": trial.neighbour,
        "identical": { "different": nulls.wrong, "of": nulls.tries, "hidden": nulls.hidden, "most": rates::most_false(nulls.tries), "target": nulls.said() },
        "subjects": results,
    })
}

fn one(recorded: &Recorded, look: Look) -> String {
    let results = rates::results(recorded);
    let trial = &recorded.trial;
    let mut text = heading(recorded, look);
    let mut table = |title: &str, heads: &[&str], lines: Vec<Vec<String>>| {
        let _ = write!(text, "\n{}\n\n{}", strong(title, look), grid::text(heads, lines, look));
    };
    table("Verdicts", &VERDICTS, per_name(trial, &results, verdicts));
    table("How often the slowed are called slower, and the same different", &RATES, per_name(trial, &results, rates));
    table("What dropping rounds and the null control change", &DROPPED, per_name(trial, &results, dropped));
    table("Effort", &EFFORT, results.iter().map(effort).collect());
    table("What a difference takes here", &SPREADS, results.iter().map(spread).collect());
    table("Identical methods called different, by the way of comparing", &WAYS, results.iter().map(ways).collect());
    table("How batches, rounds and workers vary", &VARIATIONS, results.iter().map(variation).collect());
    table("How workers' ratios vary by the way of summing up a worker", &SUMS, results.iter().map(sums).collect());
    table("How each correlates with the next", &LAGS, results.iter().map(lags).collect());
    let _ = write!(text, "\n{}\n", nulls(&results).sentence());
    for sentence in failures(&results) {
        let _ = write!(text, "\n{sentence}\n");
    }
    text
}

fn strong(text: &str, look: Look) -> String {
    if look == Look::Markdown { format!("**{text}**") } else { text.to_owned() }
}

fn heading(recorded: &Recorded, look: Look) -> String {
    let trial = &recorded.trial;
    let (studies, _) = recorded.counts();
    let planned = trial.studies as usize * trial.subjects.len();
    let unfinished = if trial.finished.is_none() {
        format!(", not finished: {studies} of {planned} studies")
    } else {
        String::new()
    };
    let commit = trial.pagewise.commit.as_deref().map_or(String::new(), |commit| format!(" ({commit})"));
    let debug = if trial.pagewise.build.as_deref() == Some("debug") { ", built without optimization" } else { "" };
    let neighbour = trial
        .neighbour
        .as_ref()
        .map_or_else(|| "Nothing of ours ran beside it.".to_owned(), |neighbour| format!("Beside it: {neighbour}."));
    let others = trial.warnings.iter().filter(|warning| warning.code == "shared");
    let others: String = others.map(|warning| format!(" {}", warning.text)).collect();
    format!(
        "{}: {}{unfinished}, pagewise {}{commit}{debug}. {neighbour}{others}\n",
        strong(&trial.label, look),
        units::moment(&trial.started),
        trial.pagewise.version
    )
}

/// A row for each name of each subject, the subject's own name in the first of them.
fn per_name(trial: &Trial, results: &[Result], cells: fn(&Subject, &Tally) -> Vec<String>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (subject, result) in trial.subjects.iter().zip(results) {
        for tally in &result.tallies {
            let mut row = vec![subject.name.clone(), slowed(tally.slowed_by)];
            row.extend(cells(subject, tally));
            rows.push(row);
        }
    }
    rows
}

const VERDICTS: [&str; 8] =
    ["case", "slowed by", "studies", "slower", "faster", "equal", "unresolved", "failed studies"];

fn verdicts(_: &Subject, tally: &Tally) -> Vec<String> {
    [tally.tries, tally.slower, tally.faster, tally.equal, tally.unresolved, tally.failed]
        .map(|count| count.to_string())
        .to_vec()
}

const RATES: [&str; 5] = ["case", "slowed by", "rate", "target", "target is"];

fn rates(subject: &Subject, tally: &Tally) -> Vec<String> {
    let (count, target) = if tally.slowed_by == 0 {
        (tally.different(), format!("≤ {} of {}", rates::most_false(tally.tries), tally.tries))
    } else {
        let target = rates::target(subject, tally.slowed_by);
        (tally.slower, known(target, &|part| format!("≥ {:.0} %", 100.0 * part)))
    };
    let said = tally.said(subject).map_or_else(|| units::NONE.to_owned(), |said| word(said).to_owned());
    vec![rate(Share { count, of: tally.tries }), target, said]
}

fn word(said: Said) -> &'static str {
    match said {
        Said::Met => "met",
        Said::Missed => "missed",
        Said::TooFew => "too few studies",
    }
}

const DROPPED: [&str; 6] =
    ["case", "slowed by", "slower, no round dropped", "faster, no round dropped", "tainted studies", "hidden by taint"];

fn dropped(_: &Subject, tally: &Tally) -> Vec<String> {
    [tally.undropped_slower, tally.undropped_faster, tally.tainted, tally.hidden]
        .map(|count| count.to_string())
        .to_vec()
}

fn slowed(drag: u32) -> String {
    if drag == 0 { "nothing".to_owned() } else { format!("{} %", f64::from(drag) / 10.0) }
}

/// `97 % (91 to 99)`
fn rate(share: Share) -> String {
    if share.of == 0 {
        return units::NONE.to_owned();
    }
    let (low, high) = stats::rate_interval(share.count, share.of, CONFIDENCE);
    let percent = |part: f64| (part * 100.0).round();
    format!("{} % ({} to {})", percent(share.count as f64 / share.of as f64), percent(low), percent(high))
}

/// Comparisons of identical methods over all subjects.
struct Nulls {
    tries: usize,
    wrong: usize,
    tainted: usize,
    hidden: usize,
}

fn nulls(results: &[Result]) -> Nulls {
    let mut nulls = Nulls { tries: 0, wrong: 0, tainted: 0, hidden: 0 };
    for tally in results.iter().flat_map(|result| &result.tallies).filter(|tally| tally.slowed_by == 0) {
        nulls.tries += tally.tries;
        nulls.wrong += tally.different();
        nulls.tainted += tally.tainted;
        nulls.hidden += tally.hidden;
    }
    nulls
}

impl Nulls {
    fn said(&self) -> Said {
        rates::said_of_nulls(self.wrong + self.hidden, self.tries)
    }

    fn sentence(&self) -> String {
        let Self { tries, wrong, tainted, hidden } = self;
        if *tries == 0 {
            return "No comparison of identical methods was measured.".to_owned();
        }
        let (low, high) = stats::rate_interval(*wrong, *tries, CONFIDENCE);
        let taint = match (tainted, hidden) {
            (0, _) => "No study was tainted.".to_owned(),
            (_, 0) => format!("Studies that their null control tainted: {tainted}; it hid no false verdict."),
            _ => format!(
                "Studies that their null control tainted: {tainted}; without that, {hidden} of them would have called identical methods different: they count against the target."
            ),
        };
        format!(
            "Identical methods called different: {wrong} of {tries}, {:.1} % ({:.1} to {:.1} % at {} % confidence). The target is at most {}: {}. {taint}",
            100.0 * *wrong as f64 / *tries as f64,
            100.0 * low,
            100.0 * high,
            CONFIDENCE * 100.0,
            rates::most_false(*tries),
            word(self.said()),
        )
    }
}

/// Why studies failed: a sentence for each subject that had such.
fn failures(results: &[Result]) -> Vec<String> {
    let failed = results.iter().filter(|result| !result.failures.is_empty());
    failed
        .map(|result| {
            let reasons: Vec<String> =
                result.failures.iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
            format!("Failed cases of {}, which no rate counts: {}.", result.subject, reasons.join("; "))
        })
        .collect()
}

const EFFORT: [&str; 7] = [
    "case",
    "time of a batch",
    "rounds a worker",
    "workers planned",
    "time, each comparison",
    "time to a verdict",
    "width of interval",
];

fn effort(result: &Result) -> Vec<String> {
    let null = &result.tallies[0];
    let slowed: Vec<f64> = result.tallies.iter().skip(1).filter_map(|tally| tally.verdict_ns).collect();
    vec![
        result.subject.clone(),
        known(result.batch_ns, &units::time),
        known(result.rounds, &|count| format!("{count:.0}")),
        known(result.workers, &|count| format!("{count:.0}")),
        known(null.time_ns, &units::time),
        known(stats::median(&slowed), &units::time),
        percent(null.width),
    ]
}

const SPREADS: [&str; 4] =
    ["case", "spread of a worker's ratio", "workers to find it", "slowdown, and the chance to find it"];

fn spread(result: &Result) -> Vec<String> {
    let workers = |needed: &rates::Needed| needed.workers.map_or_else(|| "thousands".to_owned(), |n| n.to_string());
    let per = |cell: &dyn Fn(&rates::Needed) -> String| {
        result.workers_needed.iter().map(cell).collect::<Vec<_>>().join(" / ")
    };
    vec![
        result.subject.clone(),
        percent(result.spread),
        per(&workers),
        per(&|needed| format!("+{}, {:.0} %", slowed(needed.slowed_by), 100.0 * needed.chance)),
    ]
}

const WAYS: [&str; 5] = [
    "case",
    "within rounds, by workers (ours)",
    "within rounds, all rounds pooled",
    "one block after the other",
    "Criterion's baseline",
];

fn ways(result: &Result) -> Vec<String> {
    let null = &result.tallies[0];
    let ours = Share { count: null.different(), of: null.tries };
    let ways = [Some(ours), Some(result.variation.pooled), Some(result.blocks), result.criterion];
    let cell = |share: Option<Share>| match share {
        Some(share) if share.of > 0 => format!("{} of {}: {}", share.count, share.of, rate(share)),
        _ => units::NONE.to_owned(),
    };
    std::iter::once(result.subject.clone()).chain(ways.map(cell)).collect()
}

const VARIATIONS: [&str; 5] =
    ["case", "batches of a worker", "ratios within rounds", "workers' ratios", "places in a round"];

fn variation(result: &Result) -> Vec<String> {
    let seen = &result.variation;
    let spreads = [seen.batch, seen.round, seen.worker, seen.places];
    std::iter::once(result.subject.clone()).chain(spreads.map(percent)).collect()
}

const SUMS: [&str; 5] = [
    "case",
    "median of ratios (ours)",
    "the same, if rounds were independent",
    "ratio of medians",
    "mean of log-ratios",
];

fn sums(result: &Result) -> Vec<String> {
    let seen = &result.variation;
    let spreads = [seen.worker, seen.worker_if_independent, seen.ratio_of_medians, seen.mean_of_rounds];
    std::iter::once(result.subject.clone()).chain(spreads.map(percent)).collect()
}

const LAGS: [&str; 4] = ["case", "batches of a worker", "ratios within rounds", "workers' ratios"];

fn lags(result: &Result) -> Vec<String> {
    let seen = &result.variation;
    let correlation = |value: Option<f64>| known(value, &|value| format!("{value:+.2}"));
    std::iter::once(result.subject.clone())
        .chain([seen.batch_lag, seen.round_lag, seen.worker_lag].map(correlation))
        .collect()
}

fn percent(part: Option<f64>) -> String {
    known(part, &|part| format!("{:.2} %", 100.0 * part))
}

fn known(value: Option<f64>, shown: &dyn Fn(f64) -> String) -> String {
    value.map_or_else(|| units::NONE.to_owned(), shown)
}
