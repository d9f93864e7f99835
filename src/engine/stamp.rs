//! What a stamp of the latency pass costs: the engine's own stamping of a method that does nothing.

use crate::os::SysError;

use super::method::{Account, Case, Draw, Method, Trouble};

/// Stamps a batch: enough for the clock's step to be nothing, few enough for their place to stay in the cache, as in a latency pass.
const STAMPS: u64 = 1_000;

/// A method whose operation is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing {
    asked: u64,
}

impl Method for Nothing {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.asked = draw.ops;
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, _: u64) -> Result<(), SysError> {
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        Ok(Account::quiet(self.asked, 0, 0))
    }
}

/// What each latency holds beside its operation, in ns: the mean of a batch of stamps. `None` where there were none.
pub fn cost() -> Option<f64> {
    let mut stamps = Vec::new();
    Nothing::default().stamp(Draw { ops: STAMPS, seed: 0 }, &mut stamps).ok()?;
    (!stamps.is_empty()).then(|| stamps.iter().sum::<u64>() as f64 / stamps.len() as f64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_stamp_costs_more_than_nothing() {
        assert!(super::cost().is_some_and(|ns| ns > 0.0));
    }
}
