//! What was counted that goes with a difference in time?

use crate::report::columns::Column;
use crate::report::units;
use crate::results::model::{Case, Study};

/// A counter that the slower of two methods has more of.
#[derive(Clone, Debug, PartialEq)]
pub struct Excess {
    /// Which counter.
    pub column: Column,
    /// Of the slower, an operation.
    pub more: f64,
    /// Of the faster.
    pub less: f64,
}

/// Counters that may explain a time, the plainest first, and how much more of each is worth a word.
const COUNTERS: [(Column, f64); 6] = [
    (Column::DeviceWritten, 512.0),
    (Column::DeviceRead, 512.0),
    (Column::Flushes, 0.05),
    (Column::MajorFaults, 0.01),
    (Column::MinorFaults, 0.01),
    (Column::Switches, 0.05),
];

/// What `slower` has clearly more of than `faster`: at least half as much again. Time in the kernel only if it is most of the difference
/// and nothing else shows.
pub fn excesses(study: &Study, slower: &Case, faster: &Case) -> Vec<Excess> {
    let excess = |column: Column, least: f64| {
        let (more, less) = (column.value(study, slower)?, column.value(study, faster)?);
        (more >= 1.5 * less && more - less >= least).then_some(Excess { column, more, less })
    };
    let counted: Vec<Excess> =
        COUNTERS.into_iter().filter_map(|(column, least)| excess(column, least)).take(2).collect();
    if !counted.is_empty() {
        return counted;
    }
    let time = |case: &Case| case.ns_per_op.map_or(0.0, |time| time.estimate);
    excess(Column::System, (0.5 * (time(slower) - time(faster))).max(1.0)).into_iter().collect()
}

/// A sentence: `An operation of `mmap` read 2.3 MiB from the device, one of `pread` 4.0 KiB.` Empty if nothing was counted.
pub fn in_words(study: &Study, slower: &Case, faster: &Case) -> String {
    let phrases: Vec<(String, String)> = excesses(study, slower, faster).iter().map(phrase).collect();
    if phrases.is_empty() {
        return String::new();
    }
    let (more, less): (Vec<String>, Vec<String>) = phrases.into_iter().unzip();
    format!(
        " An operation of `{}` {}; one of `{}`, {}.",
        slower.method,
        more.join(" and "),
        faster.method,
        less.join(" and ")
    )
}

fn phrase(excess: &Excess) -> (String, String) {
    let Excess { column, more, less } = excess;
    let (verb, one, many) = match column {
        Column::DeviceWritten => ("wrote", "to the device", "to the device"),
        Column::DeviceRead => ("read", "from the device", "from the device"),
        Column::Flushes => ("sent the device", "flush", "flushes"),
        Column::MajorFaults => ("met", "major fault", "major faults"),
        Column::MinorFaults => ("met", "minor fault", "minor faults"),
        Column::Switches => ("waited", "time", "times"),
        _ => ("spent", "in the kernel", "in the kernel"),
    };
    let amount = |value: f64| match column {
        Column::DeviceWritten | Column::DeviceRead => units::bytes(value),
        Column::System => units::time(value),
        _ => units::count(value),
    };
    let object = if amount(*more) == "1" { one } else { many };
    (format!("{verb} {} {object}", amount(*more)), amount(*less))
}
