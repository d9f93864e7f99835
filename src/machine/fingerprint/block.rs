//! What the filesystem and the disk below it are set to.

use std::path::Path;

use super::Facts;
use super::system::System;
use crate::os::disk::Disk;

/// Settings of the disk's request queue (Documentation/ABI/stable/sysfs-block).
const QUEUE: [&str; 6] =
    ["write_cache", "fua", "rotational", "nr_requests", "logical_block_size", "physical_block_size"];

/// Readahead, scheduler, write cache and block sizes.
pub(super) fn facts(system: &System, dir: &Path, disk: &Disk, facts: &mut Facts) {
    facts.put("read_ahead_kb", disk.read_ahead.as_ref().map(|ahead| ahead.kib));
    facts.put("filesystem_block_size", nix::sys::statvfs::statvfs(dir).ok().map(|stat| stat.block_size()));
    let Ok(device) = &disk.device else { return };
    let queue = device.sys.join("queue");
    facts.put("scheduler", system.choice(queue.join("scheduler")));
    for name in QUEUE {
        facts.put(name, system.text(queue.join(name)));
    }
    facts.put("loop_device", device.loop_backing.as_ref().map(|_| "yes"));
    facts.put("counts_flushes", device.counts_flushes.map(|counts| if counts { "yes" } else { "no" }));
}
