//! What is not as its case names it, on purpose: each check tripped, and seen to take the figures away; and what others do meanwhile, seen to be counted and to take nothing away.

mod disk_load;
mod interposed;
#[path = "../skips/mod.rs"]
mod skips;
mod support;
mod timing;
