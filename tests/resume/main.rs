//! Tests of `pagewise run --resume`.
//!
//! They are in `timing`, the marker of tests whose outcome time or load could change (CONTRIBUTING.md).

#[path = "../held/mod.rs"]
mod held;
#[path = "../sample/mod.rs"]
mod sample;
#[path = "../skips/mod.rs"]
mod skips;
mod timing;
