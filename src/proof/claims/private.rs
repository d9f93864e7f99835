//! Who sees an edit made through a private mapping, and what does such a mapping see of later writes?

use crate::os::file::fsync;
use crate::os::map::{Kind, Msync};
use crate::os::page_size;
use crate::proof::claim::{Claim, Topic};
use crate::proof::ground::{Ground, NEW, OLD, PAGES, Unseen, byte, faults, store_pages};

const AT: usize = 20;

const MAP_PRIVATE: &str = "mmap(2), MAP_PRIVATE";
/// POSIX leaves open whether a private mapping sees later writes (mmap(2)); this is what Linux does.
const COPY: &str = "mm/memory.c: do_cow_fault and do_wp_page copy a page at its first store; unspecified by POSIX";

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "private-edit-seen-by-its-mapping",
        topic: Topic::Private,
        claim: "An edit through a private mapping is seen through that mapping.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: MAP_PRIVATE,
        see: seen_by_itself,
    },
    Claim {
        id: "private-edit-not-seen-by-read",
        topic: Topic::Private,
        claim: "An edit through a private mapping is not seen by read(2).",
        expected: &["the old byte"],
        except: &[],
        disturbed_by: None,
        source: MAP_PRIVATE,
        see: not_seen_by_read,
    },
    Claim {
        id: "private-edit-not-seen-by-shared-mapping",
        topic: Topic::Private,
        claim: "An edit through a private mapping is not seen by a shared mapping of the file.",
        expected: &["the old byte"],
        except: &[],
        disturbed_by: None,
        source: MAP_PRIVATE,
        see: not_seen_by_shared,
    },
    Claim {
        id: "private-edit-not-seen-by-private-mapping",
        topic: Topic::Private,
        claim: "An edit through a private mapping is not seen by another private mapping.",
        expected: &["the old byte"],
        except: &[],
        disturbed_by: None,
        source: MAP_PRIVATE,
        see: not_seen_by_private,
    },
    Claim {
        id: "private-edits-leave-the-file-unchanged",
        topic: Topic::Private,
        claim: "Edits of every page of a private mapping, MS_SYNC and fsync(2) leave every byte of the file as it was.",
        expected: &["every byte as before"],
        except: &[],
        disturbed_by: None,
        source: MAP_PRIVATE,
        see: file_unchanged,
    },
    Claim {
        id: "private-page-before-its-copy-sees-later-write",
        topic: Topic::Private,
        claim: "A page of a private mapping that was read, but not stored to, sees a later write(2).",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: COPY,
        see: before_copy,
    },
    Claim {
        id: "private-page-after-its-copy-sees-no-later-write",
        topic: Topic::Private,
        claim: "A page of a private mapping that was stored to does not see a later write(2).",
        expected: &["the old byte"],
        except: &[],
        disturbed_by: None,
        source: COPY,
        see: after_copy,
    },
    Claim {
        id: "private-copy-is-one-page",
        topic: Topic::Private,
        claim: "A store copies one page: the next page of the private mapping still sees a later write(2).",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: COPY,
        see: copy_is_one_page,
    },
    Claim {
        id: "private-store-faults-once-a-page",
        topic: Topic::Private,
        claim: "Storing to 16 pages of a fresh private mapping takes 16 minor faults; storing again takes none.",
        expected: &["16 faults, then 0"],
        except: &[],
        disturbed_by: Some("reclaim or compaction may take a page from under the mapping"),
        source: "mm/memory.c: do_cow_fault",
        see: one_fault_a_page,
    },
];

fn seen_by_itself(ground: &Ground) -> Result<String, Unseen> {
    let map = ground.pages()?.map(Kind::PrivateWrite)?;
    map.store(AT, NEW);
    Ok(byte(map.load(AT)))
}

fn not_seen_by_read(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::PrivateWrite)?;
    map.store(AT, NEW);
    Ok(byte(scratch.read(AT)?))
}

fn not_seen_by_shared(ground: &Ground) -> Result<String, Unseen> {
    not_seen_by(ground, Kind::SharedRead)
}

fn not_seen_by_private(ground: &Ground) -> Result<String, Unseen> {
    not_seen_by(ground, Kind::PrivateWrite)
}

fn not_seen_by(ground: &Ground, kind: Kind) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::PrivateWrite)?;
    let other = scratch.map(kind)?;
    other.load(AT);
    map.store(AT, NEW);
    Ok(byte(other.load(AT)))
}

fn file_unchanged(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::PrivateWrite)?;
    store_pages(&map);
    map.msync(0..map.len(), Msync::Sync)?;
    drop(map);
    fsync(&scratch.file)?;
    let content = scratch.content()?;
    let changed = content.iter().filter(|byte| **byte != OLD).count();
    Ok(match (changed, content.len() == scratch.len) {
        (0, true) => "every byte as before".to_owned(),
        (_, true) => format!("{changed} bytes changed"),
        (_, false) => format!("{} bytes in place of {}", content.len(), scratch.len),
    })
}

fn before_copy(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::PrivateWrite)?;
    map.load(AT);
    scratch.write(AT)?;
    Ok(byte(map.load(AT)))
}

fn after_copy(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::PrivateWrite)?;
    map.store(0, NEW);
    scratch.write(AT)?;
    Ok(byte(map.load(AT)))
}

fn copy_is_one_page(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::PrivateWrite)?;
    map.store(0, NEW);
    scratch.write(page_size())?;
    Ok(byte(map.load(page_size())))
}

fn one_fault_a_page(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let rehearsal = scratch.map(Kind::PrivateWrite)?;
    faults(|| store_pages(&rehearsal));
    let map = scratch.map(Kind::PrivateWrite)?;
    debug_assert_eq!(map.len(), PAGES * page_size());
    let first = faults(|| store_pages(&map));
    let second = faults(|| store_pages(&map));
    Ok(format!("{first} faults, then {second}"))
}
