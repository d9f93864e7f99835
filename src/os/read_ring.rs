//! Reads by io_uring(7), several of them in flight, into buffers that the kernel knows beforehand.

use std::fs::File;
use std::os::fd::AsRawFd;

use io_uring::{IoUring, opcode, types};
use nix::errno::Errno;
use nix::libc;

use super::access::Span;
use super::buffer::Buffer;
use super::{SysError, SysResult, file};

/// A ring with a registered buffer for each read in flight.
pub struct ReadRing {
    // Dropped before the buffers, which the kernel writes to while a read is in flight.
    ring: IoUring,
    buffers: Buffer,
    /// Bytes of each.
    record: usize,
    /// Those that no read is using.
    free: Vec<u32>,
    /// The read that uses each of them.
    parts: Vec<Part>,
}

/// What one read is to bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Where it begins.
    pub at: u64,
    /// How many bytes: at most those of a buffer.
    pub len: u32,
    /// What the caller knows it by.
    pub number: u32,
}

impl std::fmt::Debug for ReadRing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReadRing").field("depth", &self.parts.len()).field("record", &self.record).finish()
    }
}

impl ReadRing {
    /// A ring for `depth` reads of `record` bytes at most at a time.
    ///
    /// # Errors
    /// What io_uring_setup(2) answers: `ENOSYS` before Linux 5.1, `EPERM` where it is forbidden; `ENOMEM` where `RLIMIT_MEMLOCK` does not
    /// let so much be registered (io_uring_register(2)).
    pub fn new(depth: u32, record: usize) -> SysResult<Self> {
        Self::over(Buffer::new(depth.max(1) as usize * record)?, depth, record)
    }

    /// The same over memory that is given: `depth` times `record` bytes of it at least.
    ///
    /// # Errors
    /// As [`ReadRing::new`].
    ///
    /// # Panics
    /// If there is less.
    pub fn over(mut buffers: Buffer, depth: u32, record: usize) -> SysResult<Self> {
        assert!(buffers.bytes().len() >= depth.max(1) as usize * record, "too little memory for a ring's buffers");
        let ring = IoUring::new(depth.max(1))
            .map_err(|error| SysError::from_io("io_uring_setup", format!("{depth} requests"), &error))?;
        let registered: Vec<libc::iovec> = buffers
            .bytes_mut()
            .chunks_exact_mut(record)
            .take(depth.max(1) as usize)
            .map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: record })
            .collect();
        // SAFETY: the parts lie within memory that lives until after the ring is dropped, and that nothing moves.
        unsafe { ring.submitter().register_buffers(&registered) }.map_err(|error| {
            SysError::from_io("io_uring_register", format!("{depth} buffers of {record} bytes"), &error)
        })?;
        let parts = vec![Part::default(); depth.max(1) as usize];
        Ok(Self { ring, buffers, record, free: (0..depth.max(1)).collect(), parts })
    }

    /// Reads a record at each of `places`, as many at a time as the ring has buffers, and hands each to `with` as it comes, in any order.
    ///
    /// # Errors
    /// What a read answers; `ENODATA` at the end of the file. Reads in flight are awaited before an error is told.
    #[inline]
    pub fn read_each(
        &mut self,
        file: &File,
        places: impl Iterator<Item = u64>,
        mut with: impl FnMut(Span),
    ) -> SysResult<()> {
        let len = self.record as u32;
        self.read_parts(file, places.map(|at| Part { at, len, number: 0 }), |_, bytes| with(bytes))
    }

    /// Reads each of `parts`, as many at a time as the ring has buffers, and hands each to `with` with its bytes as it comes, in any order.
    ///
    /// # Errors
    /// As [`ReadRing::read_each`].
    ///
    /// # Panics
    /// If a part is longer than a buffer.
    #[inline]
    pub fn read_parts(
        &mut self,
        file: &File,
        parts: impl Iterator<Item = Part>,
        mut with: impl FnMut(Part, Span),
    ) -> SysResult<()> {
        let mut parts = parts.fuse();
        let mut in_flight = 0;
        let mut failed: Option<SysError> = None;
        loop {
            while failed.is_none() && !self.free.is_empty() {
                let Some(part) = parts.next() else { break };
                let Some(slot) = self.free.pop() else { break };
                self.give(file, slot, part)?;
                in_flight += 1;
            }
            if in_flight == 0 {
                return failed.map_or(Ok(()), Err);
            }
            match self.ring.submit_and_wait(1) {
                Err(error) if error.raw_os_error() != Some(libc::EINTR) => {
                    return Err(SysError::from_io("io_uring_enter", format!("{in_flight} reads"), &error));
                }
                _ => {}
            }
            for answer in self.ring.completion() {
                in_flight -= 1;
                let slot = answer.user_data() as u32;
                self.free.push(slot);
                let (part, start) = (self.parts[slot as usize], slot as usize * self.record);
                let bytes = part.len as usize;
                if answer.result() != part.len as i32
                    && let Err(error) =
                        finish(file, &mut self.buffers.bytes_mut()[start..][..bytes], part.at, answer.result())
                {
                    failed.get_or_insert(error);
                    continue;
                }
                with(part, self.buffers.span().part(start, bytes));
            }
        }
    }

    /// Begins a read at `at`, without waiting. Must be the only one in flight.
    ///
    /// # Errors
    /// What io_uring_enter(2) answers.
    pub fn begin(&mut self, file: &File, at: u64) -> SysResult<()> {
        let Some(slot) = self.free.pop() else {
            return Err(SysError::new("io_uring_enter", "more requests than the ring has room for", Errno::ENOBUFS));
        };
        self.give(file, slot, Part { at, len: self.record as u32, number: 0 })?;
        self.ring.submit().map(drop).map_err(|error| SysError::from_io("io_uring_enter", "a read", &error))
    }

    /// Whether the read that was begun is done.
    ///
    /// # Errors
    /// What the read answers.
    pub fn is_done(&mut self, file: &File) -> SysResult<bool> {
        let Some(answer) = self.ring.completion().next() else { return Ok(false) };
        let slot = answer.user_data() as u32;
        self.free.push(slot);
        let start = slot as usize * self.record;
        if answer.result() != self.record as i32 {
            let part = &mut self.buffers.bytes_mut()[start..][..self.record];
            finish(file, part, self.parts[slot as usize].at, answer.result())?;
        }
        Ok(true)
    }

    #[inline]
    fn give(&mut self, file: &File, slot: u32, part: Part) -> SysResult<()> {
        let start = slot as usize * self.record;
        let into = self.buffers.bytes_mut()[start..][..self.record][..part.len as usize].as_mut_ptr();
        self.parts[slot as usize] = part;
        let read = opcode::ReadFixed::new(types::Fd(file.as_raw_fd()), into, part.len, slot as u16)
            .offset(part.at)
            .build()
            .user_data(u64::from(slot));
        // SAFETY: the part lies within its buffer, by the slices, which is registered, used by no other read until this one is done, and outlives the ring; the file is borrowed by the caller
        // until all reads are done.
        unsafe { self.ring.submission().push(&read) }
            .map_err(|_| SysError::new("io_uring_enter", "more requests than the ring has room for", Errno::ENOBUFS))
    }
}

