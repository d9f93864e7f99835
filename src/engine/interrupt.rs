//! Whether to stop: the user asked to (SIGINT, SIGTERM, SIGHUP; seen without a periodic wake-up),
//! or the machine does not answer.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::os::process;

/// Remembers the first signal that asked this process to stop.
#[derive(Debug)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
    pipe: UnixStream,
    /// Keeps the other end of the pipe.
    _sender: UnixStream,
    given_up: OnceLock<String>,
}

impl Interrupt {
    /// Takes SIGINT, SIGTERM and SIGHUP over for the rest of the process's life.
    ///
    /// # Errors
    /// What sigaction(2) or socketpair(2) answers.
    pub fn watch() -> io::Result<Self> {
        let interrupt = Self::without_signals()?;
        let (signal, sender) = (&interrupt.signal, &interrupt._sender);
        // A signal that is ignored was meant to be: `nohup`, a script's background job.
        for number in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|number| !process::is_ignored(*number)) {
            signal_hook::flag::register_usize(number, Arc::clone(signal), number as usize)?;
            signal_hook::low_level::pipe::register(number, sender.try_clone()?)?;
        }
        Ok(interrupt)
    }

    /// One that hears no signal: for what is to be done also when the user asked to stop.
    ///
    /// # Errors
    /// What socketpair(2) answers.
    pub fn without_signals() -> io::Result<Self> {
        let (pipe, sender) = UnixStream::pair()?;
        Ok(Self { signal: Arc::new(AtomicUsize::new(0)), pipe, _sender: sender, given_up: OnceLock::new() })
    }

    /// Notes that something does not answer, and is not to be asked again; the first `why` stands.
    pub fn give_up(&self, why: &str) {
        let _ = self.given_up.set(why.to_owned());
    }

    /// What does not answer.
    pub fn given_up(&self) -> Option<&str> {
        self.given_up.get().map(String::as_str)
    }

    /// Whether there is a reason to stop.
    pub fn should_stop(&self) -> bool {
        self.asked().is_some() || self.given_up().is_some()
    }

    /// The signal that asked to stop, if one has.
    pub fn asked(&self) -> Option<i32> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            number => Some(number as i32),
        }
    }

    /// Readable once a signal has come: for poll(2).
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Ends this process by `signal`, as it would have ended had we not looked: shells see what happened.
    pub fn end_by(signal: i32) -> ! {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        std::process::exit(128 + signal)
    }
}
