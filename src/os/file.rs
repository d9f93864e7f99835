//! Files: reading, writing and syncing them at an offset.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::time::TimeSpec;
use nix::unistd::{Whence, lseek};

use super::{SysError, SysResult};

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Reading.
    Read,
    /// Reading and writing.
    ReadWrite,
    /// Writing only.
    Write,
    /// Reading and writing, where a `write` returns when its data is durable (`O_DSYNC`, open(2)).
    ReadWriteDsync,
    /// Reading past the page cache (`O_DIRECT`, open(2)): aligned buffers, offsets and lengths.
    ReadDirect,
    /// Reading and writing past the page cache, where a `write` returns when its data is durable (`O_DIRECT | O_DSYNC`).
    DirectDsync,
}

/// Opens a file that is there.
///
/// # Errors
/// What open(2) answers; `EINVAL` for [`Open::ReadDirect`] where the filesystem has no direct I/O.
pub fn open(path: &Path, how: Open) -> SysResult<File> {
    let mut options = OpenOptions::new();
    options.read(how != Open::Write).write(!matches!(how, Open::Read | Open::ReadDirect));
    match how {
        Open::ReadWriteDsync => options.custom_flags(libc::O_DSYNC),
        Open::ReadDirect => options.custom_flags(libc::O_DIRECT),
        Open::DirectDsync => options.custom_flags(libc::O_DIRECT | libc::O_DSYNC),
        Open::Read | Open::ReadWrite | Open::Write => &mut options,
    };
    options.open(path).map_err(SysError::io("open", path))
}

/// Opens a file of the user's for reading, without leaving a trace: `O_NOATIME` where we may ask for it (the file's owner, open(2)). Does not wait
/// for whoever writes to a pipe (`O_NONBLOCK`), should one have taken the file's place.
///
/// # Errors
/// What open(2) answers.
pub fn open_unmarked(path: &Path, how: Open) -> SysResult<File> {
    let direct = if how == Open::ReadDirect { libc::O_DIRECT } else { 0 };
    let with = |flag| OpenOptions::new().read(true).custom_flags(flag | libc::O_NONBLOCK | direct).open(path);
    let opened = match with(libc::O_NOATIME) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => with(0),
        outcome => outcome,
    };
    opened.map_err(SysError::io("open", path))
}

/// What the regular file at `path` holds, without leaving a trace ([`open_unmarked`]); no more than
/// `most` bytes.
///
/// # Errors
/// What open(2) and read(2) answer; `InvalidInput` for what is no regular file, `FileTooLarge` for
/// a larger one.
pub fn read_all(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let file = open_unmarked(path, Open::Read).map_err(|error| std::io::Error::from(error.errno))?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    (&file).take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, format!("larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// Makes a new file, mode 0600, for reading and writing. One that is there already is an error (`O_EXCL`).
///
/// # Errors
/// What open(2) answers: `EEXIST`, `EACCES`, `ENOSPC`, `EROFS`, …
pub fn create_new(path: &Path) -> SysResult<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(SysError::io("open(O_CREAT|O_EXCL)", path))
}

/// A file in memory without a place in any folder (memfd_create(2)). `name` shows in /proc alone.
///
/// # Errors
/// `ENOMEM`, `EMFILE`; `ENOSYS` before Linux 3.17.
pub fn memfd(name: &str) -> std::io::Result<File> {
    Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?))
}

/// Whether any byte of the `len` at `at` is data, as far as the filesystem tells: the rest is holes, or blocks that were reserved and never
/// written, which no device is asked for (lseek(2), `SEEK_DATA`). Pages in the page cache count as data: to be asked of a file that is not cached.
///
/// Moves the place where the descriptor stands.
pub fn has_data(file: &File, at: u64, len: u64) -> bool {
    match lseek(file, offset(at), Whence::SeekData) {
        Ok(data) => (data as u64) < at + len,
        Err(errno) => errno != Errno::ENXIO,
    }
}

