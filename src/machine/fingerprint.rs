//! Which machine, kernel and filesystem the figures were taken on.
//!
//! Everything is optional: what this kernel or a container does not show is left out, which is no error. Nothing names a host, a user or
//! a serial number, since a run may be published.

mod block;
mod cgroup;
mod features;
mod memory;
mod processor;
mod system;
mod virtualization;

use std::collections::BTreeMap;
use std::path::Path;

use procfs::{CpuInfo, FromRead, LoadAverage, Meminfo};

use crate::os::disk::Disk;
use crate::os::{page_size, process};
use crate::results::model::{Dir, Machine};
use system::System;

/// Facts by name, as they come into [`Machine::facts`].
#[derive(Debug, Default)]
struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Notes a fact, if it is known.
    fn put(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.0.insert(name.to_owned(), value);
        }
    }
}

/// Takes the fingerprint of this machine, and of `dir`, whose `disk` is [`Disk::of_dir`] (probed before, if flushes are to be counted).
///
/// Makes one small file without a name in `dir`, to ask what can be done with it; where it cannot, those facts are left out.
pub fn fingerprint(dir: &Path, disk: &Disk) -> (Machine, Dir) {
    (machine(&System::here(), dir, disk), dir_of(disk))
}

fn machine(system: &System, dir: &Path, disk: &Disk) -> Machine {
    let cpuinfo = CpuInfo::from_file(system.path("proc/cpuinfo")).ok();
    let meminfo = Meminfo::from_file(system.path("proc/meminfo")).ok();
    let uname = nix::sys::utsname::uname().ok();
    let release = uname.as_ref().map(|name| name.release().to_string_lossy().into_owned());

    let mut facts = Facts::default();
    facts.put("kernel_build", uname.as_ref().map(|name| name.version().to_string_lossy()));
    facts.put("architecture", Some(std::env::consts::ARCH));
    facts.put("root", Some(if nix::unistd::geteuid().is_root() { "yes" } else { "no" }));
    facts.put("container", virtualization::container(system));
    facts.put("memory_available", meminfo.as_ref().and_then(|memory| memory.mem_available));
    facts.put("swap_total", meminfo.as_ref().map(|memory| memory.swap_total));
    if let Ok(load) = LoadAverage::from_file(system.path("proc/loadavg")) {
        facts.put("load_average", Some(format!("{} {} {}", load.one, load.five, load.fifteen)));
    }
    processor::facts(system, &mut facts);
    memory::facts(system, &mut facts);
    cgroup::facts(system, &mut facts);
    block::facts(system, dir, disk, &mut facts);
    features::facts(dir, &mut facts);

    Machine {
        kernel: format!("Linux {}", release.as_deref().unwrap_or("unknown")),
        cpu: processor::name(cpuinfo.as_ref(), system),
        cpus: process::allowed_cpus().map_or(1, |cpus| u32::try_from(cpus.len()).unwrap_or(u32::MAX)),
        memory: meminfo.map_or(0, |memory| memory.mem_total),
        page_size: u32::try_from(page_size()).unwrap_or(u32::MAX),
        virtualization: virtualization::name(system, cpuinfo.as_ref(), release.as_deref().unwrap_or_default()),
        facts: facts.0,
    }
}

fn dir_of(disk: &Disk) -> Dir {
    Dir {
        filesystem: disk.filesystem.clone(),
        device: disk.device.as_ref().ok().map(|device| device.name.clone()),
        device_reason: disk.device.as_ref().err().cloned(),
        mount_options: without_names(&disk.mount_options),
    }
}

/// Mount options whose value is a word of the filesystem's own.
const WORDS: [&str; 21] = [
    "barrier",
    "cache",
    "commit",
    "compress",
    "compress-force",
    "compression",
    "data",
    "dax",
    "discard",
    "errors",
    "fsync_mode",
    "huge",
    "jqfmt",
    "logbsize",
    "mpol",
    "proto",
    "sec",
    "space_cache",
    "trans",
    "version",
    "vers",
];

/// Mount options without what may name a person, a machine or a folder: `username=ann`, `addr=10.0.0.1` and `upperdir=/home/ann/x` keep their
/// names alone. Values that stay are words of the filesystem's own, and sizes.
fn without_names(options: &str) -> String {
    let size = |value: &str| {
        value.starts_with(|first: char| first.is_ascii_digit())
            && value.trim_end_matches(|last: char| "kKmMgG%".contains(last)).bytes().all(|byte| byte.is_ascii_digit())
    };
    let shown: Vec<String> = options
        .split(',')
        .map(|option| match option.split_once('=') {
            Some((name, value)) if !WORDS.contains(&name) && !size(value) => format!("{name}=…"),
            _ => option.to_owned(),
        })
        .collect();
    shown.join(",")
}

#[cfg(test)]
mod tests;
