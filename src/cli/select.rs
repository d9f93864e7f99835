//! Which scenarios and methods are meant: `[AREA…] --where KEY=VALUE --method GLOB --quick --file PATH`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::UsageError;
use super::filter::FilterArgs;
use super::tell;
use crate::areas::dataset::Identity;
use crate::areas::page_touch::trace::{Most, Trace};
use crate::areas::{self, Options, Spec, UserFile, page_touch};
use crate::os::file::{self, Open};
use crate::os::page_size;
use crate::report::units;
use crate::results::model::{Commit, Profile, Reading, Request};

/// What to measure.
#[derive(Debug, Default, Args)]
pub struct SelectArgs {
    /// Areas; all of them by default
    #[arg(value_name = "AREA", value_parser = areas::ALL.map(|area| area.name()).to_vec())]
    areas: Vec<String>,

    #[command(flatten)]
    filter: FilterArgs,

    /// A scenario or two an area, on small files: at most 40 s
    #[arg(long)]
    pub quick: bool,

    /// Measure a curve in place of the representative scenarios, such as pages; may be given several times. `pagewise list --full` shows all
    #[arg(long = "sweep", value_name = "SWEEP", value_parser = sweep_names(), conflicts_with_all = ["quick", "file"])]
    sweeps: Vec<String>,

    /// Measure the representative scenarios and every sweep: hours
    #[arg(long, conflicts_with_all = ["sweeps", "quick", "file"])]
    full: bool,

    /// Read this file in place of one of ours: page_touch alone, warm and mapped; it is opened read-only
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Replay the reads of this trace in place of our own patterns, page_touch alone: fio's iolog (version 2 or 3), what strace prints of read and
    /// write calls (`strace -f -y -o FILE`), or lines of offset,length[,r|w]. Of several files the most read is meant; writes are counted and left out
    #[arg(long, value_name = "TRACE", conflicts_with_all = ["quick", "sweeps", "full", "file"])]
    trace: Option<PathBuf>,

    /// Reads that advice is asked for: no option, but what `advise` selects.
    #[arg(skip)]
    reading: Option<Reading>,

    /// A commit that advice is asked for: no option, but what `advise` selects.
    #[arg(skip)]
    commit: Option<Commit>,

    /// Let --file be evicted from the page cache, and so be measured cold as well
    #[arg(long, requires = "file")]
    evict: bool,
}

