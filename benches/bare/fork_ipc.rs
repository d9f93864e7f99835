//! Eight bytes to a forked child and back: each transport's two loops, the parent's and the child's, written out.

mod descriptors;
mod memory;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pagewise::areas::Spec;
use pagewise::engine::method::{Account, Draw, Trouble};
use pagewise::os::futex;
use pagewise::os::map::SharedWords;
use pagewise::os::process::{self, Alarm, Child, Ended};

use super::{Found, Loop, boxed, clock, param};
use descriptors::{Pipes, Polled, Socket};
use memory::{Futex, Spin};

/// Opens the loops of `method`.
pub fn open(spec: &Spec, method: &str, site: &Path) -> Found {
    let allowed = process::allowed_cpus()?;
    let first = allowed.first().copied().unwrap_or(0);
    let core = process::core_of(first);
    let second = match param(spec, "placement") {
        "one-core" => first,
        _ => allowed.iter().copied().find(|cpu| !core.contains(cpu)).unwrap_or(first),
    };
    let site = site.to_owned();
    let place = Place { cores: (first, second), allowed, site };
    Ok(match method {
        "pipe" => boxed(Trips::<Pipes>::new(place)),
        "socketpair" => boxed(Trips::<Socket>::new(place)),
        "shm+spin" => boxed(Trips::<Spin>::new(place)),
        "shm+futex" => boxed(Trips::<Futex<false>>::new(place)),
        "file map+futex" => boxed(Trips::<Futex<true>>::new(place)),
        "file poll" => boxed(Trips::<Polled>::new(place)),
        _ => return Ok(None),
    })
}

/// A transport; a value is both of its sides, of which each process uses its own.
trait Wire: Sized {
    fn make(site: &Path) -> Result<Self, Trouble>;

    /// In the child, after the fork: what it has to open for itself, and what it must not keep.
    fn in_child(self) -> Result<Self, Trouble> {
        Ok(self)
    }

    /// In the parent, after the fork.
    fn in_parent(&mut self) {}

    /// The parent's loop: sends `first`, `first + 2`, … and wants the successor of each.
    fn ask(&self, first: u64, trips: u64) -> io::Result<()>;

    /// The child's loop.
    fn answer(&self, first: u64, trips: u64) -> io::Result<()>;
}

#[cold]
fn wrong() -> io::Error {
    io::Error::other("a message that does not follow the last")
}

struct Place {
    cores: (usize, usize),
    allowed: Vec<usize>,
    site: PathBuf,
}

struct Live<W> {
    wire: W,
    child: Child,
    alarm: Alarm,
}

struct Trips<W> {
    place: Place,
    live: Option<Live<W>>,
    first: u64,
    trips: u64,
}

/// No batch takes this long.
const LIMIT: Duration = Duration::from_secs(20);

impl<W: Wire> Trips<W> {
    fn new(place: Place) -> Self {
        Self { place, live: None, first: 0, trips: 0 }
    }

    fn child(wire: W, core: usize, ready: &AtomicU32, first: u64, trips: u64) -> Result<(), Trouble> {
        let _alarm = Alarm::arm(LIMIT);
        process::run_on(&[core])?;
        let wire = wire.in_child()?;
        ready.store(1, Ordering::Release);
        futex::wake_one(ready)?;
        wire.answer(first, trips).map_err(|error| Trouble::Failed(error.to_string()))
    }
}

impl<W: Wire> Loop for Trips<W> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.live = None;
        let alarm = Alarm::arm(LIMIT);
        process::run_on(&[self.place.cores.0])?;
        let control = SharedWords::anonymous(1)?;
        (self.first, self.trips) = ((draw.seed & 0xffff_ffff) * 2 + 2, draw.ops);
        // The closure runs in the child alone, which has a copy of what it moves; the parent takes its own back.
        let mut wire = Some(W::make(&self.place.site)?);
        let (core, first, trips) = (self.place.cores.1, self.first, self.trips);
        let child = Child::fork(|| {
            wire.take().is_none_or(|wire| Self::child(wire, core, control.word(0), first, trips).is_err()).into()
        })?;
        while control.word(0).load(Ordering::Acquire) == 0 {
            futex::wait(control.word(0), 0, Some(Duration::from_secs(5)))?;
        }
        let Some(mut wire) = wire else {
            return Err(Trouble::Failed("a wire without a side for the parent".to_owned()));
        };
        wire.in_parent();
        self.live = Some(Live { wire, child, alarm });
        Ok(())
    }

    fn timed(&mut self) -> io::Result<u64> {
        let Some(live) = &self.live else { return Err(wrong()) };
        let start = clock();
        live.wire.ask(self.first, self.trips)?;
        Ok(clock() - start)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let Some(Live { wire, child, alarm }) = self.live.take() else {
            return Err(Trouble::Failed("a batch that was not prepared".to_owned()));
        };
        let ended = child.wait(Duration::from_secs(5))?;
        drop((wire, alarm));
        process::run_on(&self.place.allowed)?;
        if ended != Ended::Exited(0) {
            return Err(Trouble::Failed(format!("the child did not serve every message: {ended:?}")));
        }
        Ok(Account { minor_faults: 0..=256, ..Account::quiet(self.trips, 0, 2) })
    }
}
