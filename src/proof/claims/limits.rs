//! What of a mapping can be touched, and what is the signal where it cannot?

use std::fs;

use nix::errno::Errno;

use crate::os::file::write_at;
use crate::os::map::{Advice, FileMap, Kind as Map, Populate};
use crate::os::page_size;
use crate::os::region::{Protection, Region, Sharing};
use crate::os::trap::{self, Touched};
use crate::proof::claim::{Claim, Exception, Topic};
use crate::proof::filesystem::Kind;
use crate::proof::ground::{Ground, LIMIT, NEW, OLD, Scratch, Unseen, answer, byte, touched};

const SIGBUS: &str = "SIGBUS, si_code 2 (BUS_ADRERR)";
const ERRORS: &str = "mmap(2), ERRORS, SIGBUS; mm/filemap.c: filemap_fault";

/// Pages mapped of a file of one page and a part of the next.
const MAPPED: usize = 4;

/// A huge page of tmpfs is mapped whole, past the end of the file (stable mail of 2025-11-20 exempts shmem on purpose). Whether a file
/// lies in one depends on what memory is free, so both are right.
const HUGE: Exception = Exception {
    on: &[Kind::HugeTmpfs],
    expected: &["0", SIGBUS],
    why: "a huge page of tmpfs is mapped whole, past the end of its file",
};

pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "rest-of-last-page-reads-zero",
        topic: Topic::Limits,
        claim: "From the end of the file to the end of its last page a mapping reads zeros.",
        expected: &["0"],
        except: &[],
        disturbed_by: None,
        source: "mmap(2), NOTES",
        see: rest_of_last_page,
    },
    Claim {
        id: "page-past-end-load-is-sigbus",
        topic: Topic::Limits,
        claim: "Reading the first page wholly past the end of the file, within the mapping, is a bus error.",
        expected: &[SIGBUS],
        except: &[],
        disturbed_by: None,
        source: ERRORS,
        see: load_past_end,
    },
    Claim {
        id: "page-past-end-store-is-sigbus",
        topic: Topic::Limits,
        claim: "Storing to the first page wholly past the end of the file is a bus error.",
        expected: &[SIGBUS],
        except: &[],
        disturbed_by: None,
        source: ERRORS,
        see: store_past_end,
    },
    Claim {
        id: "page-past-end-private-store-is-sigbus",
        topic: Topic::Limits,
        claim: "Storing there through a private mapping is a bus error too.",
        expected: &[SIGBUS],
        except: &[],
        disturbed_by: None,
        source: ERRORS,
        see: private_store_past_end,
    },
    Claim {
        id: "page-past-end-in-huge-mapping-is-sigbus",
        topic: Topic::Limits,
        claim: "Reading past the last page is a bus error in a mapping that is large and aligned enough for huge pages, too.",
        expected: &[SIGBUS],
        except: &[HUGE],
        disturbed_by: None,
        source: "mm/memory.c: page tables are not populated beyond i_size (commit 74207de2ba10)",
        see: load_past_end_of_huge,
    },
    Claim {
        id: "signal-names-the-address",
        topic: Topic::Limits,
        claim: "The signal's si_addr is the address that was touched.",
        expected: &["the address touched"],
        except: &[],
        disturbed_by: None,
        source: "sigaction(2), si_addr",
        see: signal_names_address,
    },
    Claim {
        id: "empty-file-maps-but-cannot-be-touched",
        topic: Topic::Limits,
        claim: "An empty file can be mapped; reading the mapping's first byte is a bus error.",
        expected: &[SIGBUS],
        except: &[],
        disturbed_by: None,
        source: ERRORS,
        see: empty_file,
    },
    Claim {
        id: "past-the-mapping-is-sigsegv",
        topic: Topic::Limits,
        claim: "Reading the first byte past the mapping, where nothing is mapped, is a segmentation fault.",
        expected: &["SIGSEGV, si_code 1 (SEGV_MAPERR)"],
        except: &[],
        disturbed_by: None,
        source: "mmap(2), ERRORS, SIGSEGV; sigaction(2), SEGV_MAPERR",
        see: past_the_mapping,
    },
    Claim {
        id: "store-to-read-only-mapping-is-sigsegv",
        topic: Topic::Limits,
        claim: "Storing to a read-only mapping is a segmentation fault.",
        expected: &["SIGSEGV, si_code 2 (SEGV_ACCERR)"],
        except: &[],
        disturbed_by: None,
        source: "mmap(2), ERRORS, SIGSEGV; sigaction(2), SEGV_ACCERR",
        see: store_to_read_only,
    },
    Claim {
        id: "truncated-shared-page-is-sigbus",
        topic: Topic::Limits,
        claim: "A page of a shared mapping that was touched, and then cut off by ftruncate(2), is a bus error.",
        expected: &[SIGBUS],
        except: &[],
        disturbed_by: None,
        source: "mmap(2), NOTES; mm/truncate.c: truncate_pagecache unmaps it",
        see: truncated_shared,
    },
    Claim {
        id: "truncated-private-copy-is-sigbus",
        topic: Topic::Limits,
        claim: "A page of a private mapping that had its own copy, and is then cut off by ftruncate(2), is a bus error: the copy goes too.",
        expected: &[SIGBUS],
        except: &[],
        disturbed_by: None,
        source: "mm/truncate.c: truncate_pagecache unmaps private copies (even_cows)",
        see: truncated_private,
    },
    Claim {
        id: "extended-file-becomes-reachable",
        topic: Topic::Limits,
        claim: "When the file grows under a mapping, the pages that were past its end can be read.",
        expected: &["0"],
        except: &[],
        disturbed_by: None,
        source: "mm/filemap.c: filemap_fault looks at the size at each fault; unspecified by POSIX",
        see: extended,
    },
    Claim {
        id: "system-call-past-end-is-efault",
        topic: Topic::Limits,
        claim: "A system call given a pointer to a page past the end of the file answers EFAULT, with no signal.",
        expected: &["EFAULT"],
        except: &[],
        disturbed_by: None,
        source: "write(2), ERRORS, EFAULT",
        see: system_call,
    },
    Claim {
        id: "populate-past-end-is-efault",
        topic: Topic::Limits,
        claim: "MADV_POPULATE_READ over a page past the end of the file answers EFAULT, with no signal.",
        expected: &["EFAULT"],
        except: &[],
        disturbed_by: None,
        source: "madvise(2), ERRORS, EFAULT (Linux 5.14)",
        see: populate,
    },
];

/// A file of one page and 904 bytes: 5,000 with pages of 4 KiB.
pub(super) fn partial(ground: &Ground) -> Result<Scratch, Unseen> {
    Ok(ground.file(page_size() + 904)?)
}

/// [`MAPPED`] pages of it, more than it has.
fn mapped(scratch: &Scratch, protection: Protection, sharing: Sharing) -> Result<Region, Unseen> {
    let len = MAPPED * page_size();
    Ok(Region::of_file(&scratch.file, len, protection, sharing, page_size())?)
}

fn shared(scratch: &Scratch) -> Result<Region, Unseen> {
    mapped(scratch, Protection::ReadWrite, Sharing::Shared)
}

fn load(region: &Region, at: usize) -> Result<String, Unseen> {
    touched(|| u32::from(region.load(at)), |value| byte(value as u8))
}

fn store(region: &Region, at: usize) -> Result<String, Unseen> {
    let store = || {
        region.store(at, NEW);
        0
    };
    touched(store, |_| "stored".to_owned())
}

fn rest_of_last_page(ground: &Ground) -> Result<String, Unseen> {
    let scratch = partial(ground)?;
    let region = shared(&scratch)?;
    let rest = || (scratch.len..2 * page_size()).fold(0, |all, at| all | region.load(at));
    touched(|| u32::from(rest()), |value| byte(value as u8))
}

