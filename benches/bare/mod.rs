//! What does each method's job cost with no harness at all? The shortest loops over the `libc` calls, to hold the suite's own against.
//!
//! A bare case stands in for the method of the same name. What is not timed is the library's own, so that both meet the same file in the same
//! state and are proven alike; what lies between the two clock reads is written anew here, and shares no line with the method. A loop checks what
//! the kernel answers, as any correct program must, and nothing else.
//!
//! What keeps the compiler from removing or moving a loop's work: a system call is an opaque call; a touch and a store are volatile; a sum is
//! compared with what the file holds once the clock has stopped; and the clock's reads are opaque calls themselves, across which nothing moves
//! that they could see.
#![allow(unsafe_code)]

mod fork_ipc;
mod page_touch;
mod private_cow;
mod shared_edit;
mod stamp;

use std::io;
use std::path::Path;

use nix::libc;
use pagewise::areas::Spec;
use pagewise::engine::drag::Drag;
use pagewise::engine::method::{Account, Case, Counters, Draw, Measured, Opened, Trouble};
use pagewise::engine::protocol::Phases;
use pagewise::os::usage::Usage;

pub use stamp::{SCENARIO as STAMP, open as open_stamp};

/// A job whose timed part is written out.
trait Loop {
    /// Untimed: as [`pagewise::engine::method::Method::prepare`].
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble>;

    /// The clock, the whole batch, the clock: gives its time in ns.
    fn timed(&mut self) -> io::Result<u64>;

    /// Untimed: as [`pagewise::engine::method::Method::settle`].
    fn settle(&mut self) -> Result<Account, Trouble>;
}

/// A bare loop as the engine takes it.
struct Bare<L>(L);

impl<L: Loop> Case for Bare<L> {
    fn measure(&mut self, draw: Draw, _: Drag, counters: &mut dyn Counters) -> Result<Measured, Trouble> {
        self.0.prepare(draw)?;
        let disk_before = counters.disk();
        let usage_before = Usage::now();
        let outcome = self.0.timed();
        let usage = Usage::now().since(usage_before);
        let disk_after = counters.disk();
        let ns = outcome.map_err(|error| Trouble::Failed(format!("a bare loop: {error}")))?;
        let account = self.0.settle()?;
        let disk = disk_after.zip(disk_before).map(|(after, before)| after.since(before));
        Ok(Measured { ns, usage, disk, account, ..Measured::default() })
    }

    fn stamp(&mut self, _: Draw, _: &mut Vec<u64>) -> Result<(), Trouble> {
        Err(Trouble::Unavailable("a bare loop is not stamped".to_owned()))
    }

    fn is_stamped(&self) -> bool {
        false
    }

    fn phases(&mut self, _: Draw) -> Result<Option<Phases>, Trouble> {
        Ok(None)
    }

    fn most(&self) -> u64 {
        u64::MAX
    }

    fn grain(&self) -> u64 {
        1
    }

    fn verify(&mut self) -> Result<u64, Trouble> {
        Ok(0)
    }
}

/// Opens the bare loop that does what `method` does in `spec`'s scenario, on the files in `site`.
///
/// # Errors
/// As the method's own opening; [`Trouble::Unavailable`] where no bare loop has been written for it.
pub fn open(spec: &Spec, method: &str, site: &Path) -> Opened {
    let opened = match spec.plan.area.as_str() {
        "page_touch" => page_touch::open(spec, method, site)?,
        "shared_edit" => shared_edit::open(spec, method, site)?,
        "private_cow" => private_cow::open(spec, method, site)?,
        "fork_ipc" => fork_ipc::open(spec, method, site)?,
        _ => None,
    };
    opened.ok_or_else(|| {
        Trouble::Unavailable(format!("no bare loop of it: write one in benches/bare/{}.rs", spec.plan.area))
    })
}

/// A case of a loop, or none where the area has no loop of that name.
type Found = Result<Option<Box<dyn Case>>, Trouble>;

fn boxed<L: Loop + 'static>(job: L) -> Option<Box<dyn Case>> {
    Some(Box::new(Bare(job)))
}

/// A parameter of a scenario.
fn param<'a>(spec: &'a Spec, name: &str) -> &'a str {
    spec.plan.scenario.params.get(name).map_or("", String::as_str)
}

/// Nanoseconds of CLOCK_MONOTONIC: one call.
#[inline(always)]
fn clock() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes a timespec to a local.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The error of a call that gave less than it was asked for.
#[cold]
fn failed() -> io::Error {
    io::Error::last_os_error()
}
