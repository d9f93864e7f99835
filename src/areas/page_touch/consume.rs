//! What is done with the bytes of a record: the same code for a mapping and for a buffer.

use crate::os::access::Span;
use crate::os::buffer::Buffer;
use crate::os::{SysResult, page_size};

use super::super::content;

/// A use of bytes.
pub(super) trait Consume: Sized + 'static {
    /// Made for records of so many bytes.
    ///
    /// # Errors
    /// Where memory cannot be had.
    fn new(record: usize) -> SysResult<Self>;

    /// Uses a record that lies where the program cannot keep it: in a mapping.
    fn consume(&mut self, record: Span) -> u64;

    /// Uses one that lies in memory of the program's own: a read has put it there.
    #[inline(always)]
    fn arrived(&mut self, record: Span) -> u64 {
        self.consume(record)
    }

    /// What that gives for `len` bytes of our own content at `at`.
    fn expected(at: u64, len: u64) -> u64;
}

/// One byte of a record that lies in one page.
pub(super) struct Touch;
/// One byte of each page of a record.
pub(super) struct TouchPages;
/// Every byte, summed as words.
pub(super) struct Sum;
/// Every byte, in search of one that our content does not hold.
pub(super) struct Search;
/// A copy in the program's own memory, of which one byte a page is touched.
pub(super) struct Copy {
    to: Buffer,
}

impl Consume for Touch {
    fn new(_: usize) -> SysResult<Self> {
        Ok(Self)
    }
    #[inline(always)]
    fn consume(&mut self, record: Span) -> u64 {
        record.touch()
    }
    fn expected(at: u64, _: u64) -> u64 {
        content::touched(at)
    }
}

impl Consume for TouchPages {
    fn new(_: usize) -> SysResult<Self> {
        Ok(Self)
    }
    #[inline(always)]
    fn consume(&mut self, record: Span) -> u64 {
        record.touch_pages()
    }
    fn expected(at: u64, len: u64) -> u64 {
        (at..at + len).step_by(page_size()).map(content::touched).sum()
    }
}

impl Consume for Sum {
    fn new(_: usize) -> SysResult<Self> {
        Ok(Self)
    }
    #[inline(always)]
    fn consume(&mut self, record: Span) -> u64 {
        record.sum()
    }
    fn expected(at: u64, len: u64) -> u64 {
        content::summed(at, len)
    }
}

/// What is searched for: a line's end, which our own content does not hold, so that every byte is looked at.
const WANTED: u8 = b'\n';

impl Consume for Search {
    fn new(_: usize) -> SysResult<Self> {
        Ok(Self)
    }
    #[inline(always)]
    fn consume(&mut self, record: Span) -> u64 {
        record.search(WANTED)
    }
    fn expected(_: u64, len: u64) -> u64 {
        len
    }
}

impl Consume for Copy {
    fn new(record: usize) -> SysResult<Self> {
        Ok(Self { to: Buffer::new(record)? })
    }
    #[inline(always)]
    fn consume(&mut self, record: Span) -> u64 {
        record.copy_to(self.to.bytes_mut());
        self.to.span().touch_pages()
    }
    /// It is a copy already.
    #[inline(always)]
    fn arrived(&mut self, record: Span) -> u64 {
        record.touch_pages()
    }
    fn expected(at: u64, len: u64) -> u64 {
        TouchPages::expected(at, len)
    }
}
