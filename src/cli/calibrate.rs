//! `pagewise calibrate`: does the instrument keep its promises on this machine?

mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::UsageError;
use super::alone::{self, AloneArgs, Disturbance};
use super::measuring::{
    Ground, Patience, command, duration, label, program, seed_from_time, space, to_the_second, warnings,
};
use super::progress::Bar;
use super::select::SelectArgs;
use super::site_worker::{self, SiteWorker};
use super::tell;
use crate::areas::{self, Options, Spec};
use crate::engine::clock;
use crate::engine::interrupt::Interrupt;
use crate::engine::process::Death;
use crate::os::disk::Disk;
use crate::os::process;
use crate::results::store::{self as runs, NewFolder};
use crate::site::Site;
use crate::trial::blocks;
use crate::trial::model::{SCHEMA, Subject, Trial, Try};
use crate::trial::neighbour::Neighbour;
use crate::trial::store::{self, Recorded};
use crate::trial::subject::{DEFAULTS, Default};

/// How large a trial, of what, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
Each study has one method under several names: as it is, once more, and slowed by 2, 5 and 10 % (10 and 25 % where a device is the bound) \
of its own time. What its verdicts say of them is counted: false ones of the same, found ones of the slowed.\n\n\
  pagewise calibrate --studies 10 --blocks 10             a look, about six minutes\n  \
  pagewise calibrate --label quiet                        a hundred studies of each of four cases, about an hour\n  \
  pagewise calibrate --neighbour --label loaded           the same with the other cores loaded\n  \
  pagewise calibrate fork_ipc --where placement=one-core --method pipe   any method of the catalogue\n  \
  pagewise calibrate --from results/local/ID --format markdown           the table of a recorded trial again")]
pub struct CalibrateArgs {
    #[command(flatten)]
    select: SelectArgs,

    /// Which of the four cases that stand for all; without areas, --where and --method, all of them
    #[arg(long = "case", value_name = "NAME", value_parser = DEFAULTS.map(|default| default.name).to_vec(), conflicts_with_all = ["areas", "filters", "methods"])]
    cases: Vec<String>,

    /// Studies of each case
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    studies: u32,

    /// Comparisons of each case by one block after the other, as most harnesses measure
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    blocks: u32,

    /// At most how long a comparison takes; a study has four (three where a device is the bound) [default: 3s, 10s where a device is the bound]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,

    /// Load the other cores meanwhile, as a neighbour would
    #[arg(long)]
    neighbour: bool,

    /// The folder, and so the filesystem, to measure in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Where recorded trials go
    #[arg(long, value_name = "DIR", default_value = "./results/local")]
    out: PathBuf,

    /// Where every random choice comes from; drawn and recorded by default
    #[arg(long)]
    seed: Option<u64>,

    /// A name for the trial
    #[arg(long, default_value = "trial", value_parser = label)]
    label: String,

    #[command(flatten)]
    alone: AloneArgs,

    /// Measure nothing: show the rates of these recorded trials, each the folder of one
    #[arg(long, value_name = "TRIAL", num_args = 1.., conflicts_with_all = ["areas", "filters", "methods", "cases", "studies", "blocks", "time", "neighbour", "seed", "label", "dir", "out", "wait", "shared"])]
    from: Vec<PathBuf>,

    /// How the rates are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How rates are printed; JSON as docs/FORMAT.md describes it.
#[derive(Clone, Copy, Debug, std::default::Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables to read
    #[default]
    Table,
    /// The same as Markdown
    Markdown,
    /// For programs
    Json,
}

/// A subject, and what its studies are made of.
struct Candidate {
    subject: Subject,
    spec: Spec,
    options: Options,
}

