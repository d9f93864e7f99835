//! Whether a disk's counters can be believed: a write made durable must raise them.

use std::fs::File;
use std::path::Path;

use super::{BlockDevice, Disk, StatReader};
use crate::os::{SysResult, file, probe};

/// Bytes written at each try: a page, more than btrfs keeps inline in its tree.
const BYTES: usize = 4096;

/// Tries, and how many of them must show: other programs' flushes must not pass for ours, nor a missed one condemn the disk.
const TRIES: usize = 5;
const ENOUGH: usize = 3;

/// In how many of [`TRIES`] the counters rose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    flushes: usize,
    bytes: usize,
}

impl Disk {
    /// Finds out, once, whether the device counts flushes: writes 4 KiB to a file made for it in `dir`, syncs it by `fdatasync`, and looks whether
    /// the counter rose; five times, of which three must show. The answer is put into `device`'s `counts_flushes`.
    ///
    /// A disk without a volatile cache ("write through" in its queue/write_cache) is sent no flush, and counts none. A device
    /// whose *written bytes* do not rise either is not the one that serves `dir`: `device` becomes an `Err` that says so.
    ///
    /// Does nothing where there is no device.
    ///
    /// # Errors
    /// Where the file cannot be made, written or synced in `dir`, or the counters cannot be read. The device stays as it was.
    pub fn probe_flushes(&mut self, dir: &Path) -> SysResult<()> {
        let Ok(device) = &mut self.device else {
            return Ok(());
        };
        let mut seen = observe(device, dir, file::fdatasync)?;
        if seen.bytes < ENOUGH {
            // An fdatasync that does not sync is no fault of the counters, which are there to find it out.
            seen = observe(device, dir, file::sync_all_files)?;
        }
        if seen.bytes < ENOUGH {
            self.device =
                Err(format!("4 KiB made durable by fdatasync did not show in the counters of {}", device.name));
        } else {
            device.counts_flushes = Some(seen.flushes >= ENOUGH);
        }
        Ok(())
    }
}

/// Writes, syncs by `sync` and looks, [`TRIES`] times.
fn observe(device: &BlockDevice, dir: &Path, sync: fn(&File) -> SysResult<()>) -> SysResult<Seen> {
    let counters = StatReader::open(&device.stat)?;
    let made = probe::named_file(dir)?;
    let mut seen = Seen::default();
    for turn in 0..TRIES {
        let before = counters.read()?;
        file::write_at(made.as_file(), &probe::noise(turn as u64, BYTES), (turn * BYTES) as u64)?;
        sync(made.as_file())?;
        let change = counters.read()?.since(before);
        seen.flushes += usize::from(change.flushes.is_some_and(|count| count > 0));
        seen.bytes += usize::from(change.written_bytes >= BYTES as u64);
    }
    Ok(seen)
}
