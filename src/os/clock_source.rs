//! Which clock the kernel keeps time by, and whether a program can read it without entering the kernel.
//!
//! clock_gettime(2) through the vDSO reads a counter that the processor shows to programs, or a page that the hypervisor shares; where the
//! clock source has no such mode (`vdso_clock_mode` of its driver is none), each reading is a system call, and for a device such as hpet
//! or acpi_pm one that goes out to the chipset.

/// The kernel's clock source, below the root folder (Documentation/ABI/testing/sysfs-devices-system-clocksource is its list of names).
pub const CURRENT: &str = "sys/devices/system/clocksource/clocksource0/current_clocksource";

/// A register of the processor, by the drivers that set `vdso_clock_mode` for it: arch/x86/kernel/tsc.c,
/// drivers/clocksource/arm_arch_timer.c, drivers/clocksource/timer-riscv.c, arch/powerpc/kernel/time.c, arch/s390/kernel/time.c,
/// arch/loongarch/kernel/time.c.
const REGISTERS: [&str; 7] =
    ["tsc", "tsc-early", "arch_sys_counter", "riscv_clocksource", "timebase", "tod", "Constant"];

/// The processor's register, corrected by a page of the hypervisor's: arch/x86/kernel/kvmclock.c (where the host says that its TSC is
/// stable), drivers/clocksource/hyperv_timer.c. Xen's is not among them: its mode depends on what the host says, and on many it enters the kernel.
const SHARED_PAGES: [&str; 2] = ["kvm-clock", "hyperv_clocksource_tsc_page"];

/// Whether the source of this name is a register of the processor: some ten ns a reading.
pub fn is_register(name: &str) -> bool {
    REGISTERS.contains(&name)
}

/// Whether the source of this name is read without entering the kernel. A name that is not known is taken for one that is not.
pub fn stays_in_user_space(name: &str) -> bool {
    is_register(name) || SHARED_PAGES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_shared_pages_are_read_by_the_program_and_devices_are_not() {
        assert!(is_register("tsc") && stays_in_user_space("tsc"));
        assert!(!is_register("kvm-clock") && stays_in_user_space("kvm-clock"));
        for device in
            ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "hyperv_clocksource_msr", "arch_mem_counter", ""]
        {
            assert!(!stays_in_user_space(device), "{device}");
        }
    }
}
