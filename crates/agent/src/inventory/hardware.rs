//! Make, model, BIOS, Windows build and host name: all of them are in the registry.

use wire::inventory::MachineAttributes;

use crate::config::Config;
use crate::machine::{Machine, text};

const BIOS: &str = r"HARDWARE\DESCRIPTION\System\BIOS";
const WINDOWS: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const ENVIRONMENT: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
const COMPUTER_NAME: &str = r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName";

/// Reads the attributes. What is not there is absent.
pub(super) fn read(machine: &dyn Machine, config: &Config) -> MachineAttributes {
    // `HARDWARE` is made at each start and is in no hive on disk; Windows keeps a copy of make and model in `SYSTEM`.
    let bios = |name| {
        text(machine, BIOS, name).or_else(|| {
            text(
                machine,
                r"SYSTEM\CurrentControlSet\Control\SystemInformation",
                name,
            )
        })
    };
    MachineAttributes {
        host_name: text(machine, COMPUTER_NAME, "ComputerName"),
        manufacturer: bios("SystemManufacturer"),
        model: bios("SystemProductName"),
        bios_version: bios("BIOSVersion"),
        os_build: text(machine, WINDOWS, "CurrentBuildNumber").and_then(|build| build.parse().ok()),
        architecture: text(machine, ENVIRONMENT, "PROCESSOR_ARCHITECTURE").map(|name| architecture(&name)),
        site: config.site.clone(),
        ring: config.ring.clone(),
    }
}

/// Windows' name of an architecture as the server's.
fn architecture(name: &str) -> String {
    match name.to_ascii_uppercase().as_str() {
        "AMD64" => "x86_64".to_owned(),
        "ARM64" => "arm64".to_owned(),
        "X86" => "x86".to_owned(),
        _ => name.to_ascii_lowercase(),
    }
}
