//! What a private, editable copy of a file costs: copied page by page on write, or read into memory.
//!
//! One operation makes the copy, changes one byte in each of a part of its pages, and discards it. The file is warm and never changes.

use std::path::Path;

use crate::engine::method::{Account, Draw, Method, Opened, Trouble};
use crate::engine::protocol::Size;
use crate::os::buffer::Buffer;
use crate::os::file;
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::{SysError, SysResult, page_size};

use super::area::{AreaOf, Entry, MARGIN, Options, Question};
use super::content;
use super::dataset::{Dataset, History, Recipe};
use super::draw::{self, Pattern};

/// The area.
pub static AREA: AreaOf<Point> = AreaOf {
    name: "private_cow",
    about: "a private editable copy of a file: copy-on-write through MAP_PRIVATE, against reading it into a buffer",
    takes_file: false,
    points,
    sweeps: &[],
    points_of_commit: |_| Vec::new(),
    points_of_reading: |_, _| Vec::new(),
    ask,
    methods: METHODS,
};

/// A scenario's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    mib: u64,
    percent: u64,
}

fn points(options: &Options) -> Vec<Point> {
    if options.quick {
        return vec![Point { mib: 16, percent: 10 }];
    }
    [1, 10, 100].map(|percent| Point { mib: 64, percent }).to_vec()
}

impl Point {
    fn recipe(&self) -> Recipe {
        Recipe::new("copy", self.mib << 20, History::Write1M)
    }

    fn modified(&self) -> u64 {
        ((self.mib << 20) / page_size() as u64 * self.percent / 100).max(1)
    }
}

fn ask(point: &Point) -> Question {
    Question {
        words: Vec::new(),
        text: format!(
            "A private editable copy of a warm {} MiB file, one byte changed in {} % of its pages, then discarded.",
            point.mib, point.percent
        ),
        operation: "one whole copy, edited and discarded".to_owned(),
        params: vec![("modified", format!("{}%", point.percent)), ("size", format!("{}MiB", point.mib))],
        state: Some("warm"),
        history: Some(History::Write1M.name()),
        guarantee: None,
        baseline: "read(reused)",
        size: Size::Fixed(1),
        margin: MARGIN,
        floor: Some(("page copy", point.modified() as f64)),
        bytes_per_op: Some(point.mib << 20),
        files: vec![point.recipe()],
        weight: 1.0,
    }
}

const METHODS: &[Entry<Point>] = &[
    Entry {
        name: "read(reused)",
        about: "the whole file read into a buffer that is kept from copy to copy",
        fits: |_| true,
        open: |point, site| Copying::<Reused>::open(point, site),
    },
    Entry {
        name: "read(fresh)",
        about: "the whole file read into memory mapped for it and unmapped after",
        fits: |_| true,
        open: |point, site| Copying::<Fresh>::open(point, site),
    },
    Entry {
        name: "MAP_PRIVATE+store",
        about: "a private mapping; each first store to a page copies it",
        fits: |_| true,
        open: |point, site| Copying::<OnWrite>::open(point, site),
    },
    Entry {
        name: "MAP_PRIVATE|MAP_POPULATE+store",
        about: "a private mapping whose every page is copied at once, within mmap",
        fits: |_| true,
        open: |point, site| Copying::<AtOnce>::open(point, site),
    },
];

/// A way to have a private copy.
trait CopyMaker: Sized {
    /// The copy, while it lives.
    type Copy<'a>: Private
    where
        Self: 'a;

    fn new(data: &Dataset) -> SysResult<Self>;

    fn make(&mut self, data: &Dataset) -> SysResult<Self::Copy<'_>>;

    /// Spoils what of an earlier copy is still in memory at `offset`, so that a copy that was not made shows.
    fn spoil(&mut self, _offset: usize) {}

    /// Minor faults of one copy: pages of the file, pages modified.
    fn faults(pages: u64, modified: u64) -> std::ops::RangeInclusive<u64>;
}

/// A copy that can be changed.
trait Private {
    fn store(&mut self, offset: usize, byte: u8);
    fn byte(&self, offset: usize) -> u8;
    fn sum(&self) -> u64;
}

