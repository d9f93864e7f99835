//! Which whole disks lie below a block device: partitions, device-mapper and md followed down through sysfs.
//!
//! The whole disk, since flushes are counted there alone (block/blk-flush.c, blk_account_io_flush): a partition's flush count stays 0.

use std::collections::BTreeSet;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Device-mapper on md on partitions is four steps; more than this is a loop in what we read.
const DEEPEST: usize = 16;

/// The folder in sysfs of the block device with this number.
///
/// # Errors
/// A sentence, where sysfs does not show it.
pub(super) fn node_of_number(sys: &Path, major: u32, minor: u32) -> Result<PathBuf, String> {
    let link = sys.join(format!("dev/block/{major}:{minor}"));
    link.canonicalize()
        .map_err(|error| format!("block device {major}:{minor} is not shown in {} ({error})", link.display()))
}

/// The folder in sysfs of the block device that `path` (`/dev/vda1`, `/dev/mapper/x`, a symlink) names: by the number of the
/// node in /dev; where a container hides the node, by its name.
///
/// # Errors
/// A sentence, where it names no block device. The source itself is left out, since it may name a server or a person.
pub(super) fn node_of_path(sys: &Path, path: &str) -> Result<PathBuf, String> {
    if !path.starts_with('/') {
        return Err("the filesystem's mount source is not a block device".to_owned());
    }
    match std::fs::metadata(path) {
        Ok(node) if node.file_type().is_block_device() => {
            let number = node.rdev();
            node_of_number(sys, u32_of(nix::sys::stat::major(number)), u32_of(nix::sys::stat::minor(number)))
        }
        Ok(_) => Err("the filesystem's mount source is not a block device".to_owned()),
        Err(error) => node_of_name(sys, path)
            .ok_or_else(|| format!("the filesystem's mount source cannot be looked at ({error})")),
    }
}

fn node_of_name(sys: &Path, path: &str) -> Option<PathBuf> {
    let name = Path::new(path).file_name()?;
    if path.starts_with("/dev/mapper/") {
        let devices = std::fs::read_dir(sys.join("class/block")).ok()?;
        return devices
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|node| super::line(&node.join("dm/name")).is_some_and(|dm| name == dm.as_str()))?
            .canonicalize()
            .ok();
    }
    sys.join("class/block").join(name).canonicalize().ok()
}

/// A partition's disk; any other device itself.
pub(super) fn without_partition(node: &Path) -> &Path {
    if node.join("partition").exists() { node.parent().unwrap_or(node) } else { node }
}

/// The whole disks below `nodes`, each once, in order of their names.
///
/// # Errors
/// A sentence, where a device's `slaves` cannot be followed.
pub(super) fn disks(nodes: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = BTreeSet::new();
    for node in nodes {
        let node = node.canonicalize().map_err(|error| format!("{} cannot be followed ({error})", node.display()))?;
        descend(&node, 0, &mut found)?;
    }
    Ok(found.into_iter().collect())
}

fn descend(node: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("the devices below {} have no end", node.display()));
    }
    let disk = without_partition(node);
    let below = slaves(disk);
    if below.is_empty() {
        found.insert(disk.to_path_buf());
    }
    for slave in below {
        let slave =
            slave.canonicalize().map_err(|error| format!("{} cannot be followed ({error})", slave.display()))?;
        descend(&slave, depth + 1, found)?;
    }
    Ok(())
}

/// What device-mapper, md or bcache made this device from; nothing for a disk.
fn slaves(disk: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(disk.join("slaves")) else {
        return Vec::new();
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Device numbers have 12 and 20 bits (include/linux/kdev_t.h).
fn u32_of(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
