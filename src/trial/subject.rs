//! What is tried: a method that stands in one study under several names, as it is and slowed by known parts.

use std::time::Duration;

use crate::engine::drag::Drag;
use crate::engine::plan::{MethodPlan, Plan};
use crate::engine::protocol::Asked;

use super::model::Subject;

/// A case of the catalogue that the instrument is tried on by default.
#[derive(Clone, Copy, Debug)]
pub struct Default {
    /// What its time goes into.
    pub name: &'static str,
    /// The start of its scenario's id, among the quick ones: their files are small, so that a study is mostly measuring.
    pub scenario: &'static str,
    /// Its method.
    pub method: &'static str,
}

/// One case of each kind.
pub const DEFAULTS: [Default; 4] = [
    Default { name: "syscall-bound", scenario: "page_touch/warm/random/", method: "pread" },
    Default { name: "fault-bound", scenario: "private_cow/", method: "MAP_PRIVATE+store" },
    Default { name: "memory-bound", scenario: "page_touch/mapped/random/use=sum", method: "mmap" },
    Default { name: "device-bound", scenario: "shared_edit/durable/", method: "pwrite+fdatasync" },
];

/// A margin from here on is a device's.
const DEVICE_MARGIN: f64 = 0.05;
/// What is injected, in thousandths, where the processor is the bound, and where a device is.
const CPU_DRAGS: [u32; 3] = [20, 50, 100];
const DEVICE_DRAGS: [u32; 2] = [100, 250];
/// A comparison's share of a study's time.
const CPU_TIME: Duration = Duration::from_secs(3);
const DEVICE_TIME: Duration = Duration::from_secs(10);

impl Subject {
    /// `method` of the scenario that `plan` measures, with `time` for each comparison: 3 s by default, 10 s where a device is the bound.
    pub fn new(name: &str, plan: &Plan, method: &str, time: Option<Duration>) -> Self {
        let device_bound = plan.margin >= DEVICE_MARGIN;
        let injected = if device_bound { DEVICE_DRAGS.to_vec() } else { CPU_DRAGS.to_vec() };
        let each = time.unwrap_or(if device_bound { DEVICE_TIME } else { CPU_TIME });
        // Those slowed, and one that is not.
        let comparisons = injected.len() as u32 + 1;
        Self {
            name: name.to_owned(),
            scenario: plan.scenario.clone(),
            method: method.to_owned(),
            margin: plan.margin,
            device_bound,
            injected,
            study_ns: (each * comparisons).as_nanos() as u64,
        }
    }

    /// The name under which the method stands a second time, slowed by `drag` thousandths.
    pub fn name_of(&self, drag: u32) -> String {
        if drag == 0 {
            format!("{}, again", self.method)
        } else {
            format!("{} +{} %", self.method, f64::from(drag) / 10.0)
        }
    }

    /// All that it is slowed by, 0 first.
    pub fn drags(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(0).chain(self.injected.iter().copied())
    }

    /// The study: the method as the baseline, itself again, and itself slowed.
    pub fn plan(&self, of_scenario: &Plan) -> Plan {
        let about =
            of_scenario.methods.iter().find(|method| method.name == self.method).map_or("", |method| &method.about);
        let dragged = self.drags().map(|drag| MethodPlan {
            name: self.name_of(drag),
            about: about.to_owned(),
            asked: Asked { method: self.method.clone(), drag: Drag(drag) },
        });
        Plan {
            methods: std::iter::once(MethodPlan::new(&self.method, about)).chain(dragged).collect(),
            baseline: 0,
            needs: Vec::new(),
            floors: Vec::new(),
            stamps: false,
            ..of_scenario.clone()
        }
    }

    /// At most this long a comparison: the study's time, divided among those slowed and the one that is not.
    pub fn comparison_time(&self) -> Duration {
        self.study_time() / (self.injected.len() as u32 + 1)
    }

    /// At most this long a study.
    pub fn study_time(&self) -> Duration {
        Duration::from_nanos(self.study_ns)
    }
}
