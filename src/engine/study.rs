//! How many rounds are taken, and when to stop: a scenario measured, worker by worker.

use std::time::Duration;

use crate::results::model::Study;

use super::effort::{Cost, Effort};
use super::ledger::{Fate, Ledger, Stop};
use super::method::Trouble;
use super::plan::Plan;
use super::process::{Death, Executor};
use super::protocol::{Answer, Asked, Batch, Task};
use super::schedule;
use super::summary;

/// How much of a study is done: for whoever shows it.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Workers that finished.
    pub workers: usize,
    /// Workers at the last planned look.
    pub planned: usize,
}

/// The time that a study has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// For all of it, about.
    pub budget: Duration,
    /// For one worker: one that takes longer is killed, and the method that it was at fails. `None` is [`LONGEST_WORKER`], or more where
    /// the methods are known to need more.
    pub worker_limit: Option<Duration>,
}

impl From<Duration> for Time {
    fn from(budget: Duration) -> Self {
        Self { budget, worker_limit: None }
    }
}

/// Measures `plan` in the `time` given.
pub fn run(
    plan: &Plan,
    time: impl Into<Time>,
    seed: u64,
    executor: &mut dyn Executor,
    progress: &mut dyn FnMut(Progress),
) -> Study {
    let time = time.into();
    let limit = time.worker_limit.unwrap_or(LONGEST_WORKER.max(time.budget));
    let mut driver = Driver {
        plan,
        executor,
        ledger: Ledger::new(plan, seed),
        worker_limit: time.worker_limit,
        limit,
        started: Duration::ZERO,
        most: 0,
    };
    driver.ledger.stop = match driver.take(time.budget, progress) {
        Ok(stop) | Err(stop) => stop,
    };
    // Also where it ended between two looks: the user stopped it, or the baseline failed.
    summary::fail_the_unproven(plan, &mut driver.ledger, true);
    summary::study(plan, &driver.ledger)
}

/// A study whose files could not be made: every row says why.
pub fn unbuilt(plan: &Plan, seed: u64, trouble: &Trouble) -> Study {
    let mut ledger = Ledger::new(plan, seed);
    ledger.fates.fill(match trouble {
        Trouble::Unavailable(reason) => Fate::Unavailable(reason.clone()),
        other => Fate::Failed(format!("the file could not be made: {other}")),
    });
    summary::study(plan, &ledger)
}

struct Driver<'a> {
    plan: &'a Plan,
    executor: &'a mut dyn Executor,
    ledger: Ledger,
    /// How long the user lets a worker take.
    worker_limit: Option<Duration>,
    /// How long one may take now.
    limit: Duration,
    /// When the last worker was started.
    started: Duration,
    /// The most operations that a batch may have.
    most: u64,
}

/// The part of a study's time that is kept for the latency pass.
const LATENCY_SHARE: f64 = 0.15;
/// The part of its time that a study may take beyond, if it has not reached its first look: without that it has cost its time for nothing.
const GRACE: f64 = 0.25;
/// A worker that takes this long, and this many times as long as its work should, hangs.
pub const LONGEST_WORKER: Duration = Duration::from_secs(120);
const PATIENCE: u32 = 5;
/// Operations of a batch of the latency pass, about.
const LATENCY_BATCH: u64 = 256;
/// Operations of a latency pass, at most: enough for a p99.9.
const STAMPS: u64 = 20_000;

