//! What does each way to sync write? Dirty pages before and after, by cachestat(2).

use std::time::Duration;

use nix::errno::Errno;

use crate::os::cache::{cached_pages, evict};
use crate::os::file::{Open, fdatasync, fsync, write_at};
use crate::os::map::{FileMap, Kind as Map, Msync};
use crate::os::page_size;
use crate::proof::claim::{Claim, Exception, Topic};
use crate::proof::filesystem::Kind;
use crate::proof::ground::{Ground, NEW, Scratch, Unseen, byte, store_pages};

/// Why a look at dirty pages gets a second try: a page just made dirty is 30 s from being written for its age
/// (`vm.dirty_expire_centisecs`), but a machine that is over `vm.dirty_background_ratio` writes at any time.
const WRITEBACK: Option<&str> =
    Some("the kernel may have been writing these pages back at that instant, for another's load");

const NEVER_DIRTY: &str = "its pages are the file, and are never written back";

/// What memory says of dirty pages before and after.
const STAYS_CLEAN: Exception =
    Exception { on: Kind::MEMORY, expected: &["0 dirty, then 0; 0 in writeback"], why: NEVER_DIRTY };

const NOTHING: &str = "mm/msync.c: MS_ASYNC starts no write since 2.5.67 and marks no page since 2.6.19";
const MS_SYNC: &str = "msync(2), MS_SYNC; mm/msync.c: vfs_fsync_range of the range, datasync";
const WRITTEN: &str = "mm/page-writeback.c: folio_clear_dirty_for_io takes the dirty state from the page tables";

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "store-makes-its-page-dirty",
        topic: Topic::Sync,
        claim: "Storing to 16 pages of a synced file through a shared mapping makes 16 pages dirty.",
        expected: &["16 dirty"],
        except: &[Exception { on: Kind::MEMORY, expected: &["0 dirty"], why: NEVER_DIRTY }],
        disturbed_by: WRITEBACK,
        source: "mm/memory.c: fault_dirty_shared_page",
        see: store_dirties,
    },
    Claim {
        id: "ms-async-starts-nothing",
        topic: Topic::Sync,
        claim: "MS_ASYNC starts nothing: the pages are as dirty 50 ms after it as before, and none is being written.",
        expected: &["16 dirty, then 16; 0 in writeback"],
        except: &[STAYS_CLEAN],
        disturbed_by: WRITEBACK,
        source: NOTHING,
        see: ms_async,
    },
    Claim {
        id: "ms-sync-leaves-none-dirty",
        topic: Topic::Sync,
        claim: "MS_SYNC of the mapping leaves no page dirty or being written.",
        expected: &["16 dirty, then 0; 0 in writeback"],
        except: &[STAYS_CLEAN],
        disturbed_by: WRITEBACK,
        source: MS_SYNC,
        see: ms_sync,
    },
    Claim {
        id: "ms-sync-of-a-page-leaves-the-others",
        topic: Topic::Sync,
        claim: "MS_SYNC of the first page leaves a dirty page far behind it dirty.",
        expected: &["the other page still dirty"],
        except: &[
            Exception { on: Kind::MEMORY, expected: &["no page dirty"], why: NEVER_DIRTY },
            Exception {
                on: &[Kind::Btrfs],
                expected: &["no page dirty"],
                why: "btrfs_sync_file takes the whole file, whatever the range (fs/btrfs/file.c)",
            },
        ],
        disturbed_by: WRITEBACK,
        source: MS_SYNC,
        see: ms_sync_of_a_page,
    },
    Claim {
        id: "fdatasync-covers-mapped-stores",
        topic: Topic::Sync,
        claim: "fdatasync(2) writes what was stored through a mapping: no page stays dirty.",
        expected: &["16 dirty, then 0; 0 in writeback"],
        except: &[STAYS_CLEAN],
        disturbed_by: WRITEBACK,
        source: WRITTEN,
        see: by_fdatasync,
    },
    Claim {
        id: "fsync-covers-mapped-stores",
        topic: Topic::Sync,
        claim: "fsync(2) writes what was stored through a mapping: no page stays dirty.",
        expected: &["16 dirty, then 0; 0 in writeback"],
        except: &[STAYS_CLEAN],
        disturbed_by: WRITEBACK,
        source: WRITTEN,
        see: by_fsync,
    },
    Claim {
        id: "synced-edit-read-back-from-below",
        topic: Topic::Sync,
        claim: "After fdatasync(2) and eviction from the page cache, read(2) brings the edit back from below.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: Some("a page that the kernel holds for a moment is not evicted"),
        source: WRITTEN,
        see: read_back,
    },
    Claim {
        id: "munmap-does-not-sync",
        topic: Topic::Sync,
        claim: "munmap(2) does not sync: the pages stay dirty.",
        expected: &["16 dirty, then 16; 0 in writeback"],
        except: &[
            STAYS_CLEAN,
            Exception {
                on: &[Kind::Fuse, Kind::NineP],
                expected: &["16 dirty, then 0; 0 in writeback"],
                why: "this filesystem writes a mapping's pages back when it is unmapped (fuse_vma_close, v9fs_mmap_vm_close)",
            },
        ],
        disturbed_by: WRITEBACK,
        source: "msync(2), DESCRIPTION",
        see: by_munmap,
    },
    Claim {
        id: "write-leaves-its-page-dirty",
        topic: Topic::Sync,
        claim: "write(2) alone leaves its page dirty.",
        expected: &["dirty"],
        except: &[
            Exception { on: Kind::MEMORY, expected: &["not dirty"], why: NEVER_DIRTY },
            Exception {
                on: &[Kind::Fuse, Kind::NineP],
                expected: &["not dirty", "dirty"],
                why: "it writes through unless mounted with a write-back cache (Documentation, fuse-io.rst)",
            },
        ],
        disturbed_by: WRITEBACK,
        source: "write(2), NOTES",
        see: write_alone,
    },
    Claim {
        id: "dsync-write-leaves-none-dirty",
        topic: Topic::Sync,
        claim: "write(2) to a file opened O_DSYNC leaves no page dirty or being written.",
        expected: &["not dirty"],
        except: &[],
        disturbed_by: None,
        source: "open(2), O_DSYNC",
        see: write_dsync,
    },
    Claim {
        id: "private-store-makes-nothing-dirty",
        topic: Topic::Sync,
        claim: "Storing through a private mapping makes no page of the file dirty.",
        expected: &["0 dirty"],
        except: &[],
        disturbed_by: None,
        source: "mmap(2), MAP_PRIVATE",
        see: private_store,
    },
];

