//! What does a study look like, and what do several of them show together? As SVG.

mod axis;
pub mod beyond;
mod canvas;
mod curve;
mod ladder;
mod latencies;
mod lines;
mod maps;
mod panels;
mod ratios;

pub use canvas::Plot;
pub use curve::curve;
pub use ladder::ladder;
pub use latencies::latencies;
pub use maps::maps;
pub use ratios::ratios;

/// Why a plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("drawing {what}: {why}; please report this, with the run.json that it happens with")]
pub struct PlotError {
    /// Which plot.
    what: String,
    /// What the drawing library says.
    why: String,
}

#[cfg(test)]
mod tests;
