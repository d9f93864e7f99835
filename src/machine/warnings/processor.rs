//! What skews figures because of the processor: who else uses it, how its speed changes, and how time is read.

use crate::os::clock_source;

use super::{Seen, Warning, warning};

pub(super) fn virtual_machine(seen: &Seen) -> Option<Warning> {
    let name = seen.machine.virtualization.as_ref()?;
    warning(
        "virtual_machine",
        format!(
            "This is a virtual machine ({name}): cold is cold in the guest only, since the host \
                may hold the disk's blocks in its cache; page faults and wake-ups cost more than \
                on bare metal; and other guests may take the processor at any time."
        ),
        "Compare methods with each other on this machine; for absolute figures, measure on the \
            kind of machine that you will run on.",
    )
}

pub(super) fn one_processor(seen: &Seen) -> Option<Warning> {
    if seen.machine.cpus != 1 {
        return None;
    }
    warning(
        "one_processor",
        "Only one processor may be used: two processes take turns, so that every message between \
            them costs a switch, and whatever else runs is in the measured time.",
        "Allow at least two processors (see taskset(1), or the container's cpuset).",
    )
}

pub(super) fn cpu_quota(seen: &Seen) -> Option<Warning> {
    let share = seen.fact("cgroup_cpu_quota")?;
    warning(
        "cpu_quota",
        format!(
            "The control group may use {share} processors' worth of time: once that is used up, \
                all of it stops until the next period (100 ms by default), in the middle of a \
                batch if need be."
        ),
        "Run where no quota is set (cgroup v2: `echo max > cpu.max`; Docker: without --cpus).",
    )
}

pub(super) fn load(seen: &Seen) -> Option<Warning> {
    let average: f64 = seen.fact("load_average")?.split_whitespace().next()?.parse().ok()?;
    let cpus = f64::from(seen.machine.cpus.max(1));
    if average < 0.5 * cpus {
        return None;
    }
    warning(
        "load",
        format!(
            "The load average of the last minute is {average:.2} on {cpus} usable processors: \
                something else runs, or a build has just ended. Intervals will be wider."
        ),
        "Wait until the machine is idle, then measure again.",
    )
}

pub(super) fn governor(seen: &Seen) -> Option<Warning> {
    let governor = seen.fact("scaling_governor")?;
    if governor == "performance" {
        return None;
    }
    // A kernel with a governor and no current frequency can be seen to have moved it by nobody.
    let noticed = if seen.fact("frequency_khz").is_some() {
        "Rounds of 100 ms or more in which it moved by over a tenth are dropped; in shorter ones nobody notices."
    } else {
        "Nothing here tells when it did."
    };
    warning(
        "frequency_governor",
        format!(
            "The frequency governor is {governor}: the clock of a processor rises and falls with \
                what it did a moment before, so that a case pays for its neighbour. {noticed}"
        ),
        "`cpupower frequency-set -g performance` (root), then measure again.",
    )
}

pub(super) fn battery(seen: &Seen) -> Option<Warning> {
    if seen.fact("power") != Some("battery discharging") {
        return None;
    }
    warning(
        "battery",
        "The machine runs on its battery: firmware may hold the processor's clock down, and disks may sleep.",
        "Plug it in, then measure again.",
    )
}

/// A register of the processor needs no word; the rest do.
pub(super) fn clock_source(seen: &Seen) -> Option<Warning> {
    let clock = seen.fact("clocksource")?;
    if clock_source::is_register(clock) {
        return None;
    }
    let available = seen.fact("clocksource_available").unwrap_or_default();
    let fix = if available.split_whitespace().any(|name| name == "tsc") {
        "`echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource` (root); if \
            the kernel took tsc away as unstable, find out why first."
    } else {
        "The kernel offers no tsc here: compare latencies of single operations with the floor \
            `clock read`; where there are none for the clock, measure on another machine."
    };
    let text = if clock_source::stays_in_user_space(clock) {
        format!(
            "Time is read from {clock}, not from the processor's own counter: reading it costs \
                more, and latencies of single operations carry that cost."
        )
    } else {
        format!(
            "Time is read from {clock}: each reading enters the kernel, and may go out to a device. \
                Ratios hold, since a batch is between two readings. Latencies of single operations would \
                mostly be that of the clock: none is given."
        )
    };
    warning("clock_source", text, fix)
}
