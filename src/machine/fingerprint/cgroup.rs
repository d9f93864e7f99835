//! How much memory and processor time this process's control group allows (cgroups(7)), in both versions.

use std::path::{Path, PathBuf};

use procfs::process::{MountInfo, MountInfos};
use procfs::{FromRead, ProcessCGroups};

use super::Facts;
use super::system::System;

/// Version 1 writes "no limit" as the largest number of whole pages; no machine has this much.
const NO_LIMIT: u64 = 1 << 62;

/// Version, memory limit in bytes, and processor quota in processors.
pub(super) fn facts(system: &System, facts: &mut Facts) {
    let Ok(mounts) = MountInfos::from_file(system.path("proc/self/mountinfo")) else {
        return;
    };
    let Ok(groups) = ProcessCGroups::from_file(system.path("proc/self/cgroup")) else {
        return;
    };
    let groups = Groups { system, mounts, groups };

    let version1 = groups.folders("memory");
    let version2 = groups.folders("");
    facts.put(
        "cgroup_version",
        match (version1.is_empty(), version2.is_empty()) {
            (true, false) => Some("v2"),
            (false, true) => Some("v1"),
            (false, false) => Some("v1 and v2"),
            (true, true) => None,
        },
    );
    facts.put(
        "cgroup_memory_limit",
        groups.least(&version2, "memory.max").into_iter().chain(groups.least(&version1, "memory.limit_in_bytes")).min(),
    );
    facts.put("cgroup_memory_high", groups.least(&version2, "memory.high"));
    facts.put(
        "cgroup_cpu_quota",
        groups.processors(&version2).or_else(|| groups.processors_v1()).map(|share| format!("{share:.2}")),
    );
}

/// Where this process's groups are shown.
struct Groups<'a> {
    system: &'a System,
    mounts: MountInfos,
    groups: ProcessCGroups,
}

impl Groups<'_> {
    /// The folders of this process's group under a version 1 `controller`, or version 2 where it is empty: from its own up to the mount's,
    /// since every one above it limits it too.
    fn folders(&self, controller: &str) -> Vec<PathBuf> {
        let belongs = |names: &[String]| {
            if controller.is_empty() { names.is_empty() } else { names.iter().any(|name| name == controller) }
        };
        let group = self.groups.0.iter().find(|group| belongs(&group.controllers));
        let shows = |mount: &&MountInfo| {
            if controller.is_empty() {
                mount.fs_type == "cgroup2"
            } else {
                mount.fs_type == "cgroup" && mount.super_options.contains_key(controller)
            }
        };
        let (Some(group), Some(mount)) = (group, self.mounts.0.iter().rev().find(shows)) else {
            return Vec::new();
        };
        // A container may see only its own part of the tree: then its mount's root is a part of the group's path, or all that it sees.
        let below = Path::new(&group.pathname).strip_prefix(&mount.root).unwrap_or(Path::new(""));
        let top = self.system.path(mount.mount_point.strip_prefix("/").unwrap_or(&mount.mount_point));
        top.join(below).ancestors().take_while(|folder| folder.starts_with(&top)).map(Path::to_path_buf).collect()
    }

    /// The least number that `file` says in any of `folders`; `max` and its like are no number.
    fn least(&self, folders: &[PathBuf], file: &str) -> Option<u64> {
        folders
            .iter()
            .filter_map(|folder| self.system.number(folder.join(file)))
            .filter(|bytes| *bytes < NO_LIMIT)
            .min()
    }

    /// Processors' worth of time, version 2: `cpu.max` is "quota period" in µs.
    fn processors(&self, folders: &[PathBuf]) -> Option<f64> {
        let share = |folder: &PathBuf| {
            let text = self.system.text(folder.join("cpu.max"))?;
            let (quota, period) = text.split_once(' ')?;
            Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
        };
        folders.iter().filter_map(share).reduce(f64::min)
    }

    /// The same, version 1, where a quota of -1 is none.
    fn processors_v1(&self) -> Option<f64> {
        let share = |folder: &PathBuf| {
            let quota = self.system.number(folder.join("cpu.cfs_quota_us"))?;
            let period = self.system.number(folder.join("cpu.cfs_period_us")).filter(|period| *period > 0)?;
            Some(quota as f64 / period as f64)
        };
        self.folders("cpu").iter().filter_map(share).reduce(f64::min)
    }
}
