//! Whether verdicts hold on a machine whose speed drifts, jumps, stalls and remembers: many studies of one truth, counted.

use std::time::Duration;

use pagewise::results::model::{Study, Verdict};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::bounds::{fewest, most};
use super::{Bench, LONG, measure, measure_with, verdict};

/// What slows every method alike, for a while; and how methods differ from worker to worker.
pub struct Weather {
    kind: Kind,
    /// Jumps: the speed now, and until when. Correlation: the logarithm of it.
    level: f64,
    until: Duration,
    /// Each method's luck with this worker.
    luck: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Calm,
    /// Slower by a tenth every second, for ever.
    Drift,
    /// Faster and slower by a fifth, in three seconds.
    Sine,
    /// Slower or faster by 30 %, at random moments, a fifth of a second apart.
    Jumps,
    /// A batch in ten stalls, as long as a Pareto distribution without variance says.
    Tails,
    /// What a batch suffers, the next ones suffer too: half of it is left after seven.
    Memory,
    /// Each method has luck of its own with each worker, of half a percent.
    Workers,
    /// All of it.
    Everything,
}

const KINDS: [Kind; 7] =
    [Kind::Drift, Kind::Sine, Kind::Jumps, Kind::Tails, Kind::Memory, Kind::Workers, Kind::Everything];

impl Weather {
    pub fn calm() -> Self {
        Self::of(Kind::Calm)
    }

    pub fn that_remembers() -> Self {
        Self::of(Kind::Memory)
    }

    pub fn that_gets_worse() -> Self {
        Self::of(Kind::Drift)
    }

    fn of(kind: Kind) -> Self {
        Self { kind, level: 1.0, until: Duration::ZERO, luck: Vec::new() }
    }

    fn is(&self, kind: Kind) -> bool {
        self.kind == kind || self.kind == Kind::Everything
    }

    pub fn new_worker(&mut self, methods: usize, rng: &mut ChaCha8Rng) {
        let spread = if self.is(Kind::Workers) { 0.005 } else { 0.0 };
        self.luck = (0..methods).map(|_| (spread * normal(rng)).exp()).collect();
    }

    /// By what a batch of `method` at `now` is slower.
    pub fn factor(&mut self, now: Duration, method: usize, rng: &mut ChaCha8Rng) -> f64 {
        let mut factor = self.luck.get(method).copied().unwrap_or(1.0);
        if self.is(Kind::Drift) {
            factor *= 1.0 + 0.1 * now.as_secs_f64();
        }
        if self.is(Kind::Sine) {
            factor *= 1.0 + 0.2 * (std::f64::consts::TAU * now.as_secs_f64() / 3.0).sin();
        }
        if self.is(Kind::Jumps) {
            while self.until <= now {
                self.level = if rng.random_bool(0.5) { 1.0 } else { 1.3 };
                self.until += Duration::from_secs_f64(-0.2 * unit(rng).ln());
            }
            factor *= self.level;
        }
        if self.is(Kind::Tails) && rng.random_bool(0.1) {
            factor *= 1.0 + 0.1 * unit(rng).powf(-1.0 / 1.5);
        }
        if self.kind == Kind::Memory {
            self.level = (0.9 * self.level.ln() + 0.02 * normal(rng)).exp();
            factor *= self.level;
        }
        factor
    }
}

fn unit(rng: &mut ChaCha8Rng) -> f64 {
    // Above 0: its logarithm is finite.
    rng.random_range(1e-12..1.0)
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (-2.0 * unit(rng).ln()).sqrt() * (std::f64::consts::TAU * unit(rng)).cos()
}

/// A machine in this weather, with a baseline of 10 ms a batch and a method that takes `ratio` of its time.
fn bench_in(kind: Kind, ratio: f64, seed: u64) -> Bench {
    let mut bench = Bench::new(&[("base", 100_000.0), ("other", 100_000.0 * ratio)]);
    bench.weather = Weather::of(kind);
    bench.rng = ChaCha8Rng::seed_from_u64(seed);
    bench
}

/// A study there.
fn study_in(kind: Kind, ratio: f64, seconds: u64, seed: u64) -> Study {
    measure_with(&mut bench_in(kind, ratio, seed), Duration::from_secs(seconds), seed)
}

/// Whether the interval of `method` says that it is not the baseline's equal, tainted or not.
fn calls_different(study: &Study) -> bool {
    let ratio = study.cases[1].ratio.expect("a ratio");
    let (Some(low), Some(high)) = (ratio.low, ratio.high) else { return false };
    let within = low >= 1.0 - study.margin && high <= 1.0 + study.margin;
    !within && (low > 1.0 || high < 1.0)
}

