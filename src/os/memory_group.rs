//! A control group of our own that limits memory, page cache included (cgroups(7)), in both versions; and what a group counts.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::ProcessCGroups;
use procfs::process::{MountInfo, Process};

/// A group, removed when dropped; by then no process may be in it.
#[derive(Debug)]
pub struct MemoryGroup {
    folder: PathBuf,
}

/// What a group's memory.stat counts; what it does not show is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupMemory {
    /// Bytes of files' pages.
    pub file_bytes: Option<u64>,
    /// Bytes of processes' own pages.
    pub anon_bytes: Option<u64>,
    /// Pages of files that came back after they had been evicted (mm/workingset.c).
    pub refaults: Option<u64>,
    /// Pages that reclaim looked at: version 2 alone tells.
    pub scanned: Option<u64>,
}

const REMEDY: &str = "run as root, or within a limit: `systemd-run --user --scope -p MemoryMax=128M pagewise run page_touch --sweep memory`";

impl MemoryGroup {
    /// Makes a group beside this process's own, or within it, that may use `limit` bytes.
    ///
    /// # Errors
    /// In a sentence, with what to do: there is no memory controller that this user may ask.
    pub fn make(limit: u64) -> Result<Self, String> {
        let mut why = "no memory controller is mounted".to_owned();
        for (parent, file) in parents() {
            let folder = parent.join(format!("pagewise-{}", std::process::id()));
            if let Err(error) = fs::create_dir(&folder) {
                why = format!("{}: {error}", folder.display());
                continue;
            }
            let group = Self { folder };
            match fs::write(group.folder.join(file), limit.to_string()) {
                Ok(()) => return Ok(group),
                Err(error) => why = format!("{}: {error}", group.folder.join(file).display()),
            }
        }
        Err(format!("a control group that limits memory cannot be made here ({why}); {REMEDY}"))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Moves this process, and the children that it will have, into the group at `folder`.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn enter(folder: &Path) -> std::io::Result<()> {
        fs::write(folder.join("cgroup.procs"), std::process::id().to_string())
    }

    /// What the group at `folder` counts now.
    pub fn counts(folder: &Path) -> GroupMemory {
        let text = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let value = |names: [&str; 2]| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(name, _)| names.contains(name)).and_then(|(_, value)| value.parse().ok())
        };
        // Version 2's names, then version 1's.
        GroupMemory {
            file_bytes: value(["file", "cache"]),
            anon_bytes: value(["anon", "rss"]),
            refaults: value(["workingset_refault_file"; 2]),
            scanned: value(["pgscan"; 2]),
        }
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // A process that has just ended may still be leaving.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Folders in which a group may be made, and the file that its limit goes to.
fn parents() -> Vec<(PathBuf, &'static str)> {
    let Ok(process) = Process::myself() else { return Vec::new() };
    let (Ok(mounts), Ok(groups)) = (process.mountinfo(), process.cgroups()) else { return Vec::new() };
    let own = |fits: &dyn Fn(&MountInfo) -> bool, controller: &str| -> Vec<PathBuf> {
        let mount = mounts.0.iter().rev().find(|mount| fits(mount));
        mount.map_or_else(Vec::new, |mount| folders(mount, &groups, controller))
    };
    let version1 = own(&|mount| mount.fs_type == "cgroup" && mount.super_options.contains_key("memory"), "memory");
    let version2 = own(&|mount| mount.fs_type == "cgroup2", "");
    // A version 2 group with processes in it cannot hand the controller on: one above it may (cgroups(7), "no internal processes").
    let hands_on = |folder: &PathBuf| {
        fs::read_to_string(folder.join("cgroup.subtree_control"))
            .is_ok_and(|text| text.split_whitespace().any(|name| name == "memory"))
    };
    let version2 = version2.into_iter().filter(hands_on).map(|folder| (folder, "memory.max"));
    version2.chain(version1.into_iter().take(1).map(|folder| (folder, "memory.limit_in_bytes"))).collect()
}

/// The folders of this process's group under a controller, its own first, up to the mount's.
fn folders(mount: &MountInfo, groups: &ProcessCGroups, controller: &str) -> Vec<PathBuf> {
    let belongs = |names: &[String]| {
        if controller.is_empty() { names.is_empty() } else { names.iter().any(|name| name == controller) }
    };
    let Some(group) = groups.0.iter().find(|group| belongs(&group.controllers)) else { return Vec::new() };
    // A container may see only its own part of the tree.
    let below = Path::new(&group.pathname).strip_prefix(&mount.root).unwrap_or(Path::new(""));
    let own = mount.mount_point.join(below);
    own.ancestors().take_while(|folder| folder.starts_with(&mount.mount_point)).map(Path::to_path_buf).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_made_with_its_limit_and_removed_or_says_why_not() {
        match MemoryGroup::make(64 << 20) {
            Ok(group) => {
                let folder = group.folder().to_owned();
                let limit = ["memory.max", "memory.limit_in_bytes"].map(|file| fs::read_to_string(folder.join(file)));
                let limit = limit.into_iter().find_map(Result::ok).unwrap();
                assert_eq!(limit.trim().parse(), Ok(64 << 20));
                assert!(MemoryGroup::counts(&folder).file_bytes.is_some());
                drop(group);
                assert!(!folder.exists());
            }
            Err(why) => {
                assert!(why.contains("systemd-run"), "{why}");
                eprintln!("skipped: {why}");
            }
        }
    }
}
