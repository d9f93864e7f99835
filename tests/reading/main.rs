//! Tests of `--file`.
//!
//! They are in `timing`, the marker of tests whose outcome time or load could change (CONTRIBUTING.md).

#[path = "../held/mod.rs"]
mod held;
#[path = "../program/mod.rs"]
mod program;
#[path = "../skips/mod.rs"]
mod skips;
mod timing;
