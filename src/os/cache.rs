//! What of a file the page cache holds, and how to make it hold none.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, PosixFadviseAdvice, fcntl, posix_fadvise};
use nix::libc;
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, fstatfs};
use nix::unistd::{AccessFlags, eaccess};

use super::map::{FileMap, Kind, Populate};
use super::{SysError, SysResult, page_size};

/// A file's pages in the page cache, in pages (cachestat(2), include/uapi/linux/mman.h).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residency {
    /// In the cache.
    pub cached: u64,
    /// Of those, dirty. A large folio counts with all of its pages (facts: a `pwrite` of a byte into a 2 MiB folio shows 512).
    pub dirty: u64,
    /// Of those, being written back.
    pub writeback: u64,
    /// Evicted.
    pub evicted: u64,
    /// Evicted lately.
    pub recently_evicted: u64,
}

/// The number of cachestat(2), the same on every architecture (Linux 6.5).
const SYS_CACHESTAT: libc::c_long = 451;

/// `cachestat(2)` of the first `len` bytes of `file`.
///
/// Not asked on overlayfs: it looks at overlay's own inode, which has no pages, and would call every file cold.
///
/// # Errors
/// `ENOSYS` before Linux 6.5, `EOPNOTSUPP` on overlayfs, `EPERM` for a file that is not ours to write (mm/filemap.c, can_do_cachestat), `EOPNOTSUPP` on hugetlbfs.
pub fn cachestat(file: &File, len: u64) -> SysResult<Residency> {
    #[repr(C)]
    struct Range {
        off: u64,
        len: u64,
    }
    let failed = |errno| SysError::new("cachestat", format!("the first {len} bytes of a file"), errno);
    if fstatfs(file).is_ok_and(|stat| stat.filesystem_type() == OVERLAYFS_SUPER_MAGIC) {
        return Err(failed(Errno::EOPNOTSUPP));
    }
    let range = Range { off: 0, len };
    let mut seen = Residency::default();
    // SAFETY: both structures have the kernel's layout and outlive the call.
    let code = unsafe { libc::syscall(SYS_CACHESTAT, file.as_raw_fd(), &raw const range, &raw mut seen, 0) };
    Errno::result(code).map_err(failed)?;
    Ok(seen)
}

/// How many of the first `len` bytes' pages are in the page cache: by cachestat(2), and where the
/// kernel lacks it, or overlayfs lies above, by mincore(2).
///
/// # Errors
/// `EPERM` for a file that is neither ours nor ours to write: mincore(2) would say "all of them" there ([`tells_residency`]), so it is not asked.
pub fn cached_pages(file: &File, len: u64) -> SysResult<u64> {
    match cachestat(file, len) {
        Ok(seen) => Ok(seen.cached),
        Err(error) if unknown(error.errno) && tells_residency(file) => mincore(file, len),
        Err(error) => Err(error),
    }
}

/// What a kernel, a filesystem or a container's filter answers that does not let cachestat(2) through.
fn unknown(errno: Errno) -> bool {
    matches!(errno, Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EPERM)
}

/// Whether mincore(2) tells the truth on this file: its owner asks, whoever may act as such, or who may write to it (mm/mincore.c,
/// can_do_mincore). Anyone else is told that every page is there.
///
/// That `O_NOATIME` is set on the descriptor says that we may act as its owner: open(2) asks for the same (fs/namei.c, may_open).
pub fn tells_residency(file: &File) -> bool {
    let me = nix::unistd::geteuid();
    let as_owner = fcntl(file, FcntlArg::F_GETFL).is_ok_and(|flags| flags & libc::O_NOATIME != 0);
    let may_write = || eaccess(format!("/proc/self/fd/{}", file.as_raw_fd()).as_str(), AccessFlags::W_OK).is_ok();
    as_owner || nix::sys::stat::fstat(file).is_ok_and(|stat| stat.st_uid == me.as_raw()) || may_write()
}

/// Resident pages by mincore(2) on a mapping made for the purpose.
fn mincore(file: &File, len: u64) -> SysResult<u64> {
    let map = FileMap::new(file, len as usize, Kind::SharedRead, Populate::OnTouch)?;
    let mut seen = vec![0_u8; map.len().div_ceil(page_size())];
    // SAFETY: the vector holds a byte for each page of the mapping.
    let code = unsafe { libc::mincore(map.address() as *mut libc::c_void, map.len(), seen.as_mut_ptr()) };
    Errno::result(code).map_err(|errno| SysError::new("mincore", format!("{len} bytes of a file"), errno))?;
    Ok(seen.iter().filter(|page| **page & 1 == 1).count() as u64)
}

/// Whether all pages of a part of a mapping are in the page cache (mincore(2)): `len` bytes at `at`, at most a MiB of 4 KiB pages.
///
/// # Errors
/// What mincore(2) answers. Of some files it says that all pages are there: see [`tells_residency`].
#[inline(always)]
pub fn is_resident(map: &FileMap, at: usize, len: usize) -> SysResult<bool> {
    let mut seen = [0_u8; 256];
    let (first, last) = (at & !(page_size() - 1), at + len);
    let pages = (last - first).div_ceil(page_size());
    assert!(last <= map.len() && pages <= seen.len(), "mincore outside of the mapping, or of too much");
    // SAFETY: the range lies within the mapping, and the array holds a byte for each of its pages.
    let code = unsafe { libc::mincore((map.address() + first) as *mut libc::c_void, last - first, seen.as_mut_ptr()) };
    if code != 0 {
        return Err(SysError::last("mincore", format!("{len} bytes at {at} of a mapping")));
    }
    Ok(seen[..pages].iter().all(|page| *page & 1 == 1))
}

/// Asks the kernel to drop the file's pages (`POSIX_FADV_DONTNEED`, posix_fadvise(2)). Dirty pages and pages mapped
/// by any process stay: sync and unmap first, and look at [`cached_pages`] after.
///
/// # Errors
/// `ESPIPE` for a pipe.
pub fn evict(file: &File) -> SysResult<()> {
    posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
        .map_err(|errno| SysError::new("posix_fadvise(DONTNEED)", "a file", errno))
}

/// Tells the kernel how a descriptor will be read (posix_fadvise(2)).
///
/// # Errors
/// As [`evict`].
pub fn advise_file(file: &File, advice: PosixFadviseAdvice) -> SysResult<()> {
    posix_fadvise(file, 0, 0, advice)
        .map_err(|errno| SysError::new("posix_fadvise", format!("a file, {advice:?}"), errno))
}
