//! What it costs to reach a file's pages: through a mapping, and by `pread`.
//!
//! One operation is one page: its bytes are brought within reach and then used, by the same code on both sides.

mod job;
mod mapping;
mod reading;

use std::path::PathBuf;

use crate::engine::protocol::Size;
use crate::os::file;
use crate::os::map::{Advice, Populate};
use crate::os::page_size;

use super::area::{AreaOf, Entry, MARGIN, Options, Question};
use super::dataset::{History, Recipe};
use super::draw::Pattern;

use job::{Sum, Touch};
use mapping::{Hint, Mapped};
use reading::Read;

/// The area.
pub static AREA: AreaOf<Point> = AreaOf {
    name: "page_touch",
    about: "reading a file's pages through a mapping, against pread, by pattern and cache state",
    takes_file: true,
    points,
    sweeps: &[],
    points_of_commit: |_| Vec::new(),
    ask,
    methods: METHODS,
};

/// Where the pages are before each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// None in the page cache.
    Cold,
    /// All in the page cache, none in this process's page tables.
    Warm,
    /// Also in the page tables.
    Mapped,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Mapped => "mapped",
        }
    }
}

/// What is done with a page's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Touch,
    Sum,
}

/// A scenario's parameters.
#[derive(Clone, Debug)]
pub struct Point {
    path: Option<PathBuf>,
    bytes: u64,
    history: History,
    state: State,
    pattern: Pattern,
    job: Use,
    /// Pages a batch.
    touched: u64,
}

impl Point {
    fn pages(&self) -> u64 {
        self.bytes / page_size() as u64
    }

    fn whole(&self) -> bool {
        self.touched == self.pages()
    }

    fn recipe(&self) -> Recipe {
        match &self.path {
            Some(path) => Recipe { name: path.clone(), ..Recipe::new("", self.bytes, History::Found) },
            None => Recipe::new("touch", self.bytes, self.history),
        }
    }

    /// O_DIRECT goes past the cache, so that it has a file of its own with the same history.
    fn own_recipe(&self) -> Recipe {
        match &self.path {
            Some(_) => self.recipe(),
            None => Recipe::new("touch-direct", self.bytes, self.history),
        }
    }
}

/// Pages that a cold random batch takes: a whole cold pass lasts seconds, and a plain mapping's readahead soon loads the file.
const COLD_RANDOM: u64 = 128;
/// Pages of a cold sequential batch.
const COLD_SEQUENTIAL: u64 = 8192;
/// Pages of a sparse warm batch.
const WARM_SPARSE: u64 = 1024;

fn points(options: &Options) -> Vec<Point> {
    let bytes = match &options.file {
        // Whole pages: an odd tail is left out.
        Some(file) => file.bytes - file.bytes % page_size() as u64,
        None if options.quick => 32 << 20,
        None => 256 << 20,
    };
    let pages = bytes / page_size() as u64;
    let path = options.file.as_ref().map(|file| file.path.clone());
    let point = |state, pattern, job, touched: u64| {
        let history = match (&path, state) {
            (Some(_), _) => History::Found,
            (None, State::Cold) => History::Cold,
            (None, _) => History::Write1M,
        };
        Point { path: path.clone(), bytes, history, state, pattern, job, touched: touched.min(pages) }
    };
    let (seq, random) = (Pattern::Sequential, Pattern::Random);
    if options.quick {
        let mut quick =
            vec![point(State::Warm, random, Use::Touch, WARM_SPARSE), point(State::Mapped, random, Use::Sum, pages)];
        if path.is_none() || options.evict {
            quick.push(point(State::Cold, random, Use::Touch, COLD_RANDOM));
        }
        return quick;
    }
    let mut all = Vec::new();
    for job in [Use::Touch, Use::Sum] {
        all.push(point(State::Warm, seq, job, pages));
        all.push(point(State::Warm, random, job, WARM_SPARSE));
        all.push(point(State::Mapped, random, job, pages));
        if path.is_none() || options.evict {
            all.push(point(State::Cold, seq, job, COLD_SEQUENTIAL));
            all.push(point(State::Cold, random, job, COLD_RANDOM));
        }
    }
    if path.is_none() {
        // The same question over pages that were written one by one: folios of a page, faults of a page.
        all.push(Point { history: History::Write4K, ..point(State::Warm, seq, Use::Touch, pages) });
    }
    all
}

