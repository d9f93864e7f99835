//! `pagewise advise`: which method, for what the user needs?

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::alone::AloneArgs;
use super::measuring::duration;
use super::run::{self, RunArgs};
use super::select::{SelectArgs, measurable};
use super::site_worker::{self, SiteWorker};
use super::tell;
use crate::areas::{self, UserFile, shared_edit};
use crate::engine::interrupt::Interrupt;
use crate::report::advice::read;
use crate::report::advice::sync::{self, Need, Survive};
use crate::results::model::{Commit, Copied, Run};
use crate::results::store;
use crate::site::Site;

/// What is asked.
#[derive(Debug, Args)]
pub struct AdviseArgs {
    #[command(subcommand)]
    topic: Topic,
}

#[derive(Debug, Subcommand)]
enum Topic {
    /// How to make small changes to a file safe: the method, the batch that meets your rate, what can be lost, what to beware of
    Sync(SyncArgs),
    /// How to read a file: the method, what each advice to the kernel does, what to beware of
    Read(super::advise_read::ReadArgs),
}

const EXAMPLES: &str = "\
Examples:
  pagewise advise sync --edit 100B --pages 8 --survive power
  pagewise advise sync --edit 4KiB --rate 5000/s             how many commits to a sync, and what can be lost?
  pagewise advise sync --p99 5ms --from results/local/RUN    answered by a run that was recorded";

/// What a commit is, and what it must do.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct SyncArgs {
    /// Bytes that a commit changes in one place, such as 100B or 4KiB
    #[arg(long, value_name = "SIZE", default_value = "100B", value_parser = edit)]
    edit: u64,

    /// Places that it changes, each on a page of its own
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pages: u64,

    /// What a commit must survive
    #[arg(long, value_enum, default_value_t = SurviveArg::Power)]
    survive: SurviveArg,

    /// 99 % of the commits may take at most this, such as 5ms
    #[arg(long, value_name = "TIME", value_parser = limit)]
    p99: Option<f64>,

    /// Commits a second, such as 200/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,

    /// Edit a copy of this file, made so that its pages lie in the cache as the file's do; the file itself is only read
    #[arg(long, value_name = "PATH", conflicts_with = "from")]
    file: Option<PathBuf>,

    /// Answer from this recorded run, and measure nothing
    #[arg(long, value_name = "RUN", conflicts_with_all = ["wait", "shared"])]
    from: Option<PathBuf>,

    /// The folder, and so the filesystem, to measure in [default: that of --file, or .]
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    dir: Option<PathBuf>,

    /// Where the run that is made for the answer goes
    #[arg(long, value_name = "DIR", default_value = "./results/local", conflicts_with = "from")]
    out: PathBuf,

    /// About how long measuring may take, and a quarter more for each batch that is tried [default: 50s]
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "from")]
    budget: Option<Duration>,

    /// Finish a run of `advise sync` that was interrupted or killed, and print its advice
    #[arg(long, value_name = "RUN", conflicts_with_all = FIXED)]
    resume: Option<PathBuf>,

    #[command(flatten)]
    alone: AloneArgs,

    /// How the advice is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a run that is resumed has settled already.
