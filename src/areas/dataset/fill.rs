//! Making a file's content, and bringing it into the cache in the way that its history names.

use super::super::content;
use super::super::draw::{self, Pattern};
use super::{Dataset, History};
use crate::engine::method::Trouble;
use crate::os::buffer::Buffer;
use crate::os::file::{self, Open};
use crate::os::map::Advice;
use crate::os::{SysResult, cache, page_size};

impl Dataset {
    /// Writes the content, and brings it into the cache as the history says.
    pub(super) fn fill(&self) -> Result<(), Trouble> {
        self.drop_pages()?;
        match self.history {
            History::Reserved => file::reserve_anew(&self.file, self.bytes())?,
            History::Sparse => file::make_sparse(&self.file, self.bytes())?,
            _ => self.write_content()?,
        }
        file::fsync(&self.file)?;
        self.bring_in()
    }

    fn write_content(&self) -> Result<(), Trouble> {
        let chunk = self.history.write_size();
        let source = self.source.as_deref().map(|path| file::open_unmarked(path, Open::Read)).transpose()?;
        let mut bytes = vec![0; chunk];
        for at in (0..self.bytes()).step_by(chunk) {
            let part = &mut bytes[..chunk.min((self.bytes() - at) as usize)];
            content::write(part, at);
            if let Some(source) = &source {
                file::read_up_to(source, part, at)?;
            }
            file::write_all_at(&self.file, part, at, &self.path)?;
        }
        Ok(())
    }

    fn bring_in(&self) -> Result<(), Trouble> {
        match self.history {
            History::Readahead => {
                self.drop_pages()?;
                self.read_through(128 << 10)?;
            }
            History::Random => {
                self.drop_pages()?;
                self.read_in_random_order()?;
            }
            History::FaultedAtRandom => {
                self.drop_pages()?;
                let map = self.map()?;
                map.advise(Advice::Random)?;
                self.pass(&map);
            }
            History::Reserved | History::Sparse => {
                self.pass(&self.map()?);
            }
            History::Cold => self.drop_pages()?,
            History::Write4K | History::Write64K | History::Write1M | History::Write4M | History::Found => {}
        }
        Ok(())
    }

    pub(super) fn read_through(&self, chunk: usize) -> SysResult<()> {
        let file = self.reopen(Open::Read)?;
        let mut buffer = Buffer::new(chunk)?;
        for at in (0..self.bytes()).step_by(chunk) {
            let size = chunk.min((self.bytes() - at) as usize);
            file::read_at(&file, &mut buffer.bytes_mut()[..size], at)?;
        }
        Ok(())
    }

    fn read_in_random_order(&self) -> SysResult<()> {
        let file = self.reopen(Open::Read)?;
        cache::advise_file(&file, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
        let mut buffer = Buffer::new(page_size())?;
        let mut order = Vec::new();
        draw::records(Pattern::Random, self.pages, self.pages, 0, &mut order);
        for page in order {
            file::read_at(&file, buffer.bytes_mut(), u64::from(page) * page_size() as u64)?;
        }
        Ok(())
    }
}
