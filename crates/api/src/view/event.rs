//! Crashes of which only the bug check is known, as reports.

use wire::Hex;
use wire::inventory::Event;
use wire::report::{CrashKind, Parameter, Report, StopCode, StopCodeClass};
use wire::stop_code::StopCodeDetail;

/// The bug check of an event, with what is known of its code.
pub(crate) fn stop_code(event: &Event, known: Option<&StopCodeDetail>) -> StopCode {
    let meaning = |index: usize| known?.parameter_meanings.get(index)?.clone();
    let parameters = event.parameters.iter().enumerate();
    StopCode {
        code: event.stop_code,
        raw_code: Hex(event.stop_code.get().into()),
        name: known.map_or_else(|| "UNKNOWN_BUGCHECK".to_owned(), |known| known.count.name.clone()),
        class: known.map_or(StopCodeClass::Unknown, |known| known.count.class),
        parameters: parameters
            .map(|(index, &value)| Parameter {
                value,
                meaning: meaning(index),
            })
            .collect(),
    }
}

/// The report of the crash that an event tells of.
pub(crate) fn report(event: &Event, stop_code: StopCode, known: Option<StopCodeDetail>) -> Report {
    Report {
        kind: CrashKind::Kernel,
        format: None,
        crashed_at: Some(event.at),
        uptime_seconds: None,
        signature: stop_code.name.clone(),
        signature_parts: None,
        stop_code: Some(stop_code),
        exception: None,
        os_build: None,
        architecture: None,
        processors: None,
        manufacturer: None,
        model: None,
        process: None,
        frames: Vec::new(),
        threads: Vec::new(),
        drivers: Vec::new(),
        modules: Vec::new(),
        unloaded_drivers: Vec::new(),
        evidence: Vec::new(),
        probable_driver: None,
        guidance: known.map(|known| known.guidance).unwrap_or_default(),
        missing_symbols: Vec::new(),
        warnings: vec!["known from the event log only; no dump was received".to_owned()],
    }
}
