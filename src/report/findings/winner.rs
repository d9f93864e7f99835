//! Which method of a study is the fastest, among those that give the same guarantee?

use crate::report::rows;
use crate::results::model::{Case, Status, Study, Verdict};

use super::{Resolved, baseline, cause, times_as_fast, with_interval, with_verdict};
use crate::report::units;

/// What the verdicts say of the fastest, and how striking it is.
pub fn winner(study: &Study) -> Option<(String, f64)> {
    let (text, weight) = match with_verdict(study, Verdict::Faster).first() {
        Some(best) => beaten(study, best)?,
        None => unbeaten(study)?,
    };
    let mut letters = text.chars();
    let first = letters.next()?;
    Some((first.to_uppercase().chain(letters).collect(), weight))
}

/// The baseline is beaten by `best`, and perhaps by others that cannot be told from it.
fn beaten(study: &Study, best: &Resolved<'_>) -> Option<(String, f64)> {
    let base = baseline(study)?;
    let rivals: Vec<&Case> = rows::measured(study)
        .into_iter()
        .filter(|case| case.method != best.case.method && !rows::is_baseline(study, case))
        .filter(|case| case.ratio.and_then(|ratio| ratio.low).is_none_or(|low| low <= best.high))
        .collect();
    let time = format!("{} the time of `{}`{}", with_interval(best), base.method, times_as_fast(best.ratio.estimate));
    let method = &best.case.method;
    let text = if rivals.is_empty() {
        format!("{}`{method}` is {}: {time}.", among(study), fastest(study))
    } else {
        let names: Vec<String> = rivals.iter().map(|case| format!("`{}`", case.method)).collect();
        format!("{}`{method}` takes {time}; {} cannot be told from it.", among(study), listed(&names))
    };
    Some((text + &cause::in_words(study, base, best.case), -best.ratio.estimate.ln()))
}

/// Nothing is known to beat the baseline: worth a word only if every comparison is resolved.
fn unbeaten(study: &Study) -> Option<(String, f64)> {
    let base = baseline(study)?;
    let (equal, slower) = (with_verdict(study, Verdict::Equal), with_verdict(study, Verdict::Slower));
    let compared = rows::measured(study).len() - 1;
    if compared == 0 || equal.len() + slower.len() != compared {
        return None;
    }
    let margin = units::percent(study.margin);
    let names: Vec<String> = equal.iter().map(|equal| format!("`{}`", equal.case.method)).collect();
    let Some(next) = slower.first() else {
        let text = format!(
            "{}no method is better than another: {} within ±{margin} of `{}`.",
            among(study),
            listed(&names),
            base.method
        );
        return Some((text, 0.2));
    };
    let text = if equal.is_empty() {
        format!(
            "{}`{}` is {}: the smallest ratio to it is that of `{}`, {}.",
            among(study),
            base.method,
            fastest(study),
            next.case.method,
            with_interval(next),
        )
    } else {
        format!(
            "{}nothing beats `{}`: {} within ±{margin} of it, the others slower.",
            among(study),
            base.method,
            listed(&names)
        )
    };
    let worst = slower.last()?;
    let told = if equal.is_empty() { next } else { worst };
    Some((text + &cause::in_words(study, told.case, base), told.ratio.estimate.ln() * 0.8))
}

/// `the fastest of 4 methods`.
fn fastest(study: &Study) -> String {
    match study.cases.iter().filter(|case| case.status == Status::Ok).count() {
        2 => "the faster of two methods".to_owned(),
        count => format!("the fastest of {count} methods"),
    }
}

/// Whom the methods are compared with: `With the guarantee durable, `; nothing where there is neither guarantee nor state.
fn among(study: &Study) -> String {
    match &study.scenario.guarantee {
        Some(guarantee) => format!("With the guarantee {guarantee}, "),
        None => study.scenario.state.as_ref().map_or_else(String::new, |state| format!("With the file {state}, ")),
    }
}

/// `a`, `a and b`, `a, b and c`, and no more than three by name.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= 3 => format!("{} and {last}", first.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}
