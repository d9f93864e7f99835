//! `pagewise run`: measure, and leave a report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::advise::{self, Format};
use super::alone::{self, AloneArgs, Disturbance};
use super::beyond::{self, Given, Wanted};
use super::measuring::{
    Ground, Patience, command, duration, label, program, seed_from_time, space, to_the_second, warnings,
};
use super::progress::Bar;
use super::resume::{self, Begun, Left};
use super::select::SelectArgs;
use super::site_worker::{self, SiteWorker};
use super::stalls;
use super::tell;
use crate::areas::shared_edit::write_back;
use crate::areas::{Options, Spec};
use crate::engine::clock;
use crate::engine::interrupt::Interrupt;
use crate::engine::plan::Plan;
use crate::engine::study::Time;
use crate::machine::stolen::Ticks;
use crate::os::disk::Disk;
use crate::os::lock::FolderLock;
use crate::report;
use crate::results::bounds;
use crate::results::model::{BeyondMemory, Dir, Machine, Profile, Request, Run, SCHEMA, Stalls, Warning, WriteBack};
use crate::results::store::{self, NewFolder};
use crate::site::{Site, SiteError};

/// What to measure, where, and for how long.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    select: SelectArgs,

    /// The folder, and so the filesystem, to measure in [default: .; with --resume, where the run was]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Where recorded runs go
    #[arg(long, value_name = "DIR", default_value = "./results/local")]
    out: PathBuf,

    /// About how long the run takes, such as 90s, 4m or 1h. A study that it cuts short is unresolved, but takes at least one worker: a
    /// budget too short for that is exceeded [default: 4m, 33s with --quick]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,

    /// How long one worker may take before it is killed, and the method that it is at fails [default: 120s, or more where the methods are
    /// seen to need more]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    worker_limit: Option<Duration>,

    /// Where every random choice comes from; drawn and recorded by default
    #[arg(long)]
    seed: Option<u64>,

    /// A name for the run
    #[arg(long, default_value = "run", value_parser = label)]
    label: String,

    #[command(flatten)]
    alone: AloneArgs,

    /// In place of studies, watch when edits that nobody syncs reach the device, of a store, of MS_ASYNC and others: about a minute
    #[arg(long, conflicts_with_all = ["filters", "methods", "quick", "sweeps", "full", "file", "trace", "budget", "worker_limit", "resume"])]
    write_back: bool,

    /// The command that resumes the run, where that is not `run`: no option, but what `advise` wants.
    #[arg(skip)]
    resumed_by: Option<String>,

    /// Do what is missing of a run that was interrupted or killed, in its folder, as if it had never stopped: same machine, same pagewise, same
    /// filesystem, its own options. Studies that stand are kept, and rows that failed are not tried again
    #[arg(long, value_name = "RUN", conflicts_with_all = FIXED)]
    resume: Option<PathBuf>,
}

/// What a run that is resumed has settled already.
const FIXED: [&str; 14] = [
    "areas",
    "filters",
    "methods",
    "quick",
    "sweeps",
    "full",
    "file",
    "trace",
    "evict",
    "out",
    "budget",
    "worker_limit",
    "seed",
    "label",
];

/// A run's time if nothing else is asked for.
const FULL: Duration = Duration::from_secs(240);
/// A quick run's: under 40 s with all that is around it.
const QUICK: Duration = Duration::from_secs(33);
/// A sweep's, for each weight of its studies: about what a full run gives them.
const SWEPT: Duration = Duration::from_secs(12);
/// A study's for advice that is wanted now.
const ADVISED: Duration = Duration::from_secs(6);
/// The part of the time that the floors may take.
const FLOORS_SHARE: f64 = 0.03;

/// Measures what `args` ask for. The run's folder is the last line on standard output.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let folder = measure(args)?;
    let run = store::load(&folder)?;
    // A run that was made for advice is resumed for it, too.
    let advice = match &args.resume {
        Some(_) => advise::recorded(&run, Format::Text),
        None => Ok(None),
    };
    if let Ok(Some(text)) = &advice {
        super::print(text)?;
    }
    say(&folder)?;
    advice?;
    Ok(match why_nothing(&run) {
        None => ExitCode::SUCCESS,
        Some(why) => {
            tell(&format!("nothing could be measured: {why}"));
            ExitCode::FAILURE
        }
    })
}

