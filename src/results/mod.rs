//! What a run leaves behind: the model of format v1.

pub mod bounds;
pub mod model;

mod disturbed;
mod finite;
mod found;
mod layout;
pub mod sound;
pub mod store;
pub mod text;

pub use found::{Found, runs_at};
