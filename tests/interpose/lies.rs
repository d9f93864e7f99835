//! Libc calls that lie: put before the real ones by `LD_PRELOAD`, one lie a library (`--cfg lie="…"`), built by `tests/gates/interposed.rs`.
//!
//! Each does what a broken filesystem, a "fast fsync" library or a bug of ours would do, and says that all went well.
#![allow(unsafe_code, dead_code)]

use std::ffi::{c_char, c_int, c_long, c_void};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
}

/// The next library's function of this name (dlsym(3), `RTLD_NEXT`).
macro_rules! real {
    ($name:literal as $kind:ty) => {{
        // SAFETY: the name is a C string, and libc's function of that name has this type.
        unsafe {
            let found = dlsym(-1_isize as *mut c_void, concat!($name, "\0").as_ptr().cast());
            std::mem::transmute::<*mut c_void, $kind>(found)
        }
    }};
}

type Sync = extern "C" fn(c_int) -> c_int;
type Pread = extern "C" fn(c_int, *mut c_void, usize, i64) -> isize;
type Pwrite = extern "C" fn(c_int, *const c_void, usize, i64) -> isize;
type Mmap = extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, i64) -> *mut c_void;
type Open = extern "C" fn(*const c_char, c_int, c_int) -> c_int;
type Fadvise = extern "C" fn(c_int, i64, i64, c_int) -> c_int;

const PROT_WRITE: c_int = 2;
const MAP_SHARED: c_int = 1;
const MAP_PRIVATE: c_int = 2;
const MAP_POPULATE: c_int = 0x8000;
const LARGE: usize = 1 << 20;
const PAGE: usize = 4096;

/// Syncs nothing.
#[cfg(lie = "msync")]
#[unsafe(no_mangle)]
extern "C" fn msync(_: *mut c_void, _: usize, _: c_int) -> c_int {
    0
}

/// Syncs nothing.
#[cfg(any(lie = "fdatasync", lie = "fdatasync unseen"))]
#[unsafe(no_mangle)]
extern "C" fn fdatasync(_: c_int) -> c_int {
    0
}

/// Writes, waits, and leaves the device's cache as it is: what sync_file_range(2) does in full.
#[cfg(lie = "fdatasync without a flush")]
#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    const IN_FULL: u32 = 7;
    real!("sync_file_range" as extern "C" fn(c_int, i64, i64, u32) -> c_int)(fd, 0, 0, IN_FULL)
}

/// Syncs nothing.
#[cfg(lie = "fsync")]
#[unsafe(no_mangle)]
extern "C" fn fsync(_: c_int) -> c_int {
    0
}

/// Counts no read from storage, as a kernel without I/O accounting does.
#[cfg(lie = "no own reads")]
fn lie_of(_: c_long) -> c_long {
    0
}

/// Counts a block at each look, whatever was read.
#[cfg(lie = "too many own reads")]
fn lie_of(real: c_long) -> c_long {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    real + LOOKS.fetch_add(1, Ordering::Relaxed) as c_long
}

/// Two times of two numbers each, then fourteen counts, of which `ru_inblock` is the eighth (getrusage(2)).
#[cfg(any(lie = "no own reads", lie = "too many own reads"))]
#[unsafe(no_mangle)]
extern "C" fn getrusage(who: c_int, into: *mut c_long) -> c_int {
    let code = real!("getrusage" as extern "C" fn(c_int, *mut c_long) -> c_int)(who, into);
    // SAFETY: the caller's structure has eighteen numbers.
    unsafe { *into.add(4 + 7) = lie_of(*into.add(4 + 7)) };
    code
}

/// A kernel without cachestat(2): nobody tells what is dirty.
#[cfg(lie = "fdatasync unseen")]
#[unsafe(no_mangle)]
extern "C" fn syscall(number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long) -> c_long {
    const CACHESTAT: c_long = 451;
    const ENOSYS: c_int = 38;
    if number == CACHESTAT {
        // SAFETY: errno is this thread's own.
        unsafe { *__errno_location() = ENOSYS };
        return -1;
    }
    type Call = extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;
    real!("syscall" as Call)(number, a, b, c, d, e, f)
}