impl Driver<'_> {
    fn take(&mut self, budget: Duration, progress: &mut dyn FnMut(Progress)) -> Result<Stop, Stop> {
        let cost = self.calibrate()?;
        let calibrated = self.executor.elapsed();
        let share = if self.plan.stamps { 1.0 - LATENCY_SHARE } else { 1.0 };
        let left = budget.saturating_sub(calibrated).mul_f64(share);
        self.ledger.comparisons = self.active().len();
        Effort { looks: self.ledger.looks, rounds: self.ledger.rounds } =
            Effort::fitting(left, cost, self.ledger.comparisons);
        let work = (cost.worker + cost.round * 2 * self.ledger.rounds as u32) * PATIENCE;
        self.limit = self.worker_limit.unwrap_or(LONGEST_WORKER.max(work));
        let stop = self.workers(calibrated + left, left.mul_f64(GRACE), progress)?;
        if self.plan.stamps {
            self.latency(budget)?;
        }
        Ok(stop)
    }

    /// Plan indices of the methods that are in, the baseline first.
    fn active(&self) -> Vec<usize> {
        let others = (0..self.plan.methods.len()).filter(|index| *index != self.plan.baseline);
        std::iter::once(self.plan.baseline)
            .chain(others)
            .filter(|index| self.ledger.fates[*index] == Fate::In)
            .collect()
    }

    fn asked(&self, indices: &[usize]) -> Vec<Asked> {
        indices.iter().map(|index| self.plan.methods[*index].asked.clone()).collect()
    }

    /// Does `task` with `indices`. A method that its worker dies of is failed, and the task is tried without it.
    fn execute(&mut self, indices: &mut Vec<usize>, null: bool, task: &dyn Fn(usize) -> Task) -> Result<Answer, Stop> {
        let mut tries = 0;
        loop {
            let mut asked = self.asked(indices);
            if null {
                asked.extend(self.asked(&[self.plan.baseline]));
            }
            self.started = self.executor.elapsed();
            match self.executor.execute(&asked, task(asked.len()), self.limit) {
                Ok(mut answer) => {
                    self.note(indices, &mut answer);
                    return self.baseline_in().map(|()| answer);
                }
                Err(Death::Interrupted) => return Err(Stop::Interrupted),
                Err(Death::At(place, how)) => {
                    // One past the last is the null control: the baseline under another name.
                    let index = indices.get(place).copied().unwrap_or(self.plan.baseline);
                    self.ledger.fates[index] = Fate::Failed(how);
                    self.baseline_in()?;
                    indices.retain(|other| *other != index);
                }
                Err(Death::Elsewhere(how)) => {
                    tries += 1;
                    if tries == 3 {
                        self.ledger.fates[self.plan.baseline] = Fate::Failed(how);
                        return Err(Stop::Failed);
                    }
                }
            }
        }
    }

    fn baseline_in(&self) -> Result<(), Stop> {
        if self.ledger.fates[self.plan.baseline] == Fate::In { Ok(()) } else { Err(Stop::Failed) }
    }

    /// Takes down what became of the methods.
    fn note(&mut self, indices: &[usize], answer: &mut Answer) {
        for (place, standing) in answer.methods.iter_mut().enumerate() {
            let index = indices.get(place).copied().unwrap_or(self.plan.baseline);
            if let Some(reason) = standing.unavailable.take() {
                self.ledger.fates[index] = Fate::Unavailable(reason);
            } else if let Some(reason) = standing.failed.take() {
                self.ledger.fates[index] = Fate::Failed(reason);
            }
            self.ledger.checks[index] += standing.checks;
            if !standing.needs.is_empty() {
                self.ledger.needs[index] = std::mem::take(&mut standing.needs);
            }
            if standing.no_stamps.is_some() {
                self.ledger.no_stamps[index] = standing.no_stamps.take();
            }
        }
    }

    /// Finds what is available, and `k`. Gives what a round costs, the null control in it, and a worker beside its rounds.
    fn calibrate(&mut self) -> Result<Cost, Stop> {
        let mut indices = self.active();
        let size = self.plan.size;
        let answer = self.execute(&mut indices, false, &|_| Task::Calibrate(size))?;
        // Of the worker that answered: one that hung before it until it was killed says nothing of what the others will cost.
        let took = self.executor.elapsed() - self.started;
        (self.ledger.k, self.most) = (answer.k, answer.most);
        let baseline = answer.methods.first().map_or(0, |standing| standing.batch_cost_ns);
        let round: u64 = answer.methods.iter().map(|standing| standing.batch_cost_ns).sum();
        let worker = took.saturating_sub(Duration::from_nanos(answer.task_ns));
        Ok(Cost { round: Duration::from_nanos(round + baseline), worker })
    }

    fn workers(
        &mut self,
        deadline: Duration,
        grace: Duration,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Stop, Stop> {
        let first_look = self.ledger.looks.first().copied().unwrap_or(0);
        let planned = self.ledger.looks.last().copied().unwrap_or(0);
        let mut longest = Duration::ZERO;
        while self.ledger.workers.len() < planned {
            progress(Progress { workers: self.ledger.workers.len(), planned });
            let begin = self.executor.elapsed();
            // One worker is taken whatever it costs: an estimate without an interval says more than nothing.
            let grace = if self.ledger.workers.len() < first_look { grace } else { Duration::ZERO };
            if !self.ledger.workers.is_empty() && begin + longest > deadline + grace {
                summary::fail_the_unproven(self.plan, &mut self.ledger, true);
                return self.baseline_in().map(|()| Stop::Budget);
            }
            self.worker()?;
            longest = longest.max(self.executor.elapsed().saturating_sub(begin));
            let at_look = self.ledger.looks.contains(&self.ledger.workers.len());
            summary::fail_the_unproven(self.plan, &mut self.ledger, at_look);
            self.baseline_in()?;
            if at_look && summary::decided(self.plan, &self.ledger) {
                return Ok(Stop::Decided);
            }
        }
        Ok(Stop::Looks)
    }

    /// One fresh process, its rounds.
    fn worker(&mut self) -> Result<(), Stop> {
        let mut indices = self.active();
        let worker = self.ledger.workers.len();
        let (k, rounds, seed) = (self.ledger.k, self.ledger.rounds, self.ledger.seed);
        let planned = self.ledger.looks.last().copied().unwrap_or(0);
        let answer = self.execute(&mut indices, true, &|methods| {
            // The first half of the orders is the balanced plan; the second holds each worker's spares.
            let all = schedule::orders(methods, 2 * rounds * planned, seed);
            let own = (0..2 * rounds).map(|round| round / rounds * rounds * planned + worker * rounds + round % rounds);
            let (orders, seeds) = own.map(|place| (all[place].clone(), seed.wrapping_add(place as u64 + 1))).unzip();
            Task::Rounds { k, wanted: rounds, orders, seeds }
        })?;
        let null = self.plan.methods.len();
        let batches = answer
            .batches
            .into_iter()
            .map(|batch| Batch { method: indices.get(batch.method).copied().unwrap_or(null), ..batch })
            .collect();
        self.ledger.workers.push(batches);
        self.ledger.idle.push(answer.idle);
        Ok(())
    }

    fn latency(&mut self, budget: Duration) -> Result<(), Stop> {
        let mut indices = self.active();
        let left = budget.saturating_sub(self.executor.elapsed()).max(budget.mul_f64(LATENCY_SHARE / 2.0));
        let each = left.mul_f64(0.8).div_f64(indices.len() as f64).as_nanos() as u64;
        // What a batch is prepared by is paid once a batch: stamps come sooner of long ones.
        let k = self.ledger.k * (LATENCY_BATCH.min(self.most) / self.ledger.k.max(1)).max(1);
        let task =
            Task::Latency { k, operations: STAMPS, limit_ns: each.min(1_000_000_000), seed: self.ledger.seed ^ 0x5eed };
        // What goes wrong here takes the latency away, not the figures that stand already.
        let fates = self.ledger.fates.clone();
        let outcome = self.execute(&mut indices, false, &|_| task.clone());
        let after = std::mem::replace(&mut self.ledger.fates, fates);
        for (index, fate) in after.into_iter().enumerate() {
            if let (Fate::Failed(reason) | Fate::Unavailable(reason), Fate::In) = (fate, &self.ledger.fates[index]) {
                self.ledger.no_stamps[index] = Some(reason);
            }
        }
        match outcome {
            Ok(answer) => {
                for (place, stamps) in answer.stamps.into_iter().enumerate() {
                    self.ledger.stamps[indices[place]] = stamps;
                }
                for (place, phases) in answer.phases.into_iter().enumerate() {
                    self.ledger.phases[indices[place]] = phases;
                }
                Ok(())
            }
            Err(Stop::Interrupted) => Err(Stop::Interrupted),
            Err(_) => Ok(()),
        }
    }
}
