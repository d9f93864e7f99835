//! What this process's page tables hold: /proc/self/pagemap, and the folios behind it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;

use super::map::FileMap;
use super::{SysError, SysResult, page_size};

/// Bit 63 of an entry: the page is present (Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;

/// Bits 0 to 54: the page's frame, zero for those who may not know it.
const FRAME: u64 = (1 << 55) - 1;

/// A page's flags in /proc/kpageflags (include/uapi/linux/kernel-page-flags.h): the page is not the first of its folio.
const COMPOUND_TAIL: u64 = 1 << 16;

/// How many pages of `map` are present in this process's page tables. Present means a touch takes no fault.
///
/// # Errors
/// Where /proc is not mounted or is hidden.
pub fn present_pages(map: &FileMap) -> SysResult<u64> {
    Ok(entries(map)?.into_iter().filter(|entry| entry & PRESENT != 0).count() as u64)
}

/// How many of the map's present pages lie in folios of each size, in bytes.
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN, which frames and their flags need.
pub fn folios(map: &FileMap) -> SysResult<BTreeMap<u64, u64>> {
    let path = Path::new("/proc/kpageflags");
    let flags = File::open(path).map_err(SysError::io("open", path))?;
    let mut sizes = BTreeMap::new();
    let mut pages = 0;
    let mut close = |pages: u64| {
        if pages > 0 {
            *sizes.entry(pages * page_size() as u64).or_insert(0) += pages;
        }
    };
    for entry in entries(map)?.into_iter().filter(|entry| entry & PRESENT != 0) {
        let frame = entry & FRAME;
        if frame == 0 {
            return Err(SysError::new("read", "page frames in /proc/self/pagemap", Errno::EPERM));
        }
        let mut word = [0; 8];
        flags.read_exact_at(&mut word, frame * 8).map_err(SysError::io("read", path))?;
        if u64::from_ne_bytes(word) & COMPOUND_TAIL == 0 {
            close(std::mem::take(&mut pages));
        }
        pages += 1;
    }
    close(pages);
    Ok(sizes)
}

/// The entries of a map's pages, in order.
fn entries(map: &FileMap) -> SysResult<Vec<u64>> {
    let path = Path::new("/proc/self/pagemap");
    let file = File::open(path).map_err(SysError::io("open", path))?;
    let first = (map.address() / page_size()) as u64;
    let mut bytes = vec![0_u8; map.len().div_ceil(page_size()) * 8];
    file.read_exact_at(&mut bytes, first * 8).map_err(SysError::io("read", path))?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|entry| u64::from_ne_bytes(*entry)).collect())
}
