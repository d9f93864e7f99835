//! Each warning, from a machine made for it: alone, and not without its cause.

use std::path::PathBuf;

use super::*;
use crate::os::disk::{BlockDevice, ReadAhead};

fn ahead(kib: u64) -> Option<ReadAhead> {
    Some(ReadAhead { kib, bdi: "8:0".to_owned() })
}

/// A machine, folder and disk that nothing is wrong with.
#[derive(Clone)]
struct Place {
    machine: Machine,
    dir: Dir,
    disk: Disk,
}

impl Place {
    fn quiet() -> Self {
        let machine = Machine {
            kernel: "Linux 6.18".to_owned(),
            cpus: 8,
            memory: 16 << 30,
            page_size: 4096,
            ..Machine::default()
        };
        let dir = Dir {
            filesystem: "ext4".to_owned(),
            device: Some("sda".to_owned()),
            device_reason: None,
            mount_options: "rw,relatime".to_owned(),
        };
        let device = BlockDevice {
            name: "sda".to_owned(),
            sys: PathBuf::from("/sys/block/sda"),
            stat: PathBuf::from("/sys/block/sda/stat"),
            counts_flushes: Some(true),
            loop_backing: None,
        };
        let disk = Disk {
            filesystem: "ext4".to_owned(),
            mount_point: PathBuf::from("/"),
            mount_options: "rw,relatime".to_owned(),
            source: "/dev/sda1".to_owned(),
            device: Ok(device),
            is_memory: false,
            is_network: false,
            read_ahead: ahead(128),
        };
        let mut place = Self { machine, dir, disk };
        for (name, value) in [
            ("clocksource", "tsc"),
            ("scaling_governor", "performance"),
            ("load_average", "0.10 0.20 0.30"),
            ("memory_available", "12884901888"),
            ("transparent_hugepage", "madvise"),
            ("damon_reclaim", "N"),
            ("power", "battery full"),
            ("write_cache", "write back"),
        ] {
            place = place.with(name, value);
        }
        place
    }

    fn with(mut self, fact: &str, value: &str) -> Self {
        self.machine.facts.insert(fact.to_owned(), value.to_owned());
        self
    }

    fn mounted(mut self, option: &str) -> Self {
        self.dir.mount_options = format!("rw,{option},relatime");
        self
    }

    fn filesystem(mut self, name: &str, reason: &str) -> Self {
        self.dir.filesystem = name.to_owned();
        self.disk.filesystem = name.to_owned();
        self.disk.device = Err(reason.to_owned());
        self
    }

    fn device(mut self, change: impl FnOnce(&mut BlockDevice)) -> Self {
        if let Ok(device) = &mut self.disk.device {
            change(device);
        }
        self
    }

    fn warnings(&self) -> Vec<Warning> {
        warnings(&self.machine, &self.dir, &self.disk)
    }

    fn codes(&self) -> Vec<String> {
        self.warnings().into_iter().map(|warning| warning.code).collect()
    }

    /// The one warning that this place has.
    #[track_caller]
    fn only(&self, code: &str) -> Warning {
        assert_eq!(self.codes(), [code]);
        self.warnings().remove(0)
    }
}

#[test]
fn a_quiet_machine_has_no_warnings() {
    assert_eq!(Place::quiet().warnings(), []);
}

#[test]
fn a_machine_that_is_not_known_has_no_warnings_about_what_is_not_known() {
    let mut place = Place::quiet();
    place.machine.facts.clear();
    place.disk.read_ahead = None;
    assert_eq!(place.warnings(), []);
}

#[test]
fn a_memory_filesystem() {
    let mut place = Place::quiet().filesystem("tmpfs", "tmpfs keeps its files in memory");
    place.disk.is_memory = true;
    assert!(place.only("memory_filesystem").text.contains("tmpfs"));
    let mut zram = Place::quiet().device(|device| device.name = "zram0".to_owned());
    zram.disk.is_memory = true;
    assert!(zram.only("memory_filesystem").text.contains("zram0"));
}

