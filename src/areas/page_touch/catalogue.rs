//! What is asked: the representative points, and the sweeps that show what each figure depends on.

use std::sync::Arc;

use crate::engine::protocol::Size;
use crate::os::{page_size, process};
use crate::results::model::Reading;

use super::super::area::{DEVICE_MARGIN, MARGIN, Options, Question, Sweep, UserFile};
use super::super::dataset::{History, Recipe};
use super::super::draw::Pattern;
use super::point::{Point, State, Use};
use super::trace::{Most, Trace};

/// Records that a cold random batch takes: a whole cold pass lasts seconds, and a plain mapping's readahead soon loads the file.
const COLD_RANDOM: u64 = 128;
/// The file of ours that is read in order when none of it is cached: all of it.
const COLD_FILE: u64 = 32 << 20;
/// Pages of a user's file that are.
const COLD_SEQUENTIAL: u64 = 8_192;
/// Pages of a batch over a user's file that is cached, at most.
const FOUND_AT_MOST: u64 = 65_536;
/// Records of a sparse warm batch.
const WARM_SPARSE: u64 = 1024;

/// Each state and pattern, with a byte of each page and with all of them.
pub(super) fn points(options: &Options) -> Vec<Point> {
    if let Some(trace) = &options.trace {
        return replayed(trace);
    }
    let bytes = match &options.file {
        // Whole pages: an odd tail is left out.
        Some(file) => file.bytes - file.bytes % page_size() as u64,
        None if options.quick => 32 << 20,
        None => 256 << 20,
    };
    let found = options.file.is_some();
    let point = |state, pattern, job, touched: u64| {
        let point = Point { file: options.file.clone(), ..plain(bytes, state, pattern, job, touched) };
        if found { Point { history: History::Found, ..point } } else { point }
    };
    let (seq, random, all) = (Pattern::Sequential, Pattern::Random, if found { FOUND_AT_MOST } else { u64::MAX });
    // A file that is read once in order is mostly read whole.
    let cold_in_order = |job| {
        if found {
            point(State::Cold, seq, job, COLD_SEQUENTIAL)
        } else {
            plain(COLD_FILE, State::Cold, seq, job, u64::MAX)
        }
    };
    let may_evict = !found || options.evict;
    let mut points = Vec::new();
    if options.quick {
        points.push(point(State::Warm, random, Use::Touch, WARM_SPARSE));
        points.push(point(State::Mapped, random, Use::Sum, all));
        if may_evict {
            points.push(point(State::Cold, random, Use::Touch, COLD_RANDOM));
        }
        return points;
    }
    for job in [Use::Touch, Use::Sum] {
        points.push(point(State::Warm, seq, job, all));
        points.push(point(State::Warm, random, job, WARM_SPARSE));
        points.push(point(State::Mapped, random, job, all));
        if may_evict {
            points.push(cold_in_order(job));
            points.push(point(State::Cold, random, job, COLD_RANDOM));
        }
    }
    points.push(point(State::Warm, seq, Use::Copy, all));
    points.push(point(State::Mapped, random, Use::Copy, all));
    if !found {
        // The same question over pages that were written one by one: folios of a page, faults of a page.
        points.push(Point { history: History::Write4K, ..point(State::Warm, seq, Use::Touch, all) });
    }
    points
}

/// The largest file that is made to advise on.
const LARGEST: u64 = 1 << 30;
/// Records of a batch at most, so that every method has its turn: of a cold file at random, in order, and of a cached one.
const MOST_RECORDS: (u64, u64, u64) = (1024, 32_768, 262_144);

