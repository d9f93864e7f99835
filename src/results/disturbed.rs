//! What other programs or the host did while a batch ran: counted, never a reason to reject it.

use std::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

/// A set of disturbances, a bit each, as a whole number in `batches.disturbed` (docs/FORMAT.md).
/// Bits that a later release adds are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Disturbed(pub u32);

impl Disturbed {
    /// Nothing was seen.
    pub const NONE: Self = Self(0);
    /// The disk read more than the case asked for.
    pub const READS: Self = Self(1);
    /// The disk wrote more than the case explains.
    pub const WRITES: Self = Self(2);
    /// The host took a processor away (CPU steal), in the batch's round.
    pub const STEAL: Self = Self(4);
    /// The processor's frequency moved by more than a tenth, in the batch's round.
    pub const FREQUENCY: Self = Self(8);
    /// The kernel sampled memory accesses (NUMA balancing).
    pub const NUMA: Self = Self(16);
    /// The scheduler took the processor from the process for another task.
    pub const PREEMPTED: Self = Self(32);
    /// The kernel changed its clock source, in the batch's round.
    pub const CLOCK: Self = Self(64);

    /// Foreign traffic on the disk, of either kind.
    pub const DISK: Self = Self(Self::READS.0 | Self::WRITES.0);

    /// Every disturbance that this release knows, with what is said of it: `CPU steal in 2 % of the
    /// batches`.
    pub const NAMED: [(Self, &'static str); 6] = [
        (Self::DISK, "other reads or writes on this disk"),
        (Self::STEAL, "CPU steal"),
        (Self::FREQUENCY, "a change of the processor's frequency"),
        (Self::NUMA, "NUMA balancing"),
        (Self::PREEMPTED, "preemption by other tasks"),
        (Self::CLOCK, "a change of the clock source"),
    ];

    /// Whether any of `others` is among them.
    pub fn any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// These where `seen`, else none.
    #[must_use]
    pub fn when(self, seen: bool) -> Self {
        if seen { self } else { Self::NONE }
    }
}

impl BitOr for Disturbed {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Disturbed {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
