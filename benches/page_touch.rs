//! Criterion front of `page_touch`: a page of a file in the page cache, brought within reach and used.

mod front;

use front::Pick;

const RANDOM_TOUCH: &[(&str, &str)] = &[("state", "warm"), ("use", "touch"), ("touched", "1024")];
const MAPPED_SUM: &[(&str, &str)] = &[("state", "mapped"), ("use", "sum")];
const WHOLE_SUM: &[(&str, &str)] = &[("state", "warm"), ("use", "sum"), ("touched", "all")];

fn main() {
    front::main(
        "page_touch",
        &[
            Pick { name: "pread, random touch", scenario: RANDOM_TOUCH, method: "pread" },
            Pick { name: "mmap, random touch", scenario: RANDOM_TOUCH, method: "mmap" },
            Pick { name: "mmap, whole file summed", scenario: WHOLE_SUM, method: "mmap" },
            Pick { name: "mmap, mapped pages summed", scenario: MAPPED_SUM, method: "mmap" },
        ],
    );
}
