//! Which files a trace reads, how much of each, and which of them is meant.

use std::collections::BTreeMap;

use super::{Access, MOST, Trace};

/// Longer ones are not replayed: each method keeps a buffer of its own that has room for the longest.
const LONGEST: u64 = 256 << 20;
/// Places beyond this are taken for a mistake in the trace: most filesystems have no file as large.
const FARTHEST: u64 = 1 << 44;

/// A file's bytes at places, or a stream of them: a pipe, a socket, a terminal, what the kernel makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Stream,
    File,
}

/// What a trace's lines amount to.
#[derive(Debug, Default)]
pub(super) struct Files {
    all: Vec<Reads>,
    by_name: BTreeMap<String, usize>,
    pub(super) writes: u64,
    /// Lines that tell of neither a read nor a write.
    pub(super) lines: u64,
}

/// The reads of a file.
#[derive(Debug)]
struct Reads {
    name: Option<String>,
    kind: Kind,
    first: Vec<Access>,
    count: u64,
    bytes: u128,
    /// What is wrong with one of them.
    wrong: Option<String>,
}

impl Files {
    /// The file of this name.
    pub(super) fn named(&mut self, name: &str, kind: Kind) -> usize {
        if let Some(file) = self.by_name.get(name) {
            return *file;
        }
        let file = self.add(Some(name.to_owned()), kind);
        self.by_name.insert(name.to_owned(), file);
        file
    }

    /// The one file of a trace that names none.
    pub(super) fn nameless(&mut self) -> usize {
        if self.all.is_empty() { self.add(None, Kind::File) } else { 0 }
    }

    fn add(&mut self, name: Option<String>, kind: Kind) -> usize {
        self.all.push(Reads { name, kind, first: Vec::new(), count: 0, bytes: 0, wrong: None });
        self.all.len() - 1
    }

    /// The name of a file.
    pub(super) fn name(&self, file: usize) -> Option<&str> {
        self.all[file].name.as_deref()
    }

    /// Notes a read of `len` bytes of `file` at `at`, in this line. One that no file could have matters where the file is the one that is meant.
    pub(super) fn read(&mut self, file: usize, at: i128, len: i128, line: usize) {
        if len == 0 {
            self.lines += 1;
            return;
        }
        let reads = &mut self.all[file];
        reads.count += 1;
        reads.bytes += u128::try_from(len).unwrap_or(0);
        match access(at, len) {
            Ok(access) if reads.first.len() < MOST => reads.first.push(access),
            Ok(_) => {}
            Err(why) => drop(reads.wrong.get_or_insert_with(|| format!("line {line}: {why}"))),
        }
    }

    /// The reads of the file that most bytes are read of.
    ///
    /// # Errors
    /// In a sentence, with the line: one of them is an access that no file could have.
    pub(super) fn most_read(mut self) -> Result<Trace, String> {
        // Of several that are as good, the first.
        let read = self.all.iter().enumerate().filter(|(_, reads)| reads.count > 0).rev();
        let (writes, lines) = (self.writes, self.lines);
        let Some(meant) = read.max_by_key(|(_, reads)| (reads.kind, reads.bytes)).map(|(index, _)| index) else {
            return Ok(Trace { writes, lines, ..Trace::default() });
        };
        let meant = self.all.swap_remove(meant);
        if let Some(wrong) = meant.wrong {
            return Err(wrong);
        }
        let elsewhere = self.all.iter().map(|reads| reads.count).sum();
        let others = self.all.iter().filter(|reads| reads.count > 0).count() as u64;
        Ok(Trace { file: meant.name, reads: meant.first, all: meant.count, elsewhere, others, writes, lines })
    }
}

/// The access, if a file could have it.
fn access(at: i128, len: i128) -> Result<Access, String> {
    let place = u64::try_from(at).ok().filter(|at| *at <= FARTHEST);
    let at = place.ok_or_else(|| format!("offset {at} lies in no file that could be made here"))?;
    let length = u64::try_from(len).ok().filter(|len| *len <= LONGEST);
    let len = length.ok_or_else(|| {
        format!("a length of {len} bytes is none that can be replayed: 1 byte to {} MiB", LONGEST >> 20)
    })?;
    Ok(Access { at, len: len as u32 })
}
