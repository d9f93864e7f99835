//! A control group of our own that limits memory, page cache included (cgroups(7)), in both versions; and what a group counts.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::ProcessCGroups;
use procfs::process::{MountInfo, MountInfos, Process};

/// A group, removed when dropped; by then no process may be in it.
#[derive(Debug)]
pub struct MemoryGroup {
    folder: PathBuf,
}

/// What a group's memory.stat counts; what it does not show is `None`.
///
/// Version 1 has `pgpgout`, which counts folios, not pages (mm/memcontrol-v1.c, memcg1_uncharge_batch), and what processes give back as well as what
/// reclaim takes: it is not taken for the latter.
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
    /// Pages that reclaim took: version 2 alone tells.
    pub reclaimed: Option<u64>,
}

/// A limit that this process is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The least of its own group and those above.
    pub bytes: u64,
    /// Its own group.
    pub folder: PathBuf,
}

/// How the name of each of our groups begins; the number of the process that made it follows.
const PREFIX: &str = "pagewise-";

/// Version 1 writes "no limit" as the largest number of whole pages; no machine has this much.
const NO_LIMIT: u64 = 1 << 62;

const REMEDY: &str = "run it as root, or within a limit: `systemd-run --user --scope -p MemoryMax=128M pagewise run page_touch --sweep memory`, \
    which needs version 2 of control groups (with version 1, root must start it: `systemd-run --scope --uid=USER -p MemoryMax=128M …`). \
    `prlimit` and `ulimit` are of no use: no resource limit counts the page cache (getrlimit(2))";

impl MemoryGroup {
    /// Makes a group beside this process's own, or within it, that may use `limit` bytes. Removes those that killed processes left there.
    ///
    /// # Errors
    /// In a sentence, with what to do: there is no memory controller that this user may ask.
    pub fn make(limit: u64) -> Result<Self, String> {
        let tree = Tree::own().ok_or_else(|| refusal("/proc/self/mountinfo or /proc/self/cgroup cannot be read"))?;
        tree.make(limit, std::process::id()).map_err(|why| refusal(&why))
    }

    /// The limit that this process is under already, if any.
    pub fn limit() -> Option<Limit> {
        Tree::own()?.limit()
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
        // Version 2's names, then version 1's.
        GroupMemory {
            file_bytes: value(&text, ["file", "cache"]),
            anon_bytes: value(&text, ["anon", "rss"]),
            refaults: value(&text, ["workingset_refault_file"; 2]),
            scanned: value(&text, ["pgscan"; 2]),
            reclaimed: value(&text, ["pgsteal"; 2]),
        }
    }

    /// Processes of the group at `folder` that the out-of-memory killer has killed: of memory.events, or version 1's memory.oom_control
    /// (Linux 4.13).
    pub fn oom_kills(folder: &Path) -> Option<u64> {
        let texts = ["memory.events", "memory.oom_control"].map(|file| fs::read_to_string(folder.join(file)));
        texts.into_iter().flatten().find_map(|text| value(&text, ["oom_kill"; 2]))
    }
}

fn refusal(why: &str) -> String {
    format!("a control group that limits memory cannot be made here ({why}); {REMEDY}")
}

/// The value of the first line of `text` that has one of `names`.
fn value(text: &str, names: [&str; 2]) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| names.contains(name)).and_then(|(_, value)| value.parse().ok())
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

/// Where a process's groups are shown that can limit memory: folders of its own group first, up to the mount's.
struct Tree {
    version1: Vec<PathBuf>,
    version2: Vec<PathBuf>,
}

impl Tree {
    /// This process's.
    fn own() -> Option<Self> {
        let process = Process::myself().ok()?;
        Some(Self::of(&process.mountinfo().ok()?, &process.cgroups().ok()?))
    }

    fn of(mounts: &MountInfos, groups: &ProcessCGroups) -> Self {
        let shown = |fits: &dyn Fn(&MountInfo) -> bool, controller: &str| -> Vec<PathBuf> {
            let mount = mounts.0.iter().rev().find(|mount| fits(mount));
            mount.map_or_else(Vec::new, |mount| folders(mount, groups, controller))
        };
        Self {
            version1: shown(&|mount| mount.fs_type == "cgroup" && mount.super_options.contains_key("memory"), "memory"),
            version2: shown(&|mount| mount.fs_type == "cgroup2", ""),
        }
    }

    /// Folders in which a group may be made, and the file that its limit goes to.
    fn parents(&self) -> Vec<(&Path, &'static str)> {
        // A version 2 group with processes in it cannot hand the controller on: one above it may (cgroups(7), "no internal processes").
        let hands_on = |folder: &&PathBuf| {
            fs::read_to_string(folder.join("cgroup.subtree_control"))
                .is_ok_and(|text| text.split_whitespace().any(|name| name == "memory"))
        };
        let version2 = self.version2.iter().filter(hands_on).map(|folder| (folder.as_path(), "memory.max"));
        let version1 = self.version1.iter().take(1).map(|folder| (folder.as_path(), "memory.limit_in_bytes"));
        version2.chain(version1).collect()
    }

    fn make(&self, limit: u64, process: u32) -> Result<MemoryGroup, String> {
        let mut why = match (self.version1.is_empty(), self.version2.is_empty()) {
            (true, true) => "no control groups are mounted".to_owned(),
            _ => "no group of this process or above hands the memory controller on".to_owned(),
        };
        for (parent, file) in self.parents() {
            sweep(parent, process);
            let folder = parent.join(format!("{PREFIX}{process}"));
            if let Err(error) = fs::create_dir(&folder) {
                why = format!("{}: {error}", folder.display());
                continue;
            }
            let group = MemoryGroup { folder };
            match fs::write(group.folder.join(file), limit.to_string()) {
                Ok(()) => return Ok(group),
                Err(error) => why = format!("{}: {error}", group.folder.join(file).display()),
            }
        }
        Err(why)
    }

