//! Invented names: makers, models, vendors, drivers, processes, places.
//!
//! No company in here exists as far as we know; only Microsoft's in-box drivers elsewhere are real.

/// A bundle of drivers that a hardware vendor ships and updates together.
pub(super) struct BundleNames {
    pub(super) company: &'static str,
    pub(super) class: &'static str,
    /// File names of its five drivers.
    pub(super) drivers: [&'static str; 5],
}

/// A driver that comes with a program.
pub(super) struct SoftwareNames {
    pub(super) company: &'static str,
    pub(super) class: &'static str,
    pub(super) driver: &'static str,
    /// The program that uses it.
    pub(super) process: &'static str,
}

const fn bundle(company: &'static str, class: &'static str, drivers: [&'static str; 5]) -> BundleNames {
    BundleNames {
        company,
        class,
        drivers,
    }
}

const fn software(
    company: &'static str,
    class: &'static str,
    driver: &'static str,
    process: &'static str,
) -> SoftwareNames {
    SoftwareNames {
        company,
        class,
        driver,
        process,
    }
}

pub(super) const BUNDLES: [BundleNames; 14] = [
    bundle(
        "Norvelle Graphics",
        "Display",
        [
            "norgfxkm.sys",
            "norgfxda.sys",
            "norgfxpw.sys",
            "norgfxcp.sys",
            "norgfxme.sys",
        ],
    ),
    bundle(
        "Quandt Visual",
        "Display",
        [
            "qvdisp64.sys",
            "qvhdmi.sys",
            "qvpcc.sys",
            "qvsmbus.sys",
            "qvcuda.sys",
        ],
    ),
    bundle(
        "Lumarel Audio",
        "MEDIA",
        [
            "lumhdaud.sys",
            "lumapo.sys",
            "lumdsp.sys",
            "lummic.sys",
            "lumbus.sys",
        ],
    ),
    bundle(
        "Sonderholm Sound",
        "MEDIA",
        [
            "sdhaud.sys",
            "sdhsst.sys",
            "sdhcodec.sys",
            "sdhjack.sys",
            "sdhusb.sys",
        ],
    ),
    bundle(
        "Tessarin Networks",
        "Net",
        [
            "tessnet.sys",
            "tessnfd.sys",
            "tessteam.sys",
            "tessvlan.sys",
            "tesswol.sys",
        ],
    ),
    bundle(
        "Ostwind Wireless",
        "Net",
        [
            "ostwlan.sys",
            "ostbtusb.sys",
            "ostbthf.sys",
            "ostwfd.sys",
            "ostpie.sys",
        ],
    ),
    bundle(
        "Corvanta Silicon",
        "System",
        [
            "corsmb.sys",
            "corgpio.sys",
            "cori2c.sys",
            "cormei.sys",
            "corthrm.sys",
        ],
    ),
    bundle(
        "Ilmari Chipsets",
        "System",
        [
            "ilmpsp.sys",
            "ilmpmf.sys",
            "ilmgpio2.sys",
            "ilmuart.sys",
            "ilmspi.sys",
        ],
    ),
    bundle(
        "Fathomline Storage",
        "SCSIAdapter",
        [
            "fatraid.sys",
            "fatahci.sys",
            "fatopt.sys",
            "fatnvm.sys",
            "fatflt.sys",
        ],
    ),
    bundle(
        "Kestrova Imaging",
        "Camera",
        [
            "kesuvc.sys",
            "keship.sys",
            "kesir.sys",
            "kesavs.sys",
            "keshello.sys",
        ],
    ),
    bundle(
        "Palisander Touch",
        "HIDClass",
        [
            "paltpad.sys",
            "paltouch.sys",
            "palpen.sys",
            "palhidm.sys",
            "palsmb.sys",
        ],
    ),
    bundle(
        "Brigham Biometrics",
        "Biometric",
        [
            "bribio.sys",
            "brifps.sys",
            "brisens.sys",
            "britpm.sys",
            "brinfc.sys",
        ],
    ),
    bundle(
        "Solmere Docking",
        "USB",
        [
            "solusb4.sys",
            "soldock.sys",
            "soldl.sys",
            "soleth.sys",
            "solaud.sys",
        ],
    ),
    bundle(
        "Ardennes Mobile",
        "Modem",
        [
            "ardwwan.sys",
            "ardmbim.sys",
            "ardgps.sys",
            "ardqmi.sys",
            "ardesim.sys",
        ],
    ),
];

pub(super) const SOFTWARE: [SoftwareNames; 40] = [
    software("Acme Imaging Works", "Image", "acmecap.sys", "AcmeCapture.exe"),
    software(
        "Hollow Oak Security",
        "SecurityDevices",
        "hosensor.sys",
        "hoservice.exe",
    ),
    software("Veloura Telephony", "MEDIA", "velvaudio.sys", "VelouraPhone.exe"),
    software("Greyfen Networks", "NetService", "gfvpn.sys", "gfvpnsvc.exe"),
    software("Marrowgate Backup", "Volume", "mgsnap.sys", "mgagent.exe"),
    software("Pellworm Systems", "NetService", "pwfilter.sys", "pwproxy.exe"),
    software("Tarnhelm Software", "FSFilter", "tarnenc.sys", "tarnvault.exe"),
    software("Ostrava Labs", "USB", "ostlogic.sys", "LogicView.exe"),
    software("Birkwood Data", "FSFilter", "bwsync.sys", "bwsyncd.exe"),
    software("Cinderford Audio", "MEDIA", "cfmixer.sys", "cfmixer.exe"),
    software("Halcyon Ridge", "System", "hrmonitor.sys", "hrmon.exe"),
    software("Yarrow Instruments", "Image", "yarscope.sys", "YarrowScope.exe"),
    software("Lindwurm Security", "FSFilter", "lwscan.sys", "lwscansvc.exe"),
    software("Dunmore Control", "Ports", "dmserial.sys", "dmplc.exe"),
    software("Ketterley", "NetService", "ktwfp.sys", "ktfirewall.exe"),
    software("Ravensholm", "DiskDrive", "rvdisk.sys", "rvmount.exe"),
    software("Sablewood Graphics", "Display", "sbmirror.sys", "sbremote.exe"),
    software("Threlkeld Print", "Printer", "tkspool.sys", "tkprint.exe"),
    software("Umberleigh", "HIDClass", "umkeys.sys", "umkeys.exe"),
    software("Whitlock Virtual", "System", "wlvmm.sys", "wlvm.exe"),
    software("Whitlock Virtual", "NetService", "wlbridge.sys", "wlvm.exe"),
    software("Oxenhope", "FSFilter", "oxdlp.sys", "oxdlpd.exe"),
    software("Pinecrag Tools", "System", "pcturbo.sys", "pcturbo.exe"),
    software("Merewether", "Camera", "mwvcam.sys", "mwmeet.exe"),
    software("Northolme Energy", "Battery", "nhups.sys", "nhups.exe"),
    software("Fernlea Telemetry", "System", "flprobe.sys", "flprobed.exe"),
    software("Garrowby", "SmartCardReader", "gbcard.sys", "gbtoken.exe"),
    software("Isenmark", "FSFilter", "imundo.sys", "imrecover.exe"),
    software("Jarlshof Media", "CDROM", "jhvcd.sys", "jhmount.exe"),
    software("Kielder Networks", "NetService", "kdcapture.sys", "kdsniff.exe"),
    software("Lochbuie", "USB", "lbdongle.sys", "lblicense.exe"),
    software("Morwenstow", "System", "mwclock.sys", "mwtime.exe"),
    software("Netherby Storage", "SCSIAdapter", "nbiscsi.sys", "nbtarget.exe"),
    software("Orrinside", "FSFilter", "oriarch.sys", "oriarch.exe"),
    software("Pentreath", "NetService", "ptqos.sys", "ptqos.exe"),
    software("Rosehearty", "HIDClass", "rhpad.sys", "rhpad.exe"),
    software("Stellarton", "System", "stinv.sys", "stinvd.exe"),
    software("Tobermoray", "Volume", "tmcrypt.sys", "tmcrypt.exe"),
    software("Ulverscroft", "NetService", "uvzt.sys", "uvzerotrust.exe"),
    software("Wexcombe Games", "System", "wxguard.sys", "wxlauncher.exe"),
];

/// Makers of PCs with their model lines.
pub(super) const MAKERS: [(&str, [&str; 5]); 5] = [
    (
        "Halden Computers",
        [
            "Traverse 14 G3",
            "Traverse 15 G3",
            "Traverse 13 G2",
            "Summit Tower 7",
            "Summit Mini 5",
        ],
    ),
    (
        "Ostberg",
        [
            "Fjord 340",
            "Fjord 540",
            "Fjord X1",
            "Skerry Desktop 21",
            "Skerry Micro 11",
        ],
    ),
    (
        "Castellan Systems",
        [
            "Bastion 5420",
            "Bastion 7430",
            "Bastion 9520",
            "Rampart 3080",
            "Rampart 7090",
        ],
    ),
    (
        "Mirador",
        [
            "Terrace 14",
            "Terrace 16",
            "Panorama 27",
            "Lookout 2",
            "Belvedere WS",
        ],
    ),
    (
        "Tinderbox",
        [
            "Flint 13",
            "Flint 16",
            "Ember Station",
            "Spark Mini II",
            "Forge WS4",
        ],
    ),
];

pub(super) const SITES: [&str; 8] = [
    "Finance",
    "Engineering",
    "Sales",
    "Support",
    "Manufacturing",
    "Research",
    "Legal",
    "Operations",
];

/// Programs that every PC runs.
pub(super) const COMMON_PROCESSES: [&str; 8] = [
    "svchost.exe",
    "explorer.exe",
    "msedge.exe",
    "Teams.exe",
    "OUTLOOK.EXE",
    "SearchIndexer.exe",
    "WmiPrvSE.exe",
    "chrome.exe",
];
