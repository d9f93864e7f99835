//! How a trial's rates look: tables to read, or Markdown.

use std::fmt::Write;

use crate::report::grid::{self, Look};
use crate::report::units;
use crate::stats;
use crate::trial::model::{Subject, Trial};
use crate::trial::rates::{self, CONFIDENCE, Result, Tally};
use crate::trial::store::Recorded;

/// The rates of `trials`, one after the other.
pub fn text(trials: &[Recorded], markdown: bool) -> String {
    trials.iter().map(|recorded| one(recorded, markdown)).collect::<Vec<_>>().join("\n")
}

fn one(recorded: &Recorded, markdown: bool) -> String {
    let results = rates::results(recorded);
    let look = if markdown { Look::Markdown } else { Look::Terminal };
    let trial = &recorded.trial;
    let mut text = String::new();
    let _ = writeln!(text, "{}\n", heading(trial, markdown));
    text.push_str(&grid::text(&VERDICTS, verdicts(trial, &results), look));
    let _ = writeln!(text, "\n{}\n", total(&results));
    text.push_str(&grid::text(&SPREADS, spreads(trial, &results), look));
    text.push('\n');
    text.push_str(&grid::text(&OTHERS, others(trial, &results), look));
    text.push('\n');
    text.push_str(&grid::text(&VARIATIONS, variations(trial, &results), look));
    text
}

fn heading(trial: &Trial, markdown: bool) -> String {
    let neighbour = trial.neighbour.as_deref().unwrap_or("nothing of ours beside it");
    let unfinished = if trial.finished.is_none() { ", not finished" } else { "" };
    let name = if markdown { format!("**{}**", trial.label) } else { trial.label.clone() };
    let commit = trial.pagewise.commit.as_deref().map_or(String::new(), |commit| format!(" ({commit})"));
    format!("{name}: {}{unfinished}, pagewise {}{commit}; {neighbour}.", trial.started, trial.pagewise.version)
}

const VERDICTS: [&str; 10] = [
    "case",
    "slowed by",
    "studies",
    "slower",
    "faster",
    "equal",
    "unresolved",
    "tainted",
    "if none were dropped",
    "target",
];

fn verdicts(trial: &Trial, results: &[Result]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (subject, result) in trial.subjects.iter().zip(results) {
        for (drag, tally) in &result.tallies {
            let found = if *drag == 0 { tally.slower.to_string() } else { rate(tally.slower, tally.tries) };
            rows.push(vec![
                subject.name.clone(),
                slowed(*drag),
                tally.tries.to_string(),
                found,
                tally.faster.to_string(),
                tally.equal.to_string(),
                with_failed(tally),
                if tally.tainted == 0 { "0".to_owned() } else { format!("{}, {} hidden", tally.tainted, tally.hidden) },
                format!("{} slower, {} faster", tally.undropped.1, tally.undropped.0),
                verdict_on(subject, *drag, tally),
            ]);
        }
    }
    rows
}

fn with_failed(tally: &Tally) -> String {
    if tally.failed == 0 {
        tally.unresolved.to_string()
    } else {
        format!("{}, {} failed", tally.unresolved, tally.failed)
    }
}

fn slowed(drag: u32) -> String {
    if drag == 0 { "nothing".to_owned() } else { format!("{} %", f64::from(drag) / 10.0) }
}

/// `97 % (91 to 99)`
fn rate(count: usize, tries: usize) -> String {
    if tries == 0 {
        return units::NONE.to_owned();
    }
    let (low, high) = stats::rate_interval(count, tries, CONFIDENCE);
    let percent = |part: f64| (part * 100.0).round();
    format!("{} % ({} to {})", percent(count as f64 / tries as f64), percent(low), percent(high))
}

fn verdict_on(subject: &Subject, drag: u32, tally: &Tally) -> String {
    match rates::target(subject, drag) {
        _ if drag == 0 => format!(
            "≤ {}: {}",
            rates::most_false(tally.tries),
            met(tally.different() + tally.hidden <= rates::most_false(tally.tries))
        ),
        Some(part) => {
            let needed = (part * tally.tries as f64).ceil() as usize;
            format!("≥ {needed}: {}", met(tally.slower >= needed))
        }
        None => units::NONE.to_owned(),
    }
}

