//! Small parts of preparing a batch that several areas need.

use crate::engine::method::Trouble;
use crate::os::map::FileMap;
use crate::os::{SysError, page_size, pagemap};

/// Fills the page tables by reading a byte of each page, and proves it. Returns the checks that passed.
///
/// Touches, not MADV_POPULATE_READ: the same on every kernel.
///
/// # Errors
/// [`Trouble::Unproven`] where pages are missing from the page tables afterwards.
pub fn map_by_reading(map: &FileMap) -> Result<u64, Trouble> {
    let pages = map.len().div_ceil(page_size());
    let mut sum = 0_u64;
    for page in 0..pages {
        sum = sum.wrapping_add(u64::from(map.load(page * page_size())));
    }
    std::hint::black_box(sum);
    let Ok(present) = pagemap::present_pages(map) else { return Ok(0) };
    if present != pages as u64 {
        return Err(Trouble::unproven(
            "the file is not mapped",
            format!("{present} of {pages} pages in the page tables"),
        ));
    }
    Ok(1)
}

/// The error of a batch without its preparation: a bug of ours, told as an error.
pub(super) fn not_prepared() -> SysError {
    SysError::new("run", "a method that was not prepared", nix::errno::Errno::EINVAL)
}

/// What a first try that was refused means: that this machine has no such way, where the errno says so; else that it went wrong.
pub(super) fn refused(error: &SysError) -> Trouble {
    use nix::errno::Errno::{EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESPIPE};
    match error.errno {
        EINVAL | ENOSYS | EOPNOTSUPP | EPERM | ESPIPE => Trouble::Unavailable(format!("refused here: {error}")),
        _ => Trouble::Failed(error.to_string()),
    }
}
