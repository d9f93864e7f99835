//! What the numbers say: pure functions, no system.
//!
//! Every figure that a run publishes about its batches comes from here, and from the batches alone;
//! docs/FORMAT.md gives the same steps for a reader with another language.

mod binomial;
mod comparison;
mod plan;
mod proportion;
mod quantile;
mod rank_test;
mod sign_interval;
mod verdict;

pub use comparison::{Comparison, Sample, compare, per_worker_log_ratios, time_per_op};
pub use plan::{level, workers_needed, workers_used};
pub use proportion::{at_most, rate_at_most, rate_interval, workers_to_find};
pub use quantile::{median, percentile_stands, quantile};
pub use rank_test::{MOST, Shift, fewest_a_side, rank_shift};
pub use sign_interval::{fewest, sign_interval};
pub use verdict::{Verdict, tainted};
