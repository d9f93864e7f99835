//! Work on the site in a child process (`pagewise site-worker`): a full or failing disk, a device
//! that never answers, or a lack of memory ends the child, not the parent.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::measuring;
use crate::areas::Options;
use crate::areas::dataset::{self, Recipe};
use crate::areas::shared_edit::write_back;
use crate::engine::child_process::{End, Reply, Request};
use crate::engine::duty;
use crate::engine::interrupt::Interrupt;
use crate::engine::method::Trouble;
use crate::engine::stamp;
use crate::machine;
use crate::os::disk::Disk;
use crate::os::folder::{Folder, Inode};
use crate::results::model::{Cache, Dir, Floor, Machine, WriteBack};
use crate::site::{self, Site};

/// The engine's own floor, beside the machine's.
const STAMP: machine::Other = machine::Other { name: "stamp", batch: stamp::cost };

/// What is to be done. The process works in the site's folder, but for [`SiteTask::Remove`].
#[derive(Clone, Debug, Serialize, Deserialize)]
enum SiteTask {
    /// Remove every file but the lock, and reserve `hold` bytes.
    Clear { hold: u64 },
    /// The same without reserving, and make these files.
    Build(Vec<Recipe>),
    /// Try the counters of the disk below.
    ProbeDisk,
    /// Take the machine's fingerprint, of the site or of this other disk.
    Fingerprint(Box<Disk>),
    /// Try the process's own count of storage reads.
    ProbeOwnReads { options: Box<Options>, elsewhere: bool },
    /// Measure the floors for about so long.
    Floors(Duration),
    /// Find the history that a copy of this file needs.
    Like(PathBuf),
    /// Watch when edits that nobody syncs reach the device.
    WriteBack,
    /// Remove the site, which is `name` in the folder that the process works in.
    Remove { name: PathBuf, inode: Inode },
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    parent: i32,
    task: SiteTask,
}

/// Runs tasks on a site, each in a child process.
#[derive(Clone, Copy, Debug)]
pub struct SiteWorker<'a> {
    /// Where.
    pub site: &'a Site,
    /// Whether to stop.
    pub interrupt: &'a Interrupt,
}

/// Time limit of a task, before what its bytes and its own duration add.
const LIMIT: Duration = Duration::from_secs(120);
/// Bytes a second that any disk takes.
const SLOWEST: u64 = 4 << 20;

fn time_for(bytes: u64) -> Duration {
    LIMIT + Duration::from_secs(bytes / SLOWEST)
}

impl SiteWorker<'_> {
    /// Removes every file but the lock, and reserves `hold` bytes: what comes next finds the room
    /// that was there.
    pub fn clear(&self, hold: u64) {
        // What cannot be removed or reserved is met again where it is needed.
        let _: Result<(), Trouble> = self.ask(SiteTask::Clear { hold }, time_for(hold));
    }

    /// Removes every file but the lock and makes `files`. Gives how each lies in the page cache,
    /// where it does.
    ///
    /// # Errors
    /// [`Trouble`]: what cannot be made here, or why it failed.
    pub fn build(&self, files: &[Recipe]) -> Result<Vec<Option<Cache>>, Trouble> {
        let bytes = files.iter().map(|file| file.bytes).sum();
        self.ask(SiteTask::Build(files.to_vec()), time_for(bytes))
    }

    /// The disk below the site, its counters tried.
    pub fn disk(&self) -> Disk {
        let probed = self.ask(SiteTask::ProbeDisk, LIMIT);
        // One that cannot be probed is told by its absence.
        probed.unwrap_or_else(|_| Disk::of_dir(&self.site.held_path()))
    }

    /// The machine's fingerprint, and the site's, or that of another `disk`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn fingerprint(&self, disk: &Disk) -> Result<(Machine, Dir), Trouble> {
        self.ask(SiteTask::Fingerprint(Box::new(disk.clone())), LIMIT)
    }

    /// Why the process's own count of storage reads is no evidence there; `None` where it is.
    pub fn own_reads(&self, options: &Options, elsewhere: bool) -> Option<String> {
        let task = SiteTask::ProbeOwnReads { options: Box::new(options.clone()), elsewhere };
        self.ask(task, LIMIT)
            .unwrap_or_else(|trouble| Some(format!("whether the kernel counts them could not be tried: {trouble}")))
    }

    /// The machine's floors, measured for about `budget`.
    ///
    /// # Errors
    /// Why there are none.
    pub fn floors(&self, budget: Duration) -> Result<Vec<Floor>, Trouble> {
        self.ask(SiteTask::Floors(budget), LIMIT + budget)
    }

    /// The history that a copy of the file at `path` needs, and why.
    ///
    /// # Errors
    /// As [`dataset::like`].
    pub fn like(&self, path: &Path) -> Result<(String, String), Trouble> {
        self.ask(SiteTask::Like(path.to_owned()), 2 * LIMIT)
    }

    /// Watches edits that nobody syncs; `None` where the user stopped it.
    pub fn write_back(&self) -> Option<WriteBack> {
        match self.ask(SiteTask::WriteBack, write_back::longest() + LIMIT) {
            Ok(seen) => Some(seen),
            Err(_) if self.interrupt.should_stop() => None,
            Err(trouble) => Some(write_back::nothing(trouble.to_string())),
        }
    }

    fn ask<T: DeserializeOwned>(&self, task: SiteTask, limit: Duration) -> Result<T, Trouble> {
        ask(task, &self.site.held_path(), limit, self.interrupt)
    }
}

