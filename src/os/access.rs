//! What is done with bytes once they can be reached: the same code for a mapping and for a buffer.
//!
//! Both take a raw span, not a slice: a shared mapping's bytes may change under us, and a
//! reference to them would promise the compiler that they do not.
//!
//! What keeps the compiler from removing or hoisting the work: a touch is a volatile load, which it may neither drop nor repeat nor move past another.
//! A sum's loads are plain, so that they may become vectors; its result leaves the batch through the method, whose address the engine has hidden
//! from the compiler ([`std::hint::black_box`], `engine/method.rs`), and is compared with what the file holds.

use nix::libc;

use super::page_size;

/// A span of readable memory: a part of a mapping or of a buffer.
///
/// Invariant: whoever makes one keeps `len` bytes at `ptr` mapped and readable while it is used.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    ptr: *const u8,
    len: usize,
}

impl Span {
    /// The span of `len` bytes at `ptr`.
    pub(super) fn new(ptr: *const u8, len: usize) -> Self {
        Self { ptr, len }
    }

    /// The span of a slice, for as long as that is there and nobody writes to it.
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(bytes.as_ptr(), bytes.len())
    }

    /// Bytes in the span.
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The `len` bytes at `offset` of this span.
    ///
    /// # Panics
    /// If they do not lie within it.
    #[inline(always)]
    pub fn part(self, offset: usize, len: usize) -> Self {
        assert!(offset <= self.len && len <= self.len - offset, "part outside of its span");
        // SAFETY: the assertion keeps offset + len within the span that the invariant covers.
        Self { ptr: unsafe { self.ptr.add(offset) }, len }
    }

    /// Reads the first byte: what "touch one byte a page" does.
    ///
    /// The load is volatile, so that the compiler can neither drop it nor move it out of a loop.
    ///
    /// # Panics
    /// If the span is empty.
    #[inline(always)]
    pub fn touch(self) -> u64 {
        assert!(self.len > 0, "touch of an empty span");
        // SAFETY: len > 0, and the invariant keeps the byte readable.
        u64::from(unsafe { self.ptr.read_volatile() })
    }

    /// Reads the first byte of each page that it holds: bytes a page apart, from the first on.
    #[inline(always)]
    pub fn touch_pages(self) -> u64 {
        let mut sum = 0_u64;
        for at in (0..self.len).step_by(page_size()) {
            // SAFETY: at < len, and the invariant keeps the byte readable.
            sum = sum.wrapping_add(u64::from(unsafe { self.ptr.add(at).read_volatile() }));
        }
        sum
    }

    /// Reads every byte, as 64-bit words summed with wrapping; a tail of less than a word is left out.
    ///
    /// Eight sums side by side, a cache line a turn: they do not wait for one another, and the compiler makes vectors of them and unrolls the turns, so
    /// that the loop's time does not depend on where the linker puts it (one of 32 bytes a turn took 4 % longer where its code lay across two lines).
    #[inline(always)]
    pub fn sum(self) -> u64 {
        type Line = [u64; 8];
        let mut line = self.ptr.cast::<Line>();
        // SAFETY: the span holds that many whole lines.
        let end = unsafe { line.add(self.len / size_of::<Line>()) };
        let mut sums: Line = [0; 8];
        // By pointer: of a loop that counts lines the compiler makes vectors across them, and shuffles.
        while line != end {
            // SAFETY: the lines before the end lie within the span.
            let words = unsafe { line.read_unaligned() };
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = sum.wrapping_add(word);
            }
            // SAFETY: as above: at most the end.
            line = unsafe { line.add(1) };
        }
        let rest = end.cast::<u64>();
        // SAFETY: the words of the last, partial line lie within the span.
        let words = (0..self.len % size_of::<Line>() / 8).map(|word| unsafe { rest.add(word).read_unaligned() });
        // Two folds, not one of both: the eight sums stay in vectors until the last.
        sums.into_iter().fold(0, u64::wrapping_add).wrapping_add(words.fold(0, u64::wrapping_add))
    }

    /// Looks for `byte` from the start on, by memchr(3): how many bytes lie before it, or how many there are.
    #[inline(always)]
    pub fn search(self, byte: u8) -> u64 {
        // SAFETY: the invariant keeps len bytes readable; the function only reads them, and a byte that changes meanwhile is found or is not.
        let found = unsafe { libc::memchr(self.ptr.cast(), libc::c_int::from(byte), self.len) };
        if found.is_null() { self.len as u64 } else { (found as usize - self.ptr as usize) as u64 }
    }

    /// Its whole records of `1 << shift` bytes.
    #[inline(always)]
    pub fn records(self, shift: u32) -> Records {
        Records { first: self.ptr, count: self.len >> shift, shift }
    }

    /// Its whole pages.
    #[inline(always)]
    pub fn pages(self) -> Records {
        self.records(page_size().trailing_zeros())
    }

    /// Copies the span's bytes out. Needs `to` to be as long as the span.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline(always)]
    pub fn copy_to(self, to: &mut [u8]) {
        assert_eq!(to.len(), self.len, "copy between unequal lengths");
        // SAFETY: both sides are len bytes, and `to` is exclusive, so they do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(self.ptr, to.as_mut_ptr(), self.len) }
    }
}