/// Starts nothing and waits for nothing.
#[cfg(lie = "sync_file_range")]
#[unsafe(no_mangle)]
extern "C" fn sync_file_range(_: c_int, _: i64, _: i64, _: u32) -> c_int {
    0
}

/// Writes, whatever the flags ask for beside.
#[cfg(lie = "RWF_DSYNC")]
#[unsafe(no_mangle)]
extern "C" fn pwritev2(fd: c_int, parts: *const c_void, count: c_int, at: i64, _: c_int) -> isize {
    real!("pwritev2" as extern "C" fn(c_int, *const c_void, c_int, i64, c_int) -> isize)(fd, parts, count, at, 0)
}

/// Opens without O_DSYNC.
#[cfg(lie = "O_DSYNC")]
#[unsafe(no_mangle)]
extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    const O_DSYNC: c_int = 0x1000;
    real!("open64" as Open)(path, flags & !O_DSYNC, mode)
}

/// Opens without O_DIRECT.
#[cfg(lie = "O_DIRECT")]
#[unsafe(no_mangle)]
extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    #[cfg(target_arch = "aarch64")]
    const O_DIRECT: c_int = 0x10000;
    #[cfg(not(target_arch = "aarch64"))]
    const O_DIRECT: c_int = 0x4000;
    real!("open64" as Open)(path, flags & !O_DIRECT, mode)
}

/// Writes no single byte, which is what an edit is.
#[cfg(lie = "pwrite")]
#[unsafe(no_mangle)]
extern "C" fn pwrite(fd: c_int, bytes: *const c_void, len: usize, at: i64) -> isize {
    if len == 1 { 1 } else { real!("pwrite" as Pwrite)(fd, bytes, len, at) }
}

/// Makes each commit six times through any descriptor but the first: through the null control's. So
/// it takes several times as long however fast the disk is.
#[cfg(lie = "a slow null control")]
#[unsafe(no_mangle)]
extern "C" fn pwrite(fd: c_int, bytes: *const c_void, len: usize, at: i64) -> isize {
    static FIRST: AtomicI32 = AtomicI32::new(-1);
    let write = || real!("pwrite" as Pwrite)(fd, bytes, len, at);
    if len == 1 && FIRST.compare_exchange(-1, fd, Ordering::Relaxed, Ordering::Relaxed).is_err_and(|first| first != fd)
    {
        for _ in 0..5 {
            write();
            real!("fdatasync" as Sync)(fd);
        }
    }
    write()
}

/// Leaves in the buffer what was there.
#[cfg(lie = "pread")]
#[unsafe(no_mangle)]
extern "C" fn pread(fd: c_int, into: *mut c_void, len: usize, at: i64) -> isize {
    if len >= PAGE { len as isize } else { real!("pread" as Pread)(fd, into, len, at) }
}

/// Reads a large block once, and is content with what it has from then on.
#[cfg(lie = "pread again")]
#[unsafe(no_mangle)]
extern "C" fn pread(fd: c_int, into: *mut c_void, len: usize, at: i64) -> isize {
    static READ: AtomicU64 = AtomicU64::new(0);
    if len > LARGE && READ.fetch_add(1, Ordering::Relaxed) > 0 {
        return len as isize;
    }
    real!("pread" as Pread)(fd, into, len, at)
}

/// Evicts the file before each page that it reads, as another process might.
#[cfg(lie = "an evicting pread")]
#[unsafe(no_mangle)]
extern "C" fn pread(fd: c_int, into: *mut c_void, len: usize, at: i64) -> isize {
    const DONTNEED: c_int = 4;
    if len == PAGE {
        real!("posix_fadvise" as Fadvise)(fd, 0, 0, DONTNEED);
    }
    real!("pread" as Pread)(fd, into, len, at)
}

/// What a helper is to read, and its stack.
struct Help {
    fd: c_int,
    at: i64,
    page: [u8; PAGE],
    stack: [u128; 4096],
}

