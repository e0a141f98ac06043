//! Advice that holds for every stop code of a class.

use wire::report::StopCodeClass;

pub(super) const SYSTEM_FILES: &str = "Check the system files from an elevated prompt: `DISM /Online /Cleanup-Image \
     /RestoreHealth`, then `sfc /scannow`.";

const RECENT: &str = "Look at what was installed or updated shortly before the first crash: drivers first, then \
     security, VPN, backup and virtualisation software.";

const MEMORY_TEST: &str = "Test the memory: `mdsched.exe` once, and a longer test overnight if one machine keeps \
     crashing; run it at standard speed, with overclocking and memory profiles switched off.";

const FIRMWARE: &str =
    "Update the firmware (BIOS or UEFI) and the chipset drivers from the machine's vendor.";

const ONE_OR_MANY: &str = "One machine alone points at its hardware; many machines of one model point at firmware or \
     a driver of that model.";

const VERIFIER: &str = "To catch a driver in the act, switch on Driver Verifier for the suspects on one test machine \
     (`verifier /standard /driver name.sys`) and switch it off again afterwards (`verifier /reset`).";

const DRIVER: &[&str] = &[
    "Update the driver that the evidence names; without one, compare the driver versions of machines that \
             crash with those of machines that do not.",
    RECENT,
    VERIFIER,
    SYSTEM_FILES,
];

const BY_VERIFIER: &[&str] = &[
    "Driver Verifier or special pool stopped the machine on purpose, because it caught a driver misbehaving: \
             update or remove that driver.",
    "If nobody is hunting a driver on this machine, switch the verifier off: `verifier /reset`, then restart.",
];

const DAMAGED_MEMORY: &[&str] = &[
    "Memory was damaged before this moment, so the code that was running may be innocent: compare several \
             crashes before blaming it.",
    MEMORY_TEST,
    VERIFIER,
    RECENT,
];

const GRAPHICS: &[&str] = &[
    "Install the newest graphics driver of the machine's or the chip's vendor; where it is already the newest, \
             go back one version.",
    "Check cooling, power supply and overclocking of the graphics adapter, and try without docks and adapters.",
    FIRMWARE,
];

const POWER: &[&str] = &[
    "A device did not finish going to sleep or waking up: update its driver, and the firmware and chipset \
             drivers with it.",
    "Until then, fast startup (`powercfg /hibernate off`) or selective suspend of that device can be switched off.",
    RECENT,
];

const WATCHDOG: &[&str] = &[
    "Something took too long: usually a storage, network or graphics driver, or the firmware of an SSD. Update \
             these first.",
    FIRMWARE,
    RECENT,
];

const STORAGE: &[&str] = &[
    "Look at the drive: SMART values, `chkdsk /scan`, cables or the slot, and the drive's firmware.",
    "Look for events 7, 11, 51, 129 and 153 of disk and storage drivers in the System log before the crash.",
    "Update the storage controller's driver; then check file-system filters such as security, encryption and \
             backup software.",
    SYSTEM_FILES,
];

const HARDWARE: &[&str] = &[
    "This is a hardware report; no driver is blamed for it.",
    ONE_OR_MANY,
    FIRMWARE,
    "Switch off overclocking, undervolting and memory profiles, and check cooling and power supply.",
    MEMORY_TEST,
    "Look for WHEA-Logger events in the System log: they name the processor, memory module or PCI Express \
             device.",
];

const OS: &[&str] = &[
    SYSTEM_FILES,
    "Install the latest Windows updates, or remove the one that came just before the first crash.",
    "Check the drive: system processes also die when Windows cannot read its own files.",
    RECENT,
];

const SECURITY: &[&str] = &[
    "Something changed protected kernel code or data: a driver that patches the kernel, or faulty memory.",
    MEMORY_TEST,
    RECENT,
];

const LIVE: &[&str] = &[
    "The machine went on running: this is a report about a device, not a crash, and it is counted apart.",
    "Act on it when it repeats: update the driver and the firmware of the device it is about.",
];

const MANUAL: &[&str] = &[
    "Somebody or some tool stopped the machine on purpose; there is no fault to look for.",
    "If people hold the power button because machines hang, look at what they did before, and at watchdog and \
             storage reports of the same machines.",
];

const UNKNOWN: &[&str] = &[
    "This stop code is not in the table; search Microsoft's bug check code reference for it.",
    RECENT,
    SYSTEM_FILES,
];

/// The steps for every code of a class, most useful first.
pub(super) fn steps(class: StopCodeClass) -> Vec<String> {
    of(class).iter().map(|step| (*step).to_owned()).collect()
}

fn of(class: StopCodeClass) -> &'static [&'static str] {
    match class {
        StopCodeClass::Driver => DRIVER,
        StopCodeClass::Verifier => BY_VERIFIER,
        StopCodeClass::Memory => DAMAGED_MEMORY,
        StopCodeClass::Graphics => GRAPHICS,
        StopCodeClass::Power => POWER,
        StopCodeClass::Watchdog => WATCHDOG,
        StopCodeClass::Storage => STORAGE,
        StopCodeClass::Hardware => HARDWARE,
        StopCodeClass::Os => OS,
        StopCodeClass::Security => SECURITY,
        StopCodeClass::Live => LIVE,
        StopCodeClass::Manual => MANUAL,
        StopCodeClass::Unknown => UNKNOWN,
    }
}
