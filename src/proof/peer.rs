//! Two processes that take turns: what a claim about another process needs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use nix::errno::Errno;

use super::ground::{LIMIT, Unseen};
use crate::os::futex;
use crate::os::map::SharedWords;
use crate::os::process::{Child, Ended};
use crate::os::{SysError, SysResult};

/// The words that the two share.
const TURN: usize = 0;
const VALUE: usize = 1;
const ERRNO: usize = 2;

/// The turn that lets every wait end, since one of the two met an error.
const OVER: u32 = u32::MAX;

/// A count that both processes see: each turn begins when the one before is over.
#[derive(Debug)]
pub struct Turns<'a> {
    turn: &'a AtomicU32,
}

impl Turns<'_> {
    /// Ends turn `turn`, the first being 1.
    ///
    /// # Errors
    /// What futex(2) answers.
    pub fn end(&self, turn: u32) -> SysResult<()> {
        self.turn.store(turn, Ordering::Release);
        futex::wake_one(self.turn)
    }

    /// Waits until turn `turn` is over, at most [`LIMIT`].
    ///
    /// # Errors
    /// `ETIMEDOUT`; what futex(2) answers.
    pub fn wait(&self, turn: u32) -> SysResult<()> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let now = self.turn.load(Ordering::Acquire);
            if now >= turn {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SysError::new("wait", "another process's turn", Errno::ETIMEDOUT));
            }
            futex::wait(self.turn, now, Some(left))?;
        }
    }
}

/// Runs `peer` in a forked process beside `here` in this one; gives what each gave.
///
/// # Errors
/// What either met.
pub fn beside<T>(
    peer: impl FnOnce(&Turns) -> SysResult<u32>,
    here: impl FnOnce(&Turns) -> Result<T, Unseen>,
) -> Result<(u32, T), Unseen> {
    let words = SharedWords::anonymous(1)?;
    let turns = Turns { turn: words.word(TURN) };
    let child = Child::fork(|| match peer(&turns) {
        Ok(value) => {
            words.word(VALUE).store(value, Ordering::Release);
            0
        }
        Err(error) => {
            words.word(ERRNO).store(error.errno as u32, Ordering::Release);
            let _ = turns.end(OVER);
            1
        }
    })?;
    let here = here(&turns);
    if here.is_err() {
        turns.end(OVER)?;
    }
    match child.wait(LIMIT)? {
        Ended::Exited(0) => Ok((words.word(VALUE).load(Ordering::Acquire), here?)),
        Ended::Exited(1) => {
            let errno = Errno::from_raw(words.word(ERRNO).load(Ordering::Acquire) as i32);
            // What stopped this side comes first: the other may only have been stopped by it.
            here?;
            Err(SysError::new("a call", "the other process", errno).into())
        }
        ended => Err(Unseen::Failed(format!("the other process ended: {ended:?}"))),
    }
}