/// What a read that did not give all means: the rest is read by pread(2), which says what is wrong.
#[cold]
fn finish(file: &File, buffer: &mut [u8], at: u64, got: i32) -> SysResult<()> {
    match got {
        0.. => file::read_at(file, &mut buffer[got as usize..], at + got as u64),
        _ if matches!(Errno::from_raw(-got), Errno::EAGAIN | Errno::EINTR) => file::read_at(file, buffer, at),
        _ => Err(SysError::new("io_uring read", format!("{} bytes at {at}", buffer.len()), Errno::from_raw(-got))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::skips::{Lack, skip};

    #[test]
    fn every_record_is_read_once_at_every_depth() {
        let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        for record in 0..50_u8 {
            file.write_all(&[record; 512]).unwrap();
        }
        for depth in [1, 8, 32] {
            let mut ring = match ReadRing::new(depth, 512) {
                Ok(ring) => ring,
                Err(error) => return skip(Lack::IoUring, error),
            };
            for _ in 0..2 {
                let mut seen = Vec::new();
                ring.read_each(&file, (0..50).map(|record| record * 512), |span| seen.push(span.part(511, 1).touch()))
                    .unwrap();
                seen.sort_unstable();
                assert_eq!(seen, (0..50).collect::<Vec<u64>>());
            }
            let error = ring.read_each(&file, [0, 50 * 512, 512].into_iter(), |_| {}).unwrap_err();
            assert_eq!(error.errno, Errno::ENODATA);
            // Parts of any length up to that, each told apart from the others.
            let parts = (0..50).map(|number| Part { at: u64::from(number) * 511, len: 1 + number * 10, number });
            let mut seen = Vec::new();
            ring.read_parts(&file, parts, |part, bytes| seen.push((part, bytes.len(), bytes.touch()))).unwrap();
            seen.sort_unstable_by_key(|(part, _, _)| part.number);
            assert_eq!(seen.len(), 50);
            for (part, len, first) in seen {
                assert_eq!((len as u32, first), (part.len, part.at / 512));
            }
        }
    }
}
