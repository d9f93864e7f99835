//! In which order each round takes its methods, so that neither place nor predecessor favours one.
//!
//! A method may profit from coming late in a round (a warmer machine) or suffer from what the method before it left behind. A Williams
//! square gives every method every place equally often, and every other method as direct predecessor equally often, so that both
//! cancel out over the rounds. (E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments",
//! Australian Journal of Scientific Research A 2, 1949.)

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The rounds of one balanced block of `methods` methods: as many as methods if they are even, else twice as many, since an odd square
/// is balanced only together with its mirror. A worker that takes a multiple of it is balanced in full.
pub fn block(methods: usize) -> usize {
    match methods {
        0 => 0,
        1 => 1,
        n if n % 2 == 0 => n,
        n => 2 * n,
    }
}

/// The order of each of `rounds` rounds: a permutation of `0..methods`.
///
/// Balanced blocks, one after the other, the last one cut off: in each the methods take their parts in the square by lot, and its
/// rows come in an order by lot. The lots come from ChaCha8 seeded with `seed` (`SeedableRng::seed_from_u64`), the same on every machine.
pub fn orders(methods: usize, rounds: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut lots = ChaCha8Rng::seed_from_u64(seed);
    let mut orders = Vec::with_capacity(rounds + block(methods));
    while orders.len() < rounds {
        let mut names: Vec<usize> = (0..methods).collect();
        names.shuffle(&mut lots);
        let mut rows = williams(methods);
        rows.shuffle(&mut lots);
        orders.extend(rows.into_iter().map(|row| row.into_iter().map(|part| names[part]).collect()));
    }
    orders.truncate(rounds);
    orders
}

/// One balanced block, rows in the order of construction. A single row for fewer than two methods.
fn williams(methods: usize) -> Vec<Vec<usize>> {
    let n = methods.max(1);
    // 0, 1, n−1, 2, n−2, …: the steps between neighbours are all different modulo n (for an even n; for an odd one, together with the
    // mirror). Adding 1 to every place gives the next row.
    let first: Vec<usize> =
        (0..methods).map(|place| if place % 2 == 1 { place.div_ceil(2) } else { (n - place / 2) % n }).collect();
    let square = (0..n).map(|row| first.iter().map(|part| (part + row) % n).collect::<Vec<usize>>());
    if n.is_multiple_of(2) || n == 1 {
        return square.collect();
    }
    square.flat_map(|row| [row.clone(), row.into_iter().rev().collect()]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn is_permutation(order: &[usize], methods: usize) -> bool {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        sorted.into_iter().eq(0..methods)
    }

    fn count<T: Ord>(things: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
        things.fold(BTreeMap::new(), |mut counts, thing| {
            *counts.entry(thing).or_default() += 1;
            counts
        })
    }

    #[test]
    fn two_methods_take_turns_at_going_first() {
        for seed in 0..20 {
            let orders = orders(2, 2, seed);
            assert!(orders == [[0, 1], [1, 0]] || orders == [[1, 0], [0, 1]], "{orders:?}");
        }
    }

    #[test]
    fn three_methods_go_through_all_six_orders() {
        let mut seen = orders(3, 6, 7);
        seen.sort();
        assert_eq!(seen, [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]);
    }

    #[test]
    fn one_method_is_every_round_and_none_leaves_them_empty() {
        assert_eq!(orders(1, 3, 5), [[0], [0], [0]]);
        assert_eq!(orders(0, 2, 5), [[0usize; 0], []]);
        assert_eq!(orders(4, 0, 5), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn a_recorded_seed_gives_the_recorded_orders_on_every_machine_and_in_every_release() {
        assert_eq!(orders(4, 4, 2026), [[3, 2, 1, 0], [2, 0, 3, 1], [0, 1, 2, 3], [1, 3, 0, 2]]);
    }

    proptest! {
        #[test]
        fn every_round_takes_every_method_once(methods in 1usize..12, rounds in 0usize..60, seed: u64) {
            let orders = orders(methods, rounds, seed);
            prop_assert_eq!(orders.len(), rounds);
            prop_assert!(orders.iter().all(|order| is_permutation(order, methods)));
        }

        #[test]
        fn over_whole_blocks_every_method_stands_equally_often_at_every_place(methods in 1usize..12, blocks in 1usize..4, seed: u64) {
            let rounds = blocks * block(methods);
            let orders = orders(methods, rounds, seed);
            let places = count(orders.iter().flat_map(|order| order.iter().copied().enumerate()));
            prop_assert_eq!(places.len(), methods * methods);
            prop_assert!(places.values().all(|times| *times == rounds / methods));
        }

        #[test]
        fn over_whole_blocks_every_method_follows_every_other_equally_often(methods in 2usize..12, blocks in 1usize..4, seed: u64) {
            let rounds = blocks * block(methods);
            let orders = orders(methods, rounds, seed);
            let followers = count(orders.iter().flat_map(|order| order.windows(2).map(|pair| (pair[0], pair[1]))));
            prop_assert_eq!(followers.len(), methods * (methods - 1));
            prop_assert!(followers.values().all(|times| *times == rounds / methods));
        }

        #[test]
        fn the_same_seed_gives_the_same_orders(methods in 1usize..12, rounds in 0usize..60, seed: u64) {
            prop_assert_eq!(orders(methods, rounds, seed), orders(methods, rounds, seed));
        }

        #[test]
        fn more_rounds_only_add_to_the_end(methods in 1usize..12, rounds in 0usize..40, more in 0usize..40, seed: u64) {
            prop_assert_eq!(&orders(methods, rounds + more, seed)[..rounds], &orders(methods, rounds, seed)[..]);
        }

        #[test]
        fn another_seed_gives_other_orders(seed in 0..u64::MAX) {
            prop_assert_ne!(orders(6, 24, seed), orders(6, 24, seed + 1));
        }
    }
}
