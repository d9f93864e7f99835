//! The floors of time itself: reading the clock, and entering the kernel.

use std::hint::black_box;
use std::time::Instant;

use super::{Probe, timed};
use crate::os::probe;

/// Operations a batch: some ten µs, a thousand times the clock's own step.
const OPERATIONS: usize = 1_000;

/// Two reads of the clock: what timing an operation by itself takes at least.
pub(super) struct ClockRead;

impl Probe for ClockRead {
    fn name(&self) -> &'static str {
        "clock read"
    }

    fn batch(&mut self) -> Option<f64> {
        Some(timed(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                let start = black_box(Instant::now());
                black_box(start.elapsed());
            }
        }))
    }
}

/// getppid(2): into the kernel and out again, with next to nothing done there.
pub(super) struct SystemCall;

impl Probe for SystemCall {
    fn name(&self) -> &'static str {
        "system call"
    }

    fn batch(&mut self) -> Option<f64> {
        Some(timed(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                black_box(probe::system_call());
            }
        }))
    }
}
