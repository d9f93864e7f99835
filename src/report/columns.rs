//! Which facts of a case can stand in a table, and how is each headed, explained and written?

use crate::results::model::{Case, Latency, PerOp, Phases, Study};

use super::rows;
use super::units;

/// A column of a table of cases. Every figure is of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Time an operation.
    Time,
    /// Its interval.
    TimeInterval,
    /// Commits that fit into a second.
    PerSecond,
    /// Time over the baseline's.
    Ratio,
    /// Its interval.
    RatioInterval,
    /// What the interval says.
    Verdict,
    /// Time over what the machine cannot go below.
    Floor,
    /// Faults met without I/O.
    MinorFaults,
    /// The same, a page used.
    FaultsPerPage,
    /// Faults that waited for I/O.
    MajorFaults,
    /// Bytes that the device read.
    DeviceRead,
    /// Bytes that the device wrote.
    DeviceWritten,
    /// Flushes that the device was sent.
    Flushes,
    /// Bytes that the device wrote for each byte that was edited.
    Amplification,
    /// Pages that it leaves dirty.
    DirtyLeft,
    /// Time in user mode.
    User,
    /// Time in the kernel.
    System,
    /// Times the process gave up the processor to wait.
    Switches,
    /// Latency that 50 % of the operations stay within.
    P50,
    /// 90 %.
    P90,
    /// 99 %.
    P99,
    /// 99.9 %.
    P999,
    /// The longest.
    Longest,
    /// Operations stamped for the latencies.
    Stamped,
    /// What is paid once before the operations.
    Enter,
    /// An operation that uses its pages for the first time.
    FirstUse,
    /// One that uses them again.
    UseAgain,
    /// What is paid once after the operations.
    Leave,
    /// Memory that a batch came to use.
    Memory,
    /// Bytes that the device read for each byte that was used.
    ReadAmplification,
}

