//! What stands in the page of each study?

use serde::Serialize;

use super::details::{Details, details};
use super::tables::{self, Table};
use super::{Drawings, anchor};
use crate::report::plots::Plot;
use crate::report::{interference, notes, rows, units};
use crate::results::model::{Case, FloorRatio, Run, Study};

/// The studies of an area.
#[derive(Debug, Serialize)]
pub struct Area {
    name: String,
    title: String,
    anchor: String,
    studies: Vec<View>,
}

/// A study as the template shows it.
#[derive(Debug, Serialize)]
struct View {
    anchor: String,
    id: String,
    question: String,
    operation: String,
    baseline: String,
    guarantee: Option<String>,
    promise: Option<&'static str>,
    chips: Vec<Chip>,
    /// The conditions that are the study's own, not the scenario's.
    effort: String,
    cautions: Vec<String>,
    undecided: Option<String>,
    cache: Option<String>,
    /// SVG, escaped where it was drawn.
    ratios: Option<String>,
    latencies: Option<String>,
    comparison: Option<Table>,
    times: Option<Table>,
    reasons: Vec<Reason>,
    methods: Vec<About>,
    notes: Vec<String>,
    dropped: Vec<String>,
    details: Details,
    summary: Vec<Count>,
    best: Option<String>,
}

#[derive(Debug, Serialize)]
struct Chip {
    name: String,
    value: String,
}

/// Why a case was not measured.
#[derive(Debug, Serialize)]
struct Reason {
    method: String,
    word: &'static str,
    reason: String,
}

#[derive(Debug, Serialize)]
struct About {
    method: String,
    about: String,
}

/// How many cases have a verdict.
#[derive(Debug, Serialize)]
struct Count {
    word: &'static str,
    count: usize,
}

/// The areas of `run`, in the order in which each first appears.
pub fn areas(run: &Run, drawings: &[Drawings]) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for (index, study) in run.studies.iter().enumerate() {
        let place = areas.iter().position(|area| area.name == study.area).unwrap_or_else(|| {
            areas.push(Area {
                name: study.area.clone(),
                title: title(&study.area),
                anchor: format!("area-{}", areas.len() + 1),
                studies: Vec::new(),
            });
            areas.len() - 1
        });
        areas[place].studies.push(view(run, study, index, drawings.get(index)));
    }
    areas
}

/// `shared_edit` is titled `Shared edit`, `fork_ipc` `Fork IPC`: the report knows no catalogue, but it knows how to write.
fn title(area: &str) -> String {
    const ACRONYMS: [&str; 5] = ["cow", "io", "ipc", "thp", "tlb"];
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    let write = |(place, word): (usize, &str)| match place {
        _ if ACRONYMS.contains(&word) => word.to_uppercase(),
        0 => capital(word),
        _ => word.to_owned(),
    };
    area.split('_').enumerate().map(write).collect::<Vec<String>>().join(" ")
}

fn view(run: &Run, study: &Study, index: usize, drawings: Option<&Drawings>) -> View {
    let scenario = &study.scenario;
    let svg = |plot: Option<&Plot>| plot.map(Plot::inline);
    let reasons = rows::missing(study).into_iter().map(|case| Reason {
        method: case.method.clone(),
        word: rows::verdict_word(study, case).unwrap_or("failed"),
        reason: rows::reason(case).to_owned(),
    });
    View {
        anchor: anchor(index),
        id: scenario.id.clone(),
        question: scenario.question.clone(),
        operation: scenario.operation.clone(),
        baseline: study.baseline.clone(),
        guarantee: scenario.guarantee.clone(),
        promise: scenario.guarantee.as_deref().and_then(notes::guarantee_in_words),
        chips: chips(study),
        effort: notes::effort(study).join(" · "),
        cautions: notes::cautions(run, study),
        undecided: notes::undecided(study),
        cache: notes::cache(study),
        ratios: svg(drawings.and_then(|drawings| drawings.ratios.as_ref())),
        latencies: svg(drawings.and_then(|drawings| drawings.latencies.as_ref())),
        comparison: tables::comparison(study),
        times: tables::times(study),
        reasons: reasons.collect(),
        methods: study
            .cases
            .iter()
            .map(|case| About { method: case.method.clone(), about: case.about.clone() })
            .collect(),
        notes: interference::sentences(study)
            .into_iter()
            .chain(notes_below(study))
            .chain(notes::prices(study, &run.floors))
            .collect(),
        dropped: notes::dropped(study),
        details: details(study),
        summary: summary(study),
        best: best(study),
    }
}

