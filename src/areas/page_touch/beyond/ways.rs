//! In which ways is a file read that is larger than memory?

use std::fs::File;

use nix::fcntl::PosixFadviseAdvice;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::os::access::Span;
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::{Advice, FileMap, Kind, Populate};
use crate::os::{SysResult, cache, page_size};

/// In which order a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Pages drawn at random.
    Random,
    /// From end to end, and again from its begin.
    Sequential,
}

/// Bytes of a part that a reader from end to end takes, and a call of its reads.
const BLOCK: usize = 256 << 10;

impl Pattern {
    /// As it is recorded.
    pub fn word(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Sequential => "sequential",
        }
    }

    /// Bytes that a reader takes at once, of a file of `bytes`.
    pub(super) fn at_once(self, bytes: u64) -> usize {
        match self {
            Self::Random => page_size(),
            Self::Sequential => BLOCK.min(bytes as usize),
        }
    }
}

/// A way of reading. Of what is read one byte of each page is used, by the same code in every way.
pub struct Way {
    /// The order that it reads in.
    pub pattern: Pattern,
    /// As it stands in every table.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    reach: Reach,
}

/// How bytes come within reach.
enum Reach {
    Cached(Option<PosixFadviseAdvice>),
    Direct,
    Mapped(Option<Advice>),
}

const fn random(name: &'static str, about: &'static str, reach: Reach) -> Way {
    Way { pattern: Pattern::Random, name, about, reach }
}

const fn sequential(name: &'static str, about: &'static str, reach: Reach) -> Way {
    Way { pattern: Pattern::Sequential, name, about, reach }
}

/// What is held against one another, within a pattern.
pub const WAYS: [Way; 9] = [
    random(
        "pread",
        "pread of a page at a time, through the page cache, without readahead (POSIX_FADV_RANDOM)",
        Reach::Cached(Some(PosixFadviseAdvice::POSIX_FADV_RANDOM)),
    ),
    random("O_DIRECT", "pread of a page at a time, past the page cache", Reach::Direct),
    random("mmap", "a shared mapping with the kernel's default readahead", Reach::Mapped(None)),
    random("mmap+MADV_RANDOM", "a shared mapping without readahead", Reach::Mapped(Some(Advice::Random))),
    sequential(
        "pread 256K",
        "pread of 256 KiB at a time, through the page cache, with its default readahead",
        Reach::Cached(None),
    ),
    sequential("O_DIRECT 256K", "pread of 256 KiB at a time, past the page cache and so not ahead", Reach::Direct),
    sequential("mmap", "a shared mapping with the kernel's default readahead", Reach::Mapped(None)),
    sequential(
        "mmap+MADV_SEQUENTIAL",
        "a shared mapping with readahead forward, whose pages reclaim takes first",
        Reach::Mapped(Some(Advice::Sequential)),
    ),
    sequential("mmap+MADV_RANDOM", "a shared mapping without readahead", Reach::Mapped(Some(Advice::Random))),
];

/// The way of `pattern` that is called `name`.
pub fn named(pattern: Pattern, name: &str) -> Option<&'static Way> {
    WAYS.iter().find(|way| way.pattern == pattern && way.name == name)
}

/// A file that can be read in some way, by all threads.
pub(super) enum Opened {
    File(File),
    Mapping(FileMap),
}

impl Way {
    /// Whether one thread waits for each page, so that a file is long in coming.
    pub fn is_page_by_page(&self) -> bool {
        self.pattern == Pattern::Sequential && matches!(self.reach, Reach::Mapped(Some(Advice::Random)))
    }

    pub(super) fn open(&self, order: &Order) -> SysResult<Opened> {
        let how = if matches!(self.reach, Reach::Direct) { Open::ReadDirect } else { Open::Read };
        let file = file::open_unmarked(&order.path, how)?;
        match self.reach {
            Reach::Cached(advice) => {
                advice.map_or(Ok(()), |advice| cache::advise_file(&file, advice))?;
                Ok(Opened::File(file))
            }
            Reach::Direct => Ok(Opened::File(file)),
            Reach::Mapped(advice) => {
                let map = FileMap::new(&file, order.bytes as usize, Kind::SharedRead, Populate::OnTouch)?;
                advice.map_or(Ok(()), |advice| map.advise(advice))?;
                Ok(Opened::Mapping(map))
            }
        }
    }
}

/// A thread's own memory for what it reads by calls.
pub(super) struct Hand(Buffer);

impl Hand {
    pub(super) fn new(len: usize) -> SysResult<Self> {
        Buffer::new(len).map(Self)
    }

    #[inline(always)]
    pub(super) fn read(&mut self, file: &File, at: u64, len: usize) -> SysResult<u64> {
        let bytes = &mut self.0.bytes_mut()[..len];
        file::read_at(file, bytes, at)?;
        Ok(Span::of(bytes).touch_pages())
    }
}
