//! Which findings stand on the first page, where there are more than a reader takes in?

use crate::results::model::Run;

use super::Finding;

/// As many as are chosen, at most.
const MOST: usize = 5;
/// Of one area, at most.
const MOST_OF_AN_AREA: usize = 2;

/// The most striking of `all`: first one of each area, then the rest, at most two an area; no study is told of twice, nor the same thing of
/// two studies. The most striking first.
pub fn choose(run: &Run, mut all: Vec<Finding>) -> Vec<Finding> {
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.study.cmp(&b.study)));
    let area = |finding: &Finding| finding.study.map(|study| run.studies[study].area.as_str());
    // A text begins with its kind and its method: up to there two that say the same are the same.
    let subject = |finding: &Finding| finding.text.split('`').take(2).map(str::to_owned).collect::<Vec<_>>();
    let mut chosen: Vec<Finding> = Vec::new();
    for most in 1..=MOST_OF_AN_AREA {
        for finding in &all {
            let of_area: Vec<&Finding> = chosen.iter().filter(|other| area(other) == area(finding)).collect();
            let told = of_area.iter().any(|other| other.study == finding.study || subject(other) == subject(finding));
            if chosen.len() < MOST && of_area.len() < most && !told {
                chosen.push(finding.clone());
            }
        }
    }
    chosen.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    chosen
}
