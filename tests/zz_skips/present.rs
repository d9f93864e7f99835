//! Whether what a skipped test lacked is there after all. Where it can, it looks in another way than the tests do, so that a test
//! that skips by mistake is found.

use std::env;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc::O_DIRECT;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{major, minor};
use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, statfs,
};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::utsname::uname;
use nix::unistd::{AccessFlags, eaccess, geteuid};

use crate::skips::{Lack, Skip};

/// Whether what `skip` says is lacking is there.
pub fn is_present(skip: &Skip) -> bool {
    let place = existing(skip.place.as_deref().unwrap_or(Path::new(env!("CARGO_TARGET_TMPDIR"))));
    match skip.lacks {
        Lack::Root => geteuid().is_root(),
        Lack::OrdinaryUser => !geteuid().is_root(),
        Lack::Nobody => may_become_nobody() && runs_programs(&env::temp_dir()),
        Lack::MountNamespace => {
            Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success())
        }
        Lack::Mounts => has_capability(CAP_SYS_ADMIN),
        Lack::LoopDevices => Path::new("/dev/loop-control").exists(),
        Lack::MkfsExt4 => is_installed("mkfs.ext4"),
        Lack::MkfsXfs => is_installed("mkfs.xfs"),
        Lack::MkfsBtrfs => is_installed("mkfs.btrfs"),
        Lack::KernelExt4 => kernel_has("ext4"),
        Lack::KernelXfs => kernel_has("xfs"),
        Lack::KernelBtrfs => kernel_has("btrfs"),
        Lack::Cachestat => is_at_least(6, 5) && !is_filtered() && filesystem(&place) != Some(OVERLAYFS_SUPER_MAGIC),
        Lack::MemoryCgroup => may_limit_memory(),
        Lack::IoUring => {
            let setting = fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
            setting.is_ok_and(|setting| setting.trim() == "0") && !is_filtered()
        }
        // Tests that run at the same time share an ordinary user's limit.
        Lack::LockedMemory => {
            let limit = getrlimit(Resource::RLIMIT_MEMLOCK);
            has_capability(CAP_IPC_LOCK) || limit.is_ok_and(|(soft, _)| soft >= 1 << 30)
        }
        Lack::VmFlags => fs::read_to_string("/proc/self/smaps").is_ok_and(|text| text.contains("\nVmFlags:")),
        Lack::DirectIo => is_on_disk(&place) && opens_direct(&place),
        Lack::DontCache => is_at_least(6, 14) && is_one_of(&place, &[EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC]),
        Lack::NoWait => is_one_of(&place, &[EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC]),
        Lack::MadvPopulate => is_at_least(5, 14),
        Lack::HugePages => Path::new("/sys/kernel/mm/transparent_hugepage").exists(),
        // On a disk filesystem it depends on how the kernel was built, and on who else has the file open.
        Lack::Collapse => {
            let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
            is_tmpfs(&place) && setting.is_ok_and(|setting| setting.contains("[always]"))
        }
        Lack::Fsfreeze => is_installed("fsfreeze"),
        Lack::Python => is_installed("python3"),
        Lack::Git => is_installed("git"),
        Lack::Rustc => is_installed("rustc"),
        Lack::DynamicLibc => fs::read_to_string("/proc/self/maps").is_ok_and(|maps| maps.contains("/libc.so")),
        Lack::DevShm => is_tmpfs(Path::new("/dev/shm")) && is_writable(Path::new("/dev/shm")),
        Lack::SecondFilesystem => {
            let others = [Path::new("/dev/shm"), &env::temp_dir(), Path::new(env!("CARGO_MANIFEST_DIR"))];
            others.into_iter().any(|other| is_writable(other) && filesystem(other) != filesystem(&place))
        }
        Lack::BlockDevice => device(&place).is_some_and(|device| device.join("stat").exists()),
        Lack::VolatileCache => device(&place).is_some_and(|device| {
            // A partition has the queue of its disk.
            let queue = [device.join("queue"), device.join("../queue")].into_iter().find(|queue| queue.exists());
            let kind = queue.and_then(|queue| fs::read_to_string(queue.join("write_cache")).ok());
            kind.is_some_and(|kind| kind.trim() == "write back")
        }),
        Lack::DiskFiles => is_on_disk(&place),
        Lack::LargeFiles => {
            tempfile::tempfile_in(&place).is_ok_and(|file| file.set_len((u64::from(u32::MAX) + 2) * 4096).is_ok())
        }
        Lack::WritableSources => is_writable(Path::new(env!("CARGO_MANIFEST_DIR"))),
        Lack::Signals => ignored_signals() & ((1 << (SIGINT - 1)) | (1 << (SIGTERM - 1))) == 0,
    }
}

