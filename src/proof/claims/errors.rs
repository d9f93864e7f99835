//! What does mmap(2) refuse, and with which errno?

use crate::os::file::Open;
use crate::os::page_size;
use crate::os::region::{Protection, Request, Sharing, try_map};
use crate::proof::claim::{Claim, Topic};
use crate::proof::ground::{Ground, Unseen, answer};

const EINVAL: &str = "mmap(2), ERRORS, EINVAL";
const EACCES: &str = "mmap(2), ERRORS, EACCES";

/// A claim about what mmap(2) answers.
const fn refusal(
    id: &'static str,
    claim: &'static str,
    expected: &'static [&'static str],
    source: &'static str,
    see: fn(&Ground) -> Result<String, Unseen>,
) -> Claim {
    let topic = Topic::Errors;
    Claim { id, topic, claim, expected, except: &[], disturbed_by: None, source, see }
}

pub const CLAIMS: &[Claim] = &[
    refusal("zero-length", "A mapping of no bytes is refused.", &["EINVAL"], EINVAL, |ground| {
        map(ground, Open::ReadWrite, Request { len: 0, ..page() })
    }),
    refusal(
        "unaligned-offset",
        "A mapping from an offset that is no multiple of the page size is refused.",
        &["EINVAL"],
        EINVAL,
        |ground| map(ground, Open::ReadWrite, Request { offset: 1, ..page() }),
    ),
    refusal(
        "neither-shared-nor-private",
        "A mapping with neither MAP_SHARED nor MAP_PRIVATE is refused.",
        &["EINVAL"],
        EINVAL,
        |ground| map(ground, Open::ReadWrite, Request { sharing: Sharing::Neither, ..page() }),
    ),
    refusal(
        "shared-write-of-read-only-file",
        "MAP_SHARED with PROT_WRITE on a file opened O_RDONLY is refused.",
        &["EACCES"],
        EACCES,
        |ground| map(ground, Open::Read, Request { protection: Protection::ReadWrite, ..page() }),
    ),
    refusal(
        "private-write-of-read-only-file",
        "MAP_PRIVATE with PROT_WRITE on a file opened O_RDONLY is allowed: its stores never reach the file.",
        &["OK"],
        EACCES,
        |ground| {
            let protection = Protection::ReadWrite;
            map(ground, Open::Read, Request { protection, sharing: Sharing::Private, ..page() })
        },
    ),
    refusal(
        "shared-read-of-write-only-file",
        "MAP_SHARED with PROT_READ on a file opened O_WRONLY is refused.",
        &["EACCES"],
        EACCES,
        |ground| map(ground, Open::Write, page()),
    ),
    refusal(
        "shared-write-of-write-only-file",
        "MAP_SHARED with PROT_WRITE alone on a file opened O_WRONLY is refused: every mapping needs to read.",
        &["EACCES"],
        EACCES,
        |ground| map(ground, Open::Write, Request { protection: Protection::Write, ..page() }),
    ),
    refusal(
        "private-read-of-write-only-file",
        "MAP_PRIVATE with PROT_READ on a file opened O_WRONLY is refused.",
        &["EACCES"],
        EACCES,
        |ground| map(ground, Open::Write, Request { sharing: Sharing::Private, ..page() }),
    ),
];

/// A page to read, shared: what each claim changes one thing of.
fn page() -> Request {
    Request { len: page_size(), protection: Protection::Read, sharing: Sharing::Shared, offset: 0 }
}

fn map(ground: &Ground, how: Open, request: Request) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    answer(try_map(&scratch.open(how)?, request))
}
