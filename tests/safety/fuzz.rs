//! Damaged and hostile files, by a fixed seed: no panic, no endless work, nothing that a terminal
//! obeys.
//!
//! `PAGEWISE_FUZZ=N` tries N of each kind, from another seed each time it is another number
//! (scripts/fuzz).

use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pagewise::areas::page_touch::trace::Trace;
use pagewise::report;
use pagewise::results::store;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sample;
use super::support::folder;

/// Mutants of each kind in `cargo test`.
const FEW: u64 = 2000;
/// A page of a run is this many times as long as the run, at most, beside a page of nothing.
const GROWTH: usize = 20;
const EMPTY: usize = 1 << 20;

fn mutants() -> u64 {
    std::env::var("PAGEWISE_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(FEW)
}

/// Pieces that have broken readers of text before.
const PIECES: [&str; 24] = [
    "-1e308",
    "1e-300",
    "1e999",
    "-0",
    "18446744073709551616",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "\u{1b}[2J",
    "\u{202e}",
    "\0",
    "\u{9b}",
    "\\u0000",
    "\\ud800",
    "<script>",
    "../../etc/passwd",
    "\n",
    "9999999999999999999999",
    "NaN",
    "[[[[[[[[",
    "%s%n",
    "\u{feff}",
];

fn mutate(original: &[u8], lots: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..lots.random_range(1..5) {
        let at = lots.random_range(0..bytes.len().max(1)).min(bytes.len());
        let end = (at + lots.random_range(1..40)).min(bytes.len());
        let piece = PIECES[lots.random_range(0..PIECES.len())].bytes();
        match lots.random_range(0..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << lots.random_range(0..8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => bytes.truncate(at),
            4 => drop(bytes.splice(at..at, piece)),
            // A value in place of another: most mutants of JSON are not JSON otherwise.
            _ => {
                let value = bytes[at..].iter().position(|byte| *byte == b':').map(|colon| at + colon + 1);
                let Some(value) = value else { continue };
                let end =
                    bytes[value..].iter().position(|byte| b",}]\n".contains(byte)).map_or(value, |end| value + end);
                bytes.splice(value..end, piece);
            }
        }
    }
    bytes
}

/// Tries `count` mutants of `original`; a panic names the seed of the one that caused it.
fn try_each(original: &[u8], kind: &str, mut attempt: impl FnMut(&[u8])) {
    let count = mutants();
    for seed in 0..count {
        let mutant = mutate(original, &mut ChaCha8Rng::seed_from_u64(seed.wrapping_add(count << 32)));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| attempt(&mutant))) {
            eprintln!("{kind}, seed {seed} of {count}: {}", String::from_utf8_lossy(&mutant));
            std::panic::resume_unwind(panic);
        }
    }
}

#[track_caller]
fn assert_showable(text: &str) {
    let bad = text
        .chars()
        .find(|letter| letter.is_control() && *letter != '\n' || ('\u{202a}'..='\u{202e}').contains(letter));
    assert!(bad.is_none(), "{bad:?} in {text:.200}");
}

#[test]
fn mutants_of_a_run_are_refused_or_drawn() {
    let original = serde_json::to_vec(&sample::run()).unwrap();
    let dir = folder();
    let path = dir.path().join("run.json");
    let mut drawn = 0;
    try_each(&original, "run", |mutant| {
        fs::write(&path, mutant).unwrap();
        match store::load(&path) {
            Ok(run) => {
                let page = report::render(&run).unwrap();
                assert_showable(&page.html);
                assert!(page.html.len() <= EMPTY + GROWTH * mutant.len(), "{} of {}", page.html.len(), mutant.len());
                assert_showable(&report::table::markdown_tables(&run));
                drawn += 1;
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
    assert!(drawn > 0, "some mutants are still runs");
}

#[test]
fn mutants_of_a_trace_are_refused_or_read() {
    let mut iolog2 = "fio version 2 iolog\n/data add\n/data open\n".to_owned();
    let mut iolog3 = "fio version 3 iolog\n0 /data add\n0 /data open\n".to_owned();
    let mut strace = String::new();
    let mut csv = String::new();
    for index in 0..40 {
        let at = index * 12_288;
        writeln!(iolog2, "/data read {at} 4096").unwrap();
        writeln!(iolog3, "{index} /data read {at} 4096").unwrap();
        writeln!(strace, "17 pread64(3</data>, \"\"..., 4096, {at}) = 4096").unwrap();
        writeln!(csv, "{at},4096,r").unwrap();
    }
    let dir = folder();
    let path = dir.path().join("trace");
    for (kind, original) in [("iolog 2", iolog2), ("iolog 3", iolog3), ("strace", strace), ("csv", csv)] {
        let mut read = 0;
        try_each(original.as_bytes(), kind, |mutant| {
            fs::write(&path, mutant).unwrap();
            match Trace::load(&path) {
                Ok(trace) => read += usize::from(!trace.reads.is_empty()),
                Err(error) => assert_showable(&error.replace(&path.display().to_string(), "")),
            }
        });
        assert!(read > 0, "some mutants of {kind} are still traces");
    }
}
