//! Processes: children that cannot outlive us, placement, and limits on how long one may take.

use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid};

use super::{SysError, SysResult};

/// How long a process that was killed may take to end. In an uninterruptible wait, for a device
/// that does not answer, it cannot be killed.
pub const DYING: Duration = Duration::from_secs(8);

/// A forked child of this process. Killed and reaped when dropped.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    ended: bool,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(Signal),
    /// It had not ended at the limit, and was killed for it.
    TimedOut,
}

impl Child {
    /// Forks a child that runs `body` and exits with what it returns. It dies with its parent (`PR_SET_PDEATHSIG`, prctl(2)).
    ///
    /// Only for a process of one thread: after the fork of a threaded process only async-signal-safe calls are allowed (fork(2)). The suite's
    /// workers and checks have one thread.
    ///
    /// # Errors
    /// `EAGAIN` or `ENOMEM` of fork(2).
    pub fn fork(body: impl FnOnce() -> i32) -> SysResult<Self> {
        let parent = nix::unistd::getpid();
        // SAFETY: the caller has one thread, as the documentation asks, so that the child may run any code.
        match unsafe { fork() }.map_err(|errno| SysError::new("fork", "this process", errno))? {
            ForkResult::Parent { child } => Ok(Self { pid: child, ended: false }),
            ForkResult::Child => {
                die_with_parent(parent);
                let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(101);
                // SAFETY: _exit runs none of the parent's exit handlers in its child.
                unsafe { libc::_exit(code) }
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Waits for its end, at most `limit`; then kills it.
    ///
    /// # Errors
    /// What waitpid(2) answers.
    pub fn wait(mut self, limit: Duration) -> SysResult<Ended> {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_micros(50);
        loop {
            match self.poll()? {
                Some(ended) => return Ok(ended),
                None if Instant::now() >= deadline => {
                    self.kill();
                    return Ok(Ended::TimedOut);
                }
                None => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(5));
                }
            }
        }
    }

    /// Looks whether it has ended, and reaps it if so.
    fn poll(&mut self) -> SysResult<Option<Ended>> {
        let ended = match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Ended::Exited(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Ended::Killed(signal),
            Ok(_) | Err(Errno::EINTR) => return Ok(None),
            Err(errno) => return Err(SysError::new("waitpid", format!("child {}", self.pid), errno)),
        };
        self.ended = true;
        Ok(Some(ended))
    }

    fn kill(&mut self) {
        let _ = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
        // One that waits for a device does not end until the device answers: it is left to whoever
        // reaps orphans.
        if ends_by(self.pid.as_raw(), Instant::now() + DYING, || false) {
            let _ = waitpid(self.pid, None);
        }
        self.ended = true;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
        }
    }
}

/// Makes this process die when `parent` does; at once if it is dead already.
pub fn die_with_parent(parent: Pid) {
    let _ = nix::sys::prctl::set_pdeathsig(Some(Signal::SIGKILL));
    if getppid() != parent {
        // SAFETY: as in `Child::fork`.
        unsafe { libc::_exit(1) }
    }
}

/// Whether the child `pid` of this process has ended; it stays to be waited for, so that its number is no one else's yet (waitid(2),
/// `WNOWAIT`). A child that is not there has ended.
pub fn has_ended(pid: i32) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(Pid::from_raw(pid)), flags) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
        Ok(_) | Err(_) => true,
    }
}

