//! What our files hold: words that are known without reading them, so that a sum proves that every page was read.

use crate::os::page_size;

/// Odd, so that the words of a page are distinct.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The first word of a page, from its number (the finaliser of MurmurHash3).
fn first_word(page: u64) -> u64 {
    let mut word = page.wrapping_add(STEP);
    word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// Fills whole words with the content that the file has from the byte `at`, a multiple of 8.
pub fn write(bytes: &mut [u8], at: u64) {
    let page_bytes = page_size() as u64;
    for (index, place) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let at = at + 8 * index as u64;
        let word = first_word(at / page_bytes).wrapping_add(STEP.wrapping_mul(at % page_bytes / 8));
        *place = word.to_ne_bytes();
    }
}

/// What [`crate::os::access::Span::touch`] gives at the start of a page.
pub fn touched(page: u64) -> u64 {
    u64::from(first_word(page).to_ne_bytes()[0])
}

/// What [`crate::os::access::Span::sum`] gives over a page, without reading it.
pub fn summed(page: u64) -> u64 {
    let words = (page_size() / 8) as u64;
    first_word(page).wrapping_mul(words).wrapping_add(STEP.wrapping_mul(words * (words - 1) / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::buffer::Buffer;

    #[test]
    fn what_a_page_sums_to_is_known_without_reading_it() {
        let mut buffer = Buffer::new(3 * page_size()).unwrap();
        write(buffer.bytes_mut(), 41 * page_size() as u64);
        for index in 0..3 {
            let page = buffer.span().part(index * page_size(), page_size());
            assert_eq!(page.sum(), summed(41 + index as u64));
            assert_eq!(page.touch(), touched(41 + index as u64));
        }
    }
}
