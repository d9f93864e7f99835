//! A machine that is not steady: another /proc and /sys laid over the real ones, where nobody else sees them.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use pagewise::results::model::{Run, Status};

use super::support::{folder, only, outcome, outcome_while, rows, run_in, tells};

/// `pagewise` where each of `laid` (a file or folder, and what is laid over it) is so. `None` where a test may not do this, said visibly.
fn pagewise_with(laid: &[(&Path, &Path)], words: &[String]) -> Option<Command> {
    let mounts: String =
        laid.iter().map(|(over, by)| format!("mount --bind '{}' '{}' && ", by.display(), over.display())).collect();
    let command = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_pagewise")]);
        command
    };
    if !command(&format!("{mounts} true")).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: laying files over /proc and /sys takes root, and a mount namespace");
        return None;
    }
    let mut command = command(&format!("{mounts} exec \"$0\" \"$@\""));
    command.args(words);
    Some(command)
}

/// That no row has a figure, and what `words` names is why.
#[track_caller]
fn assert_all_failed(run: &Run, words: &str) {
    let cases = &only(run).cases;
    let failed = cases.iter().all(|case| case.status == Status::Failed && case.ns_per_op.is_none());
    assert!(failed && cases.iter().any(|case| tells(case, &[words])), "{words}: {:#?}", rows(only(run)));
}

const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

#[test]
fn under_a_clock_that_enters_the_kernel_no_row_has_a_figure_and_a_warning_says_what_to_do() {
    let dir = folder();
    let clock = dir.path().join("clock");
    fs::write(&clock, "hpet\n").unwrap();
    let words = run_in(dir.path(), "private_cow --quick --budget 2s");
    let Some(command) = pagewise_with(&[(Path::new(CLOCK), &clock)], &words) else { return };
    let (run, _) = outcome(command);
    assert_all_failed(&run, "the clock source is not one that a program reads by itself");
    let warning = run.warnings.iter().find(|warning| warning.code == "clock_source").expect("a warning");
    assert!(warning.text.contains("hpet") && !warning.fix.is_empty(), "{warning:?}");
}

/// A study whose rounds last well over the ten ticks that these gates need: whole files into new memory.
const LONG_ROUNDS: &str =
    "page_touch --where state=warm,pattern=sequential,use=touch,history=write-1M --method std::fs::read --budget 2s";

#[test]
fn rounds_from_which_the_host_took_time_away_do_not_count() {
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
    assert_all_failed(&run, "the host took the processor away within a round");
    assert!(run.warnings.iter().any(|warning| warning.code == "stolen_time"), "{:?}", run.warnings);
}

#[test]
fn rounds_in_which_the_frequency_moved_do_not_count() {
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
    // Up by a fifth and more in each round, however long the run.
    let khz = |turn: u64| (1e6 * 1.002_f64.powf(turn as f64)) as u64;
    let mut turns = 0..;
    let run = outcome_while(command, || {
        let now = format!("{:020}\n", khz(turns.next().unwrap_or_default()));
        files.iter().for_each(|file| file.write_all_at(now.as_bytes(), 0).unwrap());
        thread::sleep(Duration::from_millis(2));
    });
    assert_all_failed(&run, "the processor's frequency moved within a round");
}
