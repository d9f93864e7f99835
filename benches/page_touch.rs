//! Criterion front of `page_touch`: the representative point of each state and of each order, by each main method.

mod front;

use front::Pick;

type Params = &'static [(&'static str, &'static str)];

const WARM_IN_ORDER: Params = &[("state", "warm"), ("pattern", "sequential"), ("use", "sum"), ("touched", "all")];
const MAPPED_RANDOM: Params = &[("state", "mapped"), ("pattern", "random"), ("use", "sum")];
const MAPPED_COPY: Params = &[("state", "mapped"), ("pattern", "random"), ("use", "copy")];
const COLD_IN_ORDER: Params = &[("state", "cold"), ("pattern", "sequential"), ("use", "touch"), ("touched", "8192")];
const COLD_RANDOM: Params = &[("state", "cold"), ("pattern", "random"), ("use", "touch")];

// Each order over as many pages of a warm file, of the sweep over orders: so few that a mapping's pages are not shared by neighbours.
const FORWARD: Params = &[("state", "warm"), ("pattern", "sequential"), ("use", "touch"), ("touched", "1024")];
const BACKWARD: Params = &[("state", "warm"), ("pattern", "backward"), ("use", "touch"), ("touched", "1024")];
const STRIDED: Params = &[("state", "warm"), ("pattern", "strided"), ("use", "touch"), ("stride", "64KiB")];
const RANDOM: Params = &[("state", "warm"), ("pattern", "random"), ("use", "touch"), ("touched", "1024")];
const ZIPF: Params = &[("state", "warm"), ("pattern", "zipf"), ("use", "touch")];
const WINDOW: Params = &[("state", "warm"), ("pattern", "window"), ("use", "touch")];

/// Those over one file follow one another, so that it is made once.
const PICKS: &[Pick] = &[
    Pick { name: "pread, warm at random", scenario: RANDOM, method: "pread" },
    Pick { name: "mmap, warm at random", scenario: RANDOM, method: "mmap" },
    Pick { name: "pread, warm forward", scenario: FORWARD, method: "pread" },
    Pick { name: "pread 256K, warm forward", scenario: FORWARD, method: "pread 256K" },
    Pick { name: "mmap, warm forward", scenario: FORWARD, method: "mmap" },
    Pick { name: "pread, warm backward", scenario: BACKWARD, method: "pread" },
    Pick { name: "mmap, warm backward", scenario: BACKWARD, method: "mmap" },
    Pick { name: "pread, warm in steps of 64 KiB", scenario: STRIDED, method: "pread" },
    Pick { name: "mmap, warm in steps of 64 KiB", scenario: STRIDED, method: "mmap" },
    Pick { name: "pread, warm by Zipf", scenario: ZIPF, method: "pread" },
    Pick { name: "mmap, warm by Zipf", scenario: ZIPF, method: "mmap" },
    Pick { name: "pread, warm within 16 MiB", scenario: WINDOW, method: "pread" },
    Pick { name: "mmap, warm within 16 MiB", scenario: WINDOW, method: "mmap" },
    Pick { name: "pread 256K, warm in order", scenario: WARM_IN_ORDER, method: "pread 256K" },
    Pick { name: "mmap, warm in order", scenario: WARM_IN_ORDER, method: "mmap" },
    Pick { name: "pread, cached at random", scenario: MAPPED_RANDOM, method: "pread" },
    Pick { name: "mmap, mapped at random", scenario: MAPPED_RANDOM, method: "mmap" },
    Pick { name: "mmap, mapped and copied", scenario: MAPPED_COPY, method: "mmap" },
    Pick { name: "pread 256K, cold in order", scenario: COLD_IN_ORDER, method: "pread 256K" },
    Pick { name: "mmap, cold in order", scenario: COLD_IN_ORDER, method: "mmap" },
    Pick { name: "pread, cold at random", scenario: COLD_RANDOM, method: "pread" },
    Pick { name: "mmap+MADV_RANDOM, cold at random", scenario: COLD_RANDOM, method: "mmap+MADV_RANDOM" },
    Pick { name: "io_uring x32, cold at random", scenario: COLD_RANDOM, method: "io_uring x32" },
];

fn main() {
    front::main("page_touch", PICKS);
}
