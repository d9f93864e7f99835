//! How a commit's bytes reach the file, and what follows: as types, so that the batch's loop has no choice to make.

use std::fs::File;
use std::ops::Range;

use crate::os::SysResult;
use crate::os::file::{self, Open, WriteFlag, WriteOut};
use crate::os::map::{FileMap, Msync};

use super::job::Edit;

/// How an edit is written by a system call, and what follows a commit.
pub(super) trait ByCall: Send + Sync {
    /// What the file is opened for.
    const OPEN: Open = Open::ReadWrite;
    /// Whether each write is durable by itself.
    const EACH: bool = false;
    /// The write.
    #[inline(always)]
    fn write(file: &File, bytes: &[u8], at: u64) -> SysResult<()> {
        file::write_at(file, bytes, at)
    }
    /// What follows the last write of a commit, which reaches over `extent`.
    fn sync(file: &File, extent: Range<u64>) -> SysResult<()>;
}

/// What follows the stores of a commit through a mapping.
pub(super) trait ByStore: Send + Sync {
    /// Whether each edit of a commit is synced by a call of its own.
    const EACH: bool = false;
    /// The sync of a commit: its edits, each of `len` bytes, and how far it reaches.
    fn sync(map: &FileMap, file: &File, edits: &[Edit], len: u64, extent: Range<u64>) -> SysResult<()>;
}

/// Nothing.
pub(super) struct Nothing;
/// Nothing; pwritev2 without a flag.
pub(super) struct Vectored;
/// `sync_file_range(WRITE)`.
pub(super) struct ThenStart;
/// `pwritev2(RWF_DONTCACHE)`.
pub(super) struct DontCache;
/// `sync_file_range` in full.
pub(super) struct ThenWriteOut;
/// `fdatasync`.
pub(super) struct ThenFdatasync;
/// `fsync`.
pub(super) struct ThenFsync;
/// `O_DSYNC`.
pub(super) struct Dsync;
/// `RWF_DSYNC`.
pub(super) struct FlaggedDsync;
/// `msync(MS_ASYNC)` of the commit's reach.
pub(super) struct ThenMsAsync;
/// `msync(MS_SYNC)` of the pages of each edit, a call each.
pub(super) struct ThenMsSyncEach;
/// `msync(MS_SYNC)` from the commit's first page to its last.
pub(super) struct ThenMsSyncRange;
/// `msync(MS_SYNC)` of the whole mapping.
pub(super) struct ThenMsSyncAll;

impl ByCall for Nothing {
    #[inline(always)]
    fn sync(_: &File, _: Range<u64>) -> SysResult<()> {
        Ok(())
    }
}

impl ByCall for Vectored {
    #[inline(always)]
    fn write(file: &File, bytes: &[u8], at: u64) -> SysResult<()> {
        file::write_flagged(file, bytes, at, WriteFlag::Plain)
    }
    #[inline(always)]
    fn sync(_: &File, _: Range<u64>) -> SysResult<()> {
        Ok(())
    }
}

impl ByCall for ThenStart {
    #[inline(always)]
    fn sync(file: &File, extent: Range<u64>) -> SysResult<()> {
        file::write_out(file, extent.start, extent.end - extent.start, WriteOut::Start)
    }
}

impl ByCall for DontCache {
    const EACH: bool = true;
    #[inline(always)]
    fn write(file: &File, bytes: &[u8], at: u64) -> SysResult<()> {
        file::write_flagged(file, bytes, at, WriteFlag::DontCache)
    }
    #[inline(always)]
    fn sync(_: &File, _: Range<u64>) -> SysResult<()> {
        Ok(())
    }
}

impl ByCall for ThenWriteOut {
    #[inline(always)]
    fn sync(file: &File, extent: Range<u64>) -> SysResult<()> {
        file::write_out(file, extent.start, extent.end - extent.start, WriteOut::Whole)
    }
}

impl ByCall for ThenFdatasync {
    #[inline(always)]
    fn sync(file: &File, _: Range<u64>) -> SysResult<()> {
        file::fdatasync(file)
    }
}

impl ByCall for ThenFsync {
    #[inline(always)]
    fn sync(file: &File, _: Range<u64>) -> SysResult<()> {
        file::fsync(file)
    }
}

impl ByCall for Dsync {
    const OPEN: Open = Open::ReadWriteDsync;
    const EACH: bool = true;
    #[inline(always)]
    fn sync(_: &File, _: Range<u64>) -> SysResult<()> {
        Ok(())
    }
}

impl ByCall for FlaggedDsync {
    const EACH: bool = true;
    #[inline(always)]
    fn write(file: &File, bytes: &[u8], at: u64) -> SysResult<()> {
        file::write_flagged(file, bytes, at, WriteFlag::Dsync)
    }
    #[inline(always)]
    fn sync(_: &File, _: Range<u64>) -> SysResult<()> {
        Ok(())
    }
}

impl ByStore for Nothing {
    #[inline(always)]
    fn sync(_: &FileMap, _: &File, _: &[Edit], _: u64, _: Range<u64>) -> SysResult<()> {
        Ok(())
    }
}

impl ByStore for ThenMsAsync {
    #[inline(always)]
    fn sync(map: &FileMap, _: &File, _: &[Edit], _: u64, extent: Range<u64>) -> SysResult<()> {
        map.msync(extent.start as usize..extent.end as usize, Msync::Async)
    }
}

impl ByStore for ThenStart {
    #[inline(always)]
    fn sync(_: &FileMap, file: &File, _: &[Edit], _: u64, extent: Range<u64>) -> SysResult<()> {
        <Self as ByCall>::sync(file, extent)
    }
}

impl ByStore for ThenWriteOut {
    #[inline(always)]
    fn sync(_: &FileMap, file: &File, _: &[Edit], _: u64, extent: Range<u64>) -> SysResult<()> {
        <Self as ByCall>::sync(file, extent)
    }
}

impl ByStore for ThenMsSyncEach {
    const EACH: bool = true;
    #[inline(always)]
    fn sync(map: &FileMap, _: &File, edits: &[Edit], len: u64, _: Range<u64>) -> SysResult<()> {
        for edit in edits {
            map.msync(edit.at as usize..(edit.at + len) as usize, Msync::Sync)?;
        }
        Ok(())
    }
}

impl ByStore for ThenMsSyncRange {
    #[inline(always)]
    fn sync(map: &FileMap, _: &File, _: &[Edit], _: u64, extent: Range<u64>) -> SysResult<()> {
        map.msync(extent.start as usize..extent.end as usize, Msync::Sync)
    }
}

impl ByStore for ThenMsSyncAll {
    #[inline(always)]
    fn sync(map: &FileMap, _: &File, _: &[Edit], _: u64, _: Range<u64>) -> SysResult<()> {
        map.msync(0..map.len(), Msync::Sync)
    }
}

impl ByStore for ThenFdatasync {
    #[inline(always)]
    fn sync(_: &FileMap, file: &File, _: &[Edit], _: u64, _: Range<u64>) -> SysResult<()> {
        file::fdatasync(file)
    }
}

impl ByStore for ThenFsync {
    #[inline(always)]
    fn sync(_: &FileMap, file: &File, _: &[Edit], _: u64, _: Range<u64>) -> SysResult<()> {
        file::fsync(file)
    }
}
