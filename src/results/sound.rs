//! Does a run that reads as the format also hold together? What every reader of it takes for granted, by place.

use std::collections::BTreeSet;

use super::model::{Batches, Case, Run, Status, Study};

/// The first place at which `run` does not hold together, and what is wrong there; `None` for a sound one.
pub fn first_fault(run: &Run) -> Option<String> {
    let mut seen = BTreeSet::new();
    for (index, study) in run.studies.iter().enumerate() {
        let place = format!("$.studies[{index}]");
        if !seen.insert(&study.scenario.id) {
            return Some(format!("{place}.scenario.id is {:?}, which an earlier study is, too", study.scenario.id));
        }
        if let Some(fault) = fault_of_study(study) {
            return Some(place + &fault);
        }
    }
    None
}

/// The same of one study: what follows its place.
pub fn fault_of_study(study: &Study) -> Option<String> {
    let mut names = BTreeSet::new();
    for (index, case) in study.cases.iter().enumerate() {
        let place = format!(".cases[{index}]");
        if !names.insert(&case.method) {
            return Some(format!("{place}.method is {:?}, which an earlier case is, too", case.method));
        }
        if let Some(fault) = fault_of_case(case) {
            return Some(place + &fault);
        }
    }
    if !names.contains(&study.baseline) {
        return Some(format!(".baseline is {:?}, which is none of its cases", study.baseline));
    }
    if !(0.0..=10.0).contains(&study.margin) {
        return Some(format!(".margin is {}, and is to lie between 0 and 10", study.margin));
    }
    if study.workers_used > study.workers {
        return Some(format!(".workers_used is {}, of {} workers", study.workers_used, study.workers));
    }
    study
        .null_control
        .as_ref()
        .and_then(|null| fault_of_batches(&null.batches))
        .map(|fault| ".null_control".to_owned() + &fault)
}

fn fault_of_case(case: &Case) -> Option<String> {
    if case.status == Status::Ok && case.reason.is_some() || case.status != Status::Ok && case.reason.is_none() {
        return Some(format!(".reason is {:?}, where the status is {:?}", case.reason, case.status));
    }
    if let Some(time) = case.ns_per_op
        && time.estimate < 0.0
    {
        return Some(format!(".ns_per_op.estimate is {}, and no time is below 0", time.estimate));
    }
    if let Some(ratio) = case.ratio
        && ratio.estimate <= 0.0
    {
        return Some(format!(".ratio.estimate is {}, and no ratio is 0 or below", ratio.estimate));
    }
    if let Some(ratio) = case.ratio
        && !(ratio.confidence > 0.0 && ratio.confidence < 1.0)
    {
        return Some(format!(".ratio.confidence is {}, and is to lie between 0 and 1", ratio.confidence));
    }
    fault_of_batches(&case.batches)
}

fn fault_of_batches(batches: &Batches) -> Option<String> {
    let rows = batches.ns.len();
    let columns = [
        ("worker", batches.worker.len()),
        ("round", batches.round.len()),
        ("position", batches.position.len()),
        ("dropped", batches.dropped.len()),
    ];
    let (name, other) = columns.into_iter().find(|(_, length)| *length != rows)?;
    Some(format!(".batches.{name} has {other} rows, where ns has {rows}"))
}
