//! Which of the kernel's newer calls work here, on this filesystem: each is made once.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use super::Facts;
use crate::os::file::{self, Open};
use crate::os::map::{Advice, FileMap, Kind, Populate};
use crate::os::{SysResult, cache, page_size, probe};

/// `yes`, or `no: ` and the kernel's answer, for each call.
pub(super) fn facts(dir: &Path, facts: &mut Facts) {
    let mut put = |name: &str, answer: SysResult<()>| {
        facts.put(name, Some(answer.map_or_else(|error| format!("no: {:?}", error.errno), |()| "yes".to_owned())));
    };
    put("feature_io_uring", probe::io_uring());
    // Without a name, so that nothing stays behind, whatever becomes of us.
    let Ok(mut file) = tempfile::tempfile_in(dir) else {
        return;
    };
    let Ok(()) = file.write_all(&vec![1; page_size()]) else {
        return;
    };
    put("feature_cachestat", cache::cachestat(&file, page_size() as u64).map(drop));
    put("feature_madv_populate_read", populate(&file));
    put("feature_rwf_dontcache", probe::uncached_read(&file));
    let again = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    put("feature_o_direct", file::open(&again, Open::ReadDirect).map(drop));
}

fn populate(file: &File) -> SysResult<()> {
    FileMap::new(file, page_size(), Kind::SharedRead, Populate::OnTouch)?.advise(Advice::PopulateRead)
}
