//! What is asked: the representative points, and the sweeps that show what each figure depends on.

use std::path::PathBuf;

use crate::engine::protocol::Size;
use crate::os::page_size;
use crate::results::model::Commit;

use super::super::area::{DEVICE_MARGIN, MARGIN, Options, Question, Sweep};
use super::super::dataset::History;
use super::point::{Guarantee, Layout, Point};

/// A point of each guarantee; of `durable`, with a cache of single pages and with one of large folios.
pub(super) fn points(options: &Options) -> Vec<Point> {
    let mib = if options.quick { 16 } else { 64 };
    let point = |guarantee, history| Point::plain(guarantee, history, mib);
    let durable = [point(Guarantee::Durable, History::Write4K), point(Guarantee::Durable, History::Write1M)];
    if options.quick {
        return durable.to_vec();
    }
    let others = [Guarantee::Visible, Guarantee::Started, Guarantee::Written].map(|it| point(it, History::Write4K));
    let atomic = Point::plain(Guarantee::Atomic, History::Write1M, 1);
    durable.into_iter().chain(others).chain([atomic]).collect()
}

/// Each over durable commits to a file whose cache has single pages, but for what it varies.
pub(super) const SWEEPS: &[Sweep<Point>] = &[
    Sweep {
        name: "edit",
        about: "bytes changed in one place, 1 B to 64 KiB",
        points: || [1, 64, 512, 4 << 10, 16 << 10, 64 << 10].map(|edit| Point { edit, ..durable() }).to_vec(),
    },
    Sweep {
        name: "pages",
        about: "pages a commit, 1 to 4096, scattered over the file and one after the other",
        points: || {
            let commit = |layout| [8, 64, 512, 4096].map(move |places| Point { places, layout, ..durable() });
            [Layout::Scattered, Layout::Contiguous].into_iter().flat_map(commit).chain([durable()]).collect()
        },
    },
    Sweep {
        name: "size",
        about: "the file's size, 1 MiB to 1 GiB",
        points: || [1, 16, 64, 256, 1024].map(|mib| Point { mib, ..durable() }).to_vec(),
    },
    Sweep {
        name: "history",
        about: "how the file came to be and into the page cache",
        points: || {
            use History::{FaultedAtRandom, Random, Readahead, Reserved, Sparse, Write1M, Write4K, Write4M, Write64K};
            let all = [Write4K, Write64K, Write1M, Write4M, Readahead, Random, FaultedAtRandom, Reserved, Sparse];
            all.map(|history| Point { history, ..durable() }).to_vec()
        },
    },
    Sweep {
        name: "vmas",
        about: "parts that the mapping is split into, 1, 8 and 64, at 64 scattered pages a commit",
        points: || [1, 8, 64].map(|vmas| Point { vmas, places: 64, ..durable() }).to_vec(),
    },
    Sweep {
        name: "threads",
        about: "threads that commit at the same time, 1, 2 and 4",
        points: || [1, 2, 4].map(|threads| Point { threads, ..durable() }).to_vec(),
    },
    Sweep {
        name: "batch",
        about: "commits of which one is synced, 1 to 256",
        points: || [1, 4, 16, 64, 256].map(|every| Point { every, ..durable() }).to_vec(),
    },
];

/// What is measured to advise on a commit: durable, with the cache filled in three ways; what an edit costs without a sync; and, last, batches of
/// several commits to a sync.
pub(super) fn points_of_commit(commit: &Commit) -> Vec<Point> {
    let copied = commit.file.as_ref();
    let mib = copied.map_or(64, |file| file.mib.max(1));
    let source = copied.map(|file| PathBuf::from(&file.path));
    let of = |guarantee, history| Point {
        edit: commit.edit,
        places: commit.pages,
        source: source.clone(),
        ..Point::plain(guarantee, history, mib)
    };
    let own = copied.and_then(|file| History::named(&file.history));
    let first = own.unwrap_or(History::Write4K);
    let fitting = |point: Point| {
        // Room for several commits a batch, on pages of their own.
        let needed = (4 * point.places.max(point.every) * point.pages_a_place() * page_size() as u64).div_ceil(1 << 20);
        Point { mib: point.mib.max(needed.next_power_of_two()), ..point }
    };
    let visible = of(Guarantee::Visible, first);
    let batch = |every| Point { every, ..of(Guarantee::Durable, first) };
    let points = match (commit.durable, commit.every) {
        (false, _) => vec![visible],
        (true, 1) => {
            // Of one's own file its own history, and the remedy; of none, those that differ most.
            let mut histories = vec![first, History::FaultedAtRandom];
            histories.extend(own.is_none().then_some(History::Write1M));
            histories.dedup();
            let durable = histories.into_iter().map(|history| of(Guarantee::Durable, history));
            let batches = commit.batches.iter().map(|every| batch(*every));
            durable.chain([of(Guarantee::Written, first), visible]).chain(batches).collect()
        }
        (true, every) => vec![batch(every)],
    };
    points.into_iter().map(fitting).collect()
}

