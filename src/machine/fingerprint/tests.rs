//! Machines made of files, and this one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use procfs::CpuInfo;
use tempfile::TempDir;

use super::*;
use crate::skips::{Lack, skip};

/// A root folder holding `files`.
fn root(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// What a group of facts says of a machine made of `files`.
fn facts(files: &[(&str, &str)], group: fn(&System, &mut Facts)) -> BTreeMap<String, String> {
    let root = root(files);
    let mut facts = Facts::default();
    group(&System::at(root.path()), &mut facts);
    facts.0
}

fn cpuinfo(text: &str) -> CpuInfo {
    use procfs::FromBufRead;
    CpuInfo::from_buf_read(text.as_bytes()).unwrap()
}

#[test]
fn a_machine_that_shows_nothing_is_no_error() {
    let root = root(&[]);
    let disk = Disk::of_dir(Path::new("/no/such/folder"));
    let machine = machine(&System::at(root.path()), Path::new("/no/such/folder"), &disk);
    assert!(machine.kernel.starts_with("Linux "));
    assert!(machine.cpus >= 1);
    assert_eq!(machine.memory, 0);
    assert!(!machine.cpu.is_empty());
    assert_eq!(machine.facts.get("clocksource"), None);
}

#[test]
fn this_machine_has_a_kernel_a_processor_and_memory() {
    let dir = TempDir::new().unwrap();
    let disk = Disk::of_dir(dir.path());
    let (machine, place) = fingerprint(dir.path(), &disk);
    assert!(machine.memory > 1 << 20, "{machine:?}");
    assert!(machine.page_size.is_power_of_two());
    assert!(machine.facts.contains_key("swappiness"), "{machine:?}");
    assert!(machine.facts.contains_key("feature_o_direct"), "{machine:?}");
    assert_eq!(place.device.is_some(), place.device_reason.is_none());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "its file is gone");
}

#[test]
fn this_machine_shows_itself_to_a_user_who_is_not_root() {
    if !nix::unistd::geteuid().is_root() {
        return skip(Lack::Root, "every test of this run is without root");
    }
    // A copy, since the user may not be let into the folder of the build.
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = dir.path().join("tests");
    crate::program::copy(std::env::current_exe().unwrap(), &program);
    let test = "machine::fingerprint::tests::this_machine_has_a_kernel_a_processor_and_memory";
    let ran = Command::new(&program)
        .args(["--exact", test])
        .env("TMPDIR", dir.path())
        .current_dir(dir.path())
        .uid(65534)
        .gid(65534)
        .output();
    match ran {
        Ok(ran) => {
            let said = String::from_utf8_lossy(&ran.stdout);
            assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        }
        Err(error) => skip(Lack::Nobody, error),
    }
}

#[test]
fn a_fingerprint_names_no_host() {
    let name = nix::sys::utsname::uname().unwrap().nodename().to_string_lossy().into_owned();
    let dir = TempDir::new().unwrap();
    let (machine, _) = fingerprint(dir.path(), &Disk::of_dir(dir.path()));
    let words = |text: &str| {
        text.split(|letter: char| letter.is_whitespace() || ",;|:".contains(letter)).any(|word| word == name)
    };
    for (fact, value) in &machine.facts {
        // A host may be called after something that a fact says by itself, such as `docker`.
        assert!(!words(value) || ["container", "zram"].contains(&fact.as_str()), "{fact} = {value}");
    }
    assert!(!machine.facts.contains_key("hostname"));
}

#[test]
fn mount_options_lose_what_names_a_person_a_machine_or_a_folder() {
    for (options, shown) in [
        ("rw,relatime,size=1024k,data=ordered", "rw,relatime,size=1024k,data=ordered"),
        ("rw,compress=zstd:3,subvol=/@home", "rw,compress=zstd:3,subvol=…"),
        (
            "rw,username=ann,addr=10.0.0.1,mountaddr=nas,sec=sys,vers=4.2",
            "rw,username=…,addr=…,mountaddr=…,sec=sys,vers=4.2",
        ),
        ("ro,lowerdir=/home/ann/l,upperdir=/u", "ro,lowerdir=…,upperdir=…"),
        ("rw,nr_inodes=3083623,mode=755,size=50%", "rw,nr_inodes=3083623,mode=755,size=50%"),
    ] {
        assert_eq!(without_names(options), shown);
    }
}

