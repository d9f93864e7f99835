//! What touching memory meets: nothing, or a signal with its code and its address.
//!
//! The touch happens in a forked child, since a process that keeps a SIGBUS or SIGSEGV of its own would
//! have to jump out of the handler. The handler writes what it was told (sigaction(2), `SA_SIGINFO`) into memory
//! shared with the parent, and ends the child.

use std::fmt;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::map::SharedWords;
use super::process::{Child, Ended};
use super::{SysError, SysResult};

/// What a touch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// It went through, and gave this.
    Value(u32),
    /// The kernel answered with a signal.
    Fault(Fault),
    /// The child ended without a word: killed from outside, or over its time.
    Lost(Ended),
}

/// A signal that a touch of memory raised (sigaction(2), "The siginfo_t argument to a SA_SIGINFO handler").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// SIGBUS or SIGSEGV.
    pub signal: Signal,
    /// Its `si_code`.
    pub code: i32,
    /// Its `si_addr`: the address touched.
    pub address: usize,
}

impl Fault {
    /// The name of the code, as sigaction(2) gives it.
    pub fn name(&self) -> &'static str {
        match (self.signal, self.code) {
            (Signal::SIGBUS, 1) => "BUS_ADRALN",
            (Signal::SIGBUS, 2) => "BUS_ADRERR",
            (Signal::SIGBUS, 3) => "BUS_OBJERR",
            (Signal::SIGBUS, 4) => "BUS_MCEERR_AR",
            (Signal::SIGBUS, 5) => "BUS_MCEERR_AO",
            (Signal::SIGSEGV, 1) => "SEGV_MAPERR",
            (Signal::SIGSEGV, 2) => "SEGV_ACCERR",
            (Signal::SIGSEGV, 3) => "SEGV_BNDERR",
            (Signal::SIGSEGV, 4) => "SEGV_PKUERR",
            _ => "a code without a name here",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}, si_code {} ({})", self.signal.as_str(), self.code, self.name())
    }
}

/// Where the child's handler writes: the first of the words shared with the parent.
static REPORT: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

/// The words of a report.
const STATE: usize = 0;
const VALUE: usize = 1;
const CODE: usize = 2;
const ADDRESS_LOW: usize = 3;
const ADDRESS_HIGH: usize = 4;

/// What [`STATE`] says; zero, as the page begins, while there is nothing to say.
const RETURNED: u32 = 1;
const FAULTED: u32 = 2;

/// Runs `touch` in a forked child, at most `limit`, and says what it met.
///
/// Under the conditions of [`Child::fork`].
///
/// # Errors
/// What mmap(2), fork(2) or waitpid(2) answers.
pub fn touch(limit: Duration, touch: impl FnOnce() -> u32) -> SysResult<Touched> {
    let report = SharedWords::anonymous(1)?;
    let child = Child::fork(|| {
        REPORT.store(report.word(0).as_ptr().cast(), Ordering::Release);
        if catch(Signal::SIGBUS).and_then(|()| catch(Signal::SIGSEGV)).is_err() {
            return 1;
        }
        let value = touch();
        report.word(VALUE).store(value, Ordering::Relaxed);
        report.word(STATE).store(RETURNED, Ordering::Release);
        0
    })?;
    let ended = child.wait(limit)?;
    let word = |index| report.word(index).load(Ordering::Relaxed);
    Ok(match report.word(STATE).load(Ordering::Acquire) {
        RETURNED => Touched::Value(word(VALUE)),
        FAULTED => Touched::Fault(Fault {
            signal: Signal::try_from(word(VALUE) as i32)
                .map_err(|errno| SysError::new("read", "a child's report", errno))?,
            code: word(CODE) as i32,
            address: (u64::from(word(ADDRESS_HIGH)) << 32 | u64::from(word(ADDRESS_LOW))) as usize,
        }),
        _ => Touched::Lost(ended),
    })
}

/// Has `signal` reported in this process, in place of the handler that the standard library set for stack overflows.
fn catch(signal: Signal) -> SysResult<()> {
    let action = SigAction::new(SigHandler::SigAction(tell), SaFlags::empty(), SigSet::empty());
    // SAFETY: `tell` calls only what is async-signal-safe, and the process ends in it.
    unsafe { sigaction(signal, &action) }.map(drop).map_err(|errno| SysError::new("sigaction", signal.as_str(), errno))
}

/// The handler: atomic stores and `_exit`, both async-signal-safe (signal-safety(7)).
extern "C" fn tell(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    let report = REPORT.load(Ordering::Acquire);
    if !report.is_null() && !info.is_null() {
        // SAFETY: a handler set with SA_SIGINFO is given a siginfo_t, and for SIGBUS and SIGSEGV it holds an address.
        let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as u64) };
        let set = |index: usize, value: u32, order: Ordering| {
            // SAFETY: REPORT points at a page of words that stays mapped for the child's life, and index is one of them.
            unsafe { (*report.add(index)).store(value, order) };
        };
        set(VALUE, signal as u32, Ordering::Relaxed);
        set(CODE, code as u32, Ordering::Relaxed);
        set(ADDRESS_LOW, address as u32, Ordering::Relaxed);
        set(ADDRESS_HIGH, (address >> 32) as u32, Ordering::Relaxed);
        set(STATE, FAULTED, Ordering::Release);
    }
    // SAFETY: _exit is async-signal-safe, and runs none of the parent's exit handlers in its child.
    unsafe { libc::_exit(0) }
}

#[cfg(test)]
mod timing {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    // The test harness has threads, so the children here neither allocate nor lock.

    #[test]
    fn a_touch_that_goes_through_gives_its_value() {
        assert_eq!(touch(LIMIT, || 77), Ok(Touched::Value(77)));
    }

    #[test]
    fn a_touch_of_the_first_page_is_a_segmentation_fault_at_that_address() {
        let seen = touch(LIMIT, || {
            let address = std::hint::black_box(16 as *const u8);
            // SAFETY: none: the load is meant to fault (mmap_min_addr keeps the first page unmapped), in a child of its own.
            u32::from(unsafe { address.read_volatile() })
        });
        let fault = Fault { signal: Signal::SIGSEGV, code: 1, address: 16 };
        assert_eq!(seen, Ok(Touched::Fault(fault)));
        assert_eq!(fault.to_string(), "SIGSEGV, si_code 1 (SEGV_MAPERR)");
    }

    #[test]
    fn a_child_that_is_killed_from_outside_is_lost() {
        let seen = touch(LIMIT, || nix::sys::signal::raise(Signal::SIGKILL).map_or(1, |()| 2));
        assert_eq!(seen, Ok(Touched::Lost(Ended::Killed(Signal::SIGKILL))));
    }

    #[test]
    fn a_child_over_its_time_is_lost() {
        let seen = touch(Duration::from_millis(20), || {
            nix::unistd::pause();
            0
        });
        assert_eq!(seen, Ok(Touched::Lost(Ended::TimedOut)));
    }
}
