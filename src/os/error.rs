//! What a system call that failed says: the call, its object, the kernel's answer.

use std::fmt;
use std::path::Path;

use nix::errno::Errno;

/// A failed system call: `open of data/file: ENOENT (No such file or directory)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} of {subject}: {errno:?} ({})", errno.desc())]
pub struct SysError {
    /// The call as its man page names it.
    pub call: &'static str,
    /// What it was called on: a path, a size, a range.
    pub subject: String,
    /// What the kernel answered.
    pub errno: Errno,
}

/// The result of a wrapped system call.
pub type SysResult<T> = Result<T, SysError>;

impl SysError {
    /// The error of `call` on `subject`.
    pub fn new(call: &'static str, subject: impl fmt::Display, errno: Errno) -> Self {
        Self { call, subject: subject.to_string(), errno }
    }

    /// The error that `errno` holds now.
    pub fn last(call: &'static str, subject: impl fmt::Display) -> Self {
        Self::new(call, subject, Errno::last())
    }

    /// The error of a standard library call; one without an errno becomes `EIO`.
    pub fn from_io(call: &'static str, subject: impl fmt::Display, error: &std::io::Error) -> Self {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        Self::new(call, subject, errno)
    }

    /// Adapter for `map_err` on standard library calls about a path.
    pub fn io<'a>(call: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |error| Self::from_io(call, path.display(), &error)
    }
}
