//! How long do single operations of each method take, from the usual to the longest?

use super::PlotError;
use super::axis::{Round, drawable};
use super::canvas::Plot;
use super::lines::{self, Lines};
use crate::report::{rows, units};
use crate::results::model::{Latency, Study};

/// The percentiles, from left to right.
const NAMES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// The latency percentiles of `study`; `None` if no method has any.
pub fn latencies(study: &Study) -> Result<Option<Plot>, PlotError> {
    let measured = rows::measured(study).into_iter();
    lines::plot(&Lines {
        title: format!("Latency percentiles of each method: {}", study.scenario.question),
        labels: NAMES.to_vec(),
        caption: "time of single operations, logarithmic, by percentile",
        round: Round::ByTens,
        in_words: units::time,
        series: measured.filter_map(|case| Some((case.method.as_str(), points(case.latency.as_ref()?)?))).collect(),
        turns: Vec::new(),
        marks: Vec::new(),
    })
}

/// What can be drawn of `latency`; `None` if it has no median.
fn points(latency: &Latency) -> Option<Vec<Option<f64>>> {
    let known = [latency.p50, latency.p90, latency.p99, latency.p999, Some(latency.max)];
    let points = known.map(|ns| ns.map(|ns| ns as f64).filter(|ns| drawable(*ns)));
    points[0].is_some().then(|| points.to_vec())
}
