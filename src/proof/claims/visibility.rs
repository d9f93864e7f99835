//! Who sees an edit made through a shared mapping, and does the mapping see what is written?

use nix::sys::signal::Signal;

use crate::os::buffer::Buffer;
use crate::os::file::{Open, read_at};
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::process::{Child, Ended};
use crate::os::{SysResult, page_size};
use crate::proof::claim::{Claim, Topic};
use crate::proof::ground::{Ground, LIMIT, NEW, Scratch, Unseen, byte, read};
use crate::proof::peer::beside;

/// Where the edits are made: not at the start of the page.
const AT: usize = 20;

const MAP_SHARED: &str = "mmap(2), MAP_SHARED";
const ONE_CACHE: &str = "mmap(2), MAP_SHARED; mm/filemap.c: read and mapping use the same folios";

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "shared-edit-seen-by-read",
        topic: Topic::Visibility,
        claim: "An edit through a shared mapping is seen at once by read(2), with no sync.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: ONE_CACHE,
        see: edit_seen_by_read,
    },
    Claim {
        id: "shared-edit-seen-by-another-mapping",
        topic: Topic::Visibility,
        claim: "An edit through a shared mapping is seen at once by another mapping of the file.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: MAP_SHARED,
        see: edit_seen_by_mapping,
    },
    Claim {
        id: "shared-edit-seen-by-read-of-another-process",
        topic: Topic::Visibility,
        claim: "Another process that opens the file itself sees the edit by read(2).",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: ONE_CACHE,
        see: edit_seen_by_read_elsewhere,
    },
    Claim {
        id: "shared-edit-seen-by-mapping-of-another-process",
        topic: Topic::Visibility,
        claim: "Another process sees the edit through a mapping that it made, and touched, before.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: MAP_SHARED,
        see: edit_seen_by_mapping_elsewhere,
    },
    Claim {
        id: "shared-edit-seen-by-direct-read",
        topic: Topic::Visibility,
        claim: "A read past the page cache (O_DIRECT) sees an edit made through a shared mapping.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: "open(2), O_DIRECT; dirty pages of the range are written back first (fs/iomap/direct-io.c)",
        see: edit_seen_by_direct_read,
    },
    Claim {
        id: "write-seen-by-mapping",
        topic: Topic::Visibility,
        claim: "What write(2) puts into the file is seen at once by a shared mapping of it.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: ONE_CACHE,
        see: write_seen_by_mapping,
    },
    Claim {
        id: "write-seen-by-mapping-of-another-process",
        topic: Topic::Visibility,
        claim: "What write(2) puts into the file is seen at once by another process's shared mapping.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: ONE_CACHE,
        see: write_seen_by_mapping_elsewhere,
    },
    Claim {
        id: "shared-edit-outlives-its-process",
        topic: Topic::Visibility,
        claim: "An edit through a shared mapping survives the SIGKILL of the process that made it.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: "mmap(2), MAP_SHARED; the page belongs to the file, not to the process",
        see: edit_outlives_process,
    },
    Claim {
        id: "mapping-outlives-its-descriptor",
        topic: Topic::Visibility,
        claim: "A mapping goes on after the file is closed: edits still reach the file.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: "mmap(2), DESCRIPTION",
        see: mapping_outlives_descriptor,
    },
];

fn edit_seen_by_read(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let other = scratch.open(Open::Read)?;
    let map = scratch.map(Kind::SharedWrite)?;
    map.store(AT, NEW);
    Ok(byte(read(&other, AT)?))
}

fn edit_seen_by_mapping(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::SharedWrite)?;
    let other = second_mapping(&scratch, Kind::SharedRead)?;
    other.load(AT);
    map.store(AT, NEW);
    Ok(byte(other.load(AT)))
}

fn edit_seen_by_read_elsewhere(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::SharedWrite)?;
    let (seen, ()) = beside(
        |turns| {
            turns.wait(1)?;
            Ok(u32::from(read(&scratch.open(Open::Read)?, AT)?))
        },
        |turns| {
            map.store(AT, NEW);
            Ok(turns.end(1)?)
        },
    )?;
    Ok(byte(seen as u8))
}

fn edit_seen_by_mapping_elsewhere(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::SharedWrite)?;
    let (seen, ()) = beside(
        |turns| {
            let own = second_mapping(&scratch, Kind::SharedRead)?;
            own.load(AT);
            turns.end(1)?;
            turns.wait(2)?;
            Ok(u32::from(own.load(AT)))
        },
        |turns| {
            turns.wait(1)?;
            map.store(AT, NEW);
            Ok(turns.end(2)?)
        },
    )?;
    Ok(byte(seen as u8))
}

fn edit_seen_by_direct_read(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let direct = scratch
        .open(Open::ReadDirect)
        .map_err(|error| Unseen::Unavailable(format!("{error}: this filesystem has no direct I/O")))?;
    let map = scratch.map(Kind::SharedWrite)?;
    map.store(AT, NEW);
    let mut buffer = Buffer::new(page_size())?;
    read_at(&direct, buffer.bytes_mut(), 0)?;
    Ok(byte(buffer.bytes()[AT]))
}

fn write_seen_by_mapping(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::SharedRead)?;
    map.load(AT);
    scratch.write(AT)?;
    Ok(byte(map.load(AT)))
}

fn write_seen_by_mapping_elsewhere(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let (seen, ()) = beside(
        |turns| {
            let own = second_mapping(&scratch, Kind::SharedRead)?;
            own.load(AT);
            turns.end(1)?;
            turns.wait(2)?;
            Ok(u32::from(own.load(AT)))
        },
        |turns| {
            turns.wait(1)?;
            scratch.write(AT)?;
            Ok(turns.end(2)?)
        },
    )?;
    Ok(byte(seen as u8))
}

fn edit_outlives_process(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    // Tried here first, so that a filesystem that cannot map says so.
    drop(scratch.map(Kind::SharedWrite)?);
    let child = Child::fork(|| {
        let Ok(map) = scratch.map(Kind::SharedWrite) else {
            return 1;
        };
        map.store(AT, NEW);
        // Returns only where the signal cannot be sent.
        nix::sys::signal::raise(Signal::SIGKILL).map_or(2, |()| 3)
    })?;
    match child.wait(LIMIT)? {
        Ended::Killed(Signal::SIGKILL) => Ok(byte(scratch.read(AT)?)),
        ended => Err(Unseen::Failed(format!("the process was not killed: {ended:?}"))),
    }
}

fn mapping_outlives_descriptor(ground: &Ground) -> Result<String, Unseen> {
    let Scratch { path, file, len } = ground.pages()?;
    let map = FileMap::new(&file, len, Kind::SharedWrite, Populate::OnTouch)?;
    drop(file);
    map.store(AT, NEW);
    Ok(byte(read(&crate::os::file::open(&path, Open::Read)?, AT)?))
}

/// A mapping of the file by a descriptor of its own.
fn second_mapping(scratch: &Scratch, kind: Kind) -> SysResult<FileMap> {
    let file = scratch.open(Open::ReadWrite)?;
    FileMap::new(&file, scratch.len, kind, Populate::OnTouch)
}
