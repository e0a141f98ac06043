//! Which drivers there are: the kernel's list, the services of kind driver, and their devices' INF and class.
//!
//! ```text
//! Services\acme      Type 1 or 2, Start, ImagePath
//! Enum\PCI\…\…       Service = acme, Driver = {4d36…}\0007, ClassGUID
//! Control\Class\{4d36…}         Class = Net
//! Control\Class\{4d36…}\0007    InfPath = oem12.inf
//! ```
//!
//! A tree cannot tell what is loaded. Then every driver file in `System32\drivers` is listed, and only those of
//! services that are disabled are told as not loaded.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use wire::inventory::Driver;

use super::image::{self, Image};
use crate::digest;
use crate::dumps::folders::modified;
use crate::machine::{Machine, Value, number, text};

const CONTROL_SET: &str = r"SYSTEM\CurrentControlSet";

/// The most drivers of an inventory.
const DRIVERS_MOST: usize = 4096;

/// The most devices whose service is looked up.
const DEVICES_MOST: usize = 20_000;

/// The largest driver file that is read, in bytes.
const FILE_MOST: u64 = 512 << 20;

/// A driver by what the registry and the file system say of it. It is also what tells whether it changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct DriverFile {
    /// The full path, as Windows writes it.
    windows_path: String,
    path: PathBuf,
    size_bytes: u64,
    modified: i64,
    service: Option<Service>,
    loaded: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Service {
    name: String,
    start: Option<u32>,
    class: Option<String>,
    inf: Option<String>,
}

/// Lists the drivers, each file once, sorted by path.
pub(super) fn list(machine: &dyn Machine) -> Vec<DriverFile> {
    let services = services(machine);
    let loaded = machine.loaded_drivers().unwrap_or_else(|error| {
        tracing::warn!(%error, "the kernel does not list its drivers");
        None
    });
    let mut drivers: BTreeMap<String, DriverFile> = BTreeMap::new();
    for (image, service) in services {
        let loaded = match (&loaded, service.start) {
            (Some(_), _) | (None, Some(4)) => Some(false),
            (None, _) => None,
        };
        add(machine, &mut drivers, &image, |driver| {
            driver.service = Some(service);
            driver.loaded = loaded;
        });
    }
    for path in loaded.clone().unwrap_or_else(|| files_of_the_tree(machine)) {
        add(machine, &mut drivers, &path, |driver| {
            // Absent means loaded.
            if loaded.is_some() {
                driver.loaded = None;
            }
        });
    }
    drivers.into_values().take(DRIVERS_MOST).collect()
}

/// Adds a file that is there, or finds it again, and lets `change` fill in what is known of it.
fn add(
    machine: &dyn Machine,
    drivers: &mut BTreeMap<String, DriverFile>,
    windows_path: &str,
    change: impl FnOnce(&mut DriverFile),
) {
    let path = machine.file(windows_path);
    let Ok(metadata) = fs::metadata(&path) else {
        return;
    };
    if !metadata.is_file() {
        return;
    }
    let key = path.to_string_lossy().to_lowercase();
    let driver = drivers.entry(key).or_insert_with(|| DriverFile {
        windows_path: windows_path.to_owned(),
        path,
        size_bytes: metadata.len(),
        modified: modified(&metadata),
        ..DriverFile::default()
    });
    change(driver);
}

/// Reads a driver's file.
pub(super) fn read(driver: &DriverFile) -> Driver {
    let name = driver
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let service = driver.service.clone().unwrap_or_default();
    let told = Driver {
        name: name.unwrap_or_default(),
        path: Some(driver.windows_path.clone()),
        class: service.class,
        inf: service.inf,
        start_type: service.start.and_then(start_type).map(str::to_owned),
        service: Some(service.name).filter(|name| !name.is_empty()),
        loaded: driver.loaded,
        ..Driver::default()
    };
    if driver.size_bytes > FILE_MOST {
        return told;
    }
    let sha256 = digest::of_file(&driver.path).map_err(|error| {
        tracing::debug!(path = %driver.path.display(), %error, "a driver file cannot be read");
    });
    let image = image::read(&driver.path).unwrap_or_else(|why| {
        tracing::debug!(path = %driver.path.display(), why, "a driver file is not understood");
        Image::default()
    });
    Driver {
        sha256: sha256.ok(),
        ..image.fill(told)
    }
}

/// Services of kind driver, with the path of their file.
fn services(machine: &dyn Machine) -> Vec<(String, Service)> {
    let devices = devices(machine);
    let key = format!(r"{CONTROL_SET}\Services");
    let mut services = Vec::new();
    for name in names(machine, &key) {
        let key = format!(r"{key}\{name}");
        if !matches!(number(machine, &key, "Type"), Some(1 | 2)) {
            continue;
        }
        let image =
            text(machine, &key, "ImagePath").unwrap_or_else(|| format!(r"System32\drivers\{name}.sys"));
        let (class, inf) = devices
            .get(&name.to_ascii_lowercase())
            .cloned()
            .unwrap_or_default();
        services.push((
            image,
            Service {
                start: number(machine, &key, "Start"),
                class,
                inf: inf.or_else(|| owner(machine, &key)),
                name,
            },
        ));
    }
    services
}

/// The INF that installed a service without a device.
fn owner(machine: &dyn Machine, key: &str) -> Option<String> {
    match machine.value(key, "Owners") {
        Ok(Some(Value::Texts(owners))) => owners.into_iter().next(),
        _ => None,
    }
}