/// What is measured to advise on reads: the question itself, on a file as large as the time allows, and on smaller ones, since the best method may change
/// with the size.
pub(super) fn points_of_reading(reading: &Reading, file: Option<&UserFile>) -> Vec<Point> {
    if reading.times_memory().is_some() {
        // No state of the cache can be had or kept: it is watched.
        return Vec::new();
    }
    let state = STATES.into_iter().find(|state| state.name() == reading.state).unwrap_or(State::Warm);
    let patterns = [Pattern::Sequential, Pattern::Backward, Pattern::Random, Pattern::Zipf];
    let pattern = patterns.into_iter().find(|pattern| pattern.name() == reading.pattern).unwrap_or(Pattern::Random);
    let uses = [Use::Touch, Use::Sum, Use::Copy, Use::Search];
    let job = uses.into_iter().find(|job| job.name() == reading.job).unwrap_or(Use::Sum);
    let page = page_size() as u64;
    let record = reading.record.max(8).next_power_of_two();
    let most = match (state, pattern.is_random()) {
        (State::Cold, true) => MOST_RECORDS.0,
        (State::Cold, false) => MOST_RECORDS.1,
        _ => MOST_RECORDS.2,
    };
    let of = |bytes: u64| {
        // Records have numbers of 32 bits.
        let bytes = bytes.min(record << 32).next_multiple_of(page.max(record));
        let records = bytes / record;
        let touched = ((records as f64 * reading.used).round() as u64).clamp(1, records);
        let point = Point { record, passes: reading.passes, wide: true, ..plain(bytes, state, pattern, job, 1) };
        Point { touched: touched.min(most), ..point }
    };
    if let Some(file) = file {
        let point = of(file.bytes - file.bytes % page.max(record));
        return vec![Point { file: Some(file.clone()), history: History::Found, ..point }];
    }
    // The part that is used stays what it is: a file is made smaller where a batch of it would take too long.
    let affordable = (most as f64 * record as f64 / reading.used) as u64;
    let bytes = reading.bytes.min(affordable.max(16 << 20)).min(LARGEST);
    let mut sizes = vec![bytes];
    sizes.extend([bytes / 8, bytes / 64].into_iter().filter(|bytes| *bytes >= 16 * page.max(record)));
    sizes.into_iter().map(of).collect()
}

/// The user's own accesses, in each state that a file of ours can be in that has room for them.
fn replayed(trace: &Trace) -> Vec<Point> {
    let bytes = trace.extent().next_multiple_of(page_size() as u64);
    let at = |state| {
        let part = trace.first(if state == State::Cold { Most::COLD } else { Most::CACHED });
        let touched = part.reads.len() as u64;
        Point { trace: Some(Arc::new(part)), touched, ..plain(bytes, state, Pattern::Random, Use::Sum, 1) }
    };
    let states = STATES.into_iter().filter(|state| *state == State::Cold || trace.fits_in_memory());
    states.map(at).collect()
}

