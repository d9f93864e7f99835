//! Which condition turns a method from faster to slower?

use std::collections::BTreeMap;

use crate::results::model::{Run, Study, Verdict};

use super::{Finding, Resolved, stands, with_interval, with_verdict};

/// Methods that are faster than the baseline in one study and slower in another that differs in one condition.
pub fn reversals(run: &Run) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, study) in run.studies.iter().enumerate() {
        for other in run.studies.iter().filter(|other| stands(study) && stands(other)) {
            if let Some((here, there)) = conditions(study, other) {
                found.extend(reversal(study, other, &here, &there).map(|(text, weight)| Finding {
                    text,
                    study: Some(index),
                    weight,
                }));
            }
        }
    }
    found
}

/// Faster in `study`, slower in `other`: the widest such reversal.
fn reversal(study: &Study, other: &Study, here: &str, there: &str) -> Option<(String, f64)> {
    let slower = with_verdict(other, Verdict::Slower);
    let gap = |(faster, slower): &(Resolved<'_>, Resolved<'_>)| (slower.ratio.estimate / faster.ratio.estimate).ln();
    let pairs = with_verdict(study, Verdict::Faster).into_iter().filter_map(|faster| {
        let slower = slower.iter().find(|slower| slower.case.method == faster.case.method)?;
        Some((faster, *slower))
    });
    let (faster, slower) = pairs.max_by(|a, b| gap(a).total_cmp(&gap(b)))?;
    let text = format!(
        "It depends: `{}` takes {} the time of `{}` with {here}, but {} with {there}.",
        faster.case.method,
        with_interval(&faster),
        study.baseline,
        with_interval(&slower),
    );
    // Striking if it is far on both sides.
    let nearer = slower.ratio.estimate.ln().min(-faster.ratio.estimate.ln());
    Some((text, 0.7 + 2.0 * nearer))
}

/// What tells two studies of one area and baseline apart, in the words of each, if it is one condition. A cold file has no history,
/// and how many pages are touched follows the state: they count with it.
fn conditions(a: &Study, b: &Study) -> Option<(String, String)> {
    let (ours, theirs) = (traits(a), traits(b));
    if a.area != b.area || a.baseline != b.baseline || !ours.keys().eq(theirs.keys()) {
        return None;
    }
    let mut different: Vec<&str> = ours.keys().filter(|key| ours[*key] != theirs[*key]).map(String::as_str).collect();
    if different.contains(&"state") {
        different.retain(|key| *key != "history");
    }
    // What has no name reads best in front.
    different.sort_by_key(|key| !key.starts_with("word "));
    let conditions = different.iter().filter(|key| **key != "touched").count();
    let words = |traits: &BTreeMap<String, String>| {
        let named = different
            .iter()
            .map(|key| if key.starts_with("word ") { traits[*key].clone() } else { format!("{key} {}", traits[*key]) });
        named.collect::<Vec<_>>().join(", ")
    };
    (conditions == 1).then(|| (words(&ours), words(&theirs)))
}

/// Every condition of a study by name: its parameters, state, history, guarantee, and the words of its id that are none of these.
pub fn traits(study: &Study) -> BTreeMap<String, String> {
    let scenario = &study.scenario;
    let mut traits = scenario.params.clone();
    for (name, value) in
        [("state", &scenario.state), ("history", &scenario.history), ("guarantee", &scenario.guarantee)]
    {
        traits.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
    }
    let words: Vec<&str> = scenario.id.split('/').skip(1).filter(|word| !word.contains('=')).collect();
    for (place, word) in words.into_iter().enumerate() {
        if !traits.values().any(|value| value == word) {
            traits.insert(format!("word {place}"), word.to_owned());
        }
    }
    traits
}
