//! Whether the instrument keeps its promises on this machine: studies of identical methods, and of methods slowed by a known part.
//!
//! | module | answers |
//! |---|---|
//! | [`subject`] | what is tried: a method, slowed by how much, for how long |
//! | [`neighbour`] | what loads the other cores meanwhile |
//! | [`blocks`] | what the usual order, one block after the other, says of identical methods |
//! | [`model`] | what a trial leaves behind |
//! | [`store`] | where that lies |
//! | [`rates`] | how often its verdicts were right and wrong |
//! | [`variation`] | how batches, rounds and workers vary and hang together |

pub mod blocks;
pub mod model;
pub mod neighbour;
pub mod rates;
pub mod store;
pub mod subject;
pub mod variation;
