//! How a benchmark takes its turn among the measurements on this machine: `--wait TIME` and
//! `--shared`, as `pagewise run` has them.

use pagewise::cli::alone::AloneArgs;

use super::words::Words;

/// What the command line asks for. Ends the program with a usage error where that is not possible.
pub fn asked(words: &Words, program: &str) -> AloneArgs {
    let wait = words.value(&["--wait"]);
    // Without a time, which is as wrong as no time at all.
    let wait = wait.or(words.has("--wait").then_some(""));
    AloneArgs::of_words(words.has("--shared"), wait).unwrap_or_else(|error| {
        eprintln!("{program}: {error}");
        std::process::exit(2)
    })
}
