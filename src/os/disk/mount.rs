//! Which mount a folder lies on: /proc/self/mountinfo (proc_pid_mountinfo(5)).

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc;
use procfs::process::MountInfo;

/// A line of mountinfo, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The kernel's number for it; /proc/self/fdinfo names the same.
    pub id: i32,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The filesystem's type, with a FUSE server's subtype: `fuse.sshfs`.
    pub filesystem: String,
    /// What was mounted; empty where there is nothing to name.
    pub source: String,
    /// Options of the mount and of the filesystem, `rw` or `ro` first, the rest sorted.
    pub options: String,
    /// `st_dev` of its files: of major 0 where it names no device.
    pub device: (u32, u32),
}

impl Mount {
    /// The devices that the source names: bcachefs joins several by a colon.
    pub(super) fn sources(&self) -> impl Iterator<Item = &str> {
        let joined = self.filesystem == "bcachefs";
        self.source.split(move |letter| joined && letter == ':')
    }
}

/// The mount that `dir` lies on.
///
/// # Errors
/// A sentence, where mountinfo cannot be read or names no mount for it.
pub(super) fn of_dir(dir: &Path) -> Result<Mount, String> {
    let path = "/proc/self/mountinfo";
    let text = std::fs::read(path)
        .map_err(|error| format!("{path} cannot be read ({error}), so the mount below is unknown"))?;
    let mounts = parse(&String::from_utf8_lossy(&text));
    let dir = dir.canonicalize().or_else(|_| std::path::absolute(dir)).unwrap_or_else(|_| dir.to_path_buf());
    find(&mounts, &dir, mount_id(&dir)).cloned().ok_or_else(|| format!("{path} names no mount for this folder"))
}

/// The mounts of a mountinfo text. A line that cannot be understood is left out; it takes no other with it.
pub(super) fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(|line| MountInfo::from_line(line).ok()).filter_map(mount).collect()
}

fn mount(info: MountInfo) -> Option<Mount> {
    let (major, minor) = info.majmin.split_once(':')?;
    Some(Mount {
        id: info.mnt_id,
        point: PathBuf::from(unescape(&info.mount_point.to_string_lossy())),
        filesystem: info.fs_type,
        source: unescape(&info.mount_source.unwrap_or_default()),
        options: options(info.mount_options, info.super_options),
        device: (major.parse().ok()?, minor.parse().ok()?),
    })
}

/// The mount of `dir` (absolute, without symlinks): the one whose number the kernel gives for the open folder; where it gives
/// none, the longest mount point that `dir` lies below, and of several at the same point the last, which covers the others.
///
/// The number comes first since only it is right where a later mount hides an earlier one's longer mount point.
pub(super) fn find<'a>(mounts: &'a [Mount], dir: &Path, id: Option<i32>) -> Option<&'a Mount> {
    // A mountinfo decoded with replacement characters is compared with a folder decoded the same way.
    let dir = PathBuf::from(dir.to_string_lossy().into_owned());
    mounts.iter().find(|mount| Some(mount.id) == id).or_else(|| {
        mounts.iter().filter(|mount| dir.starts_with(&mount.point)).max_by_key(|mount| mount.point.components().count())
    })
}

/// The number of the mount that `dir` lies on (`mnt_id` of /proc/self/fdinfo, since Linux 3.15).
fn mount_id(dir: &Path) -> Option<i32> {
    let folder: File = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(dir).ok()?;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", folder.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
}

/// Both kinds of options as one list. A mount or a filesystem that is `ro` cannot be written, whatever the other says.
fn options(of_mount: HashMap<String, Option<String>>, of_filesystem: HashMap<String, Option<String>>) -> String {
    let mut all: BTreeMap<String, Option<String>> = of_mount.into_iter().chain(of_filesystem).collect();
    let read_only = all.remove("ro").is_some();
    all.remove("rw");
    let mut text = if read_only { "ro" } else { "rw" }.to_owned();
    for (name, value) in all.into_iter().filter(|(name, _)| !name.is_empty()) {
        text.push(',');
        text.push_str(&name);
        if let Some(value) = value {
            text.push('=');
            text.push_str(&unescape(&value));
        }
    }
    text
}

/// Undoes the kernel's octal escapes of space, tab, newline, backslash and `#` (fs/proc_namespace.c, mangle): `\040` is a space.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        match code {
            Some(code) => {
                plain.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                plain.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}
