//! What a line of fio's iolog tells (fio(1), "Trace file format").

use super::files::{Files, Kind};
use super::{number, quoted};

/// What the first line says: `fio version 3 iolog`.
pub(super) fn version(line: &str) -> Option<u32> {
    line.trim().strip_prefix("fio version ")?.strip_suffix(" iolog")?.parse().ok()
}

/// Reads a log: `filename action [offset length]`, and since version 3 the time in ms before it, which is not replayed.
///
/// # Errors
/// In a sentence, with the line: it is cut short, or none of fio's.
pub(super) fn read(text: &str, version: u32, files: &mut Files) -> Result<(), String> {
    if !matches!(version, 2 | 3) {
        return Err(format!("line 1: version {version} of fio's iolog is not known, 2 and 3 are"));
    }
    for (index, line) in text.lines().enumerate().skip(1) {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let told = if version == 3 && !words.is_empty() { number(words.remove(0)) } else { Ok(0) };
        told.and_then(|_| take(&words, index + 1, files)).map_err(|why| format!("line {}: {why}", index + 1))?;
    }
    Ok(())
}

fn take(words: &[&str], line: usize, files: &mut Files) -> Result<(), String> {
    match *words {
        [] | [_, "add" | "open" | "close" | "sync" | "datasync" | "trim" | "wait", ..] => files.lines += 1,
        [name, "read", at, len] => {
            let file = files.named(name, Kind::File);
            files.read(file, number(at)?, number(len)?, line);
        }
        [_, "write", at, len] => {
            number(at).and(number(len))?;
            files.writes += 1;
        }
        [_, "read" | "write", ..] => {
            return Err("it is cut short: a read or write has an offset and a length".to_owned());
        }
        [_, action, ..] => return Err(format!("{} is no action of an iolog", quoted(action))),
        [name] => return Err(format!("it is cut short: of {} nothing is told", quoted(name))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Trace;

    fn reads(text: &str) -> Vec<(u64, u32)> {
        Trace::parse(text).unwrap().reads.into_iter().map(Into::into).collect()
    }

    #[test]
    fn logs_of_both_versions_are_read_in_the_order_of_their_lines() {
        let two = "fio version 2 iolog\n/f add\n/f open\n/f read 4096 512\n/f write 0 512\n/f sync 0 0\n/f datasync 0 0\n/f trim 0 4096\n\
                   /f wait 100 0\n/f read 0 4096\n/f close\n";
        assert_eq!(reads(two), [(4096, 512), (0, 4096)]);
        let parsed = Trace::parse(two).unwrap();
        assert_eq!((parsed.writes, parsed.lines, parsed.file.as_deref()), (1, 7, Some("/f")));
        // Times that run backwards are of no account.
        assert_eq!(reads("fio version 3 iolog\n0 /f add\n12 /f read 8192 4096\n3 /f read 0 1"), [(8192, 4096), (0, 1)]);
    }

    /// The beginning of what fio 3.33 wrote, two files at random.
    #[test]
    fn of_several_files_the_most_read_is_taken() {
        let log = "fio version 3 iolog\n20 /data/f1 add\n24 /data/f2 add\n127 /data/f1 open\n134 /data/f1 read 122880 4096\n419 /data/f2 open\n\
                   420 /data/f2 read 1552384 4096\n499 /data/f1 read 1765376 4096\n556 /data/f2 write 983040 4096\n570 /data/f1 read 839680 4096\n\
                   629 /data/f2 read 1761280 4096\n683 /data/f1 write 794624 4096\n1200 /data/f1 close\n";
        let trace = Trace::parse(log).unwrap();
        assert_eq!((trace.file.as_deref(), trace.all, trace.elsewhere, trace.others), (Some("/data/f1"), 3, 2, 1));
        assert_eq!((trace.writes, trace.lines), (2, 5));
        assert_eq!(reads(log), [(122_880, 4096), (1_765_376, 4096), (839_680, 4096)]);
    }
}
