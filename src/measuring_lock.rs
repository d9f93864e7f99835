//! One measurement at a time on a machine: who measures now, and how does the next one wait for its
//! end?
//!
//! A process that measures listens on a Unix socket with an abstract name (unix(7)); nobody talks
//! over it. Binding the name is the lock: the kernel lets one process have it, and releases it when
//! that process dies, however it dies. The next process connects and sleeps in poll(2) until its
//! connection is hung up, which is the moment that the first one closes its socket or dies. The
//! kernel tells it who that is (`SO_PEERCRED`). Abstract names have no owner and no permissions,
//! so this works between users.
//!
//! flock(2) on a file was rejected. No folder is writable for all users and the same for all of
//! them: /tmp is private to many services, and `fs.protected_regular` keeps even root from opening
//! a file there that another user made. The file needs a mode that ignores everyone's umask, and
//! someone to remove it. A wait for it cannot be bounded without polling or a signal, and only
//! /proc/locks tells who has it.
//!
//! Limits: an abstract name belongs to a network namespace. Processes in containers with networks
//! of their own do not see each other. A file would have the same limit per mount namespace.
//!
//! A process that measures although another one does ([`MeasuringLock::shared`]) takes a name of
//! its own from a short list, so that it can be found, and announces itself to all others that it
//! finds: it connects and writes one line. That wakes nobody. The connection waits in the
//! listener's backlog until its owner looks ([`MeasuringLock::others`]), between studies and at
//! the end. So the reports of both can mention it.
//!
//! The sockets are close-on-exec, so that workers never hold them. A forked child shares them until
//! it ends; the children of this suite are killed when their parent dies.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, socket};
use nix::unistd::{Uid, User};

use crate::os::SysError;

/// The abstract name of the lock.
const NAME: &str = "pagewise-measuring";
/// Another name for it, in the environment: tests of the lock neither wait for other measurements
/// nor delay them.
const NAME_VARIABLE: &str = "PAGEWISE_LOCK_NAME";
/// Processes that can measure at the same time and still be found. Each look tries all of their
/// names, about 1 µs a name.
const MOST_SHARED: usize = 64;
/// What a shared measurement writes to the others. Who only waits writes nothing.
const ANNOUNCEMENT: &[u8] = b"shared\n";
/// The next look at a process that cannot be waited for.
const BLIND_WAIT: Duration = Duration::from_millis(200);
/// The next try where the lock has just been released, or was bound and is not yet listened on.
const BETWEEN: Duration = Duration::from_millis(10);
/// After so many tries it is neither: someone has the name, and does not listen.
const MOST_BETWEEN: u32 = 100;

/// Held while this process measures.
#[derive(Debug)]
pub struct MeasuringLock {
    /// `None` where no socket could be made: this process is not found by others.
    listener: Option<UnixListener>,
    /// Connections that were accepted: of processes that wait for the end of this one.
    visitors: RefCell<Vec<UnixStream>>,
    /// Process ids of measurements at the same time; 0 for one outside of our PID namespace.
    others: RefCell<BTreeSet<i32>>,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process still had it when the time was up.
    #[error("{0}")]
    Held(Holder),
    /// It cannot be known whether there is another one.
    #[error(transparent)]
    Unavailable(#[from] SysError),
}

/// A process that measures, as far as /proc shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// `None` where it is outside of our PID namespace.
    pid: Option<i32>,
    user: Option<String>,
    command: Option<String>,
    /// Since its start.
    age: Option<Duration>,
}

impl MeasuringLock {
    /// Takes the lock, and waits for that until nobody else measures, at most for `limit`.
    /// `waiting` is told for whom, again with each new one.
    ///
    /// Uses no signal handler: a signal that ends a process ends it in the wait.
    ///
    /// # Errors
    /// [`LockError::Held`] at the end of `limit`; [`LockError::Unavailable`] where no socket can be
    /// made.
    pub fn take(limit: Option<Duration>, waiting: &mut dyn FnMut(&Holder)) -> Result<Self, LockError> {
        Self::take_named(&name(), limit, waiting)
    }

