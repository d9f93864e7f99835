//! What a message to another process and its answer cost: through shared memory, a shared file, a pipe, a socket.
//!
//! One operation is one round trip of 8 bytes between a parent and its forked child. Where the two run is part of the question: on one
//! core a wake-up is a context switch; on two it may take an interrupt to the other core, and a spinning peer needs none.

mod pair;
mod transport;

use std::path::Path;

use crate::engine::method::{Opened, Trouble};
use crate::engine::protocol::Size;
use crate::os::process;

use super::area::{AreaOf, Entry, MARGIN, Options, Question};

use pair::Pair;
use transport::{FilePoll, Futex, Pipes, Socket, Spin};

/// The area.
pub static AREA: AreaOf<Point> = AreaOf {
    name: "fork_ipc",
    about: "messages through memory shared across fork or a file mapped by two processes, against pipes and sockets",
    takes_file: false,
    points,
    sweeps: &[],
    points_of_commit: |_| Vec::new(),
    points_of_reading: |_, _| Vec::new(),
    ask,
    methods: METHODS,
};

/// Where parent and child run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placement {
    OneCore,
    TwoCores,
}

impl Placement {
    fn name(self) -> &'static str {
        match self {
            Self::OneCore => "one-core",
            Self::TwoCores => "two-cores",
        }
    }

    /// The processors of parent and child: the first that this process may use, and for two cores the first of another core.
    fn cores(self) -> Result<(usize, usize), Trouble> {
        let allowed = process::allowed_cpus()?;
        let first = *allowed.first().ok_or_else(|| Trouble::Failed("this process may run on no core".to_owned()))?;
        if self == Self::OneCore {
            return Ok((first, first));
        }
        let core = process::core_of(first);
        match allowed.iter().find(|cpu| !core.contains(cpu)) {
            Some(second) => Ok((first, *second)),
            None => Err(Trouble::Unavailable(format!(
                "processors {allowed:?} are of one core: there is no second for the child"
            ))),
        }
    }
}

/// A scenario's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    placement: Placement,
}

fn points(_: &Options) -> Vec<Point> {
    [Placement::TwoCores, Placement::OneCore].map(|placement| Point { placement }).to_vec()
}

fn ask(point: &Point) -> Question {
    let place = match point.placement {
        Placement::OneCore => "both on one core",
        Placement::TwoCores => "each on a core of its own",
    };
    Question {
        words: vec![("placement", point.placement.name())],
        text: format!("A message of 8 bytes from a parent to its child and back, {place}."),
        operation: "one round trip".to_owned(),
        params: vec![("message", "8B".to_owned())],
        state: None,
        history: None,
        guarantee: None,
        baseline: "pipe",
        size: Size::Lasting { target_ns: 2_000_000, most: 20_000 },
        margin: MARGIN,
        floor: Some(("system call", 1.0)),
        bytes_per_op: Some(16),
        files: Vec::new(),
        weight: 1.0,
    }
}

/// Waiting by looking again and again: on one core nobody else runs meanwhile.
fn spinning(point: &Point) -> Result<(), Trouble> {
    match point.placement {
        Placement::TwoCores => Ok(()),
        Placement::OneCore => Err(Trouble::Unavailable(
            "on one core the spinning side keeps the other from running until its time slice ends: milliseconds a message".to_owned(),
        )),
    }
}

const METHODS: &[Entry<Point>] = &[
    Entry {
        name: "pipe",
        about: "two pipes, read and write",
        fits: |_| true,
        open: |point, site| pair::<Pipes>(point, site),
    },
    Entry {
        name: "socketpair",
        about: "a connected pair of UNIX stream sockets",
        fits: |_| true,
        open: |point, site| pair::<Socket>(point, site),
    },
    Entry {
        name: "shm+spin",
        about: "memory shared across fork (MAP_SHARED|MAP_ANONYMOUS), each side spinning on the other's word",
        fits: |_| true,
        open: |point, site| spinning(point).and_then(|()| pair::<Spin>(point, site)),
    },
    Entry {
        name: "shm+futex",
        about: "memory shared across fork, each side sleeping on a process-shared futex",
        fits: |_| true,
        open: |point, site| pair::<Futex<transport::Anonymous>>(point, site),
    },
    Entry {
        name: "file map+futex",
        about: "a file that each process maps for itself, each side sleeping on a futex in it",
        fits: |_| true,
        open: |point, site| pair::<Futex<transport::OfFile>>(point, site),
    },
    Entry {
        name: "file poll",
        about: "a file: pwrite by one side, pread by the other again and again until the message is there",
        fits: |_| true,
        open: |point, site| spinning(point).and_then(|()| pair::<FilePoll>(point, site)),
    },
];

fn pair<T: transport::Transport + 'static>(point: &Point, site: &Path) -> Opened {
    let (parent, child) = point.placement.cores()?;
    Ok(Box::new(Pair::<T>::new(parent, child, site)))
}
