//! Faults in the middle of a run.

mod files;
mod hangs;
mod limits;
mod resumes;