    fn take_named(name: &str, limit: Option<Duration>, waiting: &mut dyn FnMut(&Holder)) -> Result<Self, LockError> {
        let start = Instant::now();
        let (mut told, mut tries) = (None, 0);
        loop {
            let measuring = match attempt(name)? {
                Attempt::Taken(listener) => return Ok(Self::of(Some(listener))),
                Attempt::Between if tries < MOST_BETWEEN => {
                    tries += 1;
                    std::thread::sleep(BETWEEN);
                    continue;
                }
                Attempt::Between => Measuring::Unreachable,
                Attempt::Held(measuring) => measuring,
            };
            let holder = measuring.holder();
            let left = limit.map(|limit| limit.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(LockError::Held(holder));
            }
            if told != Some(holder.pid) {
                waiting(&holder);
                told = Some(holder.pid);
            }
            measuring.wait_for_end(left);
        }
    }

    /// Measures without waiting, and tells those that measure now.
    pub fn shared() -> Self {
        Self::shared_named(&name())
    }

    fn shared_named(name: &str) -> Self {
        // Before the others are told: one that starts now finds this one, or is found by it.
        let own =
            (0..MOST_SHARED).find_map(|slot| listen(&slot_name(name, slot)).ok().map(|listener| (slot, listener)));
        let own_slot = own.as_ref().map(|(slot, _)| *slot);
        let lock = Self::of(own.map(|(_, listener)| listener));
        let slots = (0..MOST_SHARED).filter(|slot| Some(*slot) != own_slot).map(|slot| slot_name(name, slot));
        for mut measuring in slots.chain([name.to_owned()]).filter_map(|name| visit(&name)) {
            lock.others.borrow_mut().insert(measuring.pid().unwrap_or(0));
            if let Measuring::Connected(stream) = &mut measuring {
                let _ = stream.write_all(ANNOUNCEMENT);
            }
        }
        lock
    }

    /// A lock that keeps nobody out: for where none can be made.
    pub fn none() -> Self {
        Self::of(None)
    }

    fn of(listener: Option<UnixListener>) -> Self {
        Self { listener, visitors: RefCell::default(), others: RefCell::default() }
    }

    /// How many other processes have measured at the same time until now, as far as this one has
    /// been told.
    pub fn others(&self) -> usize {
        let mut others = self.others.borrow_mut();
        let mut visitors = self.visitors.borrow_mut();
        let accepted = self.listener.iter().flat_map(|listener| std::iter::from_fn(|| listener.accept().ok()));
        visitors.extend(accepted.map(|(stream, _)| stream).filter(|stream| stream.set_nonblocking(true).is_ok()));
        visitors.retain_mut(|stream| {
            let mut text = [0; ANNOUNCEMENT.len()];
            match stream.read(&mut text) {
                Ok(read) => {
                    if text[..read] == *ANNOUNCEMENT {
                        others.insert(pid_of(stream).unwrap_or(0));
                    }
                    false
                }
                // It waits for us: were its connection closed, it would take that for our end.
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            }
        });
        others.len()
    }
}

fn name() -> String {
    std::env::var(NAME_VARIABLE).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| NAME.to_owned())
}

/// The name of a shared measurement.
fn slot_name(name: &str, slot: usize) -> String {
    format!("{name}/shared-{slot}")
}

enum Attempt {
    /// This process has it.
    Taken(UnixListener),
    /// Another one measures.
    Held(Measuring),
    /// Another one has only just begun, or ended.
    Between,
}

fn attempt(name: &str) -> Result<Attempt, SysError> {
    if let Some(measuring) = any_shared(name) {
        return Ok(Attempt::Held(measuring));
    }
    let listener = match listen(name) {
        Ok(listener) => listener,
        Err(Errno::EADDRINUSE) => return Ok(visit(name).map_or(Attempt::Between, Attempt::Held)),
        Err(errno) => return Err(SysError::new("bind", format!("the abstract socket {name}"), errno)),
    };
    // One may have begun before ours was there to be told.
    Ok(any_shared(name).map_or(Attempt::Taken(listener), Attempt::Held))
}

fn any_shared(name: &str) -> Option<Measuring> {
    (0..MOST_SHARED).find_map(|slot| visit(&slot_name(name, slot)))
}

