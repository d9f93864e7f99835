//! What does the harness add to an operation? Each CPU-bound method against the shortest loop over the `libc` calls.
//!
//! One study a method, by the suite's own instrument: the bare loop and the method in the same
//! interleaved rounds, in fresh processes. `cargo bench --bench overhead` measures; `-- --markdown`
//! prints the table of docs/METHODOLOGY.md, `--check` ends with 3 where a method lies wholly beyond
//! its bound, `--all` takes every scenario and not one of each kind, `--budget TIME` is a study's,
//! `--wait TIME` and `--shared` are those of `pagewise run`. Filters and `--list` as everywhere;
//! without `--bench` (`cargo test --benches`) it does a round of each.

#[path = "front/alone.rs"]
mod alone;
mod bare;
#[path = "bare/bound.rs"]
mod bound;
#[path = "front/gone.rs"]
mod gone;
#[path = "bare/pairs.rs"]
mod pairs;
#[path = "bare/table.rs"]
mod table;
#[path = "front/words.rs"]
mod words;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bound::{Row, Verdict};
use pagewise::areas::{self, Options, Spec};
use pagewise::cli::alone::{AloneArgs, mention};
use pagewise::engine::duty::Duty;
use pagewise::engine::interrupt::Interrupt;
use pagewise::engine::method::{Opened, Trouble};
use pagewise::engine::process::Workers;
use pagewise::engine::{study, worker};
use pagewise::site::Site;
use pairs::{BARE_OF, Pair};
use table::Table;
use words::Words;

/// A study's time, where nothing else is asked for: some 35 studies make a minute and a half.
const BUDGET: Duration = Duration::from_millis(2500);

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("worker") {
        return serve();
    }
    let words = Words::read();
    if words.has("--help") || words.has("-h") {
        println!(
            "overhead: each CPU-bound method against its bare loop; [FILTER]… --budget TIME --all --markdown --check --list \
             --wait TIME --shared"
        );
        return ExitCode::SUCCESS;
    }
    let measure = words.measures();
    let turn = alone::asked(&words, "overhead");
    let pairs: Vec<Pair> = pairs::pairs(measure || words.has("--list"), words.has("--all"))
        .into_iter()
        .filter(|pair| words.filters.is_empty() || words.filters.iter().any(|filter| pair.name().contains(filter)))
        .collect();
    if words.has("--list") {
        gone::end_quietly();
        pairs.iter().for_each(|pair| println!("{}: benchmark", pair.name()));
        return ExitCode::SUCCESS;
    }
    let budget = match words.value(&["--budget"]).map(seconds) {
        Some(None) => {
            eprintln!("overhead: --budget: expected seconds, such as 5 or 2.5s");
            return ExitCode::from(2);
        }
        Some(Some(budget)) => budget,
        None if measure => BUDGET,
        None => Duration::from_millis(1),
    };
    match run(&pairs, budget, words.has("--markdown"), measure.then_some(turn)) {
        Ok(rows) if rows.iter().any(|row| matches!(row, Row::Failed(_))) => ExitCode::FAILURE,
        Ok(rows) if words.has("--check") && rows.iter().any(beyond) => ExitCode::from(3),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overhead: {error}");
            ExitCode::FAILURE
        }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim_end_matches('s').parse().ok()?).ok()
}

fn beyond(row: &Row) -> bool {
    matches!(row, Row::Compared { verdict: Verdict::Over | Verdict::Under, .. })
}

/// Measures each pair, a line as each is done, once its `turn` among the measurements on this
/// machine has come.
fn run(pairs: &[Pair], budget: Duration, markdown: bool, turn: Option<AloneArgs>) -> anyhow::Result<Vec<Row>> {
    let lock = turn.map(|turn| turn.take("overhead")).transpose()?;
    let interrupt = Interrupt::watch()?;
    let need = pairs.iter().flat_map(|pair| pair.spec.files.first()).map(|file| file.bytes).max().unwrap_or(0);
    let site = Site::make(Path::new(env!("CARGO_TARGET_TMPDIR")), need)?;
    let mut table = Table::begin(markdown);
    let mut rows = Vec::new();
    let mut built = "";
    for (index, pair) in pairs.iter().enumerate() {
        // The pairs of a scenario work on the same file.
        let trouble = if built == pair.scenario() { None } else { build(&pair.spec, &site).err() };
        built = if trouble.is_none() { pair.scenario() } else { "" };
        let plan = pair.plan();
        let seed = 1 + index as u64 * 1_000_003;
        let mut workers = Workers {
            site: site.held_path(),
            disk_stat: None,
            own_reads: false,
            catalogue: serde_json::to_value(&pair.options)?,
            scenario: pair.scenario().to_owned(),
            interrupt: &interrupt,
            start: Instant::now(),
        };
        let study = match trouble {
            Some(trouble) => study::unbuilt(&plan, seed, &trouble),
            None => study::run(&plan, budget, seed, &mut workers, &mut |_| {}),
        };
        if let Some(signal) = interrupt.asked() {
            drop(site);
            Interrupt::end_by(signal);
        }
        let row = Row::of(&study, pair.bound);
        table.line(pair, &row);
        rows.push(row);
    }
    if let Some(text) = lock.as_ref().and_then(mention) {
        eprintln!("overhead: {text}");
    }
    Ok(rows)
}

/// Makes the scenario's file; a second would be for reads past the cache.
fn build(spec: &Spec, site: &Site) -> Result<(), Trouble> {
    site.clear();
    spec.files.iter().take(1).try_for_each(|file| file.build(site.path()).map(drop))
}

/// A worker: opens the catalogue's method, or the bare loop that stands in for it.
fn serve() -> ExitCode {
    let Ok(duty) = Duty::take_up() else {
        eprintln!("overhead: a worker is started by `cargo bench --bench overhead`, not by hand");
        return ExitCode::from(2);
    };
    let order = &duty.order;
    let Ok(options) = serde_json::from_value::<Options>(order.catalogue.clone()) else { return ExitCode::FAILURE };
    let answer = worker::serve(order, &|name| open(&options, &order.scenario, name, &order.site));
    match duty.fulfil(&answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn open(options: &Options, scenario: &str, name: &str, site: &Path) -> Opened {
    let bare = name.strip_prefix(BARE_OF);
    if scenario == bare::STAMP {
        return bare::open_stamp(bare.is_some());
    }
    let unknown = || Trouble::Failed(format!("the catalogue has no {scenario}"));
    let area = scenario.split('/').next().and_then(areas::named).ok_or_else(unknown)?;
    let method = bare.unwrap_or(name);
    // Where the machine cannot do the method, its loop cannot be done either: the same reason stands for both.
    let ours = area.open(options, scenario, method, site)?;
    if bare.is_none() {
        return Ok(ours);
    }
    drop(ours);
    let spec = area.specs(options).into_iter().find(|spec| spec.plan.scenario.id == scenario).ok_or_else(unknown)?;
    bare::open(&spec, method, site)
}
