//! What does a process share with a child that it forks?

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::os::buffer::Buffer;
use crate::os::file::Open;
use crate::os::futex::{self, Wait};
use crate::os::map::{FileMap, Kind, Populate, SharedWords};
use crate::os::{SysResult, page_size};
use crate::proof::claim::{Claim, Topic};
use crate::proof::ground::{Ground, LIMIT, NEW, OLD, Unseen, byte};
use crate::proof::peer::beside;

const AT: usize = 20;
const SHARED: &str = "fork(2); mmap(2), MAP_SHARED, MAP_ANONYMOUS";
const PRIVATE: &str = "fork(2); mmap(2), MAP_PRIVATE";
const FUTEX: &str = "futex(2); kernel/futex/core.c, get_futex_key: a shared key is the page's inode and offset";

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "anonymous-shared-parent-to-child",
        topic: Topic::Fork,
        claim: "A child sees what its parent stores into anonymous shared memory after the fork.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: SHARED,
        see: anonymous_to_child,
    },
    Claim {
        id: "anonymous-shared-child-to-parent",
        topic: Topic::Fork,
        claim: "A parent sees what its child stores into anonymous shared memory.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: SHARED,
        see: anonymous_to_parent,
    },
    Claim {
        id: "anonymous-private-not-shared",
        topic: Topic::Fork,
        claim: "In anonymous private memory a child sees what was there at the fork, and neither sees what the other stores after.",
        expected: &["child: the old byte; parent: the old byte"],
        except: &[],
        disturbed_by: None,
        source: PRIVATE,
        see: anonymous_private,
    },
    Claim {
        id: "shared-file-mapping-shared-with-child",
        topic: Topic::Fork,
        claim: "A shared file mapping made before the fork carries stores both ways.",
        expected: &["child: the new byte; parent: the new byte"],
        except: &[],
        disturbed_by: None,
        source: "fork(2); mmap(2), MAP_SHARED",
        see: shared_file,
    },
    Claim {
        id: "private-file-copy-goes-to-child",
        topic: Topic::Fork,
        claim: "A child sees the private copy of a file's page that its parent had made before the fork.",
        expected: &["the new byte"],
        except: &[],
        disturbed_by: None,
        source: PRIVATE,
        see: private_copy_to_child,
    },
    Claim {
        id: "private-file-page-not-shared-after-fork",
        topic: Topic::Fork,
        claim: "After the fork, what parent or child stores into a private file mapping is seen neither by the other nor in the file.",
        expected: &["child: the old byte; parent: the old byte; file: the old byte"],
        except: &[],
        disturbed_by: None,
        source: PRIVATE,
        see: private_file,
    },
    Claim {
        id: "futex-wakes-across-fork",
        topic: Topic::Fork,
        claim: "A futex in anonymous shared memory wakes the other process.",
        expected: &["woken"],
        except: &[],
        disturbed_by: None,
        source: FUTEX,
        see: futex_anonymous,
    },
    Claim {
        id: "futex-wakes-through-a-file",
        topic: Topic::Fork,
        claim: "A futex in a file wakes a process that mapped the file by itself, at another address.",
        expected: &["woken"],
        except: &[],
        disturbed_by: None,
        source: FUTEX,
        see: futex_file,
    },
];

fn anonymous_to_child(_: &Ground) -> Result<String, Unseen> {
    let words = SharedWords::anonymous(1)?;
    let word = words.word(0);
    let (seen, ()) = beside(
        |turns| {
            turns.wait(1)?;
            Ok(word.load(Ordering::Acquire))
        },
        |turns| {
            word.store(u32::from(NEW), Ordering::Release);
            Ok(turns.end(1)?)
        },
    )?;
    Ok(byte(seen as u8))
}

fn anonymous_to_parent(_: &Ground) -> Result<String, Unseen> {
    let words = SharedWords::anonymous(1)?;
    let word = words.word(0);
    let (_, seen) = beside(
        |turns| {
            word.store(u32::from(NEW), Ordering::Release);
            turns.end(1)?;
            Ok(0)
        },
        |turns| {
            turns.wait(1)?;
            Ok(word.load(Ordering::Acquire))
        },
    )?;
    Ok(byte(seen as u8))
}

