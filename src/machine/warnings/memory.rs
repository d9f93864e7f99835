//! What skews figures because of memory: too little of it, or someone who takes pages away.

use super::{COMFORTABLE, LARGEST_FILE, Seen, Warning, size, warning};

pub(super) fn group_limit(seen: &Seen) -> Option<Warning> {
    let limits = ["cgroup_memory_limit", "cgroup_memory_high"];
    let least = limits.iter().filter_map(|name| seen.number(name)).min().filter(|limit| *limit < COMFORTABLE)?;
    warning(
        "memory_limit",
        format!(
            "The control group may hold {}, page cache included, while the largest file of a \
                default run has {}: pages may be reclaimed in the middle of a study, and a worker \
                may be killed.",
            size(least),
            size(LARGEST_FILE)
        ),
        format!(
            "Allow at least {} (cgroup v2: memory.max; Docker: --memory), or measure with --quick.",
            size(COMFORTABLE)
        ),
    )
}

pub(super) fn little_free(seen: &Seen) -> Option<Warning> {
    let available = seen.number("memory_available").filter(|available| *available < COMFORTABLE)?;
    warning(
        "little_memory",
        format!(
            "{} of memory are available, while the largest file of a default run has {}: the \
                kernel may drop or swap pages in the middle of a study.",
            size(available),
            size(LARGEST_FILE)
        ),
        format!("Free memory until {} are available, or measure with --quick.", size(COMFORTABLE)),
    )
}

pub(super) fn huge_pages_always(seen: &Seen) -> Option<Warning> {
    if seen.fact("transparent_hugepage") != Some("always") {
        return None;
    }
    warning(
        "huge_pages_always",
        "Transparent huge pages are \"always\": a fresh buffer comes in pages of 2 MiB, with few \
            faults that each clear 2 MiB, so that rows which read into a fresh buffer differ from \
            a machine with \"madvise\".",
        "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled` (root), unless this is what \
            you run with.",
    )
}

/// A thread that only watches (action `stat`) or sorts pages (`cold`, `lru_prio`, `lru_deprio`) takes none away.
pub(super) fn damon(seen: &Seen) -> Option<Warning> {
    let reclaims = seen.fact("damon_reclaim") == Some("Y");
    let (acts, what) = match seen.fact("damon") {
        Some("on") => (true, "may take"),
        Some(actions) => (actions.contains("pageout"), "takes"),
        None => (false, "takes"),
    };
    if !(reclaims || acts) {
        return None;
    }
    let what = if reclaims { "takes" } else { what };
    warning(
        "damon",
        format!(
            "DAMON runs, and {what} away pages that nobody has touched for a while, with memory to \
                spare or not: warm files cool down by themselves, and rounds are dropped for it."
        ),
        "`echo off > /sys/kernel/mm/damon/admin/kdamonds/0/state`, or `echo N > \
            /sys/module/damon_reclaim/parameters/enabled` (root).",
    )
}

pub(super) fn swap_on_zram(seen: &Seen) -> Option<Warning> {
    if !seen.fact("swap_kinds")?.contains("zram") {
        return None;
    }
    warning(
        "swap_on_zram",
        "Swap is on zram: under pressure the kernel may compress anonymous memory rather than drop \
            page cache, at the price of processor time inside faults. It matters once memory is \
            short.",
        "`swapoff` the zram device (root), or see that memory stays free.",
    )
}
