//! What else happened on the machine while a round went on: counted, never a reason to reject it.
//!
//! Ratios are taken within rounds, between neighbours, with a null control, so a disturbed round counts
//! like any other. What was seen is recorded with each of its batches ([`Disturbed`]).
//!
//! | what | read from | counted if |
//! |---|---|---|
//! | CPU steal | `/proc/stat`, of the processors that its batches ended on | more than [`MOST_STOLEN`] of the round was stolen |
//! | frequency | `scaling_cur_freq` of the processor that the round began and ended on | it moved by more than [`MOST_MOVED`] |
//! | clock source | `current_clocksource` | the kernel changed it |
//! | NUMA balancing | `numa_hint_faults` in `/proc/vmstat`, where `kernel.numa_balancing` is on | it rose within a batch |
//!
//! Foreign traffic on the disk and preemption are read from a batch's own counters ([`seen_in`]).
//! A machine that does not show one of them has none of it counted.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::sched::sched_getcpu;

use crate::os::clock_source;
use crate::os::usage::Usage;
use crate::results::model::Disturbed;

use super::clock;
use super::method::Measured;

/// By how much the frequency may move: three of the usual steps of 100 MHz, since processors of 3 GHz go up and down by one all the time.
pub const MOST_MOVED: f64 = 0.1;

/// The share of a round that the host may take: the margin within which cases that the processor
/// bounds are called equal.
pub const MOST_STOLEN: f64 = 0.02;

/// /proc/stat counts in hundredths of a second on every Linux (USER_HZ; proc(5)).
const NS_OF_A_TICK: f64 = 1e7;

/// Bytes of /proc/stat that hold the lines of 500 processors, which come first. /proc/vmstat fits as well.
const STAT_BYTES: usize = 64 << 10;

/// An attribute of /proc or /sys, kept open: a read from offset 0 makes the kernel write it anew (fs/seq_file.c, seq_read_iter).
#[derive(Debug)]
struct Attribute(File);

impl Attribute {
    fn open(path: &Path) -> Option<Self> {
        File::open(path).ok().map(Self)
    }

    /// What it says now, as far as `into` holds it.
    fn read<'a>(&self, into: &'a mut [u8]) -> Option<&'a str> {
        let got = self.0.read_at(into, 0).ok()?;
        std::str::from_utf8(&into[..got]).ok().map(str::trim_end)
    }
}

/// What can be seen of the machine, and what was seen when the round began.
#[derive(Debug)]
pub struct Interference {
    root: PathBuf,
    clock: Option<Attribute>,
    stat: Option<Attribute>,
    /// By processor, each opened when first needed.
    frequencies: Vec<Option<Option<Attribute>>>,
    buffer: Vec<u8>,
    began: Look,
    /// Processors that the round's batches were on.
    visited: Vec<usize>,
}

/// One look at the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Look {
    /// When, in ns.
    at: u64,
    clock: Option<String>,
    khz: Option<u64>,
    /// Ticks stolen, by processor.
    stolen: Vec<u64>,
}

impl Interference {
    /// This machine's.
    pub fn here() -> Self {
        Self::at(Path::new("/"))
    }

