//! Waiting for a word that another process changes: the process-shared futex (futex(2)).
//!
//! `FUTEX_PRIVATE_FLAG` is left out: a private key holds the address space, so that a wake from
//! another process would be lost. A shared key holds the page's inode and offset (kernel/futex/core.c, get_futex_key), so
//! anonymous memory shared across fork and a file mapped by two processes behave alike.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

use super::{SysError, SysResult};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Woken, or interrupted by a signal, or the word had changed already: look at it again.
    LookAgain,
    /// The time limit passed.
    TimedOut,
}

/// Sleeps while `word` holds `value`, at most `limit`. Without one the kernel is spared a timer a wait, and the caller needs another bound
/// ([`super::process::Alarm`]).
///
/// # Errors
/// `ENOSYS` where futexes are forbidden; `EFAULT` cannot happen for a word that lives.
#[inline]
pub fn wait(word: &AtomicU32, value: u32, limit: Option<Duration>) -> SysResult<Wait> {
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(limit.subsec_nanos()),
    });
    let until = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word outlives the call, and the kernel only reads it; the timespec is a local, or there is none.
    let code = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, value, until) };
    if code == 0 {
        return Ok(Wait::LookAgain);
    }
    match Errno::last() {
        Errno::EAGAIN | Errno::EINTR => Ok(Wait::LookAgain),
        Errno::ETIMEDOUT => Ok(Wait::TimedOut),
        errno => Err(SysError::new("futex(FUTEX_WAIT)", "a shared word", errno)),
    }
}

/// Wakes one process that waits on `word`.
///
/// # Errors
/// `ENOSYS` where futexes are forbidden.
#[inline]
pub fn wake_one(word: &AtomicU32) -> SysResult<()> {
    // SAFETY: the word outlives the call; a wake touches no memory.
    let code = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
    Errno::result(code).map(drop).map_err(|errno| SysError::new("futex(FUTEX_WAKE)", "a shared word", errno))
}
