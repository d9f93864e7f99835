//! What this process's page tables hold: /proc/self/pagemap, the folios behind it, and what the kernel was told of a mapping.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use procfs::process::{Process, VmFlags};

use super::map::{Advice, FileMap};
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

/// Bytes of memory that this process uses, of pages that several share its part of each: Pss of /proc/self/smaps_rollup
/// (Documentation/filesystems/proc.rst). `None` where the kernel does not show it.
pub fn proportional_set() -> Option<u64> {
    let all = Process::myself().and_then(|process| process.smaps_rollup()).ok()?;
    let of_process = all.memory_map_rollup.0.first()?;
    of_process.extension.map.get("Pss").copied()
}

/// Which order of use the kernel was told for `map`, as it remembers it: `rr` and `sr` of VmFlags in /proc/self/smaps (Documentation/filesystems/proc.rst).
///
/// # Errors
/// Where /proc is not mounted or is hidden, or the kernel does not show the mapping's flags (CONFIG_PROC_PAGE_MONITOR).
pub fn advice(map: &FileMap) -> SysResult<Option<Advice>> {
    let unknown = |errno| SysError::new("read", "/proc/self/smaps", errno);
    let maps = Process::myself().and_then(|process| process.smaps()).map_err(|_| unknown(Errno::EACCES))?;
    let start = map.address() as u64;
    let seen = maps.iter().find(|seen| (seen.address.0..seen.address.1).contains(&start));
    let flags = seen.map(|seen| seen.extension.vm_flags).filter(|flags| !flags.is_empty());
    let flags = flags.ok_or_else(|| unknown(Errno::ENODATA))?;
    Ok(if flags.contains(VmFlags::RR) {
        Some(Advice::Random)
    } else if flags.contains(VmFlags::SR) {
        Some(Advice::Sequential)
    } else {
        None
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::map::{Kind, Populate};
    use crate::skips::{Lack, skip};

    #[test]
    fn the_kernel_remembers_what_it_was_told_of_a_mapping() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4 * page_size() as u64).unwrap();
        for told in [None, Some(Advice::Random), Some(Advice::Sequential)] {
            let map = FileMap::new(&file, 4 * page_size(), Kind::SharedRead, Populate::OnTouch).unwrap();
            if let Some(advice) = told {
                map.advise(advice).unwrap();
            }
            match advice(&map) {
                Ok(remembered) => assert_eq!(remembered, told),
                Err(error) => skip(Lack::VmFlags, error),
            }
        }
    }
}
