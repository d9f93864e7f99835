//! Two measurements on one machine, as their users meet them.

#[path = "../program/mod.rs"]
mod program;
#[path = "../skips/mod.rs"]
mod skips;
/// Time or load could change the outcome of these tests (CONTRIBUTING.md).
mod timing;
