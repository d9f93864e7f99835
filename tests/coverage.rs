//! Whether the intervals keep their promise: how often they hold the truth, counted in draws whose truth is known.

#[path = "bounds/mod.rs"]
mod bounds;

use bounds::{fewest as fewest_by_luck, most as most_by_luck};
use pagewise::stats::{Sample, Verdict, compare, fewest, level, sign_interval};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TRIALS: usize = 4_000;

/// A distribution with a known median.
struct Shape {
    name: &'static str,
    median: f64,
    draw: fn(&mut ChaCha8Rng) -> f64,
    /// Whether two draws are never the same: then the coverage is known exactly, not only from below.
    continuous: bool,
}

fn unit(rng: &mut ChaCha8Rng) -> f64 {
    // In (0, 1): the logarithms and tangents below stay finite.
    rng.random_range(1e-12..1.0)
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (-2.0 * unit(rng).ln()).sqrt() * (std::f64::consts::TAU * unit(rng)).cos()
}

const SHAPES: [Shape; 8] = [
    Shape { name: "uniform", median: 0.5, draw: unit, continuous: true },
    Shape { name: "normal", median: 0.0, draw: normal, continuous: true },
    Shape { name: "log-normal", median: 1.0, draw: |rng| (2.0 * normal(rng)).exp(), continuous: true },
    Shape {
        name: "Cauchy, which has no mean",
        median: 0.0,
        draw: |rng| (std::f64::consts::PI * (unit(rng) - 0.5)).tan(),
        continuous: true,
    },
    Shape {
        // x = u^(−2): a mean of infinity, and one draw in a hundred beyond 10,000.
        name: "Pareto with tail 1/2",
        median: 4.0,
        draw: |rng| unit(rng).powi(-2),
        continuous: true,
    },
    Shape {
        name: "two modes, one of them twenty times the other",
        median: 1.5,
        draw: |rng| {
            if rng.random_bool(0.6) { rng.random_range(0.0..1.8) } else { rng.random_range(20.0..40.0) }
        },
        continuous: true,
    },
    Shape {
        name: "whole numbers 0 to 4, all ties",
        median: 2.0,
        draw: |rng| f64::from(rng.random_range(0..5u32)),
        continuous: false,
    },
    Shape {
        name: "a clock of coarse ticks: nine in ten the same",
        median: 100.0,
        draw: |rng| if rng.random_bool(0.9) { 100.0 } else { 200.0 },
        continuous: false,
    },
];

/// 1 − 2·P(Bin(n, ½) ≤ j − 1), by sums in `f64`, for the small n of this test.
fn exact_coverage(n: usize, rank: usize) -> f64 {
    let mut ways = 1.0;
    let mut sum = 0.0;
    for heads in 0..rank {
        sum += ways;
        ways *= (n - heads) as f64 / (heads + 1) as f64;
    }
    1.0 - 2.0 * sum / 2f64.powi(n as i32)
}

/// The rank that the interval of n distinct values shows.
fn rank_of(n: usize, confidence: f64) -> usize {
    let places: Vec<f64> = (1..=n).map(|place| place as f64).collect();
    sign_interval(&places, confidence).expect("enough values").0 as usize
}

#[test]
fn the_interval_holds_the_median_as_often_as_it_says_whatever_the_distribution() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    for shape in &SHAPES {
        for (n, confidence) in [(6, 0.95), (8, 0.99), (11, 0.95), (25, 0.9), (40, 0.99), (101, 0.5)] {
            let held = (0..TRIALS)
                .filter(|_| {
                    let values: Vec<f64> = (0..n).map(|_| (shape.draw)(&mut rng)).collect();
                    let (low, high) = sign_interval(&values, confidence).expect("enough values");
                    low <= shape.median && shape.median <= high
                })
                .count() as f64
                / TRIALS as f64;
            let exact = exact_coverage(n, rank_of(n, confidence));
            assert!(exact >= confidence);
            // Four standard deviations of the count: one seeded draw in 16,000 would lie beyond.
            let slack = 4.0 * (exact * (1.0 - exact) / TRIALS as f64).sqrt();
            let what = format!("{}, n = {n}, confidence {confidence}: held {held}, exactly {exact}", shape.name);
            assert!(held >= exact - slack, "{what}");
            assert!(!shape.continuous || held <= exact + slack, "{what}");
        }
    }
}

/// A study of `methods` methods that all take the same time; every worker has its own luck with each of them, every round is noisy,
/// and one round in twenty stalls.
fn study_of_equals(rng: &mut ChaCha8Rng, methods: usize, workers: u32, rounds: u32) -> Vec<Vec<Sample>> {
    let mut samples = vec![Vec::new(); methods];
    for worker in 0..workers {
        let luck: Vec<f64> = (0..methods).map(|_| (0.05 * normal(rng)).exp()).collect();
        for round in 0..rounds {
            let weather = (0.3 * normal(rng)).exp();
            for (method, luck) in luck.iter().enumerate() {
                let stall = if rng.random_bool(0.05) { 10.0 } else { 1.0 };
                let ns = 1e6 * luck * weather * stall * (0.02 * normal(rng)).exp();
                samples[method].push(Sample { worker, round, ns: ns as u64 });
            }
        }
    }
    samples
}

