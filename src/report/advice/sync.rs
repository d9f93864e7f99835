//! How to make a small change safe: the method, the batch that meets a rate, what can be lost, and by how much it is better.
//!
//! Methods are held against each other by the intervals of their ratios within one study, which hold together; across studies of different
//! histories by the worst of them, since a user seldom knows how a file came into the cache.

use serde::Serialize;

use super::sync_evidence::{Batch, Evidence, Standing};
use super::sync_warnings;
use crate::report::notes;
use crate::results::model::Run;

pub use super::sync_words::text;

/// What is to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Survive {
    /// A crash of the process.
    Process,
    /// A crash of the system.
    Crash,
    /// A loss of power.
    Power,
}

impl Survive {
    /// The guarantee that gives it.
    pub fn guarantee(self) -> &'static str {
        match self {
            Self::Process => "visible",
            Self::Crash | Self::Power => "durable",
        }
    }
}

/// What the user needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Need {
    /// Bytes changed in one place.
    pub edit: u64,
    /// Places, each on pages of its own, changed by one commit.
    pub pages: u64,
    /// What a commit is to survive.
    pub survive: Survive,
    /// 99 % of the commits are to take at most this, in ns.
    pub p99_ns: Option<f64>,
    /// Commits a second.
    pub rate: Option<f64>,
}

impl Need {
    /// The time that a commit may take at that rate, in ns.
    pub(super) fn each_ns(&self) -> Option<f64> {
        self.rate.map(|rate| 1e9 / rate)
    }
}

/// What is advised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// What was asked.
    pub need: Need,
    /// What meets it, the best first; `null` where nothing does.
    pub choice: Option<Choice>,
    /// Why nothing does, and what comes nearest.
    pub unmet: Option<String>,
    /// What a commit writes to the device, by each method.
    pub written: Vec<(String, Vec<Written>)>,
    /// What to beware of, each with a remedy.
    pub warnings: Vec<String>,
    /// The scenarios that it rests on.
    pub scenarios: Vec<String>,
    /// The run that they are of.
    pub run: String,
}

/// A method, and how well it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// Its name.
    pub method: String,
    /// Time of one commit, in ns, in the history where it takes longest; of one that is synced, where others are not.
    pub ns: f64,
    /// Its interval.
    pub low_ns: Option<f64>,
    /// Its interval.
    pub high_ns: Option<f64>,
    /// 99 % of its commits took at most this, in ns.
    pub p99_ns: Option<f64>,
    /// Device bytes that a commit wrote.
    pub device_bytes: Option<f64>,
    /// Of so many commits one is synced; 1 for each of them.
    pub batch: u64,
    /// Whether the time of a commit in such a batch was measured, or follows from those of a sync and of an edit.
    pub batch_measured: bool,
    /// Time of one commit in such a batch, in ns.
    pub batched_ns: f64,
    /// How long acknowledged commits can be lost for, in ns, at the rate asked for; 0 where each is synced.
    pub loss_ns: f64,
    /// The next best that meets it.
    pub next: Option<Margin>,
    /// Those that cannot be told from it.
    pub as_good: Vec<String>,
}

/// By how much another method takes longer, where it takes longest beside the choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// Its name.
    pub method: String,
    /// Its time over the choice's.
    pub ratio: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The history where that is so, where several were measured: the one where it is most.
    pub history: Option<String>,
}

/// What a commit writes to the device, where the cache was filled in one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// How the cache was filled.
    pub history: String,
    /// Bytes a commit.
    pub bytes: f64,
}

/// The advice for `need`, from what `run` measured.
///
/// # Errors
/// In a sentence: the run has nothing that answers it.
pub fn advise(run: &Run, need: Need) -> Result<Advice, String> {
    let evidence = Evidence::of(run, need)?;
    let standings = evidence.standings();
    let chosen = in_memory(run, need).map_or_else(|| choose(&evidence, &standings, need), Err);
    let (choice, unmet) = match chosen {
        Ok(choice) => (Some(choice), None),
        Err(reason) => (None, Some(reason)),
    };
    let warnings = sync_warnings::warnings(run, &evidence, need, choice.as_ref());
    let writing = standings.iter().filter(|method| !method.written.is_empty());
    let written = writing.map(|method| (method.method.clone(), method.written.clone())).collect();
    Ok(Advice { need, choice, unmet, written, warnings, scenarios: evidence.scenarios(), run: run.id.clone() })
}

