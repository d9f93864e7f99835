//! Mounts of every kind, from mountinfo texts; devices of every kind, from a sysfs made for the test.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::mount::{self, Mount};
use super::*;
use crate::skips::{Lack, skip, skip_in};

/// A machine with one disk in partitions, a btrfs with two subvolumes, and what containers and servers add.
const MOUNTINFO: &str = r"22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/root rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
24 22 0:35 /@home /home rw,noatime shared:30 - btrfs /dev/sda3 rw,compress=zstd:3,space_cache=v2,subvolid=257,subvol=/@home
25 24 0:35 /@data /home/data rw,noatime shared:31 - btrfs /dev/sda3 rw,compress=zstd:3,subvolid=258,subvol=/@data
26 22 0:44 / /var/lib/docker/overlay2/x/merged rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
27 22 0:50 / /srv/nfs rw,relatime shared:40 - nfs4 server:/export/a\040b rw,vers=4.2,addr=10.0.0.1
28 22 0:28 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,size=1024k
29 22 8:2 /srv/real /srv/bind ro,relatime shared:1 - ext4 /dev/root rw,errors=remount-ro
30 22 8:17 / /mnt rw,relatime - xfs /dev/sdb1 rw,attr2,inode64
31 30 0:60 / /mnt rw,relatime - tmpfs none rw
32 22 8:18 / /media/my\040disk rw - ext4 /dev/sdb2 rw
33 22 0:70 / /remote rw - fuse.sshfs me@host:/ rw,user_id=1000
this line is not one of mountinfo
34 22 8:19 / /plain/deep rw - ext4 /dev/sdb3 rw
35 22 8:20 / /plain rw - ext4 /dev/sdb4 rw
";

fn mount_of(dir: &str, id: Option<i32>) -> Mount {
    mount::find(&mount::parse(MOUNTINFO), Path::new(dir), id).expect("every folder lies below /").clone()
}

/// A `/sys` with sda (two partitions), sdb, dm-0 on sda2, dm-1 on sda1 and sdb, dm-2 on dm-0, loop0, zram0.
fn sysfs() -> TempDir {
    let root = TempDir::new().unwrap();
    let at = |path: &str| root.path().join(path);
    let dir = |path: &str| fs::create_dir_all(at(path)).unwrap();
    let write = |path: &str, text: &str| fs::write(at(path), text).unwrap();
    dir("dev/block");
    dir("class/block");
    dir("class/bdi/0:50");
    write("class/bdi/0:50/read_ahead_kb", "15360\n");
    for (path, number) in [
        ("devices/pci/sda", "8:0"),
        ("devices/pci/sda/sda1", "8:1"),
        ("devices/pci/sda/sda2", "8:2"),
        ("devices/pci/sdb", "8:16"),
        ("devices/pci/sdb/sdb1", "8:17"),
        ("devices/virtual/dm-0", "253:0"),
        ("devices/virtual/dm-1", "253:1"),
        ("devices/virtual/dm-2", "253:2"),
        ("devices/virtual/loop0", "7:0"),
        ("devices/virtual/zram0", "252:0"),
    ] {
        dir(path);
        symlink(at(path), at("dev/block").join(number)).unwrap();
        symlink(at(path), at("class/block").join(Path::new(path).file_name().unwrap())).unwrap();
    }
    for partition in ["sda/sda1", "sda/sda2", "sdb/sdb1"] {
        write(&format!("devices/pci/{partition}/partition"), "1\n");
    }
    for (disk, bdi, kib) in [("pci/sda", "8:0", "128"), ("pci/sdb", "8:16", "256"), ("virtual/dm-0", "253:0", "4096")] {
        dir(&format!("devices/{disk}/queue"));
        write(&format!("devices/{disk}/queue/iostats"), "1\n");
        dir(&format!("devices/virtual/bdi/{bdi}"));
        write(&format!("devices/virtual/bdi/{bdi}/read_ahead_kb"), kib);
        symlink(at(&format!("devices/virtual/bdi/{bdi}")), at(&format!("devices/{disk}/bdi"))).unwrap();
    }
    for (device, slave) in [("dm-0", "sda2"), ("dm-1", "sda1"), ("dm-1", "sdb"), ("dm-2", "dm-0")] {
        dir(&format!("devices/virtual/{device}/slaves"));
        dir(&format!("devices/virtual/{device}/dm"));
        write(&format!("devices/virtual/{device}/dm/name"), &format!("vg-{device}\n"));
        symlink(at("class/block").join(slave), at(&format!("devices/virtual/{device}/slaves/{slave}"))).unwrap();
    }
    dir("devices/virtual/loop0/loop");
    write("devices/virtual/loop0/loop/backing_file", "/srv/disk.img\n");
    root
}

