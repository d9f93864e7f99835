//! Prints a file's content from a mapping of it, now and whenever it changes. `poke` changes it.
//!
//! ```text
//! cargo run --example watch -- FILE             in one terminal
//! cargo run --example poke -- FILE              in another: seen
//! cargo run --example poke -- FILE --private    never seen
//! ```
//!
//! The usual version prints up to a NUL that the file need not have: here the file's size rules.
//!
//! It looks every `--interval`, since the kernel cannot tell it of stores: they are no system calls,
//! inotify(7) does not report them (Limitations), and `mtime` moves at the first store to a clean
//! page, not at each. A change undone between two looks is not seen, and two changes can be one.
//!
//! The file may shrink meanwhile, and a load past its end is SIGBUS. To ask for the size before each
//! look is not enough: the file can shrink between the question and the load. So the kernel copies
//! from the mapping (process_vm_readv(2) on this very process), and says `EFAULT` instead.

use std::fs::{File, metadata};
use std::io::{IoSliceMut, Write, stdout};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::{Parser, value_parser};
use memmap2::{MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// Prints FILE's content from a mapping of it, now and at each change; Ctrl-C ends it
#[derive(Parser)]
struct Args {
    /// A regular file that you may read
    file: PathBuf,
    /// Milliseconds between two looks
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u64).range(1..=3_600_000))]
    interval: u64,
    /// Ends after so many changes [default: never]
    #[arg(long)]
    changes: Option<u64>,
}

fn main() {
    if let Err(error) = watch(&Args::parse()) {
        eprintln!("watch: {error:#}");
        std::process::exit(1);
    }
}

fn watch(args: &Args) -> Result<()> {
    let path = &args.file;
    let meta = metadata(path).with_context(|| format!("cannot find {path:?}"))?;
    ensure!(meta.is_file(), "{path:?} is not a regular file: name one");
    let file = File::open(path).with_context(|| format!("cannot open {path:?} to read it"))?;
    let (mut map, mut shown) = (None, None); // nothing mapped, nothing printed
    let (mut changes, mut failed) = (0, 0);
    while args.changes.is_none_or(|most| changes <= most) {
        let now = file.metadata().context("fstat")?;
        let named = now.nlink() > 0 || meta.nlink() == 0; // some FUSE filesystems do not count
        ensure!(named, "{path:?} was deleted or replaced: start again");
        let len = usize::try_from(now.len())?;
        ensure!(len <= 1 << 30, "{path:?} is too big to print: over 1 GiB");
        if map.as_ref().map_or(0, MmapRaw::len) != len {
            let new = MmapOptions::new().len(len).map_raw_read_only(&file); // MAP_SHARED
            map = Some(new.with_context(|| format!("cannot map {path:?}"))?);
        }
        let seen = map.as_ref().map_or(Ok(Some(vec![])), look)?;
        failed = if seen.is_some() { 0 } else { failed + 1 };
        ensure!(failed < 100, "cannot read the pages of {path:?}: I/O error, or disk full?");
        if seen.is_some() && seen != shown {
            let text = seen.as_deref().unwrap_or_default().escape_ascii();
            writeln!(stdout(), "{len} bytes: \"{text}\"").context("cannot print")?;
            (shown, changes) = (seen, changes + 1); // the first content counts as none: `<=` above
        } else {
            sleep(Duration::from_millis(args.interval));
        }
    }
    Ok(())
}

/// What the mapping shows; nothing if the file has become shorter than it since.
fn look(map: &MmapRaw) -> Result<Option<Vec<u8>>> {
    let mut seen = vec![0; map.len()];
    let (base, len) = (map.as_ptr() as usize, map.len());
    let into = &mut [IoSliceMut::new(&mut seen)];
    match process_vm_readv(Pid::this(), into, &[RemoteIoVec { base, len }]) {
        Ok(copied) => Ok((copied == len).then_some(seen)),
        Err(Errno::EFAULT) => Ok(None),
        Err(errno) => Err(errno).context("cannot copy from the mapping (process_vm_readv)"),
    }
}
