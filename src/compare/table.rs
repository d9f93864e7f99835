//! What became of each method between two sides: by how much, and how sure that is.

use serde::Serialize;

use crate::results::model::{Case, Run, Scenario, Status, Study, Verdict};
use crate::stats;

use super::side::Side;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// ns an operation.
    Time,
    /// The ratio to the scenario's baseline, taken within rounds: what drifts from run to run cancels out, and so does what slows both.
    Ratio,
}

/// One method of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The area.
    pub area: String,
    /// The scenario's id.
    pub scenario: String,
    /// Its guarantee, where it has one.
    pub guarantee: Option<String>,
    /// The method.
    pub method: String,
    /// Side A's figures.
    pub a: Figures,
    /// Side B's.
    pub b: Figures,
    /// B over A: the Hodges–Lehmann estimate, and the ends of its interval.
    pub ratio: Option<f64>,
    /// The lower end; `null` with too few runs.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The rank test's two-sided probability of sides that lie as far apart, if nothing had changed.
    pub p: Option<f64>,
    /// What the interval says, by the study's own margin.
    pub verdict: Verdict,
    /// Ratios within 1 ± this are equal.
    pub margin: f64,
}

/// What one side has of a method: a value a run, where the run has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// The values, in the order of the runs: ns an operation, or ratios.
    pub values: Vec<f64>,
    /// Their median.
    pub median: Option<f64>,
    /// Why other runs of the side have none.
    pub missing: Vec<Missing>,
    /// Runs without a value.
    pub runs_missing: usize,
    /// Runs whose study was tainted by its null control: their values stand, and are less to be trusted.
    pub tainted: usize,
}

/// Why runs have no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The reason.
    pub reason: String,
    /// Runs that have it.
    pub runs: usize,
}

/// The comparison of two sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// What is compared.
    pub measure: Measure,
    /// Of all comparisons together.
    pub confidence: f64,
    /// Of each.
    pub confidence_each: f64,
    /// How many there are: methods with a value on both sides.
    pub comparisons: usize,
    /// Runs a side that each comparison takes; `null` if more than can be ranked.
    pub runs_needed: Option<usize>,
    /// Each method of each scenario of either side.
    pub rows: Vec<Row>,
}

/// Which of the scenarios and methods are compared.
pub type Chosen<'a> = dyn Fn(&Study, &str) -> bool + 'a;

/// Compares every method that `chosen` keeps, all of them together at `confidence`.
pub fn compare(a: &Side, b: &Side, measure: Measure, confidence: f64, chosen: &Chosen<'_>) -> Table {
    let keys = keys(a, b, measure, chosen);
    let pairs: Vec<_> = keys.iter().map(|key| (key, figures(a, key, measure), figures(b, key, measure))).collect();
    let comparisons = pairs.iter().filter(|(_, a, b)| !a.values.is_empty() && !b.values.is_empty()).count();
    let each = stats::level(confidence, comparisons, 1);
    Table {
        measure,
        confidence,
        confidence_each: each,
        comparisons,
        runs_needed: stats::fewest_a_side(each),
        rows: pairs.into_iter().map(|(key, a, b)| row(key, a, b, each)).collect(),
    }
}

/// A method of a scenario, as the first run that has it tells it.
struct Key<'a> {
    area: &'a str,
    scenario: &'a Scenario,
    method: &'a str,
    margin: f64,
}

/// Scenario by scenario, in the order in which the runs have them. The baseline's ratio to itself is no comparison.
fn keys<'a>(a: &'a Side, b: &'a Side, measure: Measure, chosen: &Chosen<'_>) -> Vec<Key<'a>> {
    let mut by_scenario: Vec<Vec<Key<'a>>> = Vec::new();
    for study in a.runs.iter().chain(&b.runs).flat_map(|run| &run.studies) {
        let place = by_scenario.iter().position(|keys| keys[0].scenario.id == study.scenario.id);
        let mut new = place.map_or_else(Vec::new, |place| std::mem::take(&mut by_scenario[place]));
        for case in &study.cases {
            let wanted = chosen(study, &case.method) && (measure == Measure::Time || case.method != study.baseline);
            if wanted && new.iter().all(|key| key.method != case.method) {
                new.push(Key {
                    area: &study.area,
                    scenario: &study.scenario,
                    method: &case.method,
                    margin: study.margin,
                });
            }
        }
        match place {
            Some(place) => by_scenario[place] = new,
            None if !new.is_empty() => by_scenario.push(new),
            None => {}
        }
    }
    by_scenario.into_iter().flatten().collect()
}

fn figures(side: &Side, key: &Key<'_>, measure: Measure) -> Figures {
    let mut figures = Figures::default();
    for run in &side.runs {
        match value(run, key, measure) {
            Ok((value, tainted)) => {
                figures.values.push(value);
                figures.tainted += usize::from(tainted);
            }
            Err(reason) => {
                figures.runs_missing += 1;
                match figures.missing.iter_mut().find(|missing| missing.reason == reason) {
                    Some(missing) => missing.runs += 1,
                    None => figures.missing.push(Missing { reason, runs: 1 }),
                }
            }
        }
    }
    figures.median = stats::median(&figures.values);
    figures
}

/// A run's value, and whether its study was tainted; or why it has none.
fn value(run: &Run, key: &Key<'_>, measure: Measure) -> Result<(f64, bool), String> {
    let study = run
        .studies
        .iter()
        .find(|study| study.scenario.id == key.scenario.id)
        .ok_or_else(|| if run.finished.is_some() { "not measured" } else { "the run did not finish" }.to_owned())?;
    let case = study.cases.iter().find(|case| case.method == key.method).ok_or_else(|| "no such method".to_owned())?;
    let value = match measure {
        Measure::Time => case.ns_per_op.map(|time| time.estimate),
        Measure::Ratio => case.ratio.map(|ratio| ratio.estimate),
    };
    value.filter(|value| *value > 0.0).map(|value| (value, study.tainted)).ok_or_else(|| reason(case))
}

fn reason(case: &Case) -> String {
    let status = match case.status {
        Status::Ok => return "no figure".to_owned(),
        Status::Unavailable => "unavailable",
        Status::Failed => "failed",
    };
    case.reason.as_ref().map_or_else(|| status.to_owned(), |reason| format!("{status}: {reason}"))
}

fn row(key: &Key<'_>, a: Figures, b: Figures, confidence: f64) -> Row {
    let logs = |figures: &Figures| -> Vec<f64> { figures.values.iter().map(|value| value.ln()).collect() };
    let shift = stats::shift(&logs(&a), &logs(&b), confidence);
    let interval = shift.and_then(|shift| shift.interval).map(|(low, high)| (low.exp(), high.exp()));
    Row {
        area: key.area.to_owned(),
        scenario: key.scenario.id.clone(),
        guarantee: key.scenario.guarantee.clone(),
        method: key.method.to_owned(),
        a,
        b,
        ratio: shift.map(|shift| shift.estimate.exp()),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        p: shift.map(|shift| shift.p),
        verdict: Verdict::of(interval, key.margin),
        margin: key.margin,
    }
}

impl Row {
    /// Whether every run of both sides has a value.
    pub fn is_complete(&self) -> bool {
        let whole = |figures: &Figures| figures.runs_missing == 0 && !figures.values.is_empty();
        whole(&self.a) && whole(&self.b)
    }
}
