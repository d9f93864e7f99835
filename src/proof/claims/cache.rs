//! What does the page cache hold, and when does a touch fault? What the states cold, warm and mapped rest on.

use crate::os::cache::evict;
use crate::os::file::fdatasync;
use crate::os::map::{FileMap, Kind as Map, Msync, Populate};
use crate::os::pagemap::present_pages;
use crate::proof::claim::{Claim, Exception, Topic};
use crate::proof::filesystem::Kind;
use crate::proof::ground::{Ground, Scratch, Unseen, faults, store_pages, touch_pages, usage};

/// Why a look at the cache or at faults gets a second try.
const RECLAIM: Option<&str> = Some("reclaim or compaction may take a page from under the mapping");
const HELD: Option<&str> = Some("a page that the kernel holds for a moment is not evicted");

const NOWHERE_TO_GO: &str = "its pages are the file, and have nowhere else to be";

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "written-pages-are-cached",
        topic: Topic::Cache,
        claim: "A file of 16 pages that was just written and synced has 16 pages in the page cache.",
        expected: &["16 cached"],
        except: &[
            Exception {
                on: &[Kind::Overlay],
                expected: &["0 cached", "16 cached"],
                why: "cachestat(2) looks at overlay's own inode, and the pages are those of the file beneath",
            },
            Exception {
                on: &[Kind::Fuse, Kind::NineP],
                expected: &["16 cached", "0 cached"],
                why: "it caches nothing where it asks for direct I/O",
            },
        ],
        disturbed_by: RECLAIM,
        source: "cachestat(2), Linux 6.5",
        see: written,
    },
    Claim {
        id: "eviction-empties-the-cache",
        topic: Topic::Cache,
        claim: "POSIX_FADV_DONTNEED drops the pages of a synced file that nobody maps.",
        expected: &["0 cached"],
        except: &[Exception { on: Kind::MEMORY, expected: &["16 cached"], why: NOWHERE_TO_GO }],
        disturbed_by: HELD,
        source: "posix_fadvise(2), NOTES; mm/fadvise.c",
        see: evicted,
    },
    Claim {
        id: "mapped-pages-survive-eviction",
        topic: Topic::Cache,
        claim: "POSIX_FADV_DONTNEED leaves pages that are in a process's page tables.",
        expected: &["16 cached"],
        except: &[],
        disturbed_by: RECLAIM,
        source: "mm/truncate.c: mapping_evict_folio leaves a mapped folio",
        see: mapped_survive,
    },
    Claim {
        id: "first-touch-of-evicted-page-is-major",
        topic: Topic::Cache,
        claim: "Touching an evicted file through a new mapping takes a major fault.",
        expected: &["a major fault"],
        except: &[Exception { on: Kind::MEMORY, expected: &["no major fault"], why: NOWHERE_TO_GO }],
        disturbed_by: HELD,
        source: "getrusage(2), ru_majflt; mm/filemap.c: filemap_fault",
        see: cold_touch,
    },
    Claim {
        id: "touch-of-cached-page-is-not-major",
        topic: Topic::Cache,
        claim: "Touching every page of a cached file through a new mapping takes no major fault.",
        expected: &["no major fault"],
        except: &[],
        disturbed_by: RECLAIM,
        source: "getrusage(2), ru_minflt; mm/filemap.c: filemap_map_pages",
        see: warm_touch,
    },
    Claim {
        id: "touched-pages-fault-no-more",
        topic: Topic::Cache,
        claim: "Touching every page of a mapping a second time takes no fault.",
        expected: &["0 faults"],
        except: &[],
        disturbed_by: RECLAIM,
        source: "getrusage(2), ru_minflt",
        see: touched_again,
    },
    Claim {
        id: "populated-mapping-does-not-fault",
        topic: Topic::Cache,
        claim: "After MAP_POPULATE of a cached file, touching every page takes no fault.",
        expected: &["0 faults"],
        except: &[],
        disturbed_by: RECLAIM,
        source: "mmap(2), MAP_POPULATE",
        see: populated,
    },
    Claim {
        id: "store-to-dirty-page-does-not-fault",
        topic: Topic::Cache,
        claim: "Storing again to 16 pages that are dirty takes no fault.",
        expected: &["0 faults"],
        except: &[],
        disturbed_by: RECLAIM,
        source: "mm/memory.c: do_shared_fault leaves the page writable",
        see: store_to_dirty,
    },
    Claim {
        id: "store-after-sync-faults-again",
        topic: Topic::Cache,
        claim: "The first store to each page after MS_SYNC faults again: 16 pages, 16 minor faults.",
        expected: &["16 faults"],
        except: &[Exception {
            on: Kind::MEMORY,
            expected: &["0 faults"],
            why: "its pages are never written back, and so never write-protected again",
        }],
        disturbed_by: RECLAIM,
        source: "mm/page-writeback.c: folio_mkclean write-protects what it writes",
        see: store_after_sync,
    },
    Claim {
        id: "pagemap-shows-touched-pages",
        topic: Topic::Cache,
        claim: "/proc/self/pagemap shows the 16 pages of a mapping as present once they were touched.",
        expected: &["16 present"],
        except: &[],
        disturbed_by: RECLAIM,
        source: "Documentation/admin-guide/mm/pagemap.rst, bit 63",
        see: present,
    },
];

fn cached(scratch: &Scratch) -> Result<String, Unseen> {
    Ok(format!("{} cached", scratch.cache()?.cached))
}

fn written(ground: &Ground) -> Result<String, Unseen> {
    cached(&ground.pages()?)
}

fn evicted(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    scratch.cache_of_written()?;
    fdatasync(&scratch.file)?;
    evict(&scratch.file)?;
    cached(&scratch)
}

fn mapped_survive(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::SharedRead)?;
    touch_pages(&map);
    scratch.cache_of_written()?;
    evict(&scratch.file)?;
    cached(&scratch)
}

fn cold_touch(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    evict(&scratch.file)?;
    let map = scratch.map(Map::SharedRead)?;
    Ok(major(usage(|| touch_pages(&map)).major_faults))
}

fn warm_touch(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    // The code's own first faults may be major: it is run before.
    let rehearsal = scratch.map(Map::SharedRead)?;
    faults(|| touch_pages(&rehearsal));
    let map = scratch.map(Map::SharedRead)?;
    Ok(major(usage(|| touch_pages(&map)).major_faults))
}

fn major(faults: u64) -> String {
    if faults > 0 { "a major fault" } else { "no major fault" }.to_owned()
}

fn touched_again(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::SharedRead)?;
    faults(|| touch_pages(&map));
    Ok(format!("{} faults", faults(|| touch_pages(&map))))
}

fn populated(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let rehearsal = scratch.map(Map::SharedRead)?;
    faults(|| touch_pages(&rehearsal));
    let map = FileMap::new(&scratch.file, scratch.len, Map::SharedRead, Populate::AtOnce)?;
    Ok(format!("{} faults", faults(|| touch_pages(&map))))
}

fn store_to_dirty(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::SharedWrite)?;
    faults(|| store_pages(&map));
    Ok(format!("{} faults", faults(|| store_pages(&map))))
}

fn store_after_sync(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::SharedWrite)?;
    faults(|| store_pages(&map));
    map.msync(0..map.len(), Msync::Sync)?;
    Ok(format!("{} faults", faults(|| store_pages(&map))))
}

fn present(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Map::SharedRead)?;
    touch_pages(&map);
    let pages = present_pages(&map).map_err(|error| Unseen::Unavailable(error.to_string()))?;
    Ok(format!("{pages} present"))
}