/// The helper: reads the page, and ends.
extern "C" fn help(asked: *mut c_void) -> c_int {
    // SAFETY: the page to read into is `Help`'s, which nobody else uses while its parent stands still.
    unsafe {
        let asked = asked.cast::<Help>();
        real!("pread" as Pread)((*asked).fd, (&raw mut (*asked).page).cast(), PAGE, (*asked).at);
    }
    0
}

/// Has each page read by another process first, as a backup or an indexer might.
#[cfg(lie = "a helped pread")]
#[unsafe(no_mangle)]
extern "C" fn pread(fd: c_int, into: *mut c_void, len: usize, at: i64) -> isize {
    const CLONE_VM: c_int = 0x100;
    const CLONE_VFORK: c_int = 0x4000;
    const SIGCHLD: c_int = 17;
    type Clone = extern "C" fn(extern "C" fn(*mut c_void) -> c_int, *mut c_void, c_int, *mut c_void) -> c_int;
    static mut HELP: Help = Help { fd: 0, at: 0, page: [0; PAGE], stack: [0; 4096] };
    if len == PAGE {
        let helper = &raw mut HELP;
        // SAFETY: workers have one thread, which stands still until the helper has ended (CLONE_VFORK), so that nobody else is at `HELP`; the
        // helper's stack begins one past its last word, and grows down within it.
        let child = unsafe {
            (*helper).fd = fd;
            (*helper).at = at;
            let top = (&raw mut (*helper).stack).add(1).cast();
            real!("clone" as Clone)(help, top, CLONE_VM | CLONE_VFORK | SIGCHLD, helper.cast())
        };
        real!("waitpid" as extern "C" fn(c_int, *mut c_int, c_int) -> c_int)(child, std::ptr::null_mut(), 0);
    }
    real!("pread" as Pread)(fd, into, len, at)
}