/// Why a run holds no figure; `None` for one that holds some.
pub fn why_nothing(run: &Run) -> Option<String> {
    let cases = || run.studies.iter().flat_map(|study| &study.cases);
    let watched = run.write_back.as_ref().is_some_and(|seen| seen.reason.is_none())
        || run.beyond_memory.as_ref().is_some_and(|seen| seen.lines.iter().any(|line| line.reason.is_none()))
        || run.stalls.iter().any(|line| line.reason.is_none());
    if watched || cases().any(|case| case.ns_per_op.is_some()) {
        return None;
    }
    let mut reasons = cases().filter_map(|case| case.reason.clone());
    let others = || {
        let beyond = run.beyond_memory.as_ref().and_then(|seen| seen.reason.clone());
        run.write_back.as_ref().and_then(|seen| seen.reason.clone()).or(beyond)
    };
    Some(reasons.next().or_else(others).unwrap_or_else(|| "no row was asked for".to_owned()))
}

/// Measures what `args` ask for, and gives the run's folder. Does not come back where the user
/// stops it.
///
/// # Errors
/// What cannot be selected, made or written.
pub fn measure(args: &RunArgs) -> anyhow::Result<PathBuf> {
    let work = match args.work()? {
        Left::Some(work) => *work,
        Left::Nothing(folder) => return Ok(folder),
    };
    let watched = watched_space(work.beyond.then(beyond::limit).flatten(), Wanted::of(&work.options), work.stalls);
    let space = if work.write_back { write_back::SPACE } else { space_of(&work.specs).max(watched) };
    // Before the wait: an error after an hour of it would be a nuisance.
    Site::check(&work.dir, space).map_err(|error| no_site(error, &work.options))?;
    clock::check().map_err(anyhow::Error::msg)?;
    let lock = args.alone.take("pagewise")?;
    // The wait is not the run's time.
    let start = Instant::now();
    let budget = work.budget_left();
    let interrupt = Interrupt::watch().context("watching for signals")?;
    let site = Site::make(&work.dir, space).map_err(|error| no_site(error, &work.options))?;
    let site_worker = SiteWorker { site: &site, interrupt: &interrupt };
    site.stays().iter().for_each(|stays| tell(stays));
    site_worker.clear(space);
    let mut session = Session {
        args,
        options: work.options.clone(),
        site: &site,
        interrupt: &interrupt,
        beyond: work.beyond,
        stalls: work.stalls,
        write_back: work.write_back,
        disturbance: Disturbance::new(&lock),
        bar: Bar::new(start, budget),
        start,
        budget,
    };
    let outcome = session.measure(work.request, work.specs, work.begun);
    session.bar.finish();
    if let Err(why) = site_worker::remove(site) {
        tell(&why);
    }
    let rest = match &outcome {
        Ok(folder) => {
            let folder = folder.display();
            let command = args.resumed_by.as_deref().unwrap_or("run");
            format!("what was measured is in {folder}; `pagewise {command} --resume {folder}` does the rest")
        }
        Err(_) => "nothing was measured".to_owned(),
    };
    if let Some(signal) = interrupt.asked() {
        tell(&format!("interrupted; {rest}"));
        Interrupt::end_by(signal);
    }
    if let Some(why) = interrupt.given_up() {
        anyhow::bail!("{why}; {rest}");
    }
    let folder = outcome?;
    if let Some(text) = alone::mention(&lock) {
        tell(&text);
    }
    Ok(folder)
}

/// Why there is no site: of a trace that asks for more room than there is, with what asks for it.
fn no_site(error: SiteError, options: &Options) -> anyhow::Error {
    let asks = options.trace.as_ref().filter(|_| matches!(error, SiteError::Full { .. }));
    let error = anyhow::Error::new(error);
    let Some(trace) = asks else { return error };
    let end = report::units::bytes(trace.extent() as f64);
    error.context(format!(
        "--trace: its farthest read ends at {end}, and it is replayed over two files of that size (it may do without such reads)"
    ))
}

