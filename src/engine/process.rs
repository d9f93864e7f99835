//! How a worker is started, bounded, and its death explained.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::interrupt::Interrupt;
use super::protocol::{Answer, Asked, Order, Task};
use super::worker::{InFlight, last_words_file};
use crate::os::process;

/// Who does a study's tasks: fresh processes, or a test's imitation with a clock of its own.
pub trait Executor {
    /// Does `task` with `methods`, in at most `limit`.
    ///
    /// # Errors
    /// [`Death`]: no answer came.
    fn execute(&mut self, methods: &[Asked], task: Task, limit: Duration) -> Result<Answer, Death>;

    /// Time since the executor was made.
    fn elapsed(&self) -> Duration;
}

/// Why a worker gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Death {
    /// It died at the method of this index.
    At(usize, String),
    /// It died at none.
    Elsewhere(String),
    /// The user asked to stop.
    Interrupted,
}

/// Runs tasks in fresh processes of this executable.
#[derive(Debug)]
pub struct Workers<'a> {
    /// What every order holds.
    pub site: &'a Path,
    /// See [`Order::disk_stat`].
    pub disk_stat: Option<PathBuf>,
    /// See [`Order::own_reads`].
    pub own_reads: bool,
    /// See [`Order::catalogue`].
    pub catalogue: serde_json::Value,
    /// See [`Order::scenario`].
    pub scenario: String,
    /// Whether the user has asked to stop.
    pub interrupt: &'a Interrupt,
    /// When the study began.
    pub start: Instant,
}

impl Executor for Workers<'_> {
    fn execute(&mut self, methods: &[Asked], task: Task, limit: Duration) -> Result<Answer, Death> {
        let order = Order {
            parent: std::process::id() as i32,
            site: self.site.to_owned(),
            disk_stat: self.disk_stat.clone(),
            own_reads: self.own_reads,
            catalogue: self.catalogue.clone(),
            scenario: self.scenario.clone(),
            methods: methods.to_vec(),
            task,
        };
        InFlight::make(self.site).map_err(|error| Death::Elsewhere(error.to_string()))?;
        let oom_kills = process::oom_kills();
        let mut worker = self.spawn(&order).map_err(|error| Death::Elsewhere(format!("starting a worker: {error}")))?;
        let mut output = Vec::new();
        let end = self.collect(&mut worker, &mut output, Instant::now() + limit);
        // What a worker leaves behind goes with it, before its number can be anyone else's.
        process::kill_group(worker.id() as i32);
        let status = worker.wait().map_err(|error| Death::Elsewhere(format!("waiting for a worker: {error}")))?;
        match end {
            _ if self.interrupt.asked().is_some() => Err(Death::Interrupted),
            Ok(End::Itself) if status.success() => {
                serde_json::from_slice(&output).map_err(|error| self.death(&format!("gave no answer: {error}")))
            }
            Ok(End::Itself) => {
                let oom = process::oom_kills() > oom_kills;
                Err(self.death(&how(status, oom)))
            }
            Ok(End::TimedOut) => {
                Err(self.death(&format!("gave no answer in {} s, and was killed", limit.as_secs_f64())))
            }
            Err(errno) => Err(Death::Elsewhere(format!("waiting for a worker: {errno}"))),
        }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

enum End {
    /// Of its own, or by a signal that is not ours.
    Itself,
    TimedOut,
}

impl Workers<'_> {
    /// `/proc/self/exe` names the program that runs, also after its file was replaced. A worker leads a process group of its own: what
    /// it starts can be told from what others start, and ended with it.
    fn spawn(&self, order: &Order) -> std::io::Result<Child> {
        let last_words = last_words_file(self.site).map_err(|error| std::io::Error::from(error.errno))?;
        let mut worker = Command::new("/proc/self/exe")
            .arg0("pagewise")
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(last_words)
            .process_group(0)
            .spawn()?;
        if let Some(mut input) = worker.stdin.take() {
            // A worker that died already explains itself by its status.
            let _ = input.write_all(&serde_json::to_vec(order)?);
        }
        Ok(worker)
    }

    /// Reads until the worker ends. Sleeps in poll(2): no wake-up beside a batch.
    fn collect(&self, worker: &mut Child, into: &mut Vec<u8>, deadline: Instant) -> Result<End, Errno> {
        let Some(mut output) = worker.stdout.take() else { return Ok(End::Itself) };
        let mut chunk = vec![0; 1 << 16];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.interrupt.asked().is_some() {
                return Ok(End::TimedOut);
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
                    Ok(0) => return Ok(self.await_end(worker, deadline)),
                    Ok(count) => into.extend_from_slice(&chunk[..count]),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or(0))),
                }
            }
        }
    }

    /// One that closed its output is about to end, unless it closed it in the middle of its work. It measures nothing that we can use any
    /// more, so that looking now and then disturbs nobody.
    fn await_end(&self, worker: &Child, deadline: Instant) -> End {
        let mut pause = Duration::from_micros(50);
        while !process::has_ended(worker.id() as i32) {
            if Instant::now() >= deadline || self.interrupt.asked().is_some() {
                return End::TimedOut;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        End::Itself
    }

    fn death(&self, how: &str) -> Death {
        let words = std::fs::read(self.site.join("stderr")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let first = words.lines().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", line.trim()));
        let how = format!("the worker {how}{}", first.unwrap_or_default());
        InFlight::read(self.site).map_or_else(|| Death::Elsewhere(how.clone()), |index| Death::At(index, how.clone()))
    }
}

/// `was killed by SIGBUS`, `exited with 1`. `oom` says that the kernel's out-of-memory killer struck while the worker lived.
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
