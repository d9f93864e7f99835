//! How often something of a known chance may happen by luck: exact binomial bounds, for tests that count.

/// The most times, of `trials`, that something of `chance` happens with probability `confidence`: more often is not luck.
pub fn most(trials: usize, chance: f64, confidence: f64) -> usize {
    let mut log_ways = 0.0f64;
    let mut sum = 0.0;
    for count in 0..=trials {
        sum += (log_ways + count as f64 * chance.ln() + (trials - count) as f64 * (1.0 - chance).ln()).exp();
        if sum >= confidence {
            return count;
        }
        log_ways += ((trials - count) as f64 / (count + 1) as f64).ln();
    }
    trials
}

/// The fewest times: less often is not luck.
pub fn fewest(trials: usize, chance: f64, confidence: f64) -> usize {
    trials - most(trials, 1.0 - chance, confidence)
}

#[test]
fn the_bounds_are_those_of_the_tables() {
    // Ten tosses of a coin: P(at most 8) = 1013/1024, P(at most 9) = 1023/1024.
    assert_eq!((most(10, 0.5, 0.989), most(10, 0.5, 0.99), most(10, 0.5, 0.9991)), (8, 9, 10));
    assert_eq!((fewest(10, 0.5, 0.989), fewest(10, 0.5, 0.99)), (2, 1));
    assert_eq!(most(400, 0.01, 0.99), 9, "the target of the instrument's own trial");
}
