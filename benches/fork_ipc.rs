//! Criterion front of `fork_ipc`: a round trip of 8 bytes between two processes on two cores.

mod front;

use front::Pick;

const TWO_CORES: &[(&str, &str)] = &[("placement", "two-cores")];

fn main() {
    front::main(
        "fork_ipc",
        &[
            Pick { name: "pipe, two cores", scenario: TWO_CORES, method: "pipe" },
            Pick { name: "shm+futex, two cores", scenario: TWO_CORES, method: "shm+futex" },
            Pick { name: "shm+spin, two cores", scenario: TWO_CORES, method: "shm+spin" },
        ],
    );
}
