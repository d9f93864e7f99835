//! What time it is, for as little as possible.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::os::probe;

/// Nanoseconds of `CLOCK_MONOTONIC` (clock_gettime(2)): through the vDSO, without entering the kernel, where the clock source allows it.
#[inline(always)]
pub fn now() -> u64 {
    // The call fails only for a clock that does not exist, and this one always does (POSIX).
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// How long the two clocks are compared.
const COMPARED: Duration = Duration::from_millis(20);
/// How often.
const TRIES: usize = 5;
/// By how much they may differ: adjustments of the rate (adjtimex(2)) are below 0.1 %.
const MOST_OFF: f64 = 0.01;

/// Compares [`now`] with the kernel's count of time since boot, asked for by the system call
/// itself.
///
/// # Errors
/// One sentence, where the two run at different speeds: a library stands in between, and no time
/// can be trusted.
pub fn check() -> Result<(), String> {
    // One that was preempted between its two readings says nothing.
    let speeds = (0..TRIES).map(|_| speed());
    let nearest = speeds.min_by(|a, b| (a - 1.0).abs().total_cmp(&(b - 1.0).abs())).unwrap_or(1.0);
    if (nearest - 1.0).abs() <= MOST_OFF {
        return Ok(());
    }
    Err(format!(
        "clock_gettime runs at {nearest:.3} times the speed of the kernel's own clock, so no time can be trusted; \
         is a library that changes the time preloaded (LD_PRELOAD)?"
    ))
}

/// Time by [`now`] for each unit of the kernel's own.
fn speed() -> f64 {
    let (begin, kernel_begin) = (now(), probe::boot_time_ns());
    std::thread::sleep(COMPARED);
    let (ns, kernel_ns) = (now().saturating_sub(begin), probe::boot_time_ns().saturating_sub(kernel_begin));
    ns as f64 / kernel_ns.max(1) as f64
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_clock_runs_at_the_kernel_s_speed() {
        assert_eq!(super::check(), Ok(()));
    }

    #[test]
    fn time_does_not_run_backwards() {
        let readings: Vec<u64> = (0..1000).map(|_| super::now()).collect();
        assert!(readings.is_sorted());
        assert!(readings[0] > 0);
    }
}