/// Tries the instrument, or shows what a trial found. The trial's folder is the last line on standard output, save beside JSON.
pub fn run(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    if !args.from.is_empty() {
        let recorded: Vec<Recorded> = args.from.iter().map(|folder| store::load(folder)).collect::<Result<_, _>>()?;
        super::print(&show::text(&recorded, args.format))?;
        return Ok(ExitCode::SUCCESS);
    }
    let candidates = candidates(args)?;
    let most = space(candidates.iter().map(|candidate| &*candidate.spec.files));
    Site::check(&args.dir, most)?;
    clock::check().map_err(anyhow::Error::msg)?;
    let lock = args.alone.take("pagewise")?;
    let interrupt = Interrupt::watch().context("watching for signals")?;
    let site = Site::make(&args.dir, most)?;
    let site_worker = SiteWorker { site: &site, interrupt: &interrupt };
    site_worker.clear(most);
    let disk = site_worker.disk();
    let (mut trial, folder) = begin(args, &candidates, site_worker, &disk)?;
    let neighbour = args.neighbour.then(|| Neighbour::start(cores()));
    let session = Session {
        args,
        candidates: &candidates,
        site: &site,
        disk: &disk,
        own_reads: site_worker.own_reads(&Options::default(), false),
        patience: Patience::default(),
        interrupt: &interrupt,
        trial: &trial,
        folder: &folder,
    };
    let outcome = session.measure();
    drop(neighbour);
    if let Err(why) = site_worker::remove(site) {
        tell(&why);
    }
    if let (Some(signal), Err(_)) = (interrupt.asked(), &outcome) {
        tell(&format!("interrupted; what was tried is in {}", folder.display()));
        Interrupt::end_by(signal);
    }
    outcome?;
    Disturbance::new(&lock).record(&mut trial.warnings);
    trial.finished = (!interrupt.should_stop()).then(|| to_the_second(jiff::Timestamp::now()));
    store::save(&trial, &folder)?;
    if let Some(text) = alone::mention(&lock) {
        tell(&text);
    }
    super::print(&show::text(&[store::load(&folder)?], args.format))?;
    if let Some(signal) = interrupt.asked() {
        tell(&format!("interrupted; what was tried is in {}", folder.display()));
        Interrupt::end_by(signal);
    }
    if let Some(why) = interrupt.given_up() {
        anyhow::bail!("{why}; what was tried is in {}", folder.display());
    }
    match args.format {
        // What a program reads as a whole has no line of another kind at its end.
        Format::Json => tell(&format!("the trial is in {}", folder.display())),
        Format::Table | Format::Markdown => super::print(&format!("{}\n", folder.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `pagewise neighbour`: the load of a trial's neighbour, until its standard input is closed.
pub fn neighbour() -> anyhow::Result<ExitCode> {
    let load = Neighbour::start(cores());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    drop(load);
    Ok(ExitCode::SUCCESS)
}

fn cores() -> usize {
    process::allowed_cpus().map_or(1, |cpus| cpus.len())
}

/// What is tried: those of the four that are asked for, or what the selection names.
fn candidates(args: &CalibrateArgs) -> anyhow::Result<Vec<Candidate>> {
    if args.select.is_empty() {
        let asked = |default: &&Default| args.cases.is_empty() || args.cases.iter().any(|name| name == default.name);
        return DEFAULTS.iter().filter(asked).map(|default| of_default(default, args.time)).collect();
    }
    let options = args.select.options()?;
    let mut candidates = Vec::new();
    for spec in args.select.specs(&options)? {
        for method in &spec.plan.methods {
            // The baseline comes along with every selection; it is tried where it was named, or nothing was.
            if args.select.names_method(&method.name) {
                let name = format!("{} {}", spec.plan.scenario.id, method.name);
                let subject = Subject::new(&name, &spec.plan, &method.name, args.time);
                candidates.push(Candidate { subject, spec: spec.clone(), options: options.clone() });
            }
        }
    }
    Ok(candidates)
}

fn of_default(default: &Default, time: Option<Duration>) -> anyhow::Result<Candidate> {
    let options = Options { quick: true, ..Options::default() };
    let spec = areas::ALL
        .into_iter()
        .flat_map(|area| area.specs(&options))
        .find(|spec| spec.plan.scenario.id.starts_with(default.scenario))
        .ok_or_else(|| UsageError(format!("the catalogue has no {}", default.scenario)))?;
    Ok(Candidate { subject: Subject::new(default.name, &spec.plan, default.method, time), spec, options })
}

fn begin(
    args: &CalibrateArgs,
    candidates: &[Candidate],
    site_worker: SiteWorker<'_>,
    disk: &Disk,
) -> anyhow::Result<(Trial, PathBuf)> {
    let (machine, dir) =
        site_worker.fingerprint(disk).map_err(|trouble| anyhow::anyhow!("looking at the machine: {trouble}"))?;
    let started = jiff::Timestamp::now();
    let NewFolder { id, path: folder } = runs::new_run_folder(&args.out, &runs::run_id(started, &args.label))?;
    let trial = Trial {
        schema: SCHEMA.to_owned(),
        id,
        label: args.label.clone(),
        started: to_the_second(started),
        finished: None,
        pagewise: program(),
        command: command(),
        seed: args.seed.unwrap_or_else(seed_from_time),
        warnings: warnings(&machine, &dir, disk),
        dir,
        machine,
        neighbour: args.neighbour.then(|| Neighbour::about(cores())),
        subjects: candidates.iter().map(|candidate| candidate.subject.clone()).collect(),
        studies: args.studies,
        blocks: args.blocks,
    };
    store::save(&trial, &folder)?;
    Ok((trial, folder))
}

struct Session<'a> {
    args: &'a CalibrateArgs,
    candidates: &'a [Candidate],
    site: &'a Site,
    disk: &'a Disk,
    /// Why the process's own count of storage reads is no evidence here; `None` where it is.
    own_reads: Option<String>,
    patience: Patience,
    interrupt: &'a Interrupt,
    trial: &'a Trial,
    folder: &'a Path,
}

impl Session<'_> {
    /// One study of each subject after the other, so that all have the same hour; blocks in between.
    fn measure(&self) -> anyhow::Result<()> {
        let most = self.candidates.iter().map(|candidate| candidate.subject.study_time()).sum::<Duration>();
        let each = |candidate: &Candidate| candidate.subject.comparison_time();
        let blocks = self.candidates.iter().map(each).sum::<Duration>() * self.args.blocks;
        let most = most * self.args.studies + blocks;
        tell(&self.plan(most));
        let bar = Bar::new(Instant::now(), most);
        for turn in 0..self.args.studies.max(self.args.blocks) {
            for (index, candidate) in self.candidates.iter().enumerate() {
                if self.interrupt.should_stop() {
                    bar.finish();
                    return Ok(());
                }
                let of = self.args.studies.max(self.args.blocks);
                bar.show(format!("{}: {} of {of}", candidate.subject.name, turn + 1));
                self.turn(turn, index, candidate)?;
            }
        }
        bar.finish();
        Ok(())
    }

    /// What is to be measured and how long that may take, in a sentence.
    fn plan(&self, most: Duration) -> String {
        let minutes = most.as_secs_f64() / 60.0;
        let time = if minutes < 1.0 { "a minute".to_owned() } else { format!("{:.0} minutes", minutes.ceil()) };
        format!(
            "{} studies and {} pairs of blocks of {}; this takes {time} at most, and half of that where comparisons are decided early",
            self.args.studies,
            self.args.blocks,
            self.candidates.iter().map(|candidate| &*candidate.subject.name).collect::<Vec<_>>().join(", "),
        )
    }

    fn turn(&self, turn: u32, index: usize, candidate: &Candidate) -> anyhow::Result<()> {
        let Candidate { subject, spec, options } = candidate;
        let stat = self.disk.device.as_ref().ok().map(|device| &*device.stat);
        let ground = Ground {
            site: self.site,
            disk_stat: stat,
            own_reads: self.own_reads.as_deref(),
            patience: &self.patience,
            options,
            interrupt: self.interrupt,
        };
        let plan = subject.plan(&spec.plan);
        let seed = self.trial.seed.wrapping_add(u64::from(turn) * 1_000_003 + index as u64 * 7_919);
        let mut each = subject.comparison_time();
        if turn < self.args.studies {
            let begin = Instant::now();
            let study = ground.study(&plan, &spec.files, subject.study_time(), seed, &mut |_| {});
            let elapsed = begin.elapsed();
            if self.interrupt.should_stop() {
                return Ok(());
            }
            // Blocks take what a comparison took here.
            each = elapsed / (subject.injected.len() as u32 + 1);
            store::append(
                &Try::Study { subject: index, elapsed_ns: elapsed.as_nanos() as u64, study: Box::new(study) },
                self.folder,
            )?;
        } else {
            ground
                .site_worker()
                .build(&spec.files)
                .map_err(|trouble| anyhow::anyhow!("{}: {trouble}", subject.name))?;
        }
        if turn < self.args.blocks {
            let mut workers = ground.workers(&plan);
            let asked = &plan.methods[0].asked;
            match blocks::measure(&mut workers, asked, plan.size, each, seed) {
                Ok((k, first, second)) => {
                    store::append(&Try::Blocks { subject: index, k, first, second }, self.folder)?;
                }
                Err(Death::Interrupted) => {}
                Err(Death::At(_, how) | Death::Elsewhere(how)) => anyhow::bail!("{}: {how}", subject.name),
            }
        }
        Ok(())
    }
}
