//! The one way to skip a test: it names what it lacks, from a closed list.
//!
//! A skip is printed, and recorded for the last test program of the same `cargo test`, `tests/zz_skips`, which counts them all.
#![allow(dead_code, reason = "a test program skips for a part of the list only")]

use std::fmt::{self, Display, Formatter};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};

use nix::unistd::getppid;
use procfs::process::{Process, Stat};
use serde::{Deserialize, Serialize};

/// What a test may lack. `tests/zz_skips/present.rs` knows how to look for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lack {
    #[serde(rename = "root")]
    Root,
    #[serde(rename = "an ordinary user")]
    OrdinaryUser,
    #[serde(rename = "programs that run as nobody")]
    Nobody,
    #[serde(rename = "a mount namespace")]
    MountNamespace,
    #[serde(rename = "mount(2)")]
    Mounts,
    #[serde(rename = "/dev/loop-control")]
    LoopDevices,
    #[serde(rename = "mkfs.ext4")]
    MkfsExt4,
    #[serde(rename = "mkfs.xfs")]
    MkfsXfs,
    #[serde(rename = "mkfs.btrfs")]
    MkfsBtrfs,
    #[serde(rename = "ext4 in the kernel")]
    KernelExt4,
    #[serde(rename = "xfs in the kernel")]
    KernelXfs,
    #[serde(rename = "btrfs in the kernel")]
    KernelBtrfs,
    #[serde(rename = "cachestat")]
    Cachestat,
    #[serde(rename = "cgroup memory")]
    MemoryCgroup,
    #[serde(rename = "io_uring")]
    IoUring,
    #[serde(rename = "locked memory")]
    LockedMemory,
    #[serde(rename = "VmFlags in /proc/self/smaps")]
    VmFlags,
    #[serde(rename = "O_DIRECT")]
    DirectIo,
    #[serde(rename = "RWF_DONTCACHE")]
    DontCache,
    #[serde(rename = "RWF_NOWAIT")]
    NoWait,
    #[serde(rename = "MADV_POPULATE_READ")]
    MadvPopulate,
    #[serde(rename = "huge pages")]
    HugePages,
    #[serde(rename = "MADV_COLLAPSE of files")]
    Collapse,
    #[serde(rename = "python3")]
    Python,
    #[serde(rename = "git")]
    Git,
    #[serde(rename = "rustc")]
    Rustc,
    #[serde(rename = "a dynamic libc")]
    DynamicLibc,
    #[serde(rename = "/dev/shm")]
    DevShm,
    #[serde(rename = "a second filesystem")]
    SecondFilesystem,
    #[serde(rename = "a block device that counts")]
    BlockDevice,
    #[serde(rename = "a volatile cache")]
    VolatileCache,
    #[serde(rename = "files on a disk")]
    DiskFiles,
    #[serde(rename = "files of 16 TiB")]
    LargeFiles,
    #[serde(rename = "writable sources")]
    WritableSources,
    #[serde(rename = "fsfreeze")]
    Fsfreeze,
    #[serde(rename = "signals that are not ignored")]
    Signals,
}

impl Display for Lack {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        // Its name in the record.
        self.serialize(formatter)
    }
}

/// A test that did not look at what it is there for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Skip {
    pub lacks: Lack,
    /// Its file and name.
    pub test: String,
    /// Where it is lacking, if it depends on the folder.
    pub place: Option<PathBuf>,
    pub why: String,
}

/// Says and records that the test that calls this is skipped, whole or in part. Helpers that call it for a test are `#[track_caller]`.
#[track_caller]
pub fn skip(lacks: Lack, why: impl Display) {
    record(lacks, None, &why.to_string());
}

/// The same, where what is lacking depends on the folder.
#[track_caller]
pub fn skip_in(place: &Path, lacks: Lack, why: impl Display) {
    record(lacks, Some(place.to_owned()), &why.to_string());
}

#[track_caller]
fn record(lacks: Lack, place: Option<PathBuf>, why: &str) {
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = Skip { lacks, test: test_at(Location::caller()), place, why };
    // Not by `eprintln!`, which the harness captures and drops if the test passes.
    let _ = writeln!(io::stderr(), "skipped for lack of {lacks}: {}: {}", skip.test, skip.why);
    if let Some(path) = path() {
        append(&path, &skip).unwrap_or_else(|error| panic!("cannot record a skip in {}: {error}", path.display()));
    }
}

/// The test at a place of the sources. A thread's name would not do: on one core every test runs on the main thread.
fn test_at(place: &Location<'_>) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(place.file());
    let text = fs::read_to_string(source).unwrap_or_default();
    let above = text.lines().take(place.line() as usize);
    let function = above.filter_map(|line| line.trim_start().strip_prefix("fn ")).last();
    match function.and_then(|rest| rest.split(['(', '<']).next()) {
        Some(name) => format!("{} {name}", place.file()),
        None => place.to_string(),
    }
}

/// The record of this `cargo test`. It is named by cargo's process, so that all test programs of one invocation share it, and no
/// other invocation reads it. `None` for a copy of a test program that lies somewhere else than cargo put it.
fn path() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let programs = program.parent().filter(|folder| folder.ends_with("deps"))?;
    let cargo = invocation()?;
    Some(programs.with_file_name("skips").join(format!("{}-{}", cargo.pid, cargo.starttime)))
}

/// The cargo that runs this program, or its parent if there is none.
fn invocation() -> Option<Stat> {
    let parent = stat_of(getppid().as_raw())?;
    let mut above = parent.clone();
    while !above.comm.starts_with("cargo") {
        match stat_of(above.ppid) {
            Some(next) => above = next,
            None => return Some(parent),
        }
    }
    Some(above)
}

fn stat_of(pid: i32) -> Option<Stat> {
    Process::new(pid).ok()?.stat().ok()
}

fn append(path: &Path, skip: &Skip) -> io::Result<()> {
    let folder = path.parent().expect("a folder of records");
    fs::create_dir_all(folder)?;
    if !path.exists() {
        tidy(folder)?;
    }
    let mut line = serde_json::to_string(skip)?;
    line.push('\n');
    // In one write, so that lines of tests that run at the same time stay whole.
    OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())
}

/// Removes the records of invocations that have ended.
fn tidy(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let runs = name.split_once('-').is_some_and(|(pid, start)| {
            let stat = pid.parse().ok().and_then(stat_of);
            stat.is_some_and(|stat| stat.starttime.to_string() == start)
        });
        if !runs {
            match fs::remove_file(entry.path()) {
                // A test that runs at the same time was sooner.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The skips of this `cargo test` so far. They are taken out of the record, and records of earlier invocations are removed.
///
/// # Errors
/// A record cannot be read or removed.
pub fn take_recorded() -> io::Result<Vec<Skip>> {
    let Some(path) = path() else { return Ok(Vec::new()) };
    let folder = path.parent().expect("a folder of records");
    if folder.exists() {
        tidy(folder)?;
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    fs::remove_file(&path)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}
