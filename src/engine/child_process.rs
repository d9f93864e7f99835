//! Start a child process of this program, send it one request, wait for the reply with a time
//! limit.
//!
//! The request is in a memfd, so writing it never blocks on the child; standard error is a memfd,
//! too. Whatever the child does (dies, loops, waits for a device that never answers, is stopped
//! during exec), the parent continues after the time limit, or when the user asks to stop.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SendError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::interrupt::Interrupt;
use super::worker::InFlight;
use crate::os::process::DYING;
use crate::os::{file, page_size, process};

/// A request to a fresh process.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The words of its command line: `worker`.
    pub words: &'a [&'a str],
    /// The folder that it works in, as a path that holds for this process.
    pub folder: &'a Path,
    /// How long it may live.
    pub limit: Duration,
    /// Whether the user has asked to stop.
    pub interrupt: &'a Interrupt,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The process ended well, and this is what it wrote to standard output.
    Answered(Vec<u8>),
    /// There is no answer: what follows "the worker" in a sentence.
    Died(String),
    /// It does not even end when it is killed: it waits in the kernel, or was stopped before it
    /// began. A sentence.
    Stuck(String),
    /// There was no process: why.
    NotStarted(String),
    /// The user asked to stop.
    Interrupted,
}

/// How a request ended, and what the process was at then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How it ended.
    pub end: End,
    /// The method that it was at, where it told.
    pub at: Option<usize>,
}

/// The longest last words that are told.
const LAST_WORDS: usize = 4096;

impl Request<'_> {
    /// Starts the process, gives it `order`, and waits for its end. Where something does not
    /// answer, [`Interrupt::give_up`] notes it, and no other process is started.
    pub fn ask(&self, order: &[u8]) -> Reply {
        let reply = self.ask_until(order, Instant::now() + self.limit);
        if let End::Stuck(why) = &reply.end {
            self.interrupt.give_up(why);
        }
        reply
    }

    fn ask_until(&self, order: &[u8], deadline: Instant) -> Reply {
        let none = |end| Reply { end, at: None };
        if self.interrupt.asked().is_some() {
            return none(End::Interrupted);
        }
        if let Some(why) = self.interrupt.given_up() {
            return none(End::Stuck(why.to_owned()));
        }
        let (files, spawning) = match self.prepare(order) {
            Ok(prepared) => prepared,
            Err(error) => return none(not_started(&error)),
        };
        let oom_kills = process::oom_kills();
        let mut child = match spawning.wait(deadline, self.interrupt) {
            Ok(child) => child,
            Err(end) => return none(end),
        };
        let end = self.await_end(&mut child, deadline, oom_kills);
        let at = InFlight::read(&files.order);
        let words = files.last_words();
        Reply { end: with_words(end, words.as_deref()), at }
    }

    fn prepare(&self, order: &[u8]) -> io::Result<(MemoryFiles, Spawning)> {
        let files = MemoryFiles::new(order)?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("pagewise")
            .args(self.words)
            .current_dir(self.folder)
            .stdin(Stdio::from(files.order.try_clone()?))
            .stdout(Stdio::piped())
            .stderr(Stdio::from(files.words.try_clone()?))
            .process_group(0);
        Ok((files, Spawning::start(command)?))
    }

    fn await_end(&self, child: &mut Child, deadline: Instant, oom_kills: Option<u64>) -> End {
        let mut output = Vec::new();
        let came = match child.stdout.take() {
            Some(pipe) => self.collect(pipe, &mut output, deadline),
            None => Ok(Came::Closed),
        };
        // One that closed its output may have done so in the middle of its work. It measures
        // nothing that we can use any more, so looking now and then disturbs nobody.
        let asked = || self.interrupt.asked().is_some();
        let ended = matches!(came, Ok(Came::Closed)) && process::ends_by(child.id() as i32, deadline, asked);
        // What it leaves behind goes with it, before its number can be anyone else's.
        process::kill_group(child.id() as i32);
        if !process::ends_by(child.id() as i32, Instant::now() + DYING, || false) {
            let limit = DYING.as_secs();
            return End::Stuck(format!(
                "the worker was killed and did not end in {limit} s: it waits for a device that does not answer, or was stopped"
            ));
        }
        let status = match child.wait() {
            Ok(status) => status,
            Err(error) => return End::Died(format!("could not be waited for: {error}")),
        };
        match came {
            _ if self.interrupt.asked().is_some() => End::Interrupted,
            Err(errno) => End::Died(format!("could not be listened to: {errno}")),
            Ok(_) if ended && status.success() => End::Answered(output),
            Ok(_) if ended => End::Died(how(status, process::oom_kills() > oom_kills)),
            Ok(_) => End::Died(format!("gave no answer in {} s, and was killed", self.limit.as_secs_f64())),
        }
    }

    /// Reads until the process closes its output. Sleeps in poll(2): no wake-up beside a batch.
    fn collect(&self, mut output: ChildStdout, into: &mut Vec<u8>, deadline: Instant) -> Result<Came, Errno> {
        let mut chunk = vec![0; 1 << 16];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.interrupt.asked().is_some() {
                return Ok(Came::TooLate);
            }
            let timeout = PollTimeout::try_from(left.min(Duration::from_secs(3600))).unwrap_or(PollTimeout::MAX);
            let readable = {
                let mut watched = [
                    PollFd::new(output.as_fd(), PollFlags::POLLIN),
                    PollFd::new(self.interrupt.descriptor(), PollFlags::POLLIN),
                ];
                match poll(&mut watched, timeout) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
                watched[0].revents().is_some_and(|events| !events.is_empty())
            };
            if readable {
                match output.read(&mut chunk) {
                    Ok(0) => return Ok(Came::Closed),
                    Ok(count) => into.extend_from_slice(&chunk[..count]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or(0))),
                }
            }
        }
    }
}