fn anonymous_private(_: &Ground) -> Result<String, Unseen> {
    let page = page_size();
    let mut memory = Buffer::new(2 * page)?;
    memory.bytes_mut().fill(OLD);
    // The child stores into the second page, the parent into the first; each then reads the other's, volatile.
    let memory = RefCell::new(memory);
    let store = |at: usize| memory.borrow_mut().bytes_mut()[at] = NEW;
    let load = |at: usize| memory.borrow().span().part(at, 1).touch() as u8;
    let (child, parent) = beside(
        |turns| {
            store(page);
            turns.end(1)?;
            turns.wait(2)?;
            Ok(u32::from(load(0)))
        },
        |turns| {
            turns.wait(1)?;
            let seen = load(page);
            store(0);
            turns.end(2)?;
            Ok(seen)
        },
    )?;
    Ok(format!("child: {}; parent: {}", byte(child as u8), byte(parent)))
}

fn shared_file(ground: &Ground) -> Result<String, Unseen> {
    let map = ground.pages()?.map(Kind::SharedWrite)?;
    let (child, parent) = exchange(&map)?;
    Ok(format!("child: {}; parent: {}", byte(child), byte(parent)))
}

fn private_copy_to_child(ground: &Ground) -> Result<String, Unseen> {
    let map = ground.pages()?.map(Kind::PrivateWrite)?;
    map.store(AT, NEW);
    let (seen, ()) = beside(|_| Ok(u32::from(map.load(AT))), |_| Ok(()))?;
    Ok(byte(seen as u8))
}

fn private_file(ground: &Ground) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let map = scratch.map(Kind::PrivateWrite)?;
    map.store(0, OLD);
    map.store(page_size(), OLD);
    let (child, parent) = exchange(&map)?;
    let changed = scratch.content()?.into_iter().find(|byte| *byte != OLD);
    Ok(format!("child: {}; parent: {}; file: {}", byte(child), byte(parent), byte(changed.unwrap_or(OLD))))
}

/// The child stores into the second page, the parent into the first; what each then reads of the other's.
fn exchange(map: &FileMap) -> Result<(u8, u8), Unseen> {
    let page = page_size();
    let (child, parent) = beside(
        |turns| {
            map.store(page + AT, NEW);
            turns.end(1)?;
            turns.wait(2)?;
            Ok(u32::from(map.load(AT)))
        },
        |turns| {
            turns.wait(1)?;
            let seen = map.load(page + AT);
            map.store(AT, NEW);
            turns.end(2)?;
            Ok(seen)
        },
    )?;
    Ok((child as u8, parent))
}

fn futex_anonymous(_: &Ground) -> Result<String, Unseen> {
    let words = SharedWords::anonymous(1)?;
    let (seen, ()) = beside(|_| sleep_on(words.word(0), words.word(1)), |_| Ok(wake(words.word(0), words.word(1))?))?;
    Ok(woken(seen))
}

fn futex_file(ground: &Ground) -> Result<String, Unseen> {
    let page = page_size();
    let scratch = ground.pages()?;
    scratch.resize(0)?;
    scratch.resize(page)?;
    let (seen, ()) = beside(
        |_| {
            // Mapped first, so that the words below lie elsewhere.
            let _first = FileMap::new(&scratch.file, page, Kind::SharedRead, Populate::OnTouch)?;
            let words = SharedWords::of_file(&scratch.open(Open::ReadWrite)?, 1)?;
            sleep_on(words.word(0), words.word(1))
        },
        |_| {
            let words = SharedWords::of_file(&scratch.file, 1)?;
            Ok(wake(words.word(0), words.word(1))?)
        },
    )?;
    Ok(woken(seen))
}

/// Sleeps on `word`, whose value nobody changes: only a wake, or the time limit, ends the sleep. Gives 1 if it was a wake.
fn sleep_on(word: &AtomicU32, over: &AtomicU32) -> SysResult<u32> {
    let waited = futex::wait(word, 0, Some(LIMIT / 2));
    over.store(1, Ordering::Release);
    Ok(u32::from(waited? == Wait::LookAgain))
}

/// Wakes whoever sleeps on `word`, again and again until it is `over`: the sleeper may not be asleep yet.
fn wake(word: &AtomicU32, over: &AtomicU32) -> SysResult<()> {
    let deadline = Instant::now() + LIMIT;
    while over.load(Ordering::Acquire) == 0 && Instant::now() < deadline {
        futex::wake_one(word)?;
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

fn woken(seen: u32) -> String {
    if seen == 1 { "woken" } else { "not woken" }.to_owned()
}
