//! A parent and its child talk both ways through memory that they share across `fork`.
//!
//! ```text
//! cargo run --example family -- --rounds 3
//! ```
//!
//! The usual version:
//! - sleeps, and hopes that the other is done. Here a word says whose turn it is, and futex(2) waits
//!   for it: the order is guaranteed, and no time is lost;
//! - sets `FUTEX_PRIVATE_FLAG`, as threads do: then no wake reaches another process;
//! - maps `MAP_PRIVATE | MAP_ANONYMOUS`, as memmap2's `map_anon` does: after `fork` each has a copy;
//! - waits for ever for a child that died, and leaves one behind when it dies itself. Here every wait
//!   has a limit and looks after the child, and `PR_SET_PDEATHSIG` (prctl(2)) ends the child.

#![allow(unsafe_code)] // mmap, fork, futex

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::ptr::null;
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, value_parser};
use nix::errno::Errno;
use nix::libc::{self, timespec};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal::SIGKILL;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

/// Parent and child talk through anonymous shared memory, turn by turn
#[derive(Parser)]
struct Args {
    /// How many numbers the parent asks the child to double
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=1_000_000))]
    rounds: u32,
}

/// What both see; new memory is zero, so that the first turn is the parent's.
struct Table {
    turn: AtomicU32,
    number: AtomicU32,
}
const PARENT: u32 = 0;
const CHILD: u32 = 1;

fn main() {
    if let Err(error) = family(Args::parse().rounds) {
        eprintln!("family, process {}: {error:#}", getpid());
        std::process::exit(1);
    }
}

fn family(rounds: u32) -> Result<()> {
    let size = NonZeroUsize::new(size_of::<Table>()).context("nothing to share")?;
    let prot = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping, at an address of the kernel's choice, touches no memory in use.
    let page = unsafe { mmap_anonymous(None, size, prot, MapFlags::MAP_SHARED) };
    let page = page.context("cannot map memory to share")?.cast();
    // SAFETY: zero bytes are a Table, aligned, used as atomics only, mapped until the process ends.
    let table: &Table = unsafe { page.as_ref() };
    let me = getpid();
    // SAFETY: this process has one thread, so that its child may run any code (fork(2), NOTES).
    match unsafe { fork() }.context("cannot fork (see ulimit -u)")? {
        ForkResult::Parent { child } => ask(table, rounds, child), // an error here ends both
        ForkResult::Child => answer(table, rounds, me),
    }
}

fn ask(table: &Table, rounds: u32, child: Pid) -> Result<()> {
    for asked in 1..=rounds {
        writeln!(stdout(), "parent {}: twice {asked}?", getpid()).context("cannot print")?;
        table.pass(asked, CHILD)?;
        table.wait("answer from the child", || {
            let ended = ended(child)?; // asked first: it may answer and end in between
            let answered = table.turn.load(Acquire) == PARENT;
            ensure!(answered || !ended, "the child ended without an answer");
            Ok(answered)
        })?;
        let answer = table.number.load(Relaxed);
        ensure!(answer == 2 * asked, "the child says {answer}");
    }
    table.wait("end of the child", || ended(child))?;
    waitpid(child, None).context("waitpid")?; // its exit status is known: no zombie is left
    writeln!(stdout(), "parent {}: child {child} exited with 0", getpid()).context("cannot print")
}

fn answer(table: &Table, rounds: u32, parent: Pid) -> Result<()> {
    set_pdeathsig(SIGKILL).context("prctl(PR_SET_PDEATHSIG)")?;
    ensure!(getppid() == parent, "the parent died before this");
    for _ in 0..rounds {
        table.wait("question from the parent", || Ok(table.turn.load(Acquire) == CHILD))?;
        let asked = table.number.load(Relaxed);
        writeln!(stdout(), "child {}: {}", getpid(), 2 * asked).context("cannot print")?;
        table.pass(2 * asked, PARENT)?;
    }
    Ok(())
}

impl Table {
    /// Writes the number, then gives the turn: who loads the turn (Acquire) sees the number, too.
    fn pass(&self, number: u32, to: u32) -> Result<()> {
        self.number.store(number, Relaxed);
        self.turn.store(to, Release);
        self.futex(libc::FUTEX_WAKE, 1, null()).context("futex(FUTEX_WAKE)")
    }

    /// Waits until `done`, which is asked after each wake, and every 10 ms to see whether the other
    /// still lives. The limit counts naps, not hours, so that Ctrl-Z and `fg` cannot exceed it.
    fn wait(&self, what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
        let nap = timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        for _ in 0..1000 {
            let turn = self.turn.load(Acquire);
            if done()? {
                return Ok(());
            }
            // The kernel naps only if the turn is the same still (else EAGAIN): no wake is lost.
            match self.futex(libc::FUTEX_WAIT, turn, &nap) {
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ETIMEDOUT) => {}
                Err(errno) => return Err(errno).context("futex(FUTEX_WAIT)"),
            }
        }
        bail!("no {what} for 10 s")
    }

    fn futex(&self, call: i32, value: u32, limit: *const timespec) -> nix::Result<()> {
        // SAFETY: word and limit outlive the call, and the kernel changes neither.
        let code = unsafe { libc::syscall(libc::SYS_futex, self.turn.as_ptr(), call, value, limit) };
        Errno::result(code).map(drop)
    }
}

/// Whether the child has ended; an error if it did not end well. WNOWAIT: it can be asked again.
fn ended(child: Pid) -> Result<bool> {
    let how = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(child), how).context("waitid")? {
        WaitStatus::StillAlive => Ok(false),
        WaitStatus::Exited(_, 0) => Ok(true),
        WaitStatus::Exited(_, code) => bail!("child {child} failed with exit code {code}"),
        WaitStatus::Signaled(_, signal, _) => bail!("child {child} was killed by {signal}"),
        other => bail!("child {child}: {other:?}"),
    }
}
