//! Were all runs taken on one machine, kernel and filesystem, set up alike?

use std::collections::BTreeSet;

use serde::Serialize;

use super::CompareError;
use super::model::Warning;
use crate::results::Found;
use crate::results::model::Run;

/// What the runs' machines differ in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `kernel`, `filesystem`, …
    pub what: String,
    /// What the runs of side A have.
    pub a: BTreeSet<String>,
    /// What those of side B have.
    pub b: BTreeSet<String>,
    /// Whether it makes another machine of it, so that it takes `--across-machines` to compare; else it is a setting, and a warning.
    pub refused: bool,
}

type Trait = (&'static str, fn(&Run) -> String);

/// What makes a machine that machine, beside its memory. Which pagewise measured is not among it: that is what people compare.
const TRAITS: [Trait; 8] = [
    ("processor", |run| run.machine.cpu.clone()),
    ("number of processors", |run| run.machine.cpus.to_string()),
    ("page size", |run| run.machine.page_size.to_string()),
    ("virtualization", |run| run.machine.virtualization.clone().unwrap_or_else(|| "none".to_owned())),
    ("kernel", |run| run.machine.kernel.clone()),
    ("kernel build", |run| run.machine.facts.get("kernel_build").cloned().unwrap_or_default()),
    ("filesystem", |run| run.dir.filesystem.clone()),
    ("device", |run| run.dir.device.clone().unwrap_or_else(|| "no single one".to_owned())),
];

/// Memory that differs by less than this part is the same: kernels take a little more or less of it for themselves.
const MEMORY_SLACK: f64 = 0.02;

/// Facts that are another at each look, or that say nothing of how fast the machine is.
const FLEETING: [&str; 5] =
    ["load_average", "memory_available", "stolen_time", "kernel_build", "clocksource_available"];

/// Everything that speaks against taking the runs as of one machine, what is refused first.
pub(super) fn differences(a: &[Found], b: &[Found]) -> Vec<Difference> {
    let mut found: Vec<Difference> =
        TRAITS.iter().filter_map(|(what, value)| differ(a, b, what, true, &|run| Some(value(run)))).collect();
    // Another kernel is another build, and to say both says no more.
    if found.iter().any(|difference| difference.what == "kernel") {
        found.retain(|difference| difference.what != "kernel build");
    }
    let memory = || a.iter().chain(b).map(|found| found.run.machine.memory as f64);
    if memory().fold(f64::INFINITY, f64::min) < memory().fold(0.0, f64::max) * (1.0 - MEMORY_SLACK) {
        let mib = |run: &Run| Some(format!("{} MiB", run.machine.memory >> 20));
        found.extend(differ(a, b, "memory", true, &mib));
    }
    found.extend(differ(a, b, "mount options", false, &|run| Some(run.dir.mount_options.clone())));
    let names: BTreeSet<&String> = a.iter().chain(b).flat_map(|found| found.run.machine.facts.keys()).collect();
    for name in names.into_iter().filter(|name| !FLEETING.contains(&name.as_str())) {
        // A fact that a run does not have was not read, perhaps by another version: that is no difference of machines.
        found.extend(differ(a, b, name, false, &|run| run.machine.facts.get(name).cloned()));
    }
    found
}

fn differ(
    a: &[Found],
    b: &[Found],
    what: &str,
    refused: bool,
    value: &dyn Fn(&Run) -> Option<String>,
) -> Option<Difference> {
    let values = |runs: &[Found]| runs.iter().filter_map(|found| value(&found.run)).collect::<BTreeSet<String>>();
    let (a, b) = (values(a), values(b));
    (a.union(&b).count() > 1).then(|| Difference { what: what.to_owned(), a, b, refused })
}

/// Refuses runs of different machines, kernels or filesystems, and says how to go on.
pub(super) fn refuse(differences: &[Difference]) -> Result<(), CompareError> {
    let refused: Vec<&Difference> = differences.iter().filter(|difference| difference.refused).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let within = refused.iter().any(|difference| difference.a.len() > 1 || difference.b.len() > 1);
    let kernels_alone = refused.iter().all(|difference| difference.what.starts_with("kernel"));
    let next = match (within, kernels_alone) {
        (true, _) => "give each side runs of one machine, or add --across-machines to compare them as they are",
        (false, true) => "if the kernels are what you compare, add --across-machines",
        (false, false) => "a difference may then be the machine's, add --across-machines to compare them as they are",
    };
    let said: Vec<String> = refused.iter().map(|difference| in_words(difference)).collect();
    Err(CompareError::Unlike(format!(
        "the runs are not of one machine, kernel and filesystem: {}; {next}",
        said.join(", ")
    )))
}

fn in_words(difference: &Difference) -> String {
    let list = |values: &BTreeSet<String>| {
        let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        if quoted.is_empty() { "unknown".to_owned() } else { quoted.join(" and ") }
    };
    format!("{} is {} in A, {} in B", difference.what, list(&difference.a), list(&difference.b))
}

/// The differences as warnings, for who goes on.
pub(super) fn warnings(differences: &[Difference]) -> Vec<Warning> {
    let warning = |difference: &Difference| {
        let (code, then) = if difference.refused {
            ("machine", "what differs may be this, not the build")
        } else {
            ("setting", "set it alike, or it may be what differs")
        };
        Warning { code, text: format!("{}: {then}.", in_words(difference)) }
    };
    differences.iter().map(warning).collect()
}
