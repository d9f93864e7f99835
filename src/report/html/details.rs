//! What does a reader who doubts a study want to know?

use serde::Serialize;

use crate::report::{notes, rows, units};
use crate::results::model::{Batches, Study};

/// The collapsible part of a study.
#[derive(Debug, Serialize)]
pub struct Details {
    facts: Vec<Fact>,
    batches: Vec<Kept>,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

/// What was measured of a case, and what of it counts.
#[derive(Debug, Serialize)]
struct Kept {
    method: String,
    batches: String,
    dropped: String,
    checks: String,
    own_rounds: String,
}

/// Everything that the verdicts of `study` rest on, beside the batches themselves, which are in `run.json`.
pub fn details(study: &Study) -> Details {
    let number = |value: u64| units::grouped(value as f64);
    let looks: Vec<String> = study.looks.iter().map(ToString::to_string).collect();
    let mut facts = vec![
        fact("operations a batch (k)", number(study.k)),
        fact("rounds a worker", study.rounds.to_string()),
        fact("workers", format!("{} finished, {} used", study.workers, study.workers_used)),
        fact(
            "planned looks",
            if looks.is_empty() { "none".to_owned() } else { format!("at {} workers", looks.join(", ")) },
        ),
        fact("stopped", notes::stop_in_words(&study.stop_reason).to_owned()),
        fact("confidence of the study", units::percent(study.confidence)),
        fact("margin of equality", format!("±{}", units::percent(study.margin))),
        fact("seed of the order", study.order_seed.to_string()),
    ];
    if let Some(ratio) = study.cases.iter().find_map(|case| case.ratio) {
        facts.insert(6, fact("confidence of each comparison", units::percent(ratio.confidence)));
    }
    if let Some(null) = &study.null_control {
        let interval = null.low.zip(null.high).map(|(low, high)| format!(" ({})", units::ratio_interval(low, high)));
        let estimate = null.estimate.map_or_else(|| units::NONE.to_owned(), units::ratio);
        let word = if study.tainted { "off" } else { rows::word(null.verdict) };
        facts.push(fact("null control", format!("{estimate}{}, {word}", interval.unwrap_or_default())));
    }
    let cases = rows::ordered(study).into_iter();
    let mut batches: Vec<Kept> = cases
        .map(|case| Kept {
            checks: number(case.proof.checks),
            own_rounds: number(case.proof.dropped_rounds),
            ..kept(&case.method, &case.batches)
        })
        .collect();
    batches.extend(study.null_control.as_ref().map(|null| kept("null control", &null.batches)));
    Details { facts, batches }
}

fn fact(name: &'static str, value: String) -> Fact {
    Fact { name, value }
}

fn kept(method: &str, batches: &Batches) -> Kept {
    let dropped = batches.dropped.iter().filter(|dropped| **dropped).count();
    Kept {
        method: method.to_owned(),
        batches: units::grouped(batches.ns.len() as f64),
        dropped: units::grouped(dropped as f64),
        checks: units::NONE.to_owned(),
        own_rounds: units::NONE.to_owned(),
    }
}
