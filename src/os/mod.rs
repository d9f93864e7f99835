//! The kernel's calls, as the rest of the suite uses them: the only unsafe code.
//!
//! Nothing here knows of areas, scenarios or methods. Every call that can fail returns a
//! [`SysError`], which says what was tried, on what, and what the kernel answered.
#![allow(unsafe_code)]

pub mod access;
pub mod buffer;
pub mod cache;
pub mod clock_source;
pub mod disk;
pub mod file;
pub mod folder;
pub mod futex;
pub mod lock;
pub mod map;
pub mod memory_group;
pub mod own_reads;
pub mod pagemap;
pub mod probe;
pub mod process;
pub mod read;
pub mod read_ring;
pub mod region;
pub mod ring;
pub mod trap;
pub mod usage;

mod error;

pub use error::{SysError, SysResult};

use std::sync::LazyLock;

/// Bytes in a page of this machine (`sysconf(_SC_PAGESIZE)`): 4,096 on x86-64.
pub fn page_size() -> usize {
    static PAGE: LazyLock<usize> = LazyLock::new(|| {
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
            .ok()
            .flatten()
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(4096)
    });
    *PAGE
}
