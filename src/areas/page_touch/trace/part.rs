//! How much of a trace a batch replays: what takes about a second in the slowest way.

use super::{MOST, Trace};

/// The most that a batch replays, from the trace's beginning on.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Reads.
    pub reads: usize,
    /// Of those, such as do not begin where the one before ended.
    pub jumps: usize,
    /// Bytes of all.
    pub bytes: u64,
}

impl Most {
    /// Of a file that is in memory: some 10 to 50 ms, so that a worker has rounds.
    pub const CACHED: Self = Self { reads: MOST, jumps: MOST, bytes: 64 << 20 };
    /// Of one that is on the device, which takes 50 µs to 1 ms to find a place.
    pub const COLD: Self = Self { jumps: 1024, ..Self::CACHED };
}

impl Trace {
    /// The trace with as many of its first reads as `most` allows, and one at least.
    pub fn first(&self, most: Most) -> Self {
        let (mut jumps, mut bytes, mut end) = (0, 0, None);
        let fits = self.reads.iter().take(most.reads).take_while(|access| {
            jumps += usize::from(end.replace(access.end()) != Some(access.at));
            bytes += u64::from(access.len);
            jumps <= most.jumps && bytes <= most.bytes
        });
        let count = fits.count().max(1).min(self.reads.len());
        Self { reads: self.reads[..count].to_vec(), ..self.clone() }
    }

    /// Bytes of all reads.
    pub fn bytes(&self) -> u64 {
        self.reads.iter().map(|access| u64::from(access.len)).sum()
    }

    /// Bytes of a file that holds every access.
    pub fn extent(&self) -> u64 {
        self.reads.iter().map(|access| access.end()).max().unwrap_or(0)
    }

    /// The longest read.
    pub fn longest(&self) -> usize {
        self.reads.iter().map(|access| access.len as usize).max().unwrap_or(0)
    }

    /// Whether memory has room for a file that holds every access, and for what else a machine does: then it can be warm.
    pub fn fits_in_memory(&self) -> bool {
        let memory = nix::sys::sysinfo::sysinfo().map_or(u64::MAX, |info| info.ram_total());
        self.extent() <= memory / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(reads: &[(u64, u32)], most: Most) -> usize {
        let reads = reads.iter().map(|read| (*read).into()).collect();
        Trace { reads, ..Trace::default() }.first(most).reads.len()
    }

    #[test]
    fn reads_in_order_cost_less_than_jumps_and_bytes_count_too() {
        let most = Most { reads: 4, jumps: 2, bytes: 100 };
        assert_eq!(first(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)], most), 4);
        assert_eq!(first(&[(0, 1), (9, 1), (2, 1)], most), 2);
        assert_eq!(first(&[(0, 60), (60, 40), (100, 1)], most), 2);
        assert_eq!(first(&[(0, 600), (600, 1)], most), 1);
        assert_eq!(first(&[], most), 0);
    }
}
