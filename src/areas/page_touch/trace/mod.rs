//! Which file a user's own accesses read, and where: fio's iolog (versions 2 and 3), strace(1), or CSV.

mod csv;
mod files;
mod iolog;
mod part;
mod strace;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::os::file;
use crate::results::text::printable;
use files::Files;
pub use part::Most;

/// An access that is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(u64, u32)", from = "(u64, u32)")]
pub struct Access {
    /// Where it begins.
    pub at: u64,
    /// How many bytes it reads: one at least.
    pub len: u32,
}

impl Access {
    /// Where it ends.
    pub fn end(self) -> u64 {
        self.at + u64::from(self.len)
    }
}

impl From<(u64, u32)> for Access {
    fn from((at, len): (u64, u32)) -> Self {
        Self { at, len }
    }
}

impl From<Access> for (u64, u32) {
    fn from(access: Access) -> Self {
        (access.at, access.len)
    }
}

/// What a trace holds: the reads of one file, and how much beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The file, as the trace names it; `None` where it names none.
    pub file: Option<String>,
    /// Its first reads, in their order: [`MOST`] at most.
    pub reads: Vec<Access>,
    /// All of its reads.
    pub all: u64,
    /// Reads of other files, which are left out.
    pub elsewhere: u64,
    /// How many other files.
    pub others: u64,
    /// Writes, of whatever file: left out.
    pub writes: u64,
    /// Lines that tell of neither, or of one that failed or moved no byte.
    pub lines: u64,
}

/// No more reads than this are replayed.
pub const MOST: usize = 1 << 14;

/// A larger file is not looked at: it is held in memory as a whole.
const LARGEST: u64 = 256 << 20;

/// Characters of the file's name that are shown.
const LONGEST_NAME: usize = 200;

/// What is understood, for whoever brought something else.
const UNDERSTOOD: &str =
    "fio's iolog (version 2 or 3), what strace prints, or lines of offset,length[,r|w] are understood";

impl Trace {
    /// Reads the trace at `path`. Where it has several files, the one that most bytes are read of is meant; what is no file of bytes at places, such
    /// as a pipe or a socket, is meant only where there is nothing else.
    ///
    /// # Errors
    /// In a sentence, with the line where it is one line's fault: it cannot be read, is no trace, has no reads, or an access that no file could have.
    pub fn load(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let found = std::fs::metadata(path).map_err(|error| format!("{shown}: {error}; name a trace that is there"))?;
        if found.is_dir() {
            return Err(format!("{shown}: a folder; name the trace in it"));
        }
        if !found.is_file() {
            return Err(format!("{shown}: not a regular file; write the trace to one first"));
        }
        if found.len() > LARGEST {
            let most = LARGEST >> 20;
            return Err(format!("{shown}: larger than {most} MiB; cut it: no more than {MOST} reads are replayed"));
        }
        let bytes =
            file::read_all(path, LARGEST).map_err(|error| format!("{shown}: {error}; name one that you may read"))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            format!("{shown}: not text, from byte {} on; {UNDERSTOOD}", error.utf8_error().valid_up_to())
        })?;
        let parsed = Self::parse(&text).map_err(|why| format!("{shown}: {why}"))?;
        let shown_name = |name: String| printable(&name.chars().take(LONGEST_NAME).collect::<String>()).into_owned();
        let trace = Self { file: parsed.file.map(shown_name), ..parsed };
        if trace.reads.is_empty() {
            let Self { writes, lines, .. } = trace;
            return Err(format!(
                "{shown}: there is no read in it (writes: {writes}, other lines: {lines}); {UNDERSTOOD}"
            ));
        }
        Ok(trace)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut files = Files::default();
        if let Some(version) = text.lines().next().and_then(iolog::version) {
            iolog::read(text, version, &mut files)?;
        } else if text.lines().any(strace::is_call) {
            strace::read(text, &mut files);
        } else {
            csv::read(text, &mut files)?;
        }
        files.most_read()
    }
}

/// A whole number.
fn number(word: &str) -> Result<i128, String> {
    word.trim().parse().map_err(|_| format!("{} is no whole number", quoted(word.trim())))
}

/// A part of a trace, as an error shows it: its beginning, on one line, without what a terminal would obey.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let start: String = text.chars().take(SHOWN).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", start.escape_debug())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_file_could_have_is_named_with_its_line() {
        for (text, said) in [
            ("0,10\n-5,10\n", "line 2: offset -5"),
            ("0,10\n0,-5\n", "line 2: a length of -5 bytes"),
            ("0,999999999999\n", "line 1: a length of 999999999999 bytes"),
            ("99999999999999999999,1\n", "line 1: offset 99999999999999999999"),
            ("0;10\n", "line 1: `0;10`"),
            ("0,10\n4096,", "line 2: `` is no whole number"),
            ("0,10\n4096", "line 2: `4096` is not offset"),
            ("fio version 2 iolog\n/f read 12\n", "line 2: it is cut short"),
            ("fio version 3 iolog\n1 /f read 0 5\n2 /f re", "line 3: `re` is no action"),
            ("fio version 9 iolog\n", "line 1: version 9"),
            ("1,2,x\n", "line 1: `1,2,x`"),
            ("\u{1b}[2J\u{0}\u{7}", "line 1: `\\u{1b}[2J\\0\\u{7}`"),
        ] {
            let error = Trace::parse(text).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
        assert_eq!(Trace::parse("").unwrap(), Trace::default());
    }

    #[test]
    fn a_long_trace_is_counted_whole_and_kept_in_part() {
        let text: String = (0..MOST + 9).map(|read| format!("{},8\n", read * 8)).collect();
        let trace = Trace::parse(&text).unwrap();
        assert_eq!((trace.reads.len(), trace.all), (MOST, MOST as u64 + 9));
    }

    #[test]
    fn what_is_no_trace_is_told_by_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let garbage = dir.path().join("garbage");
        std::fs::write(&garbage, [0x7f, b'E', b'L', b'F', 0xff, 0, 1]).unwrap();
        let empty = dir.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        for (path, said) in [
            (dir.path(), "a folder"),
            (&garbage, "not text, from byte 4 on"),
            (&empty, "no read in it"),
            (&dir.path().join("nothing"), "No such file"),
            (Path::new("/dev/zero"), "not a regular file"),
        ] {
            let error = Trace::load(path).unwrap_err();
            assert!(error.starts_with(&format!("{}: ", path.display())) && error.contains(said), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_met_with_a_panic(text in "(?s).{0,200}") {
            let _ = Trace::parse(&text);
            let _ = Trace::parse(&format!("fio version 3 iolog\n{text}"));
            let _ = Trace::parse(&format!("read(3, \"\", 1) = 1\n{text}\n{text}"));
        }

        #[test]
        fn no_call_is_met_with_a_panic(
            call in "(\\[pid  ?[0-9]{0,3}\\] )?(read|pread64|preadv2|lseek|_llseek|dup2|pipe2|clone|openat|close)?",
            rest in "[ (){}<>=\"\\\\,\\[\\]0-9a-z/:.-]{0,40}",
        ) {
            let _ = Trace::parse(&format!("read(3, \"\", 1) = 1\n{call}({rest}) = 7\n{call}({rest} <unfinished ...>\n<... {call} resumed>{rest}) = 5\n"));
        }
    }
}