/// The scenario's parameters, with what the study's conditions add to them.
fn chips(study: &Study) -> Vec<Chip> {
    let scenario = &study.scenario;
    let named = [("guarantee", &scenario.guarantee), ("history", &scenario.history), ("state", &scenario.state)];
    let conditions = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    let params = scenario.params.iter().map(|(name, value)| (name.clone(), value.clone()));
    let mut chips: Vec<Chip> = Vec::new();
    for (name, value) in conditions.chain(params) {
        if !chips.iter().any(|chip| chip.name == name) {
            chips.push(Chip { name, value });
        }
    }
    chips
}

/// What explains the figures of the tables: the floor, and why latencies are missing.
fn notes_below(study: &Study) -> Vec<String> {
    let mut notes: Vec<String> = floors(study).into_iter().collect();
    let silent = rows::measured(study).into_iter().filter_map(|case| Some((case, case.latency_reason.as_ref()?)));
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (case, reason) in silent {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, methods)) => methods.push(&case.method),
            None => reasons.push((reason, vec![&case.method])),
        }
    }
    notes.extend(
        reasons.into_iter().map(|(reason, methods)| format!("No latency of {}: {reason}.", methods.join(", "))),
    );
    notes
}

/// What the column of floors holds each method against; `None` where there are none.
fn floors(study: &Study) -> Option<String> {
    let mut floors: Vec<(String, Vec<&str>)> = Vec::new();
    for case in &study.cases {
        let Some(words) = case.floor.as_ref().map(floor_in_words) else { continue };
        match floors.iter_mut().find(|(known, _)| *known == words) {
            Some((_, methods)) => methods.push(&case.method),
            None => floors.push((words, vec![&case.method])),
        }
    }
    let said = match &floors[..] {
        [] => return None,
        [(words, _)] => words.clone(),
        several => {
            let each = several.iter().map(|(words, methods)| format!("{words} ({})", methods.join(", ")));
            each.collect::<Vec<_>>().join("; ")
        }
    };
    Some(format!("Floor: {said}; the column is the time of an operation as a multiple of it."))
}

/// `page touch`, `164 × page copy`, `system call and page copy`.
fn floor_in_words(floor: &FloorRatio) -> String {
    let part = |name: &str, units: f64| match units {
        // As many as each method took.
        _ if name == "minor fault" => "its minor faults".to_owned(),
        1.0 => name.to_owned(),
        units => format!("{} × {name}", units::count(units)),
    };
    let also = floor.also.iter().map(|other| part(&other.name, other.units));
    std::iter::once(part(&floor.name, floor.units)).chain(also).collect::<Vec<_>>().join(" and ")
}

/// The verdicts of a study, counted.
fn summary(study: &Study) -> Vec<Count> {
    let words: Vec<&str> = study.cases.iter().filter_map(|case| rows::verdict_word(study, case)).collect();
    let all = ["faster", "equal", "slower", "unresolved", "unavailable", "failed"];
    let counts =
        all.into_iter().map(|word| Count { word, count: words.iter().filter(|other| **other == word).count() });
    counts.filter(|count| count.count > 0).collect()
}

/// The method with the smallest ratio of those that a verdict calls faster; the baseline, if every verdict is against the others.
fn best(study: &Study) -> Option<String> {
    let measured = rows::measured(study);
    let word = |case: &Case| rows::verdict_word(study, case);
    if let Some(faster) = measured.iter().find(|case| word(case) == Some("faster")) {
        return Some(faster.method.clone());
    }
    let compared = measured.iter().filter(|case| !rows::is_baseline(study, case));
    let decided = compared.clone().all(|case| matches!(word(case), Some("slower" | "equal")));
    let stands = measured.iter().any(|case| rows::is_baseline(study, case));
    (stands && decided && compared.count() > 0).then(|| study.baseline.clone())
}