/// Class and INF of the devices, by the lower-case name of their service.
fn devices(machine: &dyn Machine) -> HashMap<String, (Option<String>, Option<String>)> {
    let mut devices = HashMap::new();
    let root = format!(r"{CONTROL_SET}\Enum");
    let below = |key: &String| {
        names(machine, key)
            .into_iter()
            .map(|name| format!(r"{key}\{name}"))
            .collect::<Vec<_>>()
    };
    let instances = below(&root).iter().flat_map(below).collect::<Vec<_>>();
    let instances = instances.iter().flat_map(below).take(DEVICES_MOST);
    for instance in instances {
        let Some(service) = text(machine, &instance, "Service") else {
            continue;
        };
        let classes = format!(r"{CONTROL_SET}\Control\Class");
        let class = text(machine, &instance, "ClassGUID");
        let class = class.and_then(|guid| text(machine, &format!(r"{classes}\{guid}"), "Class"));
        let inf = text(machine, &instance, "Driver");
        let inf = inf.and_then(|driver| text(machine, &format!(r"{classes}\{driver}"), "InfPath"));
        let entry: &mut (Option<String>, Option<String>) =
            devices.entry(service.to_ascii_lowercase()).or_default();
        entry.0 = entry.0.take().or(class);
        entry.1 = entry.1.take().or(inf);
    }
    devices
}

fn names(machine: &dyn Machine, key: &str) -> Vec<String> {
    machine.subkeys(key).unwrap_or_else(|error| {
        tracing::debug!(key, %error, "a registry key cannot be listed");
        Vec::new()
    })
}

/// The drivers that lie where drivers lie, for a machine that cannot say which are loaded.
fn files_of_the_tree(machine: &dyn Machine) -> Vec<String> {
    let mut paths = vec![
        r"C:\Windows\System32\ntoskrnl.exe".to_owned(),
        r"C:\Windows\System32\hal.dll".to_owned(),
    ];
    let folder = r"C:\Windows\System32\drivers";
    let Ok(entries) = fs::read_dir(machine.file(folder)) else {
        return paths;
    };
    for entry in entries.filter_map(Result::ok).take(DRIVERS_MOST) {
        if let Some(name) = entry.file_name().to_str()
            && name.to_ascii_lowercase().ends_with(".sys")
        {
            paths.push(format!(r"{folder}\{name}"));
        }
    }
    paths
}

fn start_type(start: u32) -> Option<&'static str> {
    Some(match start {
        0 => "boot",
        1 => "system",
        2 => "auto",
        3 => "demand",
        4 => "disabled",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{list, read};
    use crate::machine::TreeMachine;
    use std::fs;

    const EXPORT: &str = r#"
[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\acme]
"Type"=dword:00000001
"Start"=dword:00000003
"ImagePath"="\\SystemRoot\\System32\\drivers\\acmecap.sys"
[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\off]
"Type"=dword:00000001
"Start"=dword:00000004
[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\program]
"Type"=dword:00000010
"ImagePath"="C:\\Windows\\System32\\drivers\\loose.sys"
[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Enum\PCI\VEN_1\3&1]
"Service"="ACME"
"ClassGUID"="{4d36}"
"Driver"="{4d36}\\0007"
[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Class\{4d36}]
"Class"="Net"
[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Class\{4d36}\0007]
"InfPath"="oem12.inf"
"#;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let drivers = folder.path().join("Windows/System32/drivers");
        fs::create_dir_all(&drivers).unwrap();
        for name in ["acmecap.sys", "off.sys", "loose.SYS"] {
            fs::write(drivers.join(name), "not a PE").unwrap();
        }
        fs::write(folder.path().join("registry.reg"), EXPORT).unwrap();
        folder
    }

    #[test]
    fn a_driver_has_service_class_and_inf_of_its_device() {
        let folder = tree();
        let drivers = list(&TreeMachine::open(folder.path()).unwrap());
        let told: Vec<_> = drivers.iter().map(read).collect();
        let names: Vec<_> = told
            .iter()
            .map(|driver| (driver.name.as_str(), driver.loaded))
            .collect();
        assert_eq!(
            names,
            [
                ("acmecap.sys", None),
                ("loose.SYS", None),
                ("off.sys", Some(false))
            ]
        );
        let acme = &told[0];
        assert_eq!(acme.service.as_deref(), Some("acme"));
        assert_eq!(acme.class.as_deref(), Some("Net"));
        assert_eq!(acme.inf.as_deref(), Some("oem12.inf"));
        assert_eq!(acme.start_type.as_deref(), Some("demand"));
        assert!(acme.sha256.is_some() && acme.version.is_none());
    }

    #[test]
    fn a_driver_that_the_kernel_does_not_list_is_not_loaded() {
        let folder = tree();
        let loaded = "\\SystemRoot\\system32\\DRIVERS\\ACMECAP.SYS\r\n";
        fs::write(folder.path().join("loaded-drivers.txt"), loaded).unwrap();
        let drivers = list(&TreeMachine::open(folder.path()).unwrap());
        let told: Vec<_> = drivers.iter().map(read).collect();
        let loaded: Vec<_> = told
            .iter()
            .map(|driver| (driver.name.as_str(), driver.loaded))
            .collect();
        assert_eq!(loaded, [("acmecap.sys", None), ("off.sys", Some(false))]);
    }
}
