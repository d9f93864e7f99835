//! Which devices a btrfs filesystem lies on: its files' `st_dev` is of no device, and its mount source names one of several.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// `struct btrfs_ioctl_fs_info_args` (include/uapi/linux/btrfs.h): 1,024 bytes, of which the identity is what we read.
#[repr(C)]
struct FsInfo {
    max_id: u64,
    num_devices: u64,
    fsid: [u8; 16],
    rest: [u8; 992],
}

nix::ioctl_read!(btrfs_fs_info, 0x94, 31, FsInfo);

/// `/sys/fs/btrfs/<identity>` of the filesystem that `dir` lies on. Needs no privilege.
///
/// # Errors
/// A sentence; also for a folder that is not on btrfs.
pub(super) fn sys_folder(dir: &Path, sys: &Path) -> Result<PathBuf, String> {
    let folder = File::open(dir).map_err(|error| format!("the folder cannot be opened ({error})"))?;
    let mut info = FsInfo { max_id: 0, num_devices: 0, fsid: [0; 16], rest: [0; 992] };
    // SAFETY: the structure has the size that the request's number states, and the kernel writes no more than that.
    unsafe { btrfs_fs_info(folder.as_raw_fd(), &raw mut info) }
        .map_err(|errno: Errno| format!("btrfs does not say which filesystem this is ({})", errno.desc()))?;
    Ok(sys.join("fs/btrfs").join(hyphenated(info.fsid)))
}

/// The folders in sysfs of its devices.
///
/// # Errors
/// A sentence, where they cannot be listed.
pub(super) fn nodes(dir: &Path, sys: &Path) -> Result<Vec<PathBuf>, String> {
    let devices = sys_folder(dir, sys)?.join("devices");
    let entries =
        std::fs::read_dir(&devices).map_err(|error| format!("the filesystem's devices cannot be listed ({error})"))?;
    let nodes: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    if nodes.is_empty() { Err("btrfs lists no device".to_owned()) } else { Ok(nodes) }
}

/// A UUID as sysfs writes it: 8-4-4-4-12 hexadecimal digits.
fn hyphenated(fsid: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in fsid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_as_long_as_the_kernels() {
        assert_eq!(size_of::<FsInfo>(), 1024);
    }

    #[test]
    fn an_identity_is_written_as_sysfs_writes_it() {
        let fsid = std::array::from_fn(|index| index as u8 * 16 + 1);
        assert_eq!(hyphenated(fsid), "01112131-4151-6171-8191-a1b1c1d1e1f1");
    }

    #[test]
    fn a_folder_that_is_not_on_btrfs_is_refused_with_a_sentence() {
        let reason = sys_folder(Path::new("/proc"), Path::new("/sys")).unwrap_err();
        assert!(reason.contains("btrfs does not say"), "{reason}");
    }
}
