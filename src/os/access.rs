//! What is done with bytes once they can be reached: the same code for a mapping and for a buffer.
//!
//! Both take a raw span, not a slice: a shared mapping's bytes may change under us, and a
//! reference to them would promise the compiler that they do not.

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

    /// Reads every byte, as 64-bit words summed with wrapping; a tail of less than a word is left out.
    ///
    /// Four sums run side by side, so that the additions do not wait for one another and the
    /// loads set the pace. Plain loads let the compiler use vectors; the caller's `black_box` of the sum
    /// (or its use in a check) keeps the work.
    #[inline(always)]
    pub fn sum(self) -> u64 {
        let words = self.len / 8;
        let base = self.ptr.cast::<u64>();
        let mut sums = [0_u64; 4];
        let mut word = 0;
        while word + 4 <= words {
            for (lane, sum) in sums.iter_mut().enumerate() {
                // SAFETY: word + lane < words, so the eight bytes lie within the span.
                *sum = sum.wrapping_add(unsafe { base.add(word + lane).read_unaligned() });
            }
            word += 4;
        }
        while word < words {
            // SAFETY: word < words, as above.
            sums[0] = sums[0].wrapping_add(unsafe { base.add(word).read_unaligned() });
            word += 1;
        }
        sums.iter().fold(0, |total, sum| total.wrapping_add(*sum))
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

#[cfg(test)]
mod tests {
    use crate::os::buffer::Buffer;

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
    #[should_panic(expected = "outside of its span")]
    fn a_part_cannot_leave_its_span() {
        let buffer = Buffer::new(4096).unwrap();
        let _ = buffer.span().part(4090, 7);
    }
}