impl Private for FileMap {
    #[inline(always)]
    fn store(&mut self, offset: usize, byte: u8) {
        FileMap::store(self, offset, byte);
    }
    fn byte(&self, offset: usize) -> u8 {
        self.load(offset)
    }
    fn sum(&self) -> u64 {
        self.span().sum()
    }
}

impl Private for Buffer {
    #[inline(always)]
    fn store(&mut self, offset: usize, byte: u8) {
        Buffer::store(self, offset, byte);
    }
    fn byte(&self, offset: usize) -> u8 {
        self.bytes()[offset]
    }
    fn sum(&self) -> u64 {
        self.span().sum()
    }
}

impl<P: Private> Private for &mut P {
    #[inline(always)]
    fn store(&mut self, offset: usize, byte: u8) {
        P::store(self, offset, byte);
    }
    fn byte(&self, offset: usize) -> u8 {
        P::byte(self, offset)
    }
    fn sum(&self) -> u64 {
        P::sum(self)
    }
}

struct Reused(Buffer);
struct Fresh;
struct OnWrite;
struct AtOnce;

impl CopyMaker for Reused {
    type Copy<'a> = &'a mut Buffer;

    fn new(data: &Dataset) -> SysResult<Self> {
        Buffer::new(data.bytes() as usize).map(Self)
    }

    #[inline(always)]
    fn make(&mut self, data: &Dataset) -> SysResult<&mut Buffer> {
        file::read_at(&data.file, self.0.bytes_mut(), 0)?;
        Ok(&mut self.0)
    }

    fn spoil(&mut self, offset: usize) {
        let wrong = !self.0.bytes()[offset];
        self.0.store(offset, wrong);
    }

    fn faults(_: u64, _: u64) -> std::ops::RangeInclusive<u64> {
        0..=0
    }
}

impl CopyMaker for Fresh {
    type Copy<'a> = Buffer;

    fn new(_: &Dataset) -> SysResult<Self> {
        Ok(Self)
    }

    #[inline(always)]
    fn make(&mut self, data: &Dataset) -> SysResult<Buffer> {
        let mut buffer = Buffer::fresh(data.bytes() as usize)?;
        file::read_at(&data.file, buffer.bytes_mut(), 0)?;
        Ok(buffer)
    }

    /// One a page; fewer where the machine gives huge pages unasked.
    fn faults(pages: u64, _: u64) -> std::ops::RangeInclusive<u64> {
        1..=with_one_percent(pages)
    }
}

impl CopyMaker for OnWrite {
    type Copy<'a> = FileMap;

    fn new(_: &Dataset) -> SysResult<Self> {
        Ok(Self)
    }

    #[inline(always)]
    fn make(&mut self, data: &Dataset) -> SysResult<FileMap> {
        FileMap::new(&data.file, data.bytes() as usize, Kind::PrivateWrite, Populate::OnTouch)
    }

    /// Exactly the pages modified: a private copy of a file's page is a single page, whatever its folio (mm/memory.c, do_cow_fault).
    fn faults(_: u64, modified: u64) -> std::ops::RangeInclusive<u64> {
        modified..=with_one_percent(modified)
    }
}

impl CopyMaker for AtOnce {
    type Copy<'a> = FileMap;

    fn new(_: &Dataset) -> SysResult<Self> {
        Ok(Self)
    }

    #[inline(always)]
    fn make(&mut self, data: &Dataset) -> SysResult<FileMap> {
        FileMap::new(&data.file, data.bytes() as usize, Kind::PrivateWrite, Populate::AtOnce)
    }

    /// Every page: a writable private mapping is populated as if written to (mm/gup.c, populate_vma_page_range).
    fn faults(pages: u64, _: u64) -> std::ops::RangeInclusive<u64> {
        pages..=with_one_percent(pages)
    }
}

fn with_one_percent(pages: u64) -> u64 {
    pages + pages.div_ceil(100)
}

/// Where in its page an edit lies.
const WITHIN: usize = 64;

/// Of the pages drawn, those that are looked at.
#[inline(always)]
fn looked_at(pages: &[u32]) -> impl Iterator<Item = u32> {
    pages.iter().step_by(pages.len().div_ceil(LOOKED_AT).max(1)).copied()
}

