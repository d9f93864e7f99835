//! `pagewise compare`: what differs between two sets of recorded runs?

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::UsageError;
use super::filter::FilterArgs;
use super::{tell, tell_as};
use crate::compare::{self, Compared, Of, Outcome, Question};
use crate::report::comparison;
use crate::report::table::Style;
use crate::results::{Found, runs_at};

const EXAMPLES: &str = "\
A path is a run's folder, its run.json, or a folder of runs, each of which counts. The run is the unit: a verdict takes several runs a side, five at 99 % \
for one comparison, and more for more of them.

Examples:
  pagewise compare old/ new/                           two folders of runs
  pagewise compare results/local/*-old --with results/local/*-new --where area=page_touch
  pagewise compare old/ new/ --method mmap --gate 5%   fail a build that made mmap slower by 5 %
  scripts/alternate ./pagewise-old ./pagewise-new      take such runs, in turns

Exit codes: 0 done, 1 failed, 2 usage; with --gate: 3 a regression is proven, 4 it cannot be decided, 0 neither.";

/// Which runs, and what is asked of them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "pagewise compare [OPTIONS] A B\n       pagewise compare [OPTIONS] A... --with B...")]
pub struct CompareArgs {
    /// Side A, then side B; with --with, all of side A
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Side B
    #[arg(long, value_name = "PATH", num_args = 1..)]
    with: Vec<PathBuf>,

    #[command(flatten)]
    filter: FilterArgs,

    /// What of a case is compared
    #[arg(long, value_enum, default_value_t)]
    of: OfArg,

    /// With which all verdicts hold together
    #[arg(long, value_name = "PART", default_value = "99%", value_parser = confidence)]
    confidence: f64,

    /// Fail with exit code 3 if a case is proven to be slower by more than this, such as 5%, and with 4 if that cannot be ruled out
    #[arg(long, value_name = "PART", value_parser = limit)]
    gate: Option<f64>,

    /// Compare runs of different machines, kernels or filesystems all the same; what differs becomes a warning
    #[arg(long)]
    across_machines: bool,

    /// How the comparison is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What of a case is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum OfArg {
    /// The time of an operation
    #[default]
    Time,
    /// Its ratio to the scenario's baseline in the same run: of what makes all methods of a run slow, it sees nothing
    Ratio,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables to read
    #[default]
    Table,
    /// One JSON object, `pagewise/compare/v1`
    Json,
    /// For a page or a pull request
    Markdown,
    /// A row a case
    Csv,
}

/// `5%` or `0.05`.
fn part(text: &str) -> Option<f64> {
    let part = match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse::<f64>().ok()? / 100.0,
        None => text.parse::<f64>().ok().filter(|part| *part < 1.0)?,
    };
    (part.is_finite() && part > 0.0).then_some(part)
}

fn limit(text: &str) -> Result<f64, String> {
    part(text).ok_or_else(|| match text.trim().parse::<f64>() {
        Ok(percent) if percent >= 1.0 => {
            format!("expected a part above 0, such as 5% or 0.05; did you mean {percent}%?")
        }
        _ => "expected a part above 0, such as 5% or 0.05".to_owned(),
    })
}

fn confidence(text: &str) -> Result<f64, String> {
    let fine = part(text).filter(|part| (0.5..1.0).contains(part));
    fine.ok_or_else(|| "expected a part from 50% to below 100%, such as 99% or 0.99".to_owned())
}

/// Compares, prints, and gives the gate's exit code.
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (a, b) = sides(args)?;
    let (mut a, mut b) = (found(a)?, found(b)?);
    narrow(&mut a, &mut b, &args.filter)?;
    let question = Question {
        of: match args.of {
            OfArg::Time => Of::Time,
            OfArg::Ratio => Of::Ratio,
        },
        confidence: args.confidence,
        gate: args.gate,
        across_machines: args.across_machines,
    };
    let compared = compare::compare(&a, &b, &question)?;
    super::print(&text(&compared, args.format)?)?;
    if matches!(args.format, Format::Csv) {
        compared.warnings.iter().for_each(|warning| tell_as("warning", &warning.text));
    }
    let Some(gate) = &compared.gate else { return Ok(ExitCode::SUCCESS) };
    if matches!(args.format, Format::Csv | Format::Json) {
        tell(&comparison::gate(&compared, gate));
    }
    Ok(match gate.outcome {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::Regression => ExitCode::from(super::GATE_REGRESSED),
        Outcome::Undecided => ExitCode::from(super::GATE_UNDECIDED),
    })
}

/// The paths of side A and of side B.
fn sides(args: &CompareArgs) -> Result<(&[PathBuf], &[PathBuf]), UsageError> {
    match (args.paths.as_slice(), args.with.as_slice()) {
        ([a, b], []) => Ok((std::slice::from_ref(a), std::slice::from_ref(b))),
        ([_], []) => Err(UsageError("one path, and nothing to compare it with: pagewise compare A B".to_owned())),
        (paths, []) => Err(UsageError(format!(
            "{} paths, and no word which are on side B: pagewise compare A... --with B...",
            paths.len()
        ))),
        (a, b) => Ok((a, b)),
    }
}

/// Every run that the paths name. The batches are let go: many runs with all of them are hundreds of megabytes, and the figures are enough.
fn found(paths: &[PathBuf]) -> anyhow::Result<Vec<Found>> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(runs_at(path)?);
    }
    for study in all.iter_mut().flat_map(|found| &mut found.run.studies) {
        study.cases.iter_mut().for_each(|case| case.batches = Default::default());
        study.null_control.iter_mut().for_each(|null| null.batches = Default::default());
    }
    Ok(all)
}

/// Leaves the scenarios and methods that are meant.
fn narrow(a: &mut [Found], b: &mut [Found], filter: &FilterArgs) -> Result<(), UsageError> {
    let runs = || a.iter().chain(b.iter()).map(|found| &found.run);
    let scenarios = runs().flat_map(|run| &run.studies).map(|study| &study.scenario).collect();
    let kept: BTreeSet<String> =
        filter.scenarios(scenarios, |scenario| scenario)?.into_iter().map(|scenario| scenario.id.clone()).collect();
    let mut known = BTreeSet::new();
    let mut matched = false;
    for found in a.iter_mut().chain(b) {
        found.run.studies.retain(|study| kept.contains(&study.scenario.id));
        for study in &mut found.run.studies {
            known.extend(study.cases.iter().map(|case| case.method.clone()));
            study.cases.retain(|case| filter.takes(&case.method));
            matched |= !study.cases.is_empty();
        }
        found.run.studies.retain(|study| !study.cases.is_empty());
    }
    if matched || filter.takes_all_methods() {
        return Ok(());
    }
    let known: Vec<String> = known.into_iter().collect();
    Err(filter.no_method(&format!("those of the scenarios that are left are {}", known.join(", "))))
}

fn text(compared: &Compared, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Table => comparison::table(compared, Style::of_stdout()),
        Format::Json => comparison::json(compared)?,
        Format::Markdown => comparison::markdown(compared),
        Format::Csv => comparison::csv(compared)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_per_cent_or_below_one() {
        for (text, expected) in [("5%", 0.05), ("0.05", 0.05), ("5 %", 0.05), ("150%", 1.5), ("0.5%", 0.005)] {
            assert_eq!(limit(text), Ok(expected), "{text}");
        }
        for text in ["0%", "-3%", "nan", "NaN%", "inf", "inf%", "5", "1", "", "%", "five", "0", "1e400%"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_confidence_is_at_least_a_half_and_never_certain() {
        assert_eq!(confidence("99%"), Ok(0.99));
        assert_eq!(confidence("0.999"), Ok(0.999));
        for text in ["100%", "1", "0.4", "49%", "-1", "nan"] {
            assert!(confidence(text).is_err(), "{text}");
        }
    }
}