const SIGINT: u32 = 2;
const SIGTERM: u32 = 15;
const CAP_SETGID: u32 = 6;
const CAP_SETUID: u32 = 7;
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_ADMIN: u32 = 21;

/// A test's own folder is gone by now: the nearest folder above it that is left.
fn existing(place: &Path) -> PathBuf {
    place.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

/// A field of /proc/self/status.
fn status(field: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn mask(field: &str) -> u64 {
    status(field).and_then(|value| u64::from_str_radix(&value, 16).ok()).unwrap_or(0)
}

fn has_capability(capability: u32) -> bool {
    mask("CapEff") & (1 << capability) != 0
}

fn ignored_signals() -> u64 {
    mask("SigIgn")
}

/// Whether a filter may refuse system calls (seccomp(2)), whatever the kernel has.
fn is_filtered() -> bool {
    status("Seccomp").as_deref() != Some("0")
}

fn may_become_nobody() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let covers = map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        matches!(numbers[..], [first, _, count] if (first..first + count).contains(&65534))
    });
    covers && has_capability(CAP_SETUID) && has_capability(CAP_SETGID)
}

fn runs_programs(dir: &Path) -> bool {
    statvfs(dir).is_ok_and(|stat| !stat.flags().contains(FsFlags::ST_NOEXEC))
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| eaccess(&folder.join(program), AccessFlags::X_OK).is_ok())
}

/// Whether the kernel has the filesystem now. One that modprobe(8) could load is not looked for.
fn kernel_has(filesystem: &str) -> bool {
    let all = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    all.split_whitespace().any(|name| name == filesystem)
}

fn is_at_least(wanted_major: u32, wanted_minor: u32) -> bool {
    let Ok(name) = uname() else { return false };
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map_while(|part| part.parse().ok());
    (numbers.next(), numbers.next()) >= (Some(wanted_major), Some(wanted_minor))
}

/// Whether a group with a memory limit may be made at the top (cgroups(7)).
fn may_limit_memory() -> bool {
    let version1 = Path::new("/sys/fs/cgroup/memory");
    let version2 = Path::new("/sys/fs/cgroup");
    let hands_on = fs::read_to_string(version2.join("cgroup.subtree_control")).unwrap_or_default();
    let in_version2 = hands_on.split_whitespace().any(|controller| controller == "memory") && is_writable(version2);
    in_version2 || version1.join("memory.limit_in_bytes").exists() && is_writable(version1)
}

fn filesystem(place: &Path) -> Option<FsType> {
    statfs(place).ok().map(|stat| stat.filesystem_type())
}

fn is_one_of(place: &Path, types: &[FsType]) -> bool {
    filesystem(place).is_some_and(|here| types.contains(&here))
}

fn is_tmpfs(place: &Path) -> bool {
    is_one_of(place, &[TMPFS_MAGIC])
}

/// Whether files here are certainly on a disk. overlayfs does not say what is below it.
fn is_on_disk(place: &Path) -> bool {
    is_one_of(place, &[EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC])
}

fn opens_direct(place: &Path) -> bool {
    tempfile::NamedTempFile::new_in(place)
        .is_ok_and(|file| OpenOptions::new().read(true).custom_flags(O_DIRECT).open(file.path()).is_ok())
}

fn is_writable(place: &Path) -> bool {
    eaccess(place, AccessFlags::W_OK).is_ok()
}

/// The folder in /sys of the block device that a folder's filesystem is on, if stat(2) names one.
fn device(place: &Path) -> Option<PathBuf> {
    let number = fs::metadata(place).ok()?.dev();
    let folder = PathBuf::from(format!("/sys/dev/block/{}:{}", major(number), minor(number)));
    fs::canonicalize(folder).ok()
}
