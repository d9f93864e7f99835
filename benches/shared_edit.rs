//! Criterion front of `shared_edit`: one byte of a file changed, at each guarantee.

mod front;

use front::Pick;

const DURABLE: &[(&str, &str)] = &[("guarantee", "durable"), ("history", "write-4K")];
const WRITTEN: &[(&str, &str)] = &[("guarantee", "written")];
const STARTED: &[(&str, &str)] = &[("guarantee", "started")];
const VISIBLE: &[(&str, &str)] = &[("guarantee", "visible")];
const ATOMIC: &[(&str, &str)] = &[("guarantee", "atomic")];

fn main() {
    front::main(
        "shared_edit",
        &[
            Pick { name: "write+fsync+rename, atomic", scenario: ATOMIC, method: "write+fsync+rename" },
            Pick { name: "pwrite+fdatasync, durable", scenario: DURABLE, method: "pwrite+fdatasync" },
            Pick { name: "mmap+msync(MS_SYNC), durable", scenario: DURABLE, method: "mmap+msync(MS_SYNC)" },
            Pick { name: "mmap+sync_file_range, written", scenario: WRITTEN, method: "mmap+sync_file_range" },
            Pick {
                name: "mmap+sync_file_range(WRITE), started",
                scenario: STARTED,
                method: "mmap+sync_file_range(WRITE)",
            },
            Pick { name: "mmap+msync(MS_ASYNC), visible", scenario: VISIBLE, method: "mmap+msync(MS_ASYNC)" },
        ],
    );
}
