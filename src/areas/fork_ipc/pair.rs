//! Parent and child for one batch: forked, placed, proven to be two, and bounded in time.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::method::{Account, Draw, Method, Trouble};
use crate::os::SysError;
use crate::os::futex::{self, Wait};
use crate::os::map::SharedWords;
use crate::os::process::{self, Alarm, Child, Ended};
use crate::os::usage::Usage;

use super::super::prepare::not_prepared;
use super::transport::Transport;

/// No batch takes this long; one that does hangs, and SIGALRM ends both sides.
const LIMIT: Duration = Duration::from_secs(20);

/// Exit codes of a child that could not serve.
const TRANSPORT_FAILED: i32 = 70;
const PLACEMENT_FAILED: i32 = 71;

/// What the child tells of itself, in memory of its own that no message touches.
struct Control(SharedWords);

impl Control {
    fn new() -> Result<Self, SysError> {
        SharedWords::anonymous(1).map(Self)
    }

    fn ready(&self) -> &AtomicU32 {
        self.0.word(0)
    }

    fn counter(&self, index: usize) -> &AtomicU64 {
        self.0.word64(16 + 2 * index)
    }

    /// Child's side: who it is and what it spent while it served.
    fn report(&self, usage: Usage) {
        let values = [
            u64::from(std::process::id()),
            usage.minor_faults,
            usage.major_faults,
            usage.voluntary_switches,
            usage.user_ns,
            usage.system_ns,
            usage.read_bytes,
            usage.involuntary_switches,
        ];
        for (index, value) in values.into_iter().enumerate() {
            self.counter(index).store(value, Ordering::Release);
        }
    }

    /// Parent's side: the child's process id, and what it spent.
    fn read(&self) -> (u64, Usage) {
        let value = |index| self.counter(index).load(Ordering::Acquire);
        let usage = Usage {
            minor_faults: value(1),
            major_faults: value(2),
            voluntary_switches: value(3),
            user_ns: value(4),
            system_ns: value(5),
            read_bytes: value(6),
            involuntary_switches: value(7),
        };
        (value(0), usage)
    }
}

/// A batch's two processes.
struct Live<T> {
    transport: T,
    control: Control,
    child: Child,
    alarm: Alarm,
}

/// Round trips by a transport, with a child forked for each batch.
pub(super) struct Pair<T> {
    parent_core: usize,
    child_core: usize,
    cores_before: Vec<usize>,
    site: PathBuf,
    live: Option<Live<T>>,
    next: u64,
    trips: u64,
    kind: PhantomData<T>,
}

impl<T: Transport> Pair<T> {
    pub(super) fn new(parent_core: usize, child_core: usize, site: &Path) -> Self {
        Self {
            parent_core,
            child_core,
            cores_before: Vec::new(),
            site: site.to_owned(),
            live: None,
            next: 0,
            trips: 0,
            kind: PhantomData,
        }
    }

    /// The child: answers each message with its successor, which only a second process that read it can know to be due.
    fn serve(transport: T, control: &Control, core: usize, ops: u64, first: u64) -> i32 {
        let _alarm = Alarm::arm(LIMIT);
        if process::run_on(&[core]).is_err() {
            return PLACEMENT_FAILED;
        }
        let Ok(mut transport) = transport.in_child() else { return TRANSPORT_FAILED };
        let before = Usage::now();
        control.ready().store(1, Ordering::Release);
        if futex::wake_one(control.ready()).is_err() {
            return TRANSPORT_FAILED;
        }
        for trip in 0..ops {
            match transport.receive() {
                Ok(message) if message == first + 2 * trip => {}
                _ => return TRANSPORT_FAILED,
            }
            if transport.send(first + 2 * trip + 1).is_err() {
                return TRANSPORT_FAILED;
            }
        }
        control.report(Usage::now().since(before));
        0
    }

    fn wait_until_ready(control: &Control) -> Result<(), Trouble> {
        while control.ready().load(Ordering::Acquire) == 0 {
            if futex::wait(control.ready(), 0, Some(Duration::from_secs(5)))? == Wait::TimedOut {
                return Err(Trouble::Failed("the child was not ready in 5 s".to_owned()));
            }
        }
        Ok(())
    }
}

impl<T: Transport> Method for Pair<T> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.live = None;
        if self.cores_before.is_empty() {
            self.cores_before = process::allowed_cpus()?;
        }
        let alarm = Alarm::arm(LIMIT);
        process::run_on(&[self.parent_core])?;
        let (transport, child_side) = T::make(&self.site)?;
        let control = Control::new()?;
        // Messages are never 0, which empty memory holds, and grow by two a trip, so that each is new.
        let first = (draw.seed & 0xffff_ffff) * 2 + 2;
        let core = self.child_core;
        // Moved into the child: the parent's copy of the child's side is closed, so that its death ends a read.
        let child = Child::fork(|| Self::serve(child_side, &control, core, draw.ops, first))?;
        Self::wait_until_ready(&control)?;
        (self.next, self.trips) = (first, 0);
        self.live = Some(Live { transport, control, child, alarm });
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let Some(live) = &mut self.live else { return Err(not_prepared()) };
        let mut next = self.next;
        for _ in 0..ops {
            live.transport.send(next)?;
            let answer = live.transport.receive()?;
            if answer != next + 1 {
                return Err(wrong_answer());
            }
            next += 2;
        }
        self.next = next;
        self.trips += ops;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let Some(Live { transport, control, child, alarm }) = self.live.take() else {
            return Err(not_prepared().into());
        };
        let pid = child.pid();
        // A child that still waits for a message sees the end of it, and says that it did not serve.
        drop(transport);
        let ended = child.wait(Duration::from_secs(5))?;
        drop(alarm);
        process::run_on(&self.cores_before)?;
        if ended != Ended::Exited(0) {
            return Err(Trouble::Failed(format!("the child did not serve every message: {ended:?}")));
        }
        let (served_by, peer) = control.read();
        if served_by != pid as u64 || pid as u32 == std::process::id() {
            return Err(Trouble::Failed(format!(
                "messages were answered by process {served_by}, not by the child {pid}"
            )));
        }
        Ok(Account {
            // A forked child takes its first faults while it serves; none of them grows with the messages.
            minor_faults: 0..=256,
            peer,
            ..Account::quiet(self.trips, 0, 2)
        })
    }
}

#[cold]
fn wrong_answer() -> SysError {
    SysError::new("receive", "an answer that does not follow its message", nix::errno::Errno::EBADMSG)
}
