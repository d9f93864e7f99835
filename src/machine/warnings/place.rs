//! What skews figures because of where the files lie: filesystem, mount options, device.

use super::{Seen, Warning, size, warning};

/// What to do wherever the place itself is the matter.
const ELSEWHERE: &str = "Point --dir at a folder on the local filesystem that your files will be on.";

pub(super) fn in_memory(seen: &Seen) -> Option<Warning> {
    if !seen.disk.is_memory {
        return None;
    }
    let filesystem = &seen.disk.filesystem;
    let text = match &seen.disk.device {
        Ok(device) => format!(
            "The disk below ({}) is kept in memory: cold reads and syncs cost copies in memory, \
                not a device's time. These figures do not carry over to a disk.",
            device.name
        ),
        Err(_) => format!(
            "The files are in memory ({filesystem}): a sync has nothing to wait for, nothing can \
                be made cold, and a page stays writable once it is dirty. These figures do not \
                carry over to a disk."
        ),
    };
    warning("memory_filesystem", text, ELSEWHERE)
}

pub(super) fn network(seen: &Seen) -> Option<Warning> {
    if !seen.disk.is_network {
        return None;
    }
    warning(
        "network_filesystem",
        format!(
            "The files are on {}, served by another machine or by the host: cold is cold here \
                only, a sync costs what the server promises, and the figures move with the network \
                and with its other users.",
            seen.disk.filesystem
        ),
        ELSEWHERE,
    )
}

pub(super) fn overlay(seen: &Seen) -> Option<Warning> {
    if seen.disk.filesystem != "overlay" {
        return None;
    }
    warning(
        "overlay",
        "The folder is on overlayfs, as a container's own files are: the first write to a file \
            from a lower layer copies all of it, and each call passes through one filesystem \
            more.",
        "Point --dir at a volume or a bind mount, as your data would be.",
    )
}

pub(super) fn fuse(seen: &Seen) -> Option<Warning> {
    let filesystem = &seen.disk.filesystem;
    if seen.disk.is_network || !(filesystem == "fuse" || filesystem == "fuseblk" || filesystem.starts_with("fuse.")) {
        return None;
    }
    warning(
        "fuse",
        format!(
            "{filesystem} is served by a program (FUSE): faults and syncs wait for that program, \
                and mapping and writing may be cached differently than on a filesystem of the \
                kernel."
        ),
        ELSEWHERE,
    )
}

pub(super) fn loop_device(seen: &Seen) -> Option<Warning> {
    let device = seen.disk.device.as_ref().ok()?;
    device.loop_backing.as_ref()?;
    warning(
        "loop_device",
        format!(
            "The filesystem is on {}, a loop device: the file behind it may be in the page cache \
                too, so that cold reads can come from memory, and a flush is a sync of that \
                file.",
            device.name
        ),
        "Read these figures for what they compare on this filesystem, and measure on a real device \
            for absolute ones.",
    )
}

/// For devices that the other warnings of this file do not explain.
pub(super) fn no_counters(seen: &Seen) -> Option<Warning> {
    let reason = seen.disk.device.as_ref().err()?;
    if seen.disk.is_memory {
        return None;
    }
    warning(
        "no_device_counters",
        format!(
            "What the device wrote and its flushes are unknown: {reason}. What a method reads is still known, \
                from the process's own counter."
        ),
        "To see writes and flushes, point --dir at a filesystem on one local disk.",
    )
}

pub(super) fn flushes_not_counted(seen: &Seen) -> Option<Warning> {
    let device = seen.disk.device.as_ref().ok()?;
    if device.counts_flushes != Some(false) {
        return None;
    }
    let text = if seen.fact("write_cache") == Some("write through") {
        format!(
            "{} says that it has no volatile cache (write through), so the kernel sends it no \
                flush: a durable write costs the write alone, and flushes are not counted.",
            device.name
        )
    } else {
        format!("An fdatasync did not raise the flush counter of {}: flushes an operation are unknown.", device.name)
    };
    warning(
        "flushes_not_counted",
        text,
        "If the device does have a volatile cache, set its queue/write_cache to \"write back\": \
            without flushes it can lose data.",
    )
}

pub(super) fn no_barriers(seen: &Seen) -> Option<Warning> {
    if !seen.mounted_with(&["nobarrier", "barrier=0", "fsync_mode=nobarrier"]) {
        return None;
    }
    warning(
        "no_barriers",
        "The filesystem is mounted without barriers: a sync does not flush the device's cache, so \
            \"durable\" here does not survive a power failure, and costs less than it should.",
        "Remount with barriers (the default), then measure again.",
    )
}

pub(super) fn sync_mount(seen: &Seen) -> Option<Warning> {
    if !seen.mounted_with(&["sync", "wsync"]) {
        return None;
    }
    warning(
        "sync_mount",
        "The filesystem is mounted with sync: a plain write waits for the disk, while a store to a \
            mapping does not. Rows that promise less than durable are not comparable.",
        "Remount without sync, unless that is what you run with.",
    )
}

pub(super) fn data_journal(seen: &Seen) -> Option<Warning> {
    if !seen.mounted_with(&["data=journal"]) {
        return None;
    }
    warning(
        "data_journal",
        "ext4 journals data here (data=journal): all data is written twice, to the journal and \
            then in place, and large folios and direct I/O are off.",
        "Measure with data=ordered (the default), unless this is what you run with.",
    )
}

pub(super) fn dax(seen: &Seen) -> Option<Warning> {
    if !seen.mounted_with(&["dax", "dax=always"]) {
        return None;
    }
    warning(
        "dax",
        "The filesystem is mounted with DAX: files are mapped and read straight from the device, \
            past the page cache, so that warm and cold mean nothing.",
        "Remount with dax=never to measure the page cache; read these figures for DAX alone.",
    )
}

pub(super) fn compressed(seen: &Seen) -> Option<Warning> {
    let compresses = |option: &str| {
        let name = option.split_once('=').map_or(option, |(name, _)| name);
        ["compress", "compress-force", "compression"].contains(&name)
            && !option.ends_with("=no")
            && !option.ends_with("=none")
    };
    if !seen.dir.mount_options.split(',').any(compresses) {
        return None;
    }
    warning(
        "compressed",
        "The filesystem compresses: device bytes an operation depend on how well our data \
            compresses, and writing and cold reading cost processor time.",
        "Measure in a folder without compression (btrfs: `chattr +m DIR`), unless that is what you run with.",
    )
}

pub(super) fn large_readahead(seen: &Seen) -> Option<Warning> {
    const LARGE: u64 = 1024;
    let ahead = seen.disk.read_ahead.as_ref().filter(|ahead| ahead.kib > LARGE)?;
    let much = size(ahead.kib << 10);
    warning(
        "large_readahead",
        format!(
            "Readahead is {much}: one touch of a cold page through a plain mapping may read up to \
                that much around it, and a random pass soon loads the whole file. The kernel's \
                default is 128 KiB; btrfs takes at least 4 MiB."
        ),
        format!(
            "Try `echo 128 > /sys/class/bdi/{}/read_ahead_kb` (root), or compare the MADV_RANDOM \
                rows, which do not read ahead.",
            ahead.bdi
        ),
    )
}
