//! `family`: who speaks when, and what one does when the other dies.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Beside;

/// The process id in a line of `family`: `parent 12: …`, `child 13: …`.
fn pid(line: &str) -> Pid {
    let number = line.split([' ', ':']).nth(1).unwrap();
    Pid::from_raw(number.parse().unwrap())
}

#[test]
fn family_speaks_in_turn_from_two_processes() {
    let family = Beside::start("family", &["--rounds", "200"]);
    let (mut parent, mut child) = (None, None);
    for asked in 1..=200 {
        let (question, answer) = (family.line(), family.line());
        parent = parent.or_else(|| Some(pid(&question)));
        child = child.or_else(|| Some(pid(&answer)));
        assert_eq!(question, format!("parent {}: twice {asked}?", parent.unwrap()));
        assert_eq!(answer, format!("child {}: {}", child.unwrap(), 2 * asked));
    }
    let (parent, child) = (parent.unwrap(), child.unwrap());
    assert_ne!(parent, child);
    assert_eq!(family.line(), format!("parent {parent}: child {child} exited with 0"));
    assert_eq!(family.end(), (Some(0), String::new()));
}

#[test]
fn family_wakes_across_processes() {
    const ROUNDS: usize = 2000;
    // Who is not woken sleeps on for 10 ms, on the fastest machine too. A round has two wakes: if they are lost, no round
    // is shorter. Load makes rounds longer, but not all of them: it would have to keep 99 of 100 from ending in time.
    let nap = Duration::from_millis(10);
    let family = Beside::start("family", &["--rounds", &ROUNDS.to_string()]);
    let mut begin = Instant::now();
    let mut woken = 0;
    for _ in 0..ROUNDS {
        let _question_and_answer = (family.line(), family.line());
        woken += usize::from(begin.elapsed() < nap);
        begin = Instant::now();
    }
    assert!(woken >= ROUNDS / 100, "{woken} of {ROUNDS} rounds were shorter than a nap");
}

#[test]
fn family_notices_that_the_child_was_killed() {
    let family = Beside::start("family", &["--rounds", "1000000"]);
    family.line();
    let child = pid(&family.line());
    kill(child, Signal::SIGKILL).unwrap();
    let (code, said) = family.end();
    assert_eq!(code, Some(1));
    assert!(said.ends_with(&format!("child {child} was killed by SIGKILL\n")), "{said}");
}

#[test]
fn family_leaves_no_child_behind_when_the_parent_is_killed() {
    let mut family = Beside::start("family", &["--rounds", "1000000"]);
    family.line();
    let child = pid(&family.line());
    // It can do nothing now, so that only the parent's death can end it.
    kill(child, Signal::SIGSTOP).unwrap();
    family.child.kill().unwrap();
    let gone = family.falls_silent();
    if !gone {
        let _ = kill(child, Signal::SIGKILL);
    }
    assert!(gone, "the child still holds the output open");
    assert_eq!(family.end(), (None, String::new()));
}
