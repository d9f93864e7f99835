//! Whether the rules of mapping hold here: claims, proven by doing.
//!
//! ```text
//! claim        what a claim is          claims/    the claims, a file a topic
//! ground       a claim's files          peer       two processes taking turns
//! isolate      one claim, one process   filesystem which expectation
//! outcome      expected, seen, verdict
//! ```

mod claim;
mod claims;
mod filesystem;
mod ground;
mod isolate;
mod outcome;
mod peer;

pub use claim::{Claim, Exception, Expected, Topic};
pub use filesystem::{Filesystem, Kind};
pub use ground::{Ground, Scratch, Unseen};
pub use outcome::{Outcome, Verdict};

use std::path::Path;

use crate::os::SysError;
use crate::site::{Site, SiteError};

/// What one claim's files take at the most, several times over: a filesystem has needs of its own.
const SPACE: u64 = 4 << 20;

/// Every claim, by topic.
pub fn claims() -> impl Iterator<Item = &'static Claim> {
    claims::ALL.iter().flat_map(|topic| topic.iter())
}

/// Why no claim could be tried.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The folder will not do.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The caller asked to stop.
    #[error("stopped before the last claim")]
    Stopped,
    /// A system call failed.
    #[error(transparent)]
    System(#[from] SysError),
}

/// Tries every claim on the filesystem of `dir`, in a folder of its own there that is gone when this returns.
///
/// Forks: for a process of one thread (see [`crate::os::process::Child::fork`]).
///
/// # Errors
/// Where no claim can be tried at all. A claim that fails is an [`Outcome`].
pub fn check(dir: &Path) -> Result<Vec<Outcome>, CheckError> {
    check_until(dir, || false)
}

/// As [`check`]; asks `stop` before each claim whether to end early.
///
/// # Errors
/// As [`check`], and [`CheckError::Stopped`].
pub fn check_until(dir: &Path, stop: impl Fn() -> bool) -> Result<Vec<Outcome>, CheckError> {
    let site = Site::make(dir, SPACE)?;
    let filesystem = Filesystem::of(dir)?;
    let mut outcomes = Vec::new();
    for claim in claims() {
        if stop() {
            return Err(CheckError::Stopped);
        }
        outcomes.push(settle(claim, &filesystem, &site.held_path()));
    }
    site.remove()?;
    Ok(outcomes)
}

/// Tries one claim, twice where something outside of it may have disturbed the first try.
fn settle(claim: &Claim, filesystem: &Filesystem, folder: &Path) -> Outcome {
    let attempt = |number| {
        let ground = Ground::new(folder, claim.id, number);
        let seen = isolate::see(|| (claim.see)(&ground));
        ground.clear();
        Outcome::of(claim, filesystem, seen)
    };
    let first = attempt(1);
    match claim.disturbed_by {
        Some(why) if first.verdict == Verdict::Fails => {
            let mut second = attempt(2);
            if second.verdict == Verdict::Holds {
                second.reason = Some(format!("at the second try: {why}"));
            }
            second
        }
        _ => first,
    }
}