fn load_past_end(ground: &Ground) -> Result<String, Unseen> {
    load(&shared(&partial(ground)?)?, 2 * page_size())
}

fn store_past_end(ground: &Ground) -> Result<String, Unseen> {
    store(&shared(&partial(ground)?)?, 2 * page_size())
}

fn private_store_past_end(ground: &Ground) -> Result<String, Unseen> {
    let region = mapped(&partial(ground)?, Protection::ReadWrite, Sharing::Private)?;
    store(&region, 2 * page_size())
}

fn load_past_end_of_huge(ground: &Ground) -> Result<String, Unseen> {
    let huge = huge_page();
    let scratch = ground.file(0)?;
    // In one write, so that the filesystem may choose large folios.
    let bytes = vec![OLD; huge / 8 + 904];
    write_at(&scratch.file, &bytes, 0)?;
    let region = Region::of_file(&scratch.file, 2 * huge, Protection::Read, Sharing::Shared, huge)?;
    load(&region, bytes.len().next_multiple_of(page_size()))
}

/// Bytes in a huge page: 2 MiB on x86-64.
fn huge_page() -> usize {
    fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
        .ok()
        .and_then(|size| size.trim().parse().ok())
        .unwrap_or(2 << 20)
}

fn signal_names_address(ground: &Ground) -> Result<String, Unseen> {
    let region = shared(&partial(ground)?)?;
    let at = 2 * page_size() + 123;
    Ok(match trap::touch(LIMIT, || u32::from(region.load(at)))? {
        Touched::Fault(fault) if fault.address == region.address(at) => "the address touched".to_owned(),
        Touched::Fault(fault) => format!("{:#x} for {:#x}", fault.address, region.address(at)),
        other => format!("no signal: {other:?}"),
    })
}

fn empty_file(ground: &Ground) -> Result<String, Unseen> {
    load(&shared(&ground.file(0)?)?, 0)
}

fn past_the_mapping(ground: &Ground) -> Result<String, Unseen> {
    let region = shared(&partial(ground)?)?;
    touched(|| u32::from(region.load_past()), |value| byte(value as u8))
}

fn store_to_read_only(ground: &Ground) -> Result<String, Unseen> {
    store(&mapped(&partial(ground)?, Protection::Read, Sharing::Shared)?, 20)
}

fn truncated_shared(ground: &Ground) -> Result<String, Unseen> {
    truncated(ground, Sharing::Shared)
}

fn truncated_private(ground: &Ground) -> Result<String, Unseen> {
    truncated(ground, Sharing::Private)
}

/// A page is stored to, and then cut off.
fn truncated(ground: &Ground, sharing: Sharing) -> Result<String, Unseen> {
    let scratch = ground.pages()?;
    let region = mapped(&scratch, Protection::ReadWrite, sharing)?;
    let at = page_size() + 20;
    region.store(at, NEW);
    scratch.resize(page_size())?;
    load(&region, at)
}

fn extended(ground: &Ground) -> Result<String, Unseen> {
    let scratch = partial(ground)?;
    let region = shared(&scratch)?;
    scratch.resize(region.len())?;
    load(&region, 2 * page_size())
}

fn system_call(ground: &Ground) -> Result<String, Unseen> {
    let region = shared(&partial(ground)?)?;
    let other = ground.file(0)?;
    answer(region.write_byte_to(2 * page_size(), &other.file, 0))
}

fn populate(ground: &Ground) -> Result<String, Unseen> {
    let scratch = partial(ground)?;
    let len = MAPPED * page_size();
    let map = FileMap::new(&scratch.file, len, Map::SharedRead, Populate::OnTouch)?;
    match map.advise(Advice::PopulateRead) {
        Err(error) if error.errno == Errno::EINVAL => Err(Unseen::Unavailable(error.to_string())),
        other => answer(other),
    }
}
