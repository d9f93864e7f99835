//! Where files lie, and that nothing of them is left behind.
//!
//! A site is a folder of our own under the user's `--dir`. Its lock file is held (flock(2)) while its owner lives; a folder
//! of that form whose lock nobody holds was left by a killed process, and the next one removes it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::mkdtemp;

use crate::os::file::{self, Open};
use crate::os::{SysError, SysResult};

/// How the name of every such folder begins.
const PREFIX: &str = ".pagewise-";

/// The file in it that its owner keeps locked.
const LOCK: &str = "lock";

/// How old a folder without a lock file must be before it counts as left over: a live owner makes the file at once.
const YOUNG: Duration = Duration::from_secs(60);

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// There is nothing at the path.
    #[error("--dir {}: no such folder; make it, or name another", .0.display())]
    Missing(PathBuf),
    /// There is something else.
    #[error("--dir {}: not a folder; name the folder to work in", .0.display())]
    NotAFolder(PathBuf),
    /// No file can be made in it.
    #[error("--dir {}: no file can be made in it: {}; name a folder that you can write to", dir.display(), why.desc())]
    Unwritable {
        /// The folder.
        dir: PathBuf,
        /// What the kernel answered.
        why: Errno,
    },
    /// The filesystem is too full.
    #[error("--dir {}: {free} MiB free, {need} MiB needed; make room, or name another folder", dir.display())]
    Full {
        /// The folder.
        dir: PathBuf,
        /// MiB free to us.
        free: u64,
        /// MiB needed.
        need: u64,
    },
    /// The folder could not be removed at the end.
    #[error("{}: could not be removed: {why}; remove it by hand", path.display())]
    NotRemoved {
        /// The folder.
        path: PathBuf,
        /// What the kernel answered.
        why: io::Error,
    },
    /// It cannot be asked how full the filesystem is.
    #[error("--dir: {0}")]
    System(#[from] SysError),
}

/// A folder of our own; removed, with all in it, when dropped.
#[derive(Debug)]
pub struct Site {
    path: PathBuf,
    /// Open, and so locked, until the folder goes.
    lock: Option<File>,
}

impl Site {
    /// Makes a folder under `dir`, mode 0700, where `need` bytes must be free; removes what killed processes left there.
    ///
    /// # Errors
    /// One sentence that says what is wrong with `dir` and what to do.
    pub fn make(dir: &Path, need: u64) -> Result<Self, SiteError> {
        Self::check(dir, need)?;
        sweep(dir);
        Self::new(dir).map_err(|error| SiteError::Unwritable { dir: dir.to_owned(), why: error.errno })
    }

    /// Says what is wrong with `dir`, as far as that shows before anything is made in it.
    ///
    /// # Errors
    /// As [`Site::make`].
    pub fn check(dir: &Path, need: u64) -> Result<(), SiteError> {
        look_at(dir, need)
    }

