//! Criterion front of `page_touch`: the representative point of each state and of each order, by each main method.

mod front;

fn main() {
    front::main("page_touch");
}
