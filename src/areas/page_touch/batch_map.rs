//! A batch's mapping: made at its begin and unmapped at its end, inside of the clock; kept where the state says that its pages are mapped already.

use std::fs::File;

use crate::engine::method::Trouble;
use crate::os::SysError;
use crate::os::file::Open;
use crate::os::map::{FileMap, is_mapped};

use super::super::dataset::Dataset;
use super::super::prepare::{map_by_reading, not_prepared};
use super::mapping::Hint;
use super::point::State;

/// One mapping of the whole file, and the descriptor that it is made of.
pub(super) struct BatchMap {
    hint: Hint,
    state: State,
    bytes: usize,
    file: Option<File>,
    map: Option<FileMap>,
    /// Where the batch's mapping lay: nothing may lie there once it is unmapped.
    address: usize,
}

impl BatchMap {
    /// None yet, of `data`.
    pub(super) fn new(hint: Hint, state: State, data: &Dataset) -> Self {
        Self { hint, state, bytes: data.bytes() as usize, file: None, map: None, address: 0 }
    }

    /// What it was told.
    pub(super) fn hint(&self) -> Hint {
        self.hint
    }

    /// Lets go of what a batch before left, so that the file can be brought to its state: pages that are mapped cannot be evicted.
    pub(super) fn let_go(&mut self) {
        self.file = None;
        self.map = self.map.take().filter(|_| self.state == State::Mapped);
    }

    /// Opens the file; where its pages are to be mapped, maps it, once, and reads all of them in.
    ///
    /// # Errors
    /// What open(2) and mmap(2) answer; [`Trouble::Unproven`] where pages do not stay mapped.
    pub(super) fn prepare(&mut self, data: &Dataset) -> Result<(), Trouble> {
        self.file = Some(data.reopen(Open::Read)?);
        if self.state == State::Mapped {
            if self.map.is_none() {
                self.make()?;
            }
            map_by_reading(self.get()?)?;
        }
        Ok(())
    }

    /// Makes it, and tells the kernel what it is told.
    #[inline(always)]
    fn make(&mut self) -> Result<(), SysError> {
        let map = self.hint.map(self.file()?, self.bytes)?;
        self.address = map.address();
        self.map = Some(map);
        Ok(())
    }

    /// Inside of the clock, at the begin.
    #[inline(always)]
    pub(super) fn enter(&mut self) -> Result<(), SysError> {
        if self.state == State::Mapped { Ok(()) } else { self.make() }
    }

    /// Inside of the clock: unmaps it, and makes it anew.
    #[inline(always)]
    pub(super) fn again(&mut self) -> Result<(), SysError> {
        self.map = None;
        self.make()
    }

    /// Inside of the clock, at the end.
    #[inline(always)]
    pub(super) fn leave(&mut self) {
        if self.state != State::Mapped {
            self.map = None;
        }
    }

    /// The mapping.
    #[inline(always)]
    pub(super) fn get(&self) -> Result<&FileMap, SysError> {
        self.map.as_ref().ok_or_else(not_prepared)
    }

    /// The descriptor.
    #[inline(always)]
    pub(super) fn file(&self) -> Result<&File, SysError> {
        self.file.as_ref().ok_or_else(not_prepared)
    }

    /// Closes the file, and proves that nothing is left of a mapping that the batch unmapped.
    ///
    /// # Errors
    /// [`Trouble::Unproven`] where something is.
    pub(super) fn settle(&mut self) -> Result<(), Trouble> {
        let Some(file) = self.file.take() else { return Ok(()) };
        if self.state != State::Mapped && is_mapped(&file, self.address) {
            return Err(Trouble::unproven("the mapping is still there", "munmap returned, and unmapped nothing"));
        }
        Ok(())
    }
}
