//! What an area is: questions with every parameter filled in, and a table of methods.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::method::{Opened, Trouble};
use crate::engine::need::Need;
use crate::engine::plan::{MethodPlan, Plan};
use crate::engine::protocol::Size;
use crate::results::model::{Commit, Reading, Scenario};

use super::dataset::{Identity, Recipe};
use super::page_touch::trace::Trace;

/// What the catalogue is made from: the same options give the same catalogue, in the parent and in each worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// A scenario or two an area, on small files.
    pub quick: bool,
    /// The user's own file, for `page_touch`.
    pub file: Option<UserFile>,
    /// Whether that file may be evicted from the page cache.
    pub evict: bool,
    /// Sweeps to be made in place of the representative points; [`FULL`] for both, and all of them.
    pub sweeps: Vec<String>,
    /// A commit of the user's, in place of all of these.
    pub commit: Option<Commit>,
    /// Reads of the user's, in place of all of these.
    pub reading: Option<Reading>,
    /// Accesses of the user's, in place of all of these.
    pub trace: Option<Trace>,
}

/// Every sweep, and the representative points with them.
pub const FULL: &str = "full";

impl Options {
    /// Whether files larger than memory are to be watched.
    pub fn beyond_memory(&self) -> bool {
        let by_advice = self.reading.as_ref().is_some_and(|reading| reading.times_memory().is_some());
        let by_name = self.sweeps.iter().any(|name| name == FULL || name == super::page_touch::MEMORY);
        self.commit.is_none() && (by_advice || by_name)
    }

    /// Whether tasks that share a thread are to be watched.
    pub fn stalls(&self) -> bool {
        let none = self.commit.is_none() && self.reading.is_none();
        none && self.sweeps.iter().any(|name| name == FULL || name == super::page_touch::STALLS)
    }
}

/// Points that vary one parameter, so that a curve can be drawn.
pub struct Sweep<P: 'static> {
    /// What `--sweep` calls it.
    pub name: &'static str,
    /// What it varies, in a few words.
    pub about: &'static str,
    /// Its points.
    pub points: fn() -> Vec<P>,
}

/// A file of the user's, as the parent found it: a file that grows keeps the scenario's size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size then.
    pub bytes: u64,
    /// Which one it is: another may lie there later.
    pub identity: Identity,
}

/// A question, as an area asks it: what a scenario needs beside its methods.
#[derive(Clone, Debug)]
pub struct Question {
    /// Parameters that stand in the id by their value alone, first: `durable`, `warm`.
    pub words: Vec<(&'static str, &'static str)>,
    /// In a sentence.
    pub text: String,
    /// What one operation is.
    pub operation: String,
    /// The other parameters, in the order in which the id names them: `size=64MiB`.
    pub params: Vec<(&'static str, String)>,
    /// `cold`, `warm`, `mapped`.
    pub state: Option<&'static str>,
    /// How the cache was filled.
    pub history: Option<&'static str>,
    /// What a finished write promises.
    pub guarantee: Option<&'static str>,
    /// The method that the others are compared with.
    pub baseline: &'static str,
    /// Operations a batch.
    pub size: Size,
    /// Ratios within 1 ± this are equal.
    pub margin: f64,
    /// The floor's name, and how many of it an operation needs, by a method that does not say it of itself.
    pub floor: Option<(&'static str, f64)>,
    /// Useful bytes an operation.
    pub bytes_per_op: Option<u64>,
    /// The files that its methods work on.
    pub files: Vec<Recipe>,
    /// Its share of a run's time, beside the others'.
    pub weight: f64,
}

/// The margin within which CPU-bound cases are equal.
pub const MARGIN: f64 = 0.01;
/// The margin within which device-bound cases are equal.
pub const DEVICE_MARGIN: f64 = 0.05;

/// How one method of an area is opened for a point: its whole entry in the table.
pub struct Entry<P: 'static> {
    /// As it stands in every table.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Whether it is a method of this point at all.
    pub fits: fn(&P) -> bool,
    /// Makes it ready, in a worker, on the files in the folder.
    pub open: fn(&P, &Path) -> Opened,
}

/// An area over points of type `P`.
pub struct AreaOf<P: 'static> {
    /// Its name: `shared_edit`.
    pub name: &'static str,
    /// What it answers, in a sentence.
    pub about: &'static str,
    /// Whether it can work on a file of the user's (`--file`).
    pub takes_file: bool,
    /// Its points, each a scenario.
    pub points: fn(&Options) -> Vec<P>,
    /// Sweeps, asked for by name.
    pub sweeps: &'static [Sweep<P>],
    /// The points that say what a commit of the user's costs; none where the area makes no commits.
    pub points_of_commit: fn(&Commit) -> Vec<P>,
    /// The points that say what reads of the user's cost, of the user's own file where there is one; none where the area does not read.
    pub points_of_reading: fn(&Reading, Option<&UserFile>) -> Vec<P>,
    /// What a point asks.
    pub ask: fn(&P) -> Question,
    /// Its methods, the plainest first: a usual call without flags, then a mapping, then flags and advice, then what takes buffers or a ring of
    /// the program's own. Of methods that are statistically tied, advice names the one that comes first here.
    pub methods: &'static [Entry<P>],
}

