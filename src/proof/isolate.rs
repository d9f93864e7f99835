//! Doing one claim in a process of its own, so that what it meets is a row and never the end of the check.

use std::io::{Read, Write, pipe};
use std::time::Duration;

use super::ground::Unseen;
use crate::os::process::{Child, Ended};
use crate::os::{SysError, SysResult};

/// How long one claim may take: syncs on a slow disk included.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `see` in a forked child and brings back what it saw.
///
/// A filesystem that fills up, or a claim that does not hold, can raise SIGBUS in the claim's own code; a filesystem that hangs can keep it
/// for ever. Both end the child alone.
pub fn see(see: impl FnOnce() -> Result<String, Unseen>) -> Result<String, Unseen> {
    run(LIMIT, see).unwrap_or_else(|error| Err(error.into()))
}

fn run(limit: Duration, see: impl FnOnce() -> Result<String, Unseen>) -> SysResult<Result<String, Unseen>> {
    let (mut from, to) = pipe().map_err(|error| SysError::from_io("pipe", "a report", &error))?;
    let mut to = Some(to);
    let child = Child::fork(|| {
        let Ok(report) = serde_json::to_vec(&see()) else {
            return 2;
        };
        // A report is shorter than a pipe is deep (4 KiB at the least, pipe(7)), so that this never waits for the parent.
        let written = to.take().map(|mut to| to.write_all(&report));
        if matches!(written, Some(Ok(()))) { 0 } else { 2 }
    })?;
    drop(to);
    let ended = child.wait(limit)?;
    if ended != Ended::Exited(0) {
        return Ok(Err(Unseen::Failed(match ended {
            Ended::Killed(signal) => format!("the process that tried it was killed by {}", signal.as_str()),
            Ended::TimedOut => format!("no end after {} s", limit.as_secs()),
            Ended::Exited(code) => format!("the process that tried it exited with {code}"),
        })));
    }
    let mut report = Vec::new();
    from.read_to_end(&mut report).map_err(|error| SysError::from_io("read", "a report", &error))?;
    Ok(serde_json::from_slice(&report)
        .unwrap_or_else(|error| Err(Unseen::Failed(format!("a report that cannot be read: {error}")))))
}

#[cfg(test)]
mod timing {
    use nix::sys::signal::{Signal, raise};

    use super::*;

    #[test]
    fn what_a_claim_saw_comes_back_from_its_process() {
        assert_eq!(see(|| Ok("the new byte".to_owned())), Ok("the new byte".to_owned()));
        let unseen = Unseen::Unavailable("cachestat: ENOSYS".to_owned());
        assert_eq!(see(|| Err(unseen.clone())), Err(unseen));
    }

    #[test]
    fn a_claim_whose_process_is_killed_fails_and_the_check_goes_on() {
        let seen = see(|| {
            let _ = raise(Signal::SIGKILL);
            Ok("alive".to_owned())
        });
        let why = "the process that tried it was killed by SIGKILL".to_owned();
        assert_eq!(seen, Err(Unseen::Failed(why)));
    }

    #[test]
    fn a_claim_that_does_not_end_fails_at_its_limit() {
        let seen = run(Duration::from_millis(20), || {
            nix::unistd::pause();
            Ok("ended".to_owned())
        });
        assert!(matches!(seen, Ok(Err(Unseen::Failed(why))) if why.starts_with("no end after")));
    }
}