/// What a sweep takes, before it takes it.
fn forewarn(specs: &[Spec], budget: Duration, beyond: bool, stalls: bool) {
    let limit = beyond.then(beyond::limit).flatten();
    let watching = watching_time(limit, Wanted::default(), stalls);
    let time = match (if specs.is_empty() { watching } else { budget + watching }).as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    };
    let studies = match specs.len() {
        0 => None,
        1 => Some("1 scenario".to_owned()),
        many => Some(format!("{many} scenarios")),
    };
    let watched = beyond.then(|| "files larger than a memory limit".to_owned());
    let tasks = stalls.then(|| "tasks that share a thread".to_owned());
    let studies = studies.into_iter().chain(watched).chain(tasks).collect::<Vec<_>>().join(", ");
    let space = space_of(specs).max(watched_space(limit, Wanted::default(), stalls));
    let space = report::units::bytes(space as f64);
    let set = if specs.is_empty() { "" } else { "; --budget sets the time of the scenarios" };
    tell(&format!("{studies}, about {time}, and up to {space} on disk at a time{set}"));
}

/// How long it takes to watch what is watched, under a `limit` of memory where files larger than that are.
fn watching_time(limit: Option<u64>, wanted: Wanted, stalls: bool) -> Duration {
    let stalls = if stalls { stalls::longest() } else { Duration::ZERO };
    beyond::longest(limit, wanted) + stalls
}

/// Space that is taken by what is watched, under a `limit` of memory where files larger than that are.
fn watched_space(limit: Option<u64>, wanted: Wanted, stalls: bool) -> u64 {
    beyond::space(limit, wanted).max(if stalls { stalls::SPACE } else { 0 })
}

/// The run's folder, last. Whoever asked may have gone, as `head` does; the run is there all the same.
fn say(folder: &Path) -> anyhow::Result<()> {
    super::print(&format!("{}\n", folder.display()))
}

/// What there is to do.
pub struct Work {
    /// What the catalogue is made from.
    pub options: Options,
    /// Every study of the run, those that stand among them.
    pub specs: Vec<Spec>,
    /// The folder to measure in.
    pub dir: PathBuf,
    /// What was asked for, as the run records it.
    pub request: Request,
    /// Whether files larger than memory are watched, too.
    pub beyond: bool,
    /// Whether tasks that share a thread are watched.
    pub stalls: bool,
    /// Whether unsynced edits are watched.
    pub write_back: bool,
    /// The run, where there is a part of it.
    pub begun: Option<Begun>,
}

impl Work {
    /// The time for what is missing: its share of the whole run's.
    fn budget_left(&self) -> Duration {
        let standing = self.begun.as_ref().map_or(0, |begun| begun.run.studies.len());
        let all = weight_of(&self.specs);
        let part = if all > 0.0 { weight_of(&self.specs[standing..]) / all } else { 1.0 };
        Duration::from_nanos(self.request.budget_ns).mul_f64(part)
    }
}

impl RunArgs {
    /// A run of what advice needs, resumed by the command `resumed_by`.
    pub fn for_advice(
        select: SelectArgs,
        dir: &Path,
        out: &Path,
        budget: Option<Duration>,
        alone: AloneArgs,
        resumed_by: String,
    ) -> Self {
        Self {
            select,
            dir: Some(dir.to_owned()),
            out: out.to_owned(),
            budget,
            worker_limit: None,
            seed: None,
            label: "advise".to_owned(),
            alone,
            write_back: false,
            resumed_by: Some(resumed_by),
            resume: None,
        }
    }

    /// The rest of the run at `path`, resumed by the command `resumed_by`.
    pub fn to_resume(path: &Path, alone: AloneArgs, resumed_by: String) -> Self {
        let made = Self::for_advice(SelectArgs::default(), Path::new("."), Path::new("."), None, alone, resumed_by);
        Self { dir: None, resume: Some(path.to_owned()), ..made }
    }