/// A study to be made: the engine's plan, the files, the share of time.
#[derive(Clone, Debug)]
pub struct Spec {
    /// For the engine.
    pub plan: Plan,
    /// The files that the parent makes before it.
    pub files: Vec<Recipe>,
    /// Its share of a run's time, beside the others'.
    pub weight: f64,
}

/// An area, its type of point forgotten.
pub trait Area: Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What it answers.
    fn about(&self) -> &'static str;

    /// Whether it can work on a file of the user's.
    fn takes_file(&self) -> bool;

    /// Its sweeps: the name of each, and what it varies.
    fn sweeps(&self) -> Vec<(&'static str, &'static str)>;

    /// Its methods, the plainest first.
    fn methods(&self) -> Vec<&'static str>;

    /// What would be measured.
    fn specs(&self, options: &Options) -> Vec<Spec>;

    /// Opens a method of a scenario, on the files in `site`.
    ///
    /// # Errors
    /// [`Trouble::Unavailable`] where this machine cannot do it; [`Trouble::Failed`] where a call failed, or the catalogue
    /// has no such scenario or method.
    fn open(&self, options: &Options, scenario: &str, method: &str, site: &Path) -> Opened;
}

impl<P> Area for AreaOf<P> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn takes_file(&self) -> bool {
        self.takes_file
    }

    fn sweeps(&self) -> Vec<(&'static str, &'static str)> {
        self.sweeps.iter().map(|sweep| (sweep.name, sweep.about)).collect()
    }

    fn methods(&self) -> Vec<&'static str> {
        self.methods.iter().map(|entry| entry.name).collect()
    }

    fn specs(&self, options: &Options) -> Vec<Spec> {
        self.points_of(options).iter().map(|point| self.spec(point)).collect()
    }

    fn open(&self, options: &Options, scenario: &str, method: &str, site: &Path) -> Opened {
        let unknown = || Trouble::Failed(format!("the catalogue has no {method} in {scenario}"));
        let points = self.points_of(options);
        let point = points.iter().find(|point| self.id(&(self.ask)(point)) == scenario).ok_or_else(unknown)?;
        let entry = self.methods.iter().find(|entry| entry.name == method).ok_or_else(unknown)?;
        (entry.open)(point, site)
    }
}

impl<P> AreaOf<P> {
    /// The points that are asked for; one that is in several sweeps is one.
    fn points_of(&self, options: &Options) -> Vec<P> {
        if let Some(commit) = &options.commit {
            return (self.points_of_commit)(commit);
        }
        if let Some(reading) = &options.reading {
            return (self.points_of_reading)(reading, options.file.as_ref());
        }
        let full = options.sweeps.iter().any(|name| name == FULL);
        let mut points = if full || options.sweeps.is_empty() { (self.points)(options) } else { Vec::new() };
        for sweep in self.sweeps.iter().filter(|sweep| full || options.sweeps.iter().any(|name| name == sweep.name)) {
            points.extend((sweep.points)());
        }
        let mut seen = BTreeSet::new();
        points.retain(|point| seen.insert(self.id(&(self.ask)(point))));
        points
    }

    fn id(&self, question: &Question) -> String {
        let params = question.params.iter().map(|(key, value)| format!("{key}={value}"));
        let history = question.history.map(|history| format!("history={history}"));
        std::iter::once(self.name.to_owned())
            .chain(question.words.iter().map(|(_, value)| (*value).to_owned()))
            .chain(params)
            .chain(history)
            .collect::<Vec<_>>()
            .join("/")
    }

    fn spec(&self, point: &P) -> Spec {
        let question = (self.ask)(point);
        let fitting: Vec<&Entry<P>> = self.methods.iter().filter(|entry| (entry.fits)(point)).collect();
        let baseline = fitting.iter().position(|entry| entry.name == question.baseline).unwrap_or(0);
        let plan = Plan {
            area: self.name.to_owned(),
            methods: fitting.iter().map(|entry| MethodPlan::new(entry.name, entry.about)).collect(),
            baseline,
            size: question.size,
            margin: question.margin,
            needs: question.floor.iter().map(|(name, units)| Need::of(name, *units)).collect(),
            floors: Vec::new(),
            bytes_per_op: question.bytes_per_op,
            missing: Vec::new(),
            stamps: true,
            scenario: self.scenario(&question),
        };
        Spec { plan, files: question.files, weight: question.weight }
    }

    fn scenario(&self, question: &Question) -> Scenario {
        let named = [("state", question.state), ("history", question.history), ("guarantee", question.guarantee)];
        let mut params: BTreeMap<String, String> =
            question.params.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        params.extend(question.words.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        params.extend(named.iter().filter_map(|(key, value)| Some(((*key).to_owned(), (*value)?.to_owned()))));
        Scenario {
            id: self.id(question),
            question: question.text.clone(),
            operation: question.operation.clone(),
            params,
            state: question.state.map(str::to_owned),
            history: question.history.map(str::to_owned),
            guarantee: question.guarantee.map(str::to_owned),
        }
    }
}
