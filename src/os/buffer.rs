//! Memory to read into: page-aligned, populated, and never moved.

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::access::Span;
use super::{SysError, SysResult};

/// Private anonymous memory, page-aligned (as O_DIRECT asks, open(2)), unmapped when dropped.
#[derive(Debug)]
pub struct Buffer {
    ptr: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory is the buffer's own, wherever it is used from.
unsafe impl Send for Buffer {}
// SAFETY: what a shared borrow gives only reads, and no one writes while it lasts.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `len` bytes (at least one), every page already there: its use takes no fault.
    pub fn new(len: usize) -> SysResult<Self> {
        Self::map(len, MapFlags::MAP_POPULATE)
    }

    /// `len` bytes as an allocator gives a large block: fresh, so that each page's first use takes a fault.
    pub fn fresh(len: usize) -> SysResult<Self> {
        Self::map(len, MapFlags::empty())
    }

    /// As [`Buffer::new`], in huge pages where the kernel gives some that are asked for (madvise(2), MADV_HUGEPAGE): the fewest translations that a
    /// processor needs, and the fewest parts that a device is handed.
    pub fn huge(len: usize) -> SysResult<Self> {
        let mut buffer = Self::fresh(len)?;
        // SAFETY: advice on our own mapping changes no content.
        unsafe { libc::madvise(buffer.ptr.as_ptr().cast(), buffer.len, libc::MADV_HUGEPAGE) };
        // A store brings each page; one that is only read may be the kernel's one zero page.
        buffer.bytes_mut().fill(0x5A);
        Ok(buffer)
    }

    fn map(len: usize, extra: MapFlags) -> SysResult<Self> {
        let failed = |errno| SysError::new("mmap", format!("{len} bytes of anonymous memory"), errno);
        let length = NonZeroUsize::new(len).ok_or_else(|| failed(nix::errno::Errno::EINVAL))?;
        // SAFETY: a new private mapping at an address of the kernel's choice touches no memory of ours.
        let ptr = unsafe {
            mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE | extra)
        }
        .map_err(failed)?;
        Ok(Self { ptr: ptr.cast(), len })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: len bytes are mapped, zero-filled and ours alone until drop.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }

    /// Its bytes, to change.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and &mut self makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }

    /// Its bytes as the span that [`Span::touch`] and [`Span::sum`] work on.
    #[inline(always)]
    pub fn span(&self) -> Span {
        Span::new(self.ptr.as_ptr(), self.len)
    }

    /// Stores `byte` at `offset`: the same store as [`super::map::FileMap::store`].
    ///
    /// # Panics
    /// If it lies outside the buffer.
    #[inline(always)]
    pub fn store(&mut self, offset: usize, byte: u8) {
        assert!(offset < self.len, "store outside of the buffer");
        // SAFETY: within the mapping, by the assertion, and &mut self makes the access exclusive.
        unsafe { self.ptr.as_ptr().add(offset).write_volatile(byte) }
    }

    /// Asks for 4 KiB pages (madvise(2), MADV_NOHUGEPAGE), so that fault counts do not depend on the machine's THP setting.
    /// A kernel without huge pages refuses; then there is nothing to ask.
    pub fn small_pages(self) -> Self {
        // SAFETY: advice on our own mapping changes no content.
        unsafe { libc::madvise(self.ptr.as_ptr().cast(), self.len, libc::MADV_NOHUGEPAGE) };
        self
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no borrow of it outlives self.
        let _ = unsafe { munmap(self.ptr.cast(), self.len) };
    }
}
