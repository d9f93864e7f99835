//! How long does a task wait that shares its thread with one that reads a cold file?

use super::grid::{self, Look};
use super::units;
use crate::results::model::Stalls;

/// The heading of all that is said of it.
pub const TITLE: &str = "What a task feels that shares its thread with a reader";

/// The columns of its table.
pub const HEADS: [&str; 6] = ["read by", "reads/s", "wait p50", "p99", "p99.9", "max"];

/// What was watched, in sentences.
pub fn intro(seen: &[Stalls]) -> Vec<String> {
    let mut said = vec![
        "One thread takes turns, as an async runtime's does: a step of a random read of a cold file, then a little work of another task. \
         The waits are that task's, from the end of one turn to the next. When an eighth of the file is cached, which a plain mapping's readahead soon has done, it is \
         evicted and the reading goes on, so that waits can be held against one another. A percentile of fewer than ten waits is not given."
            .to_owned(),
    ];
    let of = |method: &str| seen.iter().find(|seen| seen.method == method && seen.reason.is_none());
    if let (Some(mapped), Some(ring)) = (of("mmap+MADV_RANDOM"), of("io_uring x1")) {
        said.push(format!(
            "A fault stops all tasks of the thread: of the waits beside `mmap+MADV_RANDOM` half took {} or more, beside `io_uring x1` half took {} or less.",
            units::time(mapped.p50_ns as f64),
            units::time(ring.p50_ns as f64)
        ));
    }
    said
}

/// A row a way of reading.
pub fn rows(seen: &[Stalls]) -> Vec<Vec<String>> {
    seen.iter().map(row).collect()
}

fn row(seen: &Stalls) -> Vec<String> {
    let mut cells = vec![format!("`{}`", seen.method)];
    match &seen.reason {
        Some(reason) => {
            cells.push(reason.clone());
            cells.resize(HEADS.len(), String::new());
        }
        None => {
            cells.push(units::grouped(units::round(seen.reads_per_second, 3)));
            let known = |ns: u64, part: f64| {
                let beyond = seen.turns as f64 * (1.0 - part);
                if beyond.round() >= 10.0 { units::time(ns as f64) } else { units::NONE.to_owned() }
            };
            cells.extend([known(seen.p50_ns, 0.5), known(seen.p99_ns, 0.99), known(seen.p999_ns, 0.999)]);
            cells.push(units::time(seen.max_ns as f64));
        }
    }
    cells
}

/// Heading, sentences and table, for a terminal or as Markdown.
pub fn text(seen: &[Stalls], look: Look) -> String {
    grid::section(TITLE, &intro(seen), &HEADS, rows(seen), look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_way_and_the_difference_in_a_sentence() {
        let stalls = |method: &str, p50_ns| Stalls {
            method: method.to_owned(),
            reads_per_second: 12_345.0,
            turns: 2_000,
            p50_ns,
            ..Stalls::default()
        };
        let refused = Stalls { reason: Some("EPERM".to_owned()), ..stalls("preadv2", 0) };
        let seen = [stalls("mmap+MADV_RANDOM", 66_000), stalls("io_uring x1", 300), refused];
        assert!(
            intro(&seen)[1].contains("half took 66.0 µs or more")
                && intro(&seen)[1].contains("half took 300 ns or less")
        );
        assert_eq!(rows(&seen)[0][..3], ["`mmap+MADV_RANDOM`", "12,300", "66.0 µs"]);
        assert_eq!(rows(&seen)[0][3..5], ["0 ns", "–"], "two waits are beyond the third");
        assert_eq!(rows(&seen)[2][1], "EPERM");
        assert_eq!(intro(&seen[..1]).len(), 1);
    }
}
