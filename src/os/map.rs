//! Mappings: a file's, shared or private, and memory shared across `fork`.

use std::fs::File;
use std::num::NonZeroUsize;
use std::ops::{Deref, Range};
use std::os::unix::fs::MetadataExt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use memmap2::{MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, MsFlags, ProtFlags, mmap_anonymous, msync, munmap};
use procfs::process::Process;

use super::access::Span;
use super::{SysError, SysResult, page_size};

/// How a file is mapped (mmap(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `MAP_SHARED`, `PROT_READ`.
    SharedRead,
    /// `MAP_SHARED`, `PROT_READ | PROT_WRITE`: stores reach the file.
    SharedWrite,
    /// `MAP_PRIVATE`, `PROT_READ | PROT_WRITE`: stores go to copies of the pages.
    PrivateWrite,
}

/// When a file mapping's page tables are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Populate {
    /// Page by page, at each first touch.
    OnTouch,
    /// All at once, within `mmap` (`MAP_POPULATE`).
    AtOnce,
}

/// What `madvise(2)` is told of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// `MADV_RANDOM`: no readahead.
    Random,
    /// `MADV_SEQUENTIAL`: readahead forward; reclaim takes no notice of the pages' use.
    Sequential,
    /// `MADV_WILLNEED`: bring the pages into the page cache, and not into the page tables; the reads are started, not awaited, and of a long range no
    /// more than one readahead is brought (mm/readahead.c, force_page_cache_ra).
    WillNeed,
    /// `MADV_HUGEPAGE`: huge pages, where the kernel and the filesystem can.
    HugePage,
    /// `MADV_COLLAPSE` (Linux 6.1): make huge pages of what is there, now.
    Collapse,
    /// `MADV_POPULATE_READ` (Linux 5.14): fill the page tables for reading; an error, not a signal, where a page cannot be had.
    PopulateRead,
}

impl Advice {
    fn raw(self) -> libc::c_int {
        match self {
            Self::Random => libc::MADV_RANDOM,
            Self::Sequential => libc::MADV_SEQUENTIAL,
            Self::WillNeed => libc::MADV_WILLNEED,
            Self::HugePage => libc::MADV_HUGEPAGE,
            Self::Collapse => libc::MADV_COLLAPSE,
            Self::PopulateRead => libc::MADV_POPULATE_READ,
        }
    }
}

/// How hard `msync(2)` is asked to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Msync {
    /// `MS_SYNC`: write the range's dirty pages, wait, and flush: `fdatasync` of a range (mm/msync.c).
    Sync,
    /// `MS_ASYNC`: on Linux nothing at all since 2.6.19 (mm/msync.c); promises no more than the store.
    Async,
}

/// A mapping of a file, or of a part of it, unmapped when dropped.
///
/// Reads and stores are volatile and by raw address: other processes may change the bytes at any
/// time, so no reference to them is ever made. Invariant that every access rests on: `len` bytes are mapped, and
/// the file is not made shorter while mapped (the suite maps its own files, of fixed size; a
/// user's file that shrinks is a SIGBUS in a worker, which its parent records).
#[derive(Debug)]
pub struct FileMap {
    raw: MmapRaw,
}

impl FileMap {
    /// Maps the first `len` bytes of `file`.
    ///
    /// # Errors
    /// What mmap(2) answers: `EACCES` where the file's open mode does not allow `kind`, `ENODEV` where its filesystem cannot map,
    /// `EINVAL` for zero bytes.
    pub fn new(file: &File, len: usize, kind: Kind, populate: Populate) -> SysResult<Self> {
        Self::part(file, 0, len, kind, populate)
    }

    /// Maps the `len` bytes of `file` from `at` on, a multiple of the page size.
    ///
    /// # Errors
    /// As [`FileMap::new`].
    pub fn part(file: &File, at: u64, len: usize, kind: Kind, populate: Populate) -> SysResult<Self> {
        let failed = |error: std::io::Error| {
            SysError::from_io("mmap", format!("{len} bytes of a file at {at}, {kind:?}"), &error)
        };
        if len == 0 {
            // memmap2 maps a page in place of nothing; the kernel's own answer is EINVAL.
            return Err(SysError::new("mmap", format!("0 bytes of a file, {kind:?}"), Errno::EINVAL));
        }
        let mut options = MmapOptions::new();
        options.len(len).offset(at);
        if populate == Populate::AtOnce {
            options.populate();
        }
        let raw = match kind {
            Kind::SharedRead => options.map_raw_read_only(file),
            Kind::SharedWrite => options.map_raw(file),
            // SAFETY: the MmapMut becomes raw at once, so that no reference to bytes that others may change is ever made.
            Kind::PrivateWrite => unsafe { options.map_copy(file) }.map(MmapRaw::from),
        }
        .map_err(failed)?;
        Ok(Self { raw })
    }