impl SelectArgs {
    /// What a recorded run was asked for, apart from its scenarios.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn recorded(request: &Request, profile: Profile) -> anyhow::Result<Self> {
        Ok(Self {
            areas: Vec::new(),
            filter: FilterArgs::of_methods(&request.methods)?,
            quick: profile == Profile::Quick,
            file: request.file.as_ref().map(PathBuf::from),
            evict: request.evict,
            full: false,
            sweeps: request.sweeps.clone(),
            trace: request.trace.as_ref().map(PathBuf::from),
            reading: request.reading.clone(),
            commit: request.commit.clone(),
        })
    }

    /// What says what `commit` costs, by every method.
    pub fn of_commit(commit: Commit) -> Self {
        Self { commit: Some(commit), ..Self::default() }
    }

    /// What says what `reading` costs, of `file` where it is of the user's.
    ///
    /// # Errors
    /// A pattern that is none: a fault of ours.
    pub fn of_reading(reading: Reading, file: Option<PathBuf>, evict: bool) -> anyhow::Result<Self> {
        if reading.times_memory().is_some() {
            return Ok(Self { reading: Some(reading), ..Self::default() });
        }
        let methods: Vec<String> = READABLE.iter().map(|method| (*method).to_owned()).collect();
        Ok(Self { reading: Some(reading), file, evict, filter: FilterArgs::of_methods(&methods)?, ..Self::default() })
    }

    /// What is to be recorded of this request: `specs` in `dir`, in the time given.
    pub fn record(
        &self,
        specs: &[Spec],
        dir: &Path,
        budget: Duration,
        worker_limit: Option<Duration>,
    ) -> anyhow::Result<Request> {
        let text = |path: &Path| {
            let utf8 = path.to_str().map(str::to_owned);
            utf8.with_context(|| format!("{}: not UTF-8; name it by another path", path.display()))
        };
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Ok(Request {
            scenarios: specs.iter().map(|spec| spec.plan.scenario.id.clone()).collect(),
            methods: self.filter.methods(),
            file: self.file.as_deref().map(text).transpose()?,
            trace: self.trace.as_deref().map(text).transpose()?,
            evict: self.evict,
            sweeps: self.sweeps(),
            reading: self.reading.clone(),
            commit: self.commit.clone(),
            write_back: false,
            dir: text(dir)?,
            budget_ns: ns(budget),
            worker_limit_ns: worker_limit.map(ns),
        })
    }

    /// What the catalogue is made from.
    ///
    /// # Errors
    /// A `--file` that cannot be measured, in one sentence.
    pub fn options(&self) -> anyhow::Result<Options> {
        let file = self.file.as_deref().map(measurable).transpose()?;
        if let Some(file) = &file {
            tell_of_holes(file);
        }
        let trace = self.trace.as_deref().map(replay).transpose()?;
        let (sweeps, commit, reading) = (self.sweeps(), self.commit.clone(), self.reading.clone());
        Ok(Options { quick: self.quick, file, evict: self.evict, sweeps, commit, reading, trace })
    }

    /// The sweeps that are meant.
    fn sweeps(&self) -> Vec<String> {
        if self.full { vec![areas::FULL.to_owned()] } else { self.sweeps.clone() }
    }

    /// Whether nothing was selected.
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
            && self.filter.is_empty()
            && self.file.is_none()
            && self.trace.is_none()
            && !self.quick
            && self.sweeps().is_empty()
    }

    /// Whether `method` was named: by a pattern, or by none being given.
    pub fn names_method(&self, method: &str) -> bool {
        self.filter.takes(method)
    }

    /// The studies that are meant, in the catalogue's order.
    ///
    /// # Errors
    /// [`UsageError`] where nothing fits, naming what there is.
    pub fn specs(&self, options: &Options) -> Result<Vec<Spec>, UsageError> {
        let chosen: Vec<Spec> = self.areas(options)?.into_iter().flat_map(|area| area.specs(options)).collect();
        if chosen.is_empty() && (self.wants_memory(options) || self.wants_stalls(options)) {
            return Ok(chosen);
        }
        if chosen.is_empty() {
            return Err(self.no_such_sweep(options));
        }
        let mut chosen: Vec<Spec> = self.filter.scenarios(chosen, |spec| &spec.plan.scenario)?;
        if self.filter.takes_all_methods() {
            return Ok(chosen);
        }
        chosen.retain(|spec| spec.plan.methods.iter().any(|method| self.filter.takes(&method.name)));
        for spec in &mut chosen {
            self.keep_methods(spec);
        }
        if chosen.is_empty() {
            return Err(self.filter.no_method("`pagewise list` names them"));
        }
        Ok(chosen)
    }

    /// Whether files larger than memory are to be watched.
    pub fn wants_memory(&self, options: &Options) -> bool {
        self.takes_reads() && options.beyond_memory()
    }

    /// Whether tasks that share a thread are to be watched.
    pub fn wants_stalls(&self, options: &Options) -> bool {
        self.takes_reads() && options.stalls()
    }

    /// Whether reads are meant, without a filter: what is watched has no parameters to narrow it by.
    fn takes_reads(&self) -> bool {
        let named = self.areas.is_empty() || self.areas.iter().any(|area| area == page_touch::AREA.name);
        named && self.filter.is_empty()
    }

    fn areas(&self, options: &Options) -> Result<Vec<&'static dyn areas::Area>, UsageError> {
        let named = |name: &str| self.areas.is_empty() || self.areas.iter().any(|area| area == name);
        let ours = options.file.is_none() && options.trace.is_none();
        let fits = |area: &dyn areas::Area| named(area.name()) && (ours || area.takes_file());
        let chosen: Vec<_> = areas::ALL.into_iter().filter(|area| fits(*area)).collect();
        if chosen.is_empty() {
            let takers: Vec<&str> =
                areas::ALL.into_iter().filter(|area| area.takes_file()).map(|area| area.name()).collect();
            let takers = takers.join(", ");
            let option = if options.trace.is_some() { "--trace" } else { "--file" };
            return Err(UsageError(format!("{option} is for {takers}: leave the area out, or name {takers}")));
        }
        Ok(chosen)
    }

    /// No studies, for what is a matter of `area` alone.
    ///
    /// # Errors
    /// [`UsageError`] where another area was named.
    pub fn nothing_but(&self, area: &str) -> Result<Vec<Spec>, UsageError> {
        match self.areas.iter().find(|named| *named != area) {
            None => Ok(Vec::new()),
            Some(other) => Err(UsageError(format!("--write-back is a matter of {area}, not of {other}"))),
        }
    }

    /// The areas that were named do not have the sweeps that were.
    fn no_such_sweep(&self, options: &Options) -> UsageError {
        let asked = options.sweeps.join(", ");
        let has =
            |area: &&dyn areas::Area| area.sweeps().iter().any(|(name, _)| options.sweeps.iter().any(|it| it == name));
        let owners: Vec<&str> = areas::ALL.into_iter().filter(has).map(|area| area.name()).collect();
        UsageError(format!("{} has no sweep {asked}: it is one of {}", self.areas.join(", "), owners.join(", ")))
    }

    /// Leaves the methods that match, and the baseline, without which there is nothing to compare with.
    fn keep_methods(&self, spec: &mut Spec) {
        let plan = &mut spec.plan;
        let baseline = plan.methods[plan.baseline].name.clone();
        plan.methods.retain(|method| method.name == baseline || self.filter.takes(&method.name));
        plan.baseline = plan.methods.iter().position(|method| method.name == baseline).unwrap_or(0);
    }
}

