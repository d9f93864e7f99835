//! `pagewise compare`: what changed between recorded runs?

mod show;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use glob::Pattern;
use serde::Serialize;

use super::select::{self, UsageError};
use super::{GATE_REGRESSED, GATE_UNDECIDED};
use crate::compare::differences::{Difference, differences};
use crate::compare::gate::{self, Outcome};
use crate::compare::ranking::{self, Group};
use crate::compare::side::{self, Side};
use crate::compare::table::{self, Measure, Table};
use crate::results::model::{Run, Study};

/// Which runs, of what, and how sure.
#[derive(Debug, Args)]
#[command(after_help = "\
A run counts once: its figure is one value, however many batches are behind it. Five runs a side are the fewest that can prove one difference at 99 %; \
more comparisons take more runs, so narrow them down with --where and --method. Take the runs in turn, A B B A, as scripts/alternate does.\n\n  \
pagewise compare before after                          a run, or a folder of runs, on each side\n  \
pagewise compare run1 run2 run3 --with run4 run5 run6  several on each side, named one by one\n  \
pagewise compare before after --where guarantee=durable --method 'mmap*'\n  \
pagewise compare before after --gate 5%                for a build server: exit code 3 if something got slower by more than 5 % for certain, \
4 if that cannot be decided, 0 if not")]
pub struct CompareArgs {
    /// Runs: a run's folder, its run.json, or a folder of runs. Of two without --with, the second is side B
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// The runs of side B, where several are named
    #[arg(long = "with", value_name = "RUN", num_args = 1..)]
    with: Vec<PathBuf>,

    /// What of each run is compared
    #[arg(long, value_enum, default_value_t = Of::Time)]
    of: Of,

    /// Only scenarios with all of these parameters, as in `pagewise run`
    #[arg(long = "where", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = select::pair)]
    filters: Vec<(String, String)>,

    /// Only methods whose names match this pattern
    #[arg(long = "method", value_name = "GLOB", value_parser = |text: &str| Pattern::new(text).map_err(|error| error.to_string()))]
    methods: Vec<Pattern>,

    /// How sure all verdicts together are to be
    #[arg(long, value_name = "PART", default_value = "99%", value_parser = part)]
    confidence: f64,

    /// Go on although machines, kernels or filesystems differ; what differs is said
    #[arg(long)]
    across_machines: bool,

    /// Exit with 3 if a method got slower by more than this for certain, with 4 if that cannot be decided
    #[arg(long, value_name = "PART", value_parser = part)]
    gate: Option<f64>,

    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Time an operation
    Time,
    /// The ratio to the scenario's baseline, which does not drift from run to run
    Ratio,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables to read
    Table,
    /// The same as Markdown
    Markdown,
    /// One JSON object (docs/FORMAT.md)
    Json,
    /// A line a method
    Csv,
}

/// `5%` or `0.05`.
fn part(text: &str) -> Result<f64, String> {
    let (digits, unit) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
    match digits.trim().parse::<f64>().map(|number| number / unit) {
        Ok(part) if part > 0.0 && part < 1.0 => Ok(part),
        _ => Err("expected a part between 0 and 100 %, such as 5% or 0.05".to_owned()),
    }
}

/// The name of the JSON form.
const SCHEMA: &str = "pagewise/compare/v1";

/// Everything that a comparison says.
#[derive(Debug, Serialize)]
struct Comparison {
    schema: &'static str,
    a: Vec<Named>,
    b: Vec<Named>,
    differences: Vec<Difference>,
    warnings: Vec<String>,
    #[serde(flatten)]
    table: Table,
    groups: Vec<Group>,
    gate: Option<Gate>,
}

/// A run, by name.
#[derive(Debug, Serialize)]
struct Named {
    id: String,
    started: String,
    version: String,
    commit: Option<String>,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, Serialize)]
struct Gate {
    allowed: f64,
    outcome: Outcome,
}

