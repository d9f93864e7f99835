//! Shows what of a file's mapping can be touched, and which signal answers where it cannot.
//!
//! ```text
//! cargo run --example limits -- FILE
//! ```
//!
//! The usual version says that the byte after the file is a bus error. It is not: files are mapped
//! by pages, so the rest of the last page can be loaded (zeros) and stored to, and is not written to
//! the file. It says that the page after is a segmentation fault. It is SIGBUS, as long as it is
//! mapped; SIGSEGV answers where nothing is mapped. mmap(2), ERRORS, NOTES and BUGS.
//!
//! FILE is safe: it is open for reading only, and mapped `MAP_PRIVATE`, which has the same limits. A
//! store past the end through `MAP_SHARED` would not be: on tmpfs the byte stays in the page, and
//! becomes the file's when that grows. (With huge pages, tmpfs may let the page after be loaded.)

#![allow(unsafe_code)] // mmap, fork, the touches

use std::fs::{File, metadata};
use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use nix::libc::{_exit, abort, munmap};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use nix::sys::prctl::set_dumpable;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, SysconfVar, fork, sysconf};

/// Shows what of a mapping of FILE can be touched; FILE is not changed
#[derive(Parser)]
struct Args {
    /// A regular file that you may read
    file: PathBuf,
}

fn main() {
    if let Err(error) = limits(&Args::parse().file) {
        eprintln!("limits: {error:#}");
        std::process::exit(1);
    }
}

fn limits(path: &Path) -> Result<()> {
    let meta = metadata(path).with_context(|| format!("cannot find {path:?}"))?;
    ensure!(meta.is_file(), "{path:?} is not a regular file: name one");
    let file = File::open(path).with_context(|| format!("cannot open {path:?} to read it"))?;
    let len = usize::try_from(file.metadata().context("fstat")?.len())?;
    let page = usize::try_from(sysconf(SysconfVar::PAGE_SIZE)?.context("no page size")?)?;
    let next = len.next_multiple_of(page); // the first page with no byte of the file
    let past = next + page; // that page is mapped too; behind it a hole, which `touch` makes
    let size = NonZeroUsize::new(past + page).context("nothing to map")?;
    let prot = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE; // two pages will be copied, not all
    // SAFETY: a new mapping, at an address of the kernel's choice, touches no memory in use.
    let base = unsafe { mmap(None, size, prot, flags, &file, 0) };
    let base = base.with_context(|| format!("cannot map {path:?}"))?;

    let mut out = stdout();
    let rest = match next - len {
        0 if len == 0 => "it is empty: no page has a byte of it".into(),
        0 => "it fills its last page: no rest of that to touch".into(),
        rest => format!("its last page has {rest} more"),
    };
    writeln!(out, "{len} bytes in pages of {page}; {rest}").context("cannot print")?;
    let (end, last) = (len.wrapping_sub(1), next.wrapping_sub(1));
    let touches = [
        (len > 0, 0, false, "first byte of the file"),
        (len > 0, end, false, "last byte of the file"),
        (len < next, len, false, "past the file, in its last page"),
        (len < next, last, false, "last byte of that page"),
        (len < next, last, true, "the same"),
        (true, next, false, "next page: mapped, but no file"),
        (true, next, true, "the same"),
        (true, past, false, "past the mapping"),
    ];
    for (_, offset, store, what) in touches.into_iter().filter(|touch| touch.0) {
        let seen = touch(base.as_ptr().cast(), offset, store, past, page)?;
        let verb = if store { "store" } else { "load" };
        writeln!(out, "{verb:5} {offset:>8}  {what:32} {seen}").context("cannot print")?;
    }
    Ok(())
}

/// Loads the byte at `offset`, or stores 9 there first, in a child; says how the child ended.
fn touch(base: *mut u8, offset: usize, store: bool, past: usize, page: usize) -> Result<String> {
    // SAFETY: this process has one thread, so that its child may run any code (fork(2), NOTES).
    match unsafe { fork() }.context("cannot fork (see ulimit -u)")? {
        // SAFETY: nothing uses the page that is unmapped, here and now, so that nothing else can
        // have taken its place. A volatile access is one plain load or store, and this child is
        // there to die of it (Rust's own handler of these signals, for stack overflow, lets it).
        ForkResult::Child => unsafe {
            let _ = set_dumpable(false); // leaves no core file
            if munmap(base.add(past).cast(), page) != 0 {
                abort();
            }
            if store {
                base.add(offset).write_volatile(9);
            }
            _exit(base.add(offset).read_volatile().into())
        },
        ForkResult::Parent { child } => match waitpid(child, None).context("waitpid")? {
            WaitStatus::Exited(_, byte) if store => Ok(format!("stored: now {byte} in our copy")),
            WaitStatus::Exited(_, byte) => Ok(format!("is {byte}")),
            WaitStatus::Signaled(_, signal, _) => Ok(signal.to_string()),
            other => Ok(format!("{other:?}")),
        },
    }
}
