//! Which block device lies below a folder, and what it counted.
//!
//! Device bytes and flushes are evidence only if they are read from the right device. `st_dev` alone is not it: btrfs
//! and other filesystems give their files a device number that names no disk. So the way is: folder → its mount
//! (`mount`) → the filesystem's devices → the whole disk below them (`whole`) → that disk's counters (`stat`).
//! Where any step has no single answer, the device is an `Err` with a sentence that says why.

mod btrfs;
mod idle;
mod mount;
mod probe;
mod stat;
mod whole;

use std::path::{Path, PathBuf};

use mount::Mount;
use serde::{Deserialize, Serialize};
pub use stat::{DiskStat, StatReader, has_volatile_cache};

/// Filesystems whose files live in memory: a sync has nothing to wait for.
const MEMORY: [&str; 5] = ["tmpfs", "ramfs", "devtmpfs", "hugetlbfs", "rootfs"];

/// Filesystems served by another machine or by a virtual machine's host.
const NETWORK: [&str; 27] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "virtiofs",
    "ceph",
    "afs",
    "lustre",
    "gpfs",
    "beegfs",
    "glusterfs",
    "orangefs",
    "pvfs2",
    "coda",
    "vboxsf",
    "vmhgfs",
    "prl_fs",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.ceph",
    "fuse.s3fs",
    "fuse.rclone",
    "fuse.vmhgfs-fuse",
    "fuse.davfs",
    "fuse.grpcfuse",
];

/// What a folder's files are kept on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The filesystem's type as mountinfo names it: `ext4`, `fuse.sshfs`; `unknown` where mountinfo cannot be read.
    pub filesystem: String,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Options of the mount and of the filesystem, `rw` or `ro` first, the rest sorted: `rw,discard,relatime`.
    pub mount_options: String,
    /// What was mounted: `/dev/vda1`, `server:/export`, `tmpfs`.
    pub source: String,
    /// The one whole disk below it, or a sentence on why there is none to read.
    pub device: Result<BlockDevice, String>,
    /// Whether the files are in memory: tmpfs and its like, a zram or RAM disk, a loop device on a tmpfs file.
    pub is_memory: bool,
    /// Whether another machine, or the host of this one, serves the files.
    pub is_network: bool,
    /// How far the kernel reads ahead in this filesystem's files.
    pub read_ahead: Option<ReadAhead>,
}

/// Readahead, as the filesystem's backing device info has it (Documentation/ABI/testing/sysfs-class-bdi).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAhead {
    /// In KiB.
    pub kib: u64,
    /// The name under /sys/class/bdi of what holds the setting: `8:0` for a disk, `btrfs-1` for a btrfs.
    pub bdi: String,
}

/// A whole disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockDevice {
    /// The kernel's name: `vda`, `nvme0n1`, `loop3`.
    pub name: String,
    /// Its folder in sysfs: `/sys/devices/…/block/vda`.
    pub sys: PathBuf,
    /// Its counters: `/sys/devices/…/block/vda/stat` (Documentation/block/stat.rst).
    pub stat: PathBuf,
    /// Whether an `fdatasync` raises its flush counter; `None` until [`Disk::probe_flushes`] has tried.
    pub counts_flushes: Option<bool>,
    /// For a loop device, the file that plays the disk, as /sys names it; empty where it is hidden.
    pub loop_backing: Option<String>,
}

impl BlockDevice {
    /// The device whose folder in sysfs is `sys`.
    fn at(sys: &Path) -> Self {
        let name = sys.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let loop_backing = name.starts_with("loop").then(|| line(&sys.join("loop/backing_file")).unwrap_or_default());
        Self { name, stat: sys.join("stat"), sys: sys.to_path_buf(), counts_flushes: None, loop_backing }
    }

    /// Whether its content is kept in memory.
    fn is_memory(&self) -> bool {
        let numbered = |prefix: &str| {
            self.name
                .strip_prefix(prefix)
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        };
        numbered("zram") || numbered("ram") || self.loop_backing.as_deref().is_some_and(file_in_memory)
    }
}

impl Disk {
    /// What the files of `dir` are kept on. Never fails: what cannot be found out is `unknown`, or a reason in `device`.
    pub fn of_dir(dir: &Path) -> Self {
        match mount::of_dir(dir) {
            Ok(mount) => Self::of_mount(mount, dir, Path::new("/sys")),
            Err(reason) => Self {
                filesystem: "unknown".to_owned(),
                mount_point: PathBuf::new(),
                mount_options: String::new(),
                source: String::new(),
                device: Err(reason),
                is_memory: false,
                is_network: false,
                read_ahead: None,
            },
        }
    }

