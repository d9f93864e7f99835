//! Whether the machine itself moved within a round: its clock, its processor's frequency, time that the host took away.
//!
//! Looked at before a round's first batch and after its last, outside of every clock. What is seen is a flaw of the round, and so of each of
//! its batches: no ratio of such a round is worth anything, whichever method it hit.
//!
//! | what | read from | a round counts if |
//! |---|---|---|
//! | clock source | `current_clocksource` | it is read without entering the kernel, and stayed the same |
//! | frequency | `scaling_cur_freq` of the processor that the round began and ended on | it moved by at most [`MOST_MOVED`] |
//! | stolen time | `/proc/stat`, of the processors that its batches ended on | at most [`MOST_STOLEN`] of it was certainly stolen |
//!
//! The last two are gates only for rounds of [`LONG_ENOUGH`] ticks or more: stolen time is told in ticks of 10 ms (`USER_HZ`, proc(5)),
//! and a frequency is the mean over the last tick or so (arch/x86/kernel/cpu/aperfmperf.c). In a shorter round a single tick
//! would be all of it or nothing. A machine that shows one of them not at all has no such gate; the run then warns.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::sched::sched_getcpu;
use nix::unistd::{SysconfVar, sysconf};

use crate::os::clock_source;

use super::clock;
use super::method::Flaw;

/// Ticks that a round must last for stolen time and frequency to be gates: 100 ms where `USER_HZ` is 100, as on every architecture but alpha and ia64.
pub const LONG_ENOUGH: u64 = 10;

/// The part of a round that may be stolen. A counter that went from *a* to *b* tells of more than *b* − *a* − 1 ticks: that is what is certain.
pub const MOST_STOLEN: f64 = 0.05;

/// By how much the frequency may move: three of the usual steps of 100 MHz, since processors of 3 GHz go up and down by one all the time.
pub const MOST_MOVED: f64 = 0.1;

/// Bytes of /proc/stat that hold the lines of 500 processors, which come first.
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
pub struct Weather {
    root: PathBuf,
    clock: Option<Attribute>,
    stat: Option<Attribute>,
    /// By processor, each opened when first needed.
    frequencies: Vec<Option<Option<Attribute>>>,
    tick_ns: u64,
    buffer: Vec<u8>,
    began: Sky,
    /// Processors that the round's batches were on.
    visited: Vec<usize>,
}

/// One look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sky {
    at_ns: u64,
    clock: Option<String>,
    khz: Option<u64>,
    /// Ticks stolen, by processor.
    stolen: Vec<u64>,
}

impl Weather {
    /// This machine's.
    pub fn here() -> Self {
        Self::at(Path::new("/"))
    }

