//! Which records of a file a batch uses, and in which order: drawn before the clock starts.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

/// The order in which records are used. A record is a page, if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One after the other, from a drawn start.
    Sequential,
    /// One before the other, from a drawn end.
    Backward,
    /// Each so many records after the one before, from a drawn start.
    Strided(u64),
    /// Distinct records, each as likely as the other.
    Random,
    /// Few of them often, most of them seldom: the n-th most popular in proportion to 1/n (Zipf's law, exponent 0.99 as in YCSB; Cooper et al.,
    /// SoCC 2010); the popular ones lie scattered.
    Zipf,
    /// As `Random`, within so many records one after the other, which lie somewhere.
    Window(u64),
}

impl Pattern {
    /// As in a scenario's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Backward => "backward",
            Self::Strided(_) => "strided",
            Self::Random => "random",
            Self::Zipf => "zipf",
            Self::Window(_) => "window",
        }
    }

    /// Whether records follow one another, so that a large read serves many of them.
    pub fn is_in_order(self) -> bool {
        self == Self::Sequential
    }

    /// Whether the kernel can foresee nothing of it.
    pub fn is_random(self) -> bool {
        matches!(self, Self::Random | Self::Zipf | Self::Window(_))
    }
}

/// Sequential parts start at a multiple of this many records, so that large reads are aligned as those of any program are.
pub const ALIGN: u64 = 64;
/// Of Zipf's law.
const EXPONENT: f64 = 0.99;

/// Puts `count` of `records` records into `into`, by their numbers. They are distinct, but for Zipf's law; fewer, if there are not so many.
pub fn records(pattern: Pattern, records: u64, count: u64, seed: u64, into: &mut Vec<u32>) {
    let count = count.min(records);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    into.clear();
    let mut start_of = |length: u64| rng.random_range(0..(records - length) / ALIGN + 1) * ALIGN;
    match pattern {
        Pattern::Sequential => {
            let start = start_of(count);
            into.extend((start..start + count).map(|record| record as u32));
        }
        Pattern::Backward => {
            let start = start_of(count);
            into.extend((start..start + count).rev().map(|record| record as u32));
        }
        Pattern::Strided(stride) => {
            let stride = stride.max(1);
            let count = count.min(records.div_ceil(stride));
            let start = rng.random_range(0..records - (count - 1) * stride);
            into.extend((0..count).map(|step| (start + step * stride) as u32));
        }
        Pattern::Random => distinct(records, count, 0, &mut rng, into),
        Pattern::Window(length) => {
            let length = length.clamp(count, records);
            let start = start_of(length);
            distinct(length, count, start, &mut rng, into);
        }
        Pattern::Zipf => {
            // It has more than one record, and a positive exponent: there is nothing that could be refused.
            let Ok(law) = Zipf::new(records as f64, EXPONENT) else { return };
            into.extend((0..count).map(|_| (scattered(law.sample(&mut rng) as u64) % records) as u32));
        }
    }
}

fn distinct(among: u64, count: u64, from: u64, rng: &mut ChaCha8Rng, into: &mut Vec<u32>) {
    let drawn = rand::seq::index::sample(rng, among as usize, count as usize);
    into.extend(drawn.into_iter().map(|record| (from + record as u64) as u32));
}

/// A place for each rank, the same for every draw: the popular stay popular (the finaliser of SplitMix64).
fn scattered(rank: u64) -> u64 {
    let mut word = rank.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(pattern: Pattern, total: u64, count: u64, seed: u64) -> Vec<u32> {
        let mut into = Vec::new();
        records(pattern, total, count, seed, &mut into);
        into
    }

    proptest! {
        #[test]
        fn records_are_distinct_within_the_file_and_repeatable(total in 1_u64..5000, part in 0.0_f64..=1.0, stride in 1_u64..600, seed: u64) {
            let count = ((total as f64 * part) as u64).max(1);
            for pattern in [Pattern::Sequential, Pattern::Backward, Pattern::Random, Pattern::Strided(stride), Pattern::Window(stride)] {
                let mut first = drawn(pattern, total, count, seed);
                prop_assert_eq!(&first, &drawn(pattern, total, count, seed));
                let expected = if let Pattern::Strided(stride) = pattern { count.min(total.div_ceil(stride)) } else { count };
                prop_assert_eq!(first.len() as u64, expected);
                prop_assert!(first.iter().all(|record| u64::from(*record) < total));
                first.sort_unstable();
                first.dedup();
                prop_assert_eq!(first.len() as u64, expected);
            }
        }

        #[test]
        fn each_pattern_keeps_its_shape(total in 100_u64..5000, seed: u64) {
            let steps = |pattern| -> Vec<i64> { drawn(pattern, total, 50, seed).windows(2).map(|pair| i64::from(pair[1]) - i64::from(pair[0])).collect() };
            prop_assert!(steps(Pattern::Sequential).iter().all(|step| *step == 1));
            prop_assert!(steps(Pattern::Backward).iter().all(|step| *step == -1));
            prop_assert!(steps(Pattern::Strided(16)).iter().all(|step| *step == 16));
            let window = drawn(Pattern::Window(80), total, 50, seed);
            prop_assert!(window.iter().max().unwrap() - window.iter().min().unwrap() < 80);
        }
    }

    #[test]
    fn by_zipfs_law_few_records_are_used_often_and_the_same_ones_in_every_draw() {
        let popular = |seed| {
            let mut seen = std::collections::BTreeMap::new();
            for record in drawn(Pattern::Zipf, 10_000, 10_000, seed) {
                *seen.entry(record).or_insert(0_u32) += 1;
            }
            assert!((1500..6000).contains(&seen.len()), "{} distinct of 10,000", seen.len());
            let most = seen.into_iter().max_by_key(|(_, times)| *times).unwrap();
            // 1 of the sum of 1/n^0.99 up to 10,000, which is 10.2: about 980 times.
            assert!((700..1300).contains(&most.1), "{most:?}");
            most.0
        };
        assert_eq!(popular(1), popular(2));
    }
}
