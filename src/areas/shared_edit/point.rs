//! What a scenario of this area fixes: the guarantee, the edits of a commit, the file and how it is mapped.

use std::path::PathBuf;

use crate::os::page_size;

use super::super::dataset::{History, Recipe};

/// What a finished edit promises, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Other processes see it, and it survives a crash of this one.
    Visible,
    /// Write-out has begun.
    Started,
    /// Write-out has ended; the device's cache is not flushed, nor metadata written.
    Written,
    /// It survives a crash of the system.
    Durable,
    /// The same, and a crash leaves the old content or the new, whole.
    Atomic,
}

impl Guarantee {
    /// As in a scenario's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Started => "started",
            Self::Written => "written",
            Self::Durable => "durable",
            Self::Atomic => "atomic",
        }
    }

    /// What is done with an edit, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Visible => "made visible to other processes",
            Self::Started => "its write-out started",
            Self::Written => "written to the device, whose cache is not flushed",
            Self::Durable => "made to survive a crash of the system",
            Self::Atomic => "made to survive a crash of the system, which leaves the old content or the new, whole",
        }
    }

    /// Whether an edit ends with the device.
    pub fn reaches_device(self) -> bool {
        matches!(self, Self::Written | Self::Durable | Self::Atomic)
    }

    /// Whether an edit ends with the device's cache flushed.
    pub fn flushes(self) -> bool {
        matches!(self, Self::Durable | Self::Atomic)
    }
}

/// Where the edits of a commit lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Anywhere in the file.
    Scattered,
    /// One after the other.
    Contiguous,
}

impl Layout {
    /// As in a scenario's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scattered => "scattered",
            Self::Contiguous => "contiguous",
        }
    }
}

/// Where in its page a small edit lies.
const WITHIN: u64 = 20;

/// A scenario's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What a commit promises.
    pub guarantee: Guarantee,
    /// How the file came into the page cache.
    pub history: History,
    /// The file's size.
    pub mib: u64,
    /// Bytes changed in one place.
    pub edit: u64,
    /// Places changed by one commit, each on pages of its own.
    pub places: u64,
    /// Where they lie.
    pub layout: Layout,
    /// Parts that the mapping is split into.
    pub vmas: u64,
    /// Threads that commit at the same time.
    pub threads: u64,
    /// Of so many commits one is synced.
    pub every: u64,
    /// Whose content the file takes.
    pub source: Option<PathBuf>,
}

impl Point {
    /// One byte of one page, each commit synced, by one thread through a mapping that is one.
    pub fn plain(guarantee: Guarantee, history: History, mib: u64) -> Self {
        let layout = Layout::Scattered;
        Self { guarantee, history, mib, edit: 1, places: 1, layout, vmas: 1, threads: 1, every: 1, source: None }
    }

    /// Whether each operation changes one byte and ends with its own sync: the loop for it is the shortest there is.
    pub fn is_plain(&self) -> bool {
        self.edit == 1 && self.places == 1 && self.every == 1
    }

    /// The file's size in bytes.
    pub fn bytes(&self) -> u64 {
        self.mib << 20
    }

    /// Where in its place an edit starts: within the first page, if that holds it.
    pub fn within(&self) -> u64 {
        if WITHIN + self.edit <= page_size() as u64 { WITHIN } else { 0 }
    }

    /// Pages of a place.
    pub fn pages_a_place(&self) -> u64 {
        (self.within() + self.edit).div_ceil(page_size() as u64)
    }

    /// Places that the file has.
    pub fn places_in_file(&self) -> u64 {
        self.bytes() / page_size() as u64 / self.pages_a_place()
    }

    /// The file that its methods share.
    pub fn recipe(&self) -> Recipe {
        Recipe { source: self.source.clone(), ..Recipe::new("edit", self.bytes(), self.history) }
    }

    /// The file of a method that does not leave the cache as it was.
    pub fn own_recipe(&self) -> Recipe {
        Recipe { source: self.source.clone(), ..Recipe::new("edit.own", self.bytes(), self.history) }
    }

    /// The file of a method that goes past the cache.
    pub fn uncached_recipe(&self) -> Recipe {
        Recipe { source: self.source.clone(), ..Recipe::new("edit.uncached", self.bytes(), History::Cold) }
    }
}