/// Over files of ours. Each point of a sweep is as the plain one, but for what it varies.
pub(super) const SWEEPS: &[Sweep<Point>] = &[
    Sweep {
        name: "methods",
        about: "every way of reading, in each state, in order and at random",
        points: || {
            let in_order = |state| plain(COLD_FILE, state, Pattern::Sequential, Use::Touch, u64::MAX);
            let at_random = |state| sparse(state, Pattern::Random);
            let both = STATES.map(in_order).into_iter().chain(STATES.map(at_random));
            both.map(|point| Point { wide: true, ..point }).collect()
        },
    },
    Sweep {
        name: "use",
        about: "what is done with the bytes: touch, sum, copy, search",
        points: || {
            let uses = [Use::Touch, Use::Sum, Use::Copy, Use::Search];
            let warm = uses.map(|job| plain(SWEPT, State::Warm, Pattern::Sequential, job, u64::MAX));
            let mapped = uses.map(|job| plain(SWEPT, State::Mapped, Pattern::Random, job, u64::MAX));
            warm.into_iter().chain(mapped).collect()
        },
    },
    Sweep {
        name: "pattern",
        about: "the order of use: forward, backward, in steps of 4 KiB, 64 KiB and 2 MiB, random, by Zipf's law, within 16 MiB",
        points: || {
            let page = page_size() as u64;
            let patterns = [
                Pattern::Sequential,
                Pattern::Backward,
                Pattern::Strided((64 << 10) / page),
                Pattern::Strided((2 << 20) / page),
                Pattern::Random,
                Pattern::Zipf,
                Pattern::Window((16 << 20) / page),
            ];
            // In steps of a page: of smaller records, since of pages that is their order.
            let by_page =
                |state| Point { record: 64, pattern: Pattern::Strided(page / 64), ..sparse(state, Pattern::Random) };
            STATES
                .into_iter()
                .flat_map(|state| patterns.map(|pattern| sparse(state, pattern)).into_iter().chain([by_page(state)]))
                .collect()
        },
    },
    Sweep {
        name: "record",
        about: "bytes used in one place, 8 B to 1 MiB, at random",
        points: || {
            let records = [8, 64, 512, 4 << 10, 64 << 10, 1 << 20];
            let at = |state, record: u64| {
                let point = Point { job: Use::Sum, record, ..sparse(state, Pattern::Random) };
                Point { touched: point.touched.min(point.records() / 2), ..point }
            };
            STATES.into_iter().flat_map(|state| records.map(|record| at(state, record))).collect()
        },
    },
    Sweep {
        name: "passes",
        about: "times that the same pages are used, 1 to 16, in order",
        points: || {
            let warm = plain(SWEPT, State::Warm, Pattern::Sequential, Use::Touch, u64::MAX);
            let cold = plain(COLD_FILE, State::Cold, Pattern::Sequential, Use::Touch, u64::MAX);
            let of = |once: Point| [1, 2, 4, 8, 16].map(|passes| Point { passes, ..once.clone() });
            of(warm).into_iter().chain(of(cold)).collect()
        },
    },
    Sweep {
        name: "history",
        about: "how the file came into the page cache",
        points: || {
            use History::{Random, Readahead, Write1M, Write4K, Write4M, Write64K};
            let histories = [Write4K, Write64K, Write1M, Write4M, Readahead, Random];
            let warm = |pattern, touched| plain(SWEPT, State::Warm, pattern, Use::Touch, touched);
            let whole = histories.map(|history| Point { history, ..warm(Pattern::Sequential, u64::MAX) });
            let parts = histories.map(|history| Point { history, ..warm(Pattern::Random, WARM_SPARSE) });
            whole.into_iter().chain(parts).collect()
        },
    },
    Sweep {
        name: "size",
        about: "the file's size, 64 KiB to 1 GiB",
        points: || {
            let sizes = [64 << 10, 1 << 20, 16 << 20, 256 << 20, 1 << 30];
            let warm = sizes.map(|bytes| plain(bytes, State::Warm, Pattern::Sequential, Use::Copy, u64::MAX));
            let mapped = sizes.map(|bytes| plain(bytes, State::Mapped, Pattern::Random, Use::Copy, u64::MAX));
            let cold = [64 << 10, 1 << 20, 16 << 20, 256 << 20]
                .map(|bytes| plain(bytes, State::Cold, Pattern::Sequential, Use::Copy, u64::MAX));
            warm.into_iter().chain(mapped).chain(cold).collect()
        },
    },
    Sweep {
        name: "threads",
        about: "threads that read at the same time, 1 to as many as there are processors",
        points: || {
            let most = process::allowed_cpus().map_or(1, |cpus| cpus.len() as u64);
            let mut counts: Vec<u64> = (0..).map(|power| 1 << power).take_while(|count| *count < most).collect();
            counts.push(most);
            let by = |state, threads| {
                let point = sparse(state, Pattern::Random);
                let touched = if state == State::Mapped { point.touched } else { 8 * point.touched };
                Point { threads, touched, ..point }
            };
            STATES
                .into_iter()
                .flat_map(|state| counts.iter().map(move |count| by(state, *count)).collect::<Vec<_>>())
                .collect()
        },
    },
    Sweep {
        name: MEMORY,
        about: "files up to 8 times a memory limit, watched as the cache fills: about 2 minutes",
        points: Vec::new,
    },
    Sweep {
        name: STALLS,
        about: "how long a task waits that shares its thread with one that reads a cold file, watched: about 20 seconds",
        points: Vec::new,
    },
];

