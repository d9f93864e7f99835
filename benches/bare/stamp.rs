//! What does a stamp of the latency pass cost? The engine's own stamping over a method that does nothing, against the clock read twice.

use std::io;

use pagewise::engine::drag::Drag;
use pagewise::engine::method::{Account, Case, Counters, Draw, Measured, Opened, Trouble};
use pagewise::engine::protocol::Phases;
use pagewise::engine::stamp::Nothing;

use super::{Bare, Loop, clock};

/// The scenario's id.
pub const SCENARIO: &str = "engine/stamp";

/// Opens the bare pair of reads, or the engine's stamp.
///
/// # Errors
/// None: neither needs anything.
pub fn open(bare: bool) -> Opened {
    if bare { Ok(Box::new(Bare(TwoReads { ops: 0 }))) } else { Ok(Box::new(Stamped { stamps: Vec::new() })) }
}

/// Two reads an operation.
struct TwoReads {
    ops: u64,
}

impl Loop for TwoReads {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.ops = draw.ops;
        Ok(())
    }

    fn timed(&mut self) -> io::Result<u64> {
        let start = clock();
        for _ in 0..self.ops {
            std::hint::black_box(clock());
            std::hint::black_box(clock());
        }
        Ok(clock() - start)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        Ok(Account::quiet(self.ops, 0, 0))
    }
}

/// The engine's stamping of [`Nothing`], as a batch: the stamps of a batch add up to the time from the first to the last.
struct Stamped {
    stamps: Vec<u64>,
}

impl Case for Stamped {
    fn measure(&mut self, draw: Draw, _: Drag, _: &mut dyn Counters) -> Result<Measured, Trouble> {
        self.stamps.clear();
        Nothing::default().stamp(draw, &mut self.stamps)?;
        let ns = self.stamps.iter().sum();
        Ok(Measured { ns, account: Account::quiet(draw.ops, 0, 0), ..Measured::default() })
    }

    fn stamp(&mut self, _: Draw, _: &mut Vec<u64>) -> Result<(), Trouble> {
        Err(Trouble::Unavailable("the stamp itself is not stamped".to_owned()))
    }

    fn is_stamped(&self) -> bool {
        false
    }

    fn phases(&mut self, _: Draw) -> Result<Option<Phases>, Trouble> {
        Ok(None)
    }

    fn most(&self) -> u64 {
        u64::MAX
    }

    fn grain(&self) -> u64 {
        1
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        Ok(0)
    }
}
