//! What a small change to a file costs, through a mapping and through `write`, at each guarantee.
//!
//! One operation is a commit: so many places of the file changed, and made as safe as the guarantee says. A batch changes distinct pages.
//! The mapping is long-lived and its pages were read before (state `mapped`), as a storage engine's are: so the first store to each
//! page after every sync takes a write-protection fault (mm/memory.c, do_wp_page), which is part of the operation.

mod catalogue;
mod direct;
mod job;
mod methods;
mod point;
mod replaced;
mod ring;
mod stored;
mod sync;
pub mod write_back;
mod written;

use super::area::AreaOf;

pub use point::Point;

/// The area.
pub static AREA: AreaOf<Point> = AreaOf {
    name: "shared_edit",
    about: "changing a file through a shared mapping and making it durable, against write and its syncs",
    takes_file: false,
    points: catalogue::points,
    sweeps: catalogue::SWEEPS,
    points_of_commit: catalogue::points_of_commit,
    points_of_reading: |_, _| Vec::new(),
    ask: catalogue::ask,
    methods: methods::METHODS,
};
