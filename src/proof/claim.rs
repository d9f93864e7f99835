//! What a claim is: a statement about mapping, what must be seen if it is true, and the deed that shows it.

use serde::{Deserialize, Serialize};

use super::filesystem::{Filesystem, Kind};
use super::ground::{Ground, Unseen};

/// A statement about mapping, proven by doing it.
#[derive(Debug)]
pub struct Claim {
    /// Its name for ever: `shared-edit-seen-by-read`.
    pub id: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// The statement.
    pub claim: &'static str,
    /// What is seen if it is true: one of these.
    pub expected: &'static [&'static str],
    /// Filesystems that are known to differ, each with what is seen there.
    pub except: &'static [Exception],
    /// Why a first try that fails is followed by a second: what outside of the claim can disturb it.
    pub disturbed_by: Option<&'static str>,
    /// Where it is written: man page and section, or kernel file and function.
    pub source: &'static str,
    /// Does it, and says what was seen.
    pub see: fn(&Ground) -> Result<String, Unseen>,
}

/// What is seen on filesystems that are known to differ.
#[derive(Debug)]
pub struct Exception {
    /// The filesystems.
    pub on: &'static [Kind],
    /// What is seen there: one of these.
    pub expected: &'static [&'static str],
    /// Why it differs.
    pub why: &'static str,
}

/// What a claim expects on one filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What may be seen: one of these.
    pub accepted: Vec<&'static str>,
    /// Why this filesystem differs, where it does.
    pub differs: Option<&'static str>,
}

impl Claim {
    /// What this claim expects on `filesystem`.
    ///
    /// An overlay may differ by itself, or as what is beneath it; where that cannot be seen, every expectation is right.
    pub fn expected_on(&self, filesystem: &Filesystem) -> Expected {
        let exception = |kind: Kind| self.except.iter().find(|other| other.on.contains(&kind));
        let beneath = filesystem.beneath.as_ref().map(|beneath| beneath.kind);
        let known = exception(filesystem.kind).or_else(|| beneath.and_then(exception));
        match known {
            Some(exception) => Expected { accepted: exception.expected.to_vec(), differs: Some(exception.why) },
            None if filesystem.kind == Kind::Overlay && beneath.is_none() && !self.except.is_empty() => {
                let mut accepted = self.expected.to_vec();
                accepted.extend(self.except.iter().flat_map(|other| other.expected));
                accepted.dedup();
                Expected { accepted, differs: Some("what lies beneath it cannot be seen from here") }
            }
            None => Expected { accepted: self.expected.to_vec(), differs: None },
        }
    }
}

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Who sees an edit made through a shared mapping, or by `write`.
    Visibility,
    /// Who sees an edit made through a private mapping, and what such a mapping sees.
    Private,
    /// What a process shares with its child.
    Fork,
    /// What of a mapping can be touched.
    Limits,
    /// What becomes of bytes stored between the end of the file and the end of its last page.
    PastEnd,
    /// What mmap(2) refuses.
    Errors,
    /// What each way to sync writes.
    Sync,
    /// What the page cache holds, and what a touch costs in faults.
    Cache,
}

impl Topic {
    /// The question that its claims answer.
    pub fn question(self) -> &'static str {
        match self {
            Self::Visibility => "Who sees an edit made through a shared mapping?",
            Self::Private => "Who sees an edit made through a private mapping?",
            Self::Fork => "What does a process share with its child?",
            Self::Limits => "What of a mapping can be touched?",
            Self::PastEnd => "What becomes of bytes stored past the end of the file?",
            Self::Errors => "What does mmap(2) refuse?",
            Self::Sync => "What does each way to sync write?",
            Self::Cache => "What does the page cache hold, and when does a touch fault?",
        }
    }
}
