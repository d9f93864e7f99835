//! In what the machines of the two sides differ: where they do, a difference of figures need not be the program's.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::results::model::{Profile, Run};

use super::side::Side;

/// Something that should be the same in all runs, and is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: `kernel`, `filesystem`.
    pub what: String,
    /// Its values on side A.
    pub a: Vec<String>,
    /// Its values on side B.
    pub b: Vec<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} on side A, {} on side B", self.what, self.a.join(" and "), self.b.join(" and "))
    }
}

/// What must be the same: its name, and how a run tells it.
type Trait = (&'static str, fn(&Run) -> String);

/// Not the version of pagewise, which is what builds are compared by; nor the device's name, which may change with each start.
const TRAITS: [Trait; 9] = [
    ("processor", |run| run.machine.cpu.clone()),
    ("processors", |run| run.machine.cpus.to_string()),
    // The kernel keeps some for itself, more or less with each version.
    ("memory", |run| format!("about {} GiB", (run.machine.memory as f64 / f64::from(1 << 30)).round())),
    ("page size", |run| run.machine.page_size.to_string()),
    ("virtualization", |run| run.machine.virtualization.clone().unwrap_or_else(|| "none".to_owned())),
    ("kernel", |run| run.machine.kernel.clone()),
    ("filesystem", |run| run.dir.filesystem.clone()),
    ("mount options", |run| run.dir.mount_options.clone()),
    ("profile", |run| if run.profile == Profile::Quick { "quick".to_owned() } else { "full".to_owned() }),
];

/// Everything that differs, within a side or between them.
pub fn differences(a: &Side, b: &Side) -> Vec<Difference> {
    let values = |side: &Side, told: fn(&Run) -> String| -> Vec<String> {
        side.runs.iter().map(told).collect::<BTreeSet<String>>().into_iter().collect()
    };
    TRAITS
        .iter()
        .map(|(what, told)| Difference { what: (*what).to_owned(), a: values(a, *told), b: values(b, *told) })
        .filter(|difference| difference.a != difference.b || difference.a.len() > 1)
        .collect()
}