/// The whole records of a span, of a power of two of bytes each, for loops that take one after the other: a comparison and a shift a record.
///
/// Invariant: `count` records from `first` on lie within the span that it was made of.
#[derive(Clone, Copy, Debug)]
pub struct Records {
    first: *const u8,
    count: usize,
    shift: u32,
}

impl Records {
    /// How many.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// The record of this number.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn record(self, number: usize) -> Span {
        assert!(number < self.count, "record outside of its span");
        // SAFETY: the assertion keeps the record among those that the invariant covers.
        Span { ptr: unsafe { self.first.add(number << self.shift) }, len: 1 << self.shift }
    }

    /// The records of these numbers, one after the other. All numbers are looked at first, so that the loop that takes the records is as short as
    /// one that trusts them.
    ///
    /// # Panics
    /// If there is no record of one of them.
    #[inline(always)]
    pub fn each(self, numbers: &[u32]) -> impl Iterator<Item = Span> {
        let highest = numbers.iter().fold(0, |highest, number| highest.max(*number));
        assert!(numbers.is_empty() || (highest as usize) < self.count, "record outside of its span");
        numbers.iter().map(move |number| Span {
            // SAFETY: no number is above the highest, which the assertion keeps among the records that the invariant covers.
            ptr: unsafe { self.first.add((*number as usize) << self.shift) },
            len: 1 << self.shift,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::os::buffer::Buffer;
    use crate::os::page_size;

    #[test]
    fn sum_adds_every_word_and_touch_reads_the_first_byte() {
        let mut buffer = Buffer::new(4096).unwrap();
        for (index, byte) in buffer.bytes_mut().iter_mut().enumerate() {
            *byte = (index % 251) as u8 + 1;
        }
        let expected = buffer
            .bytes()
            .chunks_exact(8)
            .fold(0_u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(word.try_into().unwrap())));
        assert_eq!(buffer.span().sum(), expected);
        assert_eq!(buffer.span().part(8, 16).touch(), 9);
        assert_eq!(buffer.span().part(0, 44).sum(), buffer.span().part(0, 40).sum());
    }

    #[test]
    fn a_search_tells_how_far_the_byte_is() {
        let mut buffer = Buffer::new(4096).unwrap();
        buffer.bytes_mut().fill(7);
        buffer.store(100, 9);
        assert_eq!((buffer.span().search(9), buffer.span().part(101, 50).search(9)), (100, 50));
    }

    #[test]
    fn a_page_is_the_part_of_its_number() {
        let mut buffer = Buffer::new(3 * page_size()).unwrap();
        for number in 0..3 {
            buffer.store(number * page_size(), number as u8 + 1);
        }
        let pages = buffer.span().pages();
        for number in 0..3 {
            assert_eq!(pages.record(number).len(), page_size());
            assert_eq!(pages.record(number).touch(), number as u64 + 1);
        }
        let touched: Vec<u64> = pages.each(&[2, 0, 1, 0]).map(|page| page.touch()).collect();
        assert_eq!(touched, [3, 1, 2, 1]);
        assert_eq!(pages.each(&[]).count(), 0);
    }

    #[test]
    #[should_panic(expected = "record outside of its span")]
    fn a_part_of_a_page_at_the_end_is_no_page() {
        let buffer = Buffer::new(2 * page_size()).unwrap();
        let _ = buffer.span().part(1, 2 * page_size() - 1).pages().record(1);
    }

    #[test]
    #[should_panic(expected = "record outside of its span")]
    fn of_many_pages_none_may_be_outside() {
        let buffer = Buffer::new(2 * page_size()).unwrap();
        let _ = buffer.span().pages().each(&[0, 2, 1]);
    }

    #[test]
    #[should_panic(expected = "outside of its span")]
    fn a_part_cannot_leave_its_span() {
        let buffer = Buffer::new(4096).unwrap();
        let _ = buffer.span().part(4090, 7);
    }
}
