//! How does B stand to A over many cases, and the methods to each other? Geometric means, only over what all finished.

use std::collections::BTreeSet;

use super::model::{Case, Mean, NotRanked, Ranked, Ranking};

/// The geometric mean of B/A for each area and guarantee, over the cases that all runs of both sides finished.
pub(super) fn means(cases: &[Case], runs_of_a: usize, runs_of_b: usize) -> Vec<Mean> {
    grouped(cases, |case| (case.area.as_str(), case.guarantee.as_deref()))
        .into_iter()
        .map(|group| {
            let whole = |case: &&&Case| case.a.is_whole(runs_of_a) && case.b.is_whole(runs_of_b);
            let ratios: Vec<f64> = group.iter().filter(whole).filter_map(|case| case.ratio).collect();
            Mean {
                area: group[0].area.clone(),
                guarantee: group[0].guarantee.clone(),
                cases: ratios.len(),
                left_out: group.len() - ratios.len(),
                ratio: geometric_mean(&ratios),
            }
        })
        .collect()
}

/// The methods of each area, guarantee and cache state against each other: by the geometric mean, over the scenarios, of a method's time over
/// that of the fastest there. Cache states apart, since what is best cold is not best warm.
///
/// A scenario that no method finished is not one of them. A method is ranked if every run of both sides finished it in each of them: a mean
/// over other scenarios is not comparable.
pub(super) fn rankings(cases: &[Case], runs_of_a: usize, runs_of_b: usize) -> Vec<Ranking> {
    grouped(cases, |case| (case.area.as_str(), case.guarantee.as_deref(), case.state.as_deref()))
        .into_iter()
        .map(|group| ranking(&group, runs_of_a, runs_of_b))
        .collect()
}

fn ranking(group: &[&Case], runs_of_a: usize, runs_of_b: usize) -> Ranking {
    let whole: Vec<&Case> =
        group.iter().copied().filter(|case| case.a.is_whole(runs_of_a) && case.b.is_whole(runs_of_b)).collect();
    let scenarios: BTreeSet<&str> = whole.iter().map(|case| case.scenario.as_str()).collect();
    let mut seen = BTreeSet::new();
    let methods: Vec<&str> = group.iter().map(|case| case.method.as_str()).filter(|name| seen.insert(*name)).collect();
    let finished = |method: &str| whole.iter().filter(|case| case.method == method).count();
    let is_ranked = |method: &str| !scenarios.is_empty() && finished(method) == scenarios.len();
    let ranked: Vec<&Case> = whole.iter().copied().filter(|case| is_ranked(&case.method)).collect();
    let mean = |method: &str, time: fn(&Case) -> Option<f64>| {
        let relative = ranked.iter().filter(|case| case.method == method).filter_map(|case| {
            let rivals = ranked.iter().filter(|rival| rival.scenario == case.scenario).filter_map(|rival| time(rival));
            Some(time(case)? / rivals.fold(f64::INFINITY, f64::min))
        });
        geometric_mean(&relative.collect::<Vec<f64>>())
    };
    let mut places: Vec<Ranked> = methods
        .iter()
        .filter_map(|method| {
            let (a, b) = (mean(method, |case| case.a.median)?, mean(method, |case| case.b.median)?);
            Some(Ranked { method: (*method).to_owned(), a, b })
        })
        .collect();
    places.sort_by(|one, other| one.b.total_cmp(&other.b).then(one.a.total_cmp(&other.a)));
    let not_ranked = methods.iter().filter(|method| !is_ranked(method)).map(|method| NotRanked {
        method: (*method).to_owned(),
        reason: format!("all runs finished it in {} of {} scenarios", finished(method), scenarios.len()),
    });
    Ranking {
        area: group[0].area.clone(),
        guarantee: group[0].guarantee.clone(),
        state: group[0].state.clone(),
        scenarios: scenarios.len(),
        not_ranked: not_ranked.collect(),
        methods: places,
    }
}

/// The cases with the same key together, in the order in which the keys come first.
fn grouped<'a, K: PartialEq>(cases: &'a [Case], key: impl Fn(&'a Case) -> K) -> Vec<Vec<&'a Case>> {
    let mut groups: Vec<(K, Vec<&Case>)> = Vec::new();
    for case in cases {
        let own = key(case);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, group)) => group.push(case),
            None => groups.push((own, vec![case])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn geometric_mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp())
}