/// Touches a page of fresh memory for each page that it reads.
#[cfg(lie = "a faulting pread")]
#[unsafe(no_mangle)]
extern "C" fn pread(fd: c_int, into: *mut c_void, len: usize, at: i64) -> isize {
    const MAP_ANONYMOUS: c_int = 0x20;
    if len == PAGE {
        let fresh =
            real!("mmap" as Mmap)(std::ptr::null_mut(), PAGE, 1 | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        // SAFETY: a page was just mapped there for reading and writing.
        unsafe { fresh.cast::<u8>().write_volatile(1) };
        real!("munmap" as extern "C" fn(*mut c_void, usize) -> c_int)(fresh, PAGE);
    }
    real!("pread" as Pread)(fd, into, len, at)
}

/// The flags that a file's mapping is made with in place of those asked for.
fn flags(protection: c_int, flags: c_int) -> c_int {
    let writable = protection & PROT_WRITE != 0;
    if cfg!(lie = "private for shared") && writable && flags & MAP_SHARED != 0 {
        flags & !MAP_SHARED | MAP_PRIVATE
    } else if cfg!(lie = "shared for private") && writable && flags & MAP_PRIVATE != 0 {
        flags & !MAP_PRIVATE | MAP_SHARED
    } else if cfg!(lie = "MAP_POPULATE") {
        flags & !MAP_POPULATE
    } else {
        flags
    }
}

#[cfg(any(lie = "private for shared", lie = "shared for private", lie = "MAP_POPULATE"))]
#[unsafe(no_mangle)]
extern "C" fn mmap64(
    at: *mut c_void,
    len: usize,
    protection: c_int,
    asked: c_int,
    fd: c_int,
    offset: i64,
) -> *mut c_void {
    let given = if fd < 0 { asked } else { flags(protection, asked) };
    real!("mmap64" as Mmap)(at, len, protection, given, fd, offset)
}

/// Unmaps nothing large.
#[cfg(lie = "munmap")]
#[unsafe(no_mangle)]
extern "C" fn munmap(at: *mut c_void, len: usize) -> c_int {
    if len >= LARGE { 0 } else { real!("munmap" as extern "C" fn(*mut c_void, usize) -> c_int)(at, len) }
}

/// Evicts nothing.
#[cfg(lie = "posix_fadvise")]
#[unsafe(no_mangle)]
extern "C" fn posix_fadvise(_: c_int, _: i64, _: i64, _: c_int) -> c_int {
    0
}

/// Takes no advice.
#[cfg(lie = "madvise")]
#[unsafe(no_mangle)]
extern "C" fn madvise(_: *mut c_void, _: usize, _: c_int) -> c_int {
    0
}

/// The last message written, by which it is answered without anyone else.
static MESSAGE: AtomicU64 = AtomicU64::new(0);

#[cfg(lie = "pipes that answer themselves")]
#[unsafe(no_mangle)]
extern "C" fn write(fd: c_int, bytes: *const c_void, len: usize) -> isize {
    if len == 8 {
        // SAFETY: the caller gives eight bytes to write.
        MESSAGE.store(unsafe { bytes.cast::<u64>().read_unaligned() }, Ordering::Relaxed);
        return 8;
    }
    real!("write" as extern "C" fn(c_int, *const c_void, usize) -> isize)(fd, bytes, len)
}

#[cfg(lie = "pipes that answer themselves")]
#[unsafe(no_mangle)]
extern "C" fn read(fd: c_int, into: *mut c_void, len: usize) -> isize {
    let message = MESSAGE.load(Ordering::Relaxed);
    if len == 8 && message != 0 {
        // SAFETY: the caller gives room for eight bytes.
        unsafe { into.cast::<u64>().write_unaligned(message + 1) };
        return 8;
    }
    real!("read" as extern "C" fn(c_int, *mut c_void, usize) -> isize)(fd, into, len)
}

/// Of the kernel's clocks, one and a half times as fast.
#[cfg(lie = "a fast clock")]
#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: c_int, time: *mut [i64; 2]) -> c_int {
    let code = real!("clock_gettime" as extern "C" fn(c_int, *mut [i64; 2]) -> c_int)(clock, time);
    // SAFETY: the caller gave a timespec, two 64-bit words here.
    let told = unsafe { &mut *time };
    let ns = (told[0] * 1_000_000_000 + told[1]) / 2 * 3;
    *told = [ns / 1_000_000_000, ns % 1_000_000_000];
    code
}

/// Advice to bring pages in is not passed on.
#[cfg(lie = "MADV_WILLNEED")]
#[unsafe(no_mangle)]
extern "C" fn madvise(at: *mut c_void, len: usize, advice: c_int) -> c_int {
    const MADV_WILLNEED: c_int = 3;
    if advice == MADV_WILLNEED {
        return 0;
    }
    real!("madvise" as extern "C" fn(*mut c_void, usize, c_int) -> c_int)(at, len, advice)
}

/// Every third read or write is interrupted by a signal that never came; of others, some move a
/// part.
#[cfg(lie = "interrupted messages")]
mod interrupted {
    use super::*;

    fn turn() -> u64 {
        static TURNS: AtomicU64 = AtomicU64::new(0);
        TURNS.fetch_add(1, Ordering::Relaxed)
    }

    fn cut(len: usize) -> Option<usize> {
        const EINTR: c_int = 4;
        match turn() % 5 {
            _ if len != 8 => Some(len),
            1 => {
                // SAFETY: the thread's own errno.
                unsafe { *__errno_location() = EINTR };
                None
            }
            3 => Some(3),
            _ => Some(len),
        }
    }

    #[unsafe(no_mangle)]
    extern "C" fn read(fd: c_int, into: *mut c_void, len: usize) -> isize {
        cut(len).map_or(-1, |len| real!("read" as extern "C" fn(c_int, *mut c_void, usize) -> isize)(fd, into, len))
    }

    #[unsafe(no_mangle)]
    extern "C" fn write(fd: c_int, from: *const c_void, len: usize) -> isize {
        cut(len).map_or(-1, |len| real!("write" as extern "C" fn(c_int, *const c_void, usize) -> isize)(fd, from, len))
    }
}
