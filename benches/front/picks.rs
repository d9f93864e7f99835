//! The benchmarks of every Criterion front. A table apart, so that a test looks each of them up in the catalogue.

type Params = &'static [(&'static str, &'static str)];

/// A benchmark: a method of the scenario that has these parameters.
pub struct Pick {
    /// The benchmark's name, after its area's.
    pub name: &'static str,
    /// Parameters that name the scenario among those of `pagewise list --full`; the first that has them is meant, and the representative ones come
    /// before those of sweeps.
    pub scenario: Params,
    /// The method.
    pub method: &'static str,
}

/// The areas and their picks.
pub const ALL: [(&str, &[Pick]); 4] =
    [("shared_edit", SHARED_EDIT), ("private_cow", PRIVATE_COW), ("fork_ipc", FORK_IPC), ("page_touch", PAGE_TOUCH)];

// One byte of a file changed, at each guarantee.
const DURABLE: Params = &[("guarantee", "durable"), ("history", "write-4K")];
const WRITTEN: Params = &[("guarantee", "written")];
const STARTED: Params = &[("guarantee", "started")];
const VISIBLE: Params = &[("guarantee", "visible")];
const ATOMIC: Params = &[("guarantee", "atomic")];

const SHARED_EDIT: &[Pick] = &[
    Pick { name: "write+fsync+rename, atomic", scenario: ATOMIC, method: "write+fsync+rename" },
    Pick { name: "pwrite+fdatasync, durable", scenario: DURABLE, method: "pwrite+fdatasync" },
    Pick { name: "mmap+msync(MS_SYNC), durable", scenario: DURABLE, method: "mmap+msync(MS_SYNC)" },
    Pick { name: "mmap+sync_file_range, written", scenario: WRITTEN, method: "mmap+sync_file_range" },
    Pick { name: "mmap+sync_file_range(WRITE), started", scenario: STARTED, method: "mmap+sync_file_range(WRITE)" },
    Pick { name: "mmap+msync(MS_ASYNC), visible", scenario: VISIBLE, method: "mmap+msync(MS_ASYNC)" },
];

// A tenth of the pages edited.
const TENTH: Params = &[("modified", "10%")];

const PRIVATE_COW: &[Pick] = &[
    Pick { name: "read into a reused buffer, 10%", scenario: TENTH, method: "read(reused)" },
    Pick { name: "read into fresh memory, 10%", scenario: TENTH, method: "read(fresh)" },
    Pick { name: "MAP_PRIVATE and store, 10%", scenario: TENTH, method: "MAP_PRIVATE+store" },
];

const TWO_CORES: Params = &[("placement", "two-cores")];

const FORK_IPC: &[Pick] = &[
    Pick { name: "pipe, two cores", scenario: TWO_CORES, method: "pipe" },
    Pick { name: "shm+futex, two cores", scenario: TWO_CORES, method: "shm+futex" },
    Pick { name: "shm+spin, two cores", scenario: TWO_CORES, method: "shm+spin" },
];

const WARM_IN_ORDER: Params = &[("state", "warm"), ("pattern", "sequential"), ("use", "sum"), ("touched", "all")];
const MAPPED_RANDOM: Params = &[("state", "mapped"), ("pattern", "random"), ("use", "sum")];
const MAPPED_COPY: Params = &[("state", "mapped"), ("pattern", "random"), ("use", "copy")];
const COLD_IN_ORDER: Params = &[("state", "cold"), ("pattern", "sequential"), ("use", "touch"), ("touched", "all")];
const COLD_RANDOM: Params = &[("state", "cold"), ("pattern", "random"), ("use", "touch")];

// Each order over as many pages of a warm file, of the sweep over orders: so few that a mapping's pages are not shared by neighbours.
const FORWARD: Params = &[("state", "warm"), ("pattern", "sequential"), ("use", "touch"), ("touched", "1024")];
const BACKWARD: Params = &[("state", "warm"), ("pattern", "backward"), ("use", "touch"), ("touched", "1024")];
const STRIDED: Params = &[("state", "warm"), ("pattern", "strided"), ("use", "touch"), ("stride", "64KiB")];
const RANDOM: Params = &[("state", "warm"), ("pattern", "random"), ("use", "touch"), ("touched", "1024")];
const ZIPF: Params = &[("state", "warm"), ("pattern", "zipf"), ("use", "touch")];
const WINDOW: Params = &[("state", "warm"), ("pattern", "window"), ("use", "touch")];

/// Those over one file follow one another, so that it is made once.
const PAGE_TOUCH: &[Pick] = &[
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
