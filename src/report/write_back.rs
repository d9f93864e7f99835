//! When did edits that nobody synced reach the device, and what does that say of MS_ASYNC?

use super::grid::{self, Look};
use super::units;
use crate::results::model::{Watched, WriteBack};

/// The columns of its table.
pub const HEADS: [&str; 6] = ["edited by", "edits", "clean after", "median", "at most", "still dirty"];

/// What was watched, in sentences.
pub fn intro(seen: &WriteBack) -> Vec<String> {
    let time = |ns: Option<u64>| ns.map_or_else(|| "unknown".to_owned(), |ns| units::time(ns as f64));
    let mut said = vec![format!(
        "From an edit that nobody synced until its page was clean, by cachestat(2) every {}. The kernel writes what has been dirty for {} \
         (vm.dirty_expire_centisecs) when it next looks, every {} (vm.dirty_writeback_centisecs).",
        units::time(seen.poll_ns as f64),
        time(seen.expire_ns),
        time(seen.wakeup_ns)
    )];
    match &seen.reason {
        Some(reason) => said.push(format!("Not watched: {reason}.")),
        None => said.extend(verdict(seen)),
    }
    said
}

/// A row a way of editing.
pub fn rows(seen: &WriteBack) -> Vec<Vec<String>> {
    seen.methods.iter().map(row).collect()
}

fn row(watched: &Watched) -> Vec<String> {
    let clean = clean(watched);
    let time = |ns: Option<&u64>| ns.map_or_else(|| units::NONE.to_owned(), |ns| units::time(*ns as f64));
    let edits = watched.clean_after_ns.len();
    vec![
        format!("`{}`", watched.method),
        edits.to_string(),
        time(clean.first()),
        time(clean.get(clean.len() / 2)),
        time(clean.last()),
        (edits - clean.len()).to_string(),
    ]
}

/// The times of the edits whose pages became clean, rising.
fn clean(watched: &Watched) -> Vec<u64> {
    let mut times: Vec<u64> = watched.clean_after_ns.iter().filter_map(|time| *time).collect();
    times.sort_unstable();
    times
}

/// What the times say of MS_ASYNC: a description of edits made at the same moments.
fn verdict(seen: &WriteBack) -> Option<String> {
    let range = |name: &str| {
        let clean = clean(seen.methods.iter().find(|watched| watched.method == name)?);
        Some((*clean.first()?, *clean.last()?))
    };
    let (nothing, asynchronous) = (range("mmap")?, range("mmap+msync(MS_ASYNC)")?);
    let words = |(first, last): (u64, u64)| units::time_interval(first as f64, last as f64);
    let then = if asynchronous.1 < nothing.0 {
        "Sooner: this kernel starts write-out at MS_ASYNC, as Linux has not since 2.6.19."
    } else {
        "No sooner: MS_ASYNC starts nothing (mm/msync.c)."
    };
    let (asynchronous, nothing) = (words(asynchronous), words(nothing));
    Some(format!(
        "After `msync(MS_ASYNC)` pages were clean within {asynchronous}, after a store alone within {nothing}. {then}"
    ))
}

/// The heading of all that is said of it.
pub const TITLE: &str = "When unsynced edits reach the device";

/// Heading, sentences and table, for a terminal or as Markdown.
pub fn text(seen: &WriteBack, look: Look) -> String {
    grid::section(TITLE, &intro(seen), &HEADS, rows(seen), look)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(asynchronous: &[u64]) -> WriteBack {
        let watched = |method: &str, seconds: &[u64]| Watched {
            method: method.to_owned(),
            about: String::new(),
            clean_after_ns: seconds.iter().map(|s| Some(s * 1_000_000_000)).chain([None]).collect(),
        };
        WriteBack {
            expire_ns: Some(30_000_000_000),
            wakeup_ns: Some(5_000_000_000),
            watched_ns: 50_000_000_000,
            poll_ns: 20_000_000,
            reason: None,
            methods: vec![watched("mmap", &[33, 30, 34]), watched("mmap+msync(MS_ASYNC)", asynchronous)],
        }
    }

    #[test]
    fn times_are_told_with_what_never_became_clean() {
        let text = text(&seen(&[31, 34, 30]), Look::Terminal);
        assert!(text.contains("every 5.00 s (vm.dirty_writeback_centisecs)"), "{text}");
        assert!(text.contains("MS_ASYNC starts nothing"), "{text}");
        let row: Vec<&str> =
            text.lines().find(|line| line.trim_start().starts_with("mmap ")).unwrap().split_whitespace().collect();
        assert_eq!(row, ["mmap", "4", "30.0", "s", "33.0", "s", "34.0", "s", "1"]);
    }

    #[test]
    fn a_kernel_on_which_it_does_something_is_not_told_that_it_does_not() {
        assert!(intro(&seen(&[1, 2]))[1].contains("Sooner: this kernel starts write-out"));
    }

    #[test]
    fn what_could_not_be_watched_is_a_reason() {
        let none = WriteBack { reason: Some("no device".to_owned()), methods: Vec::new(), ..seen(&[]) };
        assert!(text(&none, Look::Markdown).ends_with("Not watched: no device.\n\n"));
    }
}
