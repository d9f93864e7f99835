//! Criterion front of `shared_edit`: one byte of a file changed, at two guarantees.

mod front;

use front::Pick;

const DURABLE: &[(&str, &str)] = &[("guarantee", "durable"), ("history", "write-4K")];
const VISIBLE: &[(&str, &str)] = &[("guarantee", "visible")];

fn main() {
    front::main(
        "shared_edit",
        &[
            Pick { name: "pwrite+fdatasync, durable", scenario: DURABLE, method: "pwrite+fdatasync" },
            Pick { name: "mmap+msync(MS_SYNC), durable", scenario: DURABLE, method: "mmap+msync(MS_SYNC)" },
            Pick { name: "mmap+msync(MS_ASYNC), visible", scenario: VISIBLE, method: "mmap+msync(MS_ASYNC)" },
        ],
    );
}