fn stream_socket() -> nix::Result<std::os::fd::OwnedFd> {
    socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
}

fn listen(name: &str) -> nix::Result<UnixListener> {
    let socket = stream_socket()?;
    bind(socket.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes())?)?;
    nix::sys::socket::listen(&socket, Backlog::MAXCONN)?;
    Ok(UnixListener::from(socket))
}

/// A process that measures, as another one meets it.
enum Measuring {
    /// The connection ends with it.
    Connected(UnixStream),
    /// It is there, and takes no connection: its backlog is full, or a security module forbids it.
    Unreachable,
}

/// Connects with whoever listens on `name`; `None` where nobody does.
fn visit(name: &str) -> Option<Measuring> {
    let socket = stream_socket().ok()?;
    match connect(socket.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes()).ok()?) {
        Ok(()) => Some(Measuring::Connected(UnixStream::from(socket))),
        Err(Errno::ECONNREFUSED) => None,
        Err(_) => Some(Measuring::Unreachable),
    }
}

impl Measuring {
    fn pid(&self) -> Option<i32> {
        match self {
            Self::Connected(stream) => pid_of(stream),
            Self::Unreachable => None,
        }
    }

    fn holder(&self) -> Holder {
        match self {
            Self::Connected(stream) => Holder::of(stream),
            Self::Unreachable => Holder::default(),
        }
    }

