//! What a reader sees, drawn from a results file alone: tables, plots, and a page that opens from disk.

pub mod advice;
pub mod beyond;
mod columns;
pub mod comparison;
pub mod curves;
pub mod findings;
pub mod grid;
mod html;
mod interference;
mod markdown;
mod notes;
pub mod plots;
mod rows;
pub mod stalls;
pub mod table;
pub mod units;
mod write;
pub mod write_back;

pub use rows::word as verdict_word;
pub use write::{Written, write};

use crate::results::bounds;
use crate::results::model::Run;
use html::{Drawings, Together};

/// A report, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The whole page.
    pub html: String,
    /// Names of files and their SVG: the page's drawings, each by itself.
    pub plots: Vec<(String, String)>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A plot could not be drawn.
    #[error(transparent)]
    Plot(#[from] plots::PlotError),
    /// The page could not be made.
    #[error("making report.html: {0}; please report this, with the run.json that it happens with")]
    Page(#[from] minijinja::Error),
    /// A file of someone else's has a name that the report needs.
    #[error(
        "{} is there, and {record} does not list it as a file of this report: move it away, or choose another folder with --out",
        path.display()
    )]
    NotOurs {
        /// The file.
        path: std::path::PathBuf,
        /// The list of those that are ours.
        record: &'static str,
    },
    /// A file could not be written.
    #[error("{what} {}: {source}; is the folder writable, and is there space?", path.display())]
    Write {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Draws the report of `run`. It is the same for the same run, wherever and whenever it is drawn.
///
/// # Errors
/// [`ReportError::Plot`] or [`ReportError::Page`] if a drawing or the page cannot be made: a fault of this program.
pub fn render(run: &Run) -> Result<Rendered, ReportError> {
    let run = &*bounds::printable(run);
    let mut drawings = Vec::with_capacity(run.studies.len());
    let mut files = Vec::new();
    for (index, study) in run.studies.iter().enumerate() {
        let drawn = Drawings { ratios: plots::ratios(study)?, latencies: plots::latencies(study)? };
        let named = [("ratios", &drawn.ratios), ("latencies", &drawn.latencies)];
        for (kind, plot) in named {
            files.extend(plot.iter().map(|plot| (file_name(index, &study.scenario.id, kind), plot.standalone())));
        }
        drawings.push(drawn);
    }
    let together = together(run)?;
    files.extend(together.iter().map(|drawn| (drawn.file.clone(), drawn.plot.standalone())));
    Ok(Rendered { html: html::html(run, &drawings, &together)?, plots: files })
}

/// What several studies show together: the ladder of guarantees, and a curve for each parameter that they sweep.
fn together(run: &Run) -> Result<Vec<Together>, ReportError> {
    let ladder = plots::ladder(run)?.map(|plot| Together {
        file: "00-ladder.svg".to_owned(),
        title: "What each guarantee costs".to_owned(),
        says: Vec::new(),
        plot,
    });
    let maps = plots::maps(run)?.into_iter().map(|(word, title, plot)| Together {
        file: format!("00-{word}.svg"),
        title: title.to_owned(),
        says: Vec::new(),
        plot,
    });
    let mut all: Vec<Together> = ladder.into_iter().chain(maps).collect();
    for (index, curve) in curves::curves(run).into_iter().enumerate() {
        if let Some(plot) = plots::curve(&curve)? {
            all.push(Together {
                file: format!("00-{:02}-{}-curve.svg", index + 1, curve.along),
                title: curve.title(),
                says: curve.crossings_in_words(),
                plot,
            });
        }
    }
    if let Some(seen) = &run.beyond_memory {
        for (index, line) in plots::beyond::over_time(seen).into_iter().enumerate() {
            if let Some(plot) = line.plot()? {
                let file = format!("00-{:02}-beyond-memory-line.svg", index + 1);
                all.push(Together { file, title: line.title().to_owned(), says: line.says(), plot });
            }
        }
        for pattern in plots::beyond::PATTERNS {
            if let Some(plot) = plots::beyond::by_size(seen, pattern)? {
                let file = format!("00-beyond-memory-{pattern}-line.svg");
                all.push(Together { file, title: plots::beyond::by_size_title(pattern), says: Vec::new(), plot });
            }
        }
    }
    Ok(all)
}

/// `03-fork_ipc-one-core-ratios.svg`: sorted as the report is, and safe in any folder.
fn file_name(index: usize, id: &str, kind: &str) -> String {
    const LONGEST: usize = 120;
    let fine = |letter: char| letter.is_ascii_alphanumeric() || "._=%-".contains(letter);
    let slug: String = id.chars().map(|letter| if fine(letter) { letter } else { '-' }).take(LONGEST).collect();
    format!("{:02}-{slug}-{kind}.svg", index + 1)
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod well_formed;
