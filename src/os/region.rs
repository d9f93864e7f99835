//! Mappings that the safe types refuse: odd arguments to mmap(2), and a mapping whose neighbour is known to be unmapped.

use std::cell::Cell;
use std::fs::File;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;

use super::{SysError, SysResult, page_size};

/// What of a mapping may be done (mmap(2), `prot`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// `PROT_READ`.
    Read,
    /// `PROT_WRITE` alone.
    Write,
    /// `PROT_READ | PROT_WRITE`.
    ReadWrite,
}

impl Protection {
    fn raw(self) -> libc::c_int {
        match self {
            Self::Read => libc::PROT_READ,
            Self::Write => libc::PROT_WRITE,
            Self::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        }
    }
}

/// Whom a mapping's stores reach (mmap(2), `flags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// `MAP_SHARED`: everyone.
    Shared,
    /// `MAP_PRIVATE`: this process.
    Private,
    /// Neither flag, which mmap(2) refuses.
    Neither,
}

impl Sharing {
    fn raw(self) -> libc::c_int {
        match self {
            Self::Shared => libc::MAP_SHARED,
            Self::Private => libc::MAP_PRIVATE,
            Self::Neither => 0,
        }
    }
}

/// The arguments of an mmap(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bytes to map.
    pub len: usize,
    /// What may be done.
    pub protection: Protection,
    /// Whom stores reach.
    pub sharing: Sharing,
    /// The first byte of the file.
    pub offset: u64,
}

/// Asks mmap(2) for just this, sensible or not, and unmaps what it gives.
///
/// # Errors
/// What mmap(2) answers: the answer is what one comes here for.
pub fn try_map(file: &File, request: Request) -> SysResult<()> {
    // SAFETY: a mapping at an address of the kernel's choice touches no memory of ours.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            request.len,
            request.protection.raw(),
            request.sharing.raw(),
            file.as_raw_fd(),
            request.offset as libc::off_t,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(SysError::last("mmap", format!("a file, {request:?}")));
    }
    // SAFETY: the mapping was made above, and nothing refers to it.
    unsafe { libc::munmap(address, request.len) };
    Ok(())
}

/// A file's mapping with a page of guard behind it, at an alignment of the caller's choice; unmapped when dropped.
///
/// Invariant: `start..start + len + one page` lies within `reserved`, which is ours alone, but for the guard once `open` is set.
/// Accesses are volatile and by raw address. Those that the kernel refuses end in a signal: make them within [`super::trap::touch`].
#[derive(Debug)]
pub struct Region {
    reserved: std::ops::Range<usize>,
    start: usize,
    len: usize,
    open: Cell<bool>,
}

impl Region {
    /// Maps `len` bytes, rounded up to whole pages, from the first byte of `file`, at a multiple of `alignment` (a power of two).
    ///
    /// # Errors
    /// What mmap(2) answers.
    pub fn of_file(
        file: &File,
        len: usize,
        protection: Protection,
        sharing: Sharing,
        alignment: usize,
    ) -> SysResult<Self> {
        let len = len.next_multiple_of(page_size());
        let alignment = alignment.max(page_size());
        let failed = || SysError::last("mmap", format!("{len} bytes of a file at an aligned address"));
        let size = len + page_size() + alignment;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(failed());
        }
        let base = base as usize;
        let region =
            Self { reserved: base..base + size, start: base.next_multiple_of(alignment), len, open: Cell::new(false) };
        // SAFETY: MAP_FIXED replaces a part of the reservation made above, which nothing refers to.
        let placed = unsafe {
            libc::mmap(
                region.start as *mut libc::c_void,
                len,
                protection.raw(),
                sharing.raw() | libc::MAP_FIXED,
                file.as_raw_fd(),
                0,
            )
        };
        if placed == libc::MAP_FAILED { Err(failed()) } else { Ok(region) }
    }

    /// The address of the byte at `offset`, which may be the first past the mapping.
    pub fn address(&self, offset: usize) -> usize {
        assert!(offset <= self.len, "address outside of the region");
        self.start + offset
    }

    /// Bytes mapped.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: an empty mapping cannot be made.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Reads the byte at `offset`.
    ///
    /// # Panics
    /// If it lies outside the mapping.
    pub fn load(&self, offset: usize) -> u8 {
        assert!(offset < self.len, "load outside of the region");
        // SAFETY: within the mapping, by the assertion; what the kernel refuses is a signal.
        unsafe { (self.address(offset) as *const u8).read_volatile() }
    }

    /// Stores `byte` at `offset`.
    ///
    /// # Panics
    /// If it lies outside the mapping.
    pub fn store(&self, offset: usize, byte: u8) {
        assert!(offset < self.len, "store outside of the region");
        // SAFETY: as in `load`.
        unsafe { (self.address(offset) as *mut u8).write_volatile(byte) }
    }

    /// Unmaps the guard and reads the first byte past the mapping, where nothing is mapped: for a child of one thread, which nothing
    /// maps in between. A guard left in place would answer with another code (SEGV_ACCERR, for it is mapped `PROT_NONE`).
    pub fn load_past(&self) -> u8 {
        let past = (self.start + self.len) as *mut libc::c_void;
        // SAFETY: the guard is a page of our reservation that nothing refers to; `open` keeps `drop` from unmapping it again.
        unsafe { libc::munmap(past, page_size()) };
        self.open.set(true);
        // SAFETY: a volatile load from a raw address: with nothing mapped there, the kernel answers with SIGSEGV.
        unsafe { past.cast::<u8>().read_volatile() }
    }

    /// Gives write(2)'s positional form the byte at `offset` of this region to write to `file` at `at`: the kernel does the reading,
    /// and answers for what it cannot read.
    ///
    /// # Errors
    /// `EFAULT` where the byte cannot be read.
    ///
    /// # Panics
    /// If it lies outside the mapping.
    pub fn write_byte_to(&self, offset: usize, file: &File, at: u64) -> SysResult<()> {
        assert!(offset < self.len, "write from outside of the region");
        // SAFETY: the kernel checks the address, and only reads from it.
        let put = unsafe {
            libc::pwrite(file.as_raw_fd(), self.address(offset) as *const libc::c_void, 1, at as libc::off_t)
        };
        match put {
            1 => Ok(()),
            0 => Err(SysError::new("pwrite", "a byte of a mapping", Errno::EIO)),
            _ => Err(SysError::last("pwrite", "a byte of a mapping")),
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let guard = self.start + self.len;
        let unmap = |from: usize, to: usize| {
            if from < to {
                // SAFETY: the range is ours by the invariant, and no borrow of it outlives self.
                unsafe { libc::munmap(from as *mut libc::c_void, to - from) };
            }
        };
        if self.open.get() {
            unmap(self.reserved.start, guard);
            unmap(guard + page_size(), self.reserved.end);
        } else {
            unmap(self.reserved.start, self.reserved.end);
        }
    }
}
