//! How does each method's figure change along one parameter, and where does the best change?

use super::PlotError;
use super::axis::Round;
use super::canvas::Plot;
use super::lines::{self, Lines};
use crate::report::curves::{Curve, Figure};
use crate::report::units;

/// The plot of `curve`; `None` if there is nothing to draw.
pub fn curve(curve: &Curve) -> Result<Option<Plot>, PlotError> {
    let turns = if curve.crossings.is_empty() { "" } else { "; dashed: another method becomes the quickest" };
    lines::plot(&Lines {
        title: curve.title(),
        labels: curve.labels.iter().map(String::as_str).collect(),
        caption: &format!("{}{turns}", curve.words),
        round: match curve.figure {
            Figure::DeviceWritten | Figure::Throughput => Round::ByTwos,
            _ => Round::ByTens,
        },
        in_words: match curve.figure {
            Figure::Time | Figure::AtRisk => units::time,
            Figure::DeviceWritten => units::bytes,
            Figure::Throughput => |value| format!("{}/s", units::bytes(value)),
            Figure::ReadAmplification => units::ratio,
        },
        series: curve.series.iter().map(|series| (series.method.as_str(), series.points.clone())).collect(),
        marks: curve.marks.clone(),
        turns: curve.crossings.iter().map(|crossing| crossing.place).collect(),
    })
}
