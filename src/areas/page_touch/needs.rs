//! What does an operation need at the least, by the way that its bytes are reached?
//!
//! A case's time over that says how far it is from what the machine can do: not how good the method is, since a mapping needs no system call and no
//! copy, but how much of its time is neither calls, nor faults, nor copies, nor the device.

use crate::engine::need::Need;

use super::super::draw::Pattern;
use super::point::{Point, State, Use};

/// How a record's bytes are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Through a mapping.
    Mapping,
    /// By reads of so many bytes into a buffer that is used again; so many are in flight at a time.
    Read {
        /// Bytes of a call.
        block: u64,
        /// Calls that are under way at a time.
        depth: u32,
        /// Whether the page cache is passed by.
        past: bool,
    },
    /// Through a mapping or from memory of the program's own, after so many reads were asked for at a time.
    Ahead {
        /// Reads that are under way at a time.
        depth: u32,
    },
    /// By large reads into memory that is new.
    Fresh,
}

/// What the floors of memory and of the device work in, in bytes.
const UNIT: u64 = 4096;
/// What the floor of the device's stream works in, in bytes.
const STREAM: f64 = (1 << 20) as f64;

/// What an operation of `point` needs, one after the other.
pub(super) fn needs(point: &Point, reach: Reach) -> Vec<Need> {
    if point.trace.is_some() {
        return Vec::new();
    }
    let past = matches!(reach, Reach::Read { past: true, .. });
    if point.state == State::Cold || past {
        // Beside the device the rest is little, and much of it is done while the device is at work.
        return device(point, reach).into_iter().collect();
    }
    let copied = Need::of("page copy out", pages(point));
    let by_mapping = [Need::faults(), of_use(point)];
    let mut needs = match reach {
        // A system call serves a block; what it copies beyond the record is the method's own affair.
        Reach::Read { block, .. } => {
            let serves = if point.pattern.is_in_order() { (block / point.record).max(1) } else { 1 };
            vec![Need::of("system call", 1.0 / serves as f64), copied]
        }
        Reach::Fresh => vec![Need::faults(), copied],
        Reach::Mapping | Reach::Ahead { .. } => by_mapping.to_vec(),
    };
    if point.threads > 1 {
        for need in &mut needs {
            need.share(point.threads);
        }
    }
    needs
}

/// Pages of the floors' size that a record fills.
fn pages(point: &Point) -> f64 {
    point.record as f64 / UNIT as f64
}

/// What the use of the bytes takes where they lie: of those that a read has just copied, next to nothing, since the processor has them near by.
fn of_use(point: &Point) -> Need {
    let touches = point.pages_a_record() as f64;
    match point.job {
        Use::Copy => Need::of("page copy out", pages(point)),
        Use::Sum | Use::Search if point.record >= UNIT => Need::of("page read", pages(point)),
        _ if point.pattern == Pattern::Random => Need::of("random touch", touches),
        // What is popular, or lies near by, the processor may have in its caches.
        _ => Need::of("page touch", touches),
    }
}

/// What the device takes for a record, with as many others in flight; nothing where pages are used again that were read already.
fn device(point: &Point, reach: Reach) -> Option<Need> {
    let depth = match reach {
        Reach::Read { depth, .. } | Reach::Ahead { depth } => depth,
        Reach::Mapping | Reach::Fresh => 1,
    };
    let again = point.pattern == Pattern::Zipf || point.passes > 1 || point.threads > 1;
    if again {
        return None;
    }
    if !point.pattern.is_random() || point.record > UNIT {
        return Some(Need::of("device read 1 MiB x8", point.record as f64 / STREAM));
    }
    match depth {
        1 => Some(Need::of("device read 4 KiB", 1.0)),
        8 => Some(Need::of("device read 4 KiB x8", 1.0)),
        _ => Some(Need::of("device read 4 KiB x32", 1.0)),
    }
}
