//! How a file came to be, and its pages into the cache.

/// How a file's pages came into the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum History {
    /// Written 4 KiB at a time.
    Write4K,
    /// Written 64 KiB at a time.
    Write64K,
    /// Written 1 MiB at a time.
    Write1M,
    /// Written 4 MiB at a time.
    Write4M,
    /// Evicted, then read from start to end.
    Readahead,
    /// Evicted, then read 4 KiB at a time in random order.
    Random,
    /// Evicted, then touched in order through a mapping advised with MADV_RANDOM.
    FaultedAtRandom,
    /// Its blocks are reserved (fallocate(2)) and were never written.
    Reserved,
    /// It has a size and no blocks.
    Sparse,
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
            Self::Write64K => "write-64K",
            Self::Write1M => "write-1M",
            Self::Write4M => "write-4M",
            Self::Readahead => "readahead",
            Self::Random => "random",
            Self::FaultedAtRandom => "madv-random",
            Self::Reserved => "fallocate",
            Self::Sparse => "sparse",
            Self::Cold => "none",
            Self::Found => "found",
        }
    }

    /// Those that a file of ours can be given, so that its pages lie in the cache in another way.
    pub const TOLD_APART: [Self; 6] =
        [Self::Write4K, Self::Write64K, Self::Write1M, Self::Write4M, Self::Readahead, Self::FaultedAtRandom];

    /// That of this name, among those that can be told apart.
    pub fn named(name: &str) -> Option<Self> {
        Self::TOLD_APART.into_iter().find(|history| history.name() == name)
    }

    /// In a sentence: "the cache was filled by …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Write4K => "writes of 4 KiB",
            Self::Write64K => "writes of 64 KiB",
            Self::Write1M => "writes of 1 MiB",
            Self::Write4M => "writes of 4 MiB",
            Self::Readahead => "reading it in order",
            Self::Random => "reading it at random",
            Self::FaultedAtRandom => "touching it through a mapping with MADV_RANDOM",
            Self::Reserved | Self::Sparse => "touching what was never written",
            Self::Cold | Self::Found => self.name(),
        }
    }

    /// As the end of a sentence about the file.
    pub fn sentence(self) -> String {
        match self {
            Self::Reserved => "its blocks were reserved by fallocate and never written".to_owned(),
            Self::Sparse => "it is one hole, and each edit is the first of its block".to_owned(),
            _ => format!("the cache was filled by {}", self.words()),
        }
    }

    /// Whether an edit changes what it is: a block that was written is not a new one any more, so that each batch starts with a file anew.
    pub fn is_used_up(self) -> bool {
        matches!(self, Self::Reserved | Self::Sparse)
    }

    /// Whether each folio is known to hold a single page: then faults can be counted to the page.
    pub fn single_pages(self) -> bool {
        matches!(self, Self::Write4K | Self::Random | Self::FaultedAtRandom)
    }

    /// Bytes that its content is written by.
    pub(super) fn write_size(self) -> usize {
        match self {
            Self::Write4K => 4 << 10,
            Self::Write64K => 64 << 10,
            Self::Write4M => 4 << 20,
            _ => 1 << 20,
        }
    }
}