/// Reserves blocks for the first `len` bytes and makes the file that long (posix_fallocate(3)), so that a later store cannot
/// meet a full disk.
///
/// # Errors
/// `ENOSPC`; `EOPNOTSUPP` where the filesystem cannot reserve.
pub fn reserve(file: &File, len: u64) -> SysResult<()> {
    nix::fcntl::posix_fallocate(file, 0, offset(len))
        .map_err(|errno| SysError::new("posix_fallocate", format!("{len} bytes"), errno))
}

/// Fills `buffer` from `at`. The shortest path to pread(2): one call and one comparison where the kernel gives all that was asked for. Inlined into
/// a batch's loop; what is seldom needed stands apart, so that it does not lie in the loop's way.
///
/// # Errors
/// What pread(2) answers; `ENODATA` at the end of the file.
#[inline(always)]
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> SysResult<()> {
    let got = pread(file, buffer, at);
    if got == buffer.len() as isize { Ok(()) } else { read_rest(file, buffer, at, got) }
}

/// Fills the beginning of `buffer` with what the file has from `at` on, as far as it goes; gives how many bytes that are.
///
/// # Errors
/// What pread(2) answers.
pub fn read_up_to(file: &File, buffer: &mut [u8], at: u64) -> SysResult<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], at + done as u64) {
            Ok(0) => break,
            Ok(got) => done += got,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(SysError::from_io("pread", format!("{} bytes at {at}", buffer.len()), &error)),
        }
    }
    Ok(done)
}

#[inline(always)]
fn pread(file: &File, into: &mut [u8], at: u64) -> isize {
    // SAFETY: `into` is exclusive and as long as it says.
    unsafe { libc::pread(file.as_raw_fd(), into.as_mut_ptr().cast(), into.len(), offset(at)) }
}

/// Goes on after a first pread(2) that gave `got`: part of what was asked for, nothing, or an error.
#[cold]
fn read_rest(file: &File, buffer: &mut [u8], at: u64, mut got: isize) -> SysResult<()> {
    let mut done = 0;
    loop {
        match got {
            0 => {
                let place = format!("offset {}, past the end of the file", at + done as u64);
                return Err(SysError::new("pread", place, Errno::ENODATA));
            }
            1.. => done += got as usize,
            _ if Errno::last() == Errno::EINTR => {}
            _ => return Err(SysError::last("pread", format!("{} bytes at {at}", buffer.len()))),
        }
        if done == buffer.len() {
            return Ok(());
        }
        got = pread(file, &mut buffer[done..], at + done as u64);
    }
}

/// Writes all of `bytes` at `at`. The shortest path to pwrite(2), as [`read_at`] is to pread(2).
///
/// # Errors
/// What pwrite(2) answers: `ENOSPC`, `EIO`, …
#[inline(always)]
pub fn write_at(file: &File, bytes: &[u8], at: u64) -> SysResult<()> {
    let put = pwrite(file, bytes, at);
    if put == bytes.len() as isize { Ok(()) } else { write_rest(file, bytes, at, put) }
}

#[inline(always)]
fn pwrite(file: &File, bytes: &[u8], at: u64) -> isize {
    // SAFETY: `bytes` is readable and as long as it says.
    unsafe { libc::pwrite(file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), offset(at)) }
}

/// Goes on after a first pwrite(2) that took `put`: part of what was given, nothing, or an error.
#[cold]
fn write_rest(file: &File, bytes: &[u8], at: u64, mut put: isize) -> SysResult<()> {
    let mut done = 0;
    loop {
        match put {
            0 => return Err(SysError::new("pwrite", format!("{} bytes at {at}", bytes.len()), Errno::EIO)),
            1.. => done += put as usize,
            _ if Errno::last() == Errno::EINTR => {}
            _ => return Err(SysError::last("pwrite", format!("{} bytes at {at}", bytes.len()))),
        }
        if done == bytes.len() {
            return Ok(());
        }
        put = pwrite(file, &bytes[done..], at + done as u64);
    }
}

