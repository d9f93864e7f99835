//! What became of a claim: expected, seen, and the verdict.

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Expected, Topic};
use super::filesystem::Filesystem;
use super::ground::Unseen;

/// Whether a claim holds here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// What was expected was seen.
    Holds,
    /// Something else was seen, or a call failed that should work.
    Fails,
    /// This kernel or filesystem lacks what it takes to look.
    Skipped,
}

impl Verdict {
    /// Its name: `holds`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Skipped => "skipped",
        }
    }
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The claim's name.
    pub id: String,
    /// What it is about.
    pub topic: Topic,
    /// The statement.
    pub claim: String,
    /// What should be seen; `on tmpfs: …` where this filesystem is known to differ.
    pub expected: String,
    /// What was seen; `null` where nothing was.
    pub seen: Option<String>,
    /// Whether it holds.
    pub verdict: Verdict,
    /// Why nothing was seen, why this filesystem differs, or why there was a second try.
    pub reason: Option<String>,
    /// Where the claim is written.
    pub source: String,
}

impl Outcome {
    /// What `seen` says of `claim` on `filesystem`.
    pub fn of(claim: &Claim, filesystem: &Filesystem, seen: Result<String, Unseen>) -> Self {
        let Expected { accepted, differs } = claim.expected_on(filesystem);
        let (verdict, seen, reason) = judge(&accepted, seen);
        let place = differs.map_or_else(String::new, |_| format!("on {filesystem}: "));
        Self {
            id: claim.id.to_owned(),
            topic: claim.topic,
            claim: claim.claim.to_owned(),
            expected: format!("{place}{}", accepted.join(" or ")),
            seen,
            verdict,
            reason: reason.or_else(|| differs.map(str::to_owned)),
            source: claim.source.to_owned(),
        }
    }
}

/// The verdict, what was seen, and why nothing was.
fn judge(accepted: &[&str], seen: Result<String, Unseen>) -> (Verdict, Option<String>, Option<String>) {
    match seen {
        Ok(seen) if accepted.contains(&seen.as_str()) => (Verdict::Holds, Some(seen), None),
        Ok(seen) => (Verdict::Fails, Some(seen), None),
        Err(Unseen::Unavailable(why)) => (Verdict::Skipped, None, Some(why)),
        Err(Unseen::Failed(why)) => (Verdict::Fails, None, Some(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::Exception;
    use super::super::filesystem::Kind;
    use super::super::ground::Ground;
    use super::*;

    fn never(_: &Ground) -> Result<String, Unseen> {
        Err(Unseen::Failed("not done in this test".to_owned()))
    }

    const CLAIM: Claim = Claim {
        id: "water-is-wet",
        topic: Topic::Limits,
        claim: "Water is wet.",
        expected: &["wet"],
        except: &[Exception { on: &[Kind::Tmpfs], expected: &["dry", "damp"], why: "a desert" }],
        disturbed_by: None,
        source: "water(7)",
        see: never,
    };

    fn filesystem(name: &str, kind: Kind, beneath: Option<Filesystem>) -> Filesystem {
        Filesystem { name: name.to_owned(), kind, beneath: beneath.map(Box::new) }
    }

    fn on(kind: Kind, seen: Result<&str, Unseen>) -> Outcome {
        Outcome::of(&CLAIM, &filesystem("tmpfs", kind, None), seen.map(str::to_owned))
    }

    #[test]
    fn a_claim_holds_when_what_was_expected_is_seen() {
        let outcome = on(Kind::Disk, Ok("wet"));
        assert_eq!(outcome.verdict, Verdict::Holds);
        assert_eq!((outcome.expected.as_str(), outcome.reason), ("wet", None));
    }

    #[test]
    fn a_claim_fails_when_something_else_is_seen() {
        let outcome = on(Kind::Disk, Ok("dry"));
        assert_eq!(outcome.verdict, Verdict::Fails);
        assert_eq!(outcome.seen.as_deref(), Some("dry"));
    }

    #[test]
    fn a_claim_fails_with_its_reason_when_a_call_fails_that_should_work() {
        let outcome = on(Kind::Disk, Err(Unseen::Failed("pwrite: EIO".to_owned())));
        assert_eq!(outcome.verdict, Verdict::Fails);
        assert_eq!((outcome.seen, outcome.reason.as_deref()), (None, Some("pwrite: EIO")));
    }

    #[test]
    fn a_claim_is_skipped_with_its_reason_when_the_kernel_lacks_the_call() {
        let outcome = on(Kind::Disk, Err(Unseen::Unavailable("cachestat: ENOSYS".to_owned())));
        assert_eq!(outcome.verdict, Verdict::Skipped);
        assert_eq!(outcome.reason.as_deref(), Some("cachestat: ENOSYS"));
    }

    #[test]
    fn a_filesystem_known_to_differ_has_its_own_expectation_and_says_so() {
        let outcome = on(Kind::Tmpfs, Ok("damp"));
        assert_eq!(outcome.verdict, Verdict::Holds);
        assert_eq!(outcome.expected, "on tmpfs: dry or damp");
        assert_eq!(outcome.reason.as_deref(), Some("a desert"));
        assert_eq!(on(Kind::Tmpfs, Ok("wet")).verdict, Verdict::Fails);
    }
    #[test]
    fn an_overlay_is_expected_to_do_as_what_lies_beneath_it() {
        let beneath = filesystem("tmpfs", Kind::Tmpfs, None);
        let overlay = filesystem("overlay", Kind::Overlay, Some(beneath));
        let outcome = Outcome::of(&CLAIM, &overlay, Ok("dry".to_owned()));
        assert_eq!(outcome.verdict, Verdict::Holds);
        assert_eq!(outcome.expected, "on overlay over tmpfs: dry or damp");
    }

    #[test]
    fn an_overlay_over_something_unseen_may_do_either() {
        let overlay = filesystem("overlay", Kind::Overlay, None);
        for seen in ["wet", "dry"] {
            assert_eq!(Outcome::of(&CLAIM, &overlay, Ok(seen.to_owned())).verdict, Verdict::Holds);
        }
        let other = Outcome::of(&CLAIM, &overlay, Ok("on fire".to_owned()));
        assert_eq!(other.verdict, Verdict::Fails);
    }
}