#[test]
fn a_network_filesystem_whose_counters_are_missing_too() {
    let mut place = Place::quiet().filesystem("nfs4", "nfs4 is served by another machine");
    place.disk.is_network = true;
    assert_eq!(place.codes(), ["network_filesystem", "no_device_counters"]);
}

#[test]
fn an_overlay() {
    assert_eq!(Place::quiet().filesystem("overlay", "several").codes(), ["overlay", "no_device_counters"]);
}

#[test]
fn a_filesystem_of_a_program_but_not_a_network_one_twice() {
    assert_eq!(Place::quiet().filesystem("fuse.encfs", "FUSE").codes(), ["fuse", "no_device_counters"]);
    let mut sshfs = Place::quiet().filesystem("fuse.sshfs", "network");
    sshfs.disk.is_network = true;
    assert_eq!(sshfs.codes(), ["network_filesystem", "no_device_counters"]);
}

#[test]
fn a_loop_device_without_the_path_of_its_file() {
    let place = Place::quiet().device(|device| {
        device.name = "loop3".to_owned();
        device.loop_backing = Some("/home/ann/disk.img".to_owned());
    });
    let warning = place.only("loop_device");
    assert!(warning.text.contains("loop3") && !warning.text.contains("ann"));
}

#[test]
fn a_device_that_cannot_be_read_says_why() {
    let warning = Place::quiet().filesystem("ext4", "the filesystem spans 2 disks").only("no_device_counters");
    assert!(warning.text.contains("spans 2 disks"));
}

#[test]
fn a_disk_that_is_sent_no_flushes() {
    let none = Place::quiet().device(|device| device.counts_flushes = Some(false));
    assert!(none.only("flushes_not_counted").text.contains("did not raise"));
    assert!(none.with("write_cache", "write through").only("flushes_not_counted").text.contains("no volatile cache"));
    assert_eq!(Place::quiet().device(|device| device.counts_flushes = None).codes(), Vec::<String>::new());
}

#[test]
fn mount_options_that_change_what_a_sync_is() {
    Place::quiet().mounted("nobarrier").only("no_barriers");
    Place::quiet().mounted("barrier=0").only("no_barriers");
    Place::quiet().mounted("sync").only("sync_mount");
    Place::quiet().mounted("data=journal").only("data_journal");
    Place::quiet().mounted("dax=always").only("dax");
    assert_eq!(Place::quiet().mounted("barrier=1,data=ordered,dax=never,async").codes(), Vec::<String>::new());
}

#[test]
fn compression() {
    Place::quiet().mounted("compress=zstd:3").only("compressed");
    Place::quiet().mounted("compress-force=lzo").only("compressed");
    assert_eq!(Place::quiet().mounted("compress=no").codes(), Vec::<String>::new());
}

#[test]
fn readahead_above_a_mebibyte() {
    let mut place = Place::quiet();
    place.disk.read_ahead = ahead(1024);
    assert_eq!(place.codes(), Vec::<String>::new());
    place.disk.read_ahead = ahead(8192);
    let warning = place.only("large_readahead");
    assert!(warning.text.contains("8 MiB"), "{}", warning.text);
    assert!(warning.fix.contains("/sys/class/bdi/8:0/read_ahead_kb"), "{}", warning.fix);
}

#[test]
fn a_virtual_machine() {
    let mut place = Place::quiet();
    place.machine.virtualization = Some("KVM".to_owned());
    assert!(place.only("virtual_machine").text.contains("cold in the guest only"));
}

#[test]
fn one_processor() {
    let mut place = Place::quiet();
    place.machine.cpus = 1;
    place.only("one_processor");
}

#[test]
fn a_processor_quota() {
    assert!(Place::quiet().with("cgroup_cpu_quota", "1.50").only("cpu_quota").text.contains("1.50"));
}

#[test]
fn a_load_of_half_the_processors() {
    Place::quiet().with("load_average", "4.00 0 0").only("load");
    assert_eq!(Place::quiet().with("load_average", "3.99 9 9").codes(), Vec::<String>::new());
}

