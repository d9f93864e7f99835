//! Where files lie, that nothing of them is left behind, and that nothing of anyone else's is
//! touched.
//!
//! A site is a folder of our own under the user's `--dir`. It is held by a descriptor: whatever its
//! path leads to later, files are made and removed in this folder alone. Its lock file holds our
//! process number and is locked (flock(2)) while we live. What a killed process left is removed by
//! the next one, if it certainly is that.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use rand::distr::Alphanumeric;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::os::folder::{Access, Folder, Found, Inode};
use crate::os::{SysError, SysResult, file, process};

/// How the name of every such folder begins. The process number follows, `-`, and [`DRAWN`] letters
/// and digits at random.
const PREFIX: &str = ".pagewise-";
const DRAWN: usize = 6;

/// The file in it that its owner keeps locked.
pub const LOCK: &str = "lock";

/// Longer than any process number.
const LOCK_BYTES: u64 = 20;

/// The file that reserves room.
const BALLAST: &str = "ballast";

/// How old a folder without a lock file must be before it counts as left over: a live owner makes
/// the file at once.
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
    /// Anyone may rename and remove what is in it.
    #[error(
        "--dir {}: every user may remove and replace files in it; name a folder of your own, or set its sticky bit (chmod +t)",
        .0.display()
    )]
    Open(PathBuf),
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
        why: SysError,
    },
    /// It cannot be asked how full the filesystem is.
    #[error("--dir: {0}")]
    System(#[from] SysError),
}

/// A folder of our own; removed, with all in it, when dropped.
#[derive(Debug)]
pub struct Site {
    /// The folder that it is in.
    dir: Folder,
    name: OsString,
    folder: Folder,
    /// Open, and so locked, until the folder goes.
    lock: Option<File>,
    /// Left-overs that could not be removed.
    stays: Vec<String>,
    /// Whether it was removed, or is to be left.
    is_gone: bool,
}

impl Site {
    /// Makes a folder under `dir`, mode 0700, where `need` bytes must be free once the left-overs
    /// of killed processes are removed.
    ///
    /// # Errors
    /// One sentence that says what is wrong with `dir` and what to do.
    pub fn make(dir: &Path, need: u64) -> Result<Self, SiteError> {
        let (held, stays) = look_at(dir, need)?;
        let site = Self::new(held, stays);
        site.map_err(|error| SiteError::Unwritable { dir: dir.to_owned(), why: error.errno })
    }

    /// Removes the left-overs of killed processes and says what is wrong with `dir`, as far as that
    /// shows before anything is made in it.
    ///
    /// # Errors
    /// As [`Site::make`].
    pub fn check(dir: &Path, need: u64) -> Result<(), SiteError> {
        look_at(dir, need).map(drop)
    }

    fn new(dir: Folder, stays: Vec<String>) -> SysResult<Self> {
        let process = std::process::id();
        // Whoever has the same number, in another container, began at another time.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut lots = ChaCha8Rng::seed_from_u64(since.as_nanos() as u64);
        let (name, folder) = loop {
            let drawn = (&mut lots).sample_iter(Alphanumeric).take(DRAWN).map(char::from).collect::<String>();
            let name = OsString::from(format!("{PREFIX}{process}-{drawn}"));
            match dir.make_folder(&name, Access::Owner) {
                Err(error) if error.errno == Errno::EEXIST => {}
                made => break (name, made?),
            }
        };
        let mut site = Self { dir, name, folder, lock: None, stays, is_gone: false };
        let lock = site.folder.create(OsStr::new(LOCK), Access::Owner)?;
        // Shows at once whether files here can be written at all: those of hugetlbfs cannot.
        file::write_at(&lock, process.to_string().as_bytes(), 0)?;
        // Where a filesystem has no locks, a left-over folder is not recognised, and stays.
        let _ = lock.try_lock();
        site.lock = Some(lock);
        Ok(site)
    }

    /// Where the folder was when it was made.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path to the folder that holds for this process while the site does.
    pub fn held_path(&self) -> PathBuf {
        self.folder.held_path()
    }

