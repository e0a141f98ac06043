//! Which kernel images are Windows itself, and which are layers that other drivers act through.
//!
//! An address in the kernel says nothing about who is at fault: everybody's faults end there. An address in a class,
//! port or file-system driver says a little: it acts on behalf of the driver above or below it, so it is reported as
//! the way the fault came ("via"), not as the culprit. Both lists are common practice, not proof; a company name from
//! an inventory is the better test, and a dump holds none.

use crate::names::stem;

/// What part an image plays when somebody is to be blamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The kernel, the HAL, or another part of Windows that is never the answer.
    Os,
    /// A class, port or file-system driver: the fault came through it.
    Layer,
    /// A driver that can be at fault itself.
    Driver,
}

/// Images that are never the answer.
const OS: &[&str] = &[
    "ntoskrnl",
    "ntkrnlmp",
    "ntkrnlpa",
    "ntkrpamp",
    "hal",
    "halmacpi",
    "halacpi",
    "kdcom",
    "ci",
    "cng",
    "clfs",
    "clipsp",
    "securekernel",
    "skci",
    "werkernel",
    "win32k",
    "win32kbase",
    "win32kfull",
    "win32ksgd",
    "cdd",
    "ntosext",
    "pshed",
    "bootvid",
    "mcupdate",
    "mcupdate_genuineintel",
    "mcupdate_authenticamd",
    "wpprecorder",
    "ksecdd",
    "ksecpkg",
    "tm",
    "ext-ms-win-ntos-werkernel-l1-1-0",
];

/// Layers that others act through.
const LAYERS: &[&str] = &[
    // audio, video, capture
    "ks",
    "ksthunk",
    "portcls",
    "stream",
    "drmk",
    "dxgkrnl",
    "dxgmms1",
    "dxgmms2",
    "watchdog",
    "videoprt",
    "displib",
    // network
    "ndis",
    "netio",
    "tdx",
    "tdi",
    "afd",
    "tcpip",
    "http",
    "fwpkclnt",
    "netbt",
    "rdbss",
    "mrxsmb",
    "mrxsmb10",
    "mrxsmb20",
    "srv2",
    "srvnet",
    "mup",
    "vmswitch",
    "vwififlt",
    "nwifi",
    "wfplwfs",
    // frameworks and buses
    "wdf01000",
    "wdfldr",
    "acpi",
    "acpiex",
    "pci",
    "msrpc",
    "hidclass",
    "hidparse",
    "hidusb",
    "usbport",
    "usbd",
    "usbhub",
    "usbhub3",
    "usbxhci",
    "usbehci",
    "ucx01000",
    "usbccgp",
    "kbdclass",
    "mouclass",
    "bthport",
    "winhvr",
    "vmbus",
    "vmbkmcl",
    // storage and file systems
    "storport",
    "scsiport",
    "ataport",
    "classpnp",
    "disk",
    "partmgr",
    "volmgr",
    "volmgrx",
    "volsnap",
    "volume",
    "mountmgr",
    "fvevol",
    "rdyboost",
    "spaceport",
    "iorate",
    "fltmgr",
    "ntfs",
    "refs",
    "fastfat",
    "exfat",
    "npfs",
    "wof",
    "fileinfo",
    "luafv",
    "bindflt",
    "wcifs",
    "cldflt",
    // the copies that write the dump
    "crashdmp",
    "dump_storport",
    "dump_diskdump",
    "dump_dumpfve",
];

/// The role of an image by its base name.
pub(crate) fn role(base_name: &str) -> Role {
    let name = base_name.to_lowercase();
    let stem = stem(&name);
    if OS.contains(&stem) || stem.starts_with("ext-ms-") || stem.starts_with("api-ms-") {
        Role::Os
    } else if LAYERS.contains(&stem) || stem.starts_with("dump_") || stem.starts_with("usbhub") {
        Role::Layer
    } else {
        Role::Driver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_windows_a_port_driver_is_a_layer_and_a_vendor_driver_is_a_driver() {
        assert_eq!(role("ntoskrnl.exe"), Role::Os);
        assert_eq!(role("win32kfull.sys"), Role::Os);
        assert_eq!(role("CI.dll"), Role::Os);
        assert_eq!(role("FLTMGR.SYS"), Role::Layer);
        assert_eq!(role("Wdf01000.sys"), Role::Layer);
        assert_eq!(role("dxgmms2.sys"), Role::Layer);
        assert_eq!(role("amdppm.sys"), Role::Driver);
        assert_eq!(role("acmecap.sys"), Role::Driver);
    }

    #[test]
    fn a_name_that_only_begins_like_windows_is_a_driver() {
        assert_eq!(role("halo.sys"), Role::Driver);
        assert_eq!(role("cinema.sys"), Role::Driver);
    }
}
