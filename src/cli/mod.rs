//! What a user types: one file a command.

mod advise;
mod advise_read;
pub mod alone;
mod beyond;
mod calibrate;
mod check;
mod compare;
mod filter;
mod list;
mod measuring;
mod progress;
mod reader;
mod report;
mod resume;
mod run;
mod select;
mod site_worker;
mod stalls;
mod worker;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::os::process;
use crate::results::text::printable_lines;

/// mmap or read/write, and how to sync? Measured, proven and compared on your own machine, kernel and filesystem.
#[derive(Debug, Parser)]
#[command(name = "pagewise", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed (a claim that fails among it), 2 usage, 3 a gate found a regression, 4 a gate could not decide. \
                  Colours respect NO_COLOR."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure, and leave a report
    Run(run::RunArgs),
    /// Show what would be measured: scenarios, their parameters, their methods
    List(list::ListArgs),
    /// Prove the claims about mapping that the measurements rest on, on this kernel and filesystem
    Check(check::CheckArgs),
    /// Try the instrument on this machine: how often are its verdicts right and wrong?
    Calibrate(calibrate::CalibrateArgs),
    /// What to do, for what you need: answered by a recorded run, or by measuring it now
    Advise(advise::AdviseArgs),
    /// Compare recorded runs, several a side
    Compare(compare::CompareArgs),
    /// Draw the report of a recorded run again
    Report(report::ReportArgs),
    /// Load all cores but one until standard input is closed: for measuring other harnesses beside a trial with --neighbour
    #[command(hide = true)]
    Neighbour,
    /// Read at random and tell how that goes, in a process of its own: started by `run --sweep memory` and `--sweep stalls`
    #[command(hide = true)]
    Reader {
        /// What is to be told.
        kind: String,
    },
    /// Prepare the files of a study in a child process: started by `run`
    #[command(hide = true)]
    SiteWorker,
    /// A part of a study, in a process of its own: started by `run`
    #[command(hide = true)]
    Worker,
}

/// A request that names what is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// The exit code of a usage error.
const USAGE: u8 = 2;
/// The exit code of a gate that found a regression.
const GATE_REGRESSED: u8 = 3;
/// The exit code of a gate that could not decide.
const GATE_UNDECIDED: u8 = 4;

/// Parses the command line, does what it says, and gives the exit code: 0 done, 1 failed, 2 usage, 3 and 4 of a gate.
pub fn main() -> ExitCode {
    process::ignore_sigxfsz();
    let outcome = match Cli::parse().command {
        Command::Advise(args) => advise::run(&args),
        Command::Run(args) => run::run(&args),
        Command::List(args) => list::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Neighbour => calibrate::neighbour(),
        Command::Reader { kind } => reader::serve(&kind),
        Command::SiteWorker => site_worker::serve(),
        Command::Worker => worker::run(),
    };
    outcome.unwrap_or_else(|error| {
        tell(&format!("{error:#}"));
        let usage = error.is::<UsageError>();
        ExitCode::from(if usage { USAGE } else { 1 })
    })
}

/// Says something on standard error. Where nobody can hear it (closed, or on a full disk), nothing
/// else changes.
fn tell(text: &str) {
    tell_as("pagewise", text);
}

/// The same of another program that has this library.
fn tell_as(program: &str, text: &str) {
    let _ = writeln!(io::stderr().lock(), "{program}: {}", printable_lines(text));
}

/// Prints `text`. A reader that went away (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
