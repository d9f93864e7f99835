//! Is a disk idle? Its counters stand still for a while.

use std::time::{Duration, Instant};

use super::StatReader;

/// How often the counters are looked at meanwhile.
const STEP: Duration = Duration::from_millis(20);

impl StatReader {
    /// Waits until the disk has completed no request for `quiet`, but no longer than `most`. Gives whether it was
    /// idle for so long. Stops early, with `false`, once `stop` says so.
    pub fn wait_until_idle(&self, quiet: Duration, most: Duration, stop: impl Fn() -> bool) -> bool {
        let begin = Instant::now();
        let mut since = begin;
        let Ok(mut last) = self.read() else { return false };
        loop {
            let now = Instant::now();
            if now - since >= quiet {
                return true;
            }
            if now - begin >= most || stop() {
                return false;
            }
            std::thread::sleep(STEP);
            match self.read() {
                Ok(seen) if seen == last => {}
                Ok(seen) => (last, since) = (seen, Instant::now()),
                Err(_) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn line(reads: u64) -> String {
        format!("{reads:8} 0 0 0 0 0 0 0 0 0 0\n")
    }

    #[test]
    fn a_disk_whose_counters_stand_still_is_idle_and_one_whose_counters_move_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stat");
        fs::write(&path, line(0)).unwrap();
        let reader = StatReader::open(&path).unwrap();
        assert!(reader.wait_until_idle(Duration::from_millis(40), LONG, || false));
        // Moves at every look, until it has been looked at often enough.
        let looks = Cell::new(0);
        let busy = || {
            looks.set(looks.get() + 1);
            fs::write(&path, line(looks.get())).unwrap();
            looks.get() > 5
        };
        assert!(!reader.wait_until_idle(LONG, LONG, busy));
        assert!(!reader.wait_until_idle(LONG, Duration::ZERO, || false), "no time to wait");
    }
}
