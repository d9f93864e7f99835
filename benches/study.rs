//! The suite's own instrument under `cargo bench`: four areas, four minutes, a report whose path is printed last.
//!
//! It takes Criterion's command line, so that `cargo bench -- …` works across all targets: a filter that names areas
//! measures those, `--list` prints them, and without `--bench` (`cargo test --benches`) it does one smoke round.

#[path = "front/alone.rs"]
mod alone;
#[path = "front/gone.rs"]
mod gone;
#[path = "front/words.rs"]
mod words;

use std::process::{Command, ExitCode};

use pagewise::areas;
use words::Words;

fn main() -> ExitCode {
    let words = Words::read();
    let names = areas::ALL.map(|area| area.name());
    if words.has("--help") || words.has("-h") {
        println!("study: `pagewise run` under cargo bench; filters that name areas choose among {}", names.join(", "));
        return ExitCode::SUCCESS;
    }
    if words.has("--list") {
        gone::end_quietly();
        names.iter().for_each(|name| println!("study/{name}: benchmark"));
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&str> = names.into_iter().filter(|name| meant(name, &words.filters)).collect();
    if chosen.is_empty() {
        println!("study: skipped, since {} names none of {}", words.filters.join(" "), names.join(", "));
        return ExitCode::SUCCESS;
    }
    let _ = alone::asked(&words, "study");
    run(&chosen, &words)
}

/// Whether a filter such as `page_touch`, `study` or `study/page_touch` means this area.
fn meant(name: &str, filters: &[String]) -> bool {
    let full = format!("study/{name}");
    filters.is_empty() || filters.iter().any(|filter| full.contains(filter.as_str()) || filter.starts_with(name))
}

fn run(areas: &[&str], words: &Words) -> ExitCode {
    let scratch = env!("CARGO_TARGET_TMPDIR");
    let mut pagewise = Command::new(env!("CARGO_BIN_EXE_pagewise"));
    pagewise.arg("run").args(areas).args(["--dir", scratch]);
    if words.measures() {
        pagewise.args(["--budget", "4m", "--out", "results/local", "--label", "bench"]);
        pagewise.args(words.has("--shared").then_some("--shared"));
        pagewise.args(words.value(&["--wait"]).iter().flat_map(|time| ["--wait", time]));
    } else {
        // A test waits for nobody.
        pagewise.args(["--quick", "--budget", "1s", "--out", scratch, "--label", "smoke", "--shared"]);
    }
    match pagewise.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", env!("CARGO_BIN_EXE_pagewise"));
            ExitCode::FAILURE
        }
    }
}
