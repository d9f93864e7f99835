//! Whether the user has asked to stop: SIGINT and SIGTERM, seen without a periodic wake-up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::os::process;

/// Remembers the first signal that asked this process to stop.
#[derive(Debug)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
    pipe: UnixStream,
}

impl Interrupt {
    /// Takes SIGINT, SIGTERM and SIGHUP over for the rest of the process's life.
    ///
    /// # Errors
    /// What sigaction(2) or socketpair(2) answers.
    pub fn watch() -> io::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        let (pipe, sender) = UnixStream::pair()?;
        // A signal that is ignored was meant to be: `nohup`, a script's background job.
        for number in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|number| !process::is_ignored(*number)) {
            signal_hook::flag::register_usize(number, Arc::clone(&signal), number as usize)?;
            signal_hook::low_level::pipe::register(number, sender.try_clone()?)?;
        }
        Ok(Self { signal, pipe })
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
