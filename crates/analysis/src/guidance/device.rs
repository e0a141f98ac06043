//! What kind of device or product a driver serves, told by its name, and what helps with that kind.
//!
//! The names are those of drivers that most fleets have. A driver that is not here has no family, and gets none of
//! this advice; an inventory's device class is the better source where there is one.

use crate::names::stem;

/// A kind of device or product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Graphics adapters.
    Graphics,
    /// Wired and wireless networks, Bluetooth, VPN.
    Network,
    /// Drives and their controllers.
    Storage,
    /// USB controllers and adapters.
    Usb,
    /// Printers and scanners.
    Printer,
    /// Sound and cameras.
    Media,
    /// Antivirus, endpoint detection, data-loss prevention, anti-cheat.
    Security,
    /// Hypervisors and emulators.
    Virtualisation,
}

/// The beginnings of driver names by family. Longer names of one vendor come in many spellings, hence beginnings.
const NAMES: &[(Family, &[&str])] = &[
    (
        Family::Graphics,
        &[
            "nvlddmkm",
            "nvhda",
            "amdkmdag",
            "amdkmdap",
            "atikmdag",
            "atikmpag",
            "igdkmd",
            "iigd",
            "qcdxkm",
            "displaylink",
            "dlkmd",
        ],
    ),
    (
        Family::Network,
        &[
            "netwtw",
            "netwbw",
            "netwsw",
            "netwlv",
            "bcmwl",
            "bcmpciedhd",
            "athw",
            "athr",
            "qcamain",
            "rtwlan",
            "rtwwl",
            "mtkwl",
            "e1d",
            "e1e",
            "e1r",
            "e1i",
            "e1c",
            "e1y",
            "e2f",
            "rt640x64",
            "rt630x64",
            "rtcx",
            "rtux",
            "rtu5",
            "l1c",
            "b57nd",
            "bnxt",
            "mlx",
            "vmxnet",
            "ibtusb",
            "ibthfp",
            "btfilter",
            "qcbt",
            "rtkbt",
            "pangpd",
            "vpnva",
            "acsock",
            "wintun",
            "tap0901",
            "wireguard",
            "npcap",
        ],
    ),
    (
        Family::Storage,
        &[
            "iastor", "iavroc", "stornvme", "storahci", "nvme", "secnvme", "rcraid", "rcbottom", "amdsata",
            "amdxata", "asahci", "mvs91", "megasas", "lsi_", "vmd",
        ],
    ),
    (
        Family::Usb,
        &[
            "iusb3",
            "asmtxhci",
            "asmthub",
            "amdxhc",
            "amdhub",
            "nusb3",
            "etronxhci",
            "viahub",
            "usbser",
            "ftdi",
            "silabser",
            "ser2pl",
            "usbaapl",
        ],
    ),
    (
        Family::Printer,
        &[
            "usbprint", "usbscan", "hpzid", "brserid", "brusb", "epson", "dot4",
        ],
    ),
    (
        Family::Media,
        &[
            "rtkvhd", "rthdvh", "intcaud", "intcsst", "cirrus", "conexant", "chdrt", "stwrt", "vbaudio",
            "vbcable", "nahimic", "dolby", "usbvideo", "usbaudio",
        ],
    ),
    (
        Family::Security,
        &[
            "wdfilter",
            "wdnisdrv",
            "mssecflt",
            "csagent",
            "csdevicecontrol",
            "sentinelmonitor",
            "mfe",
            "symefa",
            "symevent",
            "srtsp",
            "bhdrvx",
            "idsvia",
            "aswsp",
            "aswsnx",
            "aswmon",
            "avg",
            "klif",
            "klflt",
            "kneps",
            "eamonm",
            "ehdrv",
            "epfw",
            "bdprivmon",
            "gzflt",
            "trufos",
            "tmcomm",
            "tmeevw",
            "tmumh",
            "tmebc",
            "sophos",
            "savonaccess",
            "hmpalert",
            "cbk7",
            "carbonblack",
            "parity",
            "cyoptics",
            "cyprotect",
            "edevmon",
            "mbam",
            "farflt",
            "ctifile",
            "vgk",
            "bedaisy",
            "easyanticheat",
            "eaanticheat",
        ],
    ),
    (
        Family::Virtualisation,
        &[
            "vboxdrv",
            "vboxsup",
            "vboxnet",
            "vmx86",
            "vmci",
            "vmmr0",
            "hcmon",
            "vmnet",
            "vmmemctl",
            "aehd",
            "haxm",
            "intelhaxm",
        ],
    ),
];

impl Family {
    /// The family of a driver by its base name; `None` for names that are not known.
    pub(crate) fn of(base_name: &str) -> Option<Self> {
        let name = base_name.to_lowercase();
        let stem = stem(&name);
        NAMES
            .iter()
            .find(|(_, beginnings)| beginnings.iter().any(|beginning| stem.starts_with(beginning)))
            .map(|(family, _)| *family)
    }

    /// What helps with this kind, in a sentence.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Family::Graphics => {
                "It is a graphics driver: take the version that the machine's vendor certifies, install it clean, and \
                 try one machine without hardware acceleration in browsers and meeting programs."
            }
            Family::Network => {
                "It is a network driver: update adapter driver and VPN client together, and switch off power saving \
                 of the adapter for a test."
            }
            Family::Storage => {
                "It is a storage driver: update it together with the drive's and the controller's firmware."
            }
            Family::Usb => {
                "It is a USB driver: update it and the firmware of docks and hubs, and note what was plugged in when \
                 it crashed."
            }
            Family::Printer => {
                "It is a printer or scanner driver: replace it by the vendor's newest or by the class driver of Windows."
            }
            Family::Media => {
                "It is a sound or camera driver: update it, or let Windows use its own class driver for a test."
            }
            Family::Security => {
                "It belongs to security software: update the product, check its vendor's known issues, and replace it \
                 on one machine for a test. Do not leave machines without protection."
            }
            Family::Virtualisation => {
                "It belongs to a hypervisor or emulator: update the product, and check that it may run beside Hyper-V \
                 and virtualisation-based security."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_drivers_have_their_family() {
        assert_eq!(Family::of("nvlddmkm.sys"), Some(Family::Graphics));
        assert_eq!(Family::of("Netwtw10.sys"), Some(Family::Network));
        assert_eq!(Family::of("iaStorVD.sys"), Some(Family::Storage));
        assert_eq!(Family::of("CSAgent.sys"), Some(Family::Security));
        assert_eq!(Family::of("acmecap.sys"), None);
    }
}
