//! A pipe for the output of a program that must not end before the test has seen what it waits for.

use std::io::{PipeReader, PipeWriter, Write};

use nix::fcntl::{FcntlArg, fcntl};

/// A pipe with room for `room` bytes, 4096 at most. A program that prints more waits until the test reads.
///
/// A write of up to 4096 bytes is taken whole or waits (pipe(7), PIPE_BUF), so it does not matter when the test looks.
pub fn pipe(room: usize) -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // The kernel rounds up to a page (fcntl(2), F_SETPIPE_SZ).
    let capacity = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let filler = vec![b'\n'; usize::try_from(capacity).unwrap() - room];
    writer.write_all(&filler).unwrap();
    (reader, writer)
}
