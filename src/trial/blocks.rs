//! The usual order: all batches of one method, then all of the other. What it says of two identical methods.

use std::time::Duration;

use crate::engine::process::{Death, Executor};
use crate::engine::protocol::{Asked, Size, Task};
use crate::stats::Verdict;

/// Two blocks of the same method, in one process, in about `time`: (operations a batch, ns of the first, ns of the second).
///
/// # Errors
/// [`Death`] of the worker.
pub fn measure(
    executor: &mut dyn Executor,
    asked: &Asked,
    size: Size,
    time: Duration,
    seed: u64,
) -> Result<(u64, Vec<u64>, Vec<u64>), Death> {
    let both = [asked.clone(), asked.clone()];
    let limit = Duration::from_secs(120);
    let calibrated = executor.execute(&both, Task::Calibrate(size), limit)?;
    let cost: u64 = calibrated.methods.iter().map(|standing| standing.batch_cost_ns.max(1)).sum();
    let batches = (time.as_nanos() as u64 / cost).clamp(2, 10_000) as usize;
    let orders = std::iter::repeat_n(vec![0], batches).chain(std::iter::repeat_n(vec![1], batches)).collect();
    let seeds = (0..2 * batches as u64).map(|round| seed.wrapping_add(round)).collect();
    let task = Task::Rounds { k: calibrated.k, wanted: 2 * batches, orders, seeds };
    let answer = executor.execute(&both, task, limit)?;
    let of = |method: usize| {
        answer
            .batches
            .iter()
            .filter(|batch| batch.method == method && batch.flaw.is_none())
            .map(|batch| batch.ns)
            .collect()
    };
    Ok((calibrated.k, of(0), of(1)))
}

/// The 99.5 % quantile of the normal distribution: blocks have hundreds of batches, for which Student's is the same.
const NORMAL_995: f64 = 2.5758;

/// What the blocks say by their means: Welch's interval (Biometrika 34, 1947) of the difference of the logarithms at 99 %, with every batch
/// taken as independent, as harnesses do that measure one block after the other.
pub fn verdict(first: &[u64], second: &[u64], margin: f64) -> Verdict {
    let Some((mean, variance)) = moments(first) else { return Verdict::Unresolved };
    let Some((other_mean, other_variance)) = moments(second) else { return Verdict::Unresolved };
    let difference = other_mean - mean;
    let error = (variance / first.len() as f64 + other_variance / second.len() as f64).sqrt();
    let interval = ((difference - NORMAL_995 * error).exp(), (difference + NORMAL_995 * error).exp());
    Verdict::of(Some(interval), margin)
}

/// Mean and variance of the logarithms; `None` for fewer than two.
fn moments(ns: &[u64]) -> Option<(f64, f64)> {
    let logs: Vec<f64> = ns.iter().filter(|ns| **ns > 0).map(|ns| (*ns as f64).ln()).collect();
    if logs.len() < 2 {
        return None;
    }
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    Some((mean, squares / (logs.len() - 1) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_say_what_their_means_say() {
        let steady: Vec<u64> = (0..200).map(|index| 1_000_000 + index % 7 * 1000).collect();
        let slower: Vec<u64> = steady.iter().map(|ns| ns * 11 / 10).collect();
        assert_eq!(verdict(&steady, &steady, 0.01), Verdict::Equal);
        assert_eq!(verdict(&steady, &slower, 0.01), Verdict::Slower);
        assert_eq!(verdict(&slower, &steady, 0.01), Verdict::Faster);
        assert_eq!(verdict(&steady, &[], 0.01), Verdict::Unresolved);
    }
}
