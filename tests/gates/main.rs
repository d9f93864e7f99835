//! What is not as its case names it, on purpose: each gate tripped, and seen to take the figures away.

mod disk_load;
mod interposed;
mod intruders;
mod lies;
mod machine;
#[path = "../skips/mod.rs"]
mod skips;
mod support;
