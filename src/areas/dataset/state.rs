//! Cache states: bringing a file to one, and proving it.

use std::time::Duration;

use super::{Dataset, History};
use crate::engine::method::Trouble;
use crate::os::{SysResult, cache, file};

impl Dataset {
    /// Syncs and evicts, without looking whether it helped.
    pub(super) fn drop_pages(&self) -> SysResult<()> {
        if self.history != History::Found {
            file::fdatasync(&self.file)?;
        }
        cache::evict(&self.file)
    }

    /// Pages in the cache, in words that fit a row where that cannot be known.
    pub(super) fn cached(&self) -> Result<u64, Trouble> {
        cache::cached_pages(&self.file, self.bytes()).map_err(|error| {
            Trouble::Unavailable(format!("what is cached cannot be read ({error}): the state cannot be proven"))
        })
    }

    /// Every page in the cache; our own file is rebuilt where it is not, a user's is read.
    ///
    /// # Errors
    /// [`Trouble`] where pages do not stay.
    pub fn make_warm(&self) -> Result<(), Trouble> {
        self.prove_found()?;
        if self.cached()? == self.pages && !self.history.is_used_up() {
            return Ok(());
        }
        if self.history == History::Found {
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

    /// A file larger than memory cannot be warm, or populated: said before it is read for nothing.
    ///
    /// # Errors
    /// [`Trouble::Unavailable`] with both sizes.
    pub fn fits_in_memory(&self) -> Result<(), Trouble> {
        let memory = nix::sys::sysinfo::sysinfo().map_or(u64::MAX, |info| info.ram_total());
        if self.bytes() < memory {
            return Ok(());
        }
        Err(Trouble::Unavailable(format!(
            "the file has {} MiB, memory {} MiB: it cannot be there as a whole",
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
        self.prove_found()?;
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
}
