//! Drivers that come with Windows, in the order in which a PC loads them.

/// A driver of Windows itself: file name, and whether it lies in `drivers` or beside the kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InBox {
    pub(crate) name: &'static str,
    /// Folder, with its backslash at the end.
    pub(crate) folder: &'static str,
}

const SYSTEM: &str = r"\SystemRoot\system32\";
const DRIVERS: &str = r"\SystemRoot\System32\drivers\";

/// Names beside the kernel; the kernel first.
const BESIDE_KERNEL: [&str; 14] = [
    "ntoskrnl.exe",
    "hal.dll",
    "kdcom.dll",
    "mcupdate_GenuineIntel.dll",
    "CLFS.SYS",
    "tm.sys",
    "PSHED.dll",
    "BOOTVID.dll",
    "ci.dll",
    "cng.sys",
    "win32k.sys",
    "win32kbase.sys",
    "win32kfull.sys",
    "cdd.dll",
];

/// Names in the `drivers` folder.
const IN_DRIVERS: [&str; 82] = [
    "msrpc.sys",
    "ksecdd.sys",
    "werkernel.sys",
    "FLTMGR.SYS",
    "clipsp.sys",
    "cmimcext.sys",
    "ntosext.sys",
    "Wdf01000.sys",
    "WDFLDR.SYS",
    "WppRecorder.sys",
    "SleepStudyHelper.sys",
    "acpiex.sys",
    "ACPI.sys",
    "WMILIB.SYS",
    "intelpep.sys",
    "WindowsTrustedRT.sys",
    "msisadrv.sys",
    "pci.sys",
    "vdrvroot.sys",
    "pdc.sys",
    "CEA.sys",
    "partmgr.sys",
    "spaceport.sys",
    "volmgr.sys",
    "volmgrx.sys",
    "mountmgr.sys",
    "storahci.sys",
    "storport.sys",
    "stornvme.sys",
    "EhStorClass.sys",
    "fileinfo.sys",
    "Wof.sys",
    "WdFilter.sys",
    "Ntfs.sys",
    "Fs_Rec.sys",
    "ndis.sys",
    "NETIO.SYS",
    "ksecpkg.sys",
    "tcpip.sys",
    "fwpkclnt.sys",
    "wfplwfs.sys",
    "fvevol.sys",
    "volume.sys",
    "volsnap.sys",
    "rdyboost.sys",
    "mup.sys",
    "iorate.sys",
    "disk.sys",
    "CLASSPNP.SYS",
    "crashdmp.sys",
    "cdrom.sys",
    "filecrypt.sys",
    "tbs.sys",
    "Null.SYS",
    "Beep.SYS",
    "dxgkrnl.sys",
    "watchdog.sys",
    "BasicDisplay.sys",
    "BasicRender.sys",
    "Npfs.SYS",
    "Msfs.SYS",
    "CimFS.SYS",
    "tdx.sys",
    "TDI.SYS",
    "netbt.sys",
    "afd.sys",
    "vwififlt.sys",
    "pacer.sys",
    "netbios.sys",
    "rdbss.sys",
    "csc.sys",
    "nsiproxy.sys",
    "npsvctrig.sys",
    "mssmbios.sys",
    "ahcache.sys",
    "CompositeBus.sys",
    "kdnic.sys",
    "umbus.sys",
    "i8042prt.sys",
    "kbdclass.sys",
    "USBXHCI.SYS",
    "ucx01000.sys",
];

/// All of them, the kernel first.
pub(crate) fn all() -> impl Iterator<Item = InBox> {
    let beside = BESIDE_KERNEL.iter().map(|name| InBox { name, folder: SYSTEM });
    let drivers = IN_DRIVERS.iter().map(|name| InBox {
        name,
        folder: DRIVERS,
    });
    beside.chain(drivers)
}

/// The image of an in-box driver of one build: its size, stamp and checksum are a hash of name and build.
///
/// Windows binaries are built reproducibly, so a stamp that looks like a hash is what real ones have.
pub(crate) fn image_of(name: &str, version: &str) -> ImageNumbers {
    let hash = fnv(name, version);
    let pages = match name {
        "ntoskrnl.exe" => 0x1046,
        "win32kfull.sys" | "Ntfs.sys" | "tcpip.sys" | "dxgkrnl.sys" => 0x2B0 + (hash >> 40) % 0x80,
        _ => 0x8 + (hash >> 40) % 0x90,
    };
    ImageNumbers {
        size_of_image: low_half(pages * 0x1000),
        time_date_stamp: low_half(hash) | 1,
        checksum: low_half(hash >> 24) & 0x00FF_FFFF | 1,
    }
}

/// The three numbers of an image that a dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImageNumbers {
    pub(crate) size_of_image: u32,
    pub(crate) time_date_stamp: u32,
    pub(crate) checksum: u32,
}

/// FNV-1a over both texts: stable across platforms and versions of Rust.
pub(crate) fn fnv(first: &str, second: &str) -> u64 {
    let bytes = first.bytes().chain([0]).chain(second.bytes());
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// The low 32 bits.
pub(crate) fn low_half(value: u64) -> u32 {
    u32::try_from(value & 0xFFFF_FFFF).expect("masked to 32 bits")
}
