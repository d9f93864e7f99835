//! A copy of a program, to be run where its own folder may not be entered.

use std::path::Path;
use std::process::Command;

/// Copies it by cp(1). Were the copy open for writing in this process, a program that another test starts meanwhile would inherit
/// the descriptor, and running the copy would be "Text file busy" (execve(2), ETXTBSY).
#[track_caller]
pub fn copy(program: impl AsRef<Path>, to: &Path) {
    let status = Command::new("cp").arg(program.as_ref()).arg(to).status().expect("cp runs");
    assert!(status.success(), "cp {} {}: {status}", program.as_ref().display(), to.display());
}
