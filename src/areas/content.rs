//! What our files hold: words that are known without reading them, so that a sum proves that every page was read.

use crate::os::page_size;

/// Odd, so that the words of a page are distinct.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// Set in every byte, so that no byte below 0x80 is in the file: whoever looks for one looks at all.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The first word of a page, from its number (the finaliser of MurmurHash3).
fn first_word(page: u64) -> u64 {
    let mut word = page.wrapping_add(STEP);
    word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// The words that the file has from the byte `at` on, a multiple of 8, to the end of its page.
fn words(at: u64) -> impl Iterator<Item = u64> {
    let page_bytes = page_size() as u64;
    let first = first_word(at / page_bytes);
    (at % page_bytes / 8..page_bytes / 8).map(move |index| first.wrapping_add(STEP.wrapping_mul(index)) | HIGH)
}

/// Fills whole words with the content that the file has from the byte `at`, a multiple of 8.
pub fn write(bytes: &mut [u8], at: u64) {
    let mut at = at;
    let mut places = bytes.as_chunks_mut::<8>().0;
    while !places.is_empty() {
        let in_page = ((page_size() as u64 - at % page_size() as u64) / 8) as usize;
        let (now, later) = places.split_at_mut(in_page.min(places.len()));
        for (place, word) in now.iter_mut().zip(words(at)) {
            *place = word.to_ne_bytes();
        }
        at += 8 * in_page as u64;
        places = later;
    }
}

/// What [`crate::os::access::Span::touch`] gives at the byte `at`, a multiple of 8.
pub fn touched(at: u64) -> u64 {
    let page_bytes = page_size() as u64;
    let word = first_word(at / page_bytes).wrapping_add(STEP.wrapping_mul(at % page_bytes / 8)) | HIGH;
    u64::from(word.to_ne_bytes()[0])
}

/// What [`crate::os::access::Span::sum`] gives over the `len` bytes from `at` on, both multiples of 8, without reading them.
pub fn summed(at: u64, len: u64) -> u64 {
    let (mut at, end) = (at, at + len);
    let mut sum = 0_u64;
    while at < end {
        let next = (at - at % page_size() as u64 + page_size() as u64).min(end);
        sum = words(at).take(((next - at) / 8) as usize).fold(sum, u64::wrapping_add);
        at = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::buffer::Buffer;

    #[test]
    fn what_a_part_sums_to_is_known_without_reading_it() {
        let page = page_size();
        let mut buffer = Buffer::new(3 * page).unwrap();
        let start = 41 * page as u64;
        write(buffer.bytes_mut(), start);
        for (at, len) in [(0, page), (page, page), (8, 8), (page - 16, 32), (0, 3 * page), (page / 2, 2 * page)] {
            let part = buffer.span().part(at, len);
            assert_eq!(part.sum(), summed(start + at as u64, len as u64), "{len} bytes at {at}");
            assert_eq!(part.touch(), touched(start + at as u64));
        }
    }

    #[test]
    fn what_is_written_does_not_depend_on_where_writing_started() {
        let page = page_size();
        let (mut whole, mut part) = (vec![0; 2 * page], vec![0; page]);
        write(&mut whole, 0);
        write(&mut part, page as u64 / 2);
        assert_eq!(whole[page / 2..][..page], part);
        assert!(whole.iter().all(|byte| *byte >= 0x80));
    }
}
