//! The example programs, run as a reader runs them: what they do to files, and what they say of bad input.

mod edits;
mod limits;
#[path = "../program/mod.rs"]
mod program;
mod refusals;
#[path = "../skips/mod.rs"]
mod skips;
mod support;
mod timing;
