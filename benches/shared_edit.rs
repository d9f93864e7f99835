//! Criterion front of `shared_edit`: one byte of a file changed, at each guarantee.

mod front;

fn main() {
    front::main("shared_edit");
}
