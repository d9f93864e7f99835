//! Changes one byte of a file through a mapping of it, for `watch` to see, or never to see.
//!
//! ```text
//! cargo run --example watch -- FILE                                    in one terminal
//! cargo run --example poke -- FILE --offset 20 --byte 9 [--private]    in another
//! ```
//!
//! The usual version maps `MAP_PRIVATE`, and `watch` never sees the byte: it went to a copy of the
//! page that is this process's own. Mappings with `MAP_SHARED` are the same page of the page cache:
//! `watch` sees the byte at once. That takes no `msync`, which is for the disk (`edit` does it); the
//! kernel writes the page by itself in half a minute or so (vm.dirty_expire_centisecs). mmap(2).

#![allow(unsafe_code)] // the private mapping, the store

mod byte;

use std::fs::{File, metadata};
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::libc::EINVAL;

/// Changes one byte of FILE through a mapping of it
#[derive(Parser)]
struct Args {
    /// A regular file that you may read, and write (unless --private)
    file: PathBuf,
    /// Which byte to change, counted from 0
    #[arg(long, default_value_t = 20)]
    offset: usize,
    /// Its new value: one ASCII character, such as 9, or 0x and two hexadecimal digits, such as 0x39
    #[arg(long, default_value = "9", value_parser = byte::parse)]
    byte: u8,
    /// Maps MAP_PRIVATE: nobody else will ever see the byte
    #[arg(long)]
    private: bool,
}

fn main() {
    if let Err(error) = poke(&Args::parse()) {
        eprintln!("poke: {error:#}");
        std::process::exit(1);
    }
}

fn poke(args: &Args) -> Result<()> {
    let (path, offset, byte) = (&args.file, args.offset, args.byte);
    let meta = metadata(path).with_context(|| format!("cannot find {path:?}"))?;
    ensure!(meta.is_file(), "{path:?} is not a regular file: name one");
    let file = File::options().read(true).write(!args.private).open(path);
    let need = if args.private { "read" } else { "write" };
    let file = file.with_context(|| format!("cannot open {path:?} to {need} it"))?;
    let map = if args.private {
        // SAFETY: it becomes raw at once: no reference is ever made to bytes that others may change.
        unsafe { MmapOptions::new().no_reserve_swap().map_copy(&file) }.map(MmapRaw::from)
    } else {
        MmapRaw::map_raw(&file)
    };
    let map = map.with_context(|| format!("cannot map {path:?}"))?;
    let len = map.len();
    ensure!(offset < len, "{path:?} has {len} bytes, so none at offset {offset}: take a smaller offset or longer file");
    // As in `edit`: an errno here instead of SIGBUS at the store (Linux 5.14; EINVAL before that).
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

    let mut kept = [0];
    let read = file.read_exact_at(&mut kept, offset as u64); // pread(2)
    read.with_context(|| format!("cannot read byte {offset} of {path:?}"))?;
    let seen = match args.private {
        true => "MAP_PRIVATE: nobody else ever sees it, and it is gone now",
        false => "MAP_SHARED: all who map or read the file see it now",
    };
    let change = format!("byte {offset}: {} -> {}", byte::shown(old), byte::shown(byte));
    writeln!(stdout(), "{change}, {seen}; in the file: {}", byte::shown(kept[0]))
        .context("done, but it cannot be printed")
}
