//! Which processor, at what speed, and under which clock.

use std::collections::{BTreeMap, BTreeSet};

use procfs::CpuInfo;

use super::Facts;
use super::system::System;

const CPU: &str = "sys/devices/system/cpu";
const CLOCK: &str = "sys/devices/system/clocksource/clocksource0";

/// The processor's name. Arm's cpuinfo has none: there the implementer's and the part's numbers, or the board's name.
pub(super) fn name(cpuinfo: Option<&CpuInfo>, system: &System) -> String {
    let field = |name| cpuinfo.and_then(|cpus| cpus.get_field(0, name));
    if let Some(name) = field("model name").or_else(|| field("cpu model")).or_else(|| field("cpu")) {
        return name.to_owned();
    }
    if let (Some(implementer), Some(part)) = (field("CPU implementer"), field("CPU part")) {
        return format!("{} implementer {implementer}, part {part}", std::env::consts::ARCH);
    }
    system.text("sys/firmware/devicetree/base/model").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Clock, frequency, power, mitigations and NUMA.
pub(super) fn facts(system: &System, facts: &mut Facts) {
    facts.put("clocksource", system.text(format!("{CLOCK}/current_clocksource")));
    facts.put("clocksource_available", system.text(format!("{CLOCK}/available_clocksource")));
    facts.put("scaling_governor", of_all(system, "cpufreq/scaling_governor"));
    facts.put("frequency_khz", of_all(system, "cpufreq/scaling_cur_freq"));
    facts.put("scaling_driver", of_all(system, "cpufreq/scaling_driver"));
    facts.put("energy_preference", of_all(system, "cpufreq/energy_performance_preference"));
    facts.put("boost", system.text(format!("{CPU}/cpufreq/boost")));
    facts.put("no_turbo", system.text(format!("{CPU}/intel_pstate/no_turbo")));
    facts.put("smt_active", system.text(format!("{CPU}/smt/active")));
    facts.put("mitigations", mitigations(system));
    facts.put("mitigations_option", mitigations_option(system));
    for (level, bytes) in caches(system) {
        facts.put(&format!("cache_l{level}"), Some(bytes));
    }
    facts.put("numa_nodes", numa_nodes(system));
    facts.put("numa_balancing", system.text("proc/sys/kernel/numa_balancing"));
    facts.put("power", power(system));
}

/// What a file of each processor says, each saying once.
fn of_all(system: &System, file: &str) -> Option<String> {
    let said: BTreeSet<String> = system.each(CPU, file).into_iter().map(|(_, text)| text).collect();
    (!said.is_empty()).then(|| said.into_iter().collect::<Vec<_>>().join(", "))
}

/// The caches for data that the first processor uses, each level with its size in bytes; a hypervisor may tell of its host's.
fn caches(system: &System) -> BTreeMap<u64, u64> {
    let folder = format!("{CPU}/cpu0/cache");
    let holds_data =
        |index: &String| system.text(format!("{folder}/{index}/type")).is_some_and(|kind| kind != "Instruction");
    let cache = |index: &String| {
        let size = system.text(format!("{folder}/{index}/size"))?;
        let kib: u64 = size.strip_suffix('K')?.parse().ok()?;
        Some((system.number(format!("{folder}/{index}/level"))?, kib << 10))
    };
    system.names(&folder).iter().filter(|index| holds_data(index)).filter_map(cache).collect()
}

/// The weaknesses that this processor has, each with what the kernel does about it: what system calls and faults pay for.
fn mitigations(system: &System) -> Option<String> {
    let folder = format!("{CPU}/vulnerabilities");
    let affected: Vec<String> = system
        .names(&folder)
        .into_iter()
        .filter_map(|name| {
            let text = system.text(format!("{folder}/{name}"))?;
            (text != "Not affected").then(|| format!("{name}: {text}"))
        })
        .collect();
    (!affected.is_empty()).then(|| affected.join(" | "))
}

/// The kernel's `mitigations=` option. The rest of its command line may name disks and hosts, and is not kept.
fn mitigations_option(system: &System) -> Option<String> {
    let line = system.text("proc/cmdline")?;
    line.split_whitespace().find_map(|word| word.strip_prefix("mitigations=")).map(str::to_owned)
}

fn numa_nodes(system: &System) -> Option<usize> {
    let numbered = |name: &String| name.strip_prefix("node").is_some_and(|rest| rest.parse::<u32>().is_ok());
    let nodes = system.names("sys/devices/system/node").iter().filter(|name| numbered(name)).count();
    (nodes > 0).then_some(nodes)
}

/// What a battery of the machine itself does (not a mouse's: scope Device): `Discharging`, `Charging`, `Full`.
fn power(system: &System) -> Option<String> {
    let folder = "sys/class/power_supply";
    let (battery, _) = system.each(folder, "type").into_iter().find(|(name, kind)| {
        kind == "Battery" && system.text(format!("{folder}/{name}/scope")).as_deref() != Some("Device")
    })?;
    system.text(format!("{folder}/{battery}/status")).map(|status| format!("battery {}", status.to_lowercase()))
}
