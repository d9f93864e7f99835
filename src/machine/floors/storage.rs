//! The floors of storage: making 4 KiB durable, and storing again to a page that was.

use std::path::Path;

use tempfile::NamedTempFile;

use super::{OTHERS, Probe, timed};
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::{SysResult, file, page_size, probe};

/// Bytes made durable an operation.
const BYTES: usize = 4096;

/// Writes a batch, one after the other as a batch of a case does them, after one that is not counted: a disk that was idle for the other
/// probes takes longer to answer first.
const RUN: usize = 8;

/// The file: large enough that no two writes in a row go to the same block of the disk.
const FILE: usize = 1 << 20;

/// pwrite(2) of 4 KiB and fdatasync(2), on blocks that are allocated and written already, so that no metadata need go with them. On a disk with
/// a volatile cache, most of it is the flush.
pub(super) struct DurableWrite {
    made: NamedTempFile,
    bytes: Vec<u8>,
    at: usize,
}

/// A file in `dir`, allocated and written; it is removed when this is dropped.
fn written_file(dir: &Path) -> SysResult<NamedTempFile> {
    let made = probe::named_file(dir)?;
    // Not every filesystem can reserve, and the write that follows allocates all the same.
    let _ = file::reserve(made.as_file(), FILE as u64);
    for at in (0..FILE).step_by(BYTES) {
        file::write_at(made.as_file(), &[1; BYTES], at as u64)?;
    }
    file::fsync(made.as_file())?;
    Ok(made)
}

impl DurableWrite {
    /// Makes the file in `dir`; it is removed when this is dropped.
    ///
    /// # Errors
    /// Where it cannot be made, written or synced: `EACCES`, `ENOSPC`, `EROFS`, …
    pub(super) fn new(dir: &Path) -> SysResult<Self> {
        Ok(Self { made: written_file(dir)?, bytes: vec![2; BYTES], at: 0 })
    }
}

impl DurableWrite {
    #[inline(always)]
    fn write(&mut self) -> SysResult<()> {
        let file = self.made.as_file();
        file::write_at(file, &self.bytes, self.at as u64)?;
        self.at = (self.at + 7 * BYTES) % FILE;
        file::fdatasync(file)
    }
}

impl Probe for DurableWrite {
    fn name(&self) -> &'static str {
        "durable 4 KiB write"
    }

    fn batch(&mut self) -> Option<f64> {
        let mut done = self.write();
        let ns = timed(RUN, || {
            for _ in 0..RUN {
                if done.is_ok() {
                    done = self.write();
                }
            }
        });
        done.ok().map(|()| ns)
    }
}

/// The first store to a mapped page of a file since it was synced: write-back made the page read-only again (mm/rmap.c, folio_mkclean), so
/// that the store takes a write-protection fault, and the filesystem hears of it (mm/memory.c, wp_page_shared). Every page edited through a
/// mapping pays it once after each sync.
pub(super) struct ReFault {
    made: NamedTempFile,
    map: FileMap,
}

impl ReFault {
    /// Makes the file in `dir`, and maps it.
    ///
    /// # Errors
    /// As [`DurableWrite::new`]; what mmap(2) answers.
    pub(super) fn new(dir: &Path) -> SysResult<Self> {
        let made = written_file(dir)?;
        let map = FileMap::new(made.as_file(), FILE, Kind::SharedWrite, Populate::OnTouch)?;
        Ok(Self { made, map })
    }
}

impl Probe for ReFault {
    fn name(&self) -> &'static str {
        "re-fault"
    }

    fn batch(&mut self) -> Option<f64> {
        let pages = FILE / page_size();
        let before = probe::thread_minor_faults();
        let ns = timed(pages, || {
            for at in (0..FILE).step_by(page_size()) {
                self.map.store(at, 3);
            }
        });
        let faults = probe::thread_minor_faults().saturating_sub(before);
        file::fdatasync(self.made.as_file()).ok()?;
        // Fewer where the filesystem never writes back (tmpfs), or its pages were written to by nobody since.
        (pages as u64..=pages as u64 + OTHERS).contains(&faults).then_some(ns)
    }
}
