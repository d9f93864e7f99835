//! How is a process of its own asked to read, and what does it answer? `pagewise reader`.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::areas::page_touch::{beyond, stalls};
use crate::engine::interrupt::Interrupt;
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

/// Has a fresh process do what `order` says, which takes `time`, within `group` if there is one; gives its answer.
///
/// # Errors
/// Why there is none: what the process said, how it ended, that it was late, or that the user wants no more.
pub fn ask<A: DeserializeOwned>(
    kind: Kind,
    order: &impl Serialize,
    time: Duration,
    group: Option<&Path>,
    interrupt: &Interrupt,
) -> anyhow::Result<A> {
    let kills = || group.map_or_else(process::oom_kills, MemoryGroup::oom_kills);
    let before = kills();
    let mut child = Command::new("/proc/self/exe")
        .args(["reader", kind.word()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting a process that reads")?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that has died already says more by how it ended.
        let _ = stdin.write_all(&serde_json::to_vec(order)?);
    }
    let mut stdout = child.stdout.take().context("a process that reads cannot be listened to")?;
    // It may say more than a pipe holds before it ends.
    let listener = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let until = Instant::now() + time + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let late = Instant::now() > until;
        if late || interrupt.asked().is_some() {
            let _ = child.kill();
            let _ = child.wait();
            anyhow::bail!(if late { "the process that reads gave no answer, and was killed" } else { "interrupted" });
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let struck = before.zip(kills()).is_some_and(|(before, after)| after > before);
    anyhow::ensure!(status.success(), "the process that reads {}", how(status, struck));
    let text = listener.join().map_err(|_| anyhow::anyhow!("listening to a process that reads failed"))??;
    serde_json::from_str::<Result<A, String>>(&text).context("the process that reads")?.map_err(anyhow::Error::msg)
}

/// How a process ended that gave no answer. `struck` says that the out-of-memory killer did so meanwhile.
fn how(status: ExitStatus, struck: bool) -> String {
    match status.signal() {
        Some(9) if struck => {
            "was killed by the OOM killer: its threads and page tables alone are more than the memory limit allows"
                .to_owned()
        }
        _ => format!("ended by {status}"),
    }
}

/// Lets nothing of the file at `path` lie in the page cache, as far as that can be had.
///
/// # Errors
/// What open(2), fdatasync(2) or posix_fadvise(2) answers.
pub fn evicted(path: &Path) -> anyhow::Result<()> {
    let file = file::open(path, file::Open::ReadWrite)?;
    file::fdatasync(&file)?;
    Ok(cache::evict(&file)?)
}

/// The process that reads: takes an order from its standard input.
pub fn serve(kind: &str) -> anyhow::Result<ExitCode> {
    process::die_with_parent(nix::unistd::getppid());
    let input = std::io::stdin().lock();
    let by_hand = "a reader is started by `pagewise run`, not by hand";
    let answer = if kind == Kind::Stalls.word() {
        serde_json::to_string(&stalls::watch(&serde_json::from_reader(input).context(by_hand)?))?
    } else {
        serde_json::to_string(&beyond::watch(&serde_json::from_reader(input).context(by_hand)?))?
    };
    println!("{answer}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_out_of_memory_killer_is_named_only_where_it_struck() {
        let killed = ExitStatus::from_raw(9);
        assert!(how(killed, true).contains("killed by the OOM killer"));
        assert!(how(killed, false).contains("signal: 9"), "{}", how(killed, false));
        assert!(!how(ExitStatus::from_raw(7), true).contains("OOM"));
    }
}
