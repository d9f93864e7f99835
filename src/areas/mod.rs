//! What is measured: the catalogue of areas, scenarios and methods.
//!
//! An area is a list of questions and a table of methods. To add a method: one item in its area's file and
//! one line in that area's table. To add an area: one new file and one line in [`ALL`].

mod area;
pub mod content;
mod crew;
pub mod dataset;
pub mod draw;
mod fork_ipc;
pub mod page_touch;
pub mod prepare;
pub mod private_cow;
pub mod shared_edit;

pub use area::{Area, FULL, Options, Spec, UserFile};

/// Every area, in the order in which they are measured and reported.
pub const ALL: [&dyn Area; 4] = [&shared_edit::AREA, &private_cow::AREA, &fork_ipc::AREA, &page_touch::AREA];

/// Every sweep that an area has: its name, what it varies.
pub fn sweeps() -> Vec<(&'static str, &'static str)> {
    ALL.into_iter().flat_map(|area| area.sweeps()).collect()
}

/// The place of `method` among those of `area`, the plainest of which is 0; one that the catalogue does not have comes last.
pub fn plainness(area: &dyn Area, method: &str) -> usize {
    area.methods().iter().position(|name| *name == method).unwrap_or(usize::MAX)
}

/// The area of this name.
pub fn named(name: &str) -> Option<&'static dyn Area> {
    ALL.into_iter().find(|area| area.name() == name)
}
