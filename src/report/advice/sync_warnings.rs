//! What must whoever syncs beware of, and which remedy did this machine show?

use super::sync::{Choice, Need, Survive};
use super::sync_evidence::{Evidence, case};
use crate::report::{notes, units};
use crate::results::model::{Run, Study};

/// Fewer times as many bytes are not worth a warning.
const FAR: f64 = 4.0;
/// Less than this may be the filesystem's own.
const LEAST: f64 = 16_384.0;
/// The history that is a remedy: pages that came one by one.
const REMEDY: &str = "madv-random";

/// The warnings, those about correctness first.
pub(super) fn warnings(run: &Run, evidence: &Evidence<'_>, need: Need, choice: Option<&Choice>) -> Vec<String> {
    let mut all = vec![asynchronous(evidence)];
    if need.survive != Survive::Process {
        all.extend(no_flushes(run, evidence));
        all.extend(overwrites(evidence, need, choice));
    }
    all.extend(amplification(evidence));
    all.extend(evidence.instead.map(|(edit, pages)| {
        format!(
            "Measured were commits of {} in each of {}, the nearest to what was asked that the run has.",
            units::bytes(edit as f64),
            notes::many(pages, "place")
        )
    }));
    all.extend(super::conditions(run));
    all
}

fn asynchronous(evidence: &Evidence<'_>) -> String {
    let left = |method: &str| case(evidence.visible?, method)?.per_op?.dirty_pages;
    let seen = left("mmap+msync(MS_ASYNC)").zip(left("mmap")).map(|(asynchronous, store)| {
        format!(
            " Dirty pages that it left here, an edit: {}; a store alone: {}.",
            units::count(asynchronous),
            units::count(store)
        )
    });
    format!(
        "msync(MS_ASYNC) promises nothing: on Linux it neither writes nor starts to (mm/msync.c).{} In its place: MS_SYNC or fdatasync for durability, \
         sync_file_range(WRITE) to start write-out.",
        seen.unwrap_or_default()
    )
}

fn no_flushes(run: &Run, evidence: &Evidence<'_>) -> Option<String> {
    let flushes = |study: &&Study| {
        study.cases.iter().any(|case| case.per_op.is_some_and(|per_op| per_op.device_flushes.is_some()))
    };
    let device = run.dir.device.as_deref();
    (!evidence.studies.iter().any(flushes)).then(|| {
        format!(
            "Whether the device was flushed cannot be seen here ({}): that a commit survives a loss of power rests on the filesystem's word.",
            device.map_or_else(|| "no single block device".to_owned(), |device| format!("{device} counts no flushes, or needs none"))
        )
    })
}

/// What is cheaper, and for whom it suffices.
fn overwrites(evidence: &Evidence<'_>, need: Need, choice: Option<&Choice>) -> Option<String> {
    let (study, choice) = (evidence.written?, choice.filter(|_| need.survive == Survive::Crash)?);
    let time = case(study, "pwrite+sync_file_range")?.ns_per_op?;
    (time.estimate < choice.ns / 2.0).then(|| {
        format!(
            "If only the kernel may crash and the device keeps its power, and each edit overwrites a block that was written and synced before, \
             sync_file_range in full writes it in {}; no metadata, no new block and no loss of power is covered, nor any of it on btrfs.",
            units::time(time.estimate)
        )
    })
}

/// The mapped method whose bytes depend most on the history, with what spares them.
fn amplification(evidence: &Evidence<'_>) -> Option<String> {
    let written = |study: &Study, method: &str| case(study, method)?.per_op?.device_write_bytes;
    let mapped = "mmap+msync(MS_SYNC)";
    let by_history: Vec<(&Study, f64)> =
        evidence.studies.iter().filter_map(|study| Some((*study, written(study, mapped)?))).collect();
    let (worst, most) = by_history.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let calls = written(worst, "pwrite+fdatasync")?;
    if most < LEAST || most < FAR * calls {
        return None;
    }
    let ratio = |study: &Study, method: &str| case(study, method)?.ratio.map(|ratio| units::ratio(ratio.estimate));
    let mut text = format!(
        "A mapped edit dirties the whole folio that holds it: with history {} `{mapped}` wrote {} a commit and took {} the time of pwrite+fdatasync, \
         which wrote {}. Remedies, as measured here: pwrite in place of the store",
        worst.scenario.history.as_deref().unwrap_or("unknown"),
        units::bytes(most),
        ratio(worst, mapped).unwrap_or_else(|| "an unknown part of".to_owned()),
        units::bytes(calls),
    );
    let remedy = by_history.iter().find(|(study, _)| study.scenario.history.as_deref() == Some(REMEDY));
    if let Some((study, bytes)) = remedy.filter(|(_, bytes)| *bytes <= most / FAR) {
        text += &format!(
            "; or madvise(MADV_RANDOM) before the first touch of a file that is not cached: {} a commit, {}",
            units::bytes(*bytes),
            ratio(study, mapped).unwrap_or_default()
        );
    }
    Some(text + ".")
}