/// What pwritev2(2) is asked for, beside writing (include/uapi/linux/fs.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFlag {
    /// Nothing: as pwritev(2).
    Plain,
    /// `RWF_DSYNC` (Linux 4.7): this write returns when its data is durable.
    Dsync,
    /// `RWF_DONTCACHE` (Linux 6.14): write-out is started at once, and pages that the write brought into the page cache leave it after.
    DontCache,
}

impl WriteFlag {
    fn raw(self) -> libc::c_int {
        match self {
            Self::Plain => 0,
            Self::Dsync => 0x2,
            Self::DontCache => 0x80,
        }
    }
}

/// Writes `bytes` at `at` by one pwritev2(2).
///
/// # Errors
/// `EOPNOTSUPP` where kernel or filesystem do not know the flag; `EIO` for a short write; what pwrite(2) answers.
#[inline(always)]
pub fn write_flagged(file: &File, bytes: &[u8], at: u64, flag: WriteFlag) -> SysResult<()> {
    let part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: the one part is `bytes`, readable and as long as it says; a write does not change it.
    let put = unsafe { libc::pwritev2(file.as_raw_fd(), &raw const part, 1, offset(at), flag.raw()) };
    if put == bytes.len() as isize { Ok(()) } else { Err(not_written(put, bytes.len(), at, flag)) }
}

#[cold]
fn not_written(put: isize, asked: usize, at: u64, flag: WriteFlag) -> SysError {
    let errno = if put < 0 { Errno::last() } else { Errno::EIO };
    SysError::new("pwritev2", format!("{asked} bytes at {at}, {flag:?}"), errno)
}

/// How far sync_file_range(2) goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOut {
    /// `SYNC_FILE_RANGE_WRITE`: write-out is started, and not waited for.
    Start,
    /// `WAIT_BEFORE | WRITE | WAIT_AFTER`: written to the device, whose cache is not flushed, and no metadata with it.
    Whole,
}

/// `sync_file_range(2)` of `len` bytes at `at`.
///
/// # Errors
/// `EIO` where writing back failed; `ENOSYS` or `ESPIPE` where it cannot be asked.
#[inline(always)]
pub fn write_out(file: &File, at: u64, len: u64, how: WriteOut) -> SysResult<()> {
    let flags = match how {
        WriteOut::Start => libc::SYNC_FILE_RANGE_WRITE,
        WriteOut::Whole => {
            libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER
        }
    };
    // SAFETY: the call takes no pointer.
    let code = unsafe { libc::sync_file_range(file.as_raw_fd(), offset(at), offset(len), flags) };
    if code == 0 { Ok(()) } else { Err(SysError::last("sync_file_range", format!("{len} bytes at {at}, {how:?}"))) }
}

/// Reserves blocks for the first `len` bytes without writing them, after giving back those that were there: each block is one that was never written.
///
/// # Errors
/// `ENOSPC`; `EOPNOTSUPP` where the filesystem cannot reserve.
pub fn reserve_anew(file: &File, len: u64) -> SysResult<()> {
    make_sparse(file, len)?;
    reserve(file, len)
}

/// Gives every block back and makes the file `len` bytes long: one hole.
///
/// # Errors
/// What ftruncate(2) answers.
pub fn make_sparse(file: &File, len: u64) -> SysResult<()> {
    let resize = |len: u64| {
        file.set_len(len).map_err(|error| SysError::from_io("ftruncate", format!("a file to {len} bytes"), &error))
    };
    resize(0)?;
    resize(len)
}