impl Column {
    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Time => "time/op",
            Self::TimeInterval | Self::RatioInterval => "interval",
            Self::PerSecond => "commits/s",
            Self::Ratio => "ratio",
            Self::Verdict => "verdict",
            Self::Floor => "floor",
            Self::MinorFaults => "minor faults",
            Self::FaultsPerPage => "faults/page",
            Self::MajorFaults => "major faults",
            Self::DeviceRead => "device read",
            Self::DeviceWritten => "device written",
            Self::Flushes => "flushes",
            Self::Amplification => "written/edited",
            Self::DirtyLeft => "left dirty",
            Self::User => "user",
            Self::System => "system",
            Self::Switches => "switches",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Longest => "max",
            Self::Stamped => "stamped",
            Self::Enter => "map",
            Self::FirstUse => "first use",
            Self::UseAgain => "use again",
            Self::Leave => "unmap",
            Self::Memory => "memory",
            Self::ReadAmplification => "read/used",
        }
    }

    /// What the column holds, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Time => "Time of one operation: the median over workers of their medians",
            Self::TimeInterval => "The exact interval of the time",
            Self::PerSecond => "Commits that fit into a second, one after the other: the inverse of the time",
            Self::Ratio => "Time of this method over time of the baseline, within the same rounds; below 1 is faster",
            Self::RatioInterval => "The exact interval of the ratio, which the verdict rests on",
            Self::Verdict => "What the interval of the ratio says",
            Self::Floor => {
                "Time of one operation as a multiple of the bare operations that it needs, measured before the studies"
            }
            Self::MinorFaults => "Page faults met without I/O, an operation",
            Self::FaultsPerPage => "Minor faults for each page that the operation uses",
            Self::MajorFaults => "Page faults that waited for I/O, an operation",
            Self::DeviceRead => {
                "Bytes that the process itself had read from storage, an operation (runs of earlier releases: that the block device read)"
            }
            Self::DeviceWritten => {
                "Bytes that the block device wrote, an operation: the median over the batches (runs of earlier releases: their mean)"
            }
            Self::Flushes => {
                "Cache flushes that the block device was sent, an operation: the median over the batches (runs of earlier releases: their mean)"
            }
            Self::Amplification => {
                "Bytes that the block device wrote for each byte that was edited: write amplification"
            }
            Self::DirtyLeft => {
                "Pages that an operation leaves dirty, whole folios at a time: what a crash of the system would lose"
            }
            Self::User => "Processor time in user mode, an operation; of both processes where there are two",
            Self::System => "Processor time in the kernel, an operation; of both processes where there are two",
            Self::Switches => "Times the process gave up the processor to wait, an operation",
            Self::P50 => "50 % of the operations took at most this long",
            Self::P90 => "90 % of the operations took at most this long",
            Self::P99 => "99 % of the operations took at most this long",
            Self::P999 => "99.9 % of the operations took at most this long",
            Self::Longest => "The longest operation",
            Self::Stamped => "Operations stamped one at a time, in a pass of their own",
            Self::Enter => "What a batch pays once before its operations: mmap and madvise, or posix_fadvise",
            Self::FirstUse => "An operation that uses its pages for the first time in the batch",
            Self::UseAgain => "An operation that uses pages again which an earlier pass used",
            Self::Leave => "What a batch pays once after its operations: munmap",
            Self::Memory => {
                "Memory that the process came to use for a batch: of pages that several share, its part (Pss)"
            }
            Self::ReadAmplification => {
                "Bytes that the block device read for each byte that was used: read amplification"
            }
        }
    }

    /// The figure of `case`, before it is written; `None` where it is unknown, or no figure.
    pub fn value(self, study: &Study, case: &Case) -> Option<f64> {
        let count = |value: fn(&PerOp) -> Option<f64>| case.per_op.as_ref().and_then(value);
        let stamp = |value: fn(&Latency) -> Option<u64>| case.latency.as_ref().and_then(value).map(|ns| ns as f64);
        let phase = |value: fn(&Phases) -> Option<f64>| case.phases.as_ref().and_then(value);
        match self {
            Self::Time => case.ns_per_op.map(|time| time.estimate),
            Self::PerSecond => {
                study.scenario.guarantee.as_ref()?;
                case.ns_per_op.filter(|time| time.estimate > 0.0).map(|time| 1e9 / time.estimate)
            }
            Self::Ratio => rows::place(study, case),
            Self::TimeInterval | Self::RatioInterval | Self::Verdict => None,
            Self::Floor => case.floor.as_ref().map(|floor| floor.times),
            Self::MinorFaults => count(|per_op| Some(per_op.minor_faults)),
            Self::FaultsPerPage => count(|per_op| per_op.minor_faults_per_page),
            Self::MajorFaults => count(|per_op| Some(per_op.major_faults)),
            Self::DeviceRead => count(|per_op| per_op.device_read_bytes),
            Self::DeviceWritten => count(|per_op| per_op.device_write_bytes),
            Self::Flushes => count(|per_op| per_op.device_flushes),
            Self::Amplification => {
                let edited = case.bytes_per_op.filter(|bytes| *bytes > 0 && study.scenario.guarantee.is_some())?;
                Some(count(|per_op| per_op.device_write_bytes)? / edited as f64)
            }
            Self::DirtyLeft => count(|per_op| per_op.dirty_pages),
            Self::User => count(|per_op| Some(per_op.user_ns)),
            Self::System => count(|per_op| Some(per_op.system_ns)),
            Self::Switches => count(|per_op| Some(per_op.voluntary_switches)),
            Self::P50 => stamp(|latency| latency.p50),
            Self::P90 => stamp(|latency| latency.p90),
            Self::P99 => stamp(|latency| latency.p99),
            Self::P999 => stamp(|latency| latency.p999),
            Self::Longest => stamp(|latency| Some(latency.max)),
            Self::Stamped => stamp(|latency| Some(latency.count)),
            Self::Enter => phase(|phases| Some(phases.enter_ns)),
            Self::FirstUse => phase(|phases| Some(phases.first_ns_per_op)),
            Self::UseAgain => phase(|phases| phases.again_ns_per_op),
            Self::Leave => phase(|phases| Some(phases.leave_ns)),
            Self::Memory => phase(|phases| phases.memory_bytes),
            Self::ReadAmplification => {
                let used =
                    case.bytes_per_op.filter(|bytes| *bytes > 0 && study.scenario.state.as_deref() == Some("cold"))?;
                Some(count(|per_op| per_op.device_read_bytes)? / used as f64)
            }
        }
    }

    /// What stands in the cell of `case`; `None` where nothing is known.
    pub fn text(self, study: &Study, case: &Case) -> Option<String> {
        let value = self.value(study, case);
        match self {
            Self::TimeInterval => {
                let time = case.ns_per_op?;
                Some(units::time_interval(time.low?, time.high?))
            }
            Self::RatioInterval => {
                rows::place(study, case)?;
                let ratio = case.ratio?;
                Some(units::ratio_interval(ratio.low?, ratio.high?))
            }
            Self::Verdict => rows::verdict_word(study, case).map(str::to_owned),
            // Exact, and not a measurement.
            Self::Ratio if rows::is_baseline(study, case) => value.map(|_| "×1".to_owned()),
            Self::Ratio | Self::Floor => value.map(units::ratio),
            Self::DeviceRead | Self::DeviceWritten | Self::Memory => value.map(units::bytes),
            Self::Amplification | Self::ReadAmplification => value.map(units::ratio),
            Self::PerSecond => value.map(|value| units::grouped(units::round(value, 3))),
            Self::MinorFaults
            | Self::FaultsPerPage
            | Self::MajorFaults
            | Self::Flushes
            | Self::DirtyLeft
            | Self::Switches
            | Self::Stamped => value.map(units::count),
            Self::Time
            | Self::User
            | Self::System
            | Self::P50
            | Self::P90
            | Self::P99
            | Self::P999
            | Self::Longest
            | Self::Enter
            | Self::FirstUse
            | Self::UseAgain
            | Self::Leave => value.map(units::time),
        }
    }

    /// Whether the column says anything of `cases`.
    pub fn is_known(self, study: &Study, cases: &[&Case]) -> bool {
        cases.iter().any(|case| self.text(study, case).is_some())
    }

    /// Whether any of `cases` has enough of it to matter: other files' traffic leaves traces in a device's counters.
    pub fn is_telling(self, study: &Study, cases: &[&Case]) -> bool {
        let least = match self {
            Self::DeviceRead | Self::DeviceWritten => 64.0,
            Self::Flushes | Self::DirtyLeft => 0.01,
            Self::Amplification => 1.0,
            _ => f64::MIN_POSITIVE,
        };
        cases.iter().any(|case| self.value(study, case).is_some_and(|value| value >= least))
    }
}
