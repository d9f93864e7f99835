//! A file's pages, brought within reach and used: by `pread` into a buffer, and through `mmap`.

use std::cell::UnsafeCell;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::libc;
use pagewise::areas::dataset::Dataset;
use pagewise::areas::draw::{self, Pattern};
use pagewise::areas::prepare::map_by_reading;
use pagewise::areas::{Spec, content};
use pagewise::engine::method::{Account, Draw, Trouble};
use pagewise::os::buffer::Buffer;
use pagewise::os::file::Open;
use pagewise::os::map::{FileMap, Kind, Populate};
use pagewise::os::page_size;

use super::{Found, Loop, boxed, clock, failed, param};

/// How the pages are reached.
#[derive(Clone, Copy)]
enum Way {
    /// `pread` of so many bytes.
    Read(usize),
    /// The whole file by `std::fs::read`.
    Whole,
    /// `mmap` with these flags beside `MAP_SHARED`, and this advice.
    Map(libc::c_int, Option<libc::c_int>),
}

/// Opens the loop of `method`.
pub fn open(spec: &Spec, method: &str, site: &Path) -> Found {
    let way = match method {
        "pread" => Way::Read(page_size().max(4 << 10)),
        "pread 256K" => Way::Read(256 << 10),
        "std::fs::read" => Way::Whole,
        "mmap" => Way::Map(0, None),
        "mmap+MADV_RANDOM" => Way::Map(0, Some(libc::MADV_RANDOM)),
        "mmap+MADV_SEQUENTIAL" => Way::Map(0, Some(libc::MADV_SEQUENTIAL)),
        "mmap+MAP_POPULATE" => Way::Map(libc::MAP_POPULATE, None),
        _ => return Ok(None),
    };
    Ok(match param(spec, "use") {
        "touch" => boxed(Pages::<Touch>::open(spec, site, way)?),
        "sum" => boxed(Pages::<Sum>::open(spec, site, way)?),
        // What was read is a copy already.
        "copy" if matches!(way, Way::Map(..)) => boxed(Pages::<Copied>::open(spec, site, way)?),
        "copy" => boxed(Pages::<Touch>::open(spec, site, way)?),
        _ => None,
    })
}

/// What is done with a page's bytes.
trait Use: 'static {
    /// Uses the page of `bytes` at `page`.
    ///
    /// # Safety
    /// They are mapped and readable, and aligned as pages are.
    unsafe fn one(page: *const u8, bytes: usize) -> u64;

    /// What that gives for a page of our content.
    fn expected(page: u64) -> u64;
}

struct Touch;
struct Sum;
struct Copied;

/// Where copies go: as large as any machine's page.
#[repr(align(4096))]
struct Room(UnsafeCell<[u8; 64 << 10]>);

// SAFETY: a worker has one thread.
unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new([0; 64 << 10]));

impl Use for Copied {
    #[inline(always)]
    unsafe fn one(page: *const u8, bytes: usize) -> u64 {
        let to = ROOM.0.get().cast::<u8>();
        // SAFETY: the page is readable, as the caller promises; the room is larger, and no one else's.
        unsafe { std::ptr::copy_nonoverlapping(page, to, bytes) };
        // SAFETY: within the room.
        u64::from(unsafe { to.read_volatile() })
    }
    fn expected(page: u64) -> u64 {
        Touch::expected(page)
    }
}

impl Use for Touch {
    #[inline(always)]
    unsafe fn one(page: *const u8, _: usize) -> u64 {
        // SAFETY: readable, as the caller promises.
        u64::from(unsafe { page.read_volatile() })
    }
    fn expected(page: u64) -> u64 {
        content::touched(page * page_size() as u64)
    }
}

impl Use for Sum {
    #[inline(always)]
    unsafe fn one(page: *const u8, bytes: usize) -> u64 {
        // As the suite adds them, eight sums side by side: the use of the bytes is the operation's, not the harness's, and the order in which
        // its loads are issued is worth 5 % either way where memory is the bound.
        let mut sums = [0_u64; 8];
        let mut at = page.cast::<[u64; 8]>();
        // SAFETY: the end of the page that the caller promises.
        let end = unsafe { page.add(bytes) }.cast::<[u64; 8]>();
        while at != end {
            // SAFETY: 64 bytes of that page.
            let line = unsafe { at.read_unaligned() };
            for lane in 0..8 {
                sums[lane] = sums[lane].wrapping_add(line[lane]);
            }
            // SAFETY: at most its end.
            at = unsafe { at.add(1) };
        }
        sums.into_iter().fold(0, u64::wrapping_add)
    }
    fn expected(page: u64) -> u64 {
        content::summed(page * page_size() as u64, page_size() as u64)
    }
}

