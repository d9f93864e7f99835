//! Messages through memory that both processes map: spinning on it, and sleeping on a futex in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::libc;
use pagewise::engine::method::Trouble;
use pagewise::os::file::{self, Open};
use pagewise::os::map::SharedWords;

use super::super::failed;
use super::descriptors::message_file;
use super::{Wire, wrong};

/// Words from the parent's place to the child's: 128 bytes.
const APART: usize = 32;

pub(super) struct Spin(Arc<SharedWords>);

#[inline(always)]
fn spin_until_new(place: &AtomicU64, last: u64) -> u64 {
    loop {
        let message = place.load(Ordering::Acquire);
        if message != last {
            return message;
        }
        std::hint::spin_loop();
    }
}

impl Wire for Spin {
    fn make(_: &Path) -> Result<Self, Trouble> {
        Ok(Self(Arc::new(SharedWords::anonymous(1)?)))
    }

    #[inline(never)]
    fn ask(&self, first: u64, trips: u64) -> io::Result<()> {
        let (out, inward) = (self.0.word64(0), self.0.word64(APART));
        let (mut message, mut last) = (first, 0);
        for _ in 0..trips {
            out.store(message, Ordering::Release);
            last = spin_until_new(inward, last);
            if last != message + 1 {
                return Err(wrong());
            }
            message += 2;
        }
        Ok(())
    }

    #[inline(never)]
    fn answer(&self, first: u64, trips: u64) -> io::Result<()> {
        let (out, inward) = (self.0.word64(APART), self.0.word64(0));
        let (mut message, mut last) = (first, 0);
        for _ in 0..trips {
            last = spin_until_new(inward, last);
            if last != message {
                return Err(wrong());
            }
            out.store(message + 1, Ordering::Release);
            message += 2;
        }
        Ok(())
    }
}

/// A count of messages and, eight bytes on, the message: in memory shared across the fork, or in a file that the child maps itself.
pub(super) struct Futex<const FILE: bool> {
    words: Arc<SharedWords>,
    path: PathBuf,
}

/// From a count to its message, in words.
const MESSAGE: usize = 2;

/// A direction: its count and its message.
type Direction<'a> = (&'a AtomicU32, &'a AtomicU64);

#[inline(always)]
fn post((count, place): Direction<'_>, sent: u32, message: u64) -> io::Result<()> {
    place.store(message, Ordering::Relaxed);
    count.store(sent, Ordering::Release);
    // SAFETY: a wake touches no memory.
    if unsafe { libc::syscall(libc::SYS_futex, count.as_ptr(), libc::FUTEX_WAKE, 1) } < 0 {
        return Err(failed());
    }
    Ok(())
}

#[inline(always)]
fn await_next((count, place): Direction<'_>, received: u32) -> io::Result<u64> {
    while count.load(Ordering::Acquire) == received {
        let no_limit = std::ptr::null::<libc::timespec>();
        // SAFETY: the kernel reads the word, which outlives the call.
        if unsafe { libc::syscall(libc::SYS_futex, count.as_ptr(), libc::FUTEX_WAIT, received, no_limit) } != 0
            && !matches!(failed().raw_os_error(), Some(libc::EAGAIN | libc::EINTR))
        {
            return Err(failed());
        }
    }
    Ok(place.load(Ordering::Relaxed))
}

impl<const FILE: bool> Futex<FILE> {
    fn direction(&self, at: usize) -> Direction<'_> {
        (self.words.word(at), self.words.word64(at + MESSAGE))
    }
}

impl<const FILE: bool> Wire for Futex<FILE> {
    fn make(site: &Path) -> Result<Self, Trouble> {
        if !FILE {
            return Ok(Self { words: Arc::new(SharedWords::anonymous(1)?), path: PathBuf::new() });
        }
        let (path, file) = message_file(site)?;
        Ok(Self { words: Arc::new(SharedWords::of_file(&file, 1)?), path })
    }

    fn in_child(self) -> Result<Self, Trouble> {
        if !FILE {
            return Ok(self);
        }
        let file = file::open(&self.path, Open::ReadWrite)?;
        Ok(Self { words: Arc::new(SharedWords::of_file(&file, 1)?), path: self.path })
    }

    #[inline(never)]
    fn ask(&self, first: u64, trips: u64) -> io::Result<()> {
        let (out, inward) = (self.direction(0), self.direction(APART));
        let mut message = first;
        for trip in 0..trips as u32 {
            post(out, trip + 1, message)?;
            if await_next(inward, trip)? != message + 1 {
                return Err(wrong());
            }
            message += 2;
        }
        Ok(())
    }

    #[inline(never)]
    fn answer(&self, first: u64, trips: u64) -> io::Result<()> {
        let (out, inward) = (self.direction(APART), self.direction(0));
        let mut message = first;
        for trip in 0..trips as u32 {
            if await_next(inward, trip)? != message {
                return Err(wrong());
            }
            post(out, trip + 1, message + 1)?;
            message += 2;
        }
        Ok(())
    }
}