    fn of_mount(mount: Mount, dir: &Path, sys: &Path) -> Self {
        let is_network = NETWORK.contains(&mount.filesystem.as_str());
        let device = device_below(&mount, dir, sys);
        Self {
            is_memory: MEMORY.contains(&mount.filesystem.as_str()) || device.as_ref().is_ok_and(BlockDevice::is_memory),
            is_network,
            device,
            read_ahead: read_ahead(&mount, dir, sys),
            filesystem: mount.filesystem,
            mount_point: mount.point,
            mount_options: mount.options,
            source: mount.source,
        }
    }
}

/// The one whole disk below `mount`.
fn device_below(mount: &Mount, dir: &Path, sys: &Path) -> Result<BlockDevice, String> {
    if let Some(reason) = no_device(&mount.filesystem) {
        return Err(reason);
    }
    let mut disks = whole::disks(&nodes(mount, dir, sys)?)?;
    let Some(disk) = disks.pop() else {
        return Err(format!("no block device was found below {}", mount.filesystem));
    };
    let device = BlockDevice::at(&disk);
    if !disks.is_empty() {
        let mut names: Vec<String> = disks.iter().map(|other| BlockDevice::at(other).name).collect();
        names.push(device.name);
        return Err(format!(
            "the filesystem spans {} disks ({}), so no one disk's counters tell what an operation cost",
            names.len(),
            names.join(", ")
        ));
    }
    if line(&device.sys.join("queue/iostats")).as_deref() == Some("0") {
        return Err(format!("{} keeps no counters (queue/iostats is 0)", device.name));
    }
    Ok(device)
}

/// Why a filesystem of this type has no block device to read, where its type alone says so.
fn no_device(filesystem: &str) -> Option<String> {
    if MEMORY.contains(&filesystem) {
        Some(format!("{filesystem} keeps its files in memory, on no block device"))
    } else if NETWORK.contains(&filesystem) {
        Some(format!("{filesystem} is served by another machine or by the host, whose disk cannot be read from here"))
    } else if filesystem == "overlay" || filesystem == "aufs" {
        Some(format!("{filesystem} combines several filesystems, so no one device serves it"))
    } else if filesystem == "fuse" || filesystem == "fuseblk" || filesystem.starts_with("fuse.") {
        Some(format!("{filesystem} is served by a program (FUSE), which may keep the files anywhere"))
    } else if filesystem == "zfs" {
        Some("zfs spreads its files over a pool, which it does not show as block devices".to_owned())
    } else {
        None
    }
}

/// The folders in sysfs of the block devices that `mount`'s filesystem was made on.
fn nodes(mount: &Mount, dir: &Path, sys: &Path) -> Result<Vec<PathBuf>, String> {
    let mut nodes = match (mount.filesystem.as_str(), mount.device) {
        ("btrfs", _) => btrfs::nodes(dir, sys)
            .or_else(|_| mount.sources().map(|source| whole::node_of_path(sys, source)).collect())?,
        (_, (0, _)) => mount.sources().map(|source| whole::node_of_path(sys, source)).collect::<Result<_, _>>()?,
        // The number that mountinfo gives needs no name in /dev, which may be `/dev/root` or hidden by a container.
        (_, (major, minor)) => vec![whole::node_of_number(sys, major, minor)?],
    };
    // xfs may keep its log or its real-time data elsewhere (xfs(5)); a flush then goes there too.
    for option in ["logdev=", "rtdev="] {
        if let Some(path) = mount.options.split(',').find_map(|word| word.strip_prefix(option)) {
            nodes.push(whole::node_of_path(sys, path)?);
        }
    }
    Ok(nodes)
}

/// The readahead of the filesystem's backing device info: its own (btrfs, network filesystems), else that of the
/// device directly below it, which for device-mapper is not the disk's.
fn read_ahead(mount: &Mount, dir: &Path, sys: &Path) -> Option<ReadAhead> {
    let of = |bdi: PathBuf| {
        let bdi = bdi.canonicalize().ok()?;
        let kib = line(&bdi.join("read_ahead_kb"))?.parse().ok()?;
        Some(ReadAhead { kib, bdi: bdi.file_name()?.to_string_lossy().into_owned() })
    };
    let (major, minor) = mount.device;
    of(sys.join(format!("class/bdi/{major}:{minor}")))
        .or_else(|| of(btrfs::sys_folder(dir, sys).ok()?.join("bdi")))
        .or_else(|| of(whole::without_partition(&whole::node_of_number(sys, major, minor).ok()?).join("bdi")))
}

/// Whether the file at `path` is kept in memory.
fn file_in_memory(path: &str) -> bool {
    let path = Path::new(path);
    path.is_file() && path.parent().is_some_and(|parent| Disk::of_dir(parent).is_memory)
}

/// The one line of a sysfs attribute.
fn line(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests;