const FIXED: [&str; 10] = ["edit", "pages", "survive", "p99", "rate", "file", "from", "dir", "out", "budget"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SurviveArg {
    /// A crash of the process that made it
    Process,
    /// A crash of the system
    Crash,
    /// A loss of power
    Power,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Sentences to read
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// What advice may be about: the word of the command, and whether a run was made for it.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) is_of: fn(&Run) -> bool,
}

const SYNC: Subject =
    Subject { name: "sync", is_of: |run| run.request.as_ref().is_some_and(|request| request.commit.is_some()) };

impl Subject {
    /// The command that resumes its runs: `advise sync --format json`.
    pub(super) fn command(&self, format: Format) -> String {
        let format = if format == Format::Json { " --format json" } else { "" };
        format!("advise {}{format}", self.name)
    }

    /// Finishes the run at `path`, which must be one of its own.
    pub(super) fn resume(&self, path: &Path, format: Format, alone: AloneArgs) -> anyhow::Result<Run> {
        let run = store::load(path)?;
        if !(self.is_of)(&run) {
            let (shown, name) = (path.display(), self.name);
            anyhow::bail!(
                "{shown} is not a run of `pagewise advise {name}`; resume it by `pagewise run --resume {shown}`"
            );
        }
        measure(&RunArgs::to_resume(path, alone, self.command(format)))
    }
}

/// Measures, and gives the run as it was recorded.
pub(super) fn measure(args: &RunArgs) -> anyhow::Result<Run> {
    let folder = run::measure(args)?;
    tell(&format!("measured, and recorded in {}", folder.display()));
    let run = store::load(&folder)?;
    match run::why_nothing(&run) {
        None => Ok(run),
        Some(why) => anyhow::bail!("nothing could be measured: {why}"),
    }
}

/// Answers.
pub fn run(args: &AdviseArgs) -> anyhow::Result<ExitCode> {
    let text = match &args.topic {
        Topic::Sync(args) => args.answer()?,
        Topic::Read(args) => args.answer()?,
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The advice that `run` was made for; `None` where it was not made for any.
pub(super) fn recorded(run: &Run, format: Format) -> anyhow::Result<Option<String>> {
    let Some(request) = &run.request else { return Ok(None) };
    match (&request.commit, &request.reading) {
        (Some(commit), _) => about_commits(run, Need::of(commit), format).map(Some),
        (None, Some(reading)) => {
            let advice = super::advise_read::advise(run, reading).map_err(anyhow::Error::msg)?;
            said(&advice, read::text, format).map(Some)
        }
        (None, None) => Ok(None),
    }
}

/// An advice as it is printed.
pub(super) fn said<A: serde::Serialize>(advice: &A, text: fn(&A) -> String, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => text(advice),
        Format::Json => serde_json::to_string_pretty(advice)? + "\n",
    })
}

fn about_commits(run: &Run, need: Need, format: Format) -> anyhow::Result<String> {
    said(&advise(run, need).map_err(anyhow::Error::msg)?, sync::text, format)
}

fn advise(run: &Run, need: Need) -> Result<sync::Advice, String> {
    sync::advise(run, need, &|method| areas::plainness(&shared_edit::AREA, method))
}

/// The commit that `run` was made for, with one more batch: the one that meets the rate by calculation, where that is not measured yet. `None` where
/// nothing is missing.
pub(super) fn next_batch(run: &Run) -> Option<Commit> {
    let commit = run.request.as_ref()?.commit.as_ref().filter(|commit| commit.every == 1)?;
    let choice = advise(run, Need::of(commit)).ok()?.choice?;
    let batch = choice.batch;
    let is_missing = batch > 1 && !choice.batch_measured && !commit.batches.contains(&batch);
    let is_small = batch <= MOST_BATCHED && batch.saturating_mul(commit.edit) <= MOST_BYTES_BATCHED;
    (is_missing && is_small && commit.batches.len() < MOST_BATCHES).then(|| {
        let mut commit = commit.clone();
        commit.batches.push(batch);
        commit
    })
}

impl SyncArgs {
    fn answer(&self) -> anyhow::Result<String> {
        if let Some(path) = &self.from {
            return about_commits(&store::load(path)?, self.need(), self.format);
        }
        let run = match &self.resume {
            Some(path) => SYNC.resume(path, self.format, self.alone)?,
            None => self.measured()?,
        };
        recorded(&run, self.format).map(Option::unwrap_or_default)
    }

    fn need(&self) -> Need {
        Need {
            edit: self.edit,
            pages: self.pages,
            survive: match self.survive {
                SurviveArg::Process => Survive::Process,
                SurviveArg::Crash => Survive::Crash,
                SurviveArg::Power => Survive::Power,
            },
            p99_ns: self.p99,
            rate: self.rate,
        }
    }

    /// Measures what answers, the batches that come to be needed among it, in one run.
    fn measured(&self) -> anyhow::Result<Run> {
        let need = self.need();
        let commit = Commit {
            edit: need.edit,
            pages: need.pages,
            every: 1,
            durable: need.survive != Survive::Process,
            file: self.copied()?,
            survive: Some(need.survive.name().to_owned()),
            p99_ns: need.p99_ns,
            rate: need.rate,
            batches: Vec::new(),
        };
        let select = SelectArgs::of_commit(commit);
        measure(&RunArgs::for_advice(
            select,
            &self.dir(),
            &self.out,
            self.budget,
            self.alone,
            SYNC.command(self.format),
        ))
    }

    /// How a copy of the user's file is made.
    fn copied(&self) -> anyhow::Result<Option<Copied>> {
        let Some(path) = &self.file else { return Ok(None) };
        let shown = path.display();
        let UserFile { path, bytes, .. } = measurable(path)?;
        let mib = bytes.div_ceil(1 << 20).min(MOST_COPIED);
        let site = Site::make(&self.dir(), 2 * (mib << 20))?;
        // Until the measurement begins, a signal ends the process at once, and the next run removes
        // the folder.
        let interrupt = Interrupt::without_signals()?;
        let site_worker = SiteWorker { site: &site, interrupt: &interrupt };
        let (history, why) = site_worker.like(&path).map_err(|trouble| anyhow::anyhow!("--file {shown}: {trouble}"))?;
        if let Err(why) = site_worker::remove(site) {
            tell(&why);
        }
        tell(&format!("{shown}: {why}; {mib} MiB of it are copied so"));
        Ok(Some(Copied { path: path.to_string_lossy().into_owned(), history, mib }))
    }

    /// Where it is measured.
    fn dir(&self) -> PathBuf {
        let beside = || self.file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        self.dir.clone().or_else(|| beside().map(Path::to_owned)).unwrap_or_else(|| PathBuf::from("."))
    }
}

/// Of a larger file this many MiB are copied.
const MOST_COPIED: u64 = 256;
/// Batches that are tried before the last one is only worked out.
const MOST_BATCHES: usize = 3;
/// A batch of more commits is not measured, nor one that changes more bytes: its file would be large.
const MOST_BATCHED: u64 = 4096;
/// These bytes.
const MOST_BYTES_BATCHED: u64 = 256 << 20;
/// The largest edit: as large as those that are swept.
const LARGEST_EDIT: u64 = 1 << 20;

fn edit(text: &str) -> Result<u64, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" | "B" => Some(1),
        "K" | "KiB" => Some(1 << 10),
        "M" | "MiB" => Some(1 << 20),
        _ => None,
    };
    let bytes = number.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    bytes
        .filter(|bytes| (1..=LARGEST_EDIT).contains(bytes))
        .ok_or_else(|| "expected a size from 1B to 1MiB, such as 100B or 4KiB".to_owned())
}

