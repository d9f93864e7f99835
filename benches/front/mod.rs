//! What the Criterion targets share: the suite's own methods, an operation an iteration.
//!
//! Criterion answers "did this change since I last looked?" at one's desk. Which method is faster, and how sure that is, says
//! `pagewise run`: its ratios come from interleaved rounds in fresh processes, Criterion's from blocks one after the other.

mod alone;
mod gone;
mod picks;
mod words;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use criterion::{Criterion, SamplingMode};
use pagewise::areas::dataset::Recipe;
use pagewise::areas::{self, Area, FULL, Options, Spec};
use pagewise::cli::alone::{AloneArgs, mention};
use pagewise::engine::drag::Drag;
use pagewise::engine::method::{Case, Draw, NoCounters, Trouble};
use pagewise::engine::protocol::Size;
use pagewise::site::Site;
use picks::Pick;
use words::Words;

/// Runs an area's picks under Criterion, with the command line that `cargo bench -- …` gives.
pub fn main(area: &str) {
    let words = Words::read();
    let turn = turn(&words, area);
    if words.has("--list") {
        gone::end_quietly();
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion");
    let (_, picks) = picks::ALL.into_iter().find(|(name, _)| *name == area).expect("picks of the area");
    let area = areas::named(area).expect("an area of the catalogue");
    for pick in picks {
        if !catalogue(area, false).iter().any(|spec| is_of(pick, spec)) {
            let (area, name, method) = (area.name(), pick.name, pick.method);
            eprintln!(
                "{area}/{name}: the catalogue has no {method} with {}; `pagewise list {area} --full` shows what it has",
                params(pick)
            );
            std::process::exit(1);
        }
    }
    let (picks, missing): (Vec<_>, Vec<_>) =
        picks.iter().map(|pick| (pick, unavailable(area, pick))).partition(|(_, reason)| reason.is_none());
    let picks: Vec<&Pick> = picks.into_iter().map(|(pick, _)| pick).collect();
    if let Some(sentence) = missing_baseline(&home, area.name(), &picks) {
        eprintln!("{sentence}");
        std::process::exit(1);
    }
    for (pick, reason) in missing {
        println!("{}/{}: skipped: {}", area.name(), pick.name, reason.unwrap_or_default());
    }
    let lock = words.measures().then(|| turn.take(area.name()));
    let lock = lock.transpose().unwrap_or_else(|error| {
        eprintln!("{}: {error}", area.name());
        std::process::exit(1)
    });
    let mut criterion = Criterion::default()
        .output_directory(&home)
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(20)
        .configure_from_args();
    let mut group = criterion.benchmark_group(area.name());
    // The same number of operations in every sample: the state is made anew for each.
    group.sampling_mode(SamplingMode::Flat);
    let mut ground = None;
    for pick in picks {
        let (mut fixture, ground) = (None, &mut ground);
        group.bench_function(pick.name, |bencher| {
            // Criterion calls this once a sample, and not at all for what is filtered out or listed.
            let fixture = fixture.get_or_insert_with(|| Fixture::new(area, pick, ground));
            bencher.iter_custom(|operations| fixture.time(operations));
        });
    }
    group.finish();
    criterion.final_summary();
    if let Some(text) = lock.as_ref().and_then(mention) {
        eprintln!("{}: {text}", area.name());
    }
}

/// Holds what `--shared` or `--wait` said, in the environment of a front that was started again
/// without them.
const KEPT: &str = "PAGEWISE_BENCH_WAIT";
/// Its value for `--shared`, which is no time.
const SHARED: &str = "shared";

/// What the command line says of other measurements. Where it does, this program is started again
/// without these words: Criterion reads the command line itself, and refuses words that it does not
/// know.
fn turn(words: &Words, program: &str) -> AloneArgs {
    if let Ok(kept) = std::env::var(KEPT) {
        let shared = kept == SHARED;
        return AloneArgs::of_words(shared, Some(&*kept).filter(|_| !shared)).unwrap_or_default();
    }
    let asked = alone::asked(words, program);
    if !words.has("--shared") && !words.has("--wait") {
        return asked;
    }
    let kept = words.value(&["--wait"]).unwrap_or(SHARED);
    let mut again = Command::new("/proc/self/exe");
    again.arg0(std::env::args_os().next().unwrap_or_default()).args(Words::without("--wait", "--shared"));
    let error = again.env(KEPT, kept).exec();
    eprintln!("{program}: cannot start again without --wait and --shared, which Criterion does not know: {error}");
    std::process::exit(1)
}

/// What the catalogue is made from: all of it, or the quick one, of small files and without sweeps.
fn options(quick: bool) -> Options {
    let sweeps = if quick { Vec::new() } else { vec![FULL.to_owned()] };
    Options { quick, sweeps, ..Options::default() }
}

fn catalogue(area: &dyn Area, quick: bool) -> Vec<Spec> {
    area.specs(&options(quick))
}

/// Whether `PAGEWISE_QUICK=1` in the environment asks for the quick catalogue.
fn is_quick() -> bool {
    std::env::var_os("PAGEWISE_QUICK").is_some_and(|value| value == "1")
}

fn is_of(pick: &Pick, spec: &Spec) -> bool {
    let plan = &spec.plan;
    let fits = |(key, value): &(&str, &str)| plan.scenario.params.get(*key).is_some_and(|found| found == value);
    pick.scenario.iter().all(fits) && plan.methods.iter().any(|method| method.name == pick.method)
}

/// `state=cold,pattern=sequential`.
fn params(pick: &Pick) -> String {
    pick.scenario.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The study that a pick is of; the quick catalogue has not all of them.
fn spec(area: &dyn Area, pick: &Pick) -> Option<Spec> {
    catalogue(area, is_quick()).into_iter().find(|spec| is_of(pick, spec))
}

/// Why this machine cannot do a pick, where that can be known without its files.
fn unavailable(area: &dyn Area, pick: &Pick) -> Option<String> {
    let Some(spec) = spec(area, pick) else { return Some("not in the quick catalogue".to_owned()) };
    if !spec.files.is_empty() {
        return None;
    }
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    match area.open(&options(is_quick()), &spec.plan.scenario.id, pick.method, scratch) {
        Err(Trouble::Unavailable(reason)) => Some(reason),
        _ => None,
    }
}

/// Ends the target, its files removed: a figure that was not measured must not be printed.
fn give_up(what: &str, why: impl std::fmt::Display, ground: Option<&Ground>) -> ! {
    // The process ends here, and drops nothing.
    if let Some(ground) = ground {
        let _ = std::fs::remove_dir_all(ground.site.path());
    }
    eprintln!("{what}: {why}");
    std::process::exit(1)
}

/// Files, and where they lie: made once for all picks in a row that have the same.
struct Ground {
    files: Vec<Recipe>,
    site: Site,
}

impl Ground {
    fn make(pick: &Pick, files: &[Recipe]) -> Rc<Self> {
        let space = files.iter().map(|file| file.bytes).sum();
        let site = Site::make(Path::new(env!("CARGO_TARGET_TMPDIR")), space)
            .unwrap_or_else(|error| give_up(pick.name, error, None));
        let ground = Self { files: files.to_vec(), site };
        if let Err(trouble) = files.iter().try_for_each(|file| file.build(ground.site.path()).map(drop)) {
            give_up(pick.name, trouble, Some(&ground));
        }
        Rc::new(ground)
    }
}

/// A method ready to be measured, and its files.
struct Fixture {
    case: Box<dyn Case>,
    size: Size,
    batches: u64,
    name: String,
    ground: Rc<Ground>,
}

impl Fixture {
    /// Opens the method, on the files of the pick before where they would be the same.
    fn new(area: &dyn Area, pick: &Pick, last: &mut Option<Rc<Ground>>) -> Self {
        let spec = spec(area, pick).expect("a scenario of the catalogue");
        // The first file is the scenario's; a second is for methods that go past the cache, which are not picked here.
        let files = &spec.files[..spec.files.len().min(1)];
        // What is not used again goes first: there may be no room for both.
        let ground = last.take().filter(|ground| ground.files == files).unwrap_or_else(|| Ground::make(pick, files));
        *last = Some(Rc::clone(&ground));
        match area.open(&options(is_quick()), &spec.plan.scenario.id, pick.method, ground.site.path()) {
            Ok(case) => Self { case, size: spec.plan.size, batches: 0, name: pick.name.to_owned(), ground },
            Err(trouble) => give_up(pick.name, trouble, Some(&ground)),
        }
    }

    /// The time of `operations`. A scenario with a fixed batch is done in whole batches, and the time taken in proportion. A
    /// batch whose state could not be had is tried again.
    fn time(&mut self, operations: u64) -> Duration {
        let (batch, most) = match self.size {
            Size::Fixed(k) => (k, k),
            Size::Lasting { most, .. } => (operations.min(most), most),
        };
        let (mut ns, mut done, mut troubles) = (0_u64, 0_u64, 0);
        while done < operations {
            self.batches += 1;
            let draw = Draw { ops: batch.min(most), seed: self.batches };
            match self.case.measure(draw, Drag::default(), &mut NoCounters) {
                Ok(measured) => {
                    ns += measured.ns;
                    done += draw.ops;
                }
                Err(Trouble::Unproven(_)) if troubles < 10 => troubles += 1,
                Err(trouble) => give_up(&self.name, trouble, Some(&self.ground)),
            }
        }
        Duration::from_nanos((ns as f64 * operations as f64 / done.max(1) as f64) as u64)
    }
}

/// A sentence about the baseline that the command line compares with, where it was never saved.
fn missing_baseline(home: &Path, area: &str, picks: &[&Pick]) -> Option<String> {
    let words = Words::read();
    let named = words.value(&["--baseline", "-b", "--load-baseline"])?;
    let meant =
        |name: &str| words.filters.is_empty() || words.filters.iter().any(|filter| name.contains(filter.as_str()));
    let own = picks.iter().map(|pick| (format!("{area}/{}", pick.name), home.join(area).join(pick.name).join(named)));
    let missing = own.filter(|(name, _)| meant(name)).find(|(_, saved)| !saved.is_dir()).map(|(name, _)| name);
    // The first target speaks for all, before anything is measured.
    let others = || {
        areas::ALL
            .iter()
            .map(|other| other.name())
            .filter(|other| words.filters.is_empty() && !saved(home, other, named))
    };
    let missing = missing.or_else(|| others().next().map(str::to_owned))?;
    Some(format!("no baseline \"{named}\" of {missing}: save it first with `cargo bench -- --save-baseline {named}`"))
}

/// Whether any benchmark of an area has this baseline.
fn saved(home: &Path, area: &str, baseline: &str) -> bool {
    std::fs::read_dir(home.join(area))
        .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| entry.path().join(baseline).is_dir())))
}