/// How long removing the site may take: unlinking some GiB takes a disk some seconds.
const REMOVING: Duration = Duration::from_secs(10);

/// Removes the site, also when the user asked to stop. Where the disk does not answer it stays, and
/// the next run removes it.
///
/// # Errors
/// One sentence that names what stays.
pub fn remove(mut site: Site) -> Result<(), String> {
    site.unlock();
    let path = site.path().display().to_string();
    let prepared = site.name_and_inode().ok().zip(Interrupt::without_signals().ok());
    let Some(((name, inode), unheard)) = prepared else { return site.remove().map_err(|error| error.to_string()) };
    // By the held folder, also if it was moved; then by its name.
    let removed = ask::<()>(SiteTask::Clear { hold: 0 }, &site.held_path(), REMOVING, &unheard)
        .and_then(|()| ask(SiteTask::Remove { name: name.into(), inode }, &site.folder_above(), REMOVING, &unheard));
    match removed {
        Err(Trouble::Unavailable(_)) => site.remove().map_err(|error| error.to_string()),
        removed => {
            site.forget();
            removed.map_err(|why| format!("{path} could not be removed: {why}"))
        }
    }
}

fn ask<T: DeserializeOwned>(
    task: SiteTask,
    folder: &Path,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<T, Trouble> {
    let order = Order { parent: std::process::id() as i32, task };
    let order = serde_json::to_vec(&order).map_err(|error| Trouble::Failed(format!("writing an order: {error}")))?;
    let Reply { end, .. } = Request { words: &["site-worker"], folder, limit, interrupt }.ask(&order);
    match end {
        End::Answered(answer) => serde_json::from_slice::<Result<T, Trouble>>(&answer)
            .unwrap_or_else(|error| Err(Trouble::Failed(format!("the worker gave no answer: {error}")))),
        End::Died(how) => Err(Trouble::Failed(format!("the worker {how}"))),
        End::Stuck(why) => Err(Trouble::Failed(why)),
        End::NotStarted(why) => Err(Trouble::Unavailable(why)),
        End::Interrupted => Err(Trouble::Failed("interrupted".to_owned())),
    }
}

/// The child process: runs one task.
pub fn serve() -> anyhow::Result<ExitCode> {
    let order: Order = serde_json::from_reader(io::stdin().lock())
        .context("a site worker is started by `pagewise run`, not by hand")?;
    duty::attach_to_parent(order.parent);
    let mut channel = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let here = Path::new(".");
    let answer = match order.task {
        SiteTask::Clear { hold } => {
            clear()?;
            site::reserve(&Folder::open(here)?, hold);
            told(&Ok(()))
        }
        SiteTask::Build(files) => {
            clear()?;
            told(&files.iter().map(|file| file.build(here)).collect::<Result<Vec<_>, _>>())
        }
        SiteTask::ProbeDisk => {
            let mut disk = Disk::of_dir(here);
            // A disk that does not count flushes is told by its probe.
            let _ = disk.probe_flushes(here);
            told(&Ok(disk))
        }
        SiteTask::Fingerprint(disk) => told(&Ok(machine::fingerprint(here, &disk))),
        SiteTask::ProbeOwnReads { options, elsewhere } => told(&Ok(measuring::own_reads(here, &options, elsewhere))),
        SiteTask::Floors(budget) => told(&Ok(machine::floors(here, budget, &[STAMP]))),
        SiteTask::Like(path) => {
            told(&dataset::like(&path, here).map(|(history, why)| (history.name().to_owned(), why)))
        }
        SiteTask::WriteBack => told(&Ok(write_back::watch(here))),
        SiteTask::Remove { name, inode } => {
            told(&Folder::open(here).and_then(|dir| site::remove(&dir, name.as_os_str(), inode)).map_err(Trouble::from))
        }
    };
    channel.write_all(&answer?)?;
    Ok(ExitCode::SUCCESS)
}

fn clear() -> anyhow::Result<()> {
    Ok(Folder::open(Path::new("."))?.clear(OsStr::new(site::LOCK))?)
}

fn told<T: Serialize>(outcome: &Result<T, Trouble>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(outcome)
}
