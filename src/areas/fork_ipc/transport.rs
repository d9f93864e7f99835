//! The ways a message of 8 bytes goes from one process to another.

use std::fs::File;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use crate::os::file::{self, Open};
use crate::os::futex;
use crate::os::map::{SharedWord, SharedWords};
use crate::os::{SysError, SysResult, page_size};

/// A way to send 8 bytes there and back; a value is one side of it.
pub(super) trait Transport: Sized {
    /// Both sides, before the fork: the parent's and the child's.
    fn make(site: &Path) -> SysResult<(Self, Self)>;

    /// In the child, after the fork: what it has to open for itself.
    fn in_child(self) -> SysResult<Self> {
        Ok(self)
    }

    /// Sends a message to the other side.
    fn send(&mut self, message: u64) -> SysResult<()>;

    /// Waits for the other side's next message.
    fn receive(&mut self) -> SysResult<u64>;
}

/// Two pipes, one a direction. After the fork the parent holds its own ends alone, so that the child's death ends a read; the child dies
/// with its parent.
pub(super) struct Pipes {
    input: OwnedFd,
    output: OwnedFd,
}

impl Transport for Pipes {
    fn make(_: &Path) -> SysResult<(Self, Self)> {
        let failed = |errno| SysError::new("pipe", "two pipes", errno);
        let (child_in, parent_out) = nix::unistd::pipe().map_err(failed)?;
        let (parent_in, child_out) = nix::unistd::pipe().map_err(failed)?;
        Ok((Self { input: parent_in, output: parent_out }, Self { input: child_in, output: child_out }))
    }

    #[inline(always)]
    fn send(&mut self, message: u64) -> SysResult<()> {
        put(&self.output, message)
    }

    #[inline(always)]
    fn receive(&mut self) -> SysResult<u64> {
        take(&self.input)
    }
}

/// A connected pair of UNIX stream sockets.
pub(super) struct Socket(OwnedFd);

impl Transport for Socket {
    fn make(_: &Path) -> SysResult<(Self, Self)> {
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::empty())
            .map(|(parent, child)| (Self(parent), Self(child)))
            .map_err(|errno| SysError::new("socketpair", "AF_UNIX, SOCK_STREAM", errno))
    }

    #[inline(always)]
    fn send(&mut self, message: u64) -> SysResult<()> {
        put(&self.0, message)
    }

    #[inline(always)]
    fn receive(&mut self) -> SysResult<u64> {
        take(&self.0)
    }
}

/// Eight bytes are written whole: a pipe's by POSIX (PIPE_BUF, pipe(7)), a socket's as one buffer.
/// Where a signal or a library in between cuts them, the rest follows.
#[inline(always)]
fn put(to: &OwnedFd, message: u64) -> SysResult<()> {
    let bytes = message.to_ne_bytes();
    match nix::unistd::write(to, &bytes) {
        Ok(8) => Ok(()),
        outcome => move_rest("write", "8 bytes to the other process", Errno::EIO, outcome, |done| {
            nix::unistd::write(to, &bytes[done..])
        }),
    }
}

#[inline(always)]
fn take(from: &OwnedFd) -> SysResult<u64> {
    let mut bytes = [0; 8];
    match nix::unistd::read(from, &mut bytes) {
        Ok(8) => {}
        // Nothing comes once the other process has closed its end.
        outcome => {
            move_rest("read", "8 bytes from the other process", Errno::EPIPE, outcome, |done| {
                nix::unistd::read(from, &mut bytes[done..])
            })?;
        }
    }
    Ok(u64::from_ne_bytes(bytes))
}

