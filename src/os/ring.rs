//! io_uring(7): requests that the kernel takes from a ring in shared memory, many by one call.

use std::fs::File;
use std::os::fd::AsRawFd;

use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, opcode, types};
use nix::errno::Errno;

use super::{SysError, SysResult};

/// A ring of our own.
pub struct Ring {
    ring: IoUring,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ring").field("entries", &self.ring.params().sq_entries()).finish()
    }
}

impl Ring {
    /// A ring with room for so many requests, rounded up to a power of two.
    ///
    /// # Errors
    /// What io_uring_setup(2) answers: `ENOSYS` before Linux 5.1, `EPERM` where `kernel.io_uring_disabled` or a container's filter
    /// forbids it, `EINVAL` for more than 32,768.
    pub fn new(requests: u32) -> SysResult<Self> {
        let ring = IoUring::new(requests.max(1))
            .map_err(|error| SysError::from_io("io_uring_setup", format!("{requests} requests"), &error))?;
        Ok(Self { ring })
    }

    /// Writes each part at its place, one after the other, then `fdatasync`: a chain (`IOSQE_IO_LINK`), given and awaited by one call.
    ///
    /// # Errors
    /// What a write or the sync answers; a short write breaks the chain, and is `EIO`. `ENOBUFS` for more parts than the ring has room for.
    #[inline]
    pub fn write_then_fdatasync<'a>(
        &mut self,
        file: &File,
        parts: impl Iterator<Item = (&'a [u8], u64)>,
    ) -> SysResult<()> {
        let fd = types::Fd(file.as_raw_fd());
        let mut asked = 0;
        for (index, (bytes, at)) in parts.enumerate() {
            let write = opcode::Write::new(fd, bytes.as_ptr(), bytes.len() as u32).offset(at).build();
            asked += 1;
            self.push(&write.flags(Flags::IO_LINK).user_data(index as u64 | (bytes.len() as u64) << 32))?;
        }
        self.push(&opcode::Fsync::new(fd).flags(types::FsyncFlags::DATASYNC).build().user_data(u64::from(u32::MAX)))?;
        self.finish(asked + 1)
    }

    #[inline]
    fn push(&mut self, entry: &Entry) -> SysResult<()> {
        // SAFETY: what the entry points to is borrowed by the caller of this type's methods, each of which awaits all that it gave before it
        // returns; but for a ring that is full, whose earlier entries `finish` was never asked to give to the kernel.
        unsafe { self.ring.submission().push(entry) }
            .map_err(|_| SysError::new("io_uring_enter", "more requests than the ring has room for", Errno::ENOBUFS))
    }

    /// Gives what was pushed to the kernel and awaits all of it.
    #[inline]
    fn finish(&mut self, asked: usize) -> SysResult<()> {
        let mut done = 0;
        let mut first_error = None;
        while done < asked {
            match self.ring.submit_and_wait(asked - done) {
                Err(error) if error.raw_os_error() != Some(nix::libc::EINTR) => {
                    return Err(SysError::from_io("io_uring_enter", format!("{asked} requests"), &error));
                }
                _ => {}
            }
            for answer in self.ring.completion() {
                done += 1;
                let written = answer.user_data() >> 32;
                let errno = match answer.result() {
                    code if code < 0 => Errno::from_raw(-code),
                    code if code as u64 != written => Errno::EIO,
                    _ => continue,
                };
                // Those behind a link that broke are cancelled; the one that broke it answers first, and says why.
                first_error.get_or_insert(errno);
            }
        }
        first_error.map_or(Ok(()), |errno| Err(SysError::new("io_uring_enter", "a write or its sync", errno)))
    }
}
