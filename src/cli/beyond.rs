//! `--sweep memory` and `--sweep stalls`: what is watched as it goes on, each way in a process of its own.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::areas::dataset::{History, Recipe};
use crate::areas::page_touch::beyond::{self, Order, WAYS, Way};
use crate::areas::page_touch::stalls;
use crate::engine::interrupt::Interrupt;
use crate::os::memory_group::MemoryGroup;
use crate::os::{cache, file, process};
use crate::results::model::{BeyondMemory, Stalls, TimeLine};
use crate::site::Site;

/// The limit of a group that is made.
const LIMIT: u64 = 128 << 20;
/// A limit that this process is under already is used as it is, if it is no larger than this: files are several times as large.
const LARGEST_FOUND: u64 = 4 << 30;
/// Sizes of the file, as a part of the limit, and how many seconds each is watched.
const SIZES: [(f64, u64); 5] = [(0.0, 2), (0.5, 3), (1.0, 4), (2.0, 8), (8.0, 8)];
/// The size that stands for the smallest.
const SMALLEST: u64 = 64 << 10;
/// Beyond what it was asked for, before a process is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sizes of files under `limit`, in whole MiB but for the smallest, with the seconds of each.
fn sizes(limit: u64) -> Vec<(u64, u64)> {
    SIZES
        .into_iter()
        .map(|(part, seconds)| (((limit as f64 * part) as u64 >> 20 << 20).max(SMALLEST), seconds))
        .collect()
}

/// How long all of it takes.
pub fn longest() -> Duration {
    let seconds: u64 = SIZES.iter().map(|(_, seconds)| seconds + 1).sum();
    Duration::from_secs(seconds * WAYS.len() as u64 + 15)
}

/// Space that the largest file takes, where a group is made.
pub const SPACE: u64 = 8 * LIMIT;

/// Watches every way over every size; `say` is told which. `found` is the limit that this process is under already, if any. What this machine
/// cannot do is the reason of one that holds nothing.
pub fn watch(site: &Site, found: Option<u64>, interrupt: &Interrupt, say: &mut dyn FnMut(&str)) -> BeyondMemory {
    let readers = process::allowed_cpus().map_or(1, |cpus| cpus.len().saturating_sub(1).max(1));
    let seen = |limit: Option<u64>, reason: Option<String>, lines: Vec<TimeLine>| BeyondMemory {
        limit_bytes: limit,
        readers: readers as u32,
        reason,
        lines,
    };
    let (group, limit) = match MemoryGroup::make(LIMIT) {
        Ok(group) => (Some(group), LIMIT),
        Err(why) => match found.filter(|limit| *limit <= LARGEST_FOUND) {
            Some(limit) => (None, limit),
            None => return seen(None, Some(why), Vec::new()),
        },
    };
    let mut lines = Vec::new();
    for (bytes, seconds) in sizes(limit) {
        site.clear();
        let recipe = Recipe::new("beyond", bytes, History::Cold);
        let path = site.path().join("beyond");
        if let Err(trouble) = recipe.build(site.path()) {
            let why = format!("a file of {} MiB could not be made: {trouble}", bytes >> 20);
            lines.extend(WAYS.iter().map(|way| failed(way, bytes, why.clone())));
            continue;
        }
        for way in &WAYS {
            if interrupt.asked().is_some() {
                return seen(Some(limit), Some("interrupted".to_owned()), lines);
            }
            say(&format!("beyond memory: {} MiB, {}", bytes as f64 / 1048576.0, way.name));
            let order = Order {
                path: path.clone(),
                bytes,
                way: way.name.to_owned(),
                readers,
                seconds,
                group: group.as_ref().map(|group| group.folder().to_owned()),
            };
            lines.push(
                evicted(&path).and_then(|()| ask(&order)).unwrap_or_else(|why| failed(way, bytes, format!("{why:#}"))),
            );
        }
    }
    site.clear();
    seen(Some(limit), None, lines)
}

fn failed(way: &Way, bytes: u64, reason: String) -> TimeLine {
    TimeLine {
        method: way.name.to_owned(),
        about: way.about.to_owned(),
        bytes,
        reason: Some(reason),
        ..TimeLine::default()
    }
}

fn evicted(path: &Path) -> anyhow::Result<()> {
    let file = file::open(path, file::Open::ReadWrite)?;
    file::fdatasync(&file)?;
    Ok(cache::evict(&file)?)
}

/// Has a fresh process do what `order` says.
fn ask(order: &Order) -> anyhow::Result<TimeLine> {
    serde_json::from_str::<Result<TimeLine, String>>(&answer(order, "time line")?)?.map_err(anyhow::Error::msg)
}

/// What a fresh process answers to `order`: of its `kind`.
fn answer(order: &Order, kind: &str) -> anyhow::Result<String> {
    let mut child = Command::new("/proc/self/exe")
        .args(["reader", kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting a process that reads")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&serde_json::to_vec(order)?)?;
    }
    let until = Instant::now() + Duration::from_secs(order.seconds) + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            anyhow::bail!("the process that reads gave no answer, and was killed");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut text = String::new();
    child.stdout.take().context("no answer")?.read_to_string(&mut text)?;
    anyhow::ensure!(status.success(), "the process that reads ended by {status}");
    Ok(text)
}

/// How long it takes to watch tasks that share a thread.
pub const STALLS_TAKE: Duration = Duration::from_secs(20);
/// The file that is read beside a task.
const SHARED_THREAD: u64 = 256 << 20;

/// Watches a task beside each way of reading; `say` is told which.
pub fn stalls(site: &Site, interrupt: &Interrupt, say: &mut dyn FnMut(&str)) -> Vec<Stalls> {
    site.clear();
    let path = site.path().join("beyond");
    let built =
        Recipe::new("beyond", SHARED_THREAD, History::Cold).build(site.path()).map_err(|trouble| trouble.to_string());
    let watch = |way: &stalls::Way| -> anyhow::Result<Stalls> {
        built.clone().map_err(anyhow::Error::msg)?;
        evicted(&path)?;
        let (bytes, readers, seconds) = (SHARED_THREAD, 1, 2);
        let order = Order { path: path.clone(), bytes, way: way.name.to_owned(), readers, seconds, group: None };
        serde_json::from_str::<Result<Stalls, String>>(&answer(&order, "stalls")?)?.map_err(anyhow::Error::msg)
    };
    let none = |way: &stalls::Way, why: String| Stalls {
        method: way.name.to_owned(),
        about: way.about.to_owned(),
        reason: Some(why),
        ..Stalls::default()
    };
    let mut seen = Vec::new();
    for way in &stalls::WAYS {
        if interrupt.asked().is_some() {
            break;
        }
        say(&format!("a task beside {}", way.name));
        seen.push(watch(way).unwrap_or_else(|why| none(way, format!("{why:#}"))));
    }
    site.clear();
    seen
}

/// `pagewise reader`: the process that reads.
pub fn serve(kind: &str) -> anyhow::Result<ExitCode> {
    process::die_with_parent(nix::unistd::getppid());
    let order: Order = serde_json::from_reader(std::io::stdin().lock())
        .context("a reader is started by `pagewise run`, not by hand")?;
    let answer = match kind {
        "stalls" => serde_json::to_string(&stalls::watch(&order))?,
        _ => serde_json::to_string(&beyond::watch(&order))?,
    };
    println!("{answer}");
    Ok(ExitCode::SUCCESS)
}