fn limit(text: &str) -> Result<f64, String> {
    let time = text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
    time.filter(|time| !time.is_zero())
        .map(|time| time.as_nanos() as f64)
        .ok_or_else(|| "expected a time above 0, such as 5ms or 800us".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).trim().parse::<f64>().ok();
    number
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "expected commits a second above 0, such as 200/s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::results::model::{Request, Study};

    fn batched(every: u64, high: f64) -> Study {
        let mut study = sample::edit_write_4k();
        study.scenario.params.insert("every".to_owned(), every.to_string());
        for time in study.cases.iter_mut().filter_map(|case| case.ns_per_op.as_mut()) {
            time.high = Some(high);
        }
        study
    }

    /// A run that was asked how to commit at `rate`, and has tried these batches: each with the time of a commit at most.
    fn run_of(rate: Option<f64>, tried: &[(u64, f64)]) -> Run {
        let commit = Commit {
            edit: 1,
            pages: 1,
            every: 1,
            durable: true,
            rate,
            batches: tried.iter().map(|(batch, _)| *batch).collect(),
            ..Commit::default()
        };
        let request = Request {
            scenarios: Vec::new(),
            methods: Vec::new(),
            file: None,
            trace: None,
            evict: false,
            sweeps: Vec::new(),
            reading: None,
            commit: Some(commit),
            write_back: false,
            dir: ".".to_owned(),
            budget_ns: 1,
            worker_limit_ns: None,
        };
        let mut studies = vec![sample::edit_write_4k(), sample::edit_visible()];
        studies.extend(tried.iter().map(|(batch, high)| batched(*batch, *high)));
        Run { request: Some(request), studies, ..sample::run() }
    }

    fn next(run: &Run) -> Option<u64> {
        next_batch(run).and_then(|commit| commit.batches.last().copied())
    }

    #[test]
    fn the_batch_that_is_measured_is_the_smallest_that_keeps_up_by_calculation() {
        // A commit takes 321 us at most, and 100 us are left at this rate.
        assert_eq!(next(&run_of(Some(10_000.0), &[])), Some(4));
        assert_eq!(next(&run_of(Some(10_000.0), &[(4, 90_000.0)])), None, "it keeps up");
        // Four at 120 us take 480 us together.
        assert_eq!(next(&run_of(Some(10_000.0), &[(4, 120_000.0)])), Some(5));
        let tried = [(4, 120_000.0), (5, 110_000.0), (6, 101_000.0)];
        assert_eq!(next(&run_of(Some(10_000.0), &tried)), None, "three are enough");
    }

    #[test]
    fn no_batch_is_measured_that_is_not_needed_or_needs_a_large_file() {
        assert_eq!(next(&run_of(None, &[])), None);
        assert_eq!(next(&run_of(Some(100.0), &[])), None);
        let mut large = run_of(Some(10_000.0), &[]);
        large.request.iter_mut().flat_map(|request| &mut request.commit).for_each(|commit| commit.edit = 128 << 20);
        assert_eq!(next(&large), None);
        assert_eq!(next(&sample::run()), None, "it was asked for no advice");
    }
}