#[test]
fn methods_that_take_the_same_time_are_called_different_no_more_often_than_was_promised() {
    const STUDIES: usize = 150;
    for kind in KINDS {
        let wrong = (0..STUDIES as u64).filter(|seed| calls_different(&study_in(kind, 1.0, 3, *seed))).count();
        assert!(wrong <= most(STUDIES, 0.01, 0.99), "{kind:?}: {wrong} of {STUDIES}");
    }
}

#[test]
fn a_method_that_takes_five_percent_longer_is_found_in_most_studies() {
    const STUDIES: usize = 40;
    for kind in KINDS {
        let found = (0..STUDIES as u64)
            .filter(|seed| verdict(&study_in(kind, 1.05, 8, *seed), "other") == Verdict::Slower)
            .count();
        assert!(found >= fewest(STUDIES, 0.9, 0.99), "{kind:?}: {found} of {STUDIES}");
    }
}

#[test]
fn no_weather_makes_a_method_faster_that_is_slower() {
    for kind in KINDS {
        let faster =
            (0..40).filter(|seed| verdict(&study_in(kind, 1.02, 3, *seed), "other") == Verdict::Faster).count();
        assert_eq!(faster, 0, "{kind:?}");
    }
}

/// What is left of a trail of 3 % behind one method in the estimate of another, on average over studies.
fn trail_left(names: [&'static str; 3]) -> f64 {
    const STUDIES: u64 = 10;
    let of = |seed: u64| {
        let mut bench = Bench::new(&names.map(|name| (name, 100_000.0)));
        (bench.trail, bench.rng) = (Some(("dirty", 1.03)), ChaCha8Rng::seed_from_u64(seed));
        let study = measure_with(&mut bench, Duration::from_secs(10), seed);
        let clean = study.cases.iter().find(|case| case.method == "clean").expect("a case");
        clean.ratio.expect("a ratio").estimate - 1.0
    };
    (0..STUDIES).map(of).sum::<f64>() / STUDIES as f64
}

#[test]
fn what_a_method_leaves_to_the_next_one_falls_on_all_alike() {
    let left = trail_left(["base", "dirty", "clean"]);
    assert!(left.abs() < 0.002, "{left} of 0.03 is left");
}

#[test]
fn in_an_order_that_is_always_the_same_it_would_not() {
    // Were `clean` always right behind `dirty`, all of the 3 % would be its own: so much is there to be found.
    let mut bench = Bench::new(&[("base", 100_000.0), ("dirty", 100_000.0), ("clean", 100_000.0)]);
    bench.trail = Some(("dirty", 1.03));
    bench.fixed_order = true;
    let study = measure(&mut bench, Duration::from_secs(10));
    let clean = study.cases[2].ratio.expect("a ratio");
    assert!((clean.estimate - 1.03).abs() < 0.005, "{clean:?}");
    assert_eq!(clean.verdict, Verdict::Slower);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn verdicts_rest_on_planned_looks_alone(
        kind in prop::sample::select(&KINDS[..]), ratio in 0.8..1.3f64, millis in 1u64..6_000, seed: u64,
    ) {
        let study = measure_with(&mut bench_in(kind, ratio, seed), Duration::from_millis(millis), seed);
        let last = *study.looks.last().unwrap();
        prop_assert!(study.workers_used == 0 || study.looks.contains(&study.workers_used));
        prop_assert!(study.workers >= 1, "one worker is taken whatever it costs");
        match study.stop_reason.as_str() {
            "decided" => prop_assert!(study.looks.contains(&study.workers)),
            "looks" => prop_assert_eq!(study.workers, last),
            other => {
                prop_assert_eq!(other, "budget");
                prop_assert!(study.workers < last);
            }
        }
        // Before its first look a study knows its estimates, and claims nothing.
        if study.workers_used == 0 {
            let ratio = study.cases[1].ratio.unwrap();
            prop_assert_eq!((ratio.low, ratio.high, ratio.verdict), (None, None, Verdict::Unresolved));
            let time = study.cases[1].ns_per_op.unwrap();
            prop_assert_eq!((time.low, time.high), (None, None));
            prop_assert_eq!(study.null_control.unwrap().low, None);
        }
    }
}

#[test]
fn a_null_control_that_is_off_leaves_no_verdict_in_any_weather() {
    for (kind, bias, seed) in KINDS.into_iter().flat_map(|kind| [(kind, 0.8, 1), (kind, 1.25, 2)]) {
        let mut bench = bench_in(kind, 3.0, seed);
        bench.null_bias = bias;
        let study = measure_with(&mut bench, LONG, seed);
        assert!(study.tainted, "{kind:?}: {:?}", study.null_control.map(|null| (null.estimate, null.low, null.high)));
        assert_eq!(verdict(&study, "other"), Verdict::Unresolved);
        assert_eq!(study.null_control.unwrap().verdict, Verdict::Unresolved);
    }
}
