//! Who may write in a folder: one process at a time, by a lock that its end gives back.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{SysError, SysResult};

/// A folder that this process has locked (flock(2)), until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "open, and so locked")] File);

/// Whether a folder could be locked.
#[derive(Debug)]
pub enum Locked {
    /// It is ours. So it is, unlocked, on a filesystem that has no locks on folders (NFS locks files alone).
    Ours(FolderLock),
    /// Another's; its process id, where /proc/locks tells it.
    Held(Option<i32>),
}

impl FolderLock {
    /// Locks `folder`, or says who has.
    ///
    /// # Errors
    /// What open(2) answers.
    pub fn take(folder: &Path) -> SysResult<Locked> {
        let handle = File::open(folder).map_err(SysError::io("open", folder))?;
        match handle.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Locked::Ours(Self(handle))),
            Err(TryLockError::WouldBlock) => Ok(Locked::Held(holder(&handle))),
        }
    }
}

/// The process that holds a lock on the file, by /proc/locks (proc_locks(5)): `1: FLOCK  ADVISORY  WRITE 708 08:01:2883594 0 EOF`. By its
/// inode alone: on btrfs the device there is not the one of stat(2). A process outside of our view has the id 0 there, or -1.
fn holder(file: &File) -> Option<i32> {
    let inode = format!(":{}", file.metadata().ok()?.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let held = words.get(1) == Some(&"FLOCK") && words.get(5)?.ends_with(&inode);
        words.get(4).filter(|_| held)?.parse().ok().filter(|pid| *pid > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once_and_who_holds_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(matches!(first, Locked::Ours(_)), "{first:?}");
        match FolderLock::take(folder.path()).unwrap() {
            Locked::Held(by) => assert!(by.is_none_or(|pid| pid == std::process::id() as i32), "{by:?}"),
            Locked::Ours(_) => panic!("locked twice"),
        }
    }
}
