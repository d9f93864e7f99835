//! A small filesystem on a loop device, of the test's own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;
use tempfile::TempDir;

use super::skips::{Lack, skip};
use super::support::folder;

/// Unmounted and removed when dropped.
pub struct Small {
    place: TempDir,
    mounted: PathBuf,
}

impl Small {
    /// An ext4 or btrfs of `mib` MiB. `None` where this machine cannot make one, said visibly.
    #[track_caller]
    pub fn make(kind: &str, mib: u64) -> Option<Self> {
        if !geteuid().is_root() {
            skip(Lack::Root, "only root may mount");
            return None;
        }
        if !Path::new("/dev/loop-control").exists() {
            skip(Lack::LoopDevices, "there are no loop devices");
            return None;
        }
        let place = folder();
        let (image, mounted) = (place.path().join("image"), place.path().join("mounted"));
        File::create(&image).unwrap().set_len(mib << 20).unwrap();
        fs::create_dir(&mounted).unwrap();
        let (mkfs, kernel) = match kind {
            "btrfs" => (Lack::MkfsBtrfs, Lack::KernelBtrfs),
            _ => (Lack::MkfsExt4, Lack::KernelExt4),
        };
        match Command::new(format!("mkfs.{kind}")).arg("-q").arg(&image).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                skip(mkfs, format!("mkfs.{kind}: {error}"));
                return None;
            }
        }
        let output = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mounted).output().unwrap();
        if !output.status.success() {
            skip(kernel, String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(Self { place, mounted })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mounted
    }

    /// A folder beside it, on the disk that holds its image.
    pub fn beside(&self) -> PathBuf {
        self.place.path().join("out")
    }

    /// Lets writes wait until [`Small::thaw`] (fsfreeze(8)).
    pub fn freeze(&self) {
        assert!(Command::new("fsfreeze").arg("-f").arg(&self.mounted).status().unwrap().success());
    }

    pub fn thaw(&self) {
        let _ = Command::new("fsfreeze").arg("-u").arg(&self.mounted).output();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.thaw();
        for _ in 0..100 {
            if Command::new("umount").arg(&self.mounted).output().is_ok_and(|output| output.status.success()) {
                return;
            }
            // A worker that was killed lets go of it a moment later.
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}