struct Pages<U> {
    data: Dataset,
    way: Way,
    pattern: Pattern,
    mapped: bool,
    pages: Vec<u32>,
    buffer: Buffer,
    file: Option<File>,
    map: Option<FileMap>,
    sum: u64,
    expected: u64,
    used: PhantomData<U>,
}

impl<U: Use> Pages<U> {
    fn open(spec: &Spec, site: &Path, way: Way) -> Result<Self, Trouble> {
        let block = if let Way::Read(block) = way { block } else { page_size() };
        Ok(Self {
            data: Dataset::open(&spec.files[0], site)?,
            way,
            pattern: if param(spec, "pattern") == "random" { Pattern::Random } else { Pattern::Sequential },
            mapped: param(spec, "state") == "mapped",
            pages: Vec::new(),
            buffer: Buffer::new(block)?,
            file: None,
            map: None,
            sum: 0,
            expected: 0,
            used: PhantomData,
        })
    }
}

impl<U: Use> Loop for Pages<U> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        // A mapping lives on from batch to batch, as the method's does: its page tables are no younger.
        let kept = self.map.take().zip(self.file.take());
        self.sum = 0;
        draw::records(self.pattern, self.data.pages, draw.ops, draw.seed, &mut self.pages);
        self.expected = self.pages.iter().fold(0, |sum, page| sum.wrapping_add(U::expected(u64::from(*page))));
        self.data.make_warm()?;
        if !self.mapped || !matches!(self.way, Way::Map(..)) {
            self.file = Some(self.data.reopen(Open::Read)?);
            return Ok(());
        }
        let (map, file) = match kept {
            Some(kept) => kept,
            None => {
                let file = self.data.reopen(Open::Read)?;
                let bytes = self.data.bytes() as usize;
                (FileMap::new(&file, bytes, Kind::SharedRead, Populate::OnTouch)?, file)
            }
        };
        map_by_reading(&map)?;
        (self.map, self.file) = (Some(map), Some(file));
        Ok(())
    }

    fn timed(&mut self) -> io::Result<u64> {
        let fd = self.file.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        let (pages, bytes) = (self.pages.as_slice(), self.data.bytes());
        let (ns, sum) = match (self.way, &self.map) {
            (Way::Map(..), Some(map)) => mapped::<U>(map.address() as *const u8, pages),
            (Way::Whole, _) => whole::<U>(&self.data.path, pages)?,
            (Way::Map(flags, advice), None) => warm::<U>(fd, bytes as usize, flags, advice, pages)?,
            (Way::Read(block), _) if block > page_size() && matches!(self.pattern, Pattern::Sequential) => {
                in_order::<U>(fd, &mut self.buffer, pages)?
            }
            (Way::Read(block), _) if block > page_size() => around::<U>(fd, &mut self.buffer, pages, bytes)?,
            (Way::Read(_), _) => by_page::<U>(fd, &mut self.buffer, pages)?,
        };
        self.sum = sum;
        Ok(ns)
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let unmapped = matches!(self.way, Way::Map(..)) && self.map.is_none();
        let populated = matches!(self.way, Way::Map(libc::MAP_POPULATE, _));
        if self.sum != self.expected {
            let detail = format!("{:#x} summed, {:#x} expected", self.sum, self.expected);
            return Err(Trouble::unproven("the bytes read are not the file's", detail));
        }
        let used = self.pages.len() as u64;
        let most = if populated { self.data.pages } else { used };
        let minor_faults = match self.way {
            Way::Whole => 0..=2 * self.data.pages + 8,
            _ if unmapped => 1..=most,
            _ => 0..=0,
        };
        Ok(Account { minor_faults, ..Account::quiet(used, used, 2) })
    }
}

/// Pages that are in the page tables.
#[inline(never)]
fn mapped<U: Use>(base: *const u8, pages: &[u32]) -> (u64, u64) {
    let shift = page_size().trailing_zeros();
    let mut sum = 0_u64;
    let start = clock();
    for page in pages {
        // SAFETY: the pages were drawn from the file that is mapped at base in full.
        sum = sum.wrapping_add(unsafe { U::one(base.add((*page as usize) << shift), 1 << shift) });
    }
    (clock() - start, sum)
}