/// Compares, prints, and gives the exit code.
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (a, b) = sides(args)?;
    let differences = differences(&a, &b);
    if let Some(first) = differences.first().filter(|_| !args.across_machines) {
        let others = differences.len() - 1;
        let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
        anyhow::bail!(
            "these runs are not of one machine as it was: {first}{more}. A difference could be theirs; to compare machines, kernels or filesystems, say --across-machines"
        );
    }
    let table = table::compare(
        &a,
        &b,
        if args.of == Of::Ratio { Measure::Ratio } else { Measure::Time },
        args.confidence,
        &|study, method| chosen(args, study, method),
    );
    if table.rows.is_empty() {
        return Err(UsageError(
            "nothing to compare: no scenario and method of these runs fits --where and --method".to_owned(),
        )
        .into());
    }
    let gate = args.gate.map(|allowed| Gate { allowed, outcome: gate::all(&table, allowed) });
    let comparison = Comparison {
        schema: SCHEMA,
        a: a.runs.iter().map(named).collect(),
        b: b.runs.iter().map(named).collect(),
        warnings: warnings(&a, &b, &table),
        differences,
        groups: ranking::groups(&table),
        table,
        gate,
    };
    let text = match args.format {
        Format::Table => show::text(&comparison, false),
        Format::Markdown => show::text(&comparison, true),
        Format::Json => serde_json::to_string_pretty(&comparison)? + "\n",
        Format::Csv => show::csv(&comparison)?,
    };
    // Whoever asked may have gone, as `head` does; the gate's answer is the exit code.
    let _ = write!(std::io::stdout(), "{text}");
    Ok(match gate.map(|gate| gate.outcome) {
        None | Some(Outcome::Passed) => ExitCode::SUCCESS,
        Some(Outcome::Regressed) => ExitCode::from(GATE_REGRESSED),
        Some(Outcome::Undecided) => ExitCode::from(GATE_UNDECIDED),
    })
}

fn sides(args: &CompareArgs) -> anyhow::Result<(Side, Side)> {
    let (first, second) = match (&args.runs[..], &args.with[..]) {
        ([a, b], []) => (std::slice::from_ref(a), std::slice::from_ref(b)),
        (_, []) => {
            let sentence = match args.runs.len() {
                1 => "name two runs, or folders of runs: pagewise compare A B",
                _ => "say which runs are of side B: pagewise compare A1 A2 --with B1 B2",
            };
            return Err(UsageError(sentence.to_owned()).into());
        }
        (a, b) => (a, b),
    };
    let (a, b) = (Side::load("A", first)?, Side::load("B", second)?);
    side::distinct([&a, &b])?;
    Ok((a, b))
}

fn chosen(args: &CompareArgs, study: &Study, method: &str) -> bool {
    args.filters.iter().all(|(key, value)| select::has(&study.area, &study.scenario, key, value))
        && (args.methods.is_empty() || args.methods.iter().any(|pattern| pattern.matches(method)))
}

fn named(run: &Run) -> Named {
    Named {
        id: run.id.clone(),
        started: run.started.clone(),
        version: run.pagewise.version.clone(),
        commit: run.pagewise.commit.clone(),
    }
}

/// What a reader should know before the table.
fn warnings(a: &Side, b: &Side, table: &Table) -> Vec<String> {
    let mut warnings = Vec::new();
    for side in [a, b] {
        let unfinished = side.runs.iter().filter(|run| run.finished.is_none()).count();
        if unfinished > 0 {
            warnings.push(format!(
                "{unfinished} of {} runs of side {} did not finish: `pagewise run --resume` does what is missing",
                side.runs.len(),
                side.name
            ));
        }
    }
    let fewest = table.rows.iter().map(|row| row.a.values.len().min(row.b.values.len())).filter(|runs| *runs > 0).min();
    if let Some(sentence) = fewest.and_then(|runs| too_few(runs, table)) {
        warnings.push(sentence);
    }
    let tainted: usize = table.rows.iter().filter(|row| row.a.tainted + row.b.tainted > 0).count();
    if tainted > 0 {
        warnings.push(format!(
            "{tainted} methods stand in studies whose null control was off in some runs: trust their figures less"
        ));
    }
    warnings
}

fn too_few(runs: usize, table: &Table) -> Option<String> {
    let confidence = 100.0 * table.confidence;
    let alone = crate::stats::fewest_a_side(table.confidence);
    match table.runs_needed {
        Some(needed) if runs >= needed => None,
        Some(needed) => Some(format!(
            "too few runs for a verdict: {runs} a side, {needed} needed for {} comparisons at {confidence} % together{}",
            table.comparisons,
            alone.filter(|alone| *alone < needed).map_or_else(String::new, |alone| format!(
                "; {alone} would do for one: narrow them down with --where and --method"
            ))
        )),
        None => Some(format!("no number of runs can decide {} comparisons at {confidence} %", table.comparisons)),
    }
}
