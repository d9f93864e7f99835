//! The proof of a history: the faults of a pass, which tell folio sizes apart, the same for each worker.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Dataset;
use crate::engine::method::Trouble;
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::usage::Usage;
use crate::os::{SysError, SysResult, page_size, pagemap};
use crate::results::model::Cache;

/// How long the pages that a hint asked for may take to come.
const HINTED: Duration = Duration::from_secs(2);

impl Dataset {
    /// How the file lies in the page cache.
    pub(super) fn look(&self) -> SysResult<Cache> {
        let map = self.map()?;
        let pass_minor_faults = self.pass(&map);
        Ok(Cache { pages: self.pages, pass_minor_faults, folios: pagemap::folios(&map).ok() })
    }

    pub(super) fn map(&self) -> SysResult<FileMap> {
        FileMap::new(&self.file, self.bytes() as usize, Kind::SharedRead, Populate::OnTouch)
    }

    /// Minor faults of one pass over a fresh mapping, a touch a page: what the history shows itself by, with no privilege needed.
    pub(super) fn pass(&self, map: &FileMap) -> u64 {
        let before = Usage::now();
        let mut sum = 0_u64;
        for page in 0..self.pages as usize {
            sum = sum.wrapping_add(map.span().part(page * page_size(), 1).touch());
        }
        std::hint::black_box(sum);
        Usage::now().since(before).minor_faults
    }

    /// Proves that `hint`, by which `call` asks for the beginning of the file, brings pages of it
    /// into the page cache where none were.
    ///
    /// # Errors
    /// [`Trouble::Failed`] where it brings none: the kernel never heard it, or this filesystem
    /// ignores it.
    pub fn prove_hint(&self, call: &str, hint: impl FnOnce() -> SysResult<()>) -> Result<u64, Trouble> {
        self.make_cold()?;
        hint()?;
        let deadline = Instant::now() + HINTED;
        while self.cached()? == 0 {
            if Instant::now() >= deadline {
                let limit = HINTED.as_secs();
                return Err(Trouble::Failed(format!("{call} brought no page into the page cache within {limit} s")));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(1)
    }

    fn pass_file(&self) -> PathBuf {
        self.path.with_extension("pass")
    }

    /// Proves that the pages came into the cache as they did when the file was made: by the faults of a pass, which tell folio sizes apart.
    /// Where they did not, the file is filled again in the same way, which is what the history's name means, and what that gives is
    /// what later workers compare with.
    pub(super) fn prove_history(&self) -> Result<(), Trouble> {
        let made = std::fs::read_to_string(self.pass_file()).ok().and_then(|text| text.parse::<u64>().ok());
        // Folios come from free memory, so that their sizes vary a little; another history differs by more than this.
        let alike = |made: u64, seen: u64| (made / 2..=made * 2 + 2).contains(&seen);
        if self.cached()? == self.pages && alike(made.unwrap_or(0), self.pass(&self.map()?)) {
            return Ok(());
        }
        self.fill()?;
        let cached = self.cached()?;
        if cached != self.pages {
            let detail = format!("{cached} of {} pages are in the page cache after they were written", self.pages);
            return Err(Trouble::Failed(format!("the history {} cannot be had: {detail}", self.history.name())));
        }
        let seen = self.pass(&self.map()?);
        if self.history.single_pages() && made.is_some_and(|made| !alike(made, seen)) {
            let detail = format!("a pass took {seen} minor faults, {} when the file was made", made.unwrap_or(0));
            return Err(Trouble::Failed(format!("the history {} cannot be had: {detail}", self.history.name())));
        }
        self.note_pass(seen)
    }

    /// Leaves the faults of a pass for the workers.
    pub(super) fn note_pass(&self, faults: u64) -> Result<(), Trouble> {
        std::fs::write(self.pass_file(), faults.to_string()).map_err(SysError::io("write", &self.path))?;
        Ok(())
    }
}
