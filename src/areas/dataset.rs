//! A file to measure on: its content, how it came into the page cache, and the proof of both.
//!
//! How the cache was filled decides the size of the folios that hold the pages, and with it read faults, write faults and device
//! bytes an edit (mm/filemap.c; 6.18 maps a whole large folio on a read fault). So the history is part of every scenario, built once a study
//! by the parent, proven by every worker, and rebuilt where it changed.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::engine::method::Trouble;
use crate::os::buffer::Buffer;
use crate::os::cache;
use crate::os::file::{self, Open};
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::pagemap;
use crate::os::usage::Usage;
use crate::os::{SysError, SysResult, page_size};
use crate::results::model::Cache;

use super::content;
use super::draw::{self, Pattern};

/// How a file's pages came into the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Written 4 KiB at a time.
    Write4K,
    /// Written 1 MiB at a time.
    Write1M,
    /// Evicted, then read from start to end.
    Readahead,
    /// Evicted, then read 4 KiB at a time in random order.
    Random,
    /// Nothing is cached: the state is cold.
    Cold,
    /// The user's own file, as it was found.
    Found,
}

impl History {
    /// As in a scenario's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Write4K => "write-4K",
            Self::Write1M => "write-1M",
            Self::Readahead => "readahead",
            Self::Random => "random",
            Self::Cold => "none",
            Self::Found => "found",
        }
    }

    /// In a sentence: "the cache was filled by …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Write4K => "writes of 4 KiB",
            Self::Write1M => "writes of 1 MiB",
            Self::Readahead => "reading it in order",
            Self::Random => "reading it at random",
            Self::Cold | Self::Found => self.name(),
        }
    }

    /// Whether each folio is known to hold a single page: then faults can be counted to the page.
    pub fn single_pages(self) -> bool {
        matches!(self, Self::Write4K | Self::Random)
    }

    fn write_size(self) -> usize {
        match self {
            Self::Write4K => 4 << 10,
            _ => 1 << 20,
        }
    }
}

/// What file to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Its name in the site's folder; of a user's file, its path.
    pub name: PathBuf,
    /// Its size, whole pages.
    pub bytes: u64,
    /// How it is to be cached.
    pub history: History,
}

impl Recipe {
    /// A file of our own.
    pub fn new(name: &str, bytes: u64, history: History) -> Self {
        Self { name: name.into(), bytes, history }
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
        let proven = || PROVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(data.history, History::Found | History::Cold) && !proven().contains(&data.path) {
            data.prove_history()?;
            proven().insert(data.path.clone());
        }
        Ok(data)
    }

