//! What this kernel and processor offer: asked by calling, since neither a version nor a header says what is allowed here.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{UsageWho, getrusage};
use tempfile::NamedTempFile;

use super::{SysError, SysResult};

/// The parent's process id by the system call itself: about the least that a call into the kernel can do, and one that no
/// library answers from a cache.
#[inline(always)]
pub fn system_call() -> i64 {
    // SAFETY: getppid(2) takes nothing and cannot fail.
    unsafe { libc::syscall(libc::SYS_getppid) }
}

/// Nanoseconds since the machine started (`CLOCK_BOOTTIME`), by the system call itself and not by
/// libc.
pub fn boot_time_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime(2) writes one timespec, to a local.
    unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_BOOTTIME, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Faults that this thread has met without I/O since it started (getrusage(2), RUSAGE_THREAD): other threads' do not count.
pub fn thread_minor_faults() -> u64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| u64::try_from(usage.minor_page_faults()).unwrap_or(0))
}

/// A new file in `dir` to try a sync on, mode 0600, named `.pagewise-probe-…` (`O_EXCL`), removed when dropped.
///
/// It has a name, as users' files have, since filesystems may sync a file without one differently: f2fs by a whole checkpoint
/// (fs/f2fs/file.c, need_do_checkpoint).
///
/// # Errors
/// What open(2) answers: `EACCES`, `ENOENT`, `ENOSPC`, `EROFS`, …
pub fn named_file(dir: &Path) -> SysResult<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".pagewise-probe-")
        .tempfile_in(dir)
        .map_err(SysError::io("open(O_CREAT|O_EXCL)", dir))
}

/// Bytes that compress badly, so that a filesystem which compresses writes them all the same (xorshift64, Marsaglia 2003).
pub(super) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15 ^ (seed + 1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[5]
    };
    (0..len).map(|_| next()).collect()
}

/// Whether an io_uring may be made here (io_uring_setup(2)). One is made, of a single entry, and closed.
///
/// # Errors
/// `ENOSYS` before Linux 5.1, `EPERM` where `kernel.io_uring_disabled` or a container's filter forbids it.
pub fn io_uring() -> SysResult<()> {
    /// `struct io_uring_params` (include/uapi/linux/io_uring.h): 120 bytes, all zero asks for nothing special.
    #[repr(C, align(8))]
    struct Params([u8; 120]);
    let mut params = Params([0; 120]);
    // SAFETY: params has the size of the kernel's structure, which the kernel fills in, and outlives the call.
    let code = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut params) };
    let number = Errno::result(code).map_err(|errno| SysError::new("io_uring_setup", "one entry", errno))?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    drop(unsafe { OwnedFd::from_raw_fd(number as i32) });
    Ok(())
}

/// Whether `file` can be read past the page cache's keeping (`RWF_DONTCACHE`, preadv2(2), Linux 6.14): its first byte is.
///
/// # Errors
/// `EOPNOTSUPP` where the kernel or the filesystem has no such reads.
pub fn uncached_read(file: &File) -> SysResult<()> {
    /// include/uapi/linux/fs.h
    const RWF_DONTCACHE: libc::c_int = 0x80;
    let mut byte = 0_u8;
    let into = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the vector names one byte of ours, which outlives the call. The offset goes as two halves, both 0.
    let code = unsafe { libc::syscall(libc::SYS_preadv2, file.as_raw_fd(), &raw const into, 1, 0, 0, RWF_DONTCACHE) };
    Errno::result(code).map(drop).map_err(|errno| SysError::new("preadv2(RWF_DONTCACHE)", "a file", errno))
}

/// The name that a hypervisor gives of itself: the 12 letters of CPUID leaf 0x40000000, such as `KVMKVMKVM`. `None` on bare metal, and on
/// processors without CPUID.
pub fn hypervisor() -> Option<String> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;
        /// Leaf 1, ECX, bit 31: set by hypervisors, 0 on every real processor (Intel SDM and AMD APM, CPUID).
        const PRESENT: u32 = 1 << 31;
        if __cpuid(1).ecx & PRESENT == 0 {
            return None;
        }
        let leaf = __cpuid(0x4000_0000);
        let letters = [leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes).concat();
        let name: String = letters
            .iter()
            .filter(|letter| letter.is_ascii_graphic() || **letter == b' ')
            .map(|letter| char::from(*letter))
            .collect();
        Some(name.trim().to_owned())
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::buffer::Buffer;
    use crate::os::page_size;

    #[test]
    fn the_system_call_names_the_parent() {
        assert_eq!(system_call(), i64::from(nix::unistd::getppid().as_raw()));
    }

    #[test]
    fn faults_of_another_thread_are_not_counted_as_ours() {
        let touch = || {
            Buffer::fresh(256 * page_size()).unwrap().small_pages().bytes_mut().fill(1);
        };
        let before = thread_minor_faults();
        std::thread::scope(|scope| scope.spawn(touch).join()).unwrap();
        assert!(thread_minor_faults() - before < 128);
        touch();
        assert!(thread_minor_faults() - before >= 256);
    }

    #[test]
    fn io_uring_is_there_or_says_why_not_and_leaves_no_descriptor() {
        let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = open();
        if let Err(error) = io_uring() {
            assert!(matches!(error.errno, Errno::ENOSYS | Errno::EPERM | Errno::EACCES | Errno::ENOMEM), "{error}");
        }
        // Other tests open and close files meanwhile: a descriptor lost at each of 64 calls would still show.
        (0..64).for_each(|_| drop(io_uring()));
        assert!(open() < before + 64);
    }

    #[test]
    fn a_file_is_read_uncached_or_the_kernel_says_why_not() {
        let file = tempfile::tempfile().unwrap();
        if let Err(error) = uncached_read(&file) {
            assert!(matches!(error.errno, Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS), "{error}");
        }
    }

    #[test]
    fn a_hypervisor_is_seen_where_the_kernel_sees_one() {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        if cfg!(target_arch = "x86_64") {
            let flagged = cpuinfo.split_whitespace().any(|word| word == "hypervisor");
            assert_eq!(hypervisor().is_some(), flagged);
        } else {
            assert_eq!(hypervisor(), None);
        }
    }
}
