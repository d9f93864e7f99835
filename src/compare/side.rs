//! Which runs stand on a side: runs named one by one, or all runs in a folder.

use std::path::{Path, PathBuf};

use crate::results::model::Run;
use crate::results::store::{self, StoreError};

/// The runs of one side.
#[derive(Clone, Debug)]
pub struct Side {
    /// As in the table: `A` or `B`.
    pub name: &'static str,
    /// In the order in which they began.
    pub runs: Vec<Run>,
}

/// Why runs cannot be compared: a sentence that ends with what to do.
// The sentences are the documentation of what each is.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} holds no runs: name a run's folder, its run.json, or a folder of such folders", path.display())]
    Empty { path: PathBuf },
    #[error("the run {id} is named twice: a run counts once, and compared with itself says nothing")]
    Twice { id: String },
    #[error("side {side} has {runs} runs, and at most {most} can be ranked: leave some out")]
    TooMany { side: &'static str, runs: usize, most: usize },
}

impl Side {
    /// The runs at `paths`: each a run's folder, its `run.json`, or a folder of runs' folders.
    ///
    /// # Errors
    /// [`SideError`].
    pub fn load(name: &'static str, paths: &[PathBuf]) -> Result<Self, SideError> {
        let mut runs = Vec::new();
        for path in paths {
            for run in runs_at(path)? {
                runs.push(store::load(&run)?);
            }
        }
        let most = crate::stats::MOST_RANKED;
        if runs.len() > most {
            return Err(SideError::TooMany { side: name, runs: runs.len(), most });
        }
        runs.sort_by(|one, other| one.started.cmp(&other.started));
        Ok(Self { name, runs })
    }
}

/// Whether a run stands more than once.
///
/// # Errors
/// [`SideError::Twice`], naming it.
pub fn distinct(sides: [&Side; 2]) -> Result<(), SideError> {
    // The label and the second of the start could be another machine's; the seed is drawn.
    let key = |run: &Run| (run.id.clone(), run.seed);
    let mut all: Vec<_> = sides.iter().flat_map(|side| side.runs.iter().map(key)).collect();
    all.sort();
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SideError::Twice { id: pair[0].0.clone() }),
        None => Ok(()),
    }
}

fn runs_at(path: &Path) -> Result<Vec<PathBuf>, SideError> {
    if !path.is_dir() || path.join(store::FILE).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|_| SideError::Empty { path: path.to_owned() })?;
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|folder| folder.join(store::FILE).is_file()).collect();
    found.sort();
    if found.is_empty() { Err(SideError::Empty { path: path.to_owned() }) } else { Ok(found) }
}
