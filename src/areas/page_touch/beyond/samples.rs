//! What is counted while readers read, and when?

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Order, Shared, Way};
use crate::os::disk::StatReader;
use crate::os::memory_group::{GroupMemory, MemoryGroup};
use crate::os::usage::Usage;
use crate::results::model::TimeLine;

/// Between two samples at first: a small cache is full within a second.
const FINE: Duration = Duration::from_millis(100);
/// How long that goes on.
const FIRST: Duration = Duration::from_secs(2);
/// Between two samples later.
const COARSE: Duration = Duration::from_millis(250);

/// So many a second.
pub(super) fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

/// Takes samples of what an order's threads do.
pub(super) struct Sampler<'a> {
    order: &'a Order,
    shared: &'a Shared,
    disk: Option<StatReader>,
    /// What was taken down so far.
    pub(super) line: TimeLine,
}

/// Counters that are read at each sample; what is shown of most of them is how much they rose.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    pages: u64,
    turns: u64,
    usage: Usage,
    device: Option<u64>,
    memory: GroupMemory,
    scanned: Option<u64>,
    reclaimed: Option<u64>,
    shootdowns: Option<u64>,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(order: &'a Order, way: &Way, shared: &'a Shared) -> Self {
        let line = TimeLine {
            method: order.way.clone(),
            about: way.about.to_owned(),
            pattern: order.pattern.word().to_owned(),
            readers: order.readers as u32,
            bytes: order.bytes,
            ..TimeLine::default()
        };
        let disk = order.disk_stat.as_deref().and_then(|path| StatReader::open(path).ok());
        Self { order, shared, disk, line }
    }

    fn counts(&self) -> Counts {
        let memory = self.order.group.as_deref().map(MemoryGroup::counts).unwrap_or_default();
        let machine = fs::read_to_string("/proc/vmstat").unwrap_or_default();
        Counts {
            pages: self.shared.pages(),
            turns: self.shared.turns.0.load(Ordering::Acquire),
            usage: Usage::now(),
            device: self.disk.as_ref().and_then(|disk| disk.read().ok()).map(|stat| stat.read_bytes),
            // By the kind of page both are counted for the machine whether a group's limit or the machine's end made the kernel reclaim; by who
            // reclaims (pgscan_direct, …) only the latter (mm/vmscan.c, shrink_inactive_list, cgroup_reclaim). Linux 5.8.
            scanned: memory.scanned.or_else(|| sum(&machine, ["pgscan_anon", "pgscan_file"])),
            reclaimed: memory.reclaimed.or_else(|| sum(&machine, ["pgsteal_anon", "pgsteal_file"])),
            memory: GroupMemory {
                refaults: memory.refaults.or_else(|| sum(&machine, ["workingset_refault_file"])),
                ..memory
            },
            shootdowns: shootdowns(),
        }
    }

    /// Takes samples until `time` is up or `is_over`.
    pub(super) fn run(&mut self, time: Duration, is_over: impl Fn() -> bool) {
        let begin = Instant::now();
        let (mut at, mut before) = (begin, self.counts());
        let mut due = Duration::ZERO;
        while due < time {
            due = (due + if due < FIRST { FINE } else { COARSE }).min(time);
            std::thread::sleep((begin + due).saturating_duration_since(Instant::now()));
            let (now, counts) = (Instant::now(), self.counts());
            self.take(now - begin, now - at, &before, &counts);
            (at, before) = (now, counts);
            if is_over() {
                return;
            }
        }
    }

    fn take(&mut self, at: Duration, time: Duration, before: &Counts, after: &Counts) {
        let rose = |after: Option<u64>, before: Option<u64>| {
            after.zip(before).map(|(after, before)| rate(after.saturating_sub(before), time))
        };
        let faults = after.usage.since(before.usage);
        let line = &mut self.line;
        line.at_ns.push(at.as_nanos() as u64);
        line.operations_per_second.push(rate(after.pages - before.pages, time));
        line.bystander_per_second.push(rate(after.turns - before.turns, time));
        line.minor_faults_per_second.push(rate(faults.minor_faults, time));
        line.major_faults_per_second.push(rate(faults.major_faults, time));
        line.device_read_bytes_per_second.push(rose(after.device, before.device));
        line.refaults_per_second.push(rose(after.memory.refaults, before.memory.refaults));
        line.scanned_per_second.push(rose(after.scanned, before.scanned));
        line.reclaimed_per_second.push(rose(after.reclaimed, before.reclaimed));
        line.shootdowns_per_second.push(rose(after.shootdowns, before.shootdowns));
        line.file_bytes.push(after.memory.file_bytes);
        line.anon_bytes.push(after.memory.anon_bytes);
    }
}

/// The sum of counters of /proc/vmstat, the whole machine's; `None` where it has none of `names`.
fn sum<const N: usize>(vmstat: &str, names: [&str; N]) -> Option<u64> {
    let lines = vmstat.lines().filter_map(|line| line.split_once(' '));
    let values = lines.filter(|(name, _)| names.contains(name)).filter_map(|(_, value)| value.parse::<u64>().ok());
    values.reduce(|a, b| a + b)
}

/// Interrupts by which one processor asked others to forget translations: the line `TLB` of /proc/interrupts, on x86.
fn shootdowns() -> Option<u64> {
    let text = fs::read_to_string("/proc/interrupts").ok()?;
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("TLB:"))?;
    Some(line.split_whitespace().map_while(|word| word.parse::<u64>().ok()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_the_machine_are_summed_by_their_whole_names() {
        let text = "pgscan_file 5\npgscan_anon 2\npgscan_file_x 100\n";
        assert_eq!(sum(text, ["pgscan_anon", "pgscan_file"]), Some(7));
        assert_eq!(sum(text, ["pgsteal_anon"]), None);
    }
}