    /// That of the machine whose /proc and /sys lie below `root`.
    pub fn at(root: &Path) -> Self {
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok());
        Self {
            root: root.to_path_buf(),
            clock: Attribute::open(&root.join(clock_source::CURRENT)),
            stat: Attribute::open(&root.join("proc/stat")),
            frequencies: Vec::new(),
            tick_ns: 1_000_000_000 / per_second.filter(|ticks| *ticks > 0).unwrap_or(100),
            buffer: vec![0; STAT_BYTES],
            began: Sky::default(),
            visited: Vec::new(),
        }
    }

    /// A round begins.
    pub fn begin(&mut self) {
        self.visited.clear();
        self.visit();
        self.began = self.look(clock::now());
    }

    /// A batch has ended, on whichever processor it was.
    pub fn visit(&mut self) {
        if let Ok(cpu) = sched_getcpu()
            && self.visited.last() != Some(&cpu)
        {
            self.visited.push(cpu);
        }
    }

    /// The round is over: why it does not count, if so.
    pub fn end(&mut self) -> Option<Flaw> {
        self.visit();
        let ended = self.look(clock::now());
        changed(&self.began, &ended, &self.visited, self.tick_ns)
    }

    fn look(&mut self, at_ns: u64) -> Sky {
        let khz = self.visited.last().copied().and_then(|cpu| self.khz(cpu));
        let clock = self.clock.as_ref().and_then(|file| file.read(&mut self.buffer)).map(str::to_owned);
        let stolen = self.stat.as_ref().and_then(|file| file.read(&mut self.buffer)).map(stolen).unwrap_or_default();
        Sky { at_ns, clock, khz, stolen }
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

/// What moved between two looks, if anything did.
fn changed(began: &Sky, ended: &Sky, visited: &[usize], tick_ns: u64) -> Option<Flaw> {
    clock_moved(began.clock.as_deref(), ended.clock.as_deref()).or_else(|| {
        let ticks = ended.at_ns.saturating_sub(began.at_ns) as f64 / tick_ns as f64;
        if ticks < LONG_ENOUGH as f64 {
            return None;
        }
        time_stolen(began, ended, visited, ticks).or_else(|| frequency_moved(began.khz?, ended.khz?))
    })
}

fn clock_moved(began: Option<&str>, ended: Option<&str>) -> Option<Flaw> {
    let ended = ended?;
    if !clock_source::stays_in_user_space(ended) {
        return Some(Flaw {
            code: "the clock source is not one that a program reads by itself".to_owned(),
            detail: format!(
                "{ended}, which each reading of the clock enters the kernel for; \
                    see /sys/devices/system/clocksource/clocksource0/available_clocksource"
            ),
        });
    }
    (began? != ended).then(|| Flaw {
        code: "the clock source changed within a round".to_owned(),
        detail: format!("from {} to {ended}", began.unwrap_or_default()),
    })
}

fn time_stolen(began: &Sky, ended: &Sky, visited: &[usize], ticks: f64) -> Option<Flaw> {
    let of = |sky: &Sky, cpu: usize| sky.stolen.get(cpu).copied().unwrap_or(0);
    let (cpu, most) = visited
        .iter()
        .map(|cpu| (*cpu, of(ended, *cpu).saturating_sub(of(began, *cpu))))
        .max_by_key(|(_, ticks)| *ticks)?;
    let certain = most.saturating_sub(1);
    (certain as f64 > MOST_STOLEN * ticks).then(|| Flaw {
        code: "the host took the processor away within a round".to_owned(),
        detail: format!("processor {cpu}: over {certain} of {ticks:.0} ticks stolen"),
    })
}

fn frequency_moved(began: u64, ended: u64) -> Option<Flaw> {
    let (low, high) = (began.min(ended), began.max(ended));
    (high as f64 > low as f64 * (1.0 + MOST_MOVED)).then(|| Flaw {
        code: "the processor's frequency moved within a round".to_owned(),
        detail: format!("from {} to {} MHz", began / 1000, ended / 1000),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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

        /// A round of `ticks` on this machine, to which `moves` happens in the middle.
        fn round(&self, ticks: u64, moves: impl FnOnce(&Self)) -> Option<String> {
            let mut weather = Weather::at(self.0.path());
            weather.begin();
            moves(self);
            // As `end` does, with a clock that the test's own work does not move.
            let ended = weather.look(weather.began.at_ns + ticks * weather.tick_ns);
            changed(&weather.began, &ended, &weather.visited, weather.tick_ns)
                .map(|flaw| format!("{}: {}", flaw.code, flaw.detail))
        }
    }

    #[test]
    fn a_round_on_a_steady_machine_counts() {
        assert_eq!(Machine::steady().round(20, |_| {}), None);
    }

    #[test]
    fn a_machine_that_shows_nothing_has_no_such_gates() {
        let empty = tempfile::tempdir().unwrap();
        let mut weather = Weather::at(empty.path());
        weather.begin();
        assert_eq!(weather.end(), None);
    }

    #[test]
    fn a_clock_that_enters_the_kernel_drops_every_round_however_short() {
        for name in ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "xen", "something new"] {
            let machine = Machine::steady();
            machine.clock(name);
            let flaw = machine.round(0, |_| {}).unwrap();
            assert!(flaw.contains("clock source is not") && flaw.contains(name), "{flaw}");
        }
    }

    #[test]
    fn a_clock_that_the_kernel_gave_up_in_the_middle_drops_the_round() {
        let given_up = Machine::steady().round(0, |machine| machine.clock("hpet")).unwrap();
        assert!(given_up.contains("hpet"), "{given_up}");
        let changed = Machine::steady().round(0, |machine| machine.clock("kvm-clock")).unwrap();
        assert!(changed.contains("changed within a round: from tsc to kvm-clock"), "{changed}");
    }

    #[test]
    fn stolen_time_drops_rounds_that_are_long_enough_for_a_tick_to_tell() {
        let stolen = |round, ticks| Machine::steady().round(round, |machine| machine.stolen(ticks));
        assert_eq!(stolen(LONG_ENOUGH - 1, 9), None, "too short to tell");
        assert_eq!(stolen(LONG_ENOUGH, 1), None, "one tick may have been stolen before the round");
        let flaw = stolen(LONG_ENOUGH, 2).unwrap();
        assert!(flaw.contains("over 1 of 10 ticks stolen"), "{flaw}");
        assert_eq!(stolen(100, 6), None);
        assert!(stolen(100, 7).is_some());
    }

    #[test]
    fn a_frequency_that_moved_by_more_than_a_tenth_drops_the_round() {
        let moved = |round, khz| Machine::steady().round(round, |machine| machine.khz(khz));
        assert_eq!(moved(LONG_ENOUGH, 3_290_000), None);
        assert_eq!(moved(LONG_ENOUGH - 1, 1_000_000), None, "too short to tell");
        assert!(moved(LONG_ENOUGH, 3_400_000).unwrap().contains("from 3000 to 3400 MHz"));
        assert!(moved(LONG_ENOUGH, 2_000_000).unwrap().contains("from 3000 to 2000 MHz"));
    }

    #[test]
    fn processors_that_are_off_leave_a_gap_and_old_kernels_tell_of_no_stolen_time() {
        assert_eq!(stolen("cpu  1 1 1 1 1 1 1 9\ncpu0 1 1 1 1 1 1 1 4\ncpu3 1 1 1 1 1 1 1 5\nintr 7"), [4, 0, 0, 5]);
        assert_eq!(stolen("cpu  1 1 1\ncpu0 1 1 1\n"), [0]);
        assert_eq!(stolen(""), [0_u64; 0]);
    }
}
