//! What becomes of bytes stored between the end of the file and the end of its last page?

use super::limits::partial;
use crate::os::file::fsync;
use crate::os::map::{FileMap, Kind as Map, Msync, Populate};
use crate::os::page_size;
use crate::proof::claim::{Claim, Exception, Topic};
use crate::proof::filesystem::Kind;
use crate::proof::ground::{Ground, NEW, OLD, Scratch, Unseen, byte, touched};

const NOTES: &str = "mmap(2), NOTES";
const BUGS: &str = "mmap(2), BUGS";
const ZEROED: &str = "mmap(2), NOTES; write-back zeroes it (xfstests generic/029, 030)";

/// What tmpfs does is a bug by mmap(2), and one that a later kernel may mend: the right answer is accepted too.
const IN_MEMORY: Exception = Exception {
    on: Kind::MEMORY,
    expected: &["the new byte", "0"],
    why: "the page is the file, and no write-back comes by to zero the rest of it (mmap(2), BUGS)",
};

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "store-past-end-raises-no-signal",
        topic: Topic::PastEnd,
        claim: "Storing past the end of the file, within its last page, raises no signal and leaves the size as it is.",
        expected: &["stored, size unchanged"],
        except: &[],
        disturbed_by: None,
        source: NOTES,
        see: no_signal,
    },
    Claim {
        id: "bytes-past-end-seen-by-another-mapping",
        topic: Topic::PastEnd,
        claim: "Until the page is written back, another mapping sees a byte stored past the end of the file.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: Some("background write-back may zero the page in between"),
        source: NOTES,
        see: seen_by_mapping,
    },
    Claim {
        id: "bytes-past-end-not-in-the-file-after-sync",
        topic: Topic::PastEnd,
        claim: "After MS_SYNC and fsync(2) a byte stored past the end is not in the file.",
        expected: &["size and bytes as before"],
        except: &[],
        disturbed_by: None,
        source: NOTES,
        see: not_in_file,
    },
    Claim {
        id: "bytes-past-end-zeroed-by-sync",
        topic: Topic::PastEnd,
        claim: "After MS_SYNC the mapping reads zero again where a byte was stored past the end.",
        expected: &["0"],
        except: &[IN_MEMORY],
        disturbed_by: None,
        source: ZEROED,
        see: zeroed_by_sync,
    },
    Claim {
        id: "synced-bytes-past-end-stay-out-of-a-longer-file",
        topic: Topic::PastEnd,
        claim: "When the file is made longer after MS_SYNC, read(2) finds zero where a byte was stored past the end.",
        expected: &["0"],
        except: &[IN_MEMORY],
        disturbed_by: None,
        source: BUGS,
        see: extended_after_sync,
    },
    Claim {
        id: "bytes-past-end-stay-out-of-a-longer-file",
        topic: Topic::PastEnd,
        claim: "When the file is made longer with no sync before, read(2) finds zero there too.",
        expected: &["0"],
        except: &[IN_MEMORY],
        disturbed_by: None,
        source: "mmap(2), BUGS; extending zeroes the rest of the last page (xfstests generic/499)",
        see: extended_without_sync,
    },
    Claim {
        id: "truncation-zeroes-the-rest-of-the-page",
        topic: Topic::PastEnd,
        claim: "What ftruncate(2) cuts off of a page reads zero through the mapping, and after the file is made longer again.",
        expected: &["mapping: 0; read: 0"],
        except: &[],
        disturbed_by: None,
        source: "ftruncate(2); mm/truncate.c: truncate_inode_pages_range zeroes a partial page",
        see: truncated,
    },
];

/// The file, mapped to the end of its last page, with a byte stored past its end.
fn stored(ground: &Ground) -> Result<(Scratch, FileMap), Unseen> {
    let scratch = partial(ground)?;
    let map = whole_pages(&scratch)?;
    map.store(past(&scratch), NEW);
    Ok((scratch, map))
}

fn whole_pages(scratch: &Scratch) -> Result<FileMap, Unseen> {
    let len = scratch.len.next_multiple_of(page_size());
    Ok(FileMap::new(&scratch.file, len, Map::SharedWrite, Populate::OnTouch)?)
}

/// Where the byte is stored.
fn past(scratch: &Scratch) -> usize {
    scratch.len + 100
}

fn no_signal(ground: &Ground) -> Result<String, Unseen> {
    let scratch = partial(ground)?;
    let map = whole_pages(&scratch)?;
    let store = || {
        map.store(past(&scratch), NEW);
        0
    };
    let seen = touched(store, |_| "stored".to_owned())?;
    let size = scratch.size()?;
    Ok(match size == scratch.len as u64 {
        true => format!("{seen}, size unchanged"),
        false => format!("{seen}, {size} bytes in place of {}", scratch.len),
    })
}

fn seen_by_mapping(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, _map) = stored(ground)?;
    Ok(byte(whole_pages(&scratch)?.load(past(&scratch))))
}

fn not_in_file(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, map) = stored(ground)?;
    map.msync(0..map.len(), Msync::Sync)?;
    drop(map);
    fsync(&scratch.file)?;
    let content = scratch.content()?;
    let same = content.len() == scratch.len && content.iter().all(|byte| *byte == OLD);
    Ok(match same {
        true => "size and bytes as before".to_owned(),
        false => format!("{} bytes, the last {:?}", content.len(), content.last()),
    })
}

fn zeroed_by_sync(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, map) = stored(ground)?;
    map.msync(0..map.len(), Msync::Sync)?;
    Ok(byte(map.load(past(&scratch))))
}

fn extended_after_sync(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, map) = stored(ground)?;
    map.msync(0..map.len(), Msync::Sync)?;
    drop(map);
    extended(&scratch)
}

fn extended_without_sync(ground: &Ground) -> Result<String, Unseen> {
    let (scratch, map) = stored(ground)?;
    drop(map);
    extended(&scratch)
}

fn extended(scratch: &Scratch) -> Result<String, Unseen> {
    scratch.resize(4 * page_size())?;
    Ok(byte(scratch.read(past(scratch))?))
}

fn truncated(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.file(2 * page_size())?;
    let map = whole_pages(&scratch)?;
    let at = page_size() + 200;
    map.load(at);
    scratch.resize(page_size() + 100)?;
    let mapped = map.load(at);
    scratch.resize(2 * page_size())?;
    Ok(format!("mapping: {}; read: {}", byte(mapped), byte(scratch.read(at)?)))
}
