//! What is being measured, and the time left: a bar on a terminal's standard error, nothing elsewhere.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bar of a run. It is drawn when a worker ends, never by a timer: nothing wakes beside a batch.
pub struct Bar {
    bar: ProgressBar,
    start: Instant,
    budget: Duration,
}

impl Bar {
    /// A bar over `budget`, counted from `start`.
    pub fn new(start: Instant, budget: Duration) -> Self {
        let bar = ProgressBar::with_draw_target(Some(budget.as_millis() as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {prefix} left at most  {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, start, budget }
    }

    /// Shows `what` and the time left.
    pub fn show(&self, what: String) {
        let spent = self.start.elapsed();
        let left = self.budget.saturating_sub(spent).as_secs();
        self.bar.set_position(spent.min(self.budget).as_millis() as u64);
        self.bar.set_prefix(format!("{}:{:02}", left / 60, left % 60));
        self.bar.set_message(what);
        self.bar.tick();
    }

    /// Prints to standard output with the bar out of the way; a reader who has gone does not stop the run.
    pub fn print(&self, text: &str) {
        self.bar.suspend(|| drop(writeln!(std::io::stdout(), "{text}")));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
