//! `pagewise check`: do the rules of mapping hold on this filesystem?

mod show;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::{Args, ValueEnum};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;

use crate::proof::{self, CheckError, Filesystem, Outcome, Verdict};

/// What `check` is told.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The folder whose filesystem is checked; files are made in a folder of their own there, and removed
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// How the outcomes are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// How outcomes are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table to read
    #[default]
    Table,
    /// One JSON object
    Json,
}

/// Tries every claim, prints the outcomes, and gives exit code 0, or 1 if a claim fails.
///
/// On Ctrl-C, SIGTERM or SIGHUP it ends after the claim at hand, with nothing left behind, by that signal; the second one ends it at once, and
/// what it leaves is removed by the next check.
///
/// # Errors
/// Where no claim can be tried: [`CheckError`].
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let signals = watch()?;
    let outcomes = proof::check_until(&args.dir, || arrived(&signals).is_some());
    let outcomes = match (outcomes, arrived(&signals)) {
        (Err(CheckError::Stopped), Some(signal)) => {
            emulate_default_handler(signal)?;
            return Ok(ExitCode::FAILURE);
        }
        (outcomes, _) => outcomes?,
    };
    let place = show::Place {
        dir: args.dir.canonicalize().unwrap_or_else(|_| args.dir.clone()),
        filesystem: Filesystem::of(&args.dir)?,
        kernel: kernel(),
    };
    let text = match args.format {
        Format::Table => show::table(&outcomes, &place, colours()),
        Format::Json => show::json(&outcomes, &place)?,
    };
    super::print(&text)?;
    Ok(if any_fails(&outcomes) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether the check as a whole failed: one claim is enough.
fn any_fails(outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(|outcome| outcome.verdict == Verdict::Fails)
}

/// The signals that ask us to stop, each with whether it came.
type Signals = Vec<(i32, Arc<AtomicBool>)>;

/// Has the first of each of these signals noted and the second end the process. A flag, not a thread: the check forks.
fn watch() -> anyhow::Result<Signals> {
    let mut signals = Signals::new();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let came = Arc::new(AtomicBool::new(false));
        flag::register_conditional_default(signal, Arc::clone(&came))
            .and_then(|_| flag::register(signal, Arc::clone(&came)))
            .with_context(|| format!("cannot watch for signal {signal}"))?;
        signals.push((signal, came));
    }
    Ok(signals)
}

fn arrived(signals: &Signals) -> Option<i32> {
    signals.iter().find(|(_, came)| came.load(Ordering::SeqCst)).map(|(signal, _)| *signal)
}

/// `Linux 6.18.44`, by uname(2).
fn kernel() -> String {
    nix::sys::utsname::uname().map_or_else(
        |errno| format!("a kernel that does not say its release ({errno})"),
        |name| format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy()),
    )
}

/// Whether to colour: on a terminal, unless NO_COLOR is set and not empty (no-color.org).
fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Topic;

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome {
            id: "water-is-wet".to_owned(),
            topic: Topic::Limits,
            claim: "Water is wet.".to_owned(),
            expected: "wet".to_owned(),
            seen: (verdict != Verdict::Skipped).then(|| "dry".to_owned()),
            verdict,
            reason: (verdict == Verdict::Skipped).then(|| "no water here".to_owned()),
            source: "water(7)".to_owned(),
        }
    }

    fn place() -> show::Place {
        let filesystem = Filesystem { name: "ext4".to_owned(), kind: proof::Kind::Disk, beneath: None };
        show::Place { dir: PathBuf::from("/here"), filesystem, kernel: "Linux 6.18".to_owned() }
    }

    #[test]
    fn one_claim_that_fails_fails_the_check_and_a_skipped_one_does_not() {
        assert!(any_fails(&[outcome(Verdict::Holds), outcome(Verdict::Fails)]));
        assert!(!any_fails(&[outcome(Verdict::Holds), outcome(Verdict::Skipped)]));
    }

    #[test]
    fn what_failed_is_named_with_its_source_and_what_was_skipped_with_its_reason() {
        let outcomes = [outcome(Verdict::Holds), outcome(Verdict::Fails), outcome(Verdict::Skipped)];
        let text = show::table(&outcomes, &place(), false);
        assert!(text.contains("fails: water-is-wet\n  expected: wet\n  seen: dry\n  source: water(7)\n"), "{text}");
        assert!(text.contains("skipped: no water here\n  water-is-wet\n"), "{text}");
        assert!(text.ends_with("1 hold, 1 fail, 1 skipped on ext4 (/here), Linux 6.18\n"), "{text}");
    }

    #[test]
    fn colours_wrap_the_verdict_alone_and_are_left_out_when_not_wanted() {
        let outcomes = [outcome(Verdict::Fails)];
        let plain = show::table(&outcomes, &place(), false);
        let coloured = show::table(&outcomes, &place(), true);
        assert!(!plain.contains('\u{1b}'));
        assert!(coloured.contains("\u{1b}[1;31mfails\u{1b}[0m"), "{coloured}");
        assert_eq!(coloured.replace("\u{1b}[1;31m", "").replace("\u{1b}[0m", ""), plain);
    }
}