fn met(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

/// Comparisons of identical methods over all subjects.
fn total(results: &[Result]) -> String {
    let nulls = results.iter().filter_map(|result| result.tallies.first()).map(|(_, tally)| tally);
    let (mut tries, mut wrong, mut tainted, mut hidden) = (0, 0, 0, 0);
    for tally in nulls {
        tries += tally.tries;
        wrong += tally.different();
        tainted += tally.tainted;
        hidden += tally.hidden;
    }
    let (low, high) = stats::rate_interval(wrong, tries, CONFIDENCE);
    let most = rates::most_false(tries);
    format!(
        "Identical methods called different: {wrong} of {tries}, {:.1} % ({:.1} to {:.1} at {} %), at most {most} are the target: {}. Of {tainted} tainted comparisons, {hidden} would have been.",
        100.0 * wrong as f64 / tries.max(1) as f64,
        100.0 * low,
        100.0 * high,
        CONFIDENCE * 100.0,
        met(wrong + hidden <= most),
    )
}

const SPREADS: [&str; 9] = [
    "case",
    "batch",
    "workers planned",
    "rounds a worker",
    "spread of a worker's ratio",
    "width of the interval",
    "time a comparison",
    "time to verdict",
    "workers that a target takes",
];

fn spreads(trial: &Trial, results: &[Result]) -> Vec<Vec<String>> {
    let percent = |part: f64| format!("{:.2} %", 100.0 * part);
    let seconds = |ns: f64| format!("{:.2} s", ns / 1e9);
    trial
        .subjects
        .iter()
        .zip(results)
        .map(|(subject, result)| {
            let null = &result.tallies[0].1;
            let slowed = result.tallies.iter().skip(1).filter_map(|(_, tally)| tally.verdict_ns).collect::<Vec<_>>();
            let needed = result.workers_needed.iter().map(|(drag, workers)| {
                let workers = workers.map_or_else(|| "thousands".to_owned(), |count| count.to_string());
                format!("{workers} for {}", slowed_for(*drag))
            });
            vec![
                subject.name.clone(),
                known(result.batch_ns, &units::time),
                known(result.plan.map(|(_, workers)| workers), &|count| format!("{count:.0}")),
                known(result.plan.map(|(rounds, _)| rounds), &|count| format!("{count:.0}")),
                known(result.spread, &percent),
                known(null.width, &percent),
                known(null.time_ns, &seconds),
                known(stats::median(&slowed), &seconds),
                needed.collect::<Vec<_>>().join(", "),
            ]
        })
        .collect()
}

fn slowed_for(drag: u32) -> String {
    format!("+{}", slowed(drag))
}

const OTHERS: [&str; 5] = [
    "identical methods called different",
    "interleaved, workers (ours)",
    "the same, rounds pooled",
    "blocks, one after the other",
    "Criterion's baseline",
];

fn others(trial: &Trial, results: &[Result]) -> Vec<Vec<String>> {
    let of = |count: usize, tries: usize| {
        if tries == 0 { units::NONE.to_owned() } else { format!("{count} of {tries}: {}", rate(count, tries)) }
    };
    trial
        .subjects
        .iter()
        .zip(results)
        .map(|(subject, result)| {
            let null = &result.tallies[0].1;
            vec![
                subject.name.clone(),
                of(null.different(), null.tries),
                of(result.variation.pooled.1, result.variation.pooled.0),
                of(result.blocks.1, result.blocks.0),
                result.criterion.map_or_else(|| units::NONE.to_owned(), |(tries, off)| of(off, tries)),
            ]
        })
        .collect()
}

const VARIATIONS: [&str; 11] = [
    "case",
    "spread of batches",
    "of ratios within rounds",
    "of workers' ratios",
    "if rounds were independent",
    "by ratio of medians",
    "by mean of rounds",
    "places in a round",
    "lag 1: batches",
    "rounds",
    "workers",
];

fn variations(trial: &Trial, results: &[Result]) -> Vec<Vec<String>> {
    let percent = |part: Option<f64>| known(part, &|part| format!("{:.2} %", 100.0 * part));
    let correlation = |value: Option<f64>| known(value, &|value| format!("{value:+.2}"));
    let row = |(subject, result): (&Subject, &Result)| {
        let seen = &result.variation;
        vec![
            subject.name.clone(),
            percent(seen.batch),
            percent(seen.round),
            percent(seen.worker),
            percent(seen.worker_if_independent),
            percent(seen.ratio_of_medians),
            percent(seen.mean_of_rounds),
            percent(seen.places),
            correlation(seen.batch_lag),
            correlation(seen.round_lag),
            correlation(seen.worker_lag),
        ]
    };
    trial.subjects.iter().zip(results).map(row).collect()
}

fn known(value: Option<f64>, shown: &dyn Fn(f64) -> String) -> String {
    value.map_or_else(|| units::NONE.to_owned(), shown)
}
