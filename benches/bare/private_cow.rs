//! A private copy of a file, edited and discarded: by `pread` into a buffer, and by a private mapping.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::libc;
use pagewise::areas::Spec;
use pagewise::areas::dataset::Dataset;
use pagewise::areas::draw::{self, Pattern};
use pagewise::engine::method::{Account, Draw, Trouble};
use pagewise::os::buffer::Buffer;
use pagewise::os::page_size;

use super::{Found, Loop, boxed, clock, failed, param};

/// Where in its page an edit lies.
const WITHIN: usize = 64;

enum Way {
    /// Into a buffer that stays.
    Reused(Buffer),
    /// Into anonymous memory mapped for it.
    Fresh,
    /// A private mapping with these flags beside `MAP_PRIVATE`.
    Private(libc::c_int),
}

/// Opens the loop of `method`.
pub fn open(spec: &Spec, method: &str, site: &Path) -> Found {
    let data = Dataset::open(&spec.files[0], site)?;
    let way = match method {
        "read(reused)" => Way::Reused(Buffer::new(data.bytes() as usize)?),
        "read(fresh)" => Way::Fresh,
        "MAP_PRIVATE+store" => Way::Private(0),
        "MAP_PRIVATE|MAP_POPULATE+store" => Way::Private(libc::MAP_POPULATE),
        _ => return Ok(None),
    };
    let percent: u64 = param(spec, "modified").trim_end_matches('%').parse().unwrap_or(0);
    let modified = (data.pages * percent / 100).max(1);
    Ok(boxed(Copies { data, way, modified, pages: Vec::new(), byte: 0, copies: 0 }))
}

struct Copies {
    data: Dataset,
    way: Way,
    modified: u64,
    pages: Vec<u32>,
    byte: u8,
    copies: u64,
}

impl Loop for Copies {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.data.make_warm()?;
        draw::records(Pattern::Random, self.data.pages, self.modified, draw.seed, &mut self.pages);
        self.pages.sort_unstable();
        (self.byte, self.copies) = (draw.seed as u8, draw.ops);
        Ok(())
    }

    fn timed(&mut self) -> io::Result<u64> {
        let (fd, bytes) = (self.data.file.as_raw_fd(), self.data.bytes() as usize);
        let edits = Edits { pages: &self.pages, byte: self.byte, copies: self.copies };
        match &mut self.way {
            Way::Reused(buffer) => reused(fd, buffer.bytes_mut(), &edits),
            Way::Fresh => fresh(fd, bytes, &edits),
            Way::Private(flags) => private(fd, bytes, *flags, &edits),
        }
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let checks = self.data.prove_clean()?;
        let with_one_percent = |pages: u64| pages + pages.div_ceil(100);
        let (pages, modified) = (self.data.pages, self.modified);
        let faults = match self.way {
            Way::Reused(_) => 0..=0,
            Way::Fresh => 1..=with_one_percent(pages),
            Way::Private(0) => modified..=with_one_percent(modified),
            Way::Private(_) => pages..=with_one_percent(pages),
        };
        Ok(Account {
            minor_faults: faults.start() * self.copies..=faults.end() * self.copies,
            ..Account::quiet(self.copies, modified * self.copies, 1 + checks)
        })
    }
}

/// What is changed in each copy.
struct Edits<'a> {
    pages: &'a [u32],
    byte: u8,
    copies: u64,
}

impl Edits<'_> {
    /// One byte of each page.
    ///
    /// # Safety
    /// The file's pages, of which ours were drawn, lie at `base`, ours to write.
    #[inline(always)]
    unsafe fn make(&self, base: *mut u8, shift: u32) {
        for page in self.pages {
            // SAFETY: within the copy, as the caller promises.
            unsafe { base.add(((*page as usize) << shift) + WITHIN).write_volatile(self.byte) };
        }
    }
}

#[inline(never)]
fn reused(fd: libc::c_int, buffer: &mut [u8], edits: &Edits<'_>) -> io::Result<u64> {
    let shift = page_size().trailing_zeros();
    let start = clock();
    for _ in 0..edits.copies {
        // SAFETY: the buffer is exclusive and as long as it says.
        let got = unsafe { libc::pread(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        if got != buffer.len() as isize {
            return Err(failed());
        }
        // SAFETY: the buffer is as long as the file.
        unsafe { edits.make(buffer.as_mut_ptr(), shift) };
    }
    Ok(clock() - start)
}

#[inline(never)]
fn fresh(fd: libc::c_int, bytes: usize, edits: &Edits<'_>) -> io::Result<u64> {
    let shift = page_size().trailing_zeros();
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let start = clock();
    for _ in 0..edits.copies {
        // SAFETY: a mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(failed());
        }
        // SAFETY: the mapping was just made, as long as the file.
        if unsafe { libc::pread(fd, base, bytes, 0) } != bytes as isize {
            return Err(failed());
        }
        // SAFETY: as above; nothing refers to the mapping after it is unmapped.
        unsafe {
            edits.make(base.cast(), shift);
            libc::munmap(base, bytes);
        }
    }
    Ok(clock() - start)
}

#[inline(never)]
fn private(fd: libc::c_int, bytes: usize, flags: libc::c_int, edits: &Edits<'_>) -> io::Result<u64> {
    let shift = page_size().trailing_zeros();
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | flags);
    let start = clock();
    for _ in 0..edits.copies {
        // SAFETY: a mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, fd, 0) };
        if base == libc::MAP_FAILED {
            return Err(failed());
        }
        // SAFETY: the mapping was just made, as long as the file; nothing refers to it after it is unmapped.
        unsafe {
            edits.make(base.cast(), shift);
            libc::munmap(base, bytes);
        }
    }
    Ok(clock() - start)
}