    fn attach(recipe: &Recipe, path: PathBuf) -> Result<Self, Trouble> {
        let file = if recipe.history == History::Found {
            file::open_unmarked(&path, Open::Read)?
        } else {
            file::open(&path, Open::ReadWrite)?
        };
        let in_memory = file::in_memory(&file);
        Ok(Self { path, file, pages: recipe.bytes / page_size() as u64, history: recipe.history, in_memory })
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

    /// Writes the content, and brings it into the cache as the history says.
    fn fill(&self) -> Result<(), Trouble> {
        self.drop_pages()?;
        let chunk = self.history.write_size();
        let mut bytes = vec![0; chunk];
        for at in (0..self.bytes()).step_by(chunk) {
            let part = &mut bytes[..chunk.min((self.bytes() - at) as usize)];
            content::write(part, at);
            file::write_all_at(&self.file, part, at, &self.path)?;
        }
        file::fsync(&self.file)?;
        match self.history {
            History::Readahead => {
                self.drop_pages()?;
                self.read_through(128 << 10)?;
            }
            History::Random => {
                self.drop_pages()?;
                self.read_in_random_order()?;
            }
            History::Cold => self.drop_pages()?,
            History::Write4K | History::Write1M | History::Found => {}
        }
        Ok(())
    }

    fn read_through(&self, chunk: usize) -> SysResult<()> {
        let file = self.reopen(Open::Read)?;
        let mut buffer = Buffer::new(chunk)?;
        for at in (0..self.bytes()).step_by(chunk) {
            let size = chunk.min((self.bytes() - at) as usize);
            file::read_at(&file, &mut buffer.bytes_mut()[..size], at)?;
        }
        Ok(())
    }

    fn read_in_random_order(&self) -> SysResult<()> {
        let file = self.reopen(Open::Read)?;
        cache::advise_file(&file, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
        let mut buffer = Buffer::new(page_size())?;
        let mut order = Vec::new();
        draw::pages(Pattern::Random, self.pages, self.pages, 0, &mut order);
        for page in order {
            file::read_at(&file, buffer.bytes_mut(), u64::from(page) * page_size() as u64)?;
        }
        Ok(())
    }

    /// Syncs and evicts, without looking whether it helped.
    fn drop_pages(&self) -> SysResult<()> {
        if self.history != History::Found {
            file::fdatasync(&self.file)?;
        }
        cache::evict(&self.file)
    }

    /// Pages in the cache, in words that fit a row where that cannot be known.
    fn cached(&self) -> Result<u64, Trouble> {
        cache::cached_pages(&self.file, self.bytes()).map_err(|error| {
            Trouble::Unavailable(format!("what is cached cannot be read ({error}): the state cannot be proven"))
        })
    }

    /// Every page in the cache; our own file is rebuilt where it is not, a user's is read.
    ///
    /// # Errors
    /// [`Trouble`] where pages do not stay.
    pub fn make_warm(&self) -> Result<(), Trouble> {
        if self.cached()? == self.pages {
            return Ok(());
        }
        if self.history == History::Found {
            self.fits_in_memory()?;
            self.read_through(1 << 20)?;
        } else {
            self.fill()?;
        }
        let cached = self.cached()?;
        if cached == self.pages {
            return Ok(());
        }
        let detail = format!("{cached} of {} pages stay in the page cache", self.pages);
        if self.history == History::Found {
            return Err(Trouble::Unavailable(format!(
                "{detail}: the file does not fit in memory, or another program evicts it"
            )));
        }
        Err(Trouble::unproven("the file is not warm", detail))
    }

    /// A file larger than memory cannot be warm: said before it is read for nothing.
    fn fits_in_memory(&self) -> Result<(), Trouble> {
        let memory = nix::sys::sysinfo::sysinfo().map_or(u64::MAX, |info| info.ram_total());
        if self.bytes() < memory {
            return Ok(());
        }
        Err(Trouble::Unavailable(format!(
            "the file has {} MiB, memory {} MiB: it cannot be warm",
            self.bytes() >> 20,
            memory >> 20
        )))
    }

    /// No page in the cache; tried twice, since pages that readahead is still bringing in cannot be dropped (mm/truncate.c,
    /// mapping_try_invalidate).
    ///
    /// # Errors
    /// [`Trouble`] where pages stay.
    pub fn make_cold(&self) -> Result<(), Trouble> {
        if self.in_memory {
            return Err(Trouble::Unavailable(
                "this filesystem keeps its files in memory: there is no cold state".to_owned(),
            ));
        }
        for pause in [0, 20] {
            std::thread::sleep(Duration::from_millis(pause));
            self.drop_pages()?;
            if self.cached()? == 0 {
                return Ok(());
            }
        }
        let cached = self.cached()?;
        let detail = format!("{cached} of {} pages stay in the page cache", self.pages);
        if self.history == History::Found {
            return Err(Trouble::Unavailable(format!("{detail}: mapped by another program, or dirty")));
        }
        Err(Trouble::unproven("the file is not cold", detail))
    }

    /// Still no page in the cache: what was read went past it, and nobody else brought a page in.
    ///
    /// # Errors
    /// [`Trouble::Unproven`] with the count.
    pub fn prove_uncached(&self) -> Result<(), Trouble> {
        match self.cached()? {
            0 => Ok(()),
            cached => Err(Trouble::unproven(
                "a read past the page cache left pages in it",
                format!("{cached} of {} pages cached after the batch", self.pages),
            )),
        }
    }

    /// No dirty page and none being written back, where the kernel tells.
    ///
    /// # Errors
    /// [`Trouble::Unproven`] with the count.
    pub fn prove_clean(&self) -> Result<u64, Trouble> {
        if self.in_memory {
            return Ok(0);
        }
        match cache::cachestat(&self.file, self.bytes()) {
            Ok(seen) if seen.dirty + seen.writeback > 0 => Err(Trouble::unproven(
                "pages are left dirty",
                format!("{} dirty, {} being written back", seen.dirty, seen.writeback),
            )),
            Ok(_) => Ok(1),
            Err(_) => Ok(0),
        }
    }

    /// How the file lies in the page cache.
    fn look(&self) -> SysResult<Cache> {
        let map = self.map()?;
        let pass_minor_faults = self.pass(&map);
        Ok(Cache { pages: self.pages, pass_minor_faults, folios: pagemap::folios(&map).ok() })
    }

    fn map(&self) -> SysResult<FileMap> {
        FileMap::new(&self.file, self.bytes() as usize, Kind::SharedRead, Populate::OnTouch)
    }

    /// Minor faults of one pass over a fresh mapping, a touch a page: what the history shows itself by, with no privilege needed.
    fn pass(&self, map: &FileMap) -> u64 {
        let before = Usage::now();
        let mut sum = 0_u64;
        for page in 0..self.pages as usize {
            sum = sum.wrapping_add(map.span().part(page * page_size(), 1).touch());
        }
        std::hint::black_box(sum);
        Usage::now().since(before).minor_faults
    }

    fn pass_file(&self) -> PathBuf {
        self.path.with_extension("pass")
    }

    /// Proves that the pages came into the cache as they did when the file was made: by the faults of a pass, which tell folio sizes apart.
    /// Where they did not, the file is filled again in the same way, which is what the history's name means, and what that gives is
    /// what later workers compare with.
    fn prove_history(&self) -> Result<(), Trouble> {
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
    fn note_pass(&self, faults: u64) -> Result<(), Trouble> {
        std::fs::write(self.pass_file(), faults.to_string()).map_err(SysError::io("write", &self.path))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_warm_and_cold_as_its_history_says() {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        for history in [History::Write4K, History::Write1M, History::Readahead, History::Random] {
            let recipe = Recipe::new(history.name(), 2 << 20, history);
            recipe.build(dir.path()).unwrap();
            let data = Dataset::open(&recipe, dir.path()).unwrap();
            if cache::cachestat(&data.file, data.bytes()).is_err() || data.in_memory {
                eprintln!("skipped: residency cannot be read or changed here");
                return;
            }
            data.make_cold().unwrap();
            data.make_warm().unwrap();
            assert_eq!(data.prove_clean().unwrap(), 1);
        }
    }
}
