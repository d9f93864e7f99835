//! Criterion front of `fork_ipc`: a round trip of 8 bytes between two processes on two cores.

mod front;

fn main() {
    front::main("fork_ipc");
}