fn durable() -> Point {
    Point::plain(Guarantee::Durable, History::Write4K, 64)
}

/// The most pages that a batch edits, but for a single commit that has more.
const MOST_PAGES: u64 = 2048;

/// What a point asks.
pub(super) fn ask(point: &Point) -> Question {
    let guarantee = point.guarantee;
    let visible = guarantee == Guarantee::Visible;
    let pages_a_commit = point.places * point.pages_a_place();
    let most = (point.places_in_file() / point.places).min((MOST_PAGES / pages_a_commit).max(1));
    Question {
        words: vec![("guarantee", guarantee.name())],
        text: text(point),
        operation: operation(point),
        params: params(point),
        state: Some(if guarantee == Guarantee::Atomic { "warm" } else { "mapped" }),
        history: Some(point.history.name()),
        guarantee: Some(guarantee.name()),
        baseline: baseline(guarantee),
        size: Size::Lasting {
            target_ns: if visible { 8_000_000 } else { 2_000_000 },
            most: most.max(point.every.max(point.threads)),
        },
        margin: if visible { MARGIN } else { DEVICE_MARGIN },
        floor: match guarantee {
            Guarantee::Visible => Some(("system call", 1.0)),
            Guarantee::Durable => Some(("durable 4 KiB write", 1.0)),
            Guarantee::Started | Guarantee::Written | Guarantee::Atomic => None,
        },
        bytes_per_op: Some(point.edit * point.places),
        files: files(point),
        weight: if guarantee == Guarantee::Durable { 2.0 } else { 1.0 },
    }
}

fn files(point: &Point) -> Vec<super::super::dataset::Recipe> {
    match point.guarantee {
        Guarantee::Atomic => vec![point.own_recipe()],
        Guarantee::Durable if point.every == 1 && point.threads == 1 => vec![point.recipe(), point.uncached_recipe()],
        _ => vec![point.recipe()],
    }
}

fn baseline(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::Visible => "pwrite",
        Guarantee::Started => "pwrite+sync_file_range(WRITE)",
        Guarantee::Written => "pwrite+sync_file_range",
        Guarantee::Durable => "pwrite+fdatasync",
        Guarantee::Atomic => "write+fsync+rename",
    }
}

/// What is not as in the plain point stands in the id.
fn params(point: &Point) -> Vec<(&'static str, String)> {
    let mut params = vec![("edit", size(point.edit))];
    if point.places > 1 {
        params.extend([("pages", point.places.to_string()), ("layout", point.layout.name().to_owned())]);
    }
    let more = [("vmas", point.vmas), ("threads", point.threads), ("every", point.every)];
    params.extend(more.into_iter().filter(|(_, count)| *count > 1).map(|(key, count)| (key, count.to_string())));
    params.push(("size", size(point.bytes())));
    params
}

fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 20 => format!("{}MiB", bytes >> 20),
        _ if bytes >= 1 << 10 => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

fn changed(point: &Point) -> String {
    let bytes = match point.edit {
        1 => "one byte".to_owned(),
        bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    };
    match (point.places, point.layout) {
        (1, _) => format!("{bytes} changed at a random page"),
        (places, Layout::Scattered) => format!("{bytes} changed in each of {places} scattered pages"),
        (places, Layout::Contiguous) => format!("{bytes} changed in each of {places} pages one after the other"),
    }
}

fn text(point: &Point) -> String {
    let parts = if point.vmas > 1 { format!(", mapped in {} parts", point.vmas) } else { String::new() };
    let threads =
        if point.threads > 1 { format!(" {} threads commit at the same time.", point.threads) } else { String::new() };
    let every =
        if point.every > 1 { format!(" One of {} such commits is synced.", point.every) } else { String::new() };
    let what = changed(point);
    let what = what[..1].to_uppercase() + &what[1..];
    format!(
        "{what} of a {} MiB file{parts} and {}; {}.{every}{threads}",
        point.mib,
        point.guarantee.words(),
        point.history.sentence()
    )
}

fn operation(point: &Point) -> String {
    let what = changed(point).replace(" at a random page", "");
    match (point.guarantee, point.every) {
        (Guarantee::Visible, _) => what,
        (Guarantee::Atomic, _) => format!("{what}, in a new file put in the old one's place"),
        (_, 1) => format!("{what}, with its sync"),
        (_, every) => format!("{what}, with {every} of them to a sync"),
    }
}
