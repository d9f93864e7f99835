//! The floor of storage: making 4 KiB durable.

use std::path::Path;

use tempfile::NamedTempFile;

use super::{Probe, timed};
use crate::os::{SysResult, file, probe};

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

impl DurableWrite {
    /// Makes the file in `dir`; it is removed when this is dropped.
    ///
    /// # Errors
    /// Where it cannot be made, written or synced: `EACCES`, `ENOSPC`, `EROFS`, …
    pub(super) fn new(dir: &Path) -> SysResult<Self> {
        let made = probe::named_file(dir)?;
        // Not every filesystem can reserve, and the write that follows allocates all the same.
        let _ = file::reserve(made.as_file(), FILE as u64);
        file::write_at(made.as_file(), &vec![1; FILE], 0)?;
        file::fsync(made.as_file())?;
        Ok(Self { made, bytes: vec![2; BYTES], at: 0 })
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
