//! What a small change to a file costs, through a mapping and through `write`, at each guarantee.
//!
//! One operation changes one byte of one page, and makes it as durable as the guarantee says. A batch edits distinct pages.
//! The mapping is long-lived and its pages were read before (state `mapped`), as a storage engine's are: so the first store to each
//! page after every sync takes a write-protection fault (mm/memory.c, do_wp_page), which is part of the operation.

mod job;
mod stored;
mod sync;
mod written;

use crate::engine::protocol::Size;
use crate::os::page_size;

use super::area::{AreaOf, DEVICE_MARGIN, Entry, MARGIN, Options, Question};
use super::dataset::{History, Recipe};

use stored::Stored;
use sync::{Dsync, Nothing, ThenFdatasync, ThenFileSync, ThenFsync, ThenMsAsync, ThenMsSync};
use written::Written;

/// The area.
pub static AREA: AreaOf<Point> = AreaOf {
    name: "shared_edit",
    about: "changing a file through a shared mapping and making it durable, against write and its syncs",
    takes_file: false,
    points,
    ask,
    methods: METHODS,
};

/// What a finished edit promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guarantee {
    Visible,
    Durable,
}

impl Guarantee {
    fn name(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Durable => "durable",
        }
    }
}

/// A scenario's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    guarantee: Guarantee,
    history: History,
    mib: u64,
}

fn points(options: &Options) -> Vec<Point> {
    let mib = if options.quick { 16 } else { 64 };
    let point = |guarantee, history| Point { guarantee, history, mib };
    let durable = [point(Guarantee::Durable, History::Write4K), point(Guarantee::Durable, History::Write1M)];
    if options.quick {
        return durable.to_vec();
    }
    durable.into_iter().chain([point(Guarantee::Visible, History::Write4K)]).collect()
}

/// The most pages that a batch edits.
const MOST_EDITS: u64 = 2048;

fn ask(point: &Point) -> Question {
    let durable = point.guarantee == Guarantee::Durable;
    let promise = if durable { "made to survive a crash of the system" } else { "made visible to other processes" };
    Question {
        words: vec![("guarantee", point.guarantee.name())],
        text: format!(
            "One byte changed at a random page of a {} MiB file and {promise}; the cache was filled by {}.",
            point.mib,
            point.history.words()
        ),
        operation: "one byte changed, with its sync".to_owned(),
        params: vec![("edit", "1B".to_owned()), ("size", format!("{}MiB", point.mib))],
        state: Some("mapped"),
        history: Some(point.history.name()),
        guarantee: Some(point.guarantee.name()),
        baseline: if durable { "pwrite+fdatasync" } else { "pwrite" },
        size: Size::Lasting {
            target_ns: if durable { 2_000_000 } else { 8_000_000 },
            most: MOST_EDITS.min(point.pages()),
        },
        margin: if durable { DEVICE_MARGIN } else { MARGIN },
        floor: Some(if durable { ("durable 4 KiB write", 1.0) } else { ("system call", 1.0) }),
        bytes_per_op: Some(1),
        files: vec![point.recipe()],
        weight: if durable { 1.5 } else { 1.0 },
    }
}

impl Point {
    fn pages(&self) -> u64 {
        (self.mib << 20) / page_size() as u64
    }

    fn recipe(&self) -> Recipe {
        Recipe::new("edit", self.mib << 20, self.history)
    }
}

fn durable(point: &Point) -> bool {
    point.guarantee == Guarantee::Durable
}

fn visible(point: &Point) -> bool {
    point.guarantee == Guarantee::Visible
}

const METHODS: &[Entry<Point>] = &[
    Entry {
        name: "pwrite+fdatasync",
        about: "pwrite of the byte, then fdatasync of the file",
        fits: durable,
        open: |point, site| Written::<ThenFdatasync>::open(point, site),
    },
    Entry {
        name: "pwrite+fsync",
        about: "pwrite of the byte, then fsync of the file",
        fits: durable,
        open: |point, site| Written::<ThenFsync>::open(point, site),
    },
    Entry {
        name: "pwrite(O_DSYNC)",
        about: "pwrite of the byte through a descriptor opened with O_DSYNC",
        fits: durable,
        open: |point, site| Written::<Dsync>::open(point, site),
    },
    Entry {
        name: "mmap+msync(MS_SYNC)",
        about: "a store through a shared mapping, then msync(MS_SYNC) of its page",
        fits: durable,
        open: |point, site| Stored::<ThenMsSync>::open(point, site),
    },
    Entry {
        name: "mmap+fdatasync",
        about: "a store through a shared mapping, then fdatasync of the file",
        fits: durable,
        open: |point, site| Stored::<ThenFileSync>::open(point, site),
    },
    Entry {
        name: "pwrite",
        about: "pwrite of the byte, no sync",
        fits: visible,
        open: |point, site| Written::<Nothing>::open(point, site),
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
];
