//! A machine that is not steady: another /proc and /sys laid over the real ones, where nobody else sees them.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use pagewise::results::model::{Disturbed, Run, Status};

use crate::skips::{Lack, skip};
use crate::support::{folder, only, outcome, outcome_while, rows, run_in};

/// `pagewise` where each of `laid` (a file or folder, and what is laid over it) is so. `None` where a test may not do this, said visibly.
#[track_caller]
fn pagewise_with(laid: &[(&Path, &Path)], words: &[String]) -> Option<Command> {
    let mounts: String =
        laid.iter().map(|(over, by)| format!("mount --bind '{}' '{}' && ", by.display(), over.display())).collect();
    let command = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_pagewise")]);
        command
    };
    if !command(&format!("{mounts} true")).output().is_ok_and(|output| output.status.success()) {
        skip(Lack::MountNamespace, "files cannot be laid over /proc and /sys");
        return None;
    }
    let mut command = command(&format!("{mounts} exec \"$0\" \"$@\""));
    command.args(words);
    Some(command)
}

/// That every row has its figures, and that `kind` was counted in some of its batches.
#[track_caller]
fn assert_counted(run: &Run, kind: Disturbed) {
    for case in &only(run).cases {
        assert!(case.status == Status::Ok && case.ns_per_op.is_some(), "{:#?}", rows(only(run)));
        let counted = case.batches.disturbed.iter().filter(|batch| batch.any_of(kind)).count();
        assert!(counted > 0 && case.batches.dropped.iter().all(|dropped| !dropped), "{:?}", case.batches);
    }
}

const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

#[test]
fn under_a_clock_that_enters_the_kernel_ratios_stand_latencies_do_not_and_a_warning_says_what_to_do() {
    let dir = folder();
    let clock = dir.path().join("clock");
    fs::write(&clock, "hpet\n").unwrap();
    let words = run_in(dir.path(), "private_cow --quick --budget 2s");
    let Some(command) = pagewise_with(&[(Path::new(CLOCK), &clock)], &words) else { return };
    let (run, _) = outcome(command);
    for case in &only(&run).cases {
        assert!(case.status == Status::Ok && case.ns_per_op.is_some(), "{:#?}", rows(only(&run)));
        assert_eq!(case.ratio.is_some(), case.method != only(&run).baseline);
        assert!(case.latency.is_none() && case.latency_reason.as_ref().is_some_and(|why| why.contains("hpet")));
    }
    let warning = run.warnings.iter().find(|warning| warning.code == "clock_source").expect("a warning");
    assert!(warning.text.contains("hpet") && !warning.fix.is_empty(), "{warning:?}");
}

/// A study whose rounds are long, so that what changes all the time changes within each: whole files into new memory.
const LONG_ROUNDS: &str =
    "page_touch --where state=warm,pattern=sequential,use=touch,history=write-1M --method std::fs::read --budget 5s";

#[test]
fn cpu_steal_is_counted_and_its_rounds_count_like_any_other() {
    let dir = folder();
    let stat = dir.path().join("stat");
    // Of one width, so that a reader never meets half of the old and half of the new.
    let text = |ticks: u64| {
        let line = |name: String| format!("{name} 10 20 30 40 50 60 70 {ticks:012} 0 0\n");
        let each: String = (0..1024).map(|cpu| line(format!("cpu{cpu}"))).collect();
        format!(
            "{}{each}intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n",
            line("cpu ".to_owned())
        )
    };
    fs::write(&stat, text(0)).unwrap();
    let Some(command) = pagewise_with(&[(Path::new("/proc/stat"), &stat)], &run_in(dir.path(), LONG_ROUNDS)) else {
        return;
    };
    let file = fs::OpenOptions::new().write(true).open(&stat).unwrap();
    let mut turns = 0..;
    let run = outcome_while(command, || {
        file.write_all_at(text(turns.next().unwrap_or_default()).as_bytes(), 0).unwrap();
        thread::sleep(Duration::from_millis(2));
    });
    assert_counted(&run, Disturbed::STEAL);
    assert!(run.warnings.iter().any(|warning| warning.code == "stolen_time"), "{:?}", run.warnings);
}

#[test]
fn a_frequency_that_moves_is_counted_and_its_rounds_count_like_any_other() {
    let dir = folder();
    let over = Path::new("/sys/devices/system/cpu");
    let cpus = dir.path().join("cpu");
    let speed = |cpu: usize| -> PathBuf { cpus.join(format!("cpu{cpu}/cpufreq/scaling_cur_freq")) };
    for cpu in 0..1024 {
        fs::create_dir_all(speed(cpu).parent().unwrap()).unwrap();
        fs::write(speed(cpu), format!("{:020}\n", 1_000_000)).unwrap();
    }
    let Some(command) = pagewise_with(&[(over, &cpus)], &run_in(dir.path(), LONG_ROUNDS)) else { return };
    let count = thread::available_parallelism().map_or(1, usize::from);
    let files: Vec<_> = (0..count).map(|cpu| fs::OpenOptions::new().write(true).open(speed(cpu)).unwrap()).collect();
    // Anywhere in 12 powers of ten, by the golden ratio. A round counts unless it begins and ends
    // within a tenth of each other, a chance of 2 log10(1.1) / 12, or 0.7 %. On a loaded machine
    // too the run takes three rounds: that none counts has a chance of less than one in 10^6.
    let khz = |turn: u64| 10_f64.powf(3.0 + 12.0 * (turn as f64 * 0.618_033_988_749_895).fract()) as u64;
    let mut turns = 0..;
    let run = outcome_while(command, || {
        let now = format!("{:020}\n", khz(turns.next().unwrap_or_default()));
        files.iter().for_each(|file| file.write_all_at(now.as_bytes(), 0).unwrap());
        thread::sleep(Duration::from_millis(2));
    });
    assert_counted(&run, Disturbed::FREQUENCY);
}
