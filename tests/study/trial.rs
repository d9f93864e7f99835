//! The instrument's own trial on a clock of our own: what its rates say of studies whose truth is known.

use std::collections::BTreeMap;
use std::time::Duration;

use pagewise::engine::study;
use pagewise::results::model::{Dir, Machine, Program, Study};
use pagewise::trial::model::{SCHEMA, Subject, Trial, Try};
use pagewise::trial::rates::{self, Result, Said};
use pagewise::trial::store::Recorded;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::weather::Weather;
use super::{Bench, plan};

const TRIES: u64 = 12;

fn subject() -> Subject {
    Subject::new("fake", &plan(&["base"]), "base", Some(Duration::from_secs(2)))
}

/// A study of the trial on a machine of this `make`.
fn study_of(subject: &Subject, seed: u64, make: fn(&mut Bench)) -> Study {
    let mut bench = Bench::new(&[("base", 20_000.0)]);
    bench.rng = ChaCha8Rng::seed_from_u64(seed);
    make(&mut bench);
    study::run(&subject.plan(&plan(&["base"])), subject.study_time(), seed, &mut bench, &mut |_| {})
}

fn trial(make: fn(&mut Bench)) -> Result {
    let subject = subject();
    let study = |seed| Try::Study {
        subject: 0,
        elapsed_ns: Duration::from_secs(8).as_nanos() as u64,
        study: Box::new(study_of(&subject, seed, make)),
    };
    let tries = (0..TRIES).map(study).collect();
    let trial = Trial {
        schema: SCHEMA.to_owned(),
        id: String::new(),
        label: String::new(),
        started: String::new(),
        finished: None,
        pagewise: Program { version: String::new(), commit: None, build: None },
        command: Vec::new(),
        seed: 0,
        dir: Dir { filesystem: String::new(), device: None, device_reason: None, mount_options: String::new() },
        machine: machine(),
        warnings: Vec::new(),
        neighbour: None,
        subjects: vec![subject.clone()],
        studies: TRIES as u32,
        blocks: 0,
    };
    rates::results(&Recorded { trial, tries, criterion: None }).remove(0)
}

fn machine() -> Machine {
    Machine {
        kernel: String::new(),
        cpu: String::new(),
        cpus: 1,
        memory: 0,
        page_size: 4096,
        virtualization: None,
        facts: BTreeMap::new(),
    }
}

#[test]
fn on_a_steady_machine_each_slowdown_is_found_and_the_same_is_equal() {
    let result = trial(|_| {});
    for tally in &result.tallies {
        let drag = &tally.slowed_by;
        assert_eq!((tally.tries, tally.failed, tally.faster, tally.tainted), (12, 0, 0, 0), "+{drag}");
        let (slower, equal) = if *drag == 0 { (0, 12) } else { (12, 0) };
        assert_eq!((tally.slower, tally.equal, tally.unresolved), (slower, equal, 0), "+{drag}");
        assert_eq!((tally.undropped_faster, tally.undropped_slower), (0, slower), "+{drag}");
        assert!(tally.width.unwrap() < 0.02 && tally.verdict_ns.unwrap() <= tally.time_ns.unwrap());
    }
    assert!(result.workers_needed.iter().all(|needed| needed.workers.unwrap() < 30), "{:?}", result.workers_needed);
}

#[test]
fn on_a_wild_machine_nothing_is_made_up_and_the_workers_that_it_would_take_are_said() {
    let result = trial(|bench| bench.worker_spread = 0.5);
    assert!(result.tallies.iter().all(|tally| tally.faster == 0 && tally.equal == 0));
    assert_eq!(result.tallies[1].slower, 0, "+2 % cannot be seen");
    let of = |drag| {
        result.workers_needed.iter().find(|needed| needed.slowed_by == drag).unwrap().workers.unwrap_or(usize::MAX)
    };
    assert!(of(20) > 300 && of(20) > of(50), "{:?}", result.workers_needed);
    assert!(result.spread.unwrap() > 0.05);
}

#[test]
fn a_taint_hides_no_false_verdict_from_the_count() {
    let result = trial(|bench| bench.null_bias = 1.05);
    let null = &result.tallies[0];
    // The method again is to this machine what the null control is.
    assert_eq!((null.tainted, null.hidden, null.different()), (12, 12, 0));
}

#[test]
fn dropped_rounds_count_where_it_is_asked_what_they_would_have_said() {
    let result = trial(|bench| bench.flaw = |_, worker, round| worker % 2 == 0 && round == 0);
    let slowed = &result.tallies[2];
    assert_eq!((slowed.slower, slowed.undropped_slower), (12, 12));
}

#[test]
fn what_a_machine_remembers_shows_as_correlation() {
    let result = trial(|bench| bench.weather = Weather::that_remembers());
    let variation = &result.variation;
    assert!(variation.batch_lag.unwrap() > 0.05, "{variation:?}");
    assert!(
        variation.round_lag.unwrap() < variation.batch_lag.unwrap(),
        "what slows a whole round is not the ratio's: {variation:?}"
    );
    assert!(variation.round.unwrap() < variation.batch.unwrap());
    assert_eq!((variation.pooled.count, variation.pooled.of), (0, 12));
}

#[test]
fn a_failed_study_is_no_try_and_its_reason_is_said() {
    // What the device did: nobody's verdict, and nobody's proof of being right.
    let result = trial(|bench| bench.flaw = |_, _, _| true);
    let tally = &result.tallies[0];
    assert_eq!((tally.tries, tally.failed, tally.different(), tally.equal), (0, 12, 0, 0));
    assert!(!result.failures.is_empty());
    assert_eq!(tally.said(&subject()), Some(Said::TooFew));
    assert_eq!(tally.time_ns, None);
}