fn ask(point: &Point) -> Question {
    let job = match point.job {
        Use::Touch => "one byte of each read",
        Use::Sum => "every byte read and summed",
    };
    let (size, unit) =
        if point.bytes.is_multiple_of(1 << 20) { (point.bytes >> 20, "MiB") } else { (point.bytes, "B") };
    let touched = if point.whole() { "all".to_owned() } else { point.touched.to_string() };
    let what = if point.path.is_some() { "the whole pages of your file," } else { "a file of" };
    // Where the mapping is made outside of the clock, a page costs the same however many are in the batch.
    let steady = point.state == State::Mapped;
    let many = match (steady, point.whole()) {
        (true, _) => "pages".to_owned(),
        (false, true) => "every page".to_owned(),
        (false, false) => format!("{touched} pages"),
    };
    let mut params = vec![("use", if point.job == Use::Touch { "touch" } else { "sum" }.to_owned())];
    if !steady {
        params.push(("touched", touched));
    }
    params.push(("size", format!("{size}{unit}")));
    Question {
        words: vec![("state", point.state.name()), ("pattern", point.pattern.name())],
        text: format!(
            "{} order over {many} of {what} {size} {unit}, {}: {job}.",
            capital(point.pattern.name()),
            state_in_words(point)
        ),
        operation: "one page".to_owned(),
        params,
        state: Some(point.state.name()),
        history: Some(point.history.name()),
        guarantee: None,
        baseline: "pread 4K",
        size: if steady {
            Size::Lasting { target_ns: 2_000_000, most: point.touched }
        } else {
            Size::Fixed(point.touched)
        },
        margin: if point.state == State::Cold { super::area::DEVICE_MARGIN } else { MARGIN },
        floor: (point.job == Use::Sum).then_some(("page read", 1.0)),
        bytes_per_op: Some(if point.job == Use::Touch { 1 } else { page_size() as u64 }),
        files: if point.path.is_some() { Vec::new() } else { vec![point.recipe(), point.own_recipe()] },
        weight: match (point.state, point.pattern) {
            (State::Cold, Pattern::Sequential) => 3.5,
            (State::Cold, Pattern::Random) => 2.0,
            (State::Warm | State::Mapped, _) => 1.0,
        },
    }
}

fn state_in_words(point: &Point) -> String {
    let filled = match point.history {
        History::Found | History::Cold => String::new(),
        history => format!(" by {}", history.words()),
    };
    match point.state {
        State::Cold => "none of it in the page cache".to_owned(),
        State::Warm => format!("all in the page cache{filled}, none in the page tables"),
        State::Mapped => format!("all in the page cache{filled} and in the page tables"),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn always(_: &Point) -> bool {
    true
}

/// Once the pages are mapped, how they came to be is all the same.
fn unless_mapped(point: &Point) -> bool {
    point.state != State::Mapped
}

/// Large reads at random places move 64 times what is used; over a whole file that is another job.
fn large_reads(point: &Point) -> bool {
    point.pattern == Pattern::Sequential || !point.whole()
}

/// A single page at a time from the device: for sparse jobs; a whole pass would take minutes.
fn small_direct(point: &Point) -> bool {
    point.pattern == Pattern::Random && !point.whole()
}

fn large_direct(point: &Point) -> bool {
    point.pattern == Pattern::Sequential
}

const SMALL: usize = 4 << 10;
const LARGE: usize = 256 << 10;

/// Opens a method for the job that the point names: the job is a type, so that the batch's loop has no choice to make.
macro_rules! for_job {
    ($point:expr, $method:ident, $($argument:expr),*) => {
        match $point.job {
            Use::Touch => $method::<Touch>::open($point, $($argument),*),
            Use::Sum => $method::<Sum>::open($point, $($argument),*),
        }
    };
}

const METHODS: &[Entry<Point>] = &[
    Entry {
        name: "pread 4K",
        about: "pread of 4 KiB at a time (a page, where pages are larger) into a reused buffer",
        fits: always,
        open: |point, site| for_job!(point, Read, site, SMALL, file::Open::Read),
    },
    Entry {
        name: "pread 256K",
        about: "pread of 256 KiB at a time into a reused buffer; at random, the block around the page",
        fits: large_reads,
        open: |point, site| for_job!(point, Read, site, LARGE, file::Open::Read),
    },
    Entry {
        name: "O_DIRECT 4K",
        about: "pread of 4 KiB at a time past the page cache",
        fits: small_direct,
        open: |point, site| for_job!(point, Read, site, SMALL, file::Open::ReadDirect),
    },
    Entry {
        name: "O_DIRECT 256K",
        about: "pread of 256 KiB at a time past the page cache",
        fits: large_direct,
        open: |point, site| for_job!(point, Read, site, LARGE, file::Open::ReadDirect),
    },
    Entry {
        name: "mmap",
        about: "a shared mapping with the kernel's default readahead",
        fits: always,
        open: |point, site| for_job!(point, Mapped, site, Hint::None),
    },
    Entry {
        name: "mmap+MADV_RANDOM",
        about: "a shared mapping, told that its pages will be used at random: no readahead",
        fits: unless_mapped,
        open: |point, site| for_job!(point, Mapped, site, Hint::Advice(Advice::Random)),
    },
    Entry {
        name: "mmap+MADV_SEQUENTIAL",
        about: "a shared mapping, told that its pages will be used in order",
        fits: unless_mapped,
        open: |point, site| for_job!(point, Mapped, site, Hint::Advice(Advice::Sequential)),
    },
    Entry {
        name: "mmap+MAP_POPULATE",
        about: "a shared mapping whose page tables are filled within mmap, the whole file",
        fits: unless_mapped,
        open: |point, site| for_job!(point, Mapped, site, Hint::Populate(Populate::AtOnce)),
    },
];
