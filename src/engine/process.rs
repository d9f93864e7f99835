//! Who does a study's tasks: fresh processes of this program, one a task.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::child_process::{End, Reply, Request};
use super::interrupt::Interrupt;
use super::protocol::{Answer, Asked, Order, Task};

/// Who does a study's tasks: fresh processes, or a test's imitation with a clock of its own.
pub trait Executor {
    /// Does `task` with `methods`, in at most `limit`.
    ///
    /// # Errors
    /// [`Death`]: no answer came.
    fn execute(&mut self, methods: &[Asked], task: Task, limit: Duration) -> Result<Answer, Death>;

    /// Time since the executor was made.
    fn elapsed(&self) -> Duration;
}

/// Why a worker gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Death {
    /// It died at the method of this index.
    At(usize, String),
    /// It died at none.
    Elsewhere(String),
    /// The user asked to stop, or something does not answer ([`Interrupt::given_up`]).
    Interrupted,
}

/// Runs tasks in fresh processes of this executable.
#[derive(Debug)]
pub struct Workers<'a> {
    /// The folder with the study's files, as a path that holds for this process: workers work in
    /// it.
    pub site: PathBuf,
    /// See [`Order::disk_stat`].
    pub disk_stat: Option<PathBuf>,
    /// See [`Order::own_reads`].
    pub own_reads: bool,
    /// See [`Order::catalogue`].
    pub catalogue: serde_json::Value,
    /// See [`Order::scenario`].
    pub scenario: String,
    /// Whether the user has asked to stop.
    pub interrupt: &'a Interrupt,
    /// When the study began.
    pub start: Instant,
}

impl Executor for Workers<'_> {
    fn execute(&mut self, methods: &[Asked], task: Task, limit: Duration) -> Result<Answer, Death> {
        let order = Order {
            parent: std::process::id() as i32,
            site: PathBuf::from("."),
            disk_stat: self.disk_stat.clone(),
            own_reads: self.own_reads,
            catalogue: self.catalogue.clone(),
            scenario: self.scenario.clone(),
            methods: methods.to_vec(),
            task,
        };
        let order =
            serde_json::to_vec(&order).map_err(|error| Death::Elsewhere(format!("writing an order: {error}")))?;
        let request = Request { words: &["worker"], folder: &self.site, limit, interrupt: self.interrupt };
        let Reply { end, at } = request.ask(&order);
        let died = |how: String| {
            let how = format!("the worker {how}");
            at.map_or_else(|| Death::Elsewhere(how.clone()), |index| Death::At(index, how.clone()))
        };
        match end {
            End::Answered(answer) => {
                serde_json::from_slice(&answer).map_err(|error| died(format!("gave no answer: {error}")))
            }
            End::Died(how) => Err(died(how)),
            End::NotStarted(why) => Err(Death::Elsewhere(why)),
            End::Stuck(_) | End::Interrupted => Err(Death::Interrupted),
        }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
