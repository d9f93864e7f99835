//! What is to be measured: a scenario, its methods, and what their figures are held against.

use crate::results::model::{Floor, Scenario};

use super::drag::Drag;
use super::need::Need;
use super::protocol::{Asked, Size};

/// Of a whole study: the chance that any of its verdicts is wrong is at most 1 − this.
pub const CONFIDENCE: f64 = 0.99;

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The area's name.
    pub area: String,
    /// The question.
    pub scenario: Scenario,
    /// Its methods, in the catalogue's order.
    pub methods: Vec<MethodPlan>,
    /// Which of them the others are compared with.
    pub baseline: usize,
    /// Operations a batch.
    pub size: Size,
    /// Ratios within 1 ± this are equal.
    pub margin: f64,
    /// What an operation needs at the least by a method that does not say it of itself ([`super::method::Method::needs`]).
    pub needs: Vec<Need>,
    /// What this machine cannot go below.
    pub floors: Vec<Floor>,
    /// Useful bytes an operation.
    pub bytes_per_op: Option<u64>,
    /// Evidence that cannot be had where the files are, a sentence each.
    pub missing: Vec<String>,
    /// Whether a latency pass follows the rounds.
    pub stamps: bool,
}

/// A method of a study.
#[derive(Clone, Debug)]
pub struct MethodPlan {
    /// As it stands in the results.
    pub name: String,
    /// What it does, in a sentence.
    pub about: String,
    /// What a worker opens for it: the catalogue's method of the same name, unless the instrument itself is on trial.
    pub asked: Asked,
}

impl MethodPlan {
    /// The catalogue's method `name`, as it is.
    pub fn new(name: &str, about: &str) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            asked: Asked { method: name.to_owned(), drag: Drag::default() },
        }
    }
}