#[test]
fn the_choice_in_brackets_is_the_setting() {
    let seen = facts(
        &[
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("sys/kernel/mm/transparent_hugepage/defrag", "always defer [defer+madvise] madvise never\n"),
            ("sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "always inherit madvise [never]\n"),
            ("sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled", "always [inherit] madvise never\n"),
            ("sys/kernel/mm/transparent_hugepage/hugepages-16kB/enabled", "always inherit madvise [never]\n"),
        ],
        memory::facts,
    );
    assert_eq!(seen["transparent_hugepage"], "madvise");
    assert_eq!(seen["transparent_hugepage_defrag"], "defer+madvise");
    assert_eq!(seen["hugepage_sizes"], "inherit: 2048kB; never: 16kB 64kB");
}

#[test]
fn swap_is_told_by_kind_and_never_by_path() {
    let swaps = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                 /dev/zram0                              partition\t8388604\t\t0\t\t100\n\
                 /home/ann/swap                          file\t\t8388604\t\t0\t\t-2\n";
    let seen = facts(
        &[("proc/swaps", swaps), ("sys/block/zram0/disksize", "8589934592\n"), ("sys/block/zram1/disksize", "0\n")],
        memory::facts,
    );
    assert_eq!(seen["swap_kinds"], "file, zram");
    assert_eq!(seen["zram"], "8589934592");
    assert_eq!(facts(&[("proc/swaps", swaps.lines().next().unwrap())], memory::facts).get("swap_kinds"), None);
}

#[test]
fn damon_is_on_where_a_thread_runs_and_its_actions_are_told_to_root() {
    let kdamonds = "sys/kernel/mm/damon/admin/kdamonds";
    let state = format!("{kdamonds}/0/state");
    let action = format!("{kdamonds}/0/contexts/0/schemes/0/action");
    assert_eq!(facts(&[(&state, "on\n"), (&action, "pageout\n")], memory::facts)["damon"], "on: pageout");
    assert_eq!(facts(&[(&state, "off\n"), (&action, "pageout\n")], memory::facts).get("damon"), None);
    assert_eq!(facts(&[("proc/31/comm", "kdamond.0\n"), ("proc/32/comm", "sh\n")], memory::facts)["damon"], "on");
    assert_eq!(facts(&[("proc/32/comm", "sh\n")], memory::facts).get("damon"), None);
}

#[test]
fn governors_mitigations_and_battery_are_read() {
    let cpu = "sys/devices/system/cpu";
    let seen = facts(
        &[
            (&format!("{cpu}/cpu0/cpufreq/scaling_governor"), "powersave\n"),
            (&format!("{cpu}/cpu1/cpufreq/scaling_governor"), "powersave\n"),
            (&format!("{cpu}/vulnerabilities/meltdown"), "Mitigation: PTI\n"),
            (&format!("{cpu}/vulnerabilities/mds"), "Not affected\n"),
            (&format!("{cpu}/vulnerabilities/retbleed"), "Vulnerable\n"),
            ("proc/cmdline", "root=UUID=secret quiet mitigations=off\n"),
            ("sys/class/power_supply/AC/type", "Mains\n"),
            ("sys/class/power_supply/BAT0/type", "Battery\n"),
            ("sys/class/power_supply/BAT0/status", "Discharging\n"),
            ("sys/devices/system/node/node0/cpulist", "0-1\n"),
            ("sys/devices/system/node/node1/cpulist", "2-3\n"),
        ],
        processor::facts,
    );
    assert_eq!(seen["scaling_governor"], "powersave");
    assert_eq!(seen["mitigations"], "meltdown: Mitigation: PTI | retbleed: Vulnerable");
    assert_eq!(seen["mitigations_option"], "off");
    assert_eq!(seen["power"], "battery discharging");
    assert_eq!(seen["numa_nodes"], "2");
    assert!(!seen.values().any(|value| value.contains("secret")));
}

#[test]
fn a_mouses_battery_is_not_the_machines() {
    let supply = "sys/class/power_supply/hid-1";
    let files = [
        (&*format!("{supply}/type"), "Battery\n"),
        (&*format!("{supply}/scope"), "Device\n"),
        (&*format!("{supply}/status"), "Discharging\n"),
    ];
    assert_eq!(facts(&files, processor::facts).get("power"), None);
}

const CGROUP2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

#[test]
fn a_version_2_limit_of_a_group_above_ours_counts() {
    let seen = facts(
        &[
            ("proc/self/mountinfo", CGROUP2),
            ("proc/self/cgroup", "0::/slice/app\n"),
            ("sys/fs/cgroup/slice/memory.max", "536870912\n"),
            ("sys/fs/cgroup/slice/app/memory.max", "max\n"),
            ("sys/fs/cgroup/slice/app/memory.high", "1073741824\n"),
            ("sys/fs/cgroup/slice/app/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/slice/cpu.max", "max 100000\n"),
        ],
        cgroup::facts,
    );
    assert_eq!(seen["cgroup_version"], "v2");
    assert_eq!(seen["cgroup_memory_limit"], "536870912");
    assert_eq!(seen["cgroup_memory_high"], "1073741824");
    assert_eq!(seen["cgroup_cpu_quota"], "1.50");
}

#[test]
fn version_1_says_no_limit_by_a_very_large_number_and_no_quota_by_a_negative_one() {
    let mountinfo = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                     35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    let groups = "4:memory:/app\n1:cpu,cpuacct:/app\n";
    let limit = "sys/fs/cgroup/memory/app/memory.limit_in_bytes";
    let quota = "sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us";
    let period = "sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us";
    let see = |bytes, share| {
        facts(
            &[
                ("proc/self/mountinfo", mountinfo),
                ("proc/self/cgroup", groups),
                (limit, bytes),
                (quota, share),
                (period, "100000\n"),
            ],
            cgroup::facts,
        )
    };
    let free = see("9223372036854771712\n", "-1\n");
    assert_eq!(free["cgroup_version"], "v1");
    assert_eq!((free.get("cgroup_memory_limit"), free.get("cgroup_cpu_quota")), (None, None));
    let bound = see("268435456\n", "50000\n");
    assert_eq!((&*bound["cgroup_memory_limit"], &*bound["cgroup_cpu_quota"]), ("268435456", "0.50"));
}

#[test]
fn a_container_that_sees_only_its_own_group_has_its_limit() {
    let mountinfo = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    let limit = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
    for group in ["4:memory:/docker/abc\n", "4:memory:/\n"] {
        let seen = facts(&[("proc/self/mountinfo", mountinfo), ("proc/self/cgroup", group), limit], cgroup::facts);
        assert_eq!(seen["cgroup_memory_limit"], "268435456");
    }
}

#[test]
fn hypervisors_are_named_by_processor_then_firmware() {
    let named = |files, cpuid, flagged| {
        let root = root(files);
        virtualization::named(&System::at(root.path()), cpuid, flagged, "6.1.0")
    };
    let ec2 = &[("sys/class/dmi/id/sys_vendor", "Amazon EC2\n")];
    assert_eq!(named(&[], Some("KVMKVMKVM"), true).as_deref(), Some("KVM"));
    assert_eq!(named(ec2, Some("KVMKVMKVM"), true).as_deref(), Some("KVM (Amazon EC2)"));
    assert_eq!(named(ec2, None, false), None, "a bare-metal machine of a cloud is no virtual one");
    assert_eq!(named(&[("sys/class/dmi/id/sys_vendor", "QEMU\n")], None, false).as_deref(), Some("QEMU"));
    assert_eq!(named(&[("sys/hypervisor/type", "xen\n")], None, false).as_deref(), Some("Xen"));
    assert_eq!(named(&[], None, true).as_deref(), Some("unknown hypervisor"));
    assert_eq!(named(&[("sys/class/dmi/id/sys_vendor", "Dell Inc.\n")], None, false), None);
}

#[test]
fn wsl_and_containers_are_recognised() {
    let empty = root(&[]);
    let system = System::at(empty.path());
    assert_eq!(
        virtualization::named(&system, None, false, "5.15.0-microsoft-standard-WSL2").as_deref(),
        Some("Hyper-V (WSL)")
    );
    assert_eq!(virtualization::container(&system), None);
    let docker = root(&[(".dockerenv", "")]);
    assert_eq!(virtualization::container(&System::at(docker.path())).as_deref(), Some("docker"));
}

#[test]
fn a_processor_without_a_name_has_its_numbers() {
    let empty = root(&[]);
    let system = System::at(empty.path());
    let intel = cpuinfo("processor\t: 0\nmodel name\t: Intel(R) Xeon(R)\n\n");
    assert_eq!(processor::name(Some(&intel), &system), "Intel(R) Xeon(R)");
    let arm = cpuinfo("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\n");
    assert!(processor::name(Some(&arm), &system).ends_with("implementer 0x41, part 0xd0c"));
    let board = root(&[("sys/firmware/devicetree/base/model", "Raspberry Pi 5\0")]);
    assert_eq!(processor::name(None, &System::at(board.path())), "Raspberry Pi 5");
}