/// What makes batches of one study depend on each other, or lie far from the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// The machine gets slower from batch to batch, to twice its time at the end.
    Drift,
    /// It is slower by 30 % for stretches of batches.
    Jumps,
    /// A batch in ten stalls; how long has no mean.
    Tails,
    /// What a batch suffers, the next ones suffer too, within a worker.
    Correlation,
    /// A worker has luck of its own with each method, more than its rounds differ.
    Luck,
}

/// `workers` × `rounds` of a method and its baseline, whose true ratio is `ratio`, in an order drawn for each round.
fn troubled(rng: &mut ChaCha8Rng, trouble: Trouble, workers: u32, rounds: u32, ratio: f64) -> [Vec<Sample>; 2] {
    let mut samples = [Vec::new(), Vec::new()];
    let batches = f64::from(2 * workers * rounds);
    let (mut batch, mut slow, mut memory) = (0.0, false, 0.0);
    for worker in 0..workers {
        let luck = if trouble == Trouble::Luck { 0.05 * normal(rng) } else { 0.0 };
        memory = if trouble == Trouble::Correlation { 0.1 * normal(rng) } else { memory };
        for round in 0..rounds {
            let first = usize::from(rng.random_bool(0.5));
            for method in [first, 1 - first] {
                batch += 1.0;
                slow ^= rng.random_bool(0.1);
                memory = 0.9 * memory + 0.05 * normal(rng);
                let weather = match trouble {
                    Trouble::Drift => 1.0 + batch / batches,
                    Trouble::Jumps if slow => 1.3,
                    Trouble::Tails if rng.random_bool(0.1) => 1.0 + 1.0 / unit(rng),
                    Trouble::Correlation => f64::exp(memory),
                    _ => 1.0,
                };
                let own = if method == 0 { ratio * luck.exp() } else { 1.0 };
                let ns = (1e9 * own * weather * (0.01 * normal(rng)).exp()) as u64;
                samples[method].push(Sample { worker, round, ns });
            }
        }
    }
    samples
}

#[test]
fn the_interval_of_a_ratio_holds_it_as_often_as_it_says_whatever_troubles_the_batches() {
    const STUDIES: usize = 1_000;
    const RATIO: f64 = 1.03;
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    for trouble in [Trouble::Drift, Trouble::Jumps, Trouble::Tails, Trouble::Correlation, Trouble::Luck] {
        for (workers, confidence) in [(8, 0.99), (12, 0.95), (20, 0.9)] {
            let held = (0..STUDIES)
                .filter(|_| {
                    let [method, baseline] = troubled(&mut rng, trouble, workers, 4, RATIO);
                    let seen = compare(&method, &baseline, confidence, 0.01);
                    seen.low.expect("enough workers") <= RATIO && RATIO <= seen.high.expect("enough workers")
                })
                .count();
            let exact = exact_coverage(workers as usize, rank_of(workers as usize, confidence));
            // One set of seeds in three hundred would break one of these by luck.
            let (least, most) = (fewest_by_luck(STUDIES, exact, 0.9999), most_by_luck(STUDIES, exact, 0.9999));
            let what =
                format!("{trouble:?}, {workers} workers, {confidence}: held in {held}, {least} to {most} expected");
            assert!((least..=most).contains(&held), "{what}");
        }
    }
}

#[test]
fn one_study_in_a_hundred_at_most_calls_equals_different_at_any_of_its_looks() {
    const STUDIES: usize = 1_500;
    let (methods, looks) = (4, [11, 14, 18]);
    let confidence = level(0.99, methods - 1, looks.len());
    assert!(looks[0] as usize >= fewest(confidence));
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let wrong = (0..STUDIES)
        .filter(|_| {
            let samples = study_of_equals(&mut rng, methods, looks[2], 5);
            looks.iter().any(|look| {
                let seen = |method: usize| -> Vec<Sample> {
                    samples[method].iter().filter(|sample| sample.worker < *look).copied().collect()
                };
                let baseline = seen(0);
                (1..methods).any(|method| {
                    let verdict = compare(&seen(method), &baseline, confidence, 0.01).verdict;
                    matches!(verdict, Verdict::Faster | Verdict::Slower)
                })
            })
        })
        .count();
    let slack = 4.0 * (0.01 * 0.99 / STUDIES as f64).sqrt();
    assert!(
        wrong as f64 / STUDIES as f64 <= 0.01 + slack,
        "{wrong} of {STUDIES} studies saw a difference where there is none"
    );
}

#[test]
fn pooling_rounds_as_if_they_were_workers_would_break_the_promise() {
    // Why the worker is the unit: the same studies with each round given a worker's number of its own.
    const STUDIES: usize = 300;
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    let wrong = (0..STUDIES)
        .filter(|_| {
            let mut samples = study_of_equals(&mut rng, 2, 12, 20);
            for sample in samples.iter_mut().flatten() {
                *sample = Sample { worker: sample.worker * 20 + sample.round, round: 0, ns: sample.ns };
            }
            let verdict = compare(&samples[1], &samples[0], 0.99, 0.01).verdict;
            matches!(verdict, Verdict::Faster | Verdict::Slower)
        })
        .count();
    assert!(wrong > STUDIES / 10, "{wrong} of {STUDIES}");
}
