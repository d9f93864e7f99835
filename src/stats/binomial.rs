//! How rare are few heads in many tosses: binomial sums in whole numbers, so that no rounding decides a verdict.

use std::cmp::Ordering;

/// The largest `j` with 2·P(Bin(n, ½) ≤ j − 1) ≤ `alpha`: how many values may be counted in from each end.
/// At most ⌈n/2⌉; `None` if not even `j` = 1 will do.
///
/// With C(n, i) ways to throw i heads, the condition is 2·ΣC(n, i) ≤ alpha·2ⁿ for i < j. Both sides are whole numbers once
/// the right one is rounded down, so it is decided exactly for any `n`: 2⁻ⁿ would be 0 in an `f64` beyond n = 1,074.
pub(super) fn rank(n: usize, alpha: f64) -> Option<usize> {
    let bound = Whole::floor_of_scaled(alpha, n)?;
    let mut ways_twice = Whole::from(2);
    let mut both_tails = ways_twice.clone();
    let mut rank = 0;
    while rank < n.div_ceil(2) && both_tails <= bound {
        rank += 1;
        // C(n, j) = C(n, j − 1)·(n − j + 1) / j, without remainder.
        ways_twice.multiply((n - rank + 1) as u64);
        ways_twice.divide(rank as u64);
        both_tails.add(&ways_twice);
    }
    (rank > 0).then_some(rank)
}

/// A natural number of any size: limbs of 64 bits, the least significant first, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Whole(Vec<u64>);

impl Whole {
    /// ⌊`factor`·2^`power`⌋; `None` for a negative or non-finite factor.
    fn floor_of_scaled(factor: f64, power: usize) -> Option<Self> {
        if !factor.is_finite() || factor < 0.0 {
            return None;
        }
        // IEEE 754 binary64: 52 bits of fraction below an implicit one, 11 bits of exponent with a bias of 1,023.
        let bits = factor.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, exponent) = match bits >> 52 {
            0 => (fraction, -1074),
            biased => (fraction | 1 << 52, biased as i64 - 1075),
        };
        let shift = exponent + power as i64;
        Some(if shift < 0 {
            let shift = u32::try_from(-shift).unwrap_or(u32::MAX);
            Self::from(mantissa.checked_shr(shift).unwrap_or(0))
        } else {
            let wide = u128::from(mantissa) << (shift % 64);
            let mut limbs = vec![0; (shift / 64) as usize];
            limbs.extend([wide as u64, (wide >> 64) as u64]);
            Self::trimmed(limbs)
        })
    }

    fn trimmed(mut limbs: Vec<u64>) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Self(limbs)
    }

    fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()) + 1, 0);
        let mut carry = 0;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let sum = u128::from(*limb) + u128::from(other.0.get(index).copied().unwrap_or(0)) + carry;
            *limb = sum as u64;
            carry = sum >> 64;
        }
        *self = Self::trimmed(std::mem::take(&mut self.0));
    }

    fn multiply(&mut self, factor: u64) {
        let mut carry = 0;
        for limb in &mut self.0 {
            let product = u128::from(*limb) * u128::from(factor) + carry;
            *limb = product as u64;
            carry = product >> 64;
        }
        self.0.push(carry as u64);
        *self = Self::trimmed(std::mem::take(&mut self.0));
    }

    fn divide(&mut self, divisor: u64) {
        let mut remainder = 0;
        for limb in self.0.iter_mut().rev() {
            let part = remainder << 64 | u128::from(*limb);
            *limb = (part / u128::from(divisor)) as u64;
            remainder = part % u128::from(divisor);
        }
        *self = Self::trimmed(std::mem::take(&mut self.0));
    }
}

impl From<u64> for Whole {
    fn from(value: u64) -> Self {
        Self::trimmed(vec![value])
    }
}

impl Ord for Whole {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for Whole {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, by the definition, in `u128`: right for n up to 120.
    fn rank_by_counting(n: u32, alpha_numerator: u128, alpha_power: u32) -> Option<usize> {
        let (mut ways, mut sum, mut rank) = (1u128, 0u128, 0usize);
        for heads in 0..n.div_ceil(2) {
            sum += ways;
            // 2·sum / 2^n ≤ numerator / 2^power
            if 2 * sum > alpha_numerator << (n - alpha_power) {
                break;
            }
            rank += 1;
            ways = ways * u128::from(n - heads) / u128::from(heads + 1);
        }
        (rank > 0).then_some(rank)
    }

    #[test]
    fn ranks_are_those_of_the_sign_test_s_tables() {
        // One more than the critical values of the two-sided sign test: 0, 5, 17 at 5 %; 0, 3, 36 at 1 %.
        for (n, alpha, expected) in
            [(6, 0.05, 1), (20, 0.05, 6), (50, 0.05, 18), (8, 0.01, 1), (20, 0.01, 4), (100, 0.01, 37)]
        {
            assert_eq!(rank(n, alpha), Some(expected), "n = {n}, alpha = {alpha}");
        }
        assert_eq!(rank(5, 0.05), None);
        assert_eq!(rank(7, 0.01), None);
    }

    #[test]
    fn a_tie_counts_as_rare_enough() {
        // 2·P(Bin(3, ½) ≤ 0) is a quarter, exactly.
        assert_eq!(rank(3, 0.25), Some(1));
        assert_eq!(rank(3, 0.25_f64.next_down()), None);
    }

    #[test]
    fn thousands_of_values_neither_overflow_nor_vanish() {
        // By exact fractions in another language. 2⁻²⁰⁰⁰ is 0 in an `f64`.
        for (n, alpha, expected) in
            [(1_000, 0.05, 469), (2_500, 0.05, 1_201), (5_000, 0.05, 2_431), (2_000, 1e-300, 223)]
        {
            assert_eq!(rank(n, alpha), Some(expected), "n = {n}, alpha = {alpha}");
        }
    }

    #[test]
    fn no_probability_has_no_rank() {
        assert_eq!(rank(50, 0.0), None);
        assert_eq!(rank(50, -1.0), None);
        assert_eq!(rank(50, f64::NAN), None);
        assert_eq!(rank(0, 1.0), None);
    }

    proptest! {
        #[test]
        fn ranks_agree_with_counting(n in 11u32..100, numerator in 1u128..=1024) {
            let alpha = numerator as f64 / 1024.0;
            prop_assert_eq!(rank(n as usize, alpha), rank_by_counting(n, numerator, 10));
        }

        #[test]
        fn whole_numbers_multiply_and_divide_back(start in any::<u64>(), factors in proptest::collection::vec(1u64.., 1..12)) {
            let mut number = Whole::from(start);
            for factor in &factors {
                number.multiply(*factor);
            }
            for factor in &factors {
                number.divide(*factor);
            }
            prop_assert_eq!(number, Whole::from(start));
        }

        #[test]
        fn whole_numbers_add_and_order_as_u128_does(a in any::<u128>(), b in any::<u128>()) {
            let (a, b) = (a >> 1, b >> 1);
            let whole = |n: u128| Whole::trimmed(vec![n as u64, (n >> 64) as u64]);
            let mut sum = whole(a);
            sum.add(&whole(b));
            prop_assert_eq!(sum, whole(a + b));
            prop_assert_eq!(whole(a).cmp(&whole(b)), a.cmp(&b));
        }
    }
}
