//! Which filesystem a folder lies on, as far as claims differ by it.

use std::fmt;
use std::fs;
use std::path::Path;

use nix::sys::statfs::{
    self, BTRFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, FsType, NFS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC,
};
use procfs::process::{MountInfo, Process};
use serde::{Deserialize, Serialize};

use crate::os::{SysError, SysResult};

/// Kinds of filesystem that the claims tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Pages cached from a block device: ext4, xfs, and all that is not named below.
    Disk,
    /// btrfs: as a disk's, with copy on write beneath.
    Btrfs,
    /// Pages that are the file (mm/shmem.c).
    Tmpfs,
    /// tmpfs mounted with `huge=always`, or forced so by `shmem_enabled`.
    HugeTmpfs,
    /// Pages that are the file, with nothing else to it (fs/ramfs).
    Ramfs,
    /// A filesystem in a process.
    Fuse,
    /// NFS.
    Nfs,
    /// 9p, as virtual machines share folders with.
    NineP,
    /// Files of the filesystem beneath, under inodes of its own: containers.
    Overlay,
}

impl Kind {
    /// Those whose pages are the file: never dirty to the page cache, never written back, never evicted.
    pub const MEMORY: &[Self] = &[Self::Tmpfs, Self::HugeTmpfs, Self::Ramfs];
}

/// The filesystem of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystem {
    /// Its type as mountinfo names it: `ext4`, `fuse.sshfs`.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// For an overlay, the filesystem that new files lie on; `null` where it cannot be seen from here, as in a container.
    pub beneath: Option<Box<Filesystem>>,
}

impl Filesystem {
    /// The filesystem of `dir`, by statfs(2); its name and options by /proc/self/mountinfo, where that can be read.
    ///
    /// # Errors
    /// What statfs(2) answers.
    pub fn of(dir: &Path) -> SysResult<Self> {
        let failed = |errno| SysError::new("statfs", dir.display(), errno);
        let magic = statfs::statfs(dir).map_err(failed)?.filesystem_type();
        let mount = mount_of(dir);
        let kind = match magic {
            TMPFS_MAGIC if huge_tmpfs(mount.as_ref()) => Kind::HugeTmpfs,
            TMPFS_MAGIC => Kind::Tmpfs,
            BTRFS_SUPER_MAGIC => Kind::Btrfs,
            FUSE_SUPER_MAGIC => Kind::Fuse,
            NFS_SUPER_MAGIC => Kind::Nfs,
            OVERLAYFS_SUPER_MAGIC => Kind::Overlay,
            other => other_kind(other),
        };
        let beneath = match (kind, &mount) {
            (Kind::Overlay, Some(mount)) => upper_of(mount).map(Box::new),
            _ => None,
        };
        let name = mount.map_or_else(|| format!("filesystem {:#x}", magic.0), |mount| mount.fs_type);
        Ok(Self { name, kind, beneath })
    }
}

impl fmt::Display for Filesystem {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.beneath, self.kind) {
            (Some(beneath), _) => write!(to, "{} over {beneath}", self.name),
            (None, Kind::HugeTmpfs) => write!(to, "{} with huge pages", self.name),
            (None, _) => to.write_str(&self.name),
        }
    }
}

/// The kind of a filesystem whose magic nix does not name (include/uapi/linux/magic.h).
#[allow(clippy::unnecessary_cast, reason = "the type of f_type differs by C library")]
fn other_kind(magic: FsType) -> Kind {
    match magic.0 as i64 {
        0x8584_58f6 => Kind::Ramfs,
        0x0102_1997 => Kind::NineP,
        _ => Kind::Disk,
    }
}

/// The filesystem of an overlay's upper layer, where its new files lie.
fn upper_of(mount: &MountInfo) -> Option<Filesystem> {
    let upper = mount.super_options.get("upperdir")?.as_deref()?;
    Filesystem::of(Path::new(upper)).ok()
}

/// The mount that `dir` lies on: of the longest mount point above it the last, which covers the others.
fn mount_of(dir: &Path) -> Option<MountInfo> {
    let dir = fs::canonicalize(dir).ok()?;
    let mounts = Process::myself().ok()?.mountinfo().ok()?;
    mounts
        .into_iter()
        .filter(|mount| dir.starts_with(&mount.mount_point))
        .max_by_key(|mount| mount.mount_point.components().count())
}

/// Whether a small file of this tmpfs may lie in a huge page: Documentation/admin-guide/mm/transhuge.rst, "Hugepages in tmpfs/shmem".
/// `within_size` keeps to the file's size, and `advise` waits for a madvise(2) that no claim gives.
fn huge_tmpfs(mount: Option<&MountInfo>) -> bool {
    let system = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    let system = system.unwrap_or_default();
    let always =
        mount.and_then(|mount| mount.super_options.get("huge")).is_some_and(|value| value.as_deref() == Some("always"));
    system.contains("[force]") || (always && !system.contains("[deny]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filesystem_of_proc_is_known_by_its_name() {
        let seen = Filesystem::of(Path::new("/proc/self")).unwrap();
        assert_eq!(seen, Filesystem { name: "proc".to_owned(), kind: Kind::Disk, beneath: None });
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_filesystem() {
        let error = Filesystem::of(Path::new("/proc/self/no-such-folder")).unwrap_err();
        assert_eq!(error.errno, nix::errno::Errno::ENOENT);
    }
}
