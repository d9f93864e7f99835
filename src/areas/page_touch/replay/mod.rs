//! What a user's own accesses cost in each way: each read's bytes are brought within reach and summed, over a file that has room for them.
//!
//! The ways are those of records, by the same names: of their own here are the places and lengths, which differ from read to read.

mod ahead;
mod job;
mod mapping;
mod mixed;
mod reading;
mod ring;

pub(super) use ahead::{MapAhead, ReadAhead};
pub(super) use mapping::ByMapping;
pub(super) use mixed::Mixed;
pub(super) use reading::ByRead;
pub(super) use ring::Ringed;
