//! What follows an edit: the sync that the guarantee asks for, as a type, so that the batch's loop has no choice to make.

use std::fs::File;

use crate::os::SysResult;
use crate::os::file::{self, Open};
use crate::os::map::{FileMap, Msync};

/// What follows a `pwrite`.
pub(super) trait AfterWrite {
    const OPEN: Open = Open::ReadWrite;
    fn sync(file: &File) -> SysResult<()>;
}

/// What follows a store through the mapping.
pub(super) trait AfterStore {
    fn sync(map: &FileMap, file: &File, at: usize) -> SysResult<()>;
}

pub(super) struct Nothing;
pub(super) struct ThenFdatasync;
pub(super) struct ThenFsync;
pub(super) struct Dsync;
pub(super) struct ThenMsSync;
pub(super) struct ThenMsAsync;
pub(super) struct ThenFileSync;

impl AfterWrite for Nothing {
    #[inline(always)]
    fn sync(_: &File) -> SysResult<()> {
        Ok(())
    }
}

impl AfterWrite for ThenFdatasync {
    #[inline(always)]
    fn sync(file: &File) -> SysResult<()> {
        file::fdatasync(file)
    }
}

impl AfterWrite for ThenFsync {
    #[inline(always)]
    fn sync(file: &File) -> SysResult<()> {
        file::fsync(file)
    }
}

impl AfterWrite for Dsync {
    const OPEN: Open = Open::ReadWriteDsync;
    #[inline(always)]
    fn sync(_: &File) -> SysResult<()> {
        Ok(())
    }
}

impl AfterStore for Nothing {
    #[inline(always)]
    fn sync(_: &FileMap, _: &File, _: usize) -> SysResult<()> {
        Ok(())
    }
}

impl AfterStore for ThenMsSync {
    #[inline(always)]
    fn sync(map: &FileMap, _: &File, at: usize) -> SysResult<()> {
        map.msync(at..at + 1, Msync::Sync)
    }
}

impl AfterStore for ThenMsAsync {
    #[inline(always)]
    fn sync(map: &FileMap, _: &File, at: usize) -> SysResult<()> {
        map.msync(at..at + 1, Msync::Async)
    }
}

impl AfterStore for ThenFileSync {
    #[inline(always)]
    fn sync(_: &FileMap, file: &File, _: usize) -> SysResult<()> {
        file::fdatasync(file)
    }
}
