//! Crashes as the API shows them.

use std::collections::HashMap;

use store::crashes::{Confidence, Counted, Kind, Source};
use store::drivers::KnownImage;
use wire::crash::{CrashSummary, StopCodeBrief};
use wire::report::{self, Crash, CrashKind, CrashSource, ProbableDriver, Report};
use wire::{Hex, StopCodeNumber};

use crate::error::ApiError;
use crate::list::{Cell, Table, time};

/// What a stop code is called that the dictionary does not have.
const UNKNOWN_NAME: &str = "UNKNOWN_BUGCHECK";

fn source(source: Source) -> CrashSource {
    match source {
        Source::Dump => CrashSource::Dump,
        Source::Event => CrashSource::Event,
        Source::Import => CrashSource::Import,
    }
}

fn kind(kind: Kind) -> CrashKind {
    match kind {
        Kind::Kernel => CrashKind::Kernel,
        Kind::User => CrashKind::User,
    }
}

fn confidence(confidence: Option<Confidence>) -> report::Confidence {
    match confidence {
        None | Some(Confidence::Low) => report::Confidence::Low,
        Some(Confidence::Medium) => report::Confidence::Medium,
        Some(Confidence::High) => report::Confidence::High,
    }
}

/// A crash in a list; `names` has the names of stop codes.
pub(crate) fn summary(crash: store::crashes::CrashSummary, names: &HashMap<u32, String>) -> CrashSummary {
    let (manufacturer, model) = crash.hardware.unzip();
    let probable_driver = crash.probable_driver.map(|name| ProbableDriver {
        name,
        version: crash.probable_driver_version,
        confidence: confidence(crash.confidence),
        via: None,
    });
    CrashSummary {
        id: crash.id.0,
        dump_id: crash.dump.map(|id| id.0),
        machine: crash.machine,
        kind: kind(crash.kind),
        source: source(crash.source),
        crashed_at: crash.crashed_at,
        received_at: crash.received_at,
        uptime_seconds: crash.uptime_seconds,
        stop_code: crash.bug_check.map(|bug_check| StopCodeBrief {
            code: StopCodeNumber::from_raw(bug_check.code),
            raw_code: Hex(bug_check.raw_code.into()),
            name: names
                .get(&bug_check.code)
                .cloned()
                .unwrap_or_else(|| UNKNOWN_NAME.to_owned()),
        }),
        os_build: crash.os_build,
        manufacturer,
        model,
        process: crash.process,
        signature: crash.signature,
        probable_driver,
        counts: crash.counted == Counted::Yes,
    }
}

/// The report that a crash was stored with.
pub(crate) fn stored_report(json: serde_json::Value) -> Result<Report, ApiError> {
    serde_json::from_value(json).map_err(ApiError::internal)
}

/// The code ids of the drivers that were loaded.
pub(crate) fn code_ids(report: &Report) -> Vec<String> {
    report
        .drivers
        .iter()
        .filter_map(|driver| driver.code_id.clone())
        .collect()
}

/// A whole crash: its report, with what inventories know of the images by now.
pub(crate) fn crash(
    summary: store::crashes::CrashSummary,
    mut report: Report,
    known: &HashMap<String, KnownImage>,
) -> Crash {
    for driver in &mut report.drivers {
        if let Some(image) = driver.code_id.as_ref().and_then(|code_id| known.get(code_id)) {
            driver.version.clone_from(&image.version);
            driver.company.clone_from(&image.company);
        }
    }
    if let Some(probable) = &mut report.probable_driver {
        let loaded = report
            .drivers
            .iter()
            .find(|driver| driver.name.eq_ignore_ascii_case(&probable.name));
        probable.version = loaded
            .and_then(|driver| driver.version.clone())
            .or(summary.probable_driver_version);
    }
    report.crashed_at = report.crashed_at.or(Some(summary.crashed_at));
    if let Some((manufacturer, model)) = summary.hardware {
        report.manufacturer.get_or_insert(manufacturer);
        report.model.get_or_insert(model);
    }
    Crash {
        id: Some(summary.id.0),
        dump_id: summary.dump.map(|id| id.0),
        machine: summary.machine,
        source: source(summary.source),
        received_at: Some(summary.received_at),
        report,
    }
}

impl Table for CrashSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "dump_id",
        "machine",
        "kind",
        "source",
        "crashed_at",
        "received_at",
        "uptime_seconds",
        "stop_code",
        "stop_code_name",
        "os_build",
        "manufacturer",
        "model",
        "process",
        "signature",
        "probable_driver",
        "probable_driver_version",
        "counts",
    ];

    fn cells(&self) -> Vec<Cell> {
        let driver = self.probable_driver.as_ref();
        let code = self.stop_code.as_ref();
        vec![
            Cell::plain(self.id),
            Cell::maybe(self.dump_id),
            Cell::maybe_text(self.machine.as_deref()),
            Cell::plain(match self.kind {
                CrashKind::Kernel => "kernel",
                CrashKind::User => "user",
            }),
            Cell::plain(match self.source {
                CrashSource::Dump => "dump",
                CrashSource::Event => "event",
                CrashSource::Import => "import",
            }),
            time(self.crashed_at),
            time(self.received_at),
            Cell::maybe(self.uptime_seconds),
            Cell::maybe(code.map(|code| code.code)),
            Cell::maybe(code.map(|code| &code.name)),
            Cell::maybe(self.os_build),
            Cell::maybe_text(self.manufacturer.as_deref()),
            Cell::maybe_text(self.model.as_deref()),
            Cell::maybe_text(self.process.as_deref()),
            Cell::text(&self.signature),
            Cell::maybe_text(driver.map(|driver| driver.name.as_str())),
            Cell::maybe_text(driver.and_then(|driver| driver.version.as_deref())),
            Cell::plain(self.counts),
        ]
    }
}
