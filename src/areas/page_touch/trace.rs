//! A user's own accesses, as recorded: fio's iolog (versions 2 and 3), strace(1), or CSV.

use std::collections::BTreeMap;
use std::path::Path;

/// An access that is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where it begins.
    pub at: u64,
    /// How many bytes it reads.
    pub len: u32,
}

/// What a trace holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Reads, in their order.
    pub reads: Vec<Access>,
    /// Writes, which are not replayed.
    pub writes: u64,
    /// Lines that say nothing of reads or writes, or of some that failed.
    pub others: u64,
}

/// Longer ones are taken for a mistake in the trace.
const LONGEST: u64 = 256 << 20;
/// Places beyond this are.
const FARTHEST: u64 = 1 << 44;
/// More reads than this are not replayed.
pub const MOST: usize = 1 << 20;

impl Trace {
    /// Reads the trace at `path`.
    ///
    /// # Errors
    /// In a sentence with the line: it cannot be read, has no reads, or an access that no file could have.
    pub fn load(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let trace = Self::parse(&text).map_err(|why| format!("{shown}: {why}"))?;
        if trace.reads.is_empty() {
            return Err(format!(
                "{shown}: there is no read in it ({} writes, {} other lines); fio's iolog (version 2 or 3), strace's output or lines of \
                 offset,length[,r|w] are understood",
                trace.writes, trace.others
            ));
        }
        Ok(trace)
    }

    /// Bytes of a file that holds every access.
    pub fn extent(&self) -> u64 {
        self.reads.iter().map(|access| access.at + u64::from(access.len)).max().unwrap_or(0)
    }

    /// The longest read.
    pub fn longest(&self) -> u32 {
        self.reads.iter().map(|access| access.len).max().unwrap_or(0)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut trace = Self::default();
        let mut offsets = BTreeMap::new();
        let version = text.lines().next().and_then(iolog_version);
        let is_strace = text.lines().any(|line| line.contains(") = "));
        for (index, line) in text.lines().enumerate().skip(usize::from(version.is_some())) {
            let told = match version {
                Some(version) => iolog(line, version),
                None if is_strace => strace(line, &mut offsets),
                None => csv(line, index),
            };
            let told = told.map_err(|why| format!("line {}: {why}", index + 1))?;
            match told {
                Told::Read(at, len) => {
                    trace.reads.extend(access(at, len).map_err(|why| format!("line {}: {why}", index + 1))?);
                }
                Told::Write => trace.writes += 1,
                Told::Nothing => trace.others += 1,
            }
            if trace.reads.len() > MOST {
                return Err(format!("more than {MOST} reads: replay a part of them"));
            }
        }
        Ok(trace)
    }
}

/// What a line tells.
enum Told {
    Read(i128, i128),
    Write,
    Nothing,
}

/// The access; `None` for one of no byte.
fn access(at: i128, len: i128) -> Result<Option<Access>, String> {
    let place = u64::try_from(at).ok().filter(|at| *at <= FARTHEST);
    let place = place.ok_or_else(|| format!("offset {at} lies in no file that could be made here"))?;
    let length = u64::try_from(len).ok().filter(|len| *len <= LONGEST);
    let length = length.ok_or_else(|| format!("a length of {len} bytes is none that one read has"))?;
    Ok((length > 0).then_some(Access { at: place, len: length as u32 }))
}

fn number(word: &str) -> Result<i128, String> {
    word.trim().parse().map_err(|_| format!("`{}` is no whole number", word.trim()))
}

/// fio(1), "Trace file format": the first line says which.
fn iolog_version(line: &str) -> Option<u32> {
    line.trim().strip_prefix("fio version ")?.strip_suffix(" iolog")?.parse().ok()
}

/// `[timestamp] filename action [offset length]`.
fn iolog(line: &str, version: u32) -> Result<Told, String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if version >= 3 && !words.is_empty() {
        words.remove(0);
    }
    match words[..] {
        [_, "read", at, len] => Ok(Told::Read(number(at)?, number(len)?)),
        [_, "write", _, _] => Ok(Told::Write),
        [_, "read" | "write", ..] => Err("it is cut short: a read or write has an offset and a length".to_owned()),
        _ => Ok(Told::Nothing),
    }
}

/// `offset,length[,r|w]`; the first line may be a heading.
fn csv(line: &str, index: usize) -> Result<Told, String> {
    let words: Vec<&str> = line.split(',').map(str::trim).collect();
    match words[..] {
        [""] => Ok(Told::Nothing),
        [first, ..] if index == 0 && first.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
            Ok(Told::Nothing)
        }
        [_, _, "w" | "W" | "write"] => Ok(Told::Write),
        [at, len] | [at, len, "r" | "R" | "read"] => Ok(Told::Read(number(at)?, number(len)?)),
        _ => Err(format!("`{}` is not offset,length[,r|w]", line.trim())),
    }
}