/// How listening ended.
enum Came {
    /// The process closed its output.
    Closed,
    /// The limit was over, or the user asked to stop.
    TooLate,
}

/// Files in memory that go with a process.
struct MemoryFiles {
    /// A page that tells which method it is at ([`InFlight`]), then the order; its standard input.
    order: File,
    /// Its standard error.
    words: File,
}

impl MemoryFiles {
    fn new(order: &[u8]) -> io::Result<Self> {
        let mut files = Self { order: file::memfd("order")?, words: file::memfd("last words")? };
        let start = page_size() as u64;
        files.order.set_len(start)?;
        files.order.write_all_at(order, start)?;
        // Its standard input has this descriptor's place (dup(2)).
        files.order.seek(SeekFrom::Start(start))?;
        Ok(files)
    }

    /// The first line that it wrote to standard error.
    fn last_words(&self) -> Option<String> {
        let mut bytes = vec![0; LAST_WORDS];
        let count = file::read_up_to(&self.words, &mut bytes, 0).ok()?;
        let text = String::from_utf8_lossy(&bytes[..count]);
        text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }
}

/// A process that is being started, by a thread of its own: starting it waits until its program is
/// loaded (vfork(2)), which may be never.
struct Spawning {
    child: Receiver<io::Result<Child>>,
    /// Keeps the thread: a process dies with the thread that started it (prctl(2),
    /// PR_SET_PDEATHSIG).
    _life: Sender<()>,
}

impl Spawning {
    fn start(mut command: Command) -> io::Result<Self> {
        let (started, child) = mpsc::channel();
        let (life, ended) = mpsc::channel::<()>();
        thread::Builder::new().spawn(move || {
            match started.send(command.spawn()) {
                Ok(()) => drop(ended.recv()),
                // Nobody waits for it any more.
                Err(SendError(Ok(mut child))) => drop(child.kill().and_then(|()| child.wait())),
                Err(_) => {}
            }
        })?;
        Ok(Self { child, _life: life })
    }

    fn wait(&self, deadline: Instant, interrupt: &Interrupt) -> Result<Child, End> {
        loop {
            match self.child.recv_timeout(Duration::from_millis(20)) {
                Ok(Ok(child)) => return Ok(child),
                Ok(Err(error)) => return Err(not_started(&error)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(End::NotStarted("starting a worker: its thread ended".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) if interrupt.asked().is_some() => return Err(End::Interrupted),
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                    return Err(End::Stuck(
                        "the worker was not started in time: loading its program does not end".to_owned(),
                    ));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn not_started(error: &io::Error) -> End {
    let hint = if error.kind() == io::ErrorKind::NotFound { "; is /proc mounted?" } else { "" };
    End::NotStarted(format!("starting a worker: {error}{hint}"))
}

fn with_words(end: End, words: Option<&str>) -> End {
    match (end, words) {
        (End::Died(how), Some(words)) => End::Died(format!("{how}: {words}")),
        (end, _) => end,
    }
}

/// `was killed by SIGBUS`, `exited with 1`. `oom` says that the kernel's out-of-memory killer
/// struck while the process lived.
fn how(status: ExitStatus, oom: bool) -> String {
    match (status.signal(), status.code()) {
        (Some(number), _) => match Signal::try_from(number) {
            Ok(Signal::SIGALRM) => "was ended by SIGALRM: a peer did not answer in time".to_owned(),
            Ok(Signal::SIGKILL) if oom => {
                "was killed by SIGKILL, as the kernel's out-of-memory killer does, which struck meanwhile (oom_kill in /proc/vmstat); give it more memory"
                    .to_owned()
            }
            Ok(Signal::SIGBUS) => {
                "was killed by SIGBUS: a page of a mapped file could not be had, as when the disk is full, fails, or the file became shorter"
                    .to_owned()
            }
            Ok(signal) => format!("was killed by {signal}"),
            Err(_) => format!("was killed by signal {number}"),
        },
        (None, Some(code)) => format!("exited with {code}"),
        (None, None) => "ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_by_its_signal_or_code_and_blamed_on_the_kernel_only_where_the_kernel_says_so() {
        let status = ExitStatus::from_raw;
        assert_eq!(how(status(9), false), "was killed by SIGKILL");
        assert!(how(status(9), true).contains("out-of-memory killer"));
        assert!(how(status(7), true).starts_with("was killed by SIGBUS: a page of a mapped file could not be had"));
        assert_eq!(how(status(35), false), "was killed by signal 35");
        assert_eq!(how(status(3 << 8), true), "exited with 3");
        assert!(how(status(14), false).contains("a peer did not answer"));
    }
}