    /// Bytes mapped.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Never: an empty mapping cannot be made.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Where it lies in this process.
    pub fn address(&self) -> usize {
        self.raw.as_ptr() as usize
    }

    /// The whole of it, to read.
    #[inline(always)]
    pub fn span(&self) -> Span {
        Span::new(self.raw.as_ptr(), self.raw.len())
    }

    /// Reads the byte at `offset`.
    ///
    /// # Panics
    /// If it lies outside the mapping.
    #[inline(always)]
    pub fn load(&self, offset: usize) -> u8 {
        assert!(offset < self.raw.len(), "load outside of the mapping");
        // SAFETY: within the mapping, by the assertion; mapped, by the type's invariant.
        unsafe { self.raw.as_ptr().add(offset).read_volatile() }
    }

    /// Stores `byte` at `offset`. The mapping must be one that can be written.
    ///
    /// # Panics
    /// If it lies outside the mapping.
    #[inline(always)]
    pub fn store(&self, offset: usize, byte: u8) {
        assert!(offset < self.raw.len(), "store outside of the mapping");
        // SAFETY: within the mapping, by the assertion. A mapping made `SharedRead` answers with
        // SIGSEGV, not with undefined behaviour: the store is volatile and to a raw address.
        unsafe { self.raw.as_mut_ptr().add(offset).write_volatile(byte) }
    }

    /// Copies `bytes` to `offset`: a single one as [`FileMap::store`] does it. The mapping must be one that can be written.
    ///
    /// # Panics
    /// If they do not all lie within the mapping.
    #[inline(always)]
    pub fn copy_in(&self, offset: usize, bytes: &[u8]) {
        if let [byte] = bytes {
            return self.store(offset, *byte);
        }
        assert!(offset <= self.raw.len() && bytes.len() <= self.raw.len() - offset, "copy outside of the mapping");
        // SAFETY: within the mapping, by the assertion. What is mapped came from the kernel, so that the compiler must take it that any
        // call may look at it; `bytes` is borrowed from this process's own memory, and the file's pages are not that.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.raw.as_mut_ptr().add(offset), bytes.len()) }
    }

    /// `msync(2)` of the pages that hold `range`.
    ///
    /// # Errors
    /// `EIO` where writing back failed, now or earlier (fsync(2), NOTES).
    #[inline(always)]
    pub fn msync(&self, range: Range<usize>, how: Msync) -> SysResult<()> {
        // Pages are powers of two: a mask, not a division.
        let start = range.start & !(page_size() - 1);
        let flags = match how {
            Msync::Sync => MsFlags::MS_SYNC,
            Msync::Async => MsFlags::MS_ASYNC,
        };
        assert!(start < self.raw.len() && range.end <= self.raw.len(), "msync outside of the mapping");
        // SAFETY: start lies within the mapping, so the address is not null, and msync changes no memory.
        let address = unsafe { NonNull::new_unchecked(self.raw.as_mut_ptr().add(start)) };
        // SAFETY: the range lies within our mapping.
        unsafe { msync(address.cast(), range.end - start, flags) }
            .map_err(|errno| SysError::new("msync", format!("bytes {range:?} of a mapping, {how:?}"), errno))
    }

    /// `madvise(2)` of the whole mapping.
    ///
    /// # Errors
    /// `EINVAL` where the kernel does not know the advice.
    pub fn advise(&self, advice: Advice) -> SysResult<()> {
        self.advise_part(0..self.raw.len(), advice)
    }

    /// `madvise(2)` of the pages in `range`, which starts at one. Advice that differs from its neighbours' splits the mapping there
    /// (mm/madvise.c, madvise_update_vma).
    ///
    /// # Errors
    /// As [`FileMap::advise`]; `ENOMEM` where the process has too many mappings.
    pub fn advise_part(&self, range: Range<usize>, advice: Advice) -> SysResult<()> {
        assert!(range.start <= range.end && range.end <= self.raw.len(), "madvise outside of the mapping");
        // SAFETY: the range lies within our mapping, by the assertion, and none of the advices offered changes what the memory holds.
        let code = unsafe { libc::madvise(self.raw.as_mut_ptr().add(range.start).cast(), range.len(), advice.raw()) };
        Errno::result(code)
            .map(drop)
            .map_err(|errno| SysError::new("madvise", format!("bytes {range:?} of a mapping, {advice:?}"), errno))
    }
}