/// The sweep that has no studies: files are watched, not timed.
pub const MEMORY: &str = "memory";
/// Another one.
pub const STALLS: &str = "stalls";

const STATES: [State; 3] = [State::Warm, State::Mapped, State::Cold];
/// The size of a file that is swept over: more than most processors cache.
const SWEPT: u64 = 256 << 20;

/// A page a record, in a file of ours.
fn plain(bytes: u64, state: State, pattern: Pattern, job: Use, touched: u64) -> Point {
    let history = if state == State::Cold { History::Cold } else { History::Write1M };
    let record = page_size() as u64;
    let (file, trace, passes, threads, wide) = (None, None, 1, 0, false);
    let point = Point { file, bytes, history, state, pattern, job, record, touched, passes, threads, trace, wide };
    Point { touched: touched.min(most(&point)), ..point }
}

/// So few of the pages that patterns can be told from one another; once they are mapped, as many as there are.
fn sparse(state: State, pattern: Pattern) -> Point {
    let touched = match state {
        State::Cold => COLD_RANDOM,
        State::Warm => WARM_SPARSE,
        State::Mapped => u64::MAX,
    };
    plain(SWEPT, state, pattern, Use::Touch, touched)
}

/// Records that a pass can use.
fn most(point: &Point) -> u64 {
    match point.pattern {
        Pattern::Strided(stride) => point.records().div_ceil(stride),
        Pattern::Window(length) => length.min(point.records()),
        _ => point.records(),
    }
}

/// What a point asks.
pub(super) fn ask(point: &Point) -> Question {
    // Where the mapping is made outside of the clock, a record costs the same however many are in the batch.
    let steady = point.state == State::Mapped && point.trace.is_none();
    let operations = point.touched * point.passes;
    Question {
        words: vec![("state", point.state.name()), ("pattern", pattern(point))],
        text: text(point),
        operation: operation(point),
        params: params(point),
        state: Some(point.state.name()),
        history: Some(point.history.name()),
        guarantee: None,
        baseline: if point.threads > 0 { "pread own fd" } else { "pread" },
        size: if steady { Size::Lasting { target_ns: 2_000_000, most: operations } } else { Size::Fixed(operations) },
        margin: if point.state == State::Cold { DEVICE_MARGIN } else { MARGIN },
        floor: None,
        bytes_per_op: Some(match &point.trace {
            Some(trace) => trace.bytes() / point.touched.max(1),
            None if point.job == Use::Touch => point.pages_a_record(),
            None => point.record,
        }),
        files: files(point),
        weight: weight(point),
    }
}

/// What its methods work on: a file that they share, and another one where there may be some that change what is cached.
fn files(point: &Point) -> Vec<Recipe> {
    let changed = point.state == State::Cold || point.wide;
    match &point.file {
        Some(_) => Vec::new(),
        None if changed => vec![point.recipe(), point.own_recipe()],
        None => vec![point.recipe()],
    }
}

fn weight(point: &Point) -> f64 {
    let one = match (point.state, point.pattern.is_in_order()) {
        (State::Cold, _) => 3.0,
        (State::Warm, _) if point.touched * point.passes > 1 << 17 => 3.0,
        (State::Warm | State::Mapped, _) => 1.0,
    };
    if point.wide || point.trace.is_some() { 3.0 * one } else { one }
}

fn pattern(point: &Point) -> &'static str {
    if point.trace.is_some() { "trace" } else { point.pattern.name() }
}

