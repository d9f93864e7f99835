//! `limits`: the signal of each touch, and the file left alone.

use std::fs::{self, OpenOptions};
use std::path::Path;

use crate::support::{content, file, folders, page_size, run};

/// What `limits` says of each touch: `(verb, offset, outcome)`.
fn touches(path: &Path) -> Vec<(String, usize, String)> {
    let output = run("limits", path).assert().success().stderr("").get_output().stdout.clone();
    let touch = |line: &str| {
        let (verb, rest) = line.trim_start().split_once(' ').unwrap();
        let (offset, rest) = rest.trim_start().split_once("  ").unwrap();
        (verb.to_owned(), offset.parse().unwrap(), rest[32..].trim().to_owned())
    };
    String::from_utf8(output).unwrap().lines().skip(1).map(touch).collect()
}

#[test]
fn limits_names_the_signal_of_each_touch_and_leaves_the_file_alone() {
    let page = page_size();
    for folder in folders() {
        for len in [0, 1, 20, page - 1, page, page + 1, page + 904] {
            let before = content(len);
            let path = file(&folder, &before);
            let next = len.next_multiple_of(page);
            let touch = |verb: &str, offset: usize, seen: &str| (verb.to_owned(), offset, seen.to_owned());
            let mut expected = Vec::new();
            if len > 0 {
                expected.push(touch("load", 0, &format!("is {}", before[0])));
                expected.push(touch("load", len - 1, &format!("is {}", before[len - 1])));
            }
            if len < next {
                expected.push(touch("load", len, "is 0"));
                expected.push(touch("load", next - 1, "is 0"));
                expected.push(touch("store", next - 1, "stored: now 9 in our copy"));
            }
            expected.push(touch("load", next, "SIGBUS"));
            expected.push(touch("store", next, "SIGBUS"));
            expected.push(touch("load", next + page, "SIGSEGV"));
            assert_eq!(touches(&path), expected, "a file of {len} bytes");
            assert_eq!(fs::read(&path).unwrap(), before);
            // Nor is anything left behind its end, to show when it grows (as tmpfs would).
            OpenOptions::new().write(true).open(&path).unwrap().set_len(next as u64).unwrap();
            assert!(fs::read(&path).unwrap()[len..].iter().all(|byte| *byte == 0));
        }
    }
}
