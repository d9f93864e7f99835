//! A file to measure on: its content, how it came into the page cache, and the proof of both.
//!
//! How the cache was filled decides the size of the folios that hold the pages, and with it read faults, write faults and device
//! bytes an edit (mm/filemap.c; 6.18 maps a whole large folio on a read fault). So the history is part of every scenario, built once a study
//! by the parent, proven by every worker, and rebuilt where it changed.

mod fill;
mod found;
mod history;
mod like;
mod proof;
mod state;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;

use crate::engine::method::Trouble;
use crate::os::file::{self, Open};
use crate::os::{SysResult, page_size};
use crate::results::model::Cache;

pub use found::Identity;
pub use history::History;
pub use like::like;

/// What file to make.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recipe {
    /// Its name in the site's folder; of a user's file, its path.
    pub name: PathBuf,
    /// Its size, whole pages.
    pub bytes: u64,
    /// How it is to be cached.
    pub history: History,
    /// A file of the user's whose content it takes, from the beginning, as far as that goes.
    pub source: Option<PathBuf>,
    /// Of a user's file, which one is meant.
    pub identity: Option<Identity>,
}

impl Recipe {
    /// A file of our own.
    pub fn new(name: &str, bytes: u64, history: History) -> Self {
        Self { name: name.into(), bytes, history, source: None, identity: None }
    }

    /// Makes the file, in the parent, before its study. Gives how it lies in the page cache, where it does.
    ///
    /// # Errors
    /// What the filesystem answers; `ENOSPC` comes here, not in a measurement: every block is written.
    pub fn build(&self, site: &Path) -> Result<Option<Cache>, Trouble> {
        if self.history == History::Found {
            return Ok(None);
        }
        let path = site.join(&self.name);
        drop(file::create_new(&path)?);
        let data = Dataset::attach(self, path)?;
        data.fill()?;
        if self.history == History::Cold {
            return Ok(None);
        }
        let cache = data.look()?;
        data.note_pass(cache.pass_minor_faults)?;
        Ok(Some(cache))
    }
}

/// A file that is there, open.
#[derive(Debug)]
pub struct Dataset {
    /// Where it is.
    pub path: PathBuf,
    /// For reading and writing; for reading alone where it is the user's.
    pub file: File,
    /// Whole pages; a user's file may have a tail beyond them, which is not used.
    pub pages: u64,
    /// How it is cached.
    pub history: History,
    /// Whose content it takes.
    source: Option<PathBuf>,
    /// Which file of the user's it is.
    identity: Option<Identity>,
    /// Whether its filesystem keeps it in memory alone.
    pub in_memory: bool,
}

/// Datasets that this process has proven: once a worker is enough, since each batch looks at residency again.
static PROVEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

impl Dataset {
    /// Opens the file of `recipe` and proves its history; rebuilds it where that changed.
    ///
    /// # Errors
    /// [`Trouble`]: a call failed, or the history cannot be had.
    pub fn open(recipe: &Recipe, site: &Path) -> Result<Self, Trouble> {
        let path = if recipe.history == History::Found { recipe.name.clone() } else { site.join(&recipe.name) };
        let data = Self::attach(recipe, path)?;
        data.prove_found()?;
        let proven = || PROVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(data.history, History::Found | History::Cold) && !proven().contains(&data.path) {
            data.prove_history()?;
            proven().insert(data.path.clone());
        }
        Ok(data)
    }

    fn attach(recipe: &Recipe, path: PathBuf) -> Result<Self, Trouble> {
        let file = if recipe.history == History::Found {
            file::open_unmarked(&path, Open::Read).map_err(|error| match error.errno {
                Errno::ENOENT => found::gone(&error),
                _ => error.into(),
            })?
        } else {
            file::open(&path, Open::ReadWrite)?
        };
        let in_memory = file::in_memory(&file);
        let pages = recipe.bytes / page_size() as u64;
        let (history, source, identity) = (recipe.history, recipe.source.clone(), recipe.identity.clone());
        Ok(Self { path, file, pages, history, source, identity, in_memory })
    }

    /// Bytes in whole pages.
    pub fn bytes(&self) -> u64 {
        self.pages * page_size() as u64
    }

    /// A descriptor of its own for one batch: readahead state and fault history live in it (struct file_ra_state).
    ///
    /// # Errors
    /// What open(2) answers.
    pub fn reopen(&self, how: Open) -> SysResult<File> {
        if self.history == History::Found { file::open_unmarked(&self.path, how) } else { file::open(&self.path, how) }
    }
}

#[cfg(test)]
mod timing {
    use super::*;
    use crate::os::cache;
    use crate::skips::{Lack, skip_in};

    #[test]
    fn a_file_is_made_warm_and_cold_as_its_history_says() {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        for history in [History::Write4K, History::Write1M, History::Readahead, History::Random] {
            let recipe = Recipe::new(history.name(), 2 << 20, history);
            recipe.build(dir.path()).unwrap();
            let data = Dataset::open(&recipe, dir.path()).unwrap();
            if data.in_memory {
                return skip_in(dir.path(), Lack::DiskFiles, "there is no cold state");
            }
            if let Err(error) = cache::cachestat(&data.file, data.bytes()) {
                return skip_in(dir.path(), Lack::Cachestat, error);
            }
            data.make_cold().unwrap();
            data.make_warm().unwrap();
            assert_eq!(data.prove_clean().unwrap(), 1);
        }
    }
}
