//! Criterion front of `page_touch`: the representative point of each state and order, by each main method.

mod front;

use front::Pick;

const WARM_RANDOM: &[(&str, &str)] = &[("state", "warm"), ("pattern", "random"), ("use", "touch"), ("touched", "1024")];
const WARM_IN_ORDER: &[(&str, &str)] =
    &[("state", "warm"), ("pattern", "sequential"), ("use", "sum"), ("touched", "all")];
const MAPPED_RANDOM: &[(&str, &str)] = &[("state", "mapped"), ("use", "sum")];
const MAPPED_COPY: &[(&str, &str)] = &[("state", "mapped"), ("use", "copy")];
const COLD_RANDOM: &[(&str, &str)] = &[("state", "cold"), ("pattern", "random"), ("use", "touch")];

fn main() {
    front::main(
        "page_touch",
        &[
            Pick { name: "pread, warm at random", scenario: WARM_RANDOM, method: "pread" },
            Pick { name: "mmap, warm at random", scenario: WARM_RANDOM, method: "mmap" },
            Pick { name: "pread 256K, warm in order", scenario: WARM_IN_ORDER, method: "pread 256K" },
            Pick { name: "mmap, warm in order", scenario: WARM_IN_ORDER, method: "mmap" },
            Pick { name: "pread, cached at random", scenario: MAPPED_RANDOM, method: "pread" },
            Pick { name: "mmap, mapped at random", scenario: MAPPED_RANDOM, method: "mmap" },
            Pick { name: "mmap, mapped and copied", scenario: MAPPED_COPY, method: "mmap" },
            Pick { name: "pread, cold at random", scenario: COLD_RANDOM, method: "pread" },
            Pick { name: "mmap+MADV_RANDOM, cold at random", scenario: COLD_RANDOM, method: "mmap+MADV_RANDOM" },
            Pick { name: "io_uring x32, cold at random", scenario: COLD_RANDOM, method: "io_uring x32" },
        ],
    );
}
