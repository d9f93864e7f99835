//! A neighbour: load on the other cores, in bursts, as another user's work is.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Threads that load the machine until this is dropped.
#[derive(Debug)]
pub struct Neighbour {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Copied again and again: beyond any processor's second-level cache.
const BYTES: usize = 64 << 20;
/// A burst and the pause after it, at most, in µs.
const LONGEST_BURST: u64 = 40_000;
const LONGEST_PAUSE: u64 = 10_000;

impl Neighbour {
    /// Loads all but one of `cores`, at least one.
    pub fn start(cores: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..Self::threads(cores))
            .map(|index| {
                let stop = Arc::clone(&stop);
                std::thread::spawn(move || load(&stop, index as u64))
            })
            .collect();
        Self { stop, threads }
    }

    fn threads(cores: usize) -> usize {
        cores.saturating_sub(1).max(1)
    }

    /// What it does, in a sentence.
    pub fn about(cores: usize) -> String {
        format!(
            "{} thread(s) on {cores} core(s), pinned to none: computing, copying {} MiB or asking the kernel for the time of its own processor, in bursts of up to {} ms with pauses of up to {} ms",
            Self::threads(cores),
            BYTES >> 20,
            LONGEST_BURST / 1000,
            LONGEST_PAUSE / 1000,
        )
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn load(stop: &AtomicBool, seed: u64) {
    let mut lots = ChaCha8Rng::seed_from_u64(seed);
    let (from, mut to) = (vec![1_u8; BYTES / 2], vec![0_u8; BYTES / 2]);
    while !stop.load(Ordering::Relaxed) {
        let end = Instant::now() + Duration::from_micros(lots.random_range(1_000..LONGEST_BURST));
        let kind = lots.random_range(0..3);
        while Instant::now() < end {
            match kind {
                0 => drop(black_box((0..100_000_u64).fold(seed, |sum, value| sum.rotate_left(7) ^ black_box(value)))),
                1 => black_box(&mut to).copy_from_slice(black_box(&from)),
                _ => drop(black_box(crate::os::usage::Usage::now())),
            }
        }
        std::thread::sleep(Duration::from_micros(lots.random_range(0..LONGEST_PAUSE)));
    }
}
