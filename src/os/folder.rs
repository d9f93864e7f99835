//! Folders held by a descriptor: what is made, opened and removed in one is in that very folder,
//! wherever its path leads by now.
//!
//! Every name is looked up relative to the descriptor, and a link is never followed (openat(2),
//! unlinkat(2), `O_NOFOLLOW`). Another filesystem, or a part of the same one that is mounted
//! below, is never entered (openat2(2), `RESOLVE_NO_XDEV`).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, renameat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmod, fchmodat, fstat, fstatat, mkdirat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{SysError, SysResult};

/// Which file or folder it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Inode {
    /// The filesystem (`st_dev`).
    pub device: u64,
    /// Its number there (`st_ino`).
    pub number: u64,
}

/// What is known of a name in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which file or folder it is.
    pub inode: Inode,
    /// Its owner.
    pub owner: u32,
    /// Its permissions (`st_mode`, without the kind of file).
    pub mode: u32,
    /// Whether it is a folder: not a link to one.
    pub is_folder: bool,
    /// Whether it is a regular file.
    pub is_file: bool,
    /// Names that it has; of a folder, 0 once it was removed.
    pub links: u64,
    /// When its content changed last.
    pub modified: SystemTime,
}

impl From<FileStat> for Found {
    fn from(stat: FileStat) -> Self {
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
        Self {
            inode: Inode { device: stat.st_dev, number: stat.st_ino },
            owner: stat.st_uid,
            mode: stat.st_mode & 0o7777,
            is_folder: kind == SFlag::S_IFDIR,
            is_file: kind == SFlag::S_IFREG,
            links: stat.st_nlink,
            modified: UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }
}

/// Whom a file or folder that is made is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its owner alone, who may read and write it whatever the umask is.
    Owner,
    /// All whom the umask allows, as any file that a user makes.
    Umask,
}

/// A folder that is held.
#[derive(Debug)]
pub struct Folder {
    /// `O_PATH`: enough to look up names, also where the folder cannot be listed.
    handle: OwnedFd,
    /// Where it was when it was opened: for messages alone.
    path: PathBuf,
}

const HANDLE: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

impl Folder {
    /// Holds the folder that is at `path` now; links on the way are followed.
    ///
    /// # Errors
    /// What open(2) answers: `ENOENT`, `ENOTDIR`, `EACCES`, …
    pub fn open(path: &Path) -> SysResult<Self> {
        let handle = open(path, HANDLE, Mode::empty()).map_err(|errno| SysError::new("open", path.display(), errno))?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// Holds the folder `name` in this one: not a link, and nothing that is mounted there.
    ///
    /// # Errors
    /// `ENOTDIR` or `ELOOP` for what is no folder, `EXDEV` for what is mounted there; what
    /// openat(2) answers.
    pub fn folder(&self, name: &OsStr) -> SysResult<Self> {
        self.folder_by(name, true)
    }

    /// The same. `old`: whether a kernel will do that cannot tell what is mounted from the same
    /// filesystem (openat2(2), Linux 5.6).
    fn folder_by(&self, name: &OsStr, old: bool) -> SysResult<Self> {
        let path = self.path.join(name);
        let failed = |errno| SysError::new("openat", path.display(), errno);
        let flags = HANDLE | OFlag::O_NOFOLLOW;
        let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let handle = match openat2(&self.handle, name, OpenHow::new().flags(flags).resolve(resolve)) {
            // Before Linux 5.6, and under filters that do not know the call.
            Err(Errno::ENOSYS | Errno::EPERM) if old => {
                openat(&self.handle, name, flags, Mode::empty()).map_err(failed)?
            }
            outcome => outcome.map_err(failed)?,
        };
        let folder = Self { handle, path: path.clone() };
        if folder.found()?.inode.device != self.found()?.inode.device {
            return Err(failed(Errno::EXDEV));
        }
        Ok(folder)
    }

    /// Makes the folder `name`, and holds it.
    ///
    /// # Errors
    /// What mkdirat(2) answers: `EEXIST`, `EACCES`, `ENOSPC`, `EROFS`, …
    pub fn make_folder(&self, name: &OsStr, access: Access) -> SysResult<Self> {
        let mode = match access {
            Access::Owner => Mode::S_IRWXU,
            Access::Umask => Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO,
        };
        let failed = |call| move |errno| SysError::new(call, self.path.join(name).display(), errno);
        mkdirat(&self.handle, name, mode).map_err(failed("mkdirat"))?;
        // Only where the umask took the owner's own part: some filesystems have no modes to change.
        let is_whole = access == Access::Umask || self.look_at(name)?.mode & mode.bits() == mode.bits();
        let set = if is_whole {
            Ok(())
        } else {
            fchmodat(&self.handle, name, mode, FchmodatFlags::NoFollowSymlink).map_err(failed("fchmodat"))
        };
        set.and_then(|()| self.folder(name)).inspect_err(|_| {
            let _ = self.remove_folder(name);
        })
    }

    /// Makes the file `name` for reading and writing. One that is there already is an error.
    ///
    /// # Errors
    /// What openat(2) answers: `EEXIST`, `EACCES`, `ENOSPC`, `EROFS`, …
    pub fn create(&self, name: &OsStr, access: Access) -> SysResult<File> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let ours = Mode::S_IRUSR | Mode::S_IWUSR;
        let mode = match access {
            Access::Owner => ours,
            Access::Umask => ours | Mode::S_IRGRP | Mode::S_IWGRP | Mode::S_IROTH | Mode::S_IWOTH,
        };
        let failed = |call| move |errno| SysError::new(call, self.path.join(name).display(), errno);
        let file = openat(&self.handle, name, flags, mode).map_err(failed("openat(O_CREAT|O_EXCL)"))?;
        let has = Found::from(fstat(&file).map_err(failed("fstat"))?).mode;
        if access == Access::Owner && has & mode.bits() != mode.bits() {
            fchmod(&file, mode).map_err(failed("fchmod"))?;
        }
        Ok(File::from(file))
    }