    /// Left-overs of killed processes that could not be removed, a sentence each.
    pub fn stays(&self) -> &[String] {
        &self.stays
    }

    /// Removes every file but the lock: what comes next finds the folder as it was made.
    pub fn clear(&self) {
        // What cannot be removed is met again when the folder goes.
        let _ = self.folder.clear(OsStr::new(LOCK));
    }

    /// Its name in the folder that it is in, and which folder it is: what [`remove`] takes.
    pub fn name_and_inode(&self) -> SysResult<(OsString, Inode)> {
        Ok((self.name.clone(), self.folder.found()?.inode))
    }

    /// A path to the folder that it is in, that holds for this process while the site does.
    pub fn folder_above(&self) -> PathBuf {
        self.dir.held_path()
    }

    /// Closes the lock: NFS and FUSE keep a file that is open under another name, which would hold
    /// the folder.
    pub fn unlock(&mut self) {
        self.lock = None;
    }

    /// Lets go of the folder without touching it: it was removed, or cannot be.
    pub fn forget(mut self) {
        self.is_gone = true;
    }

    /// Removes the folder, and says where that fails.
    ///
    /// # Errors
    /// [`SiteError::NotRemoved`].
    pub fn remove(mut self) -> Result<(), SiteError> {
        let path = self.path().to_owned();
        self.vanish().map_err(|why| SiteError::NotRemoved { path, why })
    }

    fn vanish(&mut self) -> SysResult<()> {
        self.unlock();
        self.is_gone = true;
        // Also if it was moved: what it holds is ours.
        self.folder.clear(OsStr::new(LOCK))?;
        remove(&self.dir, &self.name, self.folder.found()?.inode)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !self.is_gone {
            let _ = self.vanish();
        }
    }
}

