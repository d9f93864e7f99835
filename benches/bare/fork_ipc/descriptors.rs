//! Messages through the kernel: pipes, a pair of sockets, a file read until it holds what is new.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::libc;
use pagewise::engine::method::Trouble;
use pagewise::os::file::{self, Open};
use pagewise::os::page_size;

use super::super::failed;
use super::{Wire, wrong};

/// Sends eight bytes, or fails.
#[inline(always)]
fn put(fd: libc::c_int, message: u64) -> io::Result<()> {
    // SAFETY: the kernel reads eight bytes of a local.
    if unsafe { libc::write(fd, (&raw const message).cast(), 8) } == 8 { Ok(()) } else { Err(failed()) }
}

/// Receives eight bytes, or fails.
#[inline(always)]
fn take(fd: libc::c_int) -> io::Result<u64> {
    let mut message = 0_u64;
    // SAFETY: the kernel writes eight bytes to a local.
    if unsafe { libc::read(fd, (&raw mut message).cast(), 8) } == 8 { Ok(message) } else { Err(failed()) }
}

#[inline(always)]
fn ask_by(output: libc::c_int, input: libc::c_int, first: u64, trips: u64) -> io::Result<()> {
    let mut message = first;
    for _ in 0..trips {
        put(output, message)?;
        if take(input)? != message + 1 {
            return Err(wrong());
        }
        message += 2;
    }
    Ok(())
}

#[inline(always)]
fn answer_by(output: libc::c_int, input: libc::c_int, first: u64, trips: u64) -> io::Result<()> {
    let mut message = first;
    for _ in 0..trips {
        if take(input)? != message {
            return Err(wrong());
        }
        put(output, message + 1)?;
        message += 2;
    }
    Ok(())
}

/// The ends of the parent and of the child: what each reads, and what it writes.
pub(super) struct Pipes {
    parent: Option<(OwnedFd, OwnedFd)>,
    child: Option<(OwnedFd, OwnedFd)>,
}

fn two(call: impl FnOnce(*mut libc::c_int) -> libc::c_int) -> Result<(OwnedFd, OwnedFd), Trouble> {
    let mut ends = [0; 2];
    if call(ends.as_mut_ptr()) != 0 {
        return Err(Trouble::Failed(format!("a pair of descriptors: {}", failed())));
    }
    // SAFETY: the kernel has just given us both, and nobody else has them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

fn numbers(ends: Option<&(OwnedFd, OwnedFd)>) -> (libc::c_int, libc::c_int) {
    ends.map_or((-1, -1), |(input, output)| (input.as_raw_fd(), output.as_raw_fd()))
}

impl Wire for Pipes {
    fn make(_: &Path) -> Result<Self, Trouble> {
        // SAFETY: the call writes two numbers to the array that it is given.
        let (child_in, parent_out) = two(|ends| unsafe { libc::pipe(ends) })?;
        // SAFETY: as above.
        let (parent_in, child_out) = two(|ends| unsafe { libc::pipe(ends) })?;
        Ok(Self { parent: Some((parent_in, parent_out)), child: Some((child_in, child_out)) })
    }

    fn in_child(mut self) -> Result<Self, Trouble> {
        self.parent = None;
        Ok(self)
    }

    fn in_parent(&mut self) {
        self.child = None;
    }

    #[inline(never)]
    fn ask(&self, first: u64, trips: u64) -> io::Result<()> {
        let (input, output) = numbers(self.parent.as_ref());
        ask_by(output, input, first, trips)
    }

    #[inline(never)]
    fn answer(&self, first: u64, trips: u64) -> io::Result<()> {
        let (input, output) = numbers(self.child.as_ref());
        answer_by(output, input, first, trips)
    }
}

/// The parent's end and the child's.
pub(super) struct Socket(Option<OwnedFd>, Option<OwnedFd>);

impl Wire for Socket {
    fn make(_: &Path) -> Result<Self, Trouble> {
        // SAFETY: the call writes two numbers to the array that it is given.
        let (parent, child) = two(|ends| unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, ends) })?;
        Ok(Self(Some(parent), Some(child)))
    }

    fn in_child(mut self) -> Result<Self, Trouble> {
        self.0 = None;
        Ok(self)
    }

    fn in_parent(&mut self) {
        self.1 = None;
    }

    #[inline(never)]
    fn ask(&self, first: u64, trips: u64) -> io::Result<()> {
        let end = self.0.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        ask_by(end, end, first, trips)
    }

    #[inline(never)]
    fn answer(&self, first: u64, trips: u64) -> io::Result<()> {
        let end = self.1.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        answer_by(end, end, first, trips)
    }
}

pub(super) struct Polled {
    file: File,
    path: PathBuf,
}

/// From the parent's bytes to the child's.
const BYTES_APART: libc::off_t = 128;

#[inline(always)]
fn write_to(fd: libc::c_int, at: libc::off_t, message: u64) -> io::Result<()> {
    // SAFETY: the kernel reads eight bytes of a local.
    if unsafe { libc::pwrite(fd, (&raw const message).cast(), 8, at) } == 8 { Ok(()) } else { Err(failed()) }
}

#[inline(always)]
fn read_until_new(fd: libc::c_int, at: libc::off_t, last: u64) -> io::Result<u64> {
    let mut message = last;
    while message == last {
        // SAFETY: the kernel writes eight bytes to a local.
        if unsafe { libc::pread(fd, (&raw mut message).cast(), 8, at) } != 8 {
            return Err(failed());
        }
    }
    Ok(message)
}

impl Wire for Polled {
    fn make(site: &Path) -> Result<Self, Trouble> {
        let (path, file) = message_file(site)?;
        Ok(Self { file, path })
    }

    fn in_child(mut self) -> Result<Self, Trouble> {
        self.file = file::open(&self.path, Open::ReadWrite)?;
        Ok(self)
    }

    #[inline(never)]
    fn ask(&self, first: u64, trips: u64) -> io::Result<()> {
        let fd = self.file.as_raw_fd();
        let (mut message, mut last) = (first, 0);
        for _ in 0..trips {
            write_to(fd, 0, message)?;
            last = read_until_new(fd, BYTES_APART, last)?;
            if last != message + 1 {
                return Err(wrong());
            }
            message += 2;
        }
        Ok(())
    }

    #[inline(never)]
    fn answer(&self, first: u64, trips: u64) -> io::Result<()> {
        let fd = self.file.as_raw_fd();
        let (mut message, mut last) = (first, 0);
        for _ in 0..trips {
            last = read_until_new(fd, 0, last)?;
            if last != message {
                return Err(wrong());
            }
            write_to(fd, BYTES_APART, message + 1)?;
            message += 2;
        }
        Ok(())
    }
}

/// A new file of one page of zeros, for one batch.
pub(super) fn message_file(site: &Path) -> Result<(PathBuf, File), Trouble> {
    let path = site.join("bare-message");
    let _ = std::fs::remove_file(&path);
    let file = file::create_new(&path)?;
    file::write_at(&file, &vec![0; page_size()], 0)?;
    Ok((path, file))
}
