//! How the kernel manages memory here: huge pages, writing back, swap, and who else takes pages away.

use std::collections::BTreeSet;

use super::Facts;
use super::system::System;

const HUGE: &str = "sys/kernel/mm/transparent_hugepage";
const DAMON: &str = "sys/kernel/mm/damon/admin/kdamonds";

/// The settings of /proc/sys/vm that decide when dirty pages are written (Documentation/admin-guide/sysctl/vm.rst).
const VM: [&str; 9] = [
    "swappiness",
    "dirty_ratio",
    "dirty_bytes",
    "dirty_background_ratio",
    "dirty_background_bytes",
    "dirty_expire_centisecs",
    "dirty_writeback_centisecs",
    "overcommit_memory",
    "laptop_mode",
];

/// Huge pages, sysctls, swap, DAMON and their like.
pub(super) fn facts(system: &System, facts: &mut Facts) {
    facts.put("transparent_hugepage", system.choice(format!("{HUGE}/enabled")));
    facts.put("transparent_hugepage_defrag", system.choice(format!("{HUGE}/defrag")));
    facts.put("transparent_hugepage_shmem", system.choice(format!("{HUGE}/shmem_enabled")));
    facts.put("hugepage_sizes", hugepage_sizes(system));
    for name in VM {
        facts.put(name, system.text(format!("proc/sys/vm/{name}")));
    }
    facts.put("swap_kinds", swap_kinds(system));
    facts.put("zram", zram(system));
    facts.put("zswap", system.text("sys/module/zswap/parameters/enabled"));
    facts.put("lru_gen", system.text("sys/kernel/mm/lru_gen/enabled"));
    facts.put("ksm", system.text("sys/kernel/mm/ksm/run"));
    facts.put("damon_reclaim", system.text("sys/module/damon_reclaim/parameters/enabled"));
    facts.put("damon_lru_sort", system.text("sys/module/damon_lru_sort/parameters/enabled"));
    facts.put("damon", damon(system));
    facts.put("page_reporting_order", system.text("sys/module/page_reporting/parameters/page_reporting_order"));
}

/// The per-size settings of anonymous huge pages (since Linux 6.8), sizes of a setting together: `never: 16kB 32kB; inherit: 2048kB`.
fn hugepage_sizes(system: &System) -> Option<String> {
    let mut sizes: Vec<(u64, String)> = system
        .names(HUGE)
        .into_iter()
        .filter_map(|name| {
            let size = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
            Some((size, system.choice(format!("{HUGE}/{name}/enabled"))?))
        })
        .collect();
    sizes.sort();
    let settings: BTreeSet<&String> = sizes.iter().map(|(_, setting)| setting).collect();
    let groups: Vec<String> = settings
        .into_iter()
        .map(|setting| {
            let of_it = sizes.iter().filter(|(_, other)| other == setting).map(|(size, _)| format!("{size}kB"));
            format!("{setting}: {}", of_it.collect::<Vec<_>>().join(" "))
        })
        .collect();
    (!groups.is_empty()).then(|| groups.join("; "))
}

/// What is swapped to: `zram`, `partition`, `file`, each once. Paths are not kept.
fn swap_kinds(system: &System) -> Option<String> {
    let kinds: BTreeSet<String> = system
        .text("proc/swaps")?
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let path = words.next()?;
            let kind = words.next()?;
            Some(if path.starts_with("/dev/zram") { "zram".to_owned() } else { kind.to_owned() })
        })
        .collect();
    (!kinds.is_empty()).then(|| kinds.into_iter().collect::<Vec<_>>().join(", "))
}

/// Bytes that the zram disks in use may hold, uncompressed.
fn zram(system: &System) -> Option<u64> {
    let disks = system.each("sys/block", "disksize");
    let bytes: u64 = disks
        .iter()
        .filter(|(name, _)| name.starts_with("zram"))
        .filter_map(|(_, size)| size.parse::<u64>().ok())
        .sum();
    (bytes > 0).then_some(bytes)
}

/// The actions of the DAMON threads that run: `on: pageout`. Their settings are root's to read; others see only that a thread runs: `on`.
fn damon(system: &System) -> Option<String> {
    let mut actions = BTreeSet::new();
    let mut running = false;
    for (thread, state) in system.each(DAMON, "state") {
        if state != "on" {
            continue;
        }
        running = true;
        for context in system.names(format!("{DAMON}/{thread}/contexts")) {
            let schemes = format!("{DAMON}/{thread}/contexts/{context}/schemes");
            actions.extend(system.each(&schemes, "action").into_iter().map(|(_, action)| action));
        }
    }
    if !actions.is_empty() {
        return Some(format!("on: {}", actions.into_iter().collect::<Vec<_>>().join(", ")));
    }
    (running || kernel_thread(system, "kdamond")).then(|| "on".to_owned())
}

/// Whether a kernel thread of this name runs, as far as /proc shows it.
fn kernel_thread(system: &System, prefix: &str) -> bool {
    let is_process = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    system
        .names("proc")
        .iter()
        .filter(|name| is_process(name))
        .filter_map(|process| system.text(format!("proc/{process}/comm")))
        .any(|name| name.starts_with(prefix))
}