fn mounted(filesystem: &str, source: &str, device: (u32, u32)) -> Mount {
    Mount {
        id: 1,
        point: PathBuf::from("/"),
        filesystem: filesystem.to_owned(),
        source: source.to_owned(),
        options: "rw".to_owned(),
        device,
    }
}

fn disk(filesystem: &str, source: &str, device: (u32, u32), sys: &TempDir) -> Disk {
    Disk::of_mount(mounted(filesystem, source, device), Path::new("/proc"), sys.path())
}

fn reason(filesystem: &str, source: &str) -> String {
    disk(filesystem, source, (0, 50), &sysfs()).device.unwrap_err()
}

#[test]
fn a_folder_lies_on_the_longest_mount_point_above_it() {
    assert_eq!(mount_of("/home/me/work", None).id, 24);
    assert_eq!(mount_of("/home/data/x", None).options, "rw,compress=zstd:3,noatime,subvol=/@data,subvolid=258");
    assert_eq!(mount_of("/homework", None).id, 22, "/home is not above /homework");
    assert_eq!(mount_of("/plain/deep/er", None).id, 34, "order in the file does not matter");
}

#[test]
fn a_mount_over_a_mount_hides_it() {
    let seen = mount_of("/mnt/data", None);
    assert_eq!((seen.id, seen.filesystem.as_str()), (31, "tmpfs"));
}

#[test]
fn the_kernels_mount_number_decides_where_a_shorter_mount_hides_a_longer_one() {
    assert_eq!(mount_of("/plain/deep/er", Some(35)).id, 35);
    assert_eq!(mount_of("/plain/deep/er", Some(999)).id, 34, "a number that mountinfo does not list is no answer");
}

#[test]
fn a_bind_mount_has_its_own_options_and_the_device_of_what_it_shows() {
    let seen = mount_of("/srv/bind/x", None);
    assert_eq!(seen.device, (8, 2));
    assert_eq!(seen.options, "ro,errors=remount-ro,relatime");
}

#[test]
fn escaped_spaces_are_read_as_spaces() {
    assert_eq!(mount_of("/media/my disk/x", None).id, 32);
    assert_eq!(mount_of("/srv/nfs", None).source, "server:/export/a b");
}

#[test]
fn a_line_that_is_not_understood_takes_no_other_with_it() {
    assert_eq!(mount::parse(MOUNTINFO).len(), MOUNTINFO.lines().count() - 1);
}

#[test]
fn a_filesystem_on_a_partition_has_its_whole_disk() {
    let seen = disk("ext4", "/dev/root", (8, 2), &sysfs());
    let device = seen.device.unwrap();
    assert_eq!(device.name, "sda");
    assert!(device.stat.ends_with("devices/pci/sda/stat"));
    assert_eq!(device.counts_flushes, None);
    assert_eq!(device.loop_backing, None);
    assert_eq!(seen.read_ahead, Some(ReadAhead { kib: 128, bdi: "8:0".to_owned() }));
    assert!(!seen.is_memory && !seen.is_network);
}

#[test]
fn device_mapper_is_followed_down_to_its_one_disk_but_reads_ahead_by_itself() {
    let seen = disk("ext4", "/dev/mapper/vg-root", (253, 0), &sysfs());
    assert_eq!(seen.device.unwrap().name, "sda");
    assert_eq!(seen.read_ahead, Some(ReadAhead { kib: 4096, bdi: "253:0".to_owned() }));
    assert_eq!(disk("xfs", "/dev/mapper/x", (253, 2), &sysfs()).device.unwrap().name, "sda", "through two layers");
}

#[test]
fn a_volume_over_two_disks_has_no_one_device() {
    let reason = disk("ext4", "/dev/mapper/x", (253, 1), &sysfs()).device.unwrap_err();
    assert!(reason.contains("2 disks (sda, sdb)"), "{reason}");
}

#[test]
fn a_log_on_another_disk_makes_two_devices() {
    let sys = sysfs();
    let mut mount = mounted("xfs", "/dev/sda1", (8, 1));
    mount.options = "rw,logdev=/dev/of-a-container/sdb1".to_owned();
    let reason = Disk::of_mount(mount, Path::new("/proc"), sys.path()).device.unwrap_err();
    assert!(reason.contains("2 disks"), "{reason}");
}

#[test]
fn a_source_whose_device_number_is_anonymous_is_found_by_its_name() {
    let sys = sysfs();
    assert_eq!(disk("btrfs", "/dev/of-a-container/sda2", (0, 35), &sys).device.unwrap().name, "sda");
    assert_eq!(disk("btrfs", "/dev/mapper/vg-dm-2", (0, 35), &sys).device.unwrap().name, "sda");
    assert!(disk("bcachefs", "/dev/x/sda1:/dev/x/sdb1", (0, 35), &sys).device.unwrap_err().contains("2 disks"));
}

