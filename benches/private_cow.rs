//! Criterion front of `private_cow`: a private copy of a file, a tenth of its pages edited, discarded.

mod front;

use front::Pick;

const TENTH: &[(&str, &str)] = &[("modified", "10%")];

fn main() {
    front::main(
        "private_cow",
        &[
            Pick { name: "read into a reused buffer, 10%", scenario: TENTH, method: "read(reused)" },
            Pick { name: "read into fresh memory, 10%", scenario: TENTH, method: "read(fresh)" },
            Pick { name: "MAP_PRIVATE and store, 10%", scenario: TENTH, method: "MAP_PRIVATE+store" },
        ],
    );
}
