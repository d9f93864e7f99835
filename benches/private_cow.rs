//! Criterion front of `private_cow`: a private copy of a file, a tenth of its pages edited, discarded.

mod front;

fn main() {
    front::main("private_cow");
}
