//! Which methods are compared with their bare loops, and in which scenarios?

use pagewise::areas::{self, Options, Spec};
use pagewise::engine::plan::{MethodPlan, Plan};
use pagewise::engine::protocol::{Asked, Size};
use pagewise::results::model::Scenario;

use super::{bare, bound};

/// The name of the bare loop in a study.
const BARE: &str = "bare";
/// What a worker is asked for: the method of this name, bare.
pub const BARE_OF: &str = "bare ";

/// A method and its scenario.
pub struct Pair {
    /// The catalogue's scenario.
    pub spec: Spec,
    /// The method's place in it.
    method: usize,
    /// What the catalogue was made from.
    pub options: Options,
    /// The greatest ratio allowed, from the bare loop's time.
    pub bound: fn(f64) -> f64,
}

impl Pair {
    /// The scenario's id.
    pub fn scenario(&self) -> &str {
        &self.spec.plan.scenario.id
    }

    /// The method's name.
    pub fn method(&self) -> &str {
        &self.spec.plan.methods[self.method].name
    }

    /// As a benchmark is named.
    pub fn name(&self) -> String {
        format!("overhead/{}/{}", self.scenario(), self.method())
    }

    /// The study of two: the loop, which is the baseline, and the method.
    pub fn plan(&self) -> Plan {
        let method = &self.spec.plan.methods[self.method];
        let bare = MethodPlan {
            name: BARE.to_owned(),
            about: "the shortest loop over the libc calls".to_owned(),
            asked: Asked { method: format!("{BARE_OF}{}", method.name), ..method.asked },
        };
        // What is paid once a batch is all of this one's time: its batch stays whole.
        let size = if method.name.contains("MAP_POPULATE") { self.spec.plan.size } else { brief(self.spec.plan.size) };
        Plan {
            methods: vec![bare, method.clone()],
            baseline: 0,
            size,
            needs: Vec::new(),
            floors: Vec::new(),
            stamps: false,
            ..self.spec.plan.clone()
        }
    }
}

/// Batches of a millisecond: what the harness pays once a batch weighs more in them, and the scheduler's neighbours spoil fewer.
fn brief(size: Size) -> Size {
    let (Size::Fixed(most) | Size::Lasting { most, .. }) = size;
    Size::Lasting { target_ns: 1_000_000, most }
}

/// What is compared: the stamp, and every CPU-bound method, in one scenario of each kind or in all.
pub fn pairs(full: bool, all: bool) -> Vec<Pair> {
    let mut pairs = vec![Pair { spec: stamp(), method: 0, options: Options::default(), bound: bound::of_stamp }];
    for area in areas::ALL {
        // The quick catalogue has no visible edits.
        let options = Options { quick: !full && area.name() != "shared_edit", ..Options::default() };
        for spec in area.specs(&options).into_iter().filter(|spec| cpu_bound(spec) && (all || !full || telling(spec))) {
            for method in (0..spec.plan.methods.len()).filter(|method| !past_the_cache(&spec.plan.methods[*method])) {
                pairs.push(Pair { spec: spec.clone(), method, options: options.clone(), bound: bound::of_operation });
            }
        }
    }
    pairs
}

/// Whether no device is waited for.
fn cpu_bound(spec: &Spec) -> bool {
    let scenario = &spec.plan.scenario;
    scenario.state.as_deref() != Some("cold")
        && scenario.guarantee.as_deref().is_none_or(|promise| promise == "visible")
}

fn past_the_cache(method: &MethodPlan) -> bool {
    method.name.starts_with("O_DIRECT")
}

/// One scenario of each kind: between them they run every loop of every method.
fn telling(spec: &Spec) -> bool {
    let param = |name: &str| spec.plan.scenario.params.get(name).map(String::as_str);
    match spec.plan.area.as_str() {
        "page_touch" => matches!(
            (param("state"), param("pattern"), param("use")),
            (Some("mapped"), ..) | (_, Some("random"), Some("touch")) | (_, Some("sequential"), Some("sum"))
        ),
        "private_cow" => param("modified") == Some("10%"),
        _ => true,
    }
}

/// The stamp of the latency pass, as a study of its own.
fn stamp() -> Spec {
    let text = "The stamp of the latency pass, over an operation that does nothing, against two reads of the clock.";
    let scenario = Scenario {
        id: bare::STAMP.to_owned(),
        question: text.to_owned(),
        operation: "one stamp".to_owned(),
        params: std::collections::BTreeMap::default(),
        state: None,
        history: None,
        guarantee: None,
    };
    let plan = Plan {
        area: "engine".to_owned(),
        scenario,
        methods: vec![MethodPlan::new("stamp", text)],
        baseline: 0,
        size: Size::Fixed(20_000),
        margin: 0.01,
        needs: Vec::new(),
        floors: Vec::new(),
        bytes_per_op: None,
        missing: Vec::new(),
        stamps: false,
    };
    Spec { plan, files: Vec::new(), weight: 1.0 }
}
