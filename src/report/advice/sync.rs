//! How to make a small change safe: the method, the batch that meets a rate, what can be lost, and by how much it is better.
//!
//! Across studies of different histories the worst one decides, since a user seldom knows how a file came into the cache.

use serde::Serialize;

use super::ranking::{self, Margin, Plainness, Ranking, Rival, Setting};
use super::sync_evidence::{Batch, Evidence, Standing};
use super::sync_warnings;
use crate::report::{notes, rows, units};
use crate::results::model::{Commit, Run, Status};

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
    const ALL: [Self; 3] = [Self::Process, Self::Crash, Self::Power];

    /// As it is typed and recorded.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Crash => "crash",
            Self::Power => "power",
        }
    }

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
    /// What `commit` was measured for. The first runs recorded no more than whether it is to be durable.
    pub fn of(commit: &Commit) -> Self {
        let named = Survive::ALL.into_iter().find(|survive| commit.survive.as_deref() == Some(survive.name()));
        Self {
            edit: commit.edit,
            pages: commit.pages,
            survive: named.unwrap_or(if commit.durable { Survive::Power } else { Survive::Process }),
            p99_ns: commit.p99_ns,
            rate: commit.rate,
        }
    }

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
    /// The methods of this guarantee that cannot be chosen, each with the reason.
    pub ruled_out: Vec<RuledOut>,
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
    /// Time of one commit in such a batch, in ns: the upper end of its interval, where it was measured.
    pub batched_ns: f64,
    /// Why so many; `null` where each commit is synced.
    pub batch_reason: Option<BatchReason>,
    /// How long acknowledged commits can be lost for, in ns, at the rate asked for; 0 where each is synced.
    pub loss_ns: f64,
    /// The next best that meets it.
    pub next: Option<Margin>,
    /// The names of all that are statistically tied with it.
    pub as_good: Vec<String>,
    /// The same, each with its ratio to the choice.
    pub tied: Vec<Margin>,
}

/// Why so many commits are synced at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchReason {
    /// The time that a commit may take at the rate asked for, in ns.
    pub allowed_ns: f64,
    /// The time that it takes at most with a sync of its own, in ns.
    pub single_ns: f64,
    /// Smaller batches that were measured and were too slow.
    pub too_slow: Vec<Tried>,
    /// A smaller batch that would do by calculation, but that the run did not measure.
    pub smaller_by_calculation: Option<u64>,
}

/// A batch that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// Commits to a sync.
    pub batch: u64,
    /// The time of one of them at most, in ns.
    pub ns: f64,
}

/// A method that cannot be chosen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuledOut {
    /// Its name.
    pub method: String,
    /// Why, as the end of a sentence.
    pub reason: String,
}

/// What a commit writes to the device, where the cache was filled in one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// How the cache was filled.
    pub history: String,
    /// Bytes a commit.
    pub bytes: f64,
}

/// The advice for `need`, from what `run` measured; `plainness` decides between methods that are tied.
///
/// # Errors
/// In a sentence: the run has nothing that answers it.
pub fn advise(run: &Run, need: Need, plainness: Plainness<'_>) -> Result<Advice, String> {
    let evidence = Evidence::of(run, need)?;
    let standings = evidence.standings();
    let mut ruled_out = evidence.unmeasured();
    let chosen = match in_memory(run, need) {
        Some(reason) => Err(reason),
        None => choose(&evidence, &standings, need, plainness, &mut ruled_out),
    };
    let (choice, unmet) = match chosen {
        Ok(choice) => (Some(choice), None),
        Err(reason) => (None, Some(reason)),
    };
    let warnings = sync_warnings::warnings(run, &evidence, need, choice.as_ref());
    let writing = standings.iter().filter(|method| !method.written.is_empty());
    let written = writing.map(|method| (method.method.clone(), method.written.clone())).collect();
    let scenarios = evidence.scenarios();
    Ok(Advice { need, choice, unmet, ruled_out, written, warnings, scenarios, run: run.id.clone() })
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

/// Sorts out the standings that do not pass, and says why.
fn pass<'a>(
    standings: Vec<&'a Standing>,
    ruled_out: &mut Vec<RuledOut>,
    fails: impl Fn(&Standing) -> Option<String>,
) -> Vec<&'a Standing> {
    standings
        .into_iter()
        .filter(|standing| match fails(standing) {
            None => true,
            Some(reason) => {
                ruled_out.push(RuledOut { method: standing.method.clone(), reason });
                false
            }
        })
        .collect()
}

