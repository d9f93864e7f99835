//! What is each side made of, and what of that skews a comparison?

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::CompareError;
use super::model::{Recorded, Side, Warning};
use crate::results::Found;
use crate::results::model::{Profile, Run};

/// The side as it is recorded.
pub(super) fn side(runs: &[Found]) -> Side {
    let recorded = |found: &Found| Recorded {
        path: found.path.display().to_string(),
        id: found.run.id.clone(),
        started: found.run.started.clone(),
        finished: found.run.finished.is_some(),
        profile: found.run.profile,
        version: found.run.pagewise.version.clone(),
        commit: found.run.pagewise.commit.clone(),
    };
    Side { runs: runs.iter().map(recorded).collect() }
}

/// Refuses a run that stands on both sides, or twice on one, also as a copy in another folder.
pub(super) fn refuse_doubles(a: &[Found], b: &[Found]) -> Result<(), CompareError> {
    let same = |one: &Run, other: &Run| (&one.id, &one.started, one.seed) == (&other.id, &other.started, other.seed);
    let all: Vec<(char, &Found)> =
        a.iter().map(|found| ('A', found)).chain(b.iter().map(|found| ('B', found))).collect();
    for (index, (second_side, second)) in all.iter().enumerate() {
        let Some((first_side, first)) = all[..index].iter().find(|(_, first)| same(&first.run, &second.run)) else {
            continue;
        };
        let named = |side: &char, found: &Found| format!("{} (side {side})", found.path.display());
        return Err(CompareError::Twice {
            first: named(first_side, first),
            second: named(second_side, second),
            started: second.run.started.clone(),
            seed: second.run.seed,
        });
    }
    Ok(())
}

/// Why there is nothing to compare.
pub(super) fn nothing_in_common(a: &[Found], b: &[Found]) -> CompareError {
    let measured = |runs: &[Found]| {
        let ids: BTreeSet<&str> =
            runs.iter().flat_map(|found| &found.run.studies).map(|study| study.scenario.id.as_str()).collect();
        match ids.first() {
            None => "nothing".to_owned(),
            Some(first) if ids.len() == 1 => (*first).to_owned(),
            Some(first) => format!("{first} and {} more", ids.len() - 1),
        }
    };
    let hint = if profiles(a) == profiles(b) { "" } else { ", both quick or both full" };
    CompareError::NothingInCommon { a: measured(a), b: measured(b), hint }
}

fn profiles(runs: &[Found]) -> BTreeSet<&'static str> {
    let word = |profile| match profile {
        Profile::Full => "full",
        Profile::Quick => "quick",
    };
    runs.iter().map(|found| word(found.run.profile)).collect()
}

/// What speaks against taking the runs as they are, apart from their machines.
pub(super) fn warnings(a: &[Found], b: &[Found]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, text| warnings.push(Warning { code, text });
    for found in a.iter().chain(b) {
        let path = found.path.display();
        if found.run.finished.is_none() {
            let studies = match found.run.studies.len() {
                1 => "1 study".to_owned(),
                many => format!("{many} studies"),
            };
            warn(
                "unfinished",
                format!(
                    "{path} did not finish, or still goes on: what it has counts, {studies}; measure again for all."
                ),
            );
        }
    }
    let debug = a.iter().chain(b).filter(|found| found.run.pagewise.build.as_deref() == Some("debug")).count();
    if debug > 0 {
        let runs = a.len() + b.len();
        warn(
            "debug_build",
            format!(
                "{debug} of {runs} runs are of a pagewise that was built without optimization: its own work is in every figure of theirs."
            ),
        );
    }
    for (side, runs) in [('A', a), ('B', b)] {
        let builds: BTreeSet<String> = runs.iter().map(|found| build(&found.run)).collect();
        if builds.len() > 1 {
            let builds: Vec<String> = builds.into_iter().collect();
            warn("builds", format!("side {side} mixes runs of different builds: {}.", builds.join(", ")));
        }
    }
    let all_profiles: BTreeSet<&str> = profiles(a).union(&profiles(b)).copied().collect();
    if all_profiles.len() > 1 {
        warn("profiles", "some runs are quick and some are full: few scenarios are in both.".to_owned());
    }
    if let Some(stretches) = out_of_turn(a, b) {
        warn(
            "order",
            format!(
                "the runs were not taken in turns, but in {stretches} stretches of one side: what changed on the machine in between looks like a \
                 difference of the sides; scripts/alternate takes them in turns."
            ),
        );
    }
    warnings.extend(uneven(a, b));
    warnings
}

fn build(run: &Run) -> String {
    match &run.pagewise.commit {
        Some(commit) => format!("{} ({commit})", run.pagewise.version),
        None => run.pagewise.version.clone(),
    }
}

/// In how many stretches of one side the runs were taken, by their time, if that is few: two, or less than half of what a random order
/// would have. `None` where there are too few runs to take turns.
fn out_of_turn(a: &[Found], b: &[Found]) -> Option<usize> {
    let fewest = a.len().min(b.len());
    if fewest < 2 {
        return None;
    }
    let timed = |side: char| move |found: &Found| Some((found.run.started.parse::<Timestamp>().ok()?, side));
    let mut order: Vec<(Timestamp, char)> =
        a.iter().map(timed('A')).chain(b.iter().map(timed('B'))).collect::<Option<_>>()?;
    order.sort_unstable();
    let stretches = order.chunk_by(|(_, one), (_, next)| one == next).count();
    (stretches == 2 || 2 * stretches < fewest + 1).then_some(stretches)
}

/// What some runs were warned of and others were not: it skews some of the figures, not all.
fn uneven(a: &[Found], b: &[Found]) -> Vec<Warning> {
    let has = |found: &Found, code: &str| found.run.warnings.iter().any(|warning| warning.code == code);
    let count = |runs: &[Found], code: &str| runs.iter().filter(|found| has(found, code)).count();
    let codes: BTreeSet<&str> =
        a.iter().chain(b).flat_map(|found| &found.run.warnings).map(|warning| warning.code.as_str()).collect();
    let uneven = codes.into_iter().map(|code| (code, count(a, code), count(b, code)));
    uneven
        .filter(|(_, in_a, in_b)| (*in_a, *in_b) != (a.len(), b.len()))
        .map(|(code, in_a, in_b)| Warning {
            code: "uneven",
            text: format!(
                "the warning \"{code}\" stands in {in_a} of {} runs of A and in {in_b} of {} of B: their reports say what it does.",
                a.len(),
                b.len()
            ),
        })
        .collect()
}
