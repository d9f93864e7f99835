//! What a claim stands on: files of its own, and words for what it saw.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::os::cache::{self, Residency};
use crate::os::file::{self, Open};
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::trap::{self, Touched};
use crate::os::usage::Usage;
use crate::os::{SysError, SysResult, page_size};

/// The byte that every file is made of.
pub const OLD: u8 = 0x11;
/// The byte that edits store: 77.
pub const NEW: u8 = 0x4d;
/// Pages of the file of a claim that counts pages.
pub const PAGES: usize = 16;
/// How long a child may take.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Why nothing was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unseen {
    /// The kernel or the filesystem lacks what it takes to look.
    Unavailable(String),
    /// A call failed that the claim needs, and that should work.
    Failed(String),
}

impl From<SysError> for Unseen {
    /// A call that the kernel lacks (`ENOSYS`) and a filesystem that cannot map (`ENODEV`, mmap(2)) leave nothing to look at.
    fn from(error: SysError) -> Self {
        match error.errno {
            Errno::ENOSYS | Errno::ENODEV => Self::Unavailable(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Where one claim works.
#[derive(Debug)]
pub struct Ground<'a> {
    folder: &'a Path,
    name: String,
    files: Cell<u32>,
}

impl<'a> Ground<'a> {
    /// The ground of the claim `id`, at its `attempt`, in `folder`.
    pub fn new(folder: &'a Path, id: &str, attempt: u32) -> Self {
        Self { folder, name: format!("{id}-{attempt}"), files: Cell::new(0) }
    }

    /// A new file of `len` bytes, all `OLD`, written a page at a time and synced: its pages are cached and clean,
    /// each in a folio of its own where the write decides the folio's size (ext4, xfs).
    pub fn file(&self, len: usize) -> SysResult<Scratch> {
        let number = self.files.replace(self.files.get() + 1);
        let path = self.folder.join(format!("{}-{number}", self.name));
        let file = file::create_new(&path)?;
        let page = vec![OLD; page_size()];
        for start in (0..len).step_by(page_size()) {
            let part = &page[..page_size().min(len - start)];
            file::write_at(&file, part, start as u64)?;
        }
        file::fsync(&file)?;
        Ok(Scratch { path, file, len })
    }

    /// Removes the claim's files. What stays goes with the folder.
    pub fn clear(&self) {
        for entry in std::fs::read_dir(self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.name) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// A new file of `PAGES` pages.
    pub fn pages(&self) -> SysResult<Scratch> {
        self.file(PAGES * page_size())
    }
}

/// A file of a claim's own.
#[derive(Debug)]
pub struct Scratch {
    /// Where it is.
    pub path: PathBuf,
    /// Open for reading and writing.
    pub file: File,
    /// Its length in bytes when made.
    pub len: usize,
}

impl Scratch {
    /// The whole file, mapped.
    pub fn map(&self, kind: Kind) -> SysResult<FileMap> {
        FileMap::new(&self.file, self.len, kind, Populate::OnTouch)
    }

    /// The file, opened once more.
    pub fn open(&self, how: Open) -> SysResult<File> {
        file::open(&self.path, how)
    }

    /// The byte at `at`, by read(2).
    pub fn read(&self, at: usize) -> SysResult<u8> {
        read(&self.file, at)
    }

    /// Writes `NEW` at `at`, by write(2).
    pub fn write(&self, at: usize) -> SysResult<()> {
        file::write_at(&self.file, &[NEW], at as u64)
    }

    /// Its bytes, by read(2), to the end of the file.
    pub fn content(&self) -> SysResult<Vec<u8>> {
        std::fs::read(&self.path).map_err(SysError::io("read", &self.path))
    }

    /// Its length now.
    pub fn size(&self) -> SysResult<u64> {
        let data = self.file.metadata().map_err(SysError::io("fstat", &self.path))?;
        Ok(data.len())
    }

    /// Makes it `len` bytes long (ftruncate(2)).
    pub fn resize(&self, len: usize) -> SysResult<()> {
        self.file.set_len(len as u64).map_err(SysError::io("ftruncate", &self.path))
    }

    /// What cachestat(2) says of it.
    ///
    /// # Errors
    /// [`Unseen::Unavailable`] where the kernel lacks or forbids the call.
    pub fn cache(&self) -> Result<Residency, Unseen> {
        cache::cachestat(&self.file, self.len as u64).map_err(|error| match error.errno {
            errno @ (Errno::ENOSYS | Errno::EPERM | Errno::EOPNOTSUPP) => {
                let text = format!("cachestat(2), there since Linux 6.5: {errno:?} ({})", errno.desc());
                Unseen::Unavailable(text)
            }
            _ => error.into(),
        })
    }

    /// As [`Self::cache`], for a file whose pages were just written or stored to and so are in memory: one with none in the cache is
    /// one whose pages cachestat(2) does not find (they belong to another inode, as beneath an overlay; or to no cache, as with DAX).
    ///
    /// # Errors
    /// [`Unseen::Unavailable`] for such a file.
    pub fn cache_of_written(&self) -> Result<Residency, Unseen> {
        let seen = self.cache()?;
        if seen.cached == 0 {
            let text = "cachestat counts no page of a file that was just written";
            return Err(Unseen::Unavailable(text.to_owned()));
        }
        Ok(seen)
    }
}

/// The byte at `at` of `file`, by read(2).
pub fn read(file: &File, at: usize) -> SysResult<u8> {
    let mut byte = [0];
    file::read_at(file, &mut byte, at as u64)?;
    Ok(byte[0])
}

/// Stores `NEW` into every page of `map`.
pub fn store_pages(map: &FileMap) {
    for start in (0..map.len()).step_by(page_size()) {
        map.store(start, NEW);
    }
}

/// Reads a byte of every page of `map`.
pub fn touch_pages(map: &FileMap) {
    for start in (0..map.len()).step_by(page_size()) {
        std::hint::black_box(map.load(start));
    }
}

/// The faults, minor and major, that `body` took. Run the same code before on something else, so that its own first faults are behind it.
pub fn faults(body: impl FnOnce()) -> u64 {
    let seen = usage(body);
    seen.minor_faults + seen.major_faults
}

/// What the kernel counted while `body` ran.
pub fn usage(body: impl FnOnce()) -> Usage {
    let before = Usage::now();
    body();
    Usage::now().since(before)
}

/// What a byte says.
pub fn byte(value: u8) -> String {
    match value {
        OLD => "the old byte".to_owned(),
        NEW => "the new byte".to_owned(),
        0 => "0".to_owned(),
        other => format!("{other:#04x}"),
    }
}

/// What a touch in a child says; `value` words what it gives where it goes through.
pub fn touched(touch: impl FnOnce() -> u32, value: impl FnOnce(u32) -> String) -> Result<String, Unseen> {
    Ok(match trap::touch(LIMIT, touch)? {
        Touched::Value(seen) => value(seen),
        Touched::Fault(fault) => fault.to_string(),
        Touched::Lost(ended) => format!("the child that touched it ended: {ended:?}"),
    })
}

/// What an errno says: its name; `OK` where there is none.
pub fn answer(result: SysResult<()>) -> Result<String, Unseen> {
    match result {
        Ok(()) => Ok("OK".to_owned()),
        Err(error) if error.errno == Errno::ENOSYS => Err(error.into()),
        Err(error) => Ok(format!("{:?}", error.errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(errno: Errno) -> Unseen {
        SysError::new("cachestat", "a file", errno).into()
    }

    #[test]
    fn a_call_that_the_kernel_lacks_and_a_filesystem_that_cannot_map_leave_nothing_to_see() {
        assert!(matches!(why(Errno::ENOSYS), Unseen::Unavailable(text) if text.contains("ENOSYS")));
        assert!(matches!(why(Errno::ENODEV), Unseen::Unavailable(_)));
    }

    #[test]
    fn a_call_that_should_work_is_a_failure() {
        assert!(matches!(why(Errno::EIO), Unseen::Failed(text) if text.contains("EIO")));
    }

    #[test]
    fn a_new_file_is_synced_private_to_its_owner_and_of_the_old_byte() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let ground = Ground::new(folder.path(), "claim", 1);
        let scratch = ground.file(page_size() + 904).unwrap();
        assert_eq!(scratch.content().unwrap(), vec![OLD; page_size() + 904]);
        assert_eq!(scratch.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        ground.clear();
        assert!(!scratch.path.exists());
    }
}
