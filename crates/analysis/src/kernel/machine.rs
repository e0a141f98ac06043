//! What a dump says about the machine, whatever stopped it.

use kdump::{Dump, FormatKind, Machine};
use time::OffsetDateTime;
use wire::Hex;
use wire::dump::DumpFormat;
use wire::report::{CrashKind, Module, Report, UnloadedDriver, code_id};

use super::modules::{Image, Modules};
use crate::names;

/// A report of the machine alone: everything about the crash is still empty.
pub(super) fn report(dump: &Dump<'_>, modules: &Modules) -> Report {
    let header = dump.header();
    let firmware = dump.smbios();
    let (manufacturer, model) = firmware
        .map(|system| (system.manufacturer, system.product_name))
        .unzip();
    Report {
        kind: CrashKind::Kernel,
        format: Some(format(dump.format().kind)),
        crashed_at: crashed_at(dump),
        uptime_seconds: uptime_seconds(dump),
        stop_code: None,
        exception: None,
        os_build: Some(header.minor_version).filter(|build| *build > 0),
        architecture: Some(architecture(header.machine)),
        processors: header.number_processors,
        manufacturer: manufacturer.flatten().and_then(|text| firmware_text(&text)),
        model: model.flatten().and_then(|text| firmware_text(&text)),
        process: None,
        signature: String::new(),
        signature_parts: None,
        frames: Vec::new(),
        threads: Vec::new(),
        drivers: modules
            .loaded()
            .iter()
            .filter(|image| image.is_named)
            .map(driver)
            .collect(),
        modules: Vec::new(),
        unloaded_drivers: modules.unloaded().iter().map(unloaded_driver).collect(),
        evidence: Vec::new(),
        probable_driver: None,
        guidance: Vec::new(),
        missing_symbols: Vec::new(),
        warnings: Vec::new(),
    }
}

fn format(kind: FormatKind) -> DumpFormat {
    match kind {
        FormatKind::Triage => DumpFormat::KernelTriage,
        FormatKind::Live => DumpFormat::KernelLive,
        FormatKind::Bitmap | FormatKind::Summary => DumpFormat::KernelBitmap,
        _ => DumpFormat::KernelFull,
    }
}

fn architecture(machine: Machine) -> String {
    match machine {
        Machine::Amd64 => "x86_64".to_owned(),
        Machine::Arm64 => "arm64".to_owned(),
        Machine::X86 => "x86".to_owned(),
        Machine::Arm => "arm".to_owned(),
        Machine::Ia64 => "ia64".to_owned(),
        other => other.to_string(),
    }
}

/// A text of the firmware, unless it is empty or one of those that makers leave in when they fill in nothing.
fn firmware_text(text: &str) -> Option<String> {
    const NOTHING: &[&str] = &[
        "to be filled by o.e.m.",
        "default string",
        "system manufacturer",
        "system product name",
        "not applicable",
        "not specified",
        "none",
        "o.e.m.",
    ];
    let text = names::printable(text.trim());
    let is_filler = NOTHING.contains(&text.to_lowercase().as_str());
    (!text.is_empty() && !is_filler).then_some(text)
}

/// When the machine stopped, if its clock made sense: between 2000 and 2200.
fn crashed_at(dump: &Dump<'_>) -> Option<OffsetDateTime> {
    let time = OffsetDateTime::from_unix_timestamp(dump.header().system_time?.unix_seconds()).ok()?;
    (2000..2200).contains(&time.year()).then_some(time)
}

/// Whole seconds between boot and crash.
pub(super) fn uptime_seconds(dump: &Dump<'_>) -> Option<u64> {
    dump.header().system_up_time.map(|uptime| uptime.as_secs())
}

fn driver(image: &Image) -> Module {
    Module {
        name: image.name.clone(),
        base: Hex(image.base),
        size_of_image: image.size_bytes,
        time_date_stamp: Hex(u64::from(image.time_date_stamp)),
        checksum: Hex(u64::from(image.checksum)),
        code_id: code_id(&image.name, image.time_date_stamp, image.size_bytes),
        version: None,
        company: None,
    }
}

fn unloaded_driver(driver: &kdump::UnloadedDriver) -> UnloadedDriver {
    UnloadedDriver {
        name: driver.name.clone(),
        start: Hex(driver.start.0),
        end: Hex(driver.end.0),
    }
}

#[cfg(test)]
mod tests {
    use super::firmware_text;

    #[test]
    fn a_maker_that_filled_in_nothing_is_no_maker() {
        assert_eq!(firmware_text("To Be Filled By O.E.M."), None);
        assert_eq!(firmware_text("  "), None);
        assert_eq!(firmware_text("LENOVO "), Some("LENOVO".to_owned()));
    }
}
