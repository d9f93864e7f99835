//! What must be said of a comparison in plain words, beside its figures?

use std::path::Path;

use super::cells::TOO_FEW;
use crate::compare::{Case, Compared, Gate, GateWord, Of, Outcome, Place, Ranking, Side};
use crate::report::notes::many;
use crate::report::units;
use crate::stats::Verdict;

/// What each side is: `A: 5 runs in results/local/old, pagewise 0.1.0 (0123abcd)`.
pub fn sides(compared: &Compared) -> Vec<String> {
    [('A', &compared.a), ('B', &compared.b)].map(|(name, side)| format!("{name}: {}", side_in_words(side))).to_vec()
}

fn side_in_words(side: &Side) -> String {
    let parents: Vec<&str> = side.runs.iter().filter_map(|run| Path::new(&run.path).parent()?.to_str()).collect();
    let together = parents.len() == side.runs.len() && parents.iter().all(|parent| *parent == parents[0]);
    let place = match side.runs.as_slice() {
        [run] => format!("one run, {}", run.path),
        [_, ..] if together && !parents[0].is_empty() => format!("{} in {}", many_runs(side), parents[0]),
        [first, .., last] => format!("{}, {} to {}", many_runs(side), first.path, last.path),
        [] => "no runs".to_owned(),
    };
    let mut builds: Vec<String> = side
        .runs
        .iter()
        .map(|run| match &run.commit {
            Some(commit) => format!("{} ({commit})", run.version),
            None => run.version.clone(),
        })
        .collect();
    builds.sort();
    builds.dedup();
    format!("{place}, pagewise {}", builds.join(" and "))
}

fn many_runs(side: &Side) -> String {
    many(side.runs.len() as u64, "run")
}

/// What the figures are.
pub fn legend(compared: &Compared) -> String {
    let value = match compared.of {
        Of::Time => "the median over runs of the time of one operation",
        Of::Ratio => "the median over runs of the time over the baseline's of the same run",
    };
    format!("A, B: {value}. B/A: the median ratio of a run of B to a run of A; below 1, B is faster.")
}

/// Why cases of one scenario lack figures or verdicts, each with the methods that it holds for.
pub fn reasons(compared: &Compared, cases: &[Case]) -> Vec<String> {
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for case in cases {
        for text in missing(compared, case) {
            match said.iter_mut().find(|(known, _)| *known == text) {
                Some((_, methods)) => methods.push(&case.method),
                None => said.push((text, vec![&case.method])),
            }
        }
    }
    said.into_iter()
        .map(|(text, methods)| match methods.len() {
            some if some == cases.len() && some > 1 => format!("every method: {text}"),
            _ => format!("{}: {text}", methods.join(", ")),
        })
        .collect()
}

/// `failed in 2 of 5 runs of B: the child died`, once for each reason and status.
pub fn missing(compared: &Compared, case: &Case) -> Vec<String> {
    // That a case is on the other side alone stands in its row.
    let sides = match case.place {
        Place::Both => vec![("A", &case.a, &compared.a), ("B", &case.b, &compared.b)],
        Place::OnlyA => vec![("A", &case.a, &compared.a)],
        Place::OnlyB => vec![("B", &case.b, &compared.b)],
    };
    let mut said: Vec<(&str, String, Vec<String>)> = Vec::new();
    for (name, figures, side) in sides {
        for status in ["failed", "unavailable", "tainted", "absent"] {
            let of_status = || figures.missing.iter().filter(|missing| missing.status == status);
            let Some(first) = of_status().next() else { continue };
            let others = of_status().any(|missing| missing.reason != first.reason);
            let reason = first.reason.clone() + if others { "; others for other reasons" } else { "" };
            let runs = format!("{} of {} of {name}", of_status().count(), many_runs(side));
            match said.iter_mut().find(|(word, known, _)| *word == status && *known == reason) {
                Some((_, _, known)) => known.push(runs),
                None => said.push((status, reason, vec![runs])),
            }
        }
    }
    said.into_iter().map(|(status, reason, runs)| format!("{status} in {}: {reason}", runs.join(" and "))).collect()
}