/// Removes the site `name` in `dir` with all in it, if it is the folder `inode`: another of that
/// name is someone else's.
///
/// The lock goes last, so that what a kill leaves is still known as a left-over. FUSE closes late,
/// so a folder that is not empty is tried again for a second.
///
/// # Errors
/// What could not be removed; `ESTALE` where the name is another folder's by now.
pub fn remove(dir: &Folder, name: &OsStr, inode: Inode) -> SysResult<()> {
    let is_ours = || match dir.look_at(name) {
        Ok(found) if found.inode == inode => Ok(true),
        Err(error) if error.errno == Errno::ENOENT => Ok(false),
        _ => Err(SysError::new("unlinkat(AT_REMOVEDIR)", dir.path().join(name).display(), Errno::ESTALE)),
    };
    let mut tries = 20;
    while is_ours()? {
        let folder = dir.folder(name)?;
        folder.clear(OsStr::new(LOCK))?;
        match folder.remove_file(OsStr::new(LOCK)) {
            Err(error) if error.errno != Errno::ENOENT => return Err(error),
            _ => {}
        }
        if !is_ours()? {
            break;
        }
        match dir.remove_folder(name) {
            Err(error) if error.errno == Errno::ENOTEMPTY && tries > 0 => {
                tries -= 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            outcome => return outcome,
        }
    }
    Ok(())
}

/// Reserves `bytes` in `folder` until it is cleared, as far as the filesystem can: what comes next
/// finds the room that was there.
pub fn reserve(folder: &Folder, bytes: u64) {
    if bytes > 0
        && let Ok(ballast) = folder.create(OsStr::new(BALLAST), Access::Owner)
    {
        let _ = file::reserve(&ballast, bytes);
    }
}

/// Says what is wrong with `dir` before anything is made in it. Gives it, held, and the left-overs
/// that could not be removed.
fn look_at(dir: &Path, need: u64) -> Result<(Folder, Vec<String>), SiteError> {
    let held = Folder::open(dir).map_err(|error| match error.errno {
        Errno::ENOENT => SiteError::Missing(dir.to_owned()),
        Errno::ENOTDIR => SiteError::NotAFolder(dir.to_owned()),
        why => SiteError::Unwritable { dir: dir.to_owned(), why },
    })?;
    if is_open_to_all(held.found()?.mode) {
        return Err(SiteError::Open(dir.to_owned()));
    }
    let stays = sweep(&held);
    let Some(free) = held.free_space()? else { return Ok((held, stays)) };
    // A tenth more: metadata, journals, and filesystems that copy on write.
    let need = need + need / 10 + (4 << 20);
    if free < need {
        return Err(SiteError::Full { dir: dir.to_owned(), free: free >> 20, need: need.div_ceil(1 << 20) });
    }
    Ok((held, stays))
}

/// Whether every user may rename and remove the files of others in a folder of this mode (inode(7),
/// the sticky bit).
fn is_open_to_all(mode: u32) -> bool {
    mode & 0o002 != 0 && mode & 0o1000 == 0
}

/// Removes the folders in `dir` that killed processes left. Gives a sentence for each that could
/// not be removed.
///
/// Only what is certainly such a folder: its name has the form, it is a folder of this user's, on
/// the same filesystem and not a mount; its `lock` is a regular file of this user's that holds the
/// process number of the name; nobody holds the lock, and that process is dead. A process killed
/// between making the folder and the lock leaves an empty folder, which is removed once it is old.
fn sweep(dir: &Folder) -> Vec<String> {
    let names = dir.names().unwrap_or_default();
    let swept = names.iter().filter_map(|name| {
        let process = owner_in(name)?;
        let removed = remove_left_over(dir, name, process)?;
        removed.err().map(|error| {
            format!(
                "{} was left by a process that was killed, and cannot be removed: {error}",
                dir.path().join(name).display()
            )
        })
    });
    swept.collect()
}

/// The process number in a folder's name; `None` where it is not of our form.
fn owner_in(name: &OsStr) -> Option<u32> {
    let (process, drawn) = name.to_str()?.strip_prefix(PREFIX)?.split_once('-')?;
    let is_drawn = drawn.len() == DRAWN && drawn.bytes().all(|byte| byte.is_ascii_alphanumeric());
    number(process).filter(|_| is_drawn)
}

/// A process number as we write it: digits, no sign, no zero before them.
fn number(text: &str) -> Option<u32> {
    let process: u32 = text.parse().ok()?;
    (process > 0 && process.to_string() == text).then_some(process)
}

/// `None` where it is not certain that `name` was left by `process`.
fn remove_left_over(dir: &Folder, name: &OsStr, process: u32) -> Option<SysResult<()>> {
    let found = dir.look_at(name).ok()?;
    if !found.is_folder || !is_ours(&found) {
        return None;
    }
    let Ok(folder) = dir.folder(name) else { return None };
    if folder.found().ok()?.inode != found.inode {
        return None;
    }
    let lock = match folder.file(OsStr::new(LOCK)) {
        Ok(lock) => lock,
        // Removes nothing but an empty folder, also one that cannot be looked into.
        Err(error) if matches!(error.errno, Errno::ENOENT | Errno::EACCES) => {
            let age = SystemTime::now().duration_since(found.modified).unwrap_or_default();
            let is_left = age > YOUNG && process::is_dead(process, found.modified);
            return is_left.then(|| dir.remove_folder(name)).filter(|removed| removed.is_ok());
        }
        Err(_) => return None,
    };
    let owner = folder.look_at(OsStr::new(LOCK)).ok().filter(is_ours)?;
    let mut text = String::new();
    (&lock).take(LOCK_BYTES).read_to_string(&mut text).ok()?;
    // Killed before it wrote its number, or the power failed.
    let is_unwritten = text.is_empty() && SystemTime::now().duration_since(owner.modified).is_ok_and(|age| age > YOUNG);
    let is_written = number(&text) == Some(process);
    if !(is_written || is_unwritten) || lock.try_lock().is_err() || !process::is_dead(process, owner.modified) {
        return None;
    }
    drop(lock);
    Some(remove(dir, name, found.inode))
}

fn is_ours(found: &Found) -> bool {
    found.owner == nix::unistd::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    fn left_in(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    /// The number of a process that is dead.
    fn dead() -> u32 {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    /// What process `number` left, its lock with `text`.
    fn left_over(dir: &Path, number: u32, text: &str) -> PathBuf {
        let folder = dir.join(format!("{PREFIX}{number}-aB3dE6"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(LOCK), text).unwrap();
        fs::write(folder.join("file"), "bytes").unwrap();
        folder
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
        let number = dead();
        let killed = left_over(dir.path(), number, &number.to_string());
        let next = Site::make(dir.path(), 0).unwrap();
        assert!(!killed.exists(), "the dead one stays");
        assert!(live.path().exists() && next.path().exists(), "a live one is gone");
        assert!(next.stays().is_empty());
    }

    #[test]
    fn what_only_looks_like_a_left_over_stays() {
        let dir = tempfile::tempdir().unwrap();
        let number = dead();
        let of = |name: &str| dir.path().join(name);
        // Another number in the lock; none; one of a process that lives.
        let others = left_over(dir.path(), number, "1");
        let notes = of(".pagewise-mynotes");
        let long = of(&format!("{PREFIX}{number}-aB3dE6x"));
        let signed = of(&format!("{PREFIX}+{number}-aB3dE6"));
        for folder in [&notes, &long, &signed] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(LOCK), number.to_string()).unwrap();
        }
        let living = left_over(dir.path(), std::process::id(), &std::process::id().to_string());
        // A lock that is a link; a folder that is one.
        let linked = of(&format!("{PREFIX}{number}-Linked"));
        fs::create_dir(&linked).unwrap();
        symlink(others.join(LOCK), linked.join(LOCK)).unwrap();
        let target = of("target");
        fs::create_dir(&target).unwrap();
        fs::write(target.join(LOCK), number.to_string()).unwrap();
        symlink(&target, of(&format!("{PREFIX}{number}-Folder"))).unwrap();
        drop(Site::make(dir.path(), 0).unwrap());
        for folder in [&others, &notes, &long, &signed, &living, &linked, &target] {
            assert!(fs::symlink_metadata(folder.join(LOCK)).is_ok(), "{}", folder.display());
        }
    }

    #[test]
    fn an_empty_folder_is_left_over_once_it_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(format!("{PREFIX}{}-aB3dE6", dead()));
        fs::create_dir(&folder).unwrap();
        drop(Site::make(dir.path(), 0).unwrap());
        assert!(folder.exists(), "it is young");
        let old = SystemTime::now() - 2 * YOUNG;
        File::open(&folder).unwrap().set_modified(old).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
        drop(Site::make(dir.path(), 0).unwrap());
        assert!(!folder.exists(), "it is old");
    }

    #[test]
    fn a_site_whose_name_leads_elsewhere_leaves_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let site = Site::make(dir.path(), 0).unwrap();
        let (path, other) = (site.path().to_owned(), dir.path().join("other"));
        fs::create_dir(&other).unwrap();
        fs::write(other.join("file"), "theirs").unwrap();
        fs::rename(&path, dir.path().join("moved")).unwrap();
        symlink(&other, &path).unwrap();
        let error = site.remove().unwrap_err().to_string();
        assert!(error.contains("could not be removed"), "{error}");
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
        // One of our own kind in its place.
        let (first, second) = (Site::make(dir.path(), 0).unwrap(), Site::make(dir.path(), 0).unwrap());
        fs::rename(first.path(), dir.path().join("first")).unwrap();
        fs::rename(second.path(), first.path()).unwrap();
        assert!(first.remove().unwrap_err().to_string().contains("ESTALE"));
    }

    #[test]
    fn a_folder_in_which_anyone_may_remove_files_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let with = |mode| fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        with(0o777);
        let error = Site::make(dir.path(), 0).unwrap_err().to_string();
        assert!(error.contains("every user may remove"), "{error}");
        with(0o1777);
        assert!(Site::make(dir.path(), 0).is_ok());
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
