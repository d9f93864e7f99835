//! The floors of storage: making 4 KiB durable, and storing again to a page that was.

use std::fs::File;
use std::path::Path;

use tempfile::NamedTempFile;

use super::{OTHERS, Probe, timed};
use crate::os::buffer::Buffer;
use crate::os::file::Open;
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::{SysError, SysResult, file, page_size, probe};

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

/// Reads of a batch, each at another place.
const READS: u64 = 16;
/// The file that they read of.
const READ_FROM: usize = 16 << 20;

/// pread(2) of 4 KiB past the page cache (`O_DIRECT`), one after the other at places far apart: what a page costs that is not in memory, at the least.
pub(super) struct DeviceRead {
    file: File,
    _made: NamedTempFile,
    buffer: Buffer,
    next: u64,
}

impl DeviceRead {
    /// Makes the file in `dir`; it is removed when this is dropped.
    ///
    /// # Errors
    /// As [`DurableWrite::new`]; `EINVAL` where the filesystem has no direct I/O.
    pub(super) fn new(dir: &Path) -> SysResult<Self> {
        let made = probe::named_file(dir)?;
        let chunk = vec![1; 1 << 20];
        for at in (0..READ_FROM).step_by(chunk.len()) {
            file::write_at(made.as_file(), &chunk, at as u64)?;
        }
        file::fsync(made.as_file())?;
        if file::in_memory(made.as_file()) {
            return Err(SysError::new("open(O_DIRECT)", "a file that lies in memory", nix::errno::Errno::EOPNOTSUPP));
        }
        let file = file::open(made.path(), Open::ReadDirect)?;
        // Pages of this machine may be larger.
        let buffer = Buffer::new(BYTES.max(page_size()))?;
        Ok(Self { file, _made: made, buffer, next: 0 })
    }
}

impl Probe for DeviceRead {
    fn name(&self) -> &'static str {
        "device read 4 KiB"
    }

    fn batch(&mut self) -> Option<f64> {
        let mut done = Ok(());
        let places = (READ_FROM / BYTES) as u64;
        let ns = timed(READS as usize, || {
            for _ in 0..READS {
                // A step that is odd visits every place before it comes back.
                self.next = (self.next + 1_237) % places;
                let read = file::read_at(&self.file, &mut self.buffer.bytes_mut()[..BYTES], self.next * BYTES as u64);
                if done.is_ok() {
                    done = read;
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
