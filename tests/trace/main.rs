//! Tests of `pagewise run --trace`.
//!
//! They are in `timing`, the marker of tests whose outcome time or load could change (CONTRIBUTING.md).

mod timing;
