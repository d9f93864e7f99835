//! Changes one byte of a private mapping, and shows that the file is unchanged and the mapping is not.
//!
//! ```text
//! cargo run --example private_edit -- FILE --offset 20 --byte 9
//! ```
//!
//! The usual version believes that the write reached the file. The first store to a page of a
//! `MAP_PRIVATE` mapping gives this process a copy of the page (copy-on-write), which is gone at
//! `munmap`; `msync` succeeds and writes nothing. So a file that you may only read can be edited like
//! this, where `MAP_SHARED` would be `EACCES`. Pages not yet copied may or may not follow the file's
//! later changes: unspecified (on Linux they do). mmap(2), msync(2).

#![allow(unsafe_code)] // the mapping, the store

mod byte;

use std::fs::{File, metadata};
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::libc::EINVAL;

/// Changes one byte of a MAP_PRIVATE mapping of FILE, and shows that FILE keeps its own
#[derive(Parser)]
struct Args {
    /// A regular file that you may read
    file: PathBuf,
    /// Which byte to change, counted from 0
    #[arg(long, default_value_t = 20)]
    offset: usize,
    /// Its new value in the mapping: one ASCII character, such as 9, or 0x and two hexadecimal digits, such as 0x39 [default: one more than it has]
    #[arg(long, value_parser = byte::parse)]
    byte: Option<u8>,
}

fn main() {
    let args = Args::parse();
    if let Err(error) = private_edit(&args.file, args.offset, args.byte) {
        eprintln!("private_edit: {error:#}");
        std::process::exit(1);
    }
}

fn private_edit(path: &Path, offset: usize, byte: Option<u8>) -> Result<()> {
    let meta = metadata(path).with_context(|| format!("cannot find {path:?}"))?;
    ensure!(meta.is_file(), "{path:?} is not a regular file: name one");
    let file = File::open(path).with_context(|| format!("cannot open {path:?} to read it"))?;
    // One page will be copied, not all: no swap is reserved, so a file bigger than memory maps, too.
    // SAFETY: it becomes raw at once: no reference is ever made to bytes that others may change.
    let map = unsafe { MmapOptions::new().no_reserve_swap().map_copy(&file) };
    let map = MmapRaw::from(map.with_context(|| format!("cannot map {path:?}"))?);
    let len = map.len();
    ensure!(offset < len, "{path:?} has {len} bytes, so none at offset {offset}: take a smaller offset or longer file");
    // As in `edit`: an errno here instead of SIGBUS at the store (Linux 5.14; EINVAL before that).
    if let Err(error) = map.advise_range(Advice::PopulateWrite, offset, 1)
        && error.raw_os_error() != Some(EINVAL)
    {
        let why = "disk full, or file cut short meanwhile?";
        return Err(error).with_context(|| format!("cannot write byte {offset} ({why})"));
    }
    let in_file = || {
        let mut byte = [0];
        let read = file.read_exact_at(&mut byte, offset as u64); // pread(2)
        read.with_context(|| format!("cannot read byte {offset} of {path:?}"))?;
        Ok::<u8, anyhow::Error>(byte[0])
    };

    let before = in_file()?;
    let address = map.as_mut_ptr().wrapping_add(offset);
    // SAFETY: offset < len, so the address lies in the mapping, which lives to the end of the function.
    let (old, new) = unsafe {
        let old = address.read_volatile();
        address.write_volatile(byte.unwrap_or(old.wrapping_add(1)));
        (old, address.read_volatile())
    };
    map.flush_range(offset, 1).context("msync of our copy")?;
    let after = in_file()?;

    let mut out = stdout();
    for (place, from, to) in [("mapping:", old, new), ("file:   ", before, after)] {
        let change = format!("byte {offset}: {} -> {}", byte::shown(from), byte::shown(to));
        writeln!(out, "{place} {change}").context("cannot print")?;
    }
    ensure!(before == after, "another program changed {path:?} meanwhile: this one cannot");
    Ok(())
}
