//! The floors of storage: making 4 KiB durable, and storing again to a page that was.

use std::fs::File;
use std::path::Path;
use std::rc::Rc;

use tempfile::NamedTempFile;

use super::{OTHERS, Probe, timed};
use crate::os::buffer::Buffer;
use crate::os::file::Open;
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::read_ring::ReadRing;
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

/// The file that is read of, past the page cache.
const READ_FROM: usize = 16 << 20;

/// A depth, and how many bytes a read.
pub(super) struct DeviceReads {
    name: &'static str,
    depth: u32,
    bytes: usize,
    /// Reads before those of a batch, which are not counted: a disk that was idle for the other probes takes longer to answer first.
    before: u64,
    /// Reads of a batch, each at another place.
    reads: u64,
}

/// One after the other at places far apart: what a page costs that is not in memory, at the least.
pub(super) const ONE: DeviceReads =
    DeviceReads { name: "device read 4 KiB", depth: 1, bytes: BYTES, before: 8, reads: 64 };
/// The same with others in flight: what a page costs that was asked for with others.
pub(super) const EIGHT: DeviceReads =
    DeviceReads { name: "device read 4 KiB x8", depth: 8, bytes: BYTES, before: 8, reads: 64 };
/// The same.
pub(super) const MANY: DeviceReads =
    DeviceReads { name: "device read 4 KiB x32", depth: 32, bytes: BYTES, before: 8, reads: 256 };
/// In order, by large reads of which several are in flight: what the device delivers at the most.
pub(super) const STREAM: DeviceReads =
    DeviceReads { name: "device read 1 MiB x8", depth: 8, bytes: 1 << 20, before: 1, reads: 8 };

/// Reads past the page cache (`O_DIRECT`), by pread(2) at depth 1, by io_uring at others.
pub(super) struct DeviceRead {
    how: &'static DeviceReads,
    file: Rc<(File, NamedTempFile)>,
    by: By,
    next: u64,
}

enum By {
    Pread(Buffer),
    Ring(Box<ReadRing>),
}

/// A file in `dir` to be read past the page cache; it is removed when this is dropped.
///
/// # Errors
/// As [`DurableWrite::new`]; `EINVAL` where the filesystem has no direct I/O.
pub(super) fn read_file(dir: &Path) -> SysResult<Rc<(File, NamedTempFile)>> {
    let made = probe::named_file(dir)?;
    let chunk = vec![1; 1 << 20];
    for at in (0..READ_FROM).step_by(chunk.len()) {
        file::write_at(made.as_file(), &chunk, at as u64)?;
    }
    file::fsync(made.as_file())?;
    if file::in_memory(made.as_file()) {
        return Err(SysError::new("open(O_DIRECT)", "a file that lies in memory", nix::errno::Errno::EOPNOTSUPP));
    }
    Ok(Rc::new((file::open(made.path(), Open::ReadDirect)?, made)))
}

impl DeviceRead {
    /// Reads of [`read_file`].
    ///
    /// # Errors
    /// Where memory cannot be had; at depths above 1 also what io_uring_setup(2) and io_uring_register(2) answer.
    pub(super) fn new(how: &'static DeviceReads, file: &Rc<(File, NamedTempFile)>) -> SysResult<Self> {
        let by = if how.depth == 1 {
            By::Pread(Buffer::huge(how.bytes)?)
        } else {
            let buffers = Buffer::huge(how.depth as usize * how.bytes)?;
            By::Ring(Box::new(ReadRing::over(buffers, how.depth, how.bytes)?))
        };
        Ok(Self { how, file: Rc::clone(file), by, next: 0 })
    }

    /// The next so many reads.
    fn read(&mut self, reads: u64) -> SysResult<()> {
        let bytes = self.how.bytes;
        let places = (READ_FROM / bytes) as u64;
        // A step that is odd visits every place before it comes back.
        let step = if bytes == BYTES { 1_237 } else { 1 };
        let first = self.next;
        self.next = (first + reads * step) % places;
        let mut at = (0..reads).map(|read| (first + read * step) % places * bytes as u64);
        let file = &self.file.0;
        match &mut self.by {
            By::Pread(buffer) => at.try_for_each(|at| file::read_at(file, buffer.bytes_mut(), at)),
            By::Ring(ring) => ring.read_each(file, at, |_| {}),
        }
    }
}

impl Probe for DeviceRead {
    fn name(&self) -> &'static str {
        self.how.name
    }

    fn batch(&mut self) -> Option<f64> {
        self.read(self.how.before).ok()?;
        let mut done = Ok(());
        let ns = timed(self.how.reads as usize, || done = self.read(self.how.reads));
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
