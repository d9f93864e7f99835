//! The ways to reach a file's bytes: through a mapping, by reading, and by both.

use std::path::Path;

use nix::fcntl::PosixFadviseAdvice;

use crate::engine::method::Opened;
use crate::os::file::Open;
use crate::os::map::{Advice, Populate};

use super::super::area::Entry;
use super::ahead::{MapAhead, ReadAhead};
use super::consume::{Copy, Search, Sum, Touch, TouchPages};
use super::fresh::{Fresh, Whole};
use super::mapping::{Hint, Life, Mapped};
use super::mixed::Mixed;
use super::point::{Point, State, Use};
use super::reading::{Block, Direct, DontCache, Next, NoWait, Pread, Read, Reader};
use super::replay::{self, ByMapping, ByRead};
use super::ring::Ringed;
use super::threaded::{Access, Threaded};
use super::window::Window;

/// Opens a method for the use that the point names: the use is a type, so that the batch's loop has no choice to make.
macro_rules! for_use {
    ($point:expr, $method:ident $(, $more:ty)?; $($argument:expr),*) => {
        match $point.job {
            Use::Touch if $point.pages_a_record() == 1 => $method::<Touch $(, $more)?>::open($point, $($argument),*),
            Use::Touch => $method::<TouchPages $(, $more)?>::open($point, $($argument),*),
            Use::Sum => $method::<Sum $(, $more)?>::open($point, $($argument),*),
            Use::Copy => $method::<Copy $(, $more)?>::open($point, $($argument),*),
            Use::Search => $method::<Search $(, $more)?>::open($point, $($argument),*),
        }
    };
}

fn read<R: Reader>(point: &Point, site: &Path, block: Block, hint: Option<PosixFadviseAdvice>) -> Opened {
    if point.trace.is_some() {
        return ByRead::<R>::open(point, site, hint);
    }
    for_use!(point, Read, R; site, block, hint)
}

fn map(point: &Point, site: &Path, hint: Hint) -> Opened {
    if point.trace.is_some() {
        return ByMapping::open(point, site, hint);
    }
    for_use!(point, Mapped; site, hint, Life::Batch)
}

fn ring(point: &Point, site: &Path, block: Block, depth: u32, how: Open) -> Opened {
    if point.trace.is_some() {
        return replay::Ringed::open(point, site, depth, how);
    }
    for_use!(point, Ringed; site, block, depth, how)
}

fn advised(point: &Point, site: &Path, advice: Advice) -> Opened {
    map(point, site, Hint::Advice(advice))
}

/// Threads are a question of their own, and so are accesses of the user's.
fn alone(point: &Point) -> bool {
    point.threads == 0 && point.trace.is_none()
}

fn replayed(point: &Point) -> bool {
    point.trace.is_some()
}

/// As [`unless_mapped`], of a trace.
fn replayed_unless_mapped(point: &Point) -> bool {
    replayed(point) && point.state != State::Mapped
}

/// As [`cold`], of a trace.
fn replayed_cold(point: &Point) -> bool {
    replayed(point) && point.state == State::Cold
}

fn threaded(point: &Point) -> bool {
    point.threads > 0
}

/// Once the pages are mapped, how they came to be is all the same.
fn unless_mapped(point: &Point) -> bool {
    alone(point) && point.state != State::Mapped
}

fn cold(point: &Point) -> bool {
    alone(point) && point.state == State::Cold
}

fn in_order(point: &Point) -> bool {
    point.pattern.is_in_order()
}

/// Where a hint on the order of use is worth a row: of a cached file it is asked for by sweeps alone. Both sides are given it.
fn hinted(point: &Point) -> bool {
    cold(point) || wide(point) && unless_mapped(point)
}

/// The same of the hint that there is no order: of a file read in order it is a mistake, which sweeps show.
fn hinted_random(point: &Point) -> bool {
    hinted(point) && (wide(point) || !in_order(point))
}

