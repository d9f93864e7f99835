//! Tests of `pagewise run`, `list` and `report`.
//!
//! They are in `timing`, the marker of tests whose outcome time or load could change (CONTRIBUTING.md).

#[path = "../processes/mod.rs"]
mod processes;
#[path = "../program/mod.rs"]
mod program;
#[path = "../skips/mod.rs"]
mod skips;
mod timing;