/// How sure the verdicts are, and what it takes to have some.
pub fn certainty(compared: &Compared) -> String {
    let confidence = units::percent(compared.confidence);
    let comparisons = many(compared.comparisons as u64, "comparison");
    if compared.comparisons == 0 {
        return "No verdicts: no case has a value on both sides.".to_owned();
    }
    if compared.has_intervals() {
        let short = compared.cases.iter().any(|case| case.is_in_both() && case.low.is_none());
        let short = compared.runs_needed.filter(|_| short);
        let short = short.map(|needed| format!(" \"{TOO_FEW}\": {needed} a side with a value are needed."));
        return format!(
            "{}. {comparisons}, by an exact rank test with the run as unit; all intervals hold together with {confidence}, each with {}.{}",
            counts(compared),
            units::percent(compared.confidence_each),
            short.unwrap_or_default()
        );
    }
    let needed = compared.runs_needed.map_or_else(
        || "more runs than can be compared would be needed".to_owned(),
        |needed| format!("{needed} a side are needed"),
    );
    let narrow = match compared.runs_needed_for_one {
        Some(one) if Some(one) != compared.runs_needed => {
            format!(" ({one} would do for a single comparison: narrow with --where and --method)")
        }
        _ => String::new(),
    };
    format!(
        "No verdicts: A has {}, B has {}; for {comparisons} at {confidence}, {needed}{narrow}.",
        many_runs(&compared.a),
        many_runs(&compared.b)
    )
}

fn counts(compared: &Compared) -> String {
    let count = |verdict| compared.cases.iter().filter(|case| case.verdict == Some(verdict)).count();
    let without = compared.cases.iter().filter(|case| case.verdict.is_none()).count();
    let mut text = format!(
        "{} slower, {} faster, {} equal, {} unresolved",
        count(Verdict::Slower),
        count(Verdict::Faster),
        count(Verdict::Equal),
        count(Verdict::Unresolved)
    );
    if without > 0 {
        text += &format!(", {without} without a verdict");
    }
    text
}

/// A word of the gate.
pub fn gate_word(word: GateWord) -> &'static str {
    match word {
        GateWord::Regression => "regression",
        GateWord::Undecided => "undecided",
        GateWord::Passed => "passed",
    }
}

/// So many cases are named in one sentence.
const MOST_NAMED: usize = 5;

/// What became of the gate, with the cases in which a regression is proven.
pub fn gate(compared: &Compared, gate: &Gate) -> String {
    let limit = units::percent(gate.limit);
    let cases = |count: usize| many(count as u64, "case");
    let rest = format!("{} undecided, {} passed", gate.undecided, gate.passed);
    match gate.outcome {
        Outcome::Regression => {
            let proven = compared.cases.iter().filter(|case| case.gate == Some(GateWord::Regression));
            let mut names: Vec<String> = proven.map(|case| format!("{} {}", case.scenario, case.method)).collect();
            if names.len() > MOST_NAMED {
                let more = names.len() - MOST_NAMED;
                names.truncate(MOST_NAMED);
                names.push(format!("and {more} more"));
            }
            format!(
                "Gate {limit}: a regression is proven in {}, {rest}: {}.",
                cases(gate.regressions),
                names.join("; ")
            )
        }
        Outcome::Undecided if gate.undecided == 0 => format!("Gate {limit}: there is no case to decide on."),
        Outcome::Undecided => format!("Gate {limit}: cannot decide {}, {} passed.", cases(gate.undecided), gate.passed),
        Outcome::Passed => format!("Gate {limit}: passed, {}.", cases(gate.passed)),
    }
}

/// What the means are of.
pub const MEANS: &str = "Geometric means of B/A, over the cases that every run of both sides finished:";

/// What the rankings are of.
pub const RANKINGS: &str = "Methods by the geometric mean of their time over the fastest's, within a guarantee and a cache state, over scenarios that every run \
                            finished with each of the ranked methods; a description, with no test behind it:";

/// What a ranking is over: `page_touch · cold · 4 scenarios`.
pub fn ranking_over(ranking: &Ranking) -> String {
    let conditions = [Some(&ranking.area), ranking.guarantee.as_ref(), ranking.state.as_ref()];
    let mut words: Vec<String> = conditions.into_iter().flatten().cloned().collect();
    words.push(many(ranking.scenarios as u64, "scenario"));
    words.join(" · ")
}

/// The methods that are not ranked, with the reason.
pub fn not_ranked(ranking: &Ranking) -> Option<String> {
    if ranking.scenarios == 0 {
        return Some("not ranked: no method was finished by every run in any scenario".to_owned());
    }
    let said: Vec<String> =
        ranking.not_ranked.iter().map(|method| format!("{} ({})", method.method, method.reason)).collect();
    (!said.is_empty()).then(|| format!("not ranked: {}", said.join("; ")))
}

/// The rankings that tell methods apart, or say why they cannot.
pub fn telling(rankings: &[Ranking]) -> impl Iterator<Item = &Ranking> {
    rankings.iter().filter(|ranking| ranking.methods.len() + ranking.not_ranked.len() > 1)
}
