//! Which pages a batch uses: drawn before the clock starts.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The order in which pages are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One after the other, from a drawn start.
    Sequential,
    /// Distinct pages, each as likely as the other.
    Random,
}

impl Pattern {
    /// As in a scenario's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
        }
    }
}

/// Sequential parts start at a multiple of this many pages, so that large reads are aligned as those of any program are.
pub const ALIGN: u64 = 64;

/// Puts `count` of `pages` pages into `into`, all distinct; all of them if there are fewer.
pub fn pages(pattern: Pattern, pages: u64, count: u64, seed: u64, into: &mut Vec<u32>) {
    let count = count.min(pages);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    into.clear();
    match pattern {
        Pattern::Sequential => {
            let starts = (pages - count) / ALIGN + 1;
            let start = rng.random_range(0..starts) * ALIGN;
            into.extend((start..start + count).map(|page| page as u32));
        }
        Pattern::Random => {
            let drawn = rand::seq::index::sample(&mut rng, pages as usize, count as usize);
            into.extend(drawn.into_iter().map(|page| page as u32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_are_distinct_within_the_file_and_repeatable(total in 1_u64..5000, part in 0.0_f64..=1.0, seed: u64) {
            let count = ((total as f64 * part) as u64).max(1);
            for pattern in [Pattern::Sequential, Pattern::Random] {
                let (mut first, mut again) = (Vec::new(), Vec::new());
                pages(pattern, total, count, seed, &mut first);
                pages(pattern, total, count, seed, &mut again);
                prop_assert_eq!(&first, &again);
                prop_assert_eq!(first.len() as u64, count);
                prop_assert!(first.iter().all(|page| u64::from(*page) < total));
                first.sort_unstable();
                first.dedup();
                prop_assert_eq!(first.len() as u64, count);
            }
        }
    }
}