    /// Returns once it has ended, or after `limit`, or earlier.
    fn wait_for_end(&self, limit: Option<Duration>) {
        match self {
            Self::Unreachable => std::thread::sleep(limit.unwrap_or(BLIND_WAIT).min(BLIND_WAIT)),
            Self::Connected(stream) => {
                let limit = limit.map(|left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
                // A hang-up is reported whatever is asked for.
                let mut watched = [PollFd::new(stream.as_fd(), PollFlags::empty())];
                let _ = poll(&mut watched, limit.unwrap_or(PollTimeout::NONE));
            }
        }
    }
}

/// The process at the other end. 0 is what the kernel says of one outside of our PID namespace.
fn pid_of(stream: &UnixStream) -> Option<i32> {
    getsockopt(stream, PeerCredentials).ok().map(|peer| peer.pid()).filter(|pid| *pid > 0)
}

impl Holder {
    fn of(stream: &UnixStream) -> Self {
        let Ok(peer) = getsockopt(stream, PeerCredentials) else { return Self::default() };
        let uid = Uid::from_raw(peer.uid());
        let named = User::from_uid(uid).ok().flatten().map(|user| user.name);
        let pid = pid_of(stream);
        let process = pid.and_then(|pid| procfs::process::Process::new(pid).ok());
        let command = process.as_ref().and_then(|process| process.cmdline().ok()).and_then(|words| shown(&words));
        let age = process.and_then(|process| age(process.stat().ok()?.starttime));
        Self { pid, user: Some(named.unwrap_or_else(|| uid.to_string())), command, age }
    }
}

/// A command line on a line of its own, short, and with nothing in it that a terminal would obey.
fn shown(words: &[String]) -> Option<String> {
    const MOST: usize = 100;
    let (program, arguments) = words.split_first()?;
    let program = program.rsplit('/').next().unwrap_or_default();
    let line = std::iter::once(program).chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let clean = |letter: char| if letter.is_control() { '?' } else { letter };
    let mut text: String = line.chars().take(MOST).map(clean).collect();
    if line.chars().nth(MOST).is_some() {
        text.push('…');
    }
    Some(text)
}

/// Time since a process started, from its start in clock ticks since the machine's
/// (proc_pid_stat(5)).
fn age(start: u64) -> Option<Duration> {
    use procfs::Current;
    let up = procfs::Uptime::current().ok()?.uptime_duration();
    let start = Duration::from_secs_f64(start as f64 / procfs::ticks_per_second() as f64);
    Some(up.saturating_sub(start))
}

impl fmt::Display for Holder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(to, "process {pid}")?,
            None => to.write_str("a process that is not visible from here")?,
        }
        if let Some(user) = &self.user {
            write!(to, " of user {user}")?;
        }
        if let Some(age) = self.age {
            match age.as_secs() {
                seconds @ 0..120 => write!(to, ", started {seconds} s ago")?,
                seconds @ 120..7200 => write!(to, ", started {} min ago", seconds / 60)?,
                seconds => write!(to, ", started {} h ago", seconds / 3600)?,
            }
        }
        self.command.as_ref().map_or(Ok(()), |command| write!(to, " (`{command}`)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lock that no other test and no measurement uses.
    fn unique(test: &str) -> String {
        format!("pagewise-test-{}-{test}", std::process::id())
    }

    fn free(name: &str) -> Result<MeasuringLock, LockError> {
        MeasuringLock::take_named(name, Some(Duration::ZERO), &mut |_| panic!("it does not wait"))
    }

    #[test]
    fn one_has_it_and_the_next_is_told_who() {
        let name = unique("one");
        let first = free(&name).unwrap();
        let said = free(&name).unwrap_err().to_string();
        assert!(said.starts_with(&format!("process {} of user ", std::process::id())), "{said}");
        assert!(said.contains(", started ") && said.ends_with("`)"), "{said}");
        drop(first);
        free(&name).unwrap();
    }

    #[test]
    fn who_waits_has_it_once_the_first_ends_and_is_no_disturbance() {
        let name = unique("wait");
        let first = free(&name).unwrap();
        let (told, waits) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                MeasuringLock::take_named(&name, None, &mut |holder| told.send(holder.clone()).unwrap()).map(drop)
            });
            let holder = waits.recv().unwrap();
            assert_eq!(holder.pid, Some(std::process::id() as i32));
            assert_eq!(first.others(), 0);
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_shared_measurement_and_all_that_measure_know_of_each_other() {
        let name = unique("shared");
        let alone = free(&name).unwrap();
        assert_eq!(alone.others(), 0);
        let shared = MeasuringLock::shared_named(&name);
        assert_eq!((alone.others(), shared.others()), (1, 1));
        // One process, however often it is met.
        let another = MeasuringLock::shared_named(&name);
        assert_eq!((alone.others(), shared.others(), another.others()), (1, 1, 1));
    }

    #[test]
    fn a_shared_measurement_with_nobody_else_is_like_any_other() {
        let name = unique("nobody");
        let shared = MeasuringLock::shared_named(&name);
        assert_eq!(shared.others(), 0);
        // One that wants to be alone waits for it, too, and does not disturb it.
        assert!(matches!(free(&name), Err(LockError::Held(_))));
        assert_eq!(shared.others(), 0);
        drop(shared);
        free(&name).unwrap();
    }

    #[test]
    fn more_than_can_be_found_are_measured_all_the_same() {
        let name = unique("many");
        let many: Vec<_> = (0..=MOST_SHARED).map(|_| MeasuringLock::shared_named(&name)).collect();
        assert!(many.iter().all(|lock| lock.others() == 1));
        assert!(many.last().unwrap().listener.is_none());
    }

    #[test]
    fn a_name_that_somebody_has_and_does_not_listen_on_is_held() {
        let name = unique("deaf");
        let deaf = stream_socket().unwrap();
        bind(deaf.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes()).unwrap()).unwrap();
        let said = free(&name).unwrap_err().to_string();
        assert_eq!(said, "a process that is not visible from here");
    }

    #[test]
    fn a_name_that_cannot_be_had_is_said_with_its_call() {
        let error = free(&"long".repeat(100)).unwrap_err();
        assert!(matches!(&error, LockError::Unavailable(error) if error.call == "bind"), "{error}");
    }

    #[test]
    fn a_command_line_is_shown_short_and_harmless() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(shown(&words(&["/usr/bin/pagewise", "run", "--quick"])).unwrap(), "pagewise run --quick");
        assert_eq!(shown(&words(&["p", "\u{1b}[2J\n"])).unwrap(), "p ?[2J?");
        assert_eq!(shown(&words(&["p", &"x".repeat(200)])).unwrap().chars().count(), 101);
        assert_eq!(shown(&[]), None, "a kernel thread's, or that of a process that has just ended");
    }
}
