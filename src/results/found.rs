//! Which runs does a path name? One, by its folder or its `run.json`, or all that lie in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::model::Run;
use super::store::{FILE, StoreError, load};

/// A run, and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// As named, or the folder that was found under what was named.
    pub path: PathBuf,
    /// The run.
    pub run: Run,
}

/// The runs that `path` names: itself, if it is a `run.json` or a folder with one in it; else each folder right below it that has one, by
/// their names, which begin with the time of their start. What lies beside them is passed over, and so are hidden folders.
///
/// # Errors
/// As [`load`], for the first run that cannot be read: it is refused, not passed over. [`StoreError::NoRunsInFolder`] if there is none.
pub fn runs_at(path: &Path) -> Result<Vec<Found>, StoreError> {
    if !path.is_dir() || path.join(FILE).exists() {
        return Ok(vec![Found { path: path.to_owned(), run: load(path)? }]);
    }
    let entries = fs::read_dir(path).map_err(|error| StoreError::Unreadable { path: path.to_owned(), error })?;
    let hidden = |folder: &Path| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|folder| !hidden(folder) && folder.is_dir() && folder.join(FILE).exists())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(StoreError::NoRunsInFolder { folder: path.to_owned() });
    }
    folders.into_iter().map(|path| Ok(Found { run: load(&path)?, path })).collect()
}
