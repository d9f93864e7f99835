//! The ways to change a file, by guarantee.

use super::super::area::Entry;
use super::direct::Direct;
use super::point::{Guarantee, Point};
use super::replaced::{ByKernel, ByMapping, ByWrite, Replaced};
use super::ring::Ringed;
use super::stored::Stored;
use super::sync::{
    DontCache, Dsync, FlaggedDsync, Nothing, ThenFdatasync, ThenFsync, ThenMsAsync, ThenMsSyncAll, ThenMsSyncEach,
    ThenMsSyncRange, ThenStart, ThenWriteOut, Vectored,
};
use super::written::Written;

/// A commit of more places than this is not synced place by place: each takes a flush.
const MOST_SYNCS: u64 = 64;

fn visible(point: &Point) -> bool {
    point.guarantee == Guarantee::Visible
}

fn started(point: &Point) -> bool {
    point.guarantee == Guarantee::Started
}

fn written(point: &Point) -> bool {
    point.guarantee == Guarantee::Written
}

fn durable(point: &Point) -> bool {
    point.guarantee == Guarantee::Durable
}

/// Methods that sync what a commit changed, and would leave out what an earlier one did.
fn durable_at_once(point: &Point) -> bool {
    durable(point) && point.every == 1
}

/// Methods that one thread uses alone.
fn durable_alone(point: &Point) -> bool {
    durable_at_once(point) && point.threads == 1
}

/// Methods that sync place by place.
fn durable_each(point: &Point) -> bool {
    durable_at_once(point) && point.places <= MOST_SYNCS
}

fn atomic(point: &Point) -> bool {
    point.guarantee == Guarantee::Atomic
}

pub(super) const METHODS: &[Entry<Point>] = &[
    Entry {
        name: "pwrite+fdatasync",
        about: "pwrite of each place, then fdatasync of the file",
        fits: durable,
        open: |point, site| Written::<ThenFdatasync>::open(point, site),
    },
    Entry {
        name: "pwrite+fsync",
        about: "pwrite of each place, then fsync of the file",
        fits: durable,
        open: |point, site| Written::<ThenFsync>::open(point, site),
    },
    Entry {
        name: "pwrite(O_DSYNC)",
        about: "pwrite of each place through a descriptor opened with O_DSYNC",
        fits: durable_each,
        open: |point, site| Written::<Dsync>::open(point, site),
    },
    Entry {
        name: "pwritev2(RWF_DSYNC)",
        about: "pwritev2 of each place, each write made durable by a flag of its own",
        fits: durable_each,
        open: |point, site| Written::<FlaggedDsync>::open(point, site),
    },
    Entry {
        name: "mmap+msync(MS_SYNC)",
        about: "stores through a shared mapping, then msync(MS_SYNC) from the first page changed to the last",
        fits: durable_at_once,
        open: |point, site| Stored::<ThenMsSyncRange>::open(point, site),
    },
    Entry {
        name: "mmap+msync(MS_SYNC,whole)",
        about: "stores through a shared mapping, then msync(MS_SYNC) of the whole mapping",
        fits: durable,
        open: |point, site| Stored::<ThenMsSyncAll>::open(point, site),
    },
    Entry {
        name: "mmap+msync(MS_SYNC,each)",
        about: "stores through a shared mapping, then msync(MS_SYNC) of each page changed, a call a page",
        fits: |point| durable_each(point) && point.places > 1,
        open: |point, site| Stored::<ThenMsSyncEach>::open(point, site),
    },
    Entry {
        name: "mmap+fdatasync",
        about: "stores through a shared mapping, then fdatasync of the file",
        fits: durable,
        open: |point, site| Stored::<ThenFdatasync>::open(point, site),
    },
    Entry {
        name: "mmap+fsync",
        about: "stores through a shared mapping, then fsync of the file",
        fits: durable,
        open: |point, site| Stored::<ThenFsync>::open(point, site),
    },
    Entry {
        name: "pwrite(O_DIRECT|O_DSYNC)",
        about: "pwrite of the whole pages of each place, which the program has in memory, past the page cache",
        fits: |point| durable_each(point) && point.threads == 1,
        open: Direct::open,
    },
    Entry {
        name: "io_uring write+fdatasync",
        about: "a write of each place, linked to an fdatasync, given and awaited by one io_uring_enter",
        fits: durable_alone,
        open: Ringed::open,
    },
    Entry {
        name: "pwrite",
        about: "pwrite, no sync",
        fits: visible,
        open: |point, site| Written::<Nothing>::open(point, site),
    },
    Entry {
        name: "pwritev2",
        about: "pwritev2 of one part and no flag, no sync",
        fits: visible,
        open: |point, site| Written::<Vectored>::open(point, site),
    },
    Entry {
        name: "mmap",
        about: "a store through a shared mapping, no sync",
        fits: visible,
        open: |point, site| Stored::<Nothing>::open(point, site),
    },
    Entry {
        name: "mmap+msync(MS_ASYNC)",
        about: "a store through a shared mapping, then msync(MS_ASYNC) of its page, which on Linux starts nothing",
        fits: visible,
        open: |point, site| Stored::<ThenMsAsync>::open(point, site),
    },
    Entry {
        name: "pwrite+sync_file_range(WRITE)",
        about: "pwrite, then sync_file_range that starts its write-out and does not wait",
        fits: started,
        open: |point, site| Written::<ThenStart>::open(point, site),
    },
    Entry {
        name: "pwritev2(RWF_DONTCACHE)",
        about: "pwritev2 that starts its write-out, and keeps no page in the cache that it brought there (Linux 6.14)",
        fits: started,
        open: |point, site| Written::<DontCache>::open(point, site),
    },
    Entry {
        name: "mmap+sync_file_range(WRITE)",
        about: "a store through a shared mapping, then sync_file_range that starts its write-out and does not wait",
        fits: started,
        open: |point, site| Stored::<ThenStart>::open(point, site),
    },
    Entry {
        name: "pwrite+sync_file_range",
        about: "pwrite, then sync_file_range that waits until it is written; the device's cache is not flushed",
        fits: written,
        open: |point, site| Written::<ThenWriteOut>::open(point, site),
    },
    Entry {
        name: "mmap+sync_file_range",
        about: "a store through a shared mapping, then sync_file_range that waits until it is written; the device's cache is not flushed",
        fits: written,
        open: |point, site| Stored::<ThenWriteOut>::open(point, site),
    },
    Entry {
        name: "write+fsync+rename",
        about: "the whole file, edited in memory, written to a temporary file; fsync; rename over the old one; fsync of the folder",
        fits: atomic,
        open: |point, site| Replaced::<ByWrite>::open(point, site),
    },
    Entry {
        name: "mmap+msync(MS_SYNC)+rename",
        about: "the same, copied into a shared mapping of the temporary file, whose space is reserved, and synced by msync(MS_SYNC)",
        fits: atomic,
        open: |point, site| Replaced::<ByMapping>::open(point, site),
    },
    Entry {
        name: "copy_file_range+pwrite+fsync+rename",
        about: "the same, the old file copied by the kernel (a clone, where the filesystem can) and the edit written into the copy",
        fits: atomic,
        open: |point, site| Replaced::<ByKernel>::open(point, site),
    },
];