/// Whether the child `pid` of this process ends ([`has_ended`]) before `deadline` and before `stop`
/// says so. Looks now and then.
pub fn ends_by(pid: i32, deadline: Instant, stop: impl Fn() -> bool) -> bool {
    let mut pause = Duration::from_micros(50);
    while !has_ended(pid) {
        if Instant::now() >= deadline || stop() {
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    true
}

/// Whether it is certain that the process which had this number at the time `then` is dead: there
/// is none of this number now, or one that began later (kill(2); proc(5), the start time in
/// /proc/pid/stat).
pub fn is_dead(number: u32, then: SystemTime) -> bool {
    let Ok(number) = i32::try_from(number) else { return true };
    if nix::sys::signal::kill(Pid::from_raw(number), None) == Err(Errno::ESRCH) {
        return true;
    }
    let Ok(stat) = procfs::process::Process::new(number).and_then(|process| process.stat()) else { return false };
    // A zombie that nobody waits for, as in a container whose first process does not.
    if matches!(stat.state, 'Z' | 'X') {
        return true;
    }
    let Ok(boot) = procfs::boot_time_secs() else { return false };
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(boot + stat.starttime / procfs::ticks_per_second());
    // Both times are in whole seconds or less.
    began > then + Duration::from_secs(2)
}

/// Has a file that grows past a limit (`ulimit -f`, RLIMIT_FSIZE) refused by `EFBIG` and not this
/// process, nor those that it starts, killed by SIGXFSZ (setrlimit(2)).
pub fn ignore_sigxfsz() {
    // SAFETY: ignoring a signal runs no code of ours.
    let _ = unsafe { nix::sys::signal::signal(Signal::SIGXFSZ, nix::sys::signal::SigHandler::SigIgn) };
}

/// Has the kernel's out-of-memory killer choose this process before its parent (proc(5),
/// /proc/pid/oom_score_adj).
pub fn prefer_as_oom_victim() {
    // Where that is not allowed, the kernel chooses by size.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Kills the process group that `leader` leads, by SIGKILL: itself, and whatever it left behind. `leader` must not have been waited for yet.
pub fn kill_group(leader: i32) {
    // ESRCH where nobody is left in it, which is as good.
    let _ = nix::sys::signal::killpg(Pid::from_raw(leader), Signal::SIGKILL);
}

/// Processes that the kernel's out-of-memory killer has killed since the machine started, in any control group (`oom_kill` of /proc/vmstat,
/// Linux 4.13; mm/oom_kill.c counts those of a group's limit there too). `None` where that is not told.
pub fn oom_kills() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

/// Whether `signal` is ignored by this process (sigaction(2)).
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: zeroes are a valid sigaction: all of its fields are integers.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: with no new action the call only writes the present one, to a local.
    let code = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) };
    code == 0 && now.sa_sigaction == libc::SIG_IGN
}

/// Processors that share a core with `cpu`, itself among them (/sys/devices/system/cpu); itself alone where that is not told.
pub fn core_of(cpu: usize) -> Vec<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut cpus: Vec<usize> = text.trim().split(',').filter_map(range).flatten().collect();
    if !cpus.contains(&cpu) {
        cpus.push(cpu);
    }
    cpus
}

/// `4` or `4-7`, as the kernel writes lists of processors.
fn range(text: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// The processors that this process may run on, in order.
///
/// # Errors
/// What sched_getaffinity(2) answers.
pub fn allowed_cpus() -> SysResult<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0))
        .map_err(|errno| SysError::new("sched_getaffinity", "this process", errno))?;
    Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect())
}

/// Keeps this process on `cpus`.
///
/// # Errors
/// `EINVAL` where none of them may be used.
pub fn run_on(cpus: &[usize]) -> SysResult<()> {
    let failed = |errno| SysError::new("sched_setaffinity", format!("this process, to processors {cpus:?}"), errno);
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu).map_err(failed)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(failed)
}

/// Ends this process by SIGALRM unless disarmed within `limit` (setitimer via alarm(2)): the bound on a wait for a peer that the
/// measured call itself cannot carry, such as a blocking `read` of a pipe. Nothing is added to what is timed.
#[derive(Debug)]
pub struct Alarm(());

impl Alarm {
    /// Arms the alarm; whole seconds, at least one. A process has one alarm: arming again moves it.
    pub fn arm(limit: Duration) -> Self {
        nix::unistd::alarm::set(u32::try_from(limit.as_secs().max(1)).unwrap_or(u32::MAX));
        Self(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        nix::unistd::alarm::cancel();
    }
}
