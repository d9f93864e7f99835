//! How is an advice about syncing said?

use super::ranking::Margin;
use super::sync::{Advice, BatchReason, Choice, Need, Survive, Written};
use crate::report::{notes, units};

/// The advice, a paragraph each: what to do, why, what to beware of, what it rests on.
pub fn text(advice: &Advice) -> String {
    let mut lines = vec![asked(advice.need)];
    match (&advice.choice, &advice.unmet) {
        (Some(choice), _) => lines.extend(answer(choice, advice.need)),
        (None, Some(reason)) => lines.push(format!("Nothing here meets that: {reason}.")),
        (None, None) => {}
    }
    if !advice.ruled_out.is_empty() {
        lines.push("\nRuled out:".to_owned());
        lines.extend(advice.ruled_out.iter().map(|out| format!("- {}: {}.", out.method, out.reason)));
    }
    if !advice.written.is_empty() {
        let each = advice.written.iter().map(|(method, written)| format!("{method} {}", range(written)));
        lines.push(format!("\nWhat a commit writes to the device: {}.", each.collect::<Vec<_>>().join("; ")));
    }
    if !advice.warnings.is_empty() {
        lines.push("\nBeware:".to_owned());
        lines.extend(advice.warnings.iter().map(|warning| format!("- {warning}")));
    }
    lines.push(format!(
        "\nIt rests on {} of the run {}:",
        if advice.scenarios.len() == 1 { "this study" } else { "these studies" },
        advice.run
    ));
    lines.extend(advice.scenarios.iter().map(|id| format!("  {id}")));
    lines.join("\n") + "\n"
}

/// Histories that differ by less than this part write as much.
const ALIKE: f64 = 1.5;

/// `32 KiB`; `32 KiB with history write-4K to 7.5 MiB with write-1M`.
fn range(written: &[Written]) -> String {
    let by_bytes = |a: &&Written, b: &&Written| a.bytes.total_cmp(&b.bytes);
    let (Some(least), Some(most)) = (written.iter().min_by(by_bytes), written.iter().max_by(by_bytes)) else {
        return units::NONE.to_owned();
    };
    if most.bytes <= ALIKE * least.bytes {
        return units::bytes(most.bytes);
    }
    let (few, many) = (units::bytes(least.bytes), units::bytes(most.bytes));
    format!("{few} with history {} to {many} with {}", least.history, most.history)
}

fn asked(need: Need) -> String {
    let edit = units::bytes(need.edit as f64);
    let places = if need.pages == 1 { "one place".to_owned() } else { format!("each of {} places", need.pages) };
    let survive = match need.survive {
        Survive::Process => "a crash of the process",
        Survive::Crash => "a crash of the system",
        Survive::Power => "a loss of power",
    };
    let p99 = need.p99_ns.map(|ns| format!(", 99 % of them within {}", units::time(ns)));
    let rate = need.rate.map(|rate| format!(", {} a second", units::count(rate)));
    format!(
        "Commits of {edit} in {places} that survive {survive}{}{}:\n",
        rate.unwrap_or_default(),
        p99.unwrap_or_default()
    )
}

fn answer(choice: &Choice, need: Need) -> Vec<String> {
    let mut lines = vec![format!("Use {}.", choice.method)];
    let interval =
        choice.low_ns.zip(choice.high_ns).map(|(low, high)| format!(" ({})", units::time_interval(low, high)));
    let p99 = choice.p99_ns.map(|ns| format!(", p99 {}", units::time(ns)));
    let bytes = choice.device_bytes.map(|bytes| format!(", {} written to the device", units::bytes(bytes)));
    lines.push(format!(
        "  A commit takes {}{}{}{}.",
        units::time(choice.ns),
        interval.unwrap_or_default(),
        p99.unwrap_or_default(),
        bytes.unwrap_or_default()
    ));
    if let Some(reason) = &choice.batch_reason {
        lines.extend(batch_in_words(choice, reason, need));
    } else {
        lines.push(match need.survive {
            Survive::Process => "  What can be lost: everything not yet written back, when the system crashes; nothing, when only the process does.".to_owned(),
            Survive::Crash | Survive::Power => "  What can be lost: nothing that was acknowledged, if the device keeps its word; a commit of several places can be half made.".to_owned(),
        });
        if let Some(rate) = need.rate {
            let part = units::percent(units::round(choice.ns * rate / 1e9, 2));
            lines.push(format!("  At {} commits a second that is {part} of the time.", units::count(rate)));
        }
    }
    // Measured batches are of one history; methods are compared with a sync for each commit.
    let how = if choice.batch > 1 { ", with a sync for each commit" } else { "" };
    if !choice.tied.is_empty() {
        lines.push(format!("  Statistically tied: {}{how}.", Margin::list(&choice.tied)));
    }
    if let Some(next) = &choice.next {
        lines.push(format!("  Next best: {}{how}.", next.in_words()));
    }
    lines
}

/// What the rate asks for, which batch meets it, and why no smaller one.
fn batch_in_words(choice: &Choice, reason: &BatchReason, need: Need) -> Vec<String> {
    let rate = units::count(need.rate.unwrap_or_default());
    let (allowed, single) = (units::time(reason.allowed_ns), units::time(reason.single_ns));
    let how =
        if choice.batch_measured { "measured" } else { "calculated from a sync and an edit without one, not measured" };
    let smaller = match (reason.too_slow.last(), reason.smaller_by_calculation) {
        (_, Some(least)) => format!(
            " By calculation every {least} would do; of the batches that were measured, {} is the smallest that keeps up.",
            choice.batch
        ),
        (Some(tried), None) => {
            format!(" A smaller batch is too slow: every {}, {} a commit.", tried.batch, units::time(tried.ns))
        }
        (None, None) => " By calculation no smaller batch keeps up.".to_owned(),
    };
    let lost = units::time(choice.loss_ns);
    vec![
        format!(
            "  At {rate} commits a second each may take {allowed}; with a sync of its own it takes up to {single}."
        ),
        format!(
            "  Sync every {} commits, or every {lost}: at most {} a commit ({how}).{smaller}",
            choice.batch,
            units::time(choice.batched_ns)
        ),
        format!(
            "  What can be lost: up to {} of the last {lost}. To lose none, acknowledge them when their batch is synced.",
            notes::many(choice.batch - 1, "acknowledged commit"),
        ),
    ]
}