#[test]
fn a_governor_that_changes_the_clock() {
    let governed = Place::quiet().with("scaling_governor", "schedutil");
    let unseen = governed.only("frequency_governor").text;
    assert!(unseen.contains("schedutil") && unseen.contains("Nothing here tells"), "{unseen}");
    let seen = governed.with("frequency_khz", "3000000").only("frequency_governor").text;
    assert!(seen.contains("are dropped"), "{seen}");
}

#[test]
fn a_battery_that_empties() {
    Place::quiet().with("power", "battery discharging").only("battery");
}

#[test]
fn a_clock_that_is_not_tsc() {
    let hpet = Place::quiet().with("clocksource", "hpet");
    assert!(hpet.clone().with("clocksource_available", "tsc hpet").only("clock_source").fix.contains("echo tsc"));
    assert!(hpet.clone().with("clocksource_available", "hpet acpi_pm").only("clock_source").fix.contains("no tsc"));
    let shared = Place::quiet().with("clocksource", "kvm-clock").only("clock_source");
    assert!(shared.text.contains("latencies") && !shared.text.contains("Ratios hold"), "{}", shared.text);
    assert!(hpet.only("clock_source").text.contains("Ratios hold"));
    assert_eq!(Place::quiet().with("clocksource", "arch_sys_counter").codes(), Vec::<String>::new());
}

#[test]
fn a_memory_limit_near_the_files_sizes() {
    let warning = Place::quiet().with("cgroup_memory_limit", "536870912").only("memory_limit");
    assert!(warning.text.contains("512 MiB") && warning.text.contains("256 MiB"), "{}", warning.text);
    Place::quiet().with("cgroup_memory_high", "536870912").only("memory_limit");
    assert_eq!(Place::quiet().with("cgroup_memory_limit", "2147483648").codes(), Vec::<String>::new());
}

#[test]
fn little_memory_available() {
    Place::quiet().with("memory_available", "536870912").only("little_memory");
}

#[test]
fn huge_pages_for_everyone() {
    Place::quiet().with("transparent_hugepage", "always").only("huge_pages_always");
}

#[test]
fn damon_that_takes_pages_away() {
    Place::quiet().with("damon_reclaim", "Y").only("damon");
    assert!(Place::quiet().with("damon", "on: pageout").only("damon").text.contains("and takes"));
    assert!(Place::quiet().with("damon", "on").only("damon").text.contains("may take"));
    assert_eq!(Place::quiet().with("damon", "on: stat").codes(), Vec::<String>::new());
}

#[test]
fn swap_on_compressed_memory() {
    Place::quiet().with("swap_kinds", "file, zram").only("swap_on_zram");
    assert_eq!(Place::quiet().with("swap_kinds", "partition").codes(), Vec::<String>::new());
}

#[test]
fn every_warning_is_of_sentences() {
    let mut place = Place::quiet()
        .with("damon", "on")
        .with("swap_kinds", "zram")
        .with("transparent_hugepage", "always")
        .with("memory_available", "1")
        .with("cgroup_memory_limit", "1")
        .with("clocksource", "hpet")
        .with("power", "battery discharging")
        .with("scaling_governor", "powersave")
        .with("load_average", "9 9 9")
        .with("cgroup_cpu_quota", "0.50")
        .mounted("sync,nobarrier,data=journal,dax,compress=lzo")
        .device(|device| device.counts_flushes = Some(false));
    place.machine.virtualization = Some("KVM".to_owned());
    place.machine.cpus = 1;
    place.disk.read_ahead = ahead(4096);
    let all = place.warnings();
    assert_eq!(all.len(), 19, "{:?}", place.codes());
    for warning in all {
        assert!(warning.text.ends_with('.') && warning.fix.ends_with('.'), "{warning:?}");
        assert!(warning.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{warning:?}");
    }
}

#[test]
fn sizes_read_at_a_glance() {
    assert_eq!(size(128 << 10), "128 KiB");
    assert_eq!(size(256 << 20), "256 MiB");
    assert_eq!(size(2560 << 10), "2.5 MiB");
    assert_eq!(size(3 << 29), "1.5 GiB");
}
