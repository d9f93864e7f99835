//! What a scenario of this area fixes: the file and its state, which records are used, and how.

use std::sync::Arc;

use crate::os::page_size;

use super::super::area::UserFile;
use super::super::dataset::{History, Recipe};
use super::super::draw::Pattern;
use super::trace::Trace;

/// Where the pages are before each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// None in the page cache.
    Cold,
    /// All in the page cache, none in this process's page tables.
    Warm,
    /// Also in the page tables.
    Mapped,
}

impl State {
    /// As in a scenario's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Mapped => "mapped",
        }
    }
}

/// What is done with a record's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// One byte of each page.
    Touch,
    /// Every byte summed.
    Sum,
    /// Every byte copied to the program's own memory.
    Copy,
    /// Every byte looked at in search of one.
    Search,
}

impl Use {
    /// As in a scenario's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Touch => "touch",
            Self::Sum => "sum",
            Self::Copy => "copy",
            Self::Search => "search",
        }
    }

    /// What is done, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Touch => "one byte of each page read",
            Self::Sum => "every byte read and summed",
            Self::Copy => "every byte copied into the program's own memory",
            Self::Search => "every byte searched for one that is not there",
        }
    }
}

/// A scenario's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The user's file, in place of one of ours.
    pub file: Option<UserFile>,
    /// Its size.
    pub bytes: u64,
    /// How it came into the page cache.
    pub history: History,
    /// Where its pages are before each batch.
    pub state: State,
    /// The order of use.
    pub pattern: Pattern,
    /// What is done with a record.
    pub job: Use,
    /// Bytes of a record: a power of two, at least 8.
    pub record: u64,
    /// Records used in a pass.
    pub touched: u64,
    /// Times that the same records are used.
    pub passes: u64,
    /// Threads that share the records of a batch; 0 where the question is not about threads.
    pub threads: u64,
    /// The accesses to replay, in place of a pattern: as many as a batch has.
    pub trace: Option<Arc<Trace>>,
    /// Whether every method takes part, or the main ones alone.
    pub wide: bool,
}

impl Point {
    /// Whole pages of the file.
    pub fn pages(&self) -> u64 {
        self.bytes / page_size() as u64
    }

    /// Whole records of those.
    pub fn records(&self) -> u64 {
        self.pages() * page_size() as u64 / self.record
    }

    /// Whether a pass uses all of the file.
    pub fn whole(&self) -> bool {
        self.touched == self.records()
    }

    /// Pages that a record lies in.
    pub fn pages_a_record(&self) -> u64 {
        self.record.div_ceil(page_size() as u64)
    }

    /// Whether a record is a page.
    pub fn is_by_pages(&self) -> bool {
        self.record == page_size() as u64
    }

    /// The file that its methods share.
    pub fn recipe(&self) -> Recipe {
        match &self.file {
            Some(file) => {
                let (name, identity) = (file.path.clone(), Some(file.identity.clone()));
                Recipe { name, identity, ..Recipe::new("", self.bytes, History::Found) }
            }
            None => Recipe::new("touch", self.bytes, self.history),
        }
    }

    /// The file of a method that goes past the cache, or changes what lies in it: another one with the same history.
    pub fn own_recipe(&self) -> Recipe {
        match &self.file {
            Some(_) => self.recipe(),
            None => Recipe::new("touch-own", self.bytes, self.history),
        }
    }
}
