//! In which order do the cases of a study stand, and what is said of each in a word?

use crate::results::model::{Case, Status, Study, Verdict};

/// The cases as every table shows them: what was measured first, fastest first; then what is unavailable; then what failed.
///
/// Fastest by the ratio to the baseline, which stands at 1; cases without a ratio go after those that have one, by their time.
pub fn ordered(study: &Study) -> Vec<&Case> {
    let last = f64::INFINITY;
    let key = |case: &Case| (place(study, case).unwrap_or(last), case.ns_per_op.map_or(last, |time| time.estimate));
    let mut cases: Vec<&Case> = study.cases.iter().collect();
    cases.sort_by(|a, b| {
        let ((ratio, time), (other, longer)) = (key(a), key(b));
        rank(a.status).cmp(&rank(b.status)).then(ratio.total_cmp(&other)).then(time.total_cmp(&longer))
    });
    cases
}

/// The measured cases, in the order of [`ordered`].
pub fn measured(study: &Study) -> Vec<&Case> {
    ordered(study).into_iter().filter(|case| case.status == Status::Ok).collect()
}

/// The cases that were not measured, in the order of [`ordered`].
pub fn missing(study: &Study) -> Vec<&Case> {
    ordered(study).into_iter().filter(|case| case.status != Status::Ok).collect()
}

fn rank(status: Status) -> u8 {
    match status {
        Status::Ok => 0,
        Status::Unavailable => 1,
        Status::Failed => 2,
    }
}

/// Whether `case` is what the others are compared with.
pub fn is_baseline(study: &Study, case: &Case) -> bool {
    case.method == study.baseline
}

/// The ratio that a case is ordered by: its own, or 1 for the baseline; `None` for all if the baseline itself was not measured.
pub fn place(study: &Study, case: &Case) -> Option<f64> {
    let stands = study.cases.iter().any(|case| is_baseline(study, case) && case.status == Status::Ok);
    let ratio = if is_baseline(study, case) { Some(1.0) } else { case.ratio.map(|ratio| ratio.estimate) };
    ratio.filter(|_| stands && case.status == Status::Ok)
}

/// The verdict of a case as every table words it, `None` where there is no comparison: `baseline`, `faster`, …
pub fn verdict_word(study: &Study, case: &Case) -> Option<&'static str> {
    match (&case.ratio, case.status) {
        (_, Status::Unavailable) => Some("unavailable"),
        (_, Status::Failed) => Some("failed"),
        _ if is_baseline(study, case) => Some("baseline"),
        (Some(ratio), Status::Ok) => Some(word(ratio.verdict)),
        (None, Status::Ok) => None,
    }
}

/// A verdict in a word.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equal => "equal",
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Unresolved => "unresolved",
    }
}

/// Why a case was not measured.
pub fn reason(case: &Case) -> &str {
    case.reason.as_deref().unwrap_or("no reason was recorded")
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Change};
    use super::*;

    #[test]
    fn the_fastest_comes_first_and_what_was_not_measured_last() {
        let study = sample::ipc_one_core();
        let order: Vec<(&str, Option<&str>)> =
            ordered(&study).into_iter().map(|case| (case.method.as_str(), verdict_word(&study, case))).collect();
        assert_eq!(
            order,
            [
                ("shm+futex", Some("faster")),
                ("file map+futex", Some("equal")),
                ("pipe", Some("baseline")),
                ("socketpair", Some("slower")),
                ("shm+spin", Some("unavailable")),
                ("file poll", Some("failed")),
            ]
        );
    }

    #[test]
    fn a_case_without_a_ratio_follows_those_that_have_one() {
        let mut study = sample::ipc_one_core();
        let futex = study.cases.iter_mut().find(|case| case.method == "shm+futex");
        futex.into_iter().for_each(|case| case.ratio = None);
        let order: Vec<&str> = measured(&study).into_iter().map(|case| case.method.as_str()).collect();
        assert_eq!(order, ["file map+futex", "pipe", "socketpair", "shm+futex"]);
        assert_eq!(missing(&study).len(), 2);
    }

    #[test]
    fn without_its_baseline_a_study_has_no_ratios() {
        let mut study = sample::ipc_one_core();
        study.cases[0] = study.cases[0].clone().missing(Status::Failed, "it died");
        assert!(study.cases.iter().all(|case| place(&study, case).is_none()));
        let order: Vec<&str> = measured(&study).into_iter().map(|case| case.method.as_str()).collect();
        assert_eq!(order, ["shm+futex", "file map+futex", "socketpair"], "by their times");
    }
}