/// Copies the first `len` bytes of one file to another by copy_file_range(2): shared, not copied, where the filesystem can (xfs, btrfs).
///
/// # Errors
/// `EXDEV` and `EOPNOTSUPP` where the kernel cannot copy between these; `ENODATA` for a source that is shorter; `ENOSPC`.
pub fn copy_range(from: &File, to: &File, len: u64) -> SysResult<()> {
    let (mut source, mut target) = (0, 0);
    while (source as u64) < len {
        let left = (len - source as u64) as usize;
        let copied = nix::fcntl::copy_file_range(from, Some(&mut source), to, Some(&mut target), left)
            .map_err(|errno| SysError::new("copy_file_range", format!("{left} bytes at {target}"), errno))?;
        if copied == 0 {
            return Err(SysError::new("copy_file_range", format!("{left} bytes at {target}"), Errno::ENODATA));
        }
    }
    Ok(())
}

/// Writes until `bytes` are in the file, by the standard library: for set-up, not for what is timed.
///
/// # Errors
/// What pwrite(2) answers.
pub fn write_all_at(file: &File, bytes: &[u8], at: u64, path: &Path) -> SysResult<()> {
    file.write_all_at(bytes, at).map_err(SysError::io("pwrite", path))
}

/// `fdatasync(2)`: data durable, and of the metadata what is needed to read it.
///
/// # Errors
/// `EIO` where writing back failed, now or earlier.
#[inline]
pub fn fdatasync(file: &File) -> SysResult<()> {
    nix::unistd::fdatasync(file).map_err(|errno| SysError::new("fdatasync", "a file", errno))
}

/// Sets the times of the file's last access and change to now (`futimens`, utimensat(2)).
///
/// # Errors
/// `EPERM`, `EROFS`: the file is someone else's, or the filesystem is read-only.
pub fn set_times_to_now(file: &File) -> SysResult<()> {
    nix::sys::stat::futimens(file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW)
        .map_err(|errno| SysError::new("futimens", "a file", errno))
}

/// `fsync(2)`: data and all metadata durable.
///
/// # Errors
/// As [`fdatasync`].
#[inline]
pub fn fsync(file: &File) -> SysResult<()> {
    nix::unistd::fsync(file).map_err(|errno| SysError::new("fsync", "a file", errno))
}

/// `syncfs(2)`: as [`fsync`], for all files of the filesystem that holds `file`.
///
/// # Errors
/// As [`fdatasync`].
pub fn sync_all_files(file: &File) -> SysResult<()> {
    nix::unistd::syncfs(file).map_err(|errno| SysError::new("syncfs", "the filesystem of a file", errno))
}

/// Whether a filesystem keeps its files in memory alone: no device, nothing to sync, pages that cannot be evicted (statfs(2)).
pub fn in_memory(file: &File) -> bool {
    use nix::sys::statfs::{HUGETLBFS_MAGIC, TMPFS_MAGIC, fstatfs};
    const RAMFS_MAGIC: libc::c_long = 0x8584_58f6;
    fstatfs(file).is_ok_and(|stat| {
        let kind = stat.filesystem_type();
        kind == TMPFS_MAGIC || kind == HUGETLBFS_MAGIC || kind.0 == RAMFS_MAGIC
    })
}

/// Whether a filesystem writes changed blocks to a new place: copy-on-write and log-structured ones (statfs(2)).
pub fn writes_elsewhere(file: &File) -> bool {
    use nix::sys::statfs::{BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, NILFS_SUPER_MAGIC, fstatfs};
    const BCACHEFS: libc::c_long = 0xca45_1a4e;
    const ZFS: libc::c_long = 0x2fc1_2fc1;
    fstatfs(file).is_ok_and(|stat| {
        let kind = stat.filesystem_type();
        [BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, NILFS_SUPER_MAGIC].contains(&kind) || [BCACHEFS, ZFS].contains(&kind.0)
    })
}

/// Offsets come from file sizes, which the kernel itself keeps within `off_t`.
#[inline(always)]
fn offset(bytes: u64) -> libc::off_t {
    bytes as libc::off_t
}