/// Why nothing survives, where the files lie in memory.
fn in_memory(run: &Run, need: Need) -> Option<String> {
    (need.survive != Survive::Process && notes::is_in_memory(run)).then(|| {
        format!(
            "the files lie in memory ({}), and no sync makes them survive that. Put them on a disk's filesystem, and ask there (--dir)",
            run.dir.filesystem
        )
    })
}

fn choose(evidence: &Evidence<'_>, standings: &[Standing], need: Need) -> Result<Choice, String> {
    let quick: Vec<&Standing> = match need.p99_ns {
        None => standings.iter().collect(),
        Some(limit) => standings.iter().filter(|method| method.p99_ns.is_some_and(|p99| p99 <= limit)).collect(),
    };
    if standings.is_empty() {
        return Err("no method has an interval in each of the studies: measure with a larger --budget".to_owned());
    }
    if quick.is_empty() {
        return Err(slow_p99(standings));
    }
    let at_once = |fitting: &[&Standing]| {
        let best = best_of(fitting);
        pick(best, fitting, Batch { commits: 1, ns: best.ns, measured: true }, 0.0)
    };
    let Some(each) = need.each_ns() else { return Ok(at_once(&quick)) };
    let keeps_up: Vec<&Standing> = quick.iter().copied().filter(|method| method.longest() <= each).collect();
    if !keeps_up.is_empty() {
        return Ok(at_once(&keeps_up));
    }
    let batching: Vec<&Standing> = quick.iter().copied().filter(|method| evidence.can_batch(&method.method)).collect();
    if batching.is_empty() {
        return Err(too_slow(quick[0], each));
    }
    let best = best_of(&batching);
    let batch = evidence.batch(best, each).ok_or_else(|| too_slow(best, each))?;
    let loss = batch.commits as f64 * each;
    Ok(pick(best, &batching, batch, loss))
}

/// The best of `fitting`, which are some: the first, but for a baseline that cannot be told from it, which is the plainer way.
fn best_of<'a>(fitting: &[&'a Standing]) -> &'a Standing {
    let first = fitting[0];
    let plain = fitting.iter().copied().find(|other| other.is_baseline);
    plain.filter(|plain| first.margin(plain).is_some_and(|margin| margin.low <= 1.0)).unwrap_or(first)
}

/// The `best` of `fitting`, held against the others.
fn pick(best: &Standing, fitting: &[&Standing], batch: Batch, loss_ns: f64) -> Choice {
    let others = fitting.iter().filter(|other| other.method != best.method);
    let against: Vec<Margin> = others.filter_map(|other| best.margin(other)).collect();
    let (close, apart): (Vec<Margin>, Vec<Margin>) = against.into_iter().partition(|margin| margin.low <= 1.0);
    Choice {
        method: best.method.clone(),
        ns: best.ns,
        low_ns: best.low_ns,
        high_ns: best.high_ns,
        p99_ns: best.p99_ns,
        device_bytes: best.device_bytes,
        batch: batch.commits,
        batch_measured: batch.measured,
        batched_ns: batch.ns,
        loss_ns,
        next: apart.into_iter().next(),
        as_good: close.into_iter().map(|margin| margin.method).collect(),
    }
}

fn slow_p99(standings: &[Standing]) -> String {
    let known = standings.iter().filter_map(|method| Some((method.p99_ns?, &method.method)));
    match known.min_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((p99, method)) => {
            format!(
                "no method's p99 is so short here: the shortest is {}, of {method}",
                crate::report::units::time(p99)
            )
        }
        None => {
            "no method's p99 is known: fewer than 1,000 commits of each were stamped; measure with a longer --budget"
                .to_owned()
        }
    }
}

fn too_slow(best: &Standing, each: f64) -> String {
    use crate::report::units::time;
    format!(
        "even without a sync this rate cannot be met: a commit may take {}, and the quickest, {}, takes {}",
        time(each),
        best.method,
        time(best.ns)
    )
}
