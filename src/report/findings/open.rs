//! What does the run not say?

use crate::report::notes::many;
use crate::results::model::{Run, Status, Study, Verdict};

use super::Finding;

/// One sentence on all that is unresolved, tainted or missing; `None` if nothing is.
pub fn open(run: &Run) -> Option<Finding> {
    let unresolved = |study: &Study| {
        let verdicts = study.cases.iter().filter(|case| case.status == Status::Ok).filter_map(|case| case.ratio);
        verdicts.filter(|ratio| ratio.verdict == Verdict::Unresolved).count() as u64
    };
    let missing = |status: Status| {
        run.studies.iter().flat_map(|study| &study.cases).filter(|case| case.status == status).count() as u64
    };
    let open: u64 = run.studies.iter().filter(|study| !study.tainted).map(unresolved).sum();
    let tainted = run.studies.iter().filter(|study| study.tainted).count() as u64;
    let parts: Vec<String> = [
        (open, many(open, "comparison") + " unresolved"),
        (tainted, many(tainted, "null control") + " off, so that no verdict of its study stands"),
        (missing(Status::Unavailable), many(missing(Status::Unavailable), "case") + " that cannot be measured here"),
        (missing(Status::Failed), many(missing(Status::Failed), "case") + " that failed"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(_, words)| words)
    .collect();
    let text = format!("Not answered: {}.", parts.join("; "));
    (!parts.is_empty()).then_some(Finding { text, study: None, weight: 0.0 })
}
