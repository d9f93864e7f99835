//! `pagewise run`: measure, and leave a report.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::measuring::{Ground, command, duration, label, program, seed_from_time, space, to_the_second};
use super::progress::Bar;
use super::select::SelectArgs;
use crate::areas::{Options, Spec};
use crate::engine::interrupt::Interrupt;
use crate::engine::summary;
use crate::machine;
use crate::os::disk::Disk;
use crate::report;
use crate::results::model::{Profile, Run, SCHEMA, Study};
use crate::results::store;
use crate::site::Site;

/// What to measure, where, and for how long.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    select: SelectArgs,

    /// The folder, and so the filesystem, to measure in
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Where recorded runs go
    #[arg(long, value_name = "DIR", default_value = "./results/local")]
    out: PathBuf,

    /// About how long the run takes, such as 90s, 4m or 1h. A study that it cuts short is unresolved, but takes at least one worker: a
    /// budget too short for that is exceeded [default: 4m, 33s with --quick]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,

    /// Where every random choice comes from; drawn and recorded by default
    #[arg(long)]
    seed: Option<u64>,

    /// A name for the run
    #[arg(long, default_value = "run", value_parser = label)]
    label: String,
}

/// A run's time if nothing else is asked for.
const FULL: Duration = Duration::from_secs(240);
/// A quick run's: under 40 s with all that is around it.
const QUICK: Duration = Duration::from_secs(33);
/// The part of the time that the floors may take.
const FLOORS_SHARE: f64 = 0.03;

/// Measures what `args` ask for. The run's folder is the last line on standard output.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let options = args.select.options()?;
    let specs = args.select.specs(&options)?;
    let budget = args.budget.unwrap_or(if options.quick { QUICK } else { FULL });
    let interrupt = Interrupt::watch().context("watching for signals")?;
    // Paths go to workers as JSON.
    anyhow::ensure!(args.dir.to_str().is_some(), "--dir {}: not UTF-8; name it by another path", args.dir.display());
    let site = Site::make(&args.dir, space_of(&specs))?;
    site.hold(space_of(&specs));
    let mut session = Session {
        args,
        options: &options,
        site: &site,
        interrupt: &interrupt,
        bar: Bar::new(start, budget),
        start,
        budget,
    };
    let outcome = session.measure(&specs);
    session.bar.finish();
    drop(site);
    let folder = outcome?;
    if let Some(signal) = interrupt.asked() {
        eprintln!("pagewise: interrupted; what was measured is in {}", folder.display());
        Interrupt::end_by(signal);
    }
    // Whoever asked may have gone, as `head` does; the run is there all the same.
    let _ = writeln!(std::io::stdout(), "{}", folder.display());
    Ok(ExitCode::SUCCESS)
}

fn space_of(specs: &[Spec]) -> u64 {
    space(specs.iter().map(|spec| &*spec.files))
}

struct Session<'a> {
    args: &'a RunArgs,
    options: &'a Options,
    site: &'a Site,
    interrupt: &'a Interrupt,
    bar: Bar,
    start: Instant,
    budget: Duration,
}

impl Session<'_> {
    /// Measures every study; gives the run's folder.
    fn measure(&mut self, specs: &[Spec]) -> anyhow::Result<PathBuf> {
        self.bar.show("looking at the machine".to_owned());
        let mut disk = Disk::of_dir(self.site.path());
        let mut run = self.describe(&mut disk)?;
        let folder = store::new_run_folder(&self.args.out, &run.id)?;
        store::save(&run, &folder)?;
        let stat = disk.device.as_ref().ok().map(|device| device.stat.clone());
        let style = report::table::Style::of_stdout();
        for (index, spec) in specs.iter().enumerate() {
            if self.interrupt.asked().is_some() {
                break;
            }
            let weights: f64 = specs[index..].iter().map(|rest| rest.weight).sum();
            let left = self.budget.saturating_sub(self.start.elapsed());
            let share = left.mul_f64(spec.weight / weights);
            let ground = Ground {
                site: self.site,
                disk_stat: stat.as_deref(),
                options: self.options,
                interrupt: self.interrupt,
            };
            let id = &spec.plan.scenario.id;
            self.bar.show(format!("{id}: making files"));
            let seed = run.seed.wrapping_add(index as u64 * 1_000_003);
            let mut study = ground.study(&spec.plan, &spec.files, share, seed, &mut |progress| {
                self.bar.show(format!("{id}: worker {} of {}", progress.workers + 1, progress.planned));
            });
            if disk.device.as_ref().is_ok_and(|device| device.counts_flushes == Some(false)) {
                forget_flushes(&mut study);
            }
            if let Some((name, units)) = &spec.plan.floor
                && let Some(floor) = run.floors.iter().find(|floor| floor.name == *name)
            {
                summary::add_floor(&mut study, name, *units, floor.estimate);
            }
            self.bar.print(&report::table::study_table(&study, style));
            run.studies.push(study);
            self.site.clear();
            self.site.hold(space_of(&specs[index..]));
            store::save(&run, &folder)?;
        }
        run.finished = self.interrupt.asked().is_none().then(|| to_the_second(jiff::Timestamp::now()));
        store::save(&run, &folder)?;
        report::write(&run, &folder)?;
        Ok(folder)
    }

    /// The run before its first study: the machine, its warnings and floors.
    fn describe(&self, disk: &mut Disk) -> anyhow::Result<Run> {
        let dir = self.site.path();
        // A disk that does not count flushes is told by its probe; one that cannot be probed, by its absence.
        let _ = disk.probe_flushes(dir);
        let (machine, place) = machine::fingerprint(dir, disk);
        let seed = self.args.seed.unwrap_or_else(seed_from_time);
        let started = jiff::Timestamp::now();
        Ok(Run {
            schema: SCHEMA.to_owned(),
            id: store::run_id(started, &self.args.label),
            label: self.args.label.clone(),
            started: to_the_second(started),
            finished: None,
            pagewise: program(),
            command: command(),
            seed,
            profile: if self.options.quick { Profile::Quick } else { Profile::Full },
            warnings: machine::warnings(&machine, &place, disk),
            floors: machine::floors(dir, self.budget.mul_f64(FLOORS_SHARE)),
            dir: place,
            machine,
            studies: Vec::new(),
        })
    }
}

/// A disk that does not count flushes has told of none, not of zero.
fn forget_flushes(study: &mut Study) {
    for per_op in study.cases.iter_mut().filter_map(|case| case.per_op.as_mut()) {
        per_op.device_flushes = None;
    }
}
