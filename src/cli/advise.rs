//! `pagewise advise`: which method, for what the user needs?

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::alone::AloneArgs;
use super::measuring::duration;
use super::run::{self, RunArgs};
use super::select::{SelectArgs, measurable};
use crate::areas::UserFile;
use crate::areas::dataset::like;
use crate::measuring_lock::MeasuringLock;
use crate::report::advice::sync::{self, Advice, Need, Survive};
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

    /// About how long measuring may take [default: 40s]
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "from")]
    budget: Option<Duration>,

    #[command(flatten)]
    alone: AloneArgs,

    /// How the advice is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

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

/// Answers.
pub fn run(args: &AdviseArgs) -> anyhow::Result<ExitCode> {
    match &args.topic {
        Topic::Sync(args) => answer(args),
        Topic::Read(args) => super::advise_read::answer(args),
    }
}

fn answer(args: &SyncArgs) -> anyhow::Result<ExitCode> {
    let need = args.need();
    let advice = match &args.from {
        Some(path) => advise(&store::load(path)?, need)?,
        None => args.measured(need)?,
    };
    super::print(&match args.format {
        Format::Text => sync::text(&advice),
        Format::Json => serde_json::to_string_pretty(&advice)? + "\n",
    })?;
    Ok(ExitCode::SUCCESS)
}

fn advise(run: &Run, need: Need) -> anyhow::Result<Advice> {
    sync::advise(run, need).map_err(anyhow::Error::msg)
}

impl SyncArgs {
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

    /// Measures what answers; and where the answer is a batch that was worked out, measures that batch too.
    fn measured(&self, need: Need) -> anyhow::Result<Advice> {
        let commit = Commit {
            edit: need.edit,
            pages: need.pages,
            every: 1,
            durable: need.survive != Survive::Process,
            file: self.copied()?,
        };
        // Held from the first measurement to the last: another one in between would be waited for.
        let mut lock = None;
        let mut run = self.measure(commit.clone(), &mut lock)?;
        for _ in 0..MOST_BATCHES {
            let advice = advise(&run, need)?;
            let guessed = advice.choice.filter(|choice| choice.batch > 1 && !choice.batch_measured);
            let Some(batch) = guessed.map(|choice| choice.batch).filter(|batch| *batch <= MOST_BATCHED) else { break };
            // Half as many again: room for what the sum of a sync and its edits did not hold.
            let batched = self.measure(Commit { every: batch + batch / 2, ..commit.clone() }, &mut lock)?;
            run.studies.extend(batched.studies);
        }
        advise(&run, need)
    }

    /// How a copy of the user's file is made.
    fn copied(&self) -> anyhow::Result<Option<Copied>> {
        let Some(path) = &self.file else { return Ok(None) };
        let shown = path.display();
        let UserFile { path, bytes, .. } = measurable(path)?;
        let mib = bytes.div_ceil(1 << 20).min(MOST_COPIED);
        let site = Site::make(&self.dir(), 2 * (mib << 20))?;
        let (history, why) =
            like(&path, site.path()).map_err(|trouble| anyhow::anyhow!("--file {shown}: {trouble}"))?;
        eprintln!("pagewise: {shown}: {why}; {mib} MiB of it are copied so");
        Ok(Some(Copied { path: path.to_string_lossy().into_owned(), history: history.name().to_owned(), mib }))
    }

    /// Where it is measured.
    fn dir(&self) -> PathBuf {
        let beside = || self.file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        self.dir.clone().or_else(|| beside().map(Path::to_owned)).unwrap_or_else(|| PathBuf::from("."))
    }

    fn measure(&self, commit: Commit, lock: &mut Option<MeasuringLock>) -> anyhow::Result<Run> {
        let select = SelectArgs::of_commit(commit)?;
        let folder = run::measure(&RunArgs::for_advice(select, &self.dir(), &self.out, self.budget, self.alone), lock)?;
        eprintln!("pagewise: measured, and recorded in {}", folder.display());
        Ok(store::load(Path::new(&folder))?)
    }
}

/// Of a larger file this many MiB are copied.
const MOST_COPIED: u64 = 256;
/// Batches that are tried before the last one is only worked out.
const MOST_BATCHES: usize = 3;
/// A batch of more commits is not measured: its file would be large.
const MOST_BATCHED: u64 = 4096;
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