    /// What is to be done, or the run of which nothing is left.
    fn work(&self) -> anyhow::Result<Left> {
        if let Some(path) = &self.resume {
            return resume::missing(path, self.dir.clone());
        }
        let options = self.select.options()?;
        let specs =
            if self.write_back { self.select.nothing_but("shared_edit")? } else { self.select.specs(&options)? };
        let beyond = self.select.wants_memory(&options);
        let stalls = self.select.wants_stalls(&options);
        let budget = self.budget.unwrap_or_else(|| match options.sweeps.is_empty() {
            _ if self.write_back => write_back::longest(),
            // What is only watched takes its own time.
            _ if specs.is_empty() => {
                let limit = beyond.then(beyond::limit).flatten();
                watching_time(limit, Wanted::of(&options), stalls).max(Duration::from_secs(1))
            }
            _ if options.commit.is_some() || options.reading.is_some() => {
                ADVISED.mul_f64(specs.iter().map(|spec| spec.weight).sum())
            }
            true if options.quick => QUICK,
            true => FULL,
            false => SWEPT.mul_f64(specs.iter().map(|spec| spec.weight).sum()),
        });
        if !options.sweeps.is_empty() {
            forewarn(&specs, budget, beyond, stalls);
        }
        let dir = self.dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let recorded = self.select.record(&specs, &dir, budget, self.worker_limit)?;
        let request = Request { write_back: self.write_back, ..recorded };
        Ok(Left::Some(Box::new(Work {
            options,
            specs,
            dir,
            request,
            beyond,
            stalls,
            write_back: self.write_back,
            begun: None,
        })))
    }
}

/// Makes the run's folder in `out`, and its file; no folder where that fails.
fn begin_in(out: &Path, run: Run) -> anyhow::Result<Begun> {
    let NewFolder { id, path: folder } = store::new_run_folder(out, &run.id)?;
    let run = Run { id, ..run };
    let begun = resume::lock(&folder).and_then(|lock| Ok((lock, store::save(&run, &folder)?)));
    match begun {
        Ok((lock, ())) => Ok(Begun { run, folder, lock }),
        Err(error) => {
            // Empty, since a file is written whole or not at all.
            let _ = std::fs::remove_dir(&folder);
            Err(error)
        }
    }
}

/// A run without floors says why.
fn no_floors(why: &str) -> Warning {
    Warning {
        code: "no_floors".to_owned(),
        text: format!("The machine's floors could not be measured: {why}."),
        fix: "Remove the cause if you want each time as a multiple of what the machine needs at the least; \
              times and ratios stand without it."
            .to_owned(),
    }
}

fn weight_of(specs: &[Spec]) -> f64 {
    specs.iter().map(|spec| spec.weight).sum()
}

fn space_of(specs: &[Spec]) -> u64 {
    space(specs.iter().map(|spec| &*spec.files))
}

struct Session<'a> {
    args: &'a RunArgs,
    options: Options,
    site: &'a Site,
    interrupt: &'a Interrupt,
    /// Whether files larger than memory are watched, too.
    beyond: bool,
    /// Whether tasks that share a thread are watched.
    stalls: bool,
    /// Whether unsynced edits are watched.
    write_back: bool,
    /// Others that measure at the same time.
    disturbance: Disturbance<'a>,
    bar: Bar,
    start: Instant,
    budget: Duration,
}

