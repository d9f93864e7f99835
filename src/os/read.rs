//! Reading a file other than by pread(2): from where the descriptor stands, with a flag, ahead of its use.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;

use super::{SysError, SysResult, file};

/// What preadv2(2) is asked for, beside reading (include/uapi/linux/fs.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFlag {
    /// `RWF_NOWAIT` (Linux 4.14): what is not in the page cache is not waited for.
    NoWait,
    /// `RWF_DONTCACHE` (Linux 6.14): pages that the read brings into the page cache leave it after.
    DontCache,
}

impl ReadFlag {
    fn raw(self) -> libc::c_int {
        match self {
            Self::NoWait => 0x8,
            Self::DontCache => 0x80,
        }
    }
}

/// Fills `buffer` from `at` by preadv2(2), and what one call does not give by pread(2), which waits. Gives whether one call gave all.
///
/// # Errors
/// `EOPNOTSUPP` where kernel or filesystem do not know the flag; what pread(2) answers; `ENODATA` at the end of the file.
#[inline(always)]
pub fn read_flagged(file: &File, buffer: &mut [u8], at: u64, flag: ReadFlag) -> SysResult<bool> {
    let part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let offset = i64::try_from(at).unwrap_or(i64::MAX);
    // SAFETY: the one part is `buffer`, exclusive and as long as it says.
    let got = unsafe { libc::preadv2(file.as_raw_fd(), &raw const part, 1, offset, flag.raw()) };
    if got == buffer.len() as isize { Ok(true) } else { read_the_rest(file, buffer, at, got, flag) }
}

#[cold]
fn read_the_rest(file: &File, buffer: &mut [u8], at: u64, got: isize, flag: ReadFlag) -> SysResult<bool> {
    let done = match got {
        0.. => got as usize,
        _ if matches!(Errno::last(), Errno::EAGAIN | Errno::EINTR) => 0,
        _ => return Err(SysError::last("preadv2", format!("{} bytes at {at}, {flag:?}", buffer.len()))),
    };
    file::read_at(file, &mut buffer[done..], at + done as u64).map(|()| false)
}

/// Fills `buffer` from `at` by one preadv2(2) if that gives all of it; whether it did. What it does not give is not waited for.
///
/// # Errors
/// As [`read_flagged`]; a part that is there already counts as nothing.
#[inline(always)]
pub fn read_if_there(file: &File, buffer: &mut [u8], at: u64, flag: ReadFlag) -> SysResult<bool> {
    let part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let offset = i64::try_from(at).unwrap_or(i64::MAX);
    // SAFETY: the one part is `buffer`, exclusive and as long as it says.
    let got = unsafe { libc::preadv2(file.as_raw_fd(), &raw const part, 1, offset, flag.raw()) };
    match got {
        0.. => Ok(got == buffer.len() as isize),
        _ if matches!(Errno::last(), Errno::EAGAIN | Errno::EINTR) => Ok(false),
        _ => Err(SysError::last("preadv2", format!("{} bytes at {at}, {flag:?}", buffer.len()))),
    }
}

/// Fills `buffer` from where the descriptor stands, by read(2), which moves it on.
///
/// # Errors
/// What read(2) answers; `ENODATA` at the end of the file.
#[inline(always)]
pub fn read_next(file: &File, buffer: &mut [u8]) -> SysResult<()> {
    let mut done = 0;
    while done < buffer.len() {
        let rest = &mut buffer[done..];
        // SAFETY: `rest` is exclusive and as long as it says.
        match unsafe { libc::read(file.as_raw_fd(), rest.as_mut_ptr().cast(), rest.len()) } {
            got @ 1.. => done += got as usize,
            got => missed(got, rest.len())?,
        }
    }
    Ok(())
}

/// What a read(2) that gave no byte means; an interrupted one is tried again.
#[cold]
fn missed(got: isize, asked: usize) -> SysResult<()> {
    match got {
        0 => Err(SysError::new("read", format!("{asked} bytes, past the end of the file"), Errno::ENODATA)),
        _ if Errno::last() == Errno::EINTR => Ok(()),
        _ => Err(SysError::last("read", format!("{asked} bytes"))),
    }
}

/// Moves the descriptor to `at` (lseek(2)).
///
/// # Errors
/// `ESPIPE` for a pipe.
pub fn stand_at(file: &File, at: u64) -> SysResult<()> {
    let offset = i64::try_from(at).unwrap_or(i64::MAX);
    nix::unistd::lseek(file, offset, nix::unistd::Whence::SeekSet)
        .map(drop)
        .map_err(|errno| SysError::new("lseek", format!("a file, to {at}"), errno))
}

/// Reads `len` bytes at `at` into the page cache (readahead(2)); returns when that is under way.
///
/// # Errors
/// `EINVAL` for what is no regular file.
#[inline(always)]
pub fn ahead(file: &File, at: u64, len: u64) -> SysResult<()> {
    let offset = i64::try_from(at).unwrap_or(i64::MAX);
    // SAFETY: the call takes no pointer.
    let code = unsafe { libc::readahead(file.as_raw_fd(), offset, len as usize) };
    if code == 0 { Ok(()) } else { Err(SysError::last("readahead", format!("{len} bytes at {at}"))) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn every_way_reads_the_same_bytes() {
        let file = file_of(b"0123456789abcdef");
        let mut seen = [0; 4];
        stand_at(&file, 8).unwrap();
        read_next(&file, &mut seen).unwrap();
        assert_eq!(&seen, b"89ab");
        read_next(&file, &mut seen).unwrap();
        assert_eq!(&seen, b"cdef");
        assert_eq!(read_next(&file, &mut seen).unwrap_err().errno, Errno::ENODATA);
        ahead(&file, 0, 16).unwrap();
        for flag in [ReadFlag::NoWait, ReadFlag::DontCache] {
            match read_flagged(&file, &mut seen, 4, flag) {
                Ok(_) => assert_eq!(&seen, b"4567"),
                Err(error) => assert_eq!(error.errno, Errno::EOPNOTSUPP),
            }
        }
    }
}