/// What is not as in the plain point stands in the id.
fn params(point: &Point) -> Vec<(&'static str, String)> {
    if let Some(trace) = &point.trace {
        let mut params = vec![("reads", point.touched.to_string())];
        if trace.all > point.touched {
            params.push(("of", trace.all.to_string()));
        }
        params.extend([("bytes", trace.bytes().to_string()), ("size", size(point.bytes))]);
        return params;
    }
    let mut params = vec![("use", point.job.name().to_owned())];
    match point.pattern {
        Pattern::Strided(stride) => params.push(("stride", size(stride * point.record))),
        Pattern::Window(length) => params.push(("within", size(length * point.record))),
        _ => {}
    }
    if !point.is_by_pages() {
        params.push(("record", size(point.record)));
    }
    if point.state != State::Mapped {
        params.push(("touched", if point.whole() { "all".to_owned() } else { point.touched.to_string() }));
    }
    if point.passes > 1 {
        params.push(("passes", point.passes.to_string()));
    }
    if point.threads > 0 {
        params.push(("threads", point.threads.to_string()));
    }
    params.push(("size", size(point.bytes)));
    params
}

fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) && bytes < 1 << 20 => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

fn spaced(bytes: u64) -> String {
    let text = size(bytes);
    let unit = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    format!("{} {}", &text[..unit], &text[unit..])
}

fn text(point: &Point) -> String {
    if let Some(trace) = &point.trace {
        return replay_in_words(point, trace);
    }
    let order = match point.pattern {
        Pattern::Sequential => "Sequential order".to_owned(),
        Pattern::Backward => "Backward order".to_owned(),
        Pattern::Strided(stride) => format!("Steps of {}", spaced(stride * point.record)),
        Pattern::Random => "Random order".to_owned(),
        Pattern::Zipf => "Some often and most seldom (Zipf's law)".to_owned(),
        Pattern::Window(length) => format!("Random order within {}", spaced(length * point.record)),
    };
    let noun = if point.is_by_pages() { "page".to_owned() } else { format!("record of {}", spaced(point.record)) };
    let plural = if point.is_by_pages() { "pages".to_owned() } else { format!("records of {}", spaced(point.record)) };
    let many = match (point.state, point.whole()) {
        (State::Mapped, _) => plural,
        (_, true) => format!("every {noun}"),
        (_, false) => format!("{} {plural}", point.touched),
    };
    let what = if point.file.is_some() { "the whole pages of your file," } else { "a file of" };
    let passes = if point.passes > 1 { format!(", {} times over", point.passes) } else { String::new() };
    let threads = match point.threads {
        0 => "",
        1 => " By one thread.",
        threads => &format!(" Shared by {threads} threads."),
    };
    format!(
        "{order} over {many} of {what} {}, {}: {}{passes}.{threads}",
        spaced(point.bytes),
        state_in_words(point),
        point.job.words()
    )
}

fn replay_in_words(point: &Point, trace: &Trace) -> String {
    let part = if trace.all > point.touched { format!("first {} of the ", point.touched) } else { String::new() };
    let file = trace.file.as_ref().map_or_else(String::new, |name| format!("of {name} "));
    let noun = if trace.all == 1 { "read" } else { "reads" };
    let writes = match trace.writes {
        0 => String::new(),
        1 => " The trace's one write is left out.".to_owned(),
        writes => format!(" The trace's {writes} writes are left out."),
    };
    format!(
        "The {part}{} {noun} {file}in your trace, {} bytes, over a file of {}, {}: every byte read and summed.{writes}",
        trace.all,
        trace.bytes(),
        spaced(point.bytes),
        state_in_words(point)
    )
}

fn operation(point: &Point) -> String {
    if point.trace.is_some() {
        return "one read of the trace".to_owned();
    }
    if point.is_by_pages() { "one page".to_owned() } else { format!("one record of {}", spaced(point.record)) }
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
