//! Which cases have the two sides in common, and what value has each run of them?

use std::collections::BTreeSet;

use super::model::{Case, Figures, Missing, Of, Place};
use crate::results::Found;
use crate::results::model::{Case as Measured, Status, Study};
use crate::stats::median;

/// Every case of every run: scenarios and methods in the order in which side A has them, then what side B alone has. A case that was not
/// measured is a case without values, never left out.
pub(super) fn matched(a: &[Found], b: &[Found], of: Of) -> Vec<Case> {
    let mut cases = Vec::new();
    for scenario in scenarios(a.iter().chain(b)) {
        let (a, b) = (SideOf::new(a, scenario), SideOf::new(b, scenario));
        let studies: Vec<&Study> = a.studies().chain(b.studies()).collect();
        let baselines: BTreeSet<&str> = studies.iter().map(|study| study.baseline.as_str()).collect();
        let of = match of {
            Of::Time => Value::Time,
            Of::Ratio if baselines.len() == 1 => Value::Ratio,
            Of::Ratio => Value::NoCommonBaseline,
        };
        for method in methods(&studies) {
            if of == Value::Ratio && baselines.contains(method) {
                continue;
            }
            let Some(study) = studies.first() else { continue };
            cases.push(Case {
                area: study.area.clone(),
                scenario: scenario.to_owned(),
                state: study.scenario.state.clone(),
                guarantee: study.scenario.guarantee.clone(),
                method: method.to_owned(),
                place: match (a.has(method), b.has(method)) {
                    (true, false) => Place::OnlyA,
                    (false, true) => Place::OnlyB,
                    _ => Place::Both,
                },
                a: a.figures(method, of),
                b: b.figures(method, of),
                ratio: None,
                low: None,
                high: None,
                p: None,
                margin: studies.iter().map(|study| study.margin).fold(f64::INFINITY, f64::min),
                verdict: None,
                gate: None,
            });
        }
    }
    cases
}

/// What a run's value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Time,
    Ratio,
    NoCommonBaseline,
}

/// Ids, each once.
fn scenarios<'a>(runs: impl Iterator<Item = &'a Found>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let ids = runs.flat_map(|found| &found.run.studies).map(|study| study.scenario.id.as_str());
    ids.filter(|id| seen.insert(*id)).collect()
}

/// Names of methods, each once.
fn methods<'a>(studies: &[&'a Study]) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let names = studies.iter().flat_map(|study| &study.cases).map(|case| case.method.as_str());
    names.filter(|name| seen.insert(*name)).collect()
}

/// What the runs of a side have of a scenario.
struct SideOf<'a> {
    /// Each run's id, and its study of the scenario.
    runs: Vec<(&'a str, Option<&'a Study>)>,
}

impl<'a> SideOf<'a> {
    fn new(runs: &'a [Found], scenario: &str) -> Self {
        let study = |found: &'a Found| found.run.studies.iter().find(|study| study.scenario.id == scenario);
        Self { runs: runs.iter().map(|found| (found.run.id.as_str(), study(found))).collect() }
    }

    fn studies(&self) -> impl Iterator<Item = &'a Study> {
        self.runs.iter().filter_map(|(_, study)| *study)
    }

    fn has(&self, method: &str) -> bool {
        self.studies().any(|study| case(study, method).is_some())
    }

    fn figures(&self, method: &str, of: Value) -> Figures {
        let mut figures = Figures::default();
        for (run, study) in &self.runs {
            match value(*study, method, of) {
                Ok(value) => figures.values.push(value),
                Err((status, reason)) => figures.missing.push(Missing { run: (*run).to_owned(), status, reason }),
            }
        }
        figures.median = median(&figures.values);
        figures
    }
}

fn case<'a>(study: &'a Study, method: &str) -> Option<&'a Measured> {
    study.cases.iter().find(|case| case.method == method)
}

/// A run's value of a case, or why it has none.
fn value(study: Option<&Study>, method: &str, of: Value) -> Result<f64, (&'static str, String)> {
    let Some(study) = study else { return Err(("absent", "the run has no such scenario".to_owned())) };
    let Some(case) = case(study, method) else {
        return Err(("absent", "the run did not measure this method in this scenario".to_owned()));
    };
    let reason = || case.reason.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
    match case.status {
        Status::Unavailable => return Err(("unavailable", reason())),
        Status::Failed => return Err(("failed", reason())),
        Status::Ok => {}
    }
    if study.tainted {
        return Err(("tainted", "the null control was off, so that no figure of the study stands".to_owned()));
    }
    let (value, what) = match of {
        Value::Time => (case.ns_per_op.map(|time| time.estimate), "time"),
        Value::Ratio => (case.ratio.map(|ratio| ratio.estimate), "ratio to the baseline"),
        Value::NoCommonBaseline => {
            return Err(("absent", "the runs do not have the same baseline in this scenario".to_owned()));
        }
    };
    match value {
        None => Err(("failed", format!("no batch counts, so that it has no {what}"))),
        // A ratio of two runs needs its logarithm.
        Some(value) if value <= 0.0 => Err(("failed", format!("its {what} is {value}, which cannot be compared"))),
        Some(value) => Ok(value),
    }
}
