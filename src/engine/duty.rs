//! How a worker process begins and ends: its order, its parent, its answer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;

use nix::sys::stat::Mode;
use nix::unistd::Pid;

use crate::os::process;

use super::protocol::{Answer, Order};

/// Ties this process's life to that of `parent`: it dies with it, and before it where memory is
/// short. Its files are its own whatever the umask is.
pub fn attach_to_parent(parent: i32) {
    process::die_with_parent(Pid::from_raw(parent));
    process::prefer_as_oom_victim();
    let _ = nix::sys::stat::umask(Mode::S_IRWXG | Mode::S_IRWXO);
}

/// The one thing that a worker process is there for.
#[derive(Debug)]
pub struct Duty {
    /// What is asked.
    pub order: Order,
    /// Where the answer goes.
    channel: File,
}

impl Duty {
    /// Reads the order from standard input, ties this process's life to its parent's, and keeps standard output for the answer: what
    /// the methods print goes nowhere. A panic says where and why in one line, for the parent to tell.
    ///
    /// # Errors
    /// Where there is no order: a worker is started by its parent, not by hand.
    pub fn take_up() -> io::Result<Self> {
        let order: Order = serde_json::from_reader(io::stdin().lock())?;
        attach_to_parent(order.parent);
        let channel = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        nix::unistd::dup2_stdout(OpenOptions::new().write(true).open("/dev/null")?)?;
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
            let why = panic.payload_as_str().unwrap_or("no reason given").replace('\n', " ");
            let _ = writeln!(io::stderr(), "panicked{}: {why}", place.unwrap_or_default());
        }));
        Ok(Self { order, channel })
    }

    /// Gives the answer.
    ///
    /// # Errors
    /// Where nobody listens.
    pub fn fulfil(mut self, answer: &Answer) -> io::Result<()> {
        self.channel.write_all(&serde_json::to_vec(answer)?)
    }
}
