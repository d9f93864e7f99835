//! A slowdown of known size, put into a method, so that the instrument can be tried on it.

use serde::{Deserialize, Serialize};

use super::clock;

/// A part of a batch's own time that it is made to last longer, in thousandths. 0, the rule, costs one comparison a batch, after the work.
///
/// The batch spins on the clock until that part has passed, inside the clock's two reads: whatever the method does and however fast the
/// machine is at the moment, its time is longer by this factor, and nothing else of it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drag(pub u32);

impl Drag {
    /// Ends a batch that began at `start`: gives the time when it is over.
    #[inline(always)]
    pub fn end(self, start: u64) -> u64 {
        let done = clock::now();
        if self.0 == 0 { done } else { self.wait(start, done) }
    }

    #[cold]
    fn wait(self, start: u64, done: u64) -> u64 {
        let until = done + done.saturating_sub(start) * u64::from(self.0) / 1000;
        let mut now = done;
        while now < until {
            now = clock::now();
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_without_drag_ends_when_it_is_done_and_one_with_it_no_sooner_than_its_part_later() {
        let start = clock::now() - 1_000_000;
        let free = Drag::default().end(start);
        let dragged = Drag(250).end(start);
        assert!(free <= dragged);
        assert!(dragged - start >= (free - start) * 5 / 4);
    }
}
