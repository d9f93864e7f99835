//! How much more does the same edit write, where the cache was filled otherwise?

use crate::report::{notes, units};
use crate::results::model::{Case, Run, Status, Study};

use super::reversal::traits;
use super::{Finding, stands};

/// Fewer times as many bytes are not worth a word.
const FAR: f64 = 4.0;
/// Less than this may be the filesystem's own.
const LEAST: f64 = 16_384.0;

/// For every pair of studies that differ in their history alone: the method whose device bytes differ most.
pub fn amplifications(run: &Run) -> Vec<Finding> {
    let mut found = Vec::new();
    for (more, study) in run.studies.iter().enumerate() {
        for other in &run.studies {
            if stands(study) && stands(other) && differ_in_history_alone(study, other) {
                found.extend(amplification(study, other).map(|(text, weight)| Finding {
                    text,
                    study: Some(more),
                    weight,
                }));
            }
        }
    }
    found
}

fn differ_in_history_alone(a: &Study, b: &Study) -> bool {
    let (mut ours, mut theirs) = (traits(a), traits(b));
    let differ = ours.remove("history") != theirs.remove("history");
    a.area == b.area && differ && ours == theirs
}

/// What `study` writes more than `other` does. Counted, so that it needs no verdict on times.
fn amplification(study: &Study, other: &Study) -> Option<(String, f64)> {
    let (here, there) = (study.scenario.history.as_ref()?, other.scenario.history.as_ref()?);
    let pairs: Vec<(&Case, f64, f64)> =
        study.cases.iter().filter_map(|case| Some((case, written(case)?, written(namesake(other, case)?)?))).collect();
    let (case, more, less) = pairs
        .iter()
        .copied()
        .filter(|(_, more, less)| *more >= LEAST && *less > 0.0 && *more >= FAR * *less)
        .max_by(|a, b| (a.1 / a.2).total_cmp(&(b.1 / b.2)))?;
    let mut text = format!(
        "How the cache was filled decides what `{}` writes to the device: {} an operation with history `{here}`, {} with `{there}`.",
        case.method,
        units::bytes(more),
        units::bytes(less),
    );
    let folios = notes::commonest_folio(study).zip(notes::commonest_folio(other));
    if let Some(((large, _), (small, _))) = folios.filter(|((large, _), (small, _))| large > small) {
        let (large, small) = (units::bytes(large as f64), units::bytes(small as f64));
        text += &format!(" Most of its pages lay in folios of {large} in the first, of {small} in the second.");
    }
    let spared = pairs
        .iter()
        .filter(|(_, here, there)| here.max(*there) <= more / FAR)
        .min_by(|a, b| (a.1 + a.2).total_cmp(&(b.1 + b.2)));
    if let Some((spared, here, there)) = spared {
        let (here, there) = (units::bytes(*here), units::bytes(*there));
        let amounts = if here == there { format!("{here} with both") } else { format!("{here} and {there}") };
        text += &format!(" `{}` is spared: {amounts}.", spared.method);
    }
    Some((text, 1.0 + 0.6 * (more / less).ln()))
}

fn written(case: &Case) -> Option<f64> {
    case.per_op.filter(|_| case.status == Status::Ok)?.device_write_bytes
}

fn namesake<'a>(study: &'a Study, case: &Case) -> Option<&'a Case> {
    study.cases.iter().find(|other| other.method == case.method)
}
