//! Changes one byte of a file through a shared mapping, and waits until the file has it.
//!
//! ```text
//! cargo run --example edit -- FILE --offset 20 --byte 9
//! ```
//!
//! The usual version goes on after an `open` that failed, or stores past the end of a short or empty
//! file: the byte is lost, or it is SIGBUS (see `limits`). Here the offset is checked against the
//! file's size, and the kernel is asked for the page before the store, which cannot return an error.
//!
//! `msync` is for the disk: other processes see the byte without it. It is `MS_SYNC` that writes the
//! page and waits; `MS_ASYNC` does nothing on Linux. mmap(2), madvise(2), msync(2) NOTES.

#![allow(unsafe_code)] // the store

mod byte;

use std::fs::{File, metadata};
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use memmap2::{Advice, MmapRaw};
use nix::libc::EINVAL;
use nix::unistd::{SysconfVar, sysconf};

/// Changes one byte of FILE through MAP_SHARED, and waits for msync(MS_SYNC)
#[derive(Parser)]
struct Args {
    /// A regular file that you may read and write
    file: PathBuf,
    /// Which byte to change, counted from 0
    #[arg(long, default_value_t = 20)]
    offset: usize,
    /// Its new value: one ASCII character, such as 9, or 0x and two hexadecimal digits, such as 0x39
    #[arg(long, default_value = "9", value_parser = byte::parse)]
    byte: u8,
}

fn main() {
    let args = Args::parse();
    if let Err(error) = edit(&args.file, args.offset, args.byte) {
        eprintln!("edit: {error:#}");
        std::process::exit(1);
    }
}

fn edit(path: &Path, offset: usize, byte: u8) -> Result<()> {
    let meta = metadata(path).with_context(|| format!("cannot find {path:?}"))?;
    ensure!(meta.is_file(), "{path:?} is not a regular file: name one");
    let file = File::options().read(true).write(true).open(path);
    let file = file.with_context(|| format!("cannot open {path:?} to read and write it"))?;
    // MAP_SHARED, PROT_READ | PROT_WRITE, of all bytes that the file has.
    let map = MmapRaw::map_raw(&file);
    let map = map.with_context(|| format!("cannot map {path:?}"))?;
    let len = map.len();
    ensure!(offset < len, "{path:?} has {len} bytes, so none at offset {offset}: take a smaller offset or longer file");

    // A full disk (if the byte lies in a hole) and a file cut short just now would be SIGBUS at the
    // store. To populate the page first gives an errno (Linux 5.14; EINVAL before that).
    if let Err(error) = map.advise_range(Advice::PopulateWrite, offset, 1)
        && error.raw_os_error() != Some(EINVAL)
    {
        let why = "disk full, or file cut short meanwhile?";
        return Err(error).with_context(|| format!("cannot write byte {offset} ({why})"));
    }
    // SAFETY: offset < len, so the address lies in the mapping, and the mapping lives on. No `&mut`
    // but an atomic, because other processes may use the byte at the same time.
    let cell = unsafe { AtomicU8::from_ptr(map.as_mut_ptr().add(offset)) };
    let old = cell.swap(byte, Ordering::Relaxed);

    // msync takes whole pages: flush_range rounds down to the first byte of the page.
    let page = offset / usize::try_from(sysconf(SysconfVar::PAGE_SIZE)?.context("no page size")?)?;
    map.flush_range(offset, 1).with_context(|| {
        // Not "try again": the page counts as clean now, so a second msync would succeed (fsync(2)).
        format!("msync of page {page} of {path:?} failed: do not rely on what the file holds")
    })?;
    drop(map); // munmap

    let change = format!("byte {offset}: {} -> {}", byte::shown(old), byte::shown(byte));
    writeln!(stdout(), "{change}, then msync(MS_SYNC) of page {page}").context("done, but it cannot be printed")
}