/// Pages of each copy of which a byte that was not edited is looked at, inside the clock and the same for every method: so few that they
/// cost nothing beside the copy, and among those that were edited, so that they take no fault of their own.
const LOOKED_AT: usize = 4;

/// Copy, edit, discard.
struct Copying<C> {
    data: Dataset,
    maker: C,
    modified: u64,
    pages: Vec<u32>,
    byte: u8,
    copies: u64,
    /// Of the bytes looked at.
    sum: u64,
}

impl<C: CopyMaker + 'static> Copying<C> {
    fn open(point: &Point, site: &Path) -> Opened {
        let data = Dataset::open(&point.recipe(), site)?;
        let maker = C::new(&data)?;
        Ok(Box::new(Self { data, maker, modified: point.modified(), pages: Vec::new(), byte: 0, copies: 0, sum: 0 }))
    }
}

impl<C: CopyMaker> Method for Copying<C> {
    fn prepare(&mut self, draw: Draw) -> Result<(), Trouble> {
        self.data.make_warm()?;
        draw::records(Pattern::Random, self.data.pages, self.modified, draw.seed, &mut self.pages);
        // In the order of the file, as an editor or a loader goes through it.
        self.pages.sort_unstable();
        self.byte = draw.seed as u8;
        (self.copies, self.sum) = (0, 0);
        for page in looked_at(&self.pages) {
            self.maker.spoil(page as usize * page_size());
        }
        Ok(())
    }

    #[inline(always)]
    fn run(&mut self, ops: u64) -> Result<(), SysError> {
        let page_bytes = page_size();
        let mut sum = self.sum;
        for _ in 0..ops {
            let mut copy = self.maker.make(&self.data)?;
            for page in &self.pages {
                copy.store(*page as usize * page_bytes + WITHIN, self.byte);
            }
            for page in looked_at(&self.pages) {
                sum += u64::from(copy.byte(page as usize * page_bytes));
            }
        }
        self.sum = sum;
        self.copies += ops;
        Ok(())
    }

    fn settle(&mut self) -> Result<Account, Trouble> {
        let faults = C::faults(self.data.pages, self.modified);
        let checks = 2 + self.data.prove_clean()?;
        let firsts = looked_at(&self.pages).map(|page| content::touched(u64::from(page) * page_size() as u64));
        let expected = self.copies * firsts.sum::<u64>();
        if self.sum != expected {
            let detail = format!("bytes of it sum to {}, the file's to {expected}", self.sum);
            return Err(Trouble::unproven("the copy is not the file's", detail));
        }
        Ok(Account {
            minor_faults: faults.start() * self.copies..=faults.end() * self.copies,
            ..Account::quiet(self.copies, self.modified * self.copies, checks)
        })
    }

    /// One more copy, looked at: it holds the file's bytes with the edits, and the file holds its own.
    fn verify(&mut self) -> Result<u64, Trouble> {
        let mut copy = self.maker.make(&self.data)?;
        let original = content::summed(0, self.data.bytes());
        let mut expected = original;
        for page in &self.pages {
            let at = *page as usize * page_size() + WITHIN;
            let shift = 8 * (if cfg!(target_endian = "little") { WITHIN % 8 } else { 7 - WITHIN % 8 });
            let before = u64::from(copy.byte(at)) << shift;
            expected = expected.wrapping_sub(before).wrapping_add(u64::from(self.byte) << shift);
            copy.store(at, self.byte);
        }
        let sum = copy.sum();
        drop(copy);
        if sum != expected {
            return Err(Trouble::Failed(format!(
                "the copy sums to {sum:#x}, not to {expected:#x}: it is not the file with its edits"
            )));
        }
        let mut chunk = Buffer::new(1 << 20)?;
        let mut file_sum = 0_u64;
        for at in (0..self.data.bytes()).step_by(1 << 20) {
            file::read_at(&self.data.file, chunk.bytes_mut(), at)?;
            file_sum = file_sum.wrapping_add(chunk.span().sum());
        }
        if file_sum != original {
            return Err(Trouble::Failed("the file changed under its private copies".to_owned()));
        }
        Ok(2)
    }
}