    fn limit(&self) -> Option<Limit> {
        let least = |folders: &[PathBuf], file: &str| {
            let texts = folders.iter().filter_map(|folder| fs::read_to_string(folder.join(file)).ok());
            let bytes = texts.filter_map(|text| text.trim().parse().ok()).filter(|bytes| *bytes < NO_LIMIT).min()?;
            Some(Limit { bytes, folder: folders.first()?.clone() })
        };
        let all = [least(&self.version2, "memory.max"), least(&self.version1, "memory.limit_in_bytes")];
        all.into_iter().flatten().min_by_key(|limit| limit.bytes)
    }
}

/// Removes groups of ours in `parent` that a killed process left, those of `process` among them, whose number a dead one had. One that a process is
/// in stays: the kernel does not remove it (EBUSY).
fn sweep(parent: &Path, process: u32) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|number| number.parse().ok());
        let is_left = |maker: u32| maker == process || !Path::new(&format!("/proc/{maker}")).exists();
        if maker.is_some_and(is_left) {
            let _ = fs::remove_dir(entry.path());
        }
    }
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
    use procfs::FromRead;

    use super::*;
    use crate::skips::{Lack, skip};

    /// The tree that a process sees to whom /proc shows these lines; `{}` stands for the folder where they are mounted.
    fn tree(top: &Path, mountinfo: &str, cgroup: &str) -> Tree {
        let mountinfo = mountinfo.replace("{}", top.to_str().unwrap());
        Tree::of(
            &MountInfos::from_read(mountinfo.as_bytes()).unwrap(),
            &ProcessCGroups::from_read(cgroup.as_bytes()).unwrap(),
        )
    }

    const VERSION2: &str = "30 23 0:26 / {} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const VERSION1: &str = "35 31 0:32 / {} rw - cgroup cgroup rw,memory\n";

    fn put(folder: &Path, file: &str, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
    }

    #[test]
    fn in_version_2_a_group_is_made_where_the_controller_is_handed_on() {
        let top = tempfile::tempdir().unwrap();
        let (slice, own) = (top.path().join("user/slice"), top.path().join("user/slice/run.scope"));
        put(&own, "cgroup.subtree_control", "\n");
        put(&slice, "cgroup.subtree_control", "cpu memory pids\n");
        put(top.path(), "cgroup.subtree_control", "memory\n");
        let tree = tree(top.path(), VERSION2, "0::/user/slice/run.scope\n");
        assert_eq!(tree.parents(), [(slice.as_path(), "memory.max"), (top.path(), "memory.max")]);
        let group = tree.make(64 << 20, 7).unwrap();
        assert_eq!(fs::read_to_string(slice.join("pagewise-7/memory.max")).unwrap(), "67108864");
        // A folder of ours, not the kernel's: its file goes first.
        fs::remove_file(slice.join("pagewise-7/memory.max")).unwrap();
        drop(group);
        assert!(!slice.join("pagewise-7").exists());
    }

    #[test]
    fn in_version_2_without_delegation_the_reason_says_so() {
        let top = tempfile::tempdir().unwrap();
        put(top.path(), "cgroup.subtree_control", "\n");
        let why = tree(top.path(), VERSION2, "0::/\n").make(1 << 20, 7).unwrap_err();
        assert!(why.contains("hands the memory controller on"), "{why}");
        assert!(tree(top.path(), "", "").make(1 << 20, 7).unwrap_err().contains("no control groups"));
    }

    #[test]
    fn the_least_limit_from_the_own_group_up_is_found() {
        let top = tempfile::tempdir().unwrap();
        let own = top.path().join("slice/app");
        put(&own, "memory.max", "max\n");
        put(&top.path().join("slice"), "memory.max", "268435456\n");
        let limit = tree(top.path(), VERSION2, "0::/slice/app\n").limit();
        assert_eq!(limit, Some(Limit { bytes: 256 << 20, folder: own.clone() }));
        put(&own, "memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(tree(top.path(), VERSION1, "4:memory:/slice/app\n").limit(), None);
        put(&own, "memory.limit_in_bytes", "134217728\n");
        assert_eq!(tree(top.path(), VERSION1, "4:memory:/slice/app\n").limit().unwrap().bytes, 128 << 20);
    }

    #[test]
    fn groups_that_killed_processes_left_are_removed_and_others_are_not() {
        let top = tempfile::tempdir().unwrap();
        let of = |name: &str| top.path().join(name);
        // No process has the largest number that fits (proc_pid_max(5): 2^22 at most).
        let dead = format!("{PREFIX}{}", u32::MAX);
        let alive = format!("{PREFIX}{}", std::process::id());
        for name in [dead.as_str(), alive.as_str(), "pagewise-notes", "pagewise-7"] {
            fs::create_dir(of(name)).unwrap();
        }
        sweep(top.path(), 7);
        assert!(!of(&dead).exists() && !of("pagewise-7").exists());
        assert!(of(&alive).exists() && of("pagewise-notes").exists());
    }

    #[test]
    fn kills_are_read_in_both_versions() {
        let top = tempfile::tempdir().unwrap();
        assert_eq!(MemoryGroup::oom_kills(top.path()), None);
        put(top.path(), "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        assert_eq!(MemoryGroup::oom_kills(top.path()), Some(3));
        put(top.path(), "memory.events", "oom 9\noom_kill 1\n");
        assert_eq!(MemoryGroup::oom_kills(top.path()), Some(1));
    }

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
                skip(Lack::MemoryCgroup, why);
            }
        }
    }
}
