//! Another program that uses the disk fifty times a second, for as long as the tests run.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use pagewise::os::cache;

const WRITTEN: usize = 64 << 10;
const READ: usize = 256 << 10;

/// Starts it, once: each turn writes 64 KiB, syncs them, and reads 256 KiB that are not cached.
pub fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without a name, so that it is gone with this process.
        let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut bytes = vec![1; 2 * READ];
        file.write_all_at(&bytes, 0).unwrap();
        thread::spawn(move || {
            bytes.truncate(READ);
            loop {
                turn(&file, &mut bytes);
                thread::sleep(Duration::from_millis(20));
            }
        });
    });
}

fn turn(file: &File, bytes: &mut [u8]) {
    file.write_all_at(&bytes[..WRITTEN], READ as u64).unwrap();
    file.sync_all().unwrap();
    cache::evict(file).unwrap();
    file.read_exact_at(bytes, 0).unwrap();
}
