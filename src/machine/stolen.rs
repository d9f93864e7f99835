//! How much of the processors' time the host took away while a run went on.
//!
//! Counted in ticks of 10 ms: coarse for a batch ([`crate::engine::interference`]), fine for a run.

use std::path::Path;

use crate::results::model::Warning;

/// The part of the time in which processors had work that may be stolen before a run warns: the margin within which CPU-bound cases are equal.
const MUCH: f64 = 0.01;

/// Fewer ticks than this are no part of anything.
const FEW: u64 = 10;

/// Ticks since the machine started, of all processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// In which a processor had work, stolen ones included.
    busy: u64,
    /// In which it had work and the host ran something else.
    stolen: u64,
}

impl Ticks {
    /// Reads them now; `None` where /proc/stat does not tell.
    pub fn now() -> Option<Self> {
        Self::of_line(std::fs::read_to_string(Path::new("/proc/stat")).ok()?.lines().next()?)
    }

    /// Of the line of all processors: user, nice, system, idle, iowait, irq, softirq and steal (proc(5), /proc/stat).
    fn of_line(line: &str) -> Option<Self> {
        let numbers: Vec<u64> =
            line.strip_prefix("cpu ")?.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
        let [user, nice, system, _idle, _waiting, irq, softirq, stolen, ..] = numbers[..] else { return None };
        Some(Self { busy: user + nice + system + irq + softirq + stolen, stolen })
    }

    /// What was counted from `earlier` to this reading.
    pub fn since(self, earlier: Self) -> Self {
        Self { busy: self.busy.saturating_sub(earlier.busy), stolen: self.stolen.saturating_sub(earlier.stolen) }
    }

    /// As a fact about a run.
    pub fn fact(self) -> String {
        format!("{} of {} ticks", self.stolen, self.busy)
    }

    /// A warning, if it is much.
    pub fn warning(self) -> Option<Warning> {
        let part = self.stolen as f64 / self.busy.max(1) as f64;
        (self.stolen >= FEW && part > MUCH).then(|| Warning {
            code: "stolen_time".to_owned(),
            text: format!(
                "While the run went on, the host took away {:.1} % of the time in which processors had \
                    work (CPU steal): batches that it hit are longer for it. They count like any other, since \
                    ratios are taken within rounds; intervals are wider for it.",
                part * 100.0
            ),
            fix: "Measure when the host is less busy, or on a virtual machine with processors of its own.".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn during_a_run(busy: u64, stolen: u64) -> Ticks {
        Ticks::of_line(&format!("cpu  {busy} 0 0 99999 5 0 0 {stolen} 0 0")).unwrap()
    }

    #[test]
    fn over_a_hundredth_of_the_busy_time_is_warned_about() {
        let warning = during_a_run(970, 30).warning().unwrap();
        assert!(warning.text.contains("3.0 %"), "{}", warning.text);
        assert_eq!(during_a_run(9970, 30).warning(), None);
        assert_eq!(during_a_run(20, 9).warning(), None, "too few to tell");
    }

    #[test]
    fn what_was_stolen_before_the_run_does_not_count() {
        let (before, after) = (during_a_run(1000, 500), during_a_run(3000, 504));
        assert_eq!(after.since(before).fact(), "4 of 2004 ticks");
        assert_eq!(after.since(before).warning(), None);
    }

    #[test]
    fn a_kernel_that_does_not_tell_of_stolen_time_is_no_error() {
        assert_eq!(Ticks::of_line("cpu  1 2 3 4 5"), None);
        assert_eq!(Ticks::of_line("intr 1 2 3"), None);
    }
}
