//! Nothing of the user's is lost, nothing hangs, nothing dies without a word: each fault made for
//! real.
//!
//! docs/SAFETY.md names the test that holds each promise.

mod fuzz;
#[path = "../isolation/group.rs"]
mod group;
#[path = "../processes/mod.rs"]
mod processes;
#[path = "../sample/mod.rs"]
mod sample;
#[path = "../skips/mod.rs"]
mod skips;
mod small;
mod strangers;
mod support;
mod timing;
