//! Does the kernel count what this process reads from storage, on this filesystem?
//!
//! `ru_inblock` (getrusage(2)) grows as the process submits reads (block/blk-core.c, submit_bio), so what
//! others read meanwhile is not in it, and no single disk need be named: device-mapper, md and multi-disk
//! filesystems count as well. Filesystems that submit none for us (FUSE), kernels without
//! CONFIG_TASK_IO_ACCOUNTING, and libraries that stand in between do not. So it is tried: a page that is
//! not in the page cache must count, and one that is must not.

use std::fs::File;
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::usage::Usage;
use super::{SysResult, cache, file, probe};

/// What is read, at the start of a file of [`BYTES`]: several pages, as a device with large blocks would read at once.
const READ: usize = 16 << 10;

/// Large enough that no filesystem keeps it inline in its metadata.
const BYTES: usize = 64 << 10;

/// Reads of the cached page, of which one must count nothing: the program's own pages may have to be read
/// in meanwhile, which counts too.
const TRIES: usize = 3;

/// Tries it on a file made for it in `dir`, removed at once.
///
/// # Errors
/// A sentence: why the counter is no evidence there.
pub fn probe(dir: &Path) -> Result<(), String> {
    let made = probe::named_file(dir).map_err(|error| not_tried(&error.to_string()))?;
    file::write_at(made.as_file(), &probe::noise(0, BYTES), 0)
        .and_then(|()| file::fdatasync(made.as_file()))
        .map_err(|error| not_tried(&error.to_string()))?;
    if file::in_memory(made.as_file()) {
        return Err("files here are kept in memory, so nothing is read from storage".to_owned());
    }
    probe_file(made.as_file())
}

/// Tries it on the first pages of `file`, which are dropped from the page cache for it.
///
/// # Errors
/// As [`probe()`].
pub fn probe_file(file: &File) -> Result<(), String> {
    let cold = cold_read(file).map_err(|error| not_tried(&error.to_string()))?;
    let Some(counted) = cold else {
        return Err(not_tried("the page cache keeps its first pages, whatever it is asked"));
    };
    if counted < READ as u64 {
        return Err(format!(
            "the kernel's count of what this process reads (ru_inblock) is wrong here: reading {READ} bytes from storage counted {counted}"
        ));
    }
    for _ in 0..TRIES {
        if counted_read(file).map_err(|error| not_tried(&error.to_string()))? == 0 {
            return Ok(());
        }
    }
    Err("the kernel's count of what this process reads (ru_inblock) is wrong here: reading a cached page counts"
        .to_owned())
}

fn not_tried(why: &str) -> String {
    format!("whether the kernel counts what this process reads (ru_inblock) could not be tried: {why}")
}

/// What reading the first pages counts when they are not cached; `None` where they stay cached.
fn cold_read(file: &File) -> SysResult<Option<u64>> {
    posix_fadvise(file, 0, BYTES as i64, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
        .map_err(|errno| super::SysError::new("posix_fadvise(DONTNEED)", "the start of a file", errno))?;
    if cache::cached_pages(file, READ as u64)? > 0 {
        return Ok(None);
    }
    counted_read(file).map(Some)
}

/// What reading the first pages counts.
fn counted_read(file: &File) -> SysResult<u64> {
    let mut pages = vec![0; READ];
    let before = Usage::now();
    file::read_at(file, &mut pages, 0)?;
    Ok(Usage::now().since(before).read_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skips::{Lack, skip};

    #[test]
    fn in_memory_there_is_nothing_to_count() {
        let Ok(made) = tempfile::tempdir_in("/dev/shm") else {
            return skip(Lack::DevShm, "it cannot be written");
        };
        assert!(probe(made.path()).unwrap_err().contains("kept in memory"));
    }

    #[test]
    fn where_no_file_can_be_made_it_was_not_tried() {
        let error = probe(Path::new("/proc")).unwrap_err();
        assert!(error.contains("could not be tried"), "{error}");
    }

    #[test]
    fn on_the_disk_of_the_sources_either_it_counts_or_a_sentence_says_why_not() {
        match probe(Path::new(env!("CARGO_MANIFEST_DIR"))) {
            Ok(()) => {}
            Err(why) => assert!(why.contains("ru_inblock") || why.contains("kept in memory"), "{why}"),
        }
    }
}