/// A synced file and a shared mapping of it whose every page was just stored to; and how many pages are dirty for it.
fn stored(ground: &Ground) -> Result<(Scratch, FileMap, u64), Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::SharedWrite)?;
    store_pages(&map);
    let dirty = scratch.cache_of_written()?.dirty;
    Ok((scratch, map, dirty))
}

/// Pages dirty before, dirty now, in writeback now.
fn change(before: u64, scratch: &Scratch) -> Result<String, Unseen> {
    let now = scratch.cache()?;
    Ok(format!("{before} dirty, then {}; {} in writeback", now.dirty, now.writeback))
}

fn store_dirties(ground: &Ground) -> Result<String, Unseen> {
    let (_, _, dirty) = stored(ground)?;
    Ok(format!("{dirty} dirty"))
}

fn ms_async(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, map, dirty) = stored(ground)?;
    map.msync(0..map.len(), Msync::Async)?;
    // Pages in writeback are looked for at once, when a write that was started would still be under way; dirty pages after a while, when
    // one that was put off would have come.
    let at_once = scratch.cache()?;
    std::thread::sleep(Duration::from_millis(50));
    let later = scratch.cache()?;
    let writing = at_once.writeback.max(later.writeback);
    Ok(format!("{dirty} dirty, then {}; {writing} in writeback", later.dirty))
}

fn ms_sync(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, map, dirty) = stored(ground)?;
    map.msync(0..map.len(), Msync::Sync)?;
    change(dirty, &scratch)
}

fn ms_sync_of_a_page(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.file(64 * page_size())?;
    let map = scratch.map(Map::SharedWrite)?;
    map.store(0, NEW);
    map.store(63 * page_size(), NEW);
    scratch.cache_of_written()?;
    map.msync(0..1, Msync::Sync)?;
    Ok(match scratch.cache()?.dirty {
        0 => "no page dirty".to_owned(),
        _ => "the other page still dirty".to_owned(),
    })
}

fn by_fdatasync(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, _map, dirty) = stored(ground)?;
    fdatasync(&scratch.file)?;
    change(dirty, &scratch)
}

fn by_fsync(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, _map, dirty) = stored(ground)?;
    fsync(&scratch.file)?;
    change(dirty, &scratch)
}

fn read_back(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::SharedWrite)?;
    store_pages(&map);
    let before = in_cache(&scratch)?;
    fdatasync(&scratch.file)?;
    drop(map);
    evict(&scratch.file)?;
    let after = in_cache(&scratch)?;
    if before == 0 || after > 0 {
        let text =
            format!("{before} pages in the cache before eviction, {after} after: a read would not come from below");
        return Err(Unseen::Unavailable(text));
    }
    Ok(byte(scratch.read(page_size())?))
}

/// The file's pages in the cache, as the measurements count them.
fn in_cache(scratch: &Scratch) -> Result<u64, Unseen> {
    cached_pages(&scratch.file, scratch.len as u64).map_err(|error| match error.errno {
        Errno::EPERM => Unseen::Unavailable(error.to_string()),
        _ => error.into(),
    })
}

fn by_munmap(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, map, dirty) = stored(ground)?;
    drop(map);
    change(dirty, &scratch)
}

fn write_alone(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    scratch.write(20)?;
    dirty_or_not(&scratch)
}

fn write_dsync(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let file = scratch.open(Open::ReadWriteDsync)?;
    write_at(&file, &[NEW], 20)?;
    dirty_or_not(&scratch)
}

/// Whether the file has dirty pages; not how many, since a `write` into a large folio counts with all of the folio's pages.
fn dirty_or_not(scratch: &Scratch) -> Result<String, Unseen> {
    let seen = scratch.cache_of_written()?;
    Ok(if seen.dirty + seen.writeback > 0 { "dirty" } else { "not dirty" }.to_owned())
}

fn private_store(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::PrivateWrite)?;
    store_pages(&map);
    Ok(format!("{} dirty", scratch.cache_of_written()?.dirty))
}
