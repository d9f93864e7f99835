//! When does an edit that nobody syncs reach the device? Watched, not timed: files of one edit each, looked at until their page is clean.
//!
//! The kernel's flusher wakes every vm.dirty_writeback_centisecs and writes what has been dirty for vm.dirty_expire_centisecs
//! (Documentation/admin-guide/sysctl/vm.rst; fs/fs-writeback.c, wb_check_old_data_flush). msync(MS_ASYNC) changes nothing of that
//! (mm/msync.c), nor does unmapping.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::method::Trouble;
use crate::os::file::{self, WriteOut};
use crate::os::map::{FileMap, Kind, Msync, Populate};
use crate::os::{SysResult, cache};
use crate::results::model::{Watched, WriteBack};

use super::super::dataset::{Dataset, History, Recipe};

/// Files of each way.
const FILES: usize = 8;
/// Between one edit and the next: those of a way fall at different times between two looks of the flusher.
const STAGGER: Duration = Duration::from_millis(700);
/// How often it is looked.
const POLL: Duration = Duration::from_millis(20);
/// Beyond what the kernel's settings say.
const GRACE: Duration = Duration::from_secs(10);
/// Never watched for longer.
const LONGEST: Duration = Duration::from_secs(180);
/// Bytes of a file.
const SIZE: u64 = 64 << 10;
/// Where the edit is.
const AT: u64 = 20;

/// A way of making an edit. The mapping is given back, to live until the page is clean; a way that lets go of it gives none.
struct Way {
    name: &'static str,
    about: &'static str,
    edit: fn(&Dataset) -> SysResult<Option<FileMap>>,
}

const WAYS: [Way; 5] = [
    Way {
        name: "pwrite",
        about: "pwrite, and nothing more",
        edit: |data| file::write_at(&data.file, &[1], AT).map(|()| None),
    },
    Way {
        name: "mmap",
        about: "a store through a shared mapping, and nothing more",
        edit: |data| stored(data).map(Some),
    },
    Way {
        name: "mmap+msync(MS_ASYNC)",
        about: "a store, then msync(MS_ASYNC)",
        edit: |data| {
            let map = stored(data)?;
            map.msync(0..map.len(), Msync::Async)?;
            Ok(Some(map))
        },
    },
    Way { name: "mmap+munmap", about: "a store, then munmap", edit: |data| stored(data).map(|_| None) },
    Way {
        name: "mmap+sync_file_range(WRITE)",
        about: "a store, then sync_file_range that starts its write-out: what MS_ASYNC is taken for",
        edit: |data| {
            let map = stored(data)?;
            file::write_out(&data.file, AT, 1, WriteOut::Start)?;
            Ok(Some(map))
        },
    },
];

fn stored(data: &Dataset) -> SysResult<FileMap> {
    let map = FileMap::new(&data.file, data.bytes() as usize, Kind::SharedWrite, Populate::OnTouch)?;
    map.store(AT as usize, map.load(AT as usize).wrapping_add(1));
    Ok(map)
}

/// An edit that is watched.
struct Edit {
    way: usize,
    data: Dataset,
    /// Keeps the page mapped, as a program that goes on running does.
    _map: Option<FileMap>,
    made: Instant,
    clean_after: Option<Duration>,
}

impl Edit {
    fn look(&mut self) -> SysResult<()> {
        let seen = cache::cachestat(&self.data.file, self.data.bytes())?;
        if seen.dirty + seen.writeback == 0 {
            self.clean_after = Some(self.made.elapsed());
        }
        Ok(())
    }
}

/// The longest that it takes here, by the kernel's settings: what is said beforehand.
pub fn longest() -> Duration {
    let (expire, wakeup) = (setting("dirty_expire_centisecs"), setting("dirty_writeback_centisecs"));
    let last_edit = STAGGER * FILES as u32;
    let said = expire.unwrap_or(LONGEST) + 2 * wakeup.unwrap_or_default();
    (said + GRACE).min(LONGEST) + last_edit
}

/// Space that the files take.
pub const SPACE: u64 = SIZE * (FILES * WAYS.len()) as u64;

/// Edits files in `site` and watches until their pages are clean, or for [`longest`]. What this
/// machine cannot do, or what went wrong, is the reason of one that holds nothing.
pub fn watch(site: &Path) -> WriteBack {
    try_to_watch(site).unwrap_or_else(|trouble| nothing(trouble.to_string()))
}

/// One that holds nothing, for this reason.
pub fn nothing(reason: String) -> WriteBack {
    WriteBack { reason: Some(reason), ..told(Vec::new()) }
}

fn try_to_watch(site: &Path) -> Result<WriteBack, Trouble> {
    let mut waiting = Vec::new();
    for index in 0..FILES {
        for (way, _) in WAYS.iter().enumerate() {
            let recipe = Recipe::new(&format!("edit-{way}-{index}"), SIZE, History::Write4K);
            recipe.build(site)?;
            waiting.push((way, Dataset::open(&recipe, site)?));
        }
    }
    if waiting.iter().any(|(_, data)| data.in_memory) {
        return Err(Trouble::Unavailable(
            "this filesystem keeps its files in memory: nothing is written back".to_owned(),
        ));
    }
    if let Some(error) = waiting.first().and_then(|(_, data)| cache::cachestat(&data.file, SIZE).err()) {
        return Err(Trouble::Unavailable(format!("whether a page is dirty cannot be read: {error}")));
    }
    let begin = Instant::now();
    let watched = longest();
    let mut waiting = waiting.into_iter();
    let mut edits: Vec<Edit> = Vec::new();
    while begin.elapsed() < watched {
        if waiting.len() > 0 && begin.elapsed() >= STAGGER * (edits.len() / WAYS.len()) as u32 {
            for (way, data) in waiting.by_ref().take(WAYS.len()) {
                let map = (WAYS[way].edit)(&data)?;
                edits.push(Edit { way, data, _map: map, made: Instant::now(), clean_after: None });
            }
        }
        for edit in edits.iter_mut().filter(|edit| edit.clean_after.is_none()) {
            edit.look()?;
        }
        let dirty = waiting.len() + edits.iter().filter(|edit| edit.clean_after.is_none()).count();
        if dirty == 0 {
            break;
        }
        std::thread::sleep(POLL);
    }
    Ok(told(WAYS.iter().enumerate().map(|(way, told)| told.watched(way, &edits)).collect()))
}

fn told(methods: Vec<Watched>) -> WriteBack {
    WriteBack {
        expire_ns: setting("dirty_expire_centisecs").map(nanoseconds),
        wakeup_ns: setting("dirty_writeback_centisecs").map(nanoseconds),
        watched_ns: nanoseconds(longest()),
        poll_ns: nanoseconds(POLL),
        reason: None,
        methods,
    }
}

impl Way {
    fn watched(&self, way: usize, edits: &[Edit]) -> Watched {
        let own = edits.iter().filter(|edit| edit.way == way);
        Watched {
            method: self.name.to_owned(),
            about: self.about.to_owned(),
            clean_after_ns: own.map(|edit| edit.clean_after.map(nanoseconds)).collect(),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A setting of the kernel's in hundredths of a second (/proc/sys/vm).
fn setting(name: &str) -> Option<Duration> {
    let text = fs::read_to_string(Path::new("/proc/sys/vm").join(name)).ok()?;
    Some(Duration::from_millis(10 * text.trim().parse::<u64>().ok()?))
}
