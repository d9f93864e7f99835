//! Whether this is a virtual machine, and whether we are in a container.

use procfs::CpuInfo;

use super::system::System;
use crate::os::probe;

/// Hypervisors by the name that they give in CPUID.
const CPUID: [(&str, &str); 11] = [
    ("KVMKVMKVM", "KVM"),
    ("Linux KVM Hv", "KVM"),
    ("TCGTCGTCGTCG", "QEMU without KVM"),
    ("Microsoft Hv", "Hyper-V"),
    ("VMwareVMware", "VMware"),
    ("XenVMMXenVMM", "Xen"),
    ("VBoxVBoxVBox", "VirtualBox"),
    ("bhyve bhyve", "bhyve"),
    ("ACRNACRNACRN", "ACRN"),
    ("prl hyperv", "Parallels"),
    ("lrpepyh vr", "Parallels"),
];

/// Virtual machines by what their firmware says of itself (vendor or product). Clouds are among them whose
/// bare-metal machines say the same, so that this only adds to what the processor says, except where it names a hypervisor.
const FIRMWARE: [(&str, &str, bool); 12] = [
    ("QEMU", "QEMU", true),
    ("VMware", "VMware", true),
    ("innotek GmbH", "VirtualBox", true),
    ("VirtualBox", "VirtualBox", true),
    ("Xen", "Xen", true),
    ("Bochs", "Bochs", true),
    ("Parallels", "Parallels", true),
    ("Apple Virtualization", "Apple Virtualization", true),
    ("Virtual Machine", "Hyper-V", true),
    ("Amazon EC2", "Amazon EC2", false),
    ("Google", "Google Compute Engine", false),
    ("OpenStack", "OpenStack", false),
];

/// The hypervisor's name, with the cloud's where the firmware tells: `KVM (Amazon EC2)`. `None` on bare metal.
pub(super) fn name(system: &System, cpuinfo: Option<&CpuInfo>, release: &str) -> Option<String> {
    named(system, probe::hypervisor().as_deref(), flagged(cpuinfo), release)
}

/// As [`name`], from what CPUID and cpuinfo said.
pub(super) fn named(system: &System, cpuid: Option<&str>, flagged: bool, release: &str) -> Option<String> {
    if release.to_lowercase().contains("microsoft") {
        return Some("Hyper-V (WSL)".to_owned());
    }
    let firmware = firmware(system);
    let hypervisor = cpuid
        .map(|said| {
            CPUID.iter().find(|(name, _)| *name == said).map_or_else(|| unknown(said), |(_, known)| (*known).to_owned())
        })
        .or_else(|| system.text("sys/hypervisor/type").map(|kind| if kind == "xen" { "Xen".to_owned() } else { kind }))
        .or_else(|| system.text("sys/firmware/devicetree/base/hypervisor/compatible"))
        .or_else(|| firmware.filter(|(_, certain)| *certain).map(|(known, _)| known.to_owned()))
        .or_else(|| flagged.then(|| "unknown hypervisor".to_owned()))?;
    Some(match firmware {
        Some((known, false)) => format!("{hypervisor} ({known})"),
        _ => hypervisor,
    })
}

fn unknown(said: &str) -> String {
    if said.is_empty() { "unknown hypervisor".to_owned() } else { said.to_owned() }
}

/// The `hypervisor` flag, which the kernel shows in /proc/cpuinfo on x86.
fn flagged(cpuinfo: Option<&CpuInfo>) -> bool {
    cpuinfo.and_then(|cpus| cpus.flags(0)).is_some_and(|flags| flags.contains(&"hypervisor"))
}

/// What the firmware's vendor and product stand for. Serial numbers lie in the same folder, and are not read.
fn firmware(system: &System) -> Option<(&'static str, bool)> {
    let said: Vec<String> = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"]
        .iter()
        .filter_map(|name| system.text(format!("sys/class/dmi/id/{name}")))
        .collect();
    FIRMWARE
        .iter()
        .find(|(text, ..)| said.iter().any(|line| line.starts_with(text)))
        .map(|(_, known, certain)| (*known, *certain))
}

/// The kind of container, by the marks that container managers leave.
pub(super) fn container(system: &System) -> Option<String> {
    if let Some(kind) = system.text("run/systemd/container") {
        return Some(kind);
    }
    let marks =
        [(".dockerenv", "docker"), ("run/.containerenv", "podman"), ("var/run/secrets/kubernetes.io", "kubernetes")];
    marks.iter().find(|(path, _)| system.path(path).exists()).map(|(_, kind)| (*kind).to_owned())
}