/// A call as strace prints it; those that follow the descriptor's place are added up, by descriptor.
fn strace(line: &str, places: &mut BTreeMap<i128, i128>) -> Result<Told, String> {
    let Some((call, rest)) = line.split_once('(') else { return Ok(Told::Nothing) };
    let call = call.rsplit(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).next().unwrap_or(call);
    let known = matches!(
        call,
        "read" | "pread64" | "pread" | "write" | "pwrite64" | "pwrite" | "lseek" | "openat" | "open" | "close"
    );
    let Some((inside, result)) = rest.rsplit_once(") = ").filter(|_| known) else { return Ok(Told::Nothing) };
    let result: i128 = result.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(-1);
    if result < 0 {
        return Ok(Told::Nothing);
    }
    // `3</a/path>` with -y; buffers are printed between quotes and may hold anything.
    let descriptor = |text: &str| text.split(['<', ',']).next().and_then(|word| word.trim().parse::<i128>().ok());
    let last = |inside: &str| inside.rsplit(',').next().and_then(|word| word.trim().parse::<i128>().ok());
    let fd = descriptor(inside).unwrap_or(-1);
    match call {
        "open" | "openat" => drop(places.insert(result, 0)),
        "lseek" => drop(places.insert(fd, result)),
        "close" => drop(places.remove(&fd)),
        "read" | "write" => {
            let place = places.entry(fd).or_insert(0);
            let at = *place;
            *place += result;
            return Ok(if call == "read" { Told::Read(at, result) } else { Told::Write });
        }
        "pread64" | "pread" => {
            let at = last(inside).ok_or_else(|| format!("no offset in `{}`", line.trim()))?;
            return Ok(Told::Read(at, result));
        }
        _ => return Ok(Told::Write),
    }
    Ok(Told::Nothing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reads(text: &str) -> Vec<(u64, u32)> {
        Trace::parse(text).unwrap().reads.iter().map(|access| (access.at, access.len)).collect()
    }

    #[test]
    fn fios_logs_of_both_versions_are_read() {
        let two = "fio version 2 iolog\n/f add\n/f open\n/f read 4096 512\n/f write 0 512\n/f read 0 4096\n/f close\n";
        assert_eq!(reads(two), [(4096, 512), (0, 4096)]);
        let parsed = Trace::parse(two).unwrap();
        assert_eq!((parsed.writes, parsed.others), (1, 3));
        assert_eq!(reads("fio version 3 iolog\n0 /f add\n12 /f read 8192 4096\n"), [(8192, 4096)]);
    }

    #[test]
    fn what_strace_prints_is_followed_by_descriptor() {
        let text = "openat(AT_FDCWD, \"f\", O_RDONLY) = 3\nread(3, \"a, b) = 9\"..., 100) = 100\n12:00:01 read(3</f>, \"\", 100) = 60\n\
                    lseek(3, 4096, SEEK_SET) = 4096\nread(3, \"\", 10) = 10\n[pid 7] pread64(3, \"x\", 512, 9000) = 512\npwrite64(3, \"x\", 5, 0) = 5\n\
                    +++ exited with 0 +++\nread(3, 0x7f, 10) = -1 EAGAIN (Resource temporarily unavailable)\nread(3, \"\", 10) = 0\nfutex(0x1, FUTEX_WAIT) = 0\n";
        assert_eq!(reads(text), [(0, 100), (100, 60), (4096, 10), (9000, 512)]);
        assert_eq!(Trace::parse(text).unwrap().writes, 1);
    }

    #[test]
    fn csv_has_a_heading_or_none() {
        assert_eq!(reads("offset,length\n0,10\n 20 , 5 ,r\n30,5,w\n\n"), [(0, 10), (20, 5)]);
    }

    #[test]
    fn what_no_file_could_have_is_named_with_its_line() {
        for (text, said) in [
            ("0,10\n-5,10\n", "line 2: offset -5"),
            ("0,999999999999\n", "line 1: a length of 999999999999"),
            ("99999999999999999999,1\n", "line 1: offset 99999999999999999999"),
            ("0;10\n", "line 1: `0;10`"),
            ("fio version 2 iolog\n/f read 12\n", "line 2: it is cut short"),
            ("1,2,x\n", "line 1: `1,2,x`"),
        ] {
            let error = Trace::parse(text).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
        assert_eq!(Trace::parse("").unwrap(), Trace::default());
    }

    proptest! {
        #[test]
        fn no_text_is_met_with_a_panic(text in "(?s).{0,200}") {
            let _ = Trace::parse(&text);
            let _ = Trace::parse(&format!("fio version 3 iolog\n{text}"));
        }
    }
}
