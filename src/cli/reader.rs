//! How is a process of its own asked to read, and what does it answer? `pagewise reader`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::beyond::Given;
use crate::areas::page_touch::{beyond, stalls};
use crate::engine::child_process::{End, Request};
use crate::engine::duty;
use crate::os::memory_group::MemoryGroup;
use crate::os::{cache, file, process};

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`beyond::watch`].
    Beyond,
    /// [`stalls::watch`].
    Stalls,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Beyond => "beyond",
            Self::Stalls => "stalls",
        }
    }
}

/// Beyond what it was asked for, before a process is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has a fresh process in the site's folder do what `order` says, which takes `time`, within
/// `group` if there is one; gives its answer.
///
/// # Errors
/// Why there is none: what the process said, how it ended, that it was late, or that the user wants no more.
pub fn ask<A: DeserializeOwned>(
    given: &Given<'_>,
    kind: Kind,
    order: &impl Serialize,
    time: Duration,
    group: Option<&Path>,
) -> anyhow::Result<A> {
    let kills = || group.map_or_else(process::oom_kills, MemoryGroup::oom_kills);
    let before = kills();
    let request = Request {
        words: &["reader", kind.word()],
        folder: &given.site.held_path(),
        limit: time + PATIENCE,
        interrupt: given.interrupt,
    };
    let end = request.ask(&serde_json::to_vec(&(std::process::id(), order))?).end;
    let struck = before.zip(kills()).is_some_and(|(before, after)| after > before);
    match end {
        End::Answered(text) => serde_json::from_slice::<Result<A, String>>(&text)
            .context("the process that reads")?
            .map_err(anyhow::Error::msg),
        End::Died(_) if struck => anyhow::bail!(
            "the process that reads was killed by the OOM killer: its threads and page tables alone are more than the memory limit allows"
        ),
        End::Died(how) => anyhow::bail!("the process that reads {how}"),
        End::Stuck(why) | End::NotStarted(why) => Err(anyhow::Error::msg(why)),
        End::Interrupted => anyhow::bail!("interrupted"),
    }
}

/// Lets nothing of the file at `path` lie in the page cache, as far as that can be had.
///
/// # Errors
/// What open(2), fdatasync(2) or posix_fadvise(2) answers.
fn evicted(path: &Path) -> Result<(), String> {
    let evict = || {
        let file = file::open(path, file::Open::ReadWrite)?;
        file::fdatasync(&file)?;
        cache::evict(&file)
    };
    evict().map_err(|error| error.to_string())
}

/// The process that reads: takes an order from its standard input, and begins with nothing of its
/// file in the page cache.
pub fn serve(kind: &str) -> anyhow::Result<ExitCode> {
    let input = std::io::stdin().lock();
    let by_hand = "a reader is started by `pagewise run`, not by hand";
    let answer = if kind == Kind::Stalls.word() {
        let (parent, order): (i32, stalls::Order) = serde_json::from_reader(input).context(by_hand)?;
        duty::attach_to_parent(parent);
        serde_json::to_vec(&evicted(&order.path).and_then(|()| stalls::watch(&order)))?
    } else {
        let (parent, order): (i32, beyond::Order) = serde_json::from_reader(input).context(by_hand)?;
        duty::attach_to_parent(parent);
        serde_json::to_vec(&evicted(&order.path).and_then(|()| beyond::watch(&order)))?
    };
    std::io::stdout().lock().write_all(&answer)?;
    Ok(ExitCode::SUCCESS)
}