    /// That of the machine whose /proc and /sys lie below `root`.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            clock: Attribute::open(&root.join(clock_source::CURRENT)),
            stat: Attribute::open(&root.join("proc/stat")),
            frequencies: Vec::new(),
            buffer: vec![0; STAT_BYTES],
            began: Look::default(),
            visited: Vec::new(),
        }
    }

    /// A round begins.
    pub fn begin(&mut self) {
        self.visited.clear();
        self.visit();
        self.began = self.look();
    }

    /// A batch has ended, on whichever processor it was.
    pub fn visit(&mut self) {
        if let Ok(cpu) = sched_getcpu()
            && self.visited.last() != Some(&cpu)
        {
            self.visited.push(cpu);
        }
    }

    /// The round is over: what happened to the machine meanwhile.
    pub fn end(&mut self) -> Disturbed {
        self.visit();
        let ended = self.look();
        changed(&self.began, &ended, &self.visited)
    }

    fn look(&mut self) -> Look {
        let khz = self.visited.last().copied().and_then(|cpu| self.khz(cpu));
        let clock = self.clock.as_ref().and_then(|file| file.read(&mut self.buffer)).map(str::to_owned);
        let stolen = self.stat.as_ref().and_then(|file| file.read(&mut self.buffer)).map(stolen).unwrap_or_default();
        Look { at: clock::now(), clock, khz, stolen }
    }

    fn khz(&mut self, cpu: usize) -> Option<u64> {
        if self.frequencies.len() <= cpu {
            self.frequencies.resize_with(cpu + 1, || None);
        }
        let root = &self.root;
        self.frequencies[cpu]
            .get_or_insert_with(|| {
                Attribute::open(&root.join(format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq")))
            })
            .as_ref()?
            .read(&mut self.buffer)?
            .parse()
            .ok()
    }
}

/// Faults by which the kernel samples memory accesses, of the whole machine. Each of the process's own is
/// a minor fault that no case explains (mm/memory.c, do_numa_page).
#[derive(Debug)]
pub struct HintFaults {
    vmstat: Option<Attribute>,
    buffer: Vec<u8>,
}

impl HintFaults {
    /// Of the machine whose /proc lies below `root`.
    pub fn at(root: &Path) -> Self {
        let setting = std::fs::read_to_string(root.join("proc/sys/kernel/numa_balancing"));
        let is_on = setting.is_ok_and(|text| text.trim() != "0");
        let vmstat = is_on.then(|| Attribute::open(&root.join("proc/vmstat"))).flatten();
        let buffer = if vmstat.is_some() { vec![0; STAT_BYTES] } else { Vec::new() };
        Self { vmstat, buffer }
    }

    /// How many there were since the machine started; 0 where NUMA balancing is off.
    pub fn count(&mut self) -> u64 {
        let text = self.vmstat.as_ref().and_then(|file| file.read(&mut self.buffer)).unwrap_or_default();
        let number = text.lines().find_map(|line| line.strip_prefix("numa_hint_faults "));
        number.and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

/// Why single operations cannot be stamped under the machine's clock; `None` where they can.
pub fn slow_clock(root: &Path) -> Option<String> {
    let name = std::fs::read_to_string(root.join(clock_source::CURRENT)).ok()?;
    let name = name.trim_end();
    (!clock_source::stays_in_user_space(name)).then(|| {
        format!("the clock source {name} enters the kernel at each reading, which a latency would mostly consist of")
    })
}

/// What a batch's own counters tell of others.
///
/// What the process asked for before the batch may end within it, as readahead does: so the disk's reads
/// are held against all that the process read since the batch's preparation. What others write is seen where
/// the case writes less; where both write, see [`super::summary`].
pub fn seen_in(measured: &Measured) -> Disturbed {
    let account = &measured.account;
    let disk = measured.disk.filter(|_| account.uses_device());
    let most = account.device_written.as_ref().map(|range| *range.end());
    let reads = disk.is_some_and(|disk| disk.read_bytes > measured.read_since_preparation);
    let writes = disk.zip(most).is_some_and(|(disk, most)| disk.written_bytes > most);
    // With a second process of the case on the same core, each takes the processor from the other.
    let alone = account.peer == Usage::default();
    Disturbed::READS.when(reads)
        | Disturbed::WRITES.when(writes)
        | Disturbed::NUMA.when(measured.hint_faults > 0)
        | Disturbed::PREEMPTED.when(alone && measured.usage.involuntary_switches > 0)
}

/// Ticks stolen from each processor: the eighth number of its line (proc(5), /proc/stat).
fn stolen(stat: &str) -> Vec<u64> {
    let mut ticks = Vec::new();
    for line in stat.lines().take_while(|line| line.starts_with("cpu")) {
        let mut words = line.split_ascii_whitespace();
        let Some(cpu) = words.next().and_then(|name| name["cpu".len()..].parse::<usize>().ok()) else { continue };
        // Processors that are off have no line.
        ticks.resize(cpu, 0);
        ticks.push(words.nth(7).and_then(|word| word.parse().ok()).unwrap_or(0));
    }
    ticks
}

/// What moved between two looks.
fn changed(began: &Look, ended: &Look, visited: &[usize]) -> Disturbed {
    let of = |look: &Look, cpu: usize| look.stolen.get(cpu).copied().unwrap_or(0);
    // Time is given out in whole ticks, so most of the first may have been stolen before the round.
    let certain = |cpu: usize| of(ended, cpu).saturating_sub(of(began, cpu) + 1) as f64 * NS_OF_A_TICK;
    let stolen = visited.iter().any(|cpu| certain(*cpu) > MOST_STOLEN * ended.at.saturating_sub(began.at) as f64);
    let moved = began.khz.zip(ended.khz).is_some_and(|(began, ended)| {
        let (low, high) = (began.min(ended), began.max(ended));
        high as f64 > low as f64 * (1.0 + MOST_MOVED)
    });
    Disturbed::STEAL.when(stolen) | Disturbed::FREQUENCY.when(moved) | Disturbed::CLOCK.when(began.clock != ended.clock)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::unistd::{SysconfVar, sysconf};

    use super::*;
    use crate::engine::method::Account;
    use crate::os::disk::DiskStat;

    /// A machine made of files.
    struct Machine(tempfile::TempDir);

    /// As many processors as a test may run on.
    fn cpus() -> usize {
        sysconf(SysconfVar::_NPROCESSORS_CONF).unwrap().unwrap() as usize
    }

    impl Machine {
        fn steady() -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            machine.clock("tsc");
            machine.stolen(0);
            machine.khz(3_000_000);
            machine
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn clock(&self, name: &str) {
            self.write(clock_source::CURRENT, &format!("{name}\n"));
        }

        fn stolen(&self, ticks: u64) {
            let line = |name: String| format!("{name} 10 20 30 40 50 60 70 {ticks} 0 0\n");
            let lines: String = (0..cpus()).map(|cpu| line(format!("cpu{cpu}"))).collect();
            self.write("proc/stat", &format!("{}{lines}intr 1 2 3\n", line("cpu ".to_owned())));
        }

        fn khz(&self, khz: u64) {
            for cpu in 0..cpus() {
                let path = format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq");
                self.write(&path, &format!("{khz}\n"));
            }
        }

        /// What is counted of a round on this machine, to which `moves` happens in the middle.
        fn round(&self, moves: impl FnOnce(&Self)) -> Disturbed {
            let mut interference = Interference::at(self.0.path());
            interference.begin();
            moves(self);
            interference.end()
        }
    }

    #[test]
    fn nothing_is_counted_on_a_steady_machine() {
        assert_eq!(Machine::steady().round(|_| {}), Disturbed::NONE);
    }

    #[test]
    fn nothing_is_counted_on_a_machine_that_shows_nothing() {
        let empty = tempfile::tempdir().unwrap();
        let mut interference = Interference::at(empty.path());
        interference.begin();
        assert_eq!(interference.end(), Disturbed::NONE);
        assert_eq!(HintFaults::at(empty.path()).count(), 0);
        assert_eq!(slow_clock(empty.path()), None);
    }

    #[test]
    fn stolen_ticks_a_moved_frequency_and_another_clock_are_counted_each_by_its_name() {
        let machine = Machine::steady();
        assert_eq!(machine.round(|machine| machine.stolen(1)), Disturbed::NONE, "it may have been stolen before");
        // A year of it, so that no round is too long.
        assert_eq!(machine.round(|machine| machine.stolen(3_153_600_000)), Disturbed::STEAL);
        assert_eq!(machine.round(|machine| machine.khz(3_290_000)), Disturbed::NONE, "a few steps");
        assert_eq!(machine.round(|machine| machine.khz(2_000_000)), Disturbed::FREQUENCY);
        assert_eq!(machine.round(|machine| machine.clock("hpet")), Disturbed::CLOCK);
    }

    #[test]
    fn a_clock_that_enters_the_kernel_is_named() {
        let machine = Machine::steady();
        assert_eq!(slow_clock(machine.0.path()), None);
        for name in ["hpet", "acpi_pm", "jiffies", "xen", "something new"] {
            machine.clock(name);
            assert!(slow_clock(machine.0.path()).unwrap().contains(name));
        }
    }

    #[test]
    fn hint_faults_are_counted_only_where_numa_balancing_is_on() {
        let machine = Machine::steady();
        machine.write("proc/vmstat", "nr_free_pages 1\nnuma_hint_faults 7\nnuma_hint_faults_local 5\n");
        machine.write("proc/sys/kernel/numa_balancing", "0\n");
        assert_eq!(HintFaults::at(machine.0.path()).count(), 0);
        machine.write("proc/sys/kernel/numa_balancing", "1\n");
        assert_eq!(HintFaults::at(machine.0.path()).count(), 7);
    }

    /// A batch of a case that may write up to `most` bytes, in which the disk did `disk`.
    fn measured(most: u64, disk: DiskStat) -> Measured {
        let account = Account { device_written: Some(0..=most), ..Account::quiet(1, 1, 1) };
        Measured { ns: 1, disk: Some(disk), account, ..Measured::default() }
    }

    #[test]
    fn what_the_disk_read_beyond_the_process_s_own_reads_was_for_others() {
        let disk = DiskStat { read_bytes: 8192, ..DiskStat::default() };
        assert_eq!(seen_in(&measured(4096, disk)), Disturbed::READS);
        let own = Measured { read_since_preparation: 8192, ..measured(4096, disk) };
        assert_eq!(seen_in(&own), Disturbed::NONE);
    }

    #[test]
    fn what_the_disk_wrote_beyond_what_the_case_explains_was_for_others() {
        let disk = DiskStat { written_bytes: 4097, ..DiskStat::default() };
        assert_eq!(seen_in(&measured(4096, disk)), Disturbed::WRITES);
        assert_eq!(seen_in(&measured(4097, disk)), Disturbed::NONE);
        assert_eq!(seen_in(&measured(0, disk)), Disturbed::NONE, "a case without device I/O does not look");
    }

    #[test]
    fn preemption_counts_for_a_case_of_one_process() {
        let usage = Usage { involuntary_switches: 1, ..Usage::default() };
        let one = Measured { usage, ..measured(0, DiskStat::default()) };
        assert_eq!(seen_in(&one), Disturbed::PREEMPTED);
        let peer = Usage { user_ns: 1, ..Usage::default() };
        let two = Measured { account: Account { peer, ..one.account.clone() }, ..one };
        assert_eq!(seen_in(&two), Disturbed::NONE);
    }

    #[test]
    fn processors_that_are_off_leave_a_gap_and_old_kernels_tell_of_no_stolen_time() {
        assert_eq!(stolen("cpu  1 1 1 1 1 1 1 9\ncpu0 1 1 1 1 1 1 1 4\ncpu3 1 1 1 1 1 1 1 5\nintr 7"), [4, 0, 0, 5]);
        assert_eq!(stolen("cpu  1 1 1\ncpu0 1 1 1\n"), [0]);
        assert_eq!(stolen(""), [0_u64; 0]);
    }
}
