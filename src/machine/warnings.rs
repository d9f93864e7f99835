//! What of this machine skews the figures, what it does to them, and what to do about it.
//!
//! A pure function of what was read: each warning is one small function, which a test calls with a machine made for it.

mod memory;
mod place;
mod processor;

use crate::os::disk::Disk;
use crate::results::model::{Dir, Machine, Warning};

/// The largest file that a default scenario works on (`page_touch`), in bytes.
const LARGEST_FILE: u64 = 256 << 20;

/// Memory below which the page cache may not keep such a file for a whole study: the file, a buffer to read it into, and as much again for the
/// kernel and for others.
const COMFORTABLE: u64 = 4 * LARGEST_FILE;

/// Everything that a warning may look at.
struct Seen<'a> {
    machine: &'a Machine,
    dir: &'a Dir,
    disk: &'a Disk,
}

impl Seen<'_> {
    /// A fact as text.
    fn fact(&self, name: &str) -> Option<&str> {
        self.machine.facts.get(name).map(String::as_str)
    }

    /// A fact as a whole number.
    fn number(&self, name: &str) -> Option<u64> {
        self.fact(name)?.parse().ok()
    }

    /// Whether the filesystem is mounted with one of `options`, each a name or `name=value`.
    fn mounted_with(&self, options: &[&str]) -> bool {
        self.dir.mount_options.split(',').any(|option| options.contains(&option))
    }
}

/// What skews figures taken on `machine` in `dir`, whose `disk` is [`Disk::of_dir`]. Most important first; empty where nothing is known to.
pub fn warnings(machine: &Machine, dir: &Dir, disk: &Disk) -> Vec<Warning> {
    let seen = Seen { machine, dir, disk };
    let checks: [fn(&Seen) -> Option<Warning>; 25] = [
        place::in_memory,
        place::network,
        place::overlay,
        place::fuse,
        place::loop_device,
        place::no_counters,
        place::flushes_not_counted,
        place::no_barriers,
        place::sync_mount,
        place::data_journal,
        place::dax,
        place::compressed,
        place::large_readahead,
        processor::virtual_machine,
        processor::one_processor,
        processor::cpu_quota,
        processor::load,
        processor::governor,
        processor::battery,
        processor::clock_source,
        memory::group_limit,
        memory::little_free,
        memory::huge_pages_always,
        memory::damon,
        memory::swap_on_zram,
    ];
    checks.iter().filter_map(|check| check(&seen)).collect()
}

/// A warning of this code.
fn warning(code: &str, text: impl Into<String>, fix: impl Into<String>) -> Option<Warning> {
    Some(Warning { code: code.to_owned(), text: text.into(), fix: fix.into() })
}

/// Bytes in a unit that a reader takes in at a glance: `128 KiB`, `2.5 MiB`.
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..=0xF_FFFF => (1 << 10, "KiB"),
        0x10_0000..=0x3FFF_FFFF => (1 << 20, "MiB"),
        _ => (1_u64 << 30, "GiB"),
    };
    let tenths = (bytes as f64 * 10.0 / unit as f64).round();
    if tenths % 10.0 == 0.0 { format!("{:.0} {name}", tenths / 10.0) } else { format!("{:.1} {name}", tenths / 10.0) }
}

#[cfg(test)]
mod tests;