    /// Gives the file `name` the name `to`, in place of one that has it (renameat(2)).
    ///
    /// # Errors
    /// What renameat(2) answers.
    pub fn rename(&self, name: &OsStr, to: &OsStr) -> SysResult<()> {
        renameat(&self.handle, name, &self.handle, to)
            .map_err(|errno| SysError::new("renameat", self.path.join(to).display(), errno))
    }

    /// Opens the regular file `name` for reading and writing. Does not wait for whoever is at the
    /// other end of a pipe of that name.
    ///
    /// # Errors
    /// `ELOOP` for a link, `EINVAL` for what is no regular file; what openat(2) answers.
    pub fn file(&self, name: &OsStr) -> SysResult<File> {
        let failed = |errno| SysError::new("openat", self.path.join(name).display(), errno);
        if !self.look_at(name)?.is_file {
            return Err(failed(Errno::EINVAL));
        }
        let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(&self.handle, name, flags, Mode::empty()).map_err(failed)?;
        if !Found::from(fstat(&file).map_err(failed)?).is_file {
            return Err(failed(Errno::EINVAL));
        }
        Ok(File::from(file))
    }

    /// What `name` is; of a link, the link itself.
    ///
    /// # Errors
    /// What fstatat(2) answers.
    pub fn look_at(&self, name: &OsStr) -> SysResult<Found> {
        fstatat(&self.handle, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map(Found::from)
            .map_err(|errno| SysError::new("fstatat", self.path.join(name).display(), errno))
    }

    /// What this folder is.
    ///
    /// # Errors
    /// What fstat(2) answers.
    pub fn found(&self) -> SysResult<Found> {
        fstat(&self.handle).map(Found::from).map_err(|errno| SysError::new("fstat", self.path.display(), errno))
    }

    /// The names in it.
    ///
    /// # Errors
    /// What openat(2) and getdents(2) answer: `EACCES` where it cannot be listed.
    pub fn names(&self) -> SysResult<Vec<OsString>> {
        let failed = |call| move |errno| SysError::new(call, self.path.display(), errno);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut listed = Dir::openat(&self.handle, ".", flags, Mode::empty()).map_err(failed("openat"))?;
        let mut names = Vec::new();
        for entry in listed.iter() {
            let name = OsStr::from_bytes(entry.map_err(failed("getdents"))?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Removes the file `name`; of a link, the link.
    ///
    /// # Errors
    /// What unlinkat(2) answers: `EISDIR` for a folder, `EBUSY` for what is mounted there.
    pub fn remove_file(&self, name: &OsStr) -> SysResult<()> {
        unlinkat(&self.handle, name, UnlinkatFlags::NoRemoveDir)
            .map_err(|errno| SysError::new("unlinkat", self.path.join(name).display(), errno))
    }

    /// Removes the folder `name`, which must be empty.
    ///
    /// # Errors
    /// What unlinkat(2) answers: `ENOTEMPTY`, `ENOTDIR` for a link, `EBUSY` for what is mounted
    /// there.
    pub fn remove_folder(&self, name: &OsStr) -> SysResult<()> {
        unlinkat(&self.handle, name, UnlinkatFlags::RemoveDir)
            .map_err(|errno| SysError::new("unlinkat(AT_REMOVEDIR)", self.path.join(name).display(), errno))
    }

    /// Removes all that is in it but `spared`, folders with all in them. What is mounted below
    /// stays, and is the error.
    ///
    /// # Errors
    /// The first that could not be removed; the others were.
    pub fn clear(&self, spared: &OsStr) -> SysResult<()> {
        let mut outcome = Ok(());
        for name in self.names()?.iter().filter(|name| *name != spared) {
            let removed = match self.remove_file(name) {
                Err(error) if error.errno == Errno::ENOENT => Ok(()),
                Err(error) if matches!(error.errno, Errno::EISDIR | Errno::EPERM) => self
                    .folder_by(name, false)
                    .and_then(|below| below.clear(OsStr::new("")))
                    .and_then(|()| self.remove_folder(name)),
                removed => removed,
            };
            outcome = outcome.and(removed);
        }
        outcome
    }

    /// Bytes free to us on its filesystem (statvfs(3), `f_bavail`); `None` for one without a size
    /// of its own (ramfs, some FUSE), which says 0 of 0.
    ///
    /// # Errors
    /// What fstatvfs(3) answers.
    pub fn free_space(&self) -> SysResult<Option<u64>> {
        let stat = fstatvfs(&self.handle).map_err(|errno| SysError::new("fstatvfs", self.path.display(), errno))?;
        Ok((stat.blocks() > 0).then(|| stat.blocks_available() * stat.fragment_size()))
    }

    /// A path to this folder that holds while it is held, wherever the folder's own path leads
    /// (proc(5), /proc/pid/fd).
    pub fn held_path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.handle.as_fd().as_raw_fd()))
    }

    /// Where it was when it was opened: for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    #[test]
    fn what_is_made_and_removed_is_in_the_folder_that_is_held_not_in_the_one_at_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let parent = Folder::open(dir.path()).unwrap();
        let held = parent.make_folder(name("held"), Access::Owner).unwrap();
        drop(held.create(name("ours"), Access::Owner).unwrap());
        // Swapped for a link to a folder of someone else's.
        let other = dir.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("ours"), "theirs").unwrap();
        fs::rename(dir.path().join("held"), dir.path().join("moved")).unwrap();
        symlink(&other, dir.path().join("held")).unwrap();
        drop(held.create(name("more"), Access::Owner).unwrap());
        assert!(dir.path().join("moved/more").exists() && !other.join("more").exists());
        held.clear(name("")).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("moved")).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(other.join("ours")).unwrap(), "theirs");
        assert!(matches!(parent.folder(name("held")).unwrap_err().errno, Errno::ELOOP | Errno::ENOTDIR));
        assert_ne!(parent.look_at(name("held")).unwrap().inode, held.found().unwrap().inode);
        assert!(parent.remove_folder(name("held")).is_err(), "a link is no folder");
    }

    #[test]
    fn clearing_removes_links_and_folders_and_follows_none() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other");
        fs::create_dir_all(other.join("deep")).unwrap();
        fs::create_dir_all(dir.path().join("held/deep/deeper")).unwrap();
        fs::write(dir.path().join("held/deep/deeper/file"), "").unwrap();
        symlink(&other, dir.path().join("held/deep/link")).unwrap();
        fs::write(dir.path().join("held/spared"), "").unwrap();
        let held = Folder::open(&dir.path().join("held")).unwrap();
        held.clear(name("spared")).unwrap();
        assert_eq!(held.names().unwrap(), ["spared"]);
        assert!(other.join("deep").exists());
    }

    #[test]
    fn only_a_regular_file_is_opened_as_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let held = Folder::open(dir.path()).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        symlink(dir.path().join("file"), dir.path().join("link")).unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe"), Mode::S_IRWXU).unwrap();
        assert!(held.file(name("file")).is_ok());
        for other in ["link", "pipe", "."] {
            assert_eq!(held.file(name(other)).unwrap_err().errno, Errno::EINVAL, "{other}");
        }
        assert_eq!(held.create(name("file"), Access::Owner).unwrap_err().errno, Errno::EEXIST);
    }
}