/// Pages that are in the page cache: mapped and unmapped within the clock.
#[inline(never)]
fn warm<U: Use>(
    fd: libc::c_int,
    bytes: usize,
    flags: libc::c_int,
    advice: Option<libc::c_int>,
    pages: &[u32],
) -> io::Result<(u64, u64)> {
    let shift = page_size().trailing_zeros();
    let mut sum = 0_u64;
    let start = clock();
    // SAFETY: a mapping at an address of the kernel's choice touches no memory of ours.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ, libc::MAP_SHARED | flags, fd, 0) };
    if base == libc::MAP_FAILED {
        return Err(failed());
    }
    if let Some(advice) = advice {
        // SAFETY: advice on the mapping just made; none of those given changes what it holds.
        if unsafe { libc::madvise(base, bytes, advice) } != 0 {
            return Err(failed());
        }
    }
    for page in pages {
        // SAFETY: the pages were drawn from the file that is mapped at base in full.
        sum = sum.wrapping_add(unsafe { U::one(base.cast::<u8>().add((*page as usize) << shift), 1 << shift) });
    }
    // SAFETY: the mapping was made above, and nothing refers to it any more.
    unsafe { libc::munmap(base, bytes) };
    Ok((clock() - start, sum))
}

/// The whole file in memory of its own.
#[inline(never)]
fn whole<U: Use>(path: &Path, pages: &[u32]) -> io::Result<(u64, u64)> {
    let shift = page_size().trailing_zeros();
    let mut sum = 0_u64;
    let start = clock();
    let bytes = std::fs::read(path)?;
    for page in pages {
        // SAFETY: the pages were drawn from the file that was read in full.
        sum = sum.wrapping_add(unsafe { U::one(bytes.as_ptr().add((*page as usize) << shift), 1 << shift) });
    }
    drop(bytes);
    Ok((clock() - start, sum))
}

/// A page a call.
#[inline(never)]
fn by_page<U: Use>(fd: libc::c_int, buffer: &mut Buffer, pages: &[u32]) -> io::Result<(u64, u64)> {
    let shift = page_size().trailing_zeros();
    let into = buffer.bytes_mut().as_mut_ptr();
    let mut sum = 0_u64;
    let start = clock();
    for page in pages {
        // SAFETY: the buffer holds a page, and is ours alone.
        let got = unsafe { libc::pread(fd, into.cast(), 1 << shift, i64::from(*page) << shift) };
        if got != 1 << shift {
            return Err(failed());
        }
        // SAFETY: as above.
        sum = sum.wrapping_add(unsafe { U::one(into, 1 << shift) });
    }
    Ok((clock() - start, sum))
}

/// Pages one after the other, a full buffer a call.
#[inline(never)]
fn in_order<U: Use>(fd: libc::c_int, buffer: &mut Buffer, pages: &[u32]) -> io::Result<(u64, u64)> {
    let shift = page_size().trailing_zeros();
    let (into, block) = (buffer.bytes_mut().as_mut_ptr(), buffer.bytes().len());
    let mut at = pages.first().map_or(0, |page| (*page as usize) << shift);
    let end = at + (pages.len() << shift);
    let mut sum = 0_u64;
    let start = clock();
    while at < end {
        let wanted = block.min(end - at);
        // SAFETY: the buffer holds a block, and is ours alone.
        let got = unsafe { libc::pread(fd, into.cast(), wanted, at as libc::off_t) };
        if got != wanted as isize {
            return Err(failed());
        }
        for page in 0..wanted >> shift {
            // SAFETY: within the block just read.
            sum = sum.wrapping_add(unsafe { U::one(into.add(page << shift), 1 << shift) });
        }
        at += wanted;
    }
    Ok((clock() - start, sum))
}

/// The block around a page a call.
#[inline(never)]
fn around<U: Use>(fd: libc::c_int, buffer: &mut Buffer, pages: &[u32], end: u64) -> io::Result<(u64, u64)> {
    let shift = page_size().trailing_zeros();
    let (into, block) = (buffer.bytes_mut().as_mut_ptr(), buffer.bytes().len());
    let mut sum = 0_u64;
    let start = clock();
    for page in pages {
        let at = (*page as usize) << shift;
        let first = at & !(block - 1);
        let wanted = block.min(end as usize - first);
        // SAFETY: the buffer holds a block, and is ours alone.
        let got = unsafe { libc::pread(fd, into.cast(), wanted, first as libc::off_t) };
        if got != wanted as isize {
            return Err(failed());
        }
        // SAFETY: the page lies within the block around it.
        sum = sum.wrapping_add(unsafe { U::one(into.add(at - first), 1 << shift) });
    }
    Ok((clock() - start, sum))
}