#[test]
fn a_loop_device_is_the_device_and_names_the_file_behind_it() {
    let device = disk("ext4", "/dev/loop0", (7, 0), &sysfs()).device.unwrap();
    assert_eq!(device.name, "loop0");
    assert_eq!(device.loop_backing.as_deref(), Some("/srv/disk.img"));
}

#[test]
fn a_disk_that_keeps_no_counters_is_no_evidence() {
    let sys = sysfs();
    fs::write(sys.path().join("devices/pci/sda/queue/iostats"), "0\n").unwrap();
    let reason = disk("ext4", "/dev/sda1", (8, 1), &sys).device.unwrap_err();
    assert!(reason.contains("sda keeps no counters"), "{reason}");
}

#[test]
fn memory_network_overlay_and_fuse_say_why_they_have_no_device() {
    assert!(reason("tmpfs", "tmpfs").contains("in memory"));
    assert!(reason("nfs4", "server:/x").contains("another machine"));
    assert!(reason("virtiofs", "tag").contains("the host"));
    assert!(reason("overlay", "overlay").contains("several filesystems"));
    assert!(reason("fuse.sshfs", "me@host:/").contains("another machine"));
    assert!(reason("fuse.encfs", "encfs").contains("FUSE"));
    assert!(reason("zfs", "pool/data").contains("pool"));
    assert!(reason("newfs", "some-name").contains("not a block device"));
    assert!(reason("newfs", "/dev/of-a-container/nothing").contains("cannot be looked at"));
    for source in ["ulrike@server", "/home/ulrike/image"] {
        assert!(!reason("newfs", source).contains("ulrike"), "a reason is published, and names nobody");
    }
}

#[test]
fn memory_and_network_are_told_apart_from_disks() {
    let sys = sysfs();
    assert!(disk("tmpfs", "tmpfs", (0, 28), &sys).is_memory);
    assert!(disk("ext4", "/dev/zram0", (252, 0), &sys).is_memory);
    let nfs = disk("nfs4", "server:/x", (0, 50), &sys);
    assert!(nfs.is_network && !nfs.is_memory);
    assert_eq!(nfs.read_ahead, Some(ReadAhead { kib: 15360, bdi: "0:50".to_owned() }));
    assert!(disk("fuse.sshfs", "me@host:/", (0, 70), &sys).is_network);
}

#[test]
fn a_folder_of_this_machine_has_a_filesystem_and_a_device_or_a_reason() {
    let dir = TempDir::new().unwrap();
    let seen = Disk::of_dir(dir.path());
    assert_ne!(seen.filesystem, "unknown");
    assert!(dir.path().canonicalize().unwrap().starts_with(&seen.mount_point));
    match seen.device {
        Ok(device) => assert!(StatReader::open(&device.stat).unwrap().read().unwrap().written_bytes > 0),
        Err(reason) => assert!(reason.contains(' '), "a sentence, not {reason:?}"),
    }
}

#[test]
fn proc_has_no_device_and_a_missing_folder_is_no_panic() {
    assert_eq!(Disk::of_dir(Path::new("/proc")).filesystem, "proc");
    assert!(Disk::of_dir(Path::new("/proc")).device.is_err());
    let _ = Disk::of_dir(Path::new("/no/such/folder"));
}

#[test]
fn probing_leaves_an_answer_and_no_file() {
    // Beside the sources, since the system's temporary folder is often in memory.
    let Ok(dir) = tempfile::Builder::new().prefix(".pagewise-test-").tempdir_in(env!("CARGO_MANIFEST_DIR")) else {
        return skip(Lack::WritableSources, "no folder can be made there");
    };
    let mut disk = Disk::of_dir(dir.path());
    let had_device = disk.device.is_ok();
    disk.probe_flushes(dir.path()).unwrap();
    match &disk.device {
        Ok(device) => assert!(device.counts_flushes.is_some()),
        Err(reason) => assert!(!had_device || reason.contains("did not show"), "{reason}"),
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn probing_where_nothing_can_be_written_is_an_error_that_names_the_folder() {
    let mut disk = Disk::of_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    if disk.device.is_err() {
        return skip_in(Path::new(env!("CARGO_MANIFEST_DIR")), Lack::BlockDevice, "nothing is there to be probed");
    }
    let error = disk.probe_flushes(Path::new("/proc")).unwrap_err();
    assert!(error.to_string().contains("/proc"), "{error}");
    assert_eq!(disk.device.unwrap().counts_flushes, None);
}
