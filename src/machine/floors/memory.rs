//! The floors of memory: taking a page, copying one, reading one.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{OTHERS, Probe, timed};
use crate::os::access::Span;
use crate::os::buffer::Buffer;
use crate::os::{SysResult, page_size, probe};

/// Bytes copied or read an operation: a page of x86-64, whatever the page here is.
const BYTES: usize = 4096;

/// A block that is copied at once; memory is a multiple of it, or as large.
const BLOCK: usize = 256 << 10;

/// Pages faulted in a batch.
const FAULTS: usize = 1024;

/// The first store to an anonymous page: the kernel finds a page, clears it and maps it. Mapping and unmapping are outside the clock.
pub(super) struct MinorFault;

impl Probe for MinorFault {
    fn name(&self) -> &'static str {
        "minor fault"
    }

    fn batch(&mut self) -> Option<f64> {
        let page = page_size();
        let mut buffer = Buffer::fresh(FAULTS * page).ok()?.small_pages();
        let bytes = buffer.bytes_mut();
        let before = probe::thread_minor_faults();
        let ns = timed(FAULTS, || {
            for at in (0..FAULTS * page).step_by(page) {
                *black_box(&mut bytes[at]) = 1;
            }
        });
        // Fewer: the kernel gave several pages a fault, and this is not the price of one.
        let faults = probe::thread_minor_faults().saturating_sub(before);
        (FAULTS as u64..=FAULTS as u64 + OTHERS).contains(&faults).then_some(ns)
    }
}

/// Memory to copy and read in, all there, in huge pages where they can be had: what the kernel copies from is mapped so (arch/x86/mm/init_64.c), and a
/// floor with more misses of the processor's translations than a `read` has would be none.
pub(super) struct Pages {
    buffer: Buffer,
    len: usize,
}

impl Pages {
    /// Maps `len` bytes (a multiple of 8 KiB) and fills them.
    pub(super) fn new(len: usize) -> SysResult<Self> {
        Ok(Self { buffer: Buffer::huge(len)?, len })
    }

    /// Their first and second half, to copy between.
    fn halves(&mut self) -> (Span, &mut [u8]) {
        let half = self.len / 2;
        let from = self.buffer.span().part(0, half);
        (from, &mut self.buffer.bytes_mut()[half..])
    }
}

/// Copying 4 KiB, over the whole of one half to the other: what a `read` adds to a mapping's access, at the least.
pub(super) struct PageCopy(pub(super) Rc<RefCell<Pages>>);

impl Probe for PageCopy {
    fn name(&self) -> &'static str {
        "page copy"
    }

    fn batch(&mut self) -> Option<f64> {
        let mut pages = self.0.borrow_mut();
        let (from, to) = pages.halves();
        let half = to.len();
        Some(timed(half / BYTES, || {
            for at in (0..half).step_by(BYTES) {
                let page = black_box(&mut to[at..at + BYTES]);
                from.part(at, BYTES).copy_to(page);
            }
        }))
    }
}

/// Copying 4 KiB as a part of a block, over all of the memory, into a block that is used again and again: what a `read` into a reused buffer cannot go
/// below. As a part of a block, since copies of one page are not the quickest on every processor (memcpy(3) chooses its instructions by length).
pub(super) struct PageCopyOut {
    pages: Rc<RefCell<Pages>>,
    to: Buffer,
}

impl PageCopyOut {
    pub(super) fn new(pages: Rc<RefCell<Pages>>) -> SysResult<Self> {
        Ok(Self { pages, to: Buffer::huge(BLOCK)? })
    }
}

impl Probe for PageCopyOut {
    fn name(&self) -> &'static str {
        "page copy out"
    }

    fn batch(&mut self) -> Option<f64> {
        let pages = self.pages.borrow();
        let all = pages.buffer.span();
        let block = BLOCK.min(all.len());
        Some(timed(all.len() / BYTES, || {
            for at in (0..all.len()).step_by(block) {
                all.part(at, block).copy_to(black_box(&mut self.to.bytes_mut()[..block]));
            }
        }))
    }
}

/// Summing the words of 4 KiB, over all of the memory: what using a page's bytes costs once they can be reached.
pub(super) struct PageRead(pub(super) Rc<RefCell<Pages>>);

impl Probe for PageRead {
    fn name(&self) -> &'static str {
        "page read"
    }

    fn batch(&mut self) -> Option<f64> {
        let pages = self.0.borrow();
        let all = pages.buffer.span();
        Some(timed(all.len() / BYTES, || {
            for at in (0..all.len()).step_by(BYTES) {
                black_box(all.part(at, BYTES).sum());
            }
        }))
    }
}

/// Touching a byte of one page after another, over all of the memory: what reaching a page costs whose place is known, and no fault. In random order
/// nothing has it in a cache near by.
pub(super) struct PageTouch {
    name: &'static str,
    pages: Rc<RefCell<Pages>>,
    order: Vec<u32>,
}

impl PageTouch {
    pub(super) fn in_order(pages: Rc<RefCell<Pages>>) -> Self {
        let count = pages.borrow().len / page_size();
        Self { name: "page touch", pages, order: (0..count as u32).collect() }
    }

    pub(super) fn at_random(pages: Rc<RefCell<Pages>>) -> Self {
        let mut touch = Self { name: "random touch", ..Self::in_order(pages) };
        touch.order.shuffle(&mut ChaCha8Rng::seed_from_u64(super::ORDER));
        touch
    }
}

impl Probe for PageTouch {
    fn name(&self) -> &'static str {
        self.name
    }

    fn batch(&mut self) -> Option<f64> {
        let pages = self.pages.borrow();
        let all = pages.buffer.span().pages();
        Some(timed(self.order.len(), || {
            let touched = all.each(&self.order).fold(0_u64, |sum, page| sum.wrapping_add(page.touch()));
            black_box(touched);
        }))
    }
}
