//! Whether lines that are made up are told as what they show.

use super::*;
use crate::report::sample::time_line as line;
use crate::results::model::TimeLine;

const LIMIT: u64 = 1 << 20;

fn seen() -> BeyondMemory {
    let lines = vec![
        line("random", "pread", 8 << 20, &[900.0, 900.0, 1000.0, 1000.0]),
        line("random", "mmap", 8 << 20, &[5000.0, 4000.0, 100.0, 300.0]),
        TimeLine { turn: 7, ..line("random", "mmap", 8 << 20, &[5000.0, 4000.0, 400.0, 400.0]) },
        line("random", "mmap+MADV_RANDOM", 8 << 20, &[900.0, 900.0, 500.0, 500.0]),
        TimeLine { reason: Some("killed".to_owned()), ..line("random", "O_DIRECT", 8 << 20, &[]) },
        line("sequential", "pread 256K", 8 << 20, &[1000.0; 4]),
        line("sequential", "mmap", 8 << 20, &[250.0; 4]),
        line("sequential", "mmap", 512 << 10, &[9000.0; 4]),
    ];
    BeyondMemory { limit_bytes: Some(LIMIT), readers: 16, reason: None, lines }
}

#[test]
fn the_second_half_is_held_against_the_time_until_the_cache_was_full() {
    let random = &sections(&seen(), 4096)[0];
    let rows = &random.rows;
    assert_eq!(
        rows[1],
        [
            "`mmap`",
            "8.0 MiB",
            "4,500",
            "1.0 s",
            "300 (200, 400)",
            "1",
            "100–400",
            "2",
            "12",
            "5 of 10",
            "300",
            "75 %",
            "1.0 MiB, –"
        ]
    );
    assert_eq!(rows[3][2], "killed");
    assert_eq!(rows.len(), 4);
}

#[test]
fn the_largest_file_says_of_each_order_by_how_much_the_mapping_fell_behind() {
    let sections = sections(&seen(), 4096);
    let [random, sequential] = &sections[..] else { panic!("{}", sections.len()) };
    let said = random.intro.join(" ");
    assert!(said.contains("16 threads of a process whose memory"), "{said}");
    assert!(
        said.contains("8 times the limit, at random, `pread` read 900 pages a second until the cache was full"),
        "{said}"
    );
    assert!(
        said.contains("`mmap+MADV_RANDOM` 100 % at first and 50 % later, with 300 TLB shootdowns a second"),
        "{said}"
    );
    let said = sequential.intro.join(" ");
    assert!(said.contains("`mmap` 25 % at first and 25 % later"), "{said}");
    assert_eq!(sequential.rows[0][1..5], ["512 KiB", "–", "–", "9,000"], "the smallest first, and never full");
    let text = text(&seen(), 4096, Look::Terminal);
    assert!(text.contains("read at random") && text.contains("from end to end"), "{text}");
}

#[test]
fn what_could_not_be_limited_is_a_reason_that_is_said_once() {
    let none =
        BeyondMemory { limit_bytes: None, reason: Some("no controller".to_owned()), lines: Vec::new(), ..seen() };
    let sections = sections(&none, 4096);
    assert_eq!(sections.len(), 1);
    assert_eq!(sections[0].intro, ["Nothing was watched: no controller."]);
}

#[test]
fn lines_of_the_first_runs_are_read() {
    let mut run = serde_json::to_value(seen()).unwrap();
    for line in run["lines"].as_array_mut().unwrap() {
        let line = line.as_object_mut().unwrap();
        for name in ["pattern", "readers", "turn", "device_read_bytes_per_second", "reclaimed_per_second"] {
            line.remove(name);
        }
    }
    let first: BeyondMemory = serde_json::from_value(run).unwrap();
    let sections = sections(&first, 4096);
    assert_eq!(sections.len(), 1, "all at random");
    assert!(sections[0].intro[0].starts_with("16 threads"));
    assert_eq!(sections[0].rows[0][7], "–");
    let again: BeyondMemory = serde_json::from_str(&serde_json::to_string(&seen()).unwrap()).unwrap();
    assert_eq!(again, seen());
}