fn choose(
    evidence: &Evidence<'_>,
    standings: &[Standing],
    need: Need,
    plainness: Plainness<'_>,
    ruled_out: &mut Vec<RuledOut>,
) -> Result<Choice, String> {
    let all: Vec<&Standing> = standings.iter().collect();
    if all.is_empty() {
        let failed = evidence.studies.iter().flat_map(|study| &study.cases).find(|case| case.status == Status::Failed);
        let why = failed.map_or("measure with a larger --budget".to_owned(), |case| {
            format!("{} failed: {}", case.method, rows::reason(case))
        });
        return Err(format!("no method has an interval in each of the studies: {why}"));
    }
    let quick = pass(all, ruled_out, |method| need.p99_ns.and_then(|limit| late(method, limit)));
    if quick.is_empty() {
        return Err(slow_p99(standings));
    }
    let settings = evidence.settings();
    let at_once = |fitting: &[&Standing]| pick(fitting, &settings, plainness).map(|found| found.synced_each());
    let nothing = || "no method is left to choose from".to_owned();
    let Some(each) = need.each_ns() else { return at_once(&quick).ok_or_else(nothing) };
    let slow = |method: &Standing| {
        (method.longest() > each).then(|| {
            let (most, allowed) = (units::time(method.longest()), units::time(each));
            format!("a commit takes up to {most}, and this rate leaves {allowed}")
        })
    };
    if quick.iter().any(|method| slow(method).is_none()) {
        return at_once(&pass(quick, ruled_out, slow)).ok_or_else(nothing);
    }
    let fastest = quick[0];
    let batching = pass(quick, ruled_out, |method| {
        let reason = slow(method).filter(|_| !evidence.can_batch(&method.method));
        reason.map(|reason| format!("{reason}; it syncs each commit, so that several cannot share a sync"))
    });
    let Some(found) = pick(&batching, &settings, plainness) else { return Err(too_slow(fastest, each)) };
    let batch = evidence.batch(found.standing, each).ok_or_else(|| too_slow(found.standing, each))?;
    Ok(found.batched(batch, each))
}

/// Why a method does not keep to a p99, if it does not.
fn late(method: &Standing, limit: f64) -> Option<String> {
    match method.p99_ns {
        Some(p99) if p99 <= limit => None,
        Some(p99) => Some(format!("its p99 is {}, more than {}", units::time(p99), units::time(limit))),
        None => Some("its p99 is not known: fewer than 1,000 of its commits were stamped".to_owned()),
    }
}

/// The best of some methods, held against the others.
struct Found<'a> {
    standing: &'a Standing,
    tied: Vec<Margin>,
    next: Option<Margin>,
}

fn pick<'a>(fitting: &[&'a Standing], settings: &[Setting], plainness: Plainness<'_>) -> Option<Found<'a>> {
    let rivals: Vec<Rival> = fitting.iter().map(|standing| standing.rival()).collect();
    let Ranking { chosen, tied, next } = ranking::rank(&rivals, settings, plainness)?;
    Some(Found { standing: fitting[chosen], tied, next })
}

impl Found<'_> {
    fn synced_each(self) -> Choice {
        let best = self.standing;
        Choice {
            method: best.method.clone(),
            ns: best.ns,
            low_ns: best.low_ns,
            high_ns: best.high_ns,
            p99_ns: best.p99_ns,
            device_bytes: best.device_bytes,
            batch: 1,
            batch_measured: true,
            batched_ns: best.ns,
            batch_reason: None,
            loss_ns: 0.0,
            next: self.next,
            as_good: self.tied.iter().map(|margin| margin.method.clone()).collect(),
            tied: self.tied,
        }
    }

    fn batched(self, batch: Batch, each: f64) -> Choice {
        let reason = BatchReason {
            allowed_ns: each,
            single_ns: self.standing.longest(),
            too_slow: batch.too_slow,
            smaller_by_calculation: batch.smaller_by_calculation,
        };
        Choice {
            batch: batch.commits,
            batch_measured: batch.measured,
            batched_ns: batch.ns,
            batch_reason: Some(reason),
            loss_ns: batch.commits as f64 * each,
            ..self.synced_each()
        }
    }
}

fn slow_p99(standings: &[Standing]) -> String {
    let known = standings.iter().filter_map(|method| Some((method.p99_ns?, &method.method)));
    match known.min_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((p99, method)) => {
            format!("no method's p99 is so short here: the shortest is {}, of {method}", units::time(p99))
        }
        None => {
            "no method's p99 is known: fewer than 1,000 commits of each were stamped; measure with a longer --budget"
                .to_owned()
        }
    }
}

fn too_slow(best: &Standing, each: f64) -> String {
    format!(
        "even without a sync this rate cannot be met: a commit may take {}, and the quickest, {}, takes {}",
        units::time(each),
        best.method,
        units::time(best.ns)
    )
}