/// The methods of reading that advice is about, beside each scenario's baseline: one of each kind, so that they are known soon.
const READABLE: [&str; 18] = [
    "pread 256K",
    "std::fs::read",
    "pread+FADV_RANDOM",
    "pread+FADV_SEQUENTIAL",
    "pread+FADV_WILLNEED",
    "preadv2(RWF_NOWAIT)",
    "O_DIRECT",
    "O_DIRECT 256K",
    "io_uring x32",
    "io_uring 256K x8",
    "mmap",
    "mmap a pass",
    "mmap+MADV_RANDOM",
    "mmap+MADV_SEQUENTIAL",
    "mmap+MADV_WILLNEED",
    "mmap+MADV_WILLNEED x32",
    "mmap+MADV_POPULATE_READ",
    "mmap+MADV_HUGEPAGE",
];

/// The trace at `path`; says what of it is replayed.
fn replay(path: &Path) -> anyhow::Result<Trace> {
    let trace = Trace::load(path).map_err(|why| anyhow::anyhow!("--trace {why}"))?;
    let shown = path.display();
    let (cached, cold) = (trace.first(Most::CACHED).reads.len() as u64, trace.first(Most::COLD).reads.len() as u64);
    let file = trace.file.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let part = if cached < trace.all { format!("the first {cached} of ") } else { String::new() };
    let extent = units::bytes(trace.extent() as f64);
    let mut said = format!("replayed: {part}{}{file}, over a file of {extent}", counted(trace.all, "read"));
    if !trace.fits_in_memory() {
        said.push_str(", which is more than half of memory: cold alone");
    }
    if cold < cached {
        said.push_str(&format!("; cold, the first {cold}, so that a batch does not last too long"));
    }
    tell(&format!("{shown}: {said}"));
    let elsewhere = match trace.others {
        0 => String::new(),
        1 => format!("{} of another file, ", counted(trace.elsewhere, "read")),
        others => format!("{} of {others} other files, ", counted(trace.elsewhere, "read")),
    };
    let (writes, lines) = (counted(trace.writes, "write"), counted(trace.lines, "other line"));
    tell(&format!("{shown}: left out: {elsewhere}{writes}, {lines}"));
    Ok(trace)
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn sweep_names() -> Vec<&'static str> {
    // Areas may have sweeps of the same name: all of them are meant, unless areas are named.
    let names: BTreeSet<&'static str> = areas::sweeps().into_iter().map(|(name, _)| name).collect();
    names.into_iter().collect()
}

/// Says that less of the file lies on the device than it is long, where that is so: figures of a cold file are about what lies there.
fn tell_of_holes(file: &UserFile) {
    /// What `st_blocks` counts in (stat(3type)).
    const UNIT: u64 = 512;
    let Ok(found) = fs::metadata(&file.path) else { return };
    let stored = found.blocks() * UNIT;
    if stored < file.bytes {
        tell(&format!(
            "{}: of {} bytes {stored} are stored; the rest is holes, which no device is asked for, or compressed",
            file.path.display(),
            file.bytes
        ));
    }
}

/// The largest file whose pages can be numbered.
const LARGEST: u64 = (u32::MAX as u64) * 4096;

/// The file's full path, its size and which one it is, if it is one that can be mapped and read.
///
/// # Errors
/// In a sentence: what it is in place of that, and what to name.
pub fn measurable(path: &Path) -> anyhow::Result<UserFile> {
    let shown = path.display();
    // Before it is opened: to open a device may do something to it, and to open a pipe may wait.
    let there =
        fs::metadata(path).map_err(|error| anyhow::anyhow!("--file {shown}: {error}; name a file that is there"))?;
    if there.is_dir() {
        anyhow::bail!("--file {shown}: a folder; name a file in it");
    }
    anyhow::ensure!(
        there.is_file(),
        "--file {shown}: not a regular file; only those can be compared by mapping and reading"
    );
    let file = file::open_unmarked(path, Open::Read)
        .map_err(|error| anyhow::anyhow!("--file {shown}: {}; name one that you may read", error.errno.desc()))?;
    let found = file.metadata().with_context(|| format!("--file {shown}"))?;
    anyhow::ensure!(found.is_file(), "--file {shown}: it has just become something else than a regular file");
    match found.len() {
        0 => anyhow::bail!("--file {shown}: empty; there is nothing to read in it"),
        bytes if bytes < page_size() as u64 => {
            anyhow::bail!("--file {shown}: {bytes} bytes, less than a page of {}; name a larger one", page_size())
        }
        bytes if bytes > LARGEST => {
            anyhow::bail!("--file {shown}: {bytes} bytes; at most {LARGEST} can be measured, name a smaller one")
        }
        bytes => {
            let path = fs::canonicalize(path)?;
            // Paths go to workers as JSON.
            anyhow::ensure!(
                path.to_str().is_some(),
                "--file {shown}: its path is not UTF-8; name it by another, such as a link"
            );
            Ok(UserFile { path, bytes, identity: Identity::of(&found) })
        }
    }
}
