//! One byte of a file's page changed and made visible: by `pwrite`, by `pwritev2`, and by a store through a mapping.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::libc;
use pagewise::areas::Spec;
use pagewise::areas::dataset::Dataset;
use pagewise::areas::draw::{self, Pattern};
use pagewise::areas::prepare::map_by_reading;
use pagewise::engine::method::{Account, Draw, Trouble};
use pagewise::os::file::{self, Open};
use pagewise::os::map::{FileMap, Kind, Populate};
use pagewise::os::{cache, page_size};

use super::{Found, Loop, boxed, clock, failed, param};

/// Where in its page an edit lies.
const WITHIN: u64 = 20;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Write,
    WriteVectored,
    Store,
    StoreAndAsync,
}

/// Opens the loop of `method`.
pub fn open(spec: &Spec, method: &str, site: &Path) -> Found {
    let way = match method {
        "pwrite" => Way::Write,
        "pwritev2" => Way::WriteVectored,
        "mmap" => Way::Store,
        "mmap+msync(MS_ASYNC)" => Way::StoreAndAsync,
        _ => return Ok(None),
    };
    if param(spec, "guarantee") != "visible" {
        return Ok(None);
    }
    let data = Dataset::open(&spec.files[0], site)?;
    let file = data.reopen(Open::ReadWrite)?;
    Ok(boxed(Edits { data, file, way, pages: Vec::new(), edits: Vec::new(), map: None }))
}

struct Edit {
    at: u64,
    byte: u8,
}

struct Edits {
    data: Dataset,
    file: File,
    way: Way,
    pages: Vec<u32>,
    edits: Vec<Edit>,
    map: Option<FileMap>,
}

impl Loop for Edits {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.map = None;
        self.data.make_warm()?;
        file::fdatasync(&self.data.file)?;
        self.data.prove_clean()?;
        draw::records(Pattern::Random, self.data.pages, draw.ops, draw.seed, &mut self.pages);
        self.edits.clear();
        for page in &self.pages {
            let at = u64::from(*page) * page_size() as u64 + WITHIN;
            let mut now = [0];
            file::read_at(&self.data.file, &mut now, at)?;
            self.edits.push(Edit { at, byte: now[0].wrapping_add(1) });
        }
        if matches!(self.way, Way::Store | Way::StoreAndAsync) {
            let bytes = self.data.bytes() as usize;
            let map = FileMap::new(&self.data.file, bytes, Kind::SharedWrite, Populate::OnTouch)?;
            map_by_reading(&map)?;
            self.map = Some(map);
        }
        Ok(())
    }

    fn timed(&mut self) -> io::Result<u64> {
        match (self.way, &self.map) {
            (Way::Store, Some(map)) => Ok(stores(map.address() as *mut u8, &self.edits)),
            (Way::StoreAndAsync, Some(map)) => stores_and_msyncs(map.address() as *mut u8, &self.edits),
            (Way::WriteVectored, _) => vectored_writes(self.file.as_raw_fd(), &self.edits),
            _ => writes(self.file.as_raw_fd(), &self.edits),
        }
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let edits = self.edits.len() as u64;
        let stored = self.map.is_some();
        if stored && !self.data.in_memory {
            let dirty = cache::cachestat(&self.data.file, self.data.bytes()).map_or(edits, |seen| seen.dirty);
            if dirty < edits {
                let detail = format!("{dirty} pages dirty after {edits} edits");
                return Err(Trouble::unproven("pages were written before the batch ended", detail));
            }
        }
        file::fdatasync(&self.data.file)?;
        for edit in &self.edits {
            let mut seen = [0];
            file::read_at(&self.data.file, &mut seen, edit.at)?;
            if seen[0] != edit.byte {
                let detail = format!("byte {} holds {}, not {}", edit.at, seen[0], edit.byte);
                return Err(Trouble::unproven("an edit did not reach the file", detail));
            }
        }
        self.map = None;
        let fewest = if self.data.in_memory {
            0
        } else if self.data.history.single_pages() {
            edits
        } else {
            1
        };
        let minor_faults = if stored { fewest..=edits + edits.div_ceil(100) } else { 0..=0 };
        Ok(Account { minor_faults, ..Account::quiet(edits, edits, 3) })
    }
}

#[inline(never)]
fn writes(fd: libc::c_int, edits: &[Edit]) -> io::Result<u64> {
    let start = clock();
    for edit in edits {
        // SAFETY: the kernel reads one byte, which outlives the call.
        let put = unsafe { libc::pwrite(fd, (&raw const edit.byte).cast(), 1, edit.at as libc::off_t) };
        if put != 1 {
            return Err(failed());
        }
    }
    Ok(clock() - start)
}

#[inline(never)]
fn vectored_writes(fd: libc::c_int, edits: &[Edit]) -> io::Result<u64> {
    let start = clock();
    for edit in edits {
        let part = libc::iovec { iov_base: (&raw const edit.byte).cast_mut().cast(), iov_len: 1 };
        // SAFETY: the kernel reads one byte, which outlives the call, as the part that names it does.
        let put = unsafe { libc::pwritev2(fd, &raw const part, 1, edit.at as libc::off_t, 0) };
        if put != 1 {
            return Err(failed());
        }
    }
    Ok(clock() - start)
}

#[inline(never)]
fn stores(base: *mut u8, edits: &[Edit]) -> u64 {
    let start = clock();
    for edit in edits {
        // SAFETY: the edits lie within the file, which is mapped at base in full, to be written.
        unsafe { base.add(edit.at as usize).write_volatile(edit.byte) };
    }
    clock() - start
}

#[inline(never)]
fn stores_and_msyncs(base: *mut u8, edits: &[Edit]) -> io::Result<u64> {
    let within = page_size() as u64 - 1;
    let start = clock();
    for edit in edits {
        let page = (edit.at & !within) as usize;
        // SAFETY: the edits lie within the file, which is mapped at base in full, to be written; msync changes no memory.
        let code = unsafe {
            base.add(edit.at as usize).write_volatile(edit.byte);
            libc::msync(base.add(page).cast(), edit.at as usize + 1 - page, libc::MS_ASYNC)
        };
        if code != 0 {
            return Err(failed());
        }
    }
    Ok(clock() - start)
}