impl Session<'_> {
    /// Measures every study that `begun` does not have; gives the run's folder, which stays locked meanwhile.
    fn measure(&mut self, request: Request, mut specs: Vec<Spec>, begun: Option<Begun>) -> anyhow::Result<PathBuf> {
        self.bar.show("looking at the machine".to_owned());
        let ticks_before = Ticks::now();
        let disk = self.site_worker().disk();
        // What is read is the user's file: its disk is the one to watch, wherever the rest is kept.
        let elsewhere = self.options.file.as_ref().map(|file| Disk::of_dir(&file.path));
        let elsewhere = elsewhere.filter(|its_own| its_own.mount_point != disk.mount_point);
        let floors_apply = |name: &str| elsewhere.is_none() || !name.starts_with("device");
        let own_reads = self.site_worker().own_reads(&self.options, elsewhere.is_some());
        let patience = Patience::default();
        let disk = elsewhere.clone().unwrap_or(disk);
        let (machine, place) = self
            .site_worker()
            .fingerprint(&disk)
            .map_err(|trouble| anyhow::anyhow!("looking at the machine: {trouble}"))?;
        let worker_limit = request.worker_limit_ns.map(Duration::from_nanos);
        let Begun { mut run, mut folder, mut lock } = match begun {
            Some(begun) => begun.go_on(&machine, &place)?,
            None => self.begin(self.describe(request, machine, place, &disk)?)?,
        };
        let stat = disk.device.as_ref().ok().map(|device| device.stat.clone());
        let style = report::table::Style::of_stdout();
        while !self.interrupt.should_stop() {
            let index = run.studies.len();
            if index == specs.len() && !self.add_batch(&mut run, &mut specs)? {
                break;
            }
            let spec = &specs[index];
            let weights: f64 = specs[index..].iter().map(|rest| rest.weight).sum();
            let left = self.budget.saturating_sub(self.start.elapsed());
            let share = left.mul_f64(spec.weight / weights);
            let time = Time { budget: share, worker_limit };
            let ground = Ground {
                site: self.site,
                disk_stat: stat.as_deref(),
                own_reads: own_reads.as_deref(),
                patience: &patience,
                options: &self.options,
                interrupt: self.interrupt,
            };
            let id = &spec.plan.scenario.id;
            self.bar.show(format!("{id}: making files"));
            let seed = run.seed.wrapping_add(index as u64 * 1_000_003);
            let floors = run.floors.iter().filter(|floor| floors_apply(&floor.name)).cloned().collect();
            let plan = Plan { floors, ..spec.plan.clone() };
            let study = ground.study(&plan, &spec.files, time, seed, &mut |progress| {
                self.bar.show(format!("{id}: worker {} of {}", progress.workers + 1, progress.planned));
            });
            // Reasons may hold names of files.
            let study = bounds::printable(&study).into_owned();
            if !self.answers() {
                self.bar.print(&report::table::study_table(&run, &study, style));
            }
            run.studies.push(study);
            self.site_worker().clear(space_of(&specs[index..]));
            self.disturbance.record(&mut run.warnings);
            self.save(&run, &mut folder, &mut lock)?;
        }
        if self.write_back && run.write_back.is_none() && !self.interrupt.should_stop() {
            run.write_back = self.watch();
        }
        if self.beyond && run.beyond_memory.is_none() && !self.interrupt.should_stop() {
            run.beyond_memory = Some(self.watch_beyond(&run, stat.as_deref()));
        }
        if self.stalls && run.stalls.is_empty() && !self.interrupt.should_stop() {
            run.stalls = self.watch_stalls(run.seed);
        }
        if let Some((before, after)) = ticks_before.zip(Ticks::now()) {
            let meanwhile = after.since(before);
            // A run that was resumed has one of each part.
            let earlier = run.machine.facts.get("stolen_time").map(|fact| format!("{fact}, then "));
            let fact = earlier.unwrap_or_default() + &meanwhile.fact();
            run.machine.facts.insert("stolen_time".to_owned(), fact);
            run.warnings.extend(meanwhile.warning());
        }
        self.disturbance.record(&mut run.warnings);
        run.finished = (!self.interrupt.should_stop()).then(|| to_the_second(jiff::Timestamp::now()));
        self.save(&run, &mut folder, &mut lock)?;
        report::write(&run, &folder).with_context(|| {
            let folder = folder.display();
            format!("the run is recorded in {folder}; `pagewise report {folder}` draws its report again")
        })?;
        Ok(folder)
    }

    /// Whether what is measured is the answer to a question: then its tables are not printed.
    fn answers(&self) -> bool {
        self.options.commit.is_some() || self.options.reading.is_some()
    }

    /// Adds the batch that the advice on a commit still needs, which follows from what was measured so far; `false` where it needs none. It is given
    /// as much time as each study had.
    fn add_batch(&mut self, run: &mut Run, specs: &mut Vec<Spec>) -> anyhow::Result<bool> {
        let Some(commit) = advise::next_batch(run) else { return Ok(false) };
        let Some(request) = &mut run.request else { return Ok(false) };
        request.commit = Some(commit);
        let select = SelectArgs::recorded(request, run.profile)?;
        self.options = select.options()?;
        let more = select.specs(&self.options)?;
        let share = Duration::from_nanos(request.budget_ns).mul_f64(weight_of(&more) / weight_of(specs) - 1.0);
        *specs = more;
        request.scenarios = specs.iter().map(|spec| spec.plan.scenario.id.clone()).collect();
        request.budget_ns = request.budget_ns.saturating_add(share.as_nanos() as u64);
        self.budget = self.start.elapsed() + share;
        self.bar.finish();
        self.bar = Bar::new(self.start, self.budget);
        self.site_worker().clear(space_of(&specs[run.studies.len()..]));
        Ok(true)
    }

    /// Watches unsynced edits until their pages are clean; `None` where it was stopped, since what
    /// was not watched to the end says nothing.
    fn watch(&self) -> Option<WriteBack> {
        self.site_worker().clear(0);
        let longest = write_back::longest().as_secs();
        self.bar.show(format!("watching edits that nobody syncs; {longest} s at most"));
        let seen = self.site_worker().write_back()?;
        self.bar.print(&report::write_back::text(&seen, report::grid::Look::Terminal));
        Some(seen)
    }

    fn site_worker(&self) -> SiteWorker<'_> {
        SiteWorker { site: self.site, interrupt: self.interrupt }
    }

    /// Watches files that are larger than memory may be.
    fn watch_beyond(&self, run: &Run, disk_stat: Option<&Path>) -> BeyondMemory {
        let wanted = Wanted::of(&self.options);
        let given = Given { site: self.site, disk_stat, wanted, seed: run.seed, interrupt: self.interrupt };
        let seen = beyond::watch(&given, &mut |what| self.bar.show(what.to_owned()));
        if !self.answers() {
            self.bar.print(&report::beyond::text(&seen, run.machine.page_size, report::grid::Look::Terminal));
        }
        seen
    }

    /// Watches tasks that share a thread with a reader.
    fn watch_stalls(&self, seed: u64) -> Vec<Stalls> {
        let wanted = Wanted::default();
        let given = Given { site: self.site, disk_stat: None, wanted, seed, interrupt: self.interrupt };
        let seen = stalls::watch(&given, &mut |what| self.bar.show(what.to_owned()));
        if !seen.is_empty() {
            self.bar.print(&report::stalls::text(&seen, report::grid::Look::Terminal));
        }
        seen
    }

    /// Makes the run's folder.
    fn begin(&self, run: Run) -> anyhow::Result<Begun> {
        begin_in(&self.args.out, run)
    }

    /// Saves the run. Where its folder cannot be written to any more, what was measured goes to a
    /// new folder in the system's temporary one, and so does what follows.
    fn save(&self, run: &Run, folder: &mut PathBuf, lock: &mut FolderLock) -> anyhow::Result<()> {
        let Err(error) = store::save(run, folder) else { return Ok(()) };
        let begun =
            tempfile::Builder::new().prefix("pagewise-").tempdir().map_err(anyhow::Error::from).and_then(|place| {
                let begun = begin_in(place.path(), run.clone())?;
                let _ = place.keep();
                Ok(begun)
            });
        let Ok(begun) = begun else { return Err(error.into()) };
        (*folder, *lock) = (begun.folder, begun.lock);
        self.bar.finish();
        let shown = folder.display();
        tell(&format!(
            "{error}. The run goes on in {shown}: move it where you want it, also before `pagewise run --resume {shown}`"
        ));
        Ok(())
    }

    /// The run before its first study: the machine, its warnings and floors.
    fn describe(&self, request: Request, machine: Machine, place: Dir, disk: &Disk) -> anyhow::Result<Run> {
        let seed = self.args.seed.unwrap_or_else(seed_from_time);
        let started = jiff::Timestamp::now();
        let mut warnings = warnings(&machine, &place, disk);
        let floors = self.site_worker().floors(self.budget.mul_f64(FLOORS_SHARE)).unwrap_or_else(|trouble| {
            warnings.push(no_floors(&trouble.to_string()));
            Vec::new()
        });
        anyhow::ensure!(!self.interrupt.should_stop(), "stopped before the first study");
        Ok(Run {
            schema: SCHEMA.to_owned(),
            id: store::run_id(started, &self.args.label),
            label: self.args.label.clone(),
            started: to_the_second(started),
            finished: None,
            pagewise: program(),
            request: Some(request),
            resumed: Vec::new(),
            command: command(),
            seed,
            profile: if self.options.quick { Profile::Quick } else { Profile::Full },
            warnings,
            floors,
            dir: place,
            machine,
            studies: Vec::new(),
            write_back: None,
            beyond_memory: None,
            stalls: Vec::new(),
        })
    }
}
