//! What a disk counted: reads, writes and flushes since the machine started.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::os::{SysError, SysResult};

/// Sectors in /sys/block/*/stat are of 512 bytes, whatever the disk's own are (Documentation/block/stat.rst).
const SECTOR: u64 = 512;

/// More than 17 numbers of 20 digits with their spaces.
const LONGEST: usize = 512;

/// A disk's counters since the machine started, or the difference of two readings (Documentation/block/stat.rst).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStat {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Cache flushes done; `None` on a kernel before 5.5, which does not count them.
    pub flushes: Option<u64>,
    /// Read requests done, after merging.
    pub reads: u64,
    /// Write requests done, after merging.
    pub writes: u64,
}

impl DiskStat {
    /// Reads the counters now. Allocates nothing.
    ///
    /// # Errors
    /// `ENODEV` where the disk has gone, `EBADMSG` where the kernel's line is not understood.
    pub fn read(reader: &StatReader) -> SysResult<Self> {
        let mut line = [0_u8; LONGEST];
        // A read from offset 0 makes the kernel write the attribute anew (fs/seq_file.c, seq_read_iter).
        let got = reader
            .file
            .read_at(&mut line, 0)
            .map_err(|error| SysError::from_io("pread", reader.path.display(), &error))?;
        Self::parse(&line[..got]).ok_or_else(|| SysError::new("pread", reader.path.display(), Errno::EBADMSG))
    }

    /// What was counted from `earlier` to this reading.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
            flushes: self.flushes.zip(earlier.flushes).map(|(now, then)| now.saturating_sub(then)),
            reads: self.reads.saturating_sub(earlier.reads),
            writes: self.writes.saturating_sub(earlier.writes),
        }
    }

    /// The counters of a `stat` line: 11 numbers, 15 since Linux 4.18 (discards), 17 since 5.5 (flushes).
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = [0_u64; 17];
        let mut count = 0;
        for word in std::str::from_utf8(line).ok()?.split_ascii_whitespace() {
            let number = word.parse().ok()?;
            // Later kernels may add fields at the end.
            if let Some(field) = fields.get_mut(count) {
                *field = number;
            }
            count += 1;
        }
        (count >= 11).then(|| Self {
            reads: fields[0],
            read_bytes: fields[2].saturating_mul(SECTOR),
            writes: fields[4],
            written_bytes: fields[6].saturating_mul(SECTOR),
            flushes: (count >= 16).then_some(fields[15]),
        })
    }
}

/// Whether the kernel sends flushes to the disk whose counters are at `stat`: it does to one with a volatile cache
/// (queue/write_cache, Documentation/ABI/stable/sysfs-block), unless its filesystem is mounted without barriers.
pub fn has_volatile_cache(stat: &Path) -> bool {
    let cache = std::fs::read_to_string(stat.with_file_name("queue").join("write_cache"));
    cache.is_ok_and(|kind| kind.trim_end() == "write back")
}

/// A disk's counters, kept open for reading again and again.
#[derive(Debug)]
pub struct StatReader {
    file: File,
    path: PathBuf,
}

impl StatReader {
    /// Opens the counters at `path`: a device's [`super::BlockDevice::stat`].
    ///
    /// # Errors
    /// What open(2) answers.
    pub fn open(path: &Path) -> SysResult<Self> {
        let file = File::open(path).map_err(SysError::io("open", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Reads the counters now: [`DiskStat::read`].
    ///
    /// # Errors
    /// As [`DiskStat::read`].
    pub fn read(&self) -> SysResult<DiskStat> {
        DiskStat::read(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str =
        "  36153     7871  5744266    13488    24082    27825  8430216    38466        0     9792    52820\n";

    #[test]
    fn eleven_fields_give_bytes_and_no_flushes() {
        let stat = DiskStat::parse(OLD.as_bytes()).unwrap();
        assert_eq!(stat.reads, 36153);
        assert_eq!(stat.read_bytes, 5_744_266 * 512);
        assert_eq!(stat.writes, 24082);
        assert_eq!(stat.written_bytes, 8_430_216 * 512);
        assert_eq!(stat.flushes, None);
    }

    #[test]
    fn fifteen_fields_add_discards_and_still_no_flushes() {
        let line = format!("{} 8652 32 703504 700\n", OLD.trim_end());
        assert_eq!(DiskStat::parse(line.as_bytes()).unwrap().flushes, None);
    }

    #[test]
    fn the_sixteenth_of_seventeen_fields_counts_flushes() {
        let line = format!("{} 8652 32 703504 700 3644 165\n", OLD.trim_end());
        assert_eq!(DiskStat::parse(line.as_bytes()).unwrap().flushes, Some(3644));
    }

    #[test]
    fn fields_that_a_later_kernel_adds_are_ignored() {
        let line = format!("{} 8652 32 703504 700 3644 165 1 2 3\n", OLD.trim_end());
        assert_eq!(DiskStat::parse(line.as_bytes()).unwrap().flushes, Some(3644));
    }

    #[test]
    fn a_line_that_is_cut_or_not_of_numbers_is_refused() {
        assert_eq!(DiskStat::parse(b"1 2 3 4 5 6 7 8 9 10"), None);
        assert_eq!(DiskStat::parse(b""), None);
        assert_eq!(DiskStat::parse(b"1 2 3 4 5 6 7 8 9 10 eleven"), None);
    }

    #[test]
    fn the_longest_possible_line_fits_the_buffer() {
        let line = vec![u64::MAX.to_string(); 17].join(" ");
        assert!(line.len() < LONGEST);
        assert_eq!(DiskStat::parse(line.as_bytes()).unwrap().written_bytes, u64::MAX);
    }

    #[test]
    fn a_difference_has_flushes_only_where_both_readings_have() {
        let counted = DiskStat { flushes: Some(7), writes: 9, ..DiskStat::default() };
        let earlier = DiskStat { flushes: Some(4), writes: 2, ..DiskStat::default() };
        assert_eq!(counted.since(earlier).flushes, Some(3));
        assert_eq!(counted.since(earlier).writes, 7);
        assert_eq!(counted.since(DiskStat { flushes: None, ..earlier }).flushes, None);
    }

    #[test]
    fn only_a_disk_that_writes_back_is_sent_flushes() {
        let dir = tempfile::tempdir().unwrap();
        let stat = dir.path().join("stat");
        assert!(!has_volatile_cache(&stat));
        std::fs::create_dir(dir.path().join("queue")).unwrap();
        for (kind, sent) in [("write back\n", true), ("write through\n", false)] {
            std::fs::write(dir.path().join("queue/write_cache"), kind).unwrap();
            assert_eq!(has_volatile_cache(&stat), sent);
        }
    }

    #[test]
    fn reading_again_sees_the_new_counters() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stat");
        std::fs::write(&path, OLD).unwrap();
        let reader = StatReader::open(&path).unwrap();
        let first = reader.read().unwrap();
        std::fs::write(&path, OLD.replace("24082", "24090")).unwrap();
        assert_eq!(reader.read().unwrap().since(first).writes, 8);
    }
}
