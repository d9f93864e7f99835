//! What it costs to reach a file's bytes: through a mapping, and by reading them.
//!
//! One operation is one record, a page if nothing else is said: its bytes are brought within reach and then used, by the same code on both sides.

mod ahead;
mod batch_map;
pub mod beyond;
mod catalogue;
mod consume;
mod fresh;
mod job;
mod mapping;
mod methods;
mod mixed;
mod needs;
mod point;
mod reading;
mod replay;
mod ring;
pub mod stalls;
mod threaded;
pub mod trace;
mod window;

#[cfg(test)]
mod timing;

use super::area::AreaOf;

pub use catalogue::{MEMORY, STALLS};
pub use point::Point;

/// The area.
pub static AREA: AreaOf<Point> = AreaOf {
    name: "page_touch",
    about: "reading a file through a mapping, against read and its kin, by pattern, cache state and size",
    takes_file: true,
    points: catalogue::points,
    sweeps: catalogue::SWEEPS,
    points_of_commit: |_| Vec::new(),
    points_of_reading: catalogue::points_of_reading,
    ask: catalogue::ask,
    methods: methods::METHODS,
};