    fn new(dir: &Path) -> SysResult<Self> {
        let process = std::process::id();
        let path = mkdtemp(&dir.join(format!("{PREFIX}{process}-XXXXXX")))
            .map_err(|errno| SysError::new("mkdtemp", dir.display(), errno))?;
        let mut site = Self { path, lock: None };
        let lock = file::create_new(&site.path.join(LOCK))?;
        // Shows at once whether files here can be written at all: those of hugetlbfs cannot.
        file::write_at(&lock, process.to_string().as_bytes(), 0)?;
        // Where a filesystem has no locks, a left-over folder is not recognised, and stays.
        let _ = lock.try_lock();
        site.lock = Some(lock);
        Ok(site)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reserves `bytes` until [`Site::clear`], as far as the filesystem can: what comes next finds the room that was there.
    pub fn hold(&self, bytes: u64) {
        if bytes > 0
            && let Ok(ballast) = file::create_new(&self.path.join("ballast"))
        {
            let _ = file::reserve(&ballast, bytes);
        }
    }

    /// Removes every file but the lock: what comes next finds the folder as it was made.
    pub fn clear(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten().filter(|entry| entry.file_name() != LOCK) {
            let _ = fs::remove_file(entry.path());
        }
    }

    /// Removes the folder, and says where that fails.
    ///
    /// # Errors
    /// [`SiteError::NotRemoved`].
    pub fn remove(mut self) -> Result<(), SiteError> {
        let path = self.path.clone();
        self.vanish().map_err(|why| SiteError::NotRemoved { path, why })
    }

    /// The lock goes first: NFS and FUSE keep a file that is open under another name, which would hold the folder. FUSE closes late, so that
    /// a folder that is not empty is tried again for a second.
    fn vanish(&mut self) -> io::Result<()> {
        self.lock = None;
        let mut tries = 20;
        loop {
            match fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && tries > 0 => {
                    tries -= 1;
                    std::thread::sleep(Duration::from_millis(50));
                }
                outcome => return outcome,
            }
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.vanish();
    }
}

/// Says what is wrong with `dir` before anything is made in it.
fn look_at(dir: &Path, need: u64) -> Result<(), SiteError> {
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(SiteError::NotAFolder(dir.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SiteError::Missing(dir.to_owned())),
        Err(error) => {
            let why = Errno::from_raw(error.raw_os_error().unwrap_or(0));
            return Err(SiteError::Unwritable { dir: dir.to_owned(), why });
        }
    }
    let Some(free) = file::free_space(dir)? else { return Ok(()) };
    // A tenth more: metadata, journals, and filesystems that copy on write.
    let need = need + need / 10 + (4 << 20);
    if free < need {
        return Err(SiteError::Full { dir: dir.to_owned(), free: free >> 20, need: need.div_ceil(1 << 20) });
    }
    Ok(())
}

/// Removes the folders in `dir` whose owner is dead. What cannot be removed stays: it is in nobody's way.
fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && is_left_over(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether `folder` is one of this user's whose owner is dead: its lock can be had. A link is not a folder here.
fn is_left_over(folder: &Path) -> bool {
    let Ok(found) = fs::symlink_metadata(folder) else { return false };
    if !found.is_dir() || found.uid() != nix::unistd::geteuid().as_raw() {
        return false;
    }
    // For writing too, since NFS locks with what fcntl(2) has (flock(2), NOTES).
    match file::open(&folder.join(LOCK), Open::ReadWrite) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(error) if error.errno == Errno::ENOENT => is_old_and_empty(folder, &found),
        Err(_) => false,
    }
}

/// Killed between making the folder and its lock; one with files but no lock is not of ours.
fn is_old_and_empty(folder: &Path, found: &fs::Metadata) -> bool {
    let age = found.modified().ok().and_then(|time| time.elapsed().ok());
    let empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    empty && age.is_some_and(|age| age > YOUNG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_in(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn a_site_is_gone_with_all_in_it_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let site = Site::make(dir.path(), 0).unwrap();
        fs::write(site.path().join("file"), "bytes").unwrap();
        assert_eq!(left_in(dir.path()), 1);
        drop(site);
        assert_eq!(left_in(dir.path()), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_a_live_one_uses_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let live = Site::make(dir.path(), 0).unwrap();
        let killed = dir.path().join(format!("{PREFIX}1-left"));
        fs::create_dir(&killed).unwrap();
        fs::write(killed.join(LOCK), "").unwrap();
        fs::write(killed.join("file"), "bytes").unwrap();
        let next = Site::make(dir.path(), 0).unwrap();
        assert!(!killed.exists(), "the dead one stays");
        assert!(live.path().exists() && next.path().exists(), "a live one is gone");
    }

    #[test]
    fn a_folder_without_a_lock_and_a_link_stay() {
        let dir = tempfile::tempdir().unwrap();
        let strange = dir.path().join(format!("{PREFIX}of-someone-else"));
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&strange).unwrap();
        fs::write(strange.join("file"), "bytes").unwrap();
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(LOCK), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, dir.path().join(format!("{PREFIX}link"))).unwrap();
        drop(Site::make(dir.path(), 0).unwrap());
        assert!(strange.join("file").exists());
        assert!(elsewhere.join(LOCK).exists(), "a link was followed");
    }

    #[test]
    fn a_bad_folder_is_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Site::make(&dir.path().join("missing"), 0).unwrap_err().to_string();
        assert!(missing.contains("no such folder"), "{missing}");
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        assert!(Site::make(&file, 0).unwrap_err().to_string().contains("not a folder"));
        let full = Site::make(dir.path(), u64::MAX / 4).unwrap_err().to_string();
        assert!(full.contains("MiB free") && full.contains("make room"), "{full}");
    }
}