/// The same of the hint that there is one: where the order is drawn by lot it is the mistake.
fn hinted_in_order(point: &Point) -> bool {
    hinted(point) && (wide(point) || !point.pattern.is_random())
}

/// The same of what is asked for beforehand.
fn asked_for(point: &Point) -> bool {
    wide(point) && cold(point)
}

/// Large reads at random places move 64 times what is used; over a whole file that is another job.
fn large_reads(point: &Point) -> bool {
    in_order(point) || alone(point) && point.pattern.is_random() && !point.whole() && point.record < LARGE
}

/// As open(2) asks of O_DIRECT, on every disk: whole pages. A pass over a whole file by single pages from the device would take minutes, and of a cached
/// file it is a mistake, which sweeps show.
fn direct(point: &Point) -> bool {
    hinted(point) && !in_order(point) && !point.whole() && point.record >= crate::os::page_size() as u64
}

fn wide(point: &Point) -> bool {
    point.wide
}

const LARGE: u64 = 256 << 10;

pub(super) const METHODS: &[Entry<Point>] = &[
    Entry {
        name: "pread",
        about: "pread of a record at a time, a page if nothing else is said, into a reused buffer",
        fits: |point| alone(point) || replayed(point),
        open: |point, site| read::<Pread>(point, site, Block::Record, None),
    },
    Entry {
        name: "read 128K",
        about: "read of 128 KiB at a time, from where the descriptor stands, into a reused buffer",
        fits: |point| wide(point) && in_order(point) && point.passes == 1,
        open: |point, site| read::<Next>(point, site, Block::Bytes(128 << 10), None),
    },
    Entry {
        name: "pread 64K",
        about: "pread of 64 KiB at a time into a reused buffer",
        fits: |point| wide(point) && in_order(point),
        open: |point, site| read::<Pread>(point, site, Block::Bytes(64 << 10), None),
    },
    Entry {
        name: "pread 256K",
        about: "pread of 256 KiB at a time into a reused buffer; at random, the block around the record",
        fits: large_reads,
        open: |point, site| read::<Pread>(point, site, Block::Bytes(LARGE), None),
    },
    Entry {
        name: "pread 1M",
        about: "pread of 1 MiB at a time into a reused buffer",
        fits: |point| wide(point) && in_order(point),
        open: |point, site| read::<Pread>(point, site, Block::Bytes(1 << 20), None),
    },
    Entry {
        name: "pread 4M",
        about: "pread of 4 MiB at a time into a reused buffer",
        fits: |point| wide(point) && in_order(point),
        open: |point, site| read::<Pread>(point, site, Block::Bytes(4 << 20), None),
    },
    Entry {
        name: "std::fs::read",
        about: "the whole file into a vector of its own, then the records from there",
        fits: |point| in_order(point) && point.whole() && unless_mapped(point),
        open: |point, site| for_use!(point, Whole; site),
    },
    Entry {
        name: "pread 256K fresh",
        about: "pread of 256 KiB at a time, each into memory that is new",
        fits: |point| wide(point) && in_order(point),
        open: |point, site| for_use!(point, Fresh; site, LARGE),
    },
    Entry {
        name: "mmap",
        about: "a shared mapping with the kernel's default readahead",
        fits: |point| alone(point) || replayed(point),
        open: |point, site| map(point, site, Hint::None),
    },
    Entry {
        name: "mmap a pass",
        about: "a shared mapping made and unmapped for each pass",
        fits: |point| unless_mapped(point) && point.passes > 1,
        open: |point, site| for_use!(point, Mapped; site, Hint::None, Life::Pass),
    },
    Entry {
        name: "mmap window 2M",
        about: "a shared mapping of 2 MiB at a time, which moves on with the use",
        fits: |point| wide(point) && unless_mapped(point) && in_order(point),
        open: |point, site| for_use!(point, Window; site, 2 << 20),
    },
    Entry {
        name: "pread+FADV_RANDOM",
        about: "posix_fadvise(POSIX_FADV_RANDOM), then pread of a record at a time",
        fits: |point| hinted_random(point) || replayed_cold(point),
        open: |point, site| read::<Pread>(point, site, Block::Record, Some(PosixFadviseAdvice::POSIX_FADV_RANDOM)),
    },
    Entry {
        name: "pread+FADV_SEQUENTIAL",
        about: "posix_fadvise(POSIX_FADV_SEQUENTIAL), then pread of a record at a time",
        fits: |point| hinted_in_order(point) || replayed_cold(point),
        open: |point, site| read::<Pread>(point, site, Block::Record, Some(PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL)),
    },
    Entry {
        name: "pread+FADV_WILLNEED",
        about: "posix_fadvise(POSIX_FADV_WILLNEED) of the whole file, of which the kernel brings one readahead; then pread of a record at a time",
        fits: |point| asked_for(point) || replayed_cold(point),
        open: |point, site| read::<Pread>(point, site, Block::Record, Some(PosixFadviseAdvice::POSIX_FADV_WILLNEED)),
    },
    Entry {
        name: "mmap+MADV_RANDOM",
        about: "a shared mapping, told that its pages will be used at random: no readahead",
        fits: |point| hinted_random(point) || replayed_unless_mapped(point),
        open: |point, site| advised(point, site, Advice::Random),
    },
    Entry {
        name: "mmap+MADV_SEQUENTIAL",
        about: "a shared mapping, told that its pages will be used in order",
        fits: |point| hinted_in_order(point) || replayed_unless_mapped(point),
        open: |point, site| advised(point, site, Advice::Sequential),
    },
    Entry {
        name: "mmap+MADV_WILLNEED",
        about: "a shared mapping, all of which is asked for beforehand, of which the kernel brings one readahead",
        fits: |point| asked_for(point) || replayed_cold(point),
        open: |point, site| advised(point, site, Advice::WillNeed),
    },
    Entry {
        name: "mmap+MAP_POPULATE",
        about: "a shared mapping whose page tables are filled within mmap, the whole file",
        fits: |point| unless_mapped(point) || replayed_unless_mapped(point),
        open: |point, site| map(point, site, Hint::Populate(Populate::AtOnce)),
    },
    Entry {
        name: "mmap+MADV_POPULATE_READ",
        about: "a shared mapping whose page tables are filled by madvise, the whole file (Linux 5.14)",
        fits: |point| wide(point) && unless_mapped(point) || replayed_unless_mapped(point),
        open: |point, site| advised(point, site, Advice::PopulateRead),
    },
    Entry {
        name: "mmap+MADV_HUGEPAGE",
        about: "a shared mapping for which huge pages are asked, where the kernel and the filesystem can",
        fits: |point| wide(point) && point.state != State::Warm,
        open: |point, site| advised(point, site, Advice::HugePage),
    },
    Entry {
        name: "mmap+MADV_COLLAPSE",
        about: "a shared mapping whose pages are made huge ones before the batch (Linux 6.1)",
        fits: |point| wide(point) && point.state == State::Mapped,
        open: |point, site| advised(point, site, Advice::Collapse),
    },
    Entry {
        name: "readahead x32+pread",
        about: "readahead of each of 32 records, then pread of each",
        fits: |point| wide(point) && unless_mapped(point) && point.pattern.is_random() || replayed_unless_mapped(point),
        open: |point, site| match replayed(point) {
            true => replay::ReadAhead::open(point, site),
            false => for_use!(point, ReadAhead; site),
        },
    },
    Entry {
        name: "mmap+MADV_WILLNEED x32",
        about: "a shared mapping with MADV_RANDOM; each of 32 records is asked for, then used",
        fits: |point| {
            unless_mapped(point) && point.pattern.is_random() && (wide(point) || cold(point))
                || replayed_unless_mapped(point)
        },
        open: |point, site| match replayed(point) {
            true => replay::MapAhead::open(point, site),
            false => for_use!(point, MapAhead; site),
        },
    },
    Entry {
        name: "mincore+mmap|pread",
        about: "mincore of each record; through a mapping if the page cache holds it, by pread if not",
        fits: |point| wide(point) || replayed(point),
        open: |point, site| match replayed(point) {
            true => replay::Mixed::open(point, site),
            false => for_use!(point, Mixed; site),
        },
    },
    Entry {
        name: "preadv2(RWF_NOWAIT)",
        about: "preadv2 that does not wait for what the page cache has not, and pread for that",
        fits: |point| wide(point) || replayed(point),
        open: |point, site| read::<NoWait>(point, site, Block::Record, None),
    },
    Entry {
        name: "preadv2(RWF_DONTCACHE)",
        about: "preadv2 that keeps no page in the cache that it brought there (Linux 6.14)",
        fits: |point| wide(point) || replayed_unless_mapped(point),
        open: |point, site| read::<DontCache>(point, site, Block::Record, None),
    },
    Entry {
        name: "O_DIRECT",
        about: "pread of a record at a time past the page cache",
        fits: |point| direct(point) || replayed_cold(point),
        open: |point, site| read::<Direct>(point, site, Block::Record, None),
    },
    Entry {
        name: "O_DIRECT 256K",
        about: "pread of 256 KiB at a time past the page cache",
        fits: |point| hinted(point) && in_order(point),
        open: |point, site| read::<Direct>(point, site, Block::Bytes(LARGE), None),
    },
    Entry {
        name: "io_uring x1",
        about: "io_uring reads of a record into a registered buffer, one at a time",
        fits: |point| wide(point) && point.pattern.is_random() || replayed(point),
        open: |point, site| ring(point, site, Block::Record, 1, Open::Read),
    },
    Entry {
        name: "io_uring x8",
        about: "io_uring reads of a record into registered buffers, 8 in flight",
        fits: |point| wide(point) && point.pattern.is_random() || replayed(point),
        open: |point, site| ring(point, site, Block::Record, 8, Open::Read),
    },
    Entry {
        name: "io_uring x32",
        about: "io_uring reads of a record into registered buffers, 32 in flight",
        fits: |point| point.pattern.is_random() && (wide(point) || cold(point)) || replayed(point),
        open: |point, site| ring(point, site, Block::Record, 32, Open::Read),
    },
    Entry {
        name: "io_uring x32 O_DIRECT",
        about: "the same past the page cache",
        fits: |point| asked_for(point) && point.pattern.is_random() && direct(point) || replayed_cold(point),
        open: |point, site| ring(point, site, Block::Record, 32, Open::ReadDirect),
    },
    Entry {
        name: "io_uring 256K x8",
        about: "io_uring reads of 256 KiB into registered buffers, 8 in flight",
        fits: |point| hinted(point) && in_order(point),
        open: |point, site| ring(point, site, Block::Bytes(LARGE), 8, Open::Read),
    },
    Entry {
        name: "io_uring 256K x8 O_DIRECT",
        about: "the same past the page cache",
        fits: |point| hinted(point) && in_order(point),
        open: |point, site| ring(point, site, Block::Bytes(LARGE), 8, Open::ReadDirect),
    },
    Entry {
        name: "pread own fd",
        about: "pread of a record at a time by each thread, each by a descriptor of its own",
        fits: threaded,
        open: |point, site| for_use!(point, Threaded; site, Access::OwnDescriptor),
    },
    Entry {
        name: "pread shared fd",
        about: "pread of a record at a time by each thread, all by one descriptor",
        fits: threaded,
        open: |point, site| for_use!(point, Threaded; site, Access::SharedDescriptor),
    },
    Entry {
        name: "mmap shared",
        about: "one shared mapping with MADV_RANDOM for all threads",
        fits: threaded,
        open: |point, site| for_use!(point, Threaded; site, Access::SharedMapping),
    },
    Entry {
        name: "mmap own",
        about: "a shared mapping with MADV_RANDOM for each thread",
        fits: threaded,
        open: |point, site| for_use!(point, Threaded; site, Access::OwnMapping),
    },
];