/// Goes on after a first `call` that moved less than all eight bytes, by `more` from the byte that
/// it is told. `nothing` is the error of one that moves no byte.
#[cold]
fn move_rest(
    call: &'static str,
    subject: &str,
    nothing: Errno,
    mut outcome: nix::Result<usize>,
    mut more: impl FnMut(usize) -> nix::Result<usize>,
) -> SysResult<()> {
    let failed = |errno| SysError::new(call, subject, errno);
    let mut done = 0;
    loop {
        match outcome {
            Ok(0) => return Err(failed(nothing)),
            Ok(count) => done += count,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
        if done == 8 {
            return Ok(());
        }
        outcome = more(done);
    }
}

/// 32-bit words from one direction's place to the other's: 128 bytes, since processors fetch cache lines in pairs.
const APART: usize = 32;

/// Where a side writes, and where it reads.
#[derive(Clone, Copy)]
struct Places {
    out: usize,
    inward: usize,
}

const PARENT: Places = Places { out: 0, inward: APART };
const CHILD: Places = Places { out: APART, inward: 0 };

/// Memory shared across fork; the message itself says that it is there, and the receiver looks until it does.
pub(super) struct Spin {
    out: SharedWord,
    inward: SharedWord,
    last: u64,
}

impl Transport for Spin {
    fn make(_: &Path) -> SysResult<(Self, Self)> {
        let words = Arc::new(SharedWords::anonymous(1)?);
        let side = |places: Places| Self {
            out: SharedWord::new(&words, places.out),
            inward: SharedWord::new(&words, places.inward),
            last: 0,
        };
        Ok((side(PARENT), side(CHILD)))
    }

    #[inline(always)]
    fn send(&mut self, message: u64) -> SysResult<()> {
        self.out.store(message, Ordering::Release);
        Ok(())
    }

    #[inline(always)]
    fn receive(&mut self) -> SysResult<u64> {
        loop {
            let message = self.inward.load(Ordering::Acquire);
            if message != self.last {
                self.last = message;
                return Ok(message);
            }
            std::hint::spin_loop();
        }
    }
}

/// Where the words of a futex lie.
pub(super) trait Source {
    /// Both sides' memory, before the fork: the parent's, and the child's or the file that the child is to map.
    fn both(site: &Path) -> SysResult<(Arc<SharedWords>, ChildWords)>;
}

/// The child's side of shared words.
pub(super) enum ChildWords {
    /// Inherited across fork.
    Inherited(Arc<SharedWords>),
    /// To be mapped by the child itself.
    Unmapped(PathBuf),
}

/// Memory shared across fork (`MAP_SHARED | MAP_ANONYMOUS`).
pub(super) struct Anonymous;

impl Source for Anonymous {
    fn both(_: &Path) -> SysResult<(Arc<SharedWords>, ChildWords)> {
        let words = Arc::new(SharedWords::anonymous(1)?);
        Ok((Arc::clone(&words), ChildWords::Inherited(words)))
    }
}

/// A file that each process opens and maps for itself.
pub(super) struct OfFile;

impl Source for OfFile {
    fn both(site: &Path) -> SysResult<(Arc<SharedWords>, ChildWords)> {
        let (path, file) = message_file(site)?;
        Ok((Arc::new(SharedWords::of_file(&file, 1)?), ChildWords::Unmapped(path)))
    }
}

/// Shared memory with a futex a direction: a count of messages, and beside it the message.
pub(super) struct Futex<S> {
    words: Arc<SharedWords>,
    /// The file that the child maps in place of `words`.
    unmapped: Option<PathBuf>,
    places: Places,
    received: u32,
    sent: u32,
    source: PhantomData<S>,
}

/// From a direction's count to its message, in words.
const MESSAGE: usize = 2;

impl<S: Source> Transport for Futex<S> {
    fn make(site: &Path) -> SysResult<(Self, Self)> {
        let (words, child) = S::both(site)?;
        let side =
            |words, unmapped, places| Self { words, unmapped, places, received: 0, sent: 0, source: PhantomData };
        let child = match child {
            ChildWords::Inherited(words) => side(words, None, CHILD),
            ChildWords::Unmapped(path) => side(Arc::clone(&words), Some(path), CHILD),
        };
        Ok((side(words, None, PARENT), child))
    }

    fn in_child(mut self) -> SysResult<Self> {
        if let Some(path) = self.unmapped.take() {
            self.words = Arc::new(SharedWords::of_file(&file::open(&path, Open::ReadWrite)?, 1)?);
        }
        Ok(self)
    }

    #[inline(always)]
    fn send(&mut self, message: u64) -> SysResult<()> {
        self.words.word64(self.places.out + MESSAGE).store(message, Ordering::Relaxed);
        self.sent = self.sent.wrapping_add(1);
        let count = self.words.word(self.places.out);
        count.store(self.sent, Ordering::Release);
        futex::wake_one(count)
    }

    #[inline(always)]
    fn receive(&mut self) -> SysResult<u64> {
        let count = self.words.word(self.places.inward);
        loop {
            let seen = count.load(Ordering::Acquire);
            if seen != self.received {
                self.received = seen;
                return Ok(self.words.word64(self.places.inward + MESSAGE).load(Ordering::Relaxed));
            }
            // No limit, which would be a timer a wait: the batch's alarm ends a wait for a peer that is dead.
            futex::wait(count, seen, None)?;
        }
    }
}

/// A file and no mapping: one side writes, the other reads until what it reads is new. Both go through the page cache,
/// which copies eight aligned bytes at once; a torn message would be no successor of the last, and fails the batch.
pub(super) struct FilePoll {
    path: PathBuf,
    file: File,
    places: Places,
    last: u64,
}

impl Transport for FilePoll {
    fn make(site: &Path) -> SysResult<(Self, Self)> {
        let (path, file) = message_file(site)?;
        let again = file::open(&path, Open::ReadWrite)?;
        let side = |file, places| Self { path: path.clone(), file, places, last: 0 };
        Ok((side(file, PARENT), side(again, CHILD)))
    }

    fn in_child(mut self) -> SysResult<Self> {
        self.file = file::open(&self.path, Open::ReadWrite)?;
        Ok(self)
    }

    #[inline(always)]
    fn send(&mut self, message: u64) -> SysResult<()> {
        file::write_at(&self.file, &message.to_ne_bytes(), self.places.out as u64 * 4)
    }

    #[inline(always)]
    fn receive(&mut self) -> SysResult<u64> {
        loop {
            let mut bytes = [0; 8];
            file::read_at(&self.file, &mut bytes, self.places.inward as u64 * 4)?;
            let message = u64::from_ne_bytes(bytes);
            if message != self.last {
                self.last = message;
                return Ok(message);
            }
        }
    }
}

/// A new file of one page of zeros, for one batch.
fn message_file(site: &Path) -> SysResult<(PathBuf, File)> {
    let path = site.join("message");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(SysError::from_io("unlink", path.display(), &error));
        }
        _ => {}
    }
    let file = file::create_new(&path)?;
    file::write_at(&file, &vec![0; page_size()], 0)?;
    Ok((path, file))
}
