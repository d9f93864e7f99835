//! **pagewise** answers, on your own machine: *`mmap` or `read`/`write`, and how to sync?*
//!
//! The map of the house. Each module's first line says which question it answers.
//!
//! | module | answers |
//! |---|---|
//! | [`areas`] | *what* is measured: the scenarios and their methods |
//! | [`engine`] | *how* it is measured: the contract, the rounds, the workers |
//! | [`stats`] | what the numbers say: quantiles, exact intervals, verdicts |
//! | [`proof`] | whether the rules of mapping hold here: claims, proven by doing |
//! | [`machine`] | what machine this is, what it cannot go below, what skews it |
//! | [`results`] | what a run leaves behind: the model and the store |
//! | [`compare`] | what differs between two sets of runs, and how sure that is |
//! | [`report`] | what a reader sees: tables, plots, HTML |
//! | [`trial`] | whether the instrument keeps its promises here |
//! | [`cli`] | what a user types |
//! | [`site`] | where files lie, and that nothing of them is left behind |
//! | [`measuring_lock`] | who measures on this machine now, and how the next one waits |
//! | [`os`] | the kernel's calls: the only unsafe code |
//!
//! Who may know whom: `cli → areas, trial, engine, proof, machine, report → compare → results,
//! stats, site, measuring_lock, os`; areas and trial know the engine. An arrow up never exists.

pub mod areas;
pub mod cli;
pub mod compare;
pub mod engine;
pub mod machine;
pub mod measuring_lock;
pub mod os;
pub mod proof;
pub mod report;
pub mod results;
pub mod site;
pub mod stats;
pub mod trial;

#[cfg(test)]
#[path = "../tests/program/mod.rs"]
mod program;
#[cfg(test)]
#[path = "../tests/skips/mod.rs"]
mod skips;