/// Whether `file` is mapped at `address`.
///
/// mincore(2) answers `ENOMEM` where nothing is mapped, which is quick. Where something is, /proc/self/maps tells
/// what: another thread may have mapped memory of its own there meanwhile. If that cannot be read, it is taken for the file.
pub fn is_mapped(file: &File, address: usize) -> bool {
    let mut seen = 0_u8;
    let page = address - address % page_size();
    // SAFETY: the kernel only looks whether the page is mapped, and writes one byte, which outlives the call.
    let code = unsafe { libc::mincore(page as *mut libc::c_void, 1, &raw mut seen) };
    if Errno::result(code) == Err(Errno::ENOMEM) {
        return false;
    }
    let (Ok(maps), Ok(found)) = (Process::myself().and_then(|process| process.maps()), file.metadata()) else {
        return true;
    };
    let holds = |range: (u64, u64)| (range.0..range.1).contains(&(address as u64));
    maps.into_iter().any(|map| holds(map.address) && map.inode == found.ino())
}

/// Memory that a process and its later children share: `MAP_SHARED | MAP_ANONYMOUS`, zero-filled, unmapped when dropped.
///
/// Words are atomics, so that the processes may use them at the same time.
#[derive(Debug)]
pub struct SharedWords {
    ptr: NonNull<AtomicU32>,
    words: usize,
}

// SAFETY: every access goes through atomics, which may be shared.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// `pages` pages of anonymous memory, already there.
    pub fn anonymous(pages: usize) -> SysResult<Self> {
        let len = pages * page_size();
        let failed = |errno| SysError::new("mmap", format!("{len} bytes of shared anonymous memory"), errno);
        let length = NonZeroUsize::new(len).ok_or_else(|| failed(Errno::EINVAL))?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let ptr = unsafe {
            mmap_anonymous(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE,
            )
        }
        .map_err(failed)?;
        Ok(Self { ptr: ptr.cast(), words: len / 4 })
    }

    /// The first `pages` pages of `file`, `MAP_SHARED`: shared with whoever else maps it.
    ///
    /// # Errors
    /// As [`FileMap::new`]. The file must hold the pages: a store past its end is a SIGBUS.
    pub fn of_file(file: &File, pages: usize) -> SysResult<Self> {
        let len = pages * page_size();
        let failed = |errno| SysError::new("mmap", format!("{len} bytes of a file, shared"), errno);
        let length = NonZeroUsize::new(len).ok_or_else(|| failed(Errno::EINVAL))?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let ptr = unsafe {
            nix::sys::mman::mmap(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED | MapFlags::MAP_POPULATE,
                file,
                0,
            )
        }
        .map_err(failed)?;
        Ok(Self { ptr: ptr.cast(), words: len / 4 })
    }

    /// The word at `index`.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn word(&self, index: usize) -> &AtomicU32 {
        assert!(index < self.words, "word outside of the shared memory");
        // SAFETY: within the mapping, aligned, and only ever accessed as an atomic.
        unsafe { self.ptr.add(index).as_ref() }
    }

    /// The 64-bit word that lies at the 32-bit words `index` and `index + 1`; `index` must be even.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn word64(&self, index: usize) -> &AtomicU64 {
        assert!(index + 1 < self.words && index.is_multiple_of(2), "no 64-bit word there in the shared memory");
        // SAFETY: within the mapping and, at an even word of a page, aligned; only ever accessed as an atomic.
        unsafe { self.ptr.add(index).cast().as_ref() }
    }
}

/// A 64-bit word of shared memory that stays mapped while this lives: found once, so that a loop over it looks nothing up.
#[derive(Clone, Debug)]
pub struct SharedWord {
    _memory: Arc<SharedWords>,
    place: NonNull<AtomicU64>,
}

// SAFETY: the word is only ever accessed as an atomic.
unsafe impl Send for SharedWord {}
// SAFETY: as above.
unsafe impl Sync for SharedWord {}

impl SharedWord {
    /// The word that [`SharedWords::word64`] gives for `index`.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(memory: &Arc<SharedWords>, index: usize) -> Self {
        Self { place: memory.word64(index).into(), _memory: Arc::clone(memory) }
    }
}

impl Deref for SharedWord {
    type Target = AtomicU64;

    #[inline(always)]
    fn deref(&self) -> &AtomicU64 {
        // SAFETY: the word lies in the memory that this keeps mapped, and is only ever accessed as an atomic.
        unsafe { self.place.as_ref() }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no borrow of it outlives self.
        let _ = unsafe { munmap(self.ptr.cast(), self.words * 4) };
    }
}
