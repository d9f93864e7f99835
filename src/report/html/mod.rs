//! How does a run become one page that opens from disk, without a network?
//!
//! The page is made of text that others wrote, perhaps on another machine: the template escapes all of it, and only the drawings of
//! [`crate::report::plots`], which escape what they hold, go in as they are.

mod details;
mod page;
mod study;
mod tables;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};

use super::ReportError;
use super::plots::Plot;
use crate::results::model::Run;

const TEMPLATE: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");

/// The drawings of one study.
pub struct Drawings {
    /// Its ratios.
    pub ratios: Option<Plot>,
    /// Its latencies.
    pub latencies: Option<Plot>,
}

/// A drawing of what several studies show together.
pub struct Together {
    /// The name of its own file.
    pub file: String,
    /// Its heading.
    pub title: String,
    /// What is to be seen in it, in sentences; names stand between backticks.
    pub says: Vec<String>,
    /// The drawing.
    pub plot: Plot,
}

/// The page of `run`, with the drawings of its studies in their order, and what they show together.
pub fn html(run: &Run, drawings: &[Drawings], together: &[Together]) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    // A name that the template has wrong must not pass for an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The name's ending turns escaping on.
    environment.add_template("report.html", TEMPLATE)?;
    let page = environment.get_template("report.html")?.render(context! {
        page => Value::from(Serde(page::page(run))),
        together => Value::from(Serde(page::together(together))),
        areas => Value::from(Serde(study::areas(run, drawings))),
        style => Value::from_safe_string(STYLE.to_owned()),
    })?;
    Ok(page)
}

/// Where a study stands in the page.
fn anchor(index: usize) -> String {
    format!("study-{}", index + 1)
}

#[cfg(test)]
mod tests;
