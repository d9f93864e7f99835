//! How is an advice about reading said, and what must whoever reads beware of?

use super::ranking::Margin;
use super::read::{Advice, Choice, Contest, Faster, Flag};
use crate::report::{beyond, curves, units};
use crate::results::model::{Reading, Run, Study};
use crate::stats::Verdict;

/// The advice, a paragraph each: what to do, why, what the flags do, what to beware of, what it rests on.
pub fn text(advice: &Advice) -> String {
    let mut lines = vec![asked(&advice.need)];
    match &advice.choice {
        Some(choice) => lines.extend(answer(choice)),
        None => lines.push("Nothing was measured that answers it.".to_owned()),
    }
    lines.push(format!("  {}.", against(&advice.mmap_against_pread)));
    if !advice.flags.is_empty() {
        lines.push("\nWhat advice to the kernel does here, as measured:".to_owned());
        lines.extend(advice.flags.iter().map(|flag| format!("- {}", effect(flag))));
    }
    if !advice.crossings.is_empty() {
        lines.push("\nWith the file's size:".to_owned());
        lines.extend(advice.crossings.iter().map(|said| format!("- {}", said.replace('`', ""))));
    }
    if !advice.warnings.is_empty() {
        lines.push("\nBeware:".to_owned());
        lines.extend(advice.warnings.iter().map(|warning| format!("- {warning}")));
    }
    lines.push(format!("\nIt rests on this of the run {}:", advice.run));
    lines.extend(advice.scenarios.iter().map(|id| format!("  {id}")));
    lines.join("\n") + "\n"
}

fn asked(need: &Reading) -> String {
    let order = match need.pattern.as_str() {
        "sequential" => "in order",
        "random" => "at random",
        other => other,
    };
    let state = match need.state.as_str() {
        // What is cached of it changes as it is read.
        _ if need.times_memory().is_some() => "",
        "cold" => ", none of it cached",
        "warm" => ", cached, mapped or opened anew",
        _ => ", cached, and kept mapped",
    };
    let passes = if need.passes > 1 { format!(", {} times", need.passes) } else { String::new() };
    let memory =
        need.memory.map(|bytes| format!(", within {} of memory", units::bytes(bytes as f64))).unwrap_or_default();
    format!(
        "{} of a file of {} read {order}, {} at a time{passes}{state}{memory}:\n",
        units::percent(units::round(need.used, 3)),
        units::bytes(need.bytes as f64),
        units::bytes(need.record as f64)
    )
}

fn answer(choice: &Choice) -> Vec<String> {
    let interval =
        choice.low_ns.zip(choice.high_ns).map(|(low, high)| format!(" ({})", units::time_interval(low, high)));
    let p99 = choice.p99_ns.map(|ns| format!(", p99 {}", units::time(ns)));
    let rate = choice.bytes_per_second.map(|rate| format!(", {} of use a second", units::bytes(rate)));
    let read = choice.read_amplification.map(|times| format!(", {} read for each byte used", units::ratio(times)));
    let mut lines = vec![
        format!("Use {}.", choice.method),
        format!(
            "  A record takes {}{}{}{}{}.",
            units::time(choice.ns),
            interval.unwrap_or_default(),
            p99.unwrap_or_default(),
            rate.unwrap_or_default(),
            read.unwrap_or_default()
        ),
    ];
    if let Some(bytes) = choice.memory_bytes.filter(|bytes| *bytes >= 4096.0) {
        lines.push(format!("  Memory that the process comes to use for it: {} (Pss).", units::bytes(bytes)));
    }
    if !choice.tied.is_empty() {
        lines.push(format!("  Statistically tied: {}.", Margin::list(&choice.tied)));
    }
    if let Some(next) = &choice.next {
        lines.push(format!("  Next best: {}.", next.in_words()));
    }
    lines
}

/// A plain mapping against plain reads, in a sentence.
fn against(contest: &Contest) -> String {
    let read = &contest.read;
    let (Some(mmap), Some(call), Some(ratio), Some(low), Some(high), Some(faster)) =
        (contest.mmap_ns, contest.read_ns, contest.ratio, contest.low, contest.high, contest.faster)
    else {
        return format!("mmap against {read}: not known: {}", contest.reason.as_deref().unwrap_or("not measured"));
    };
    let verdict = match faster {
        Faster::Mmap => "mmap is faster".to_owned(),
        Faster::Read => format!("{read} is faster"),
        Faster::Tied => "statistically tied".to_owned(),
    };
    format!(
        "mmap against {read}: {verdict}; mmap takes {}, {read} {}: {} the time ({})",
        units::time(mmap),
        units::time(call),
        units::ratio(ratio),
        units::ratio_interval(low, high)
    )
}

fn effect(flag: &Flag) -> String {
    let word = match flag.verdict {
        Verdict::Faster => "helps",
        Verdict::Slower => "harms",
        Verdict::Equal | Verdict::Unresolved => "makes no measurable difference",
    };
    let (ratio, interval) = (units::ratio(flag.ratio), units::ratio_interval(flag.low, flag.high));
    format!("{} {word}: {ratio} the time of {} ({interval}).", flag.method, flag.plain)
}

/// The warnings, those about correctness first.
pub(super) fn warnings(run: &Run, study: &Study, need: &Reading, choice: Option<&Choice>) -> Vec<String> {
    let mut all: Vec<String> = choice.and_then(of_mapping).into_iter().collect();
    if let Some(memory) = need.memory.filter(|memory| need.bytes > *memory) {
        all.push(beyond_memory(run, memory));
    }
    let measured = study.scenario.params.get("size").map(String::as_str).unwrap_or_default();
    // Of an odd file the whole pages are measured.
    let is_it = curves::amount(measured)
        .is_some_and(|bytes| (need.bytes as f64 - bytes).abs() < f64::from(run.machine.page_size));
    if !is_it {
        all.push(format!("Measured was a file of {measured}, the nearest to what was asked that could be measured in the time, or that the run has."));
    }
    all.extend(super::conditions(run));
    all
}

/// What a mapping does that a read does not; `None` where none is advised.
pub(super) fn of_mapping(choice: &Choice) -> Option<String> {
    choice.method.starts_with("mmap").then(|| {
        "A mapping turns an I/O error, and a file that becomes shorter, into SIGBUS where a read returns an error; and a thread that waits for \
         a fault cannot do anything else."
            .to_owned()
    })
}

/// What happens when the file is larger than memory: as watched, or how to watch it.
fn beyond_memory(run: &Run, memory: u64) -> String {
    let general = format!(
        "The file is larger than the {} that may hold it: once the cache is full, a mapping pays for eviction as well",
        units::bytes(memory as f64)
    );
    let seen = run
        .beyond_memory
        .as_ref()
        .map(|seen| beyond::falls(seen, run.machine.page_size).join(" "))
        .filter(|said| !said.is_empty());
    match seen {
        Some(seen) => format!("{general}. {}", seen.replace('`', "")),
        None => format!("{general}, which this run did not watch. `pagewise run page_touch --sweep memory` does."),
    }
}
