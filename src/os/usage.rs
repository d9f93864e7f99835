//! What the kernel counts for us: faults, switches, CPU time and bytes moved (getrusage(2)).

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};

/// Counters of this process since it started, or the difference of two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Faults met without I/O.
    pub minor_faults: u64,
    /// Faults that waited for I/O.
    pub major_faults: u64,
    /// Times this process gave the processor up to wait.
    pub voluntary_switches: u64,
    /// Times the scheduler took the processor away for another task.
    pub involuntary_switches: u64,
    /// Time in user mode, in ns (kept in µs by the kernel).
    pub user_ns: u64,
    /// Time in the kernel, in ns.
    pub system_ns: u64,
    /// Bytes that this process had read from block devices, readahead for it included: counted as each request is made
    /// (block/blk-core.c, submit_bio). What others read meanwhile is not in it.
    pub read_bytes: u64,
}

/// getrusage(2) tells of bytes in blocks of this size, whatever the device's own are (include/linux/task_io_accounting_ops.h).
const BLOCK: u64 = 512;

impl Usage {
    /// This process's counters now. All zero where getrusage(2) fails, which it cannot for a process itself.
    pub fn now() -> Self {
        getrusage(UsageWho::RUSAGE_SELF).map_or_else(
            |_| Self::default(),
            |usage| Self {
                minor_faults: count(usage.minor_page_faults()),
                major_faults: count(usage.major_page_faults()),
                voluntary_switches: count(usage.voluntary_context_switches()),
                involuntary_switches: count(usage.involuntary_context_switches()),
                user_ns: nanoseconds(usage.user_time()),
                system_ns: nanoseconds(usage.system_time()),
                read_bytes: count(usage.block_reads()) * BLOCK,
            },
        )
    }

    /// What was counted from `earlier` to this reading.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self.involuntary_switches.saturating_sub(earlier.involuntary_switches),
            user_ns: self.user_ns.saturating_sub(earlier.user_ns),
            system_ns: self.system_ns.saturating_sub(earlier.system_ns),
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
        }
    }

    /// These counters and those of another process of the same case.
    pub fn plus(self, other: Self) -> Self {
        Self {
            minor_faults: self.minor_faults + other.minor_faults,
            major_faults: self.major_faults + other.major_faults,
            voluntary_switches: self.voluntary_switches + other.voluntary_switches,
            involuntary_switches: self.involuntary_switches + other.involuntary_switches,
            user_ns: self.user_ns + other.user_ns,
            system_ns: self.system_ns + other.system_ns,
            read_bytes: self.read_bytes + other.read_bytes,
        }
    }
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn nanoseconds(time: TimeVal) -> u64 {
    count(time.num_microseconds()) * 1_000
}
