//! From a report to the crash that is stored.

use serde_json::Value;
use store::crashes::{
    AnalysedDump, BugCheck, Confidence, Counted, Kind, NewCrash, NewEvidence, Source, plausible_time,
};
use store::drivers::DumpImage;
use store::dumps::Dump;
use store::jobs::Job;
use store::symbols;
use store::{Error, MachineId};
use time::format_description::well_known::Rfc3339;
use wire::report::{self, CrashKind, EvidenceKind, MissingSymbol, Report, StopCodeClass};
use wire::symbols::SymbolKey;

/// The crash that `report` tells of, as `job` read it from `dump`.
pub(crate) fn crash(
    dump: &Dump,
    job: &Job,
    rules_version: i32,
    mut report: Report,
) -> Result<NewCrash, Error> {
    warn_of_absurd_time(dump, &mut report);
    let json = serde_json::to_string(&report).map_err(|_| Error::OutOfRange { what: "report" })?;
    Ok(NewCrash {
        machine: dump.machine_id.unwrap_or(MachineId::UNKNOWN),
        dump: Some(AnalysedDump {
            id: dump.id,
            attempts: job.fence.attempts,
            claimed_at: job.claimed_at,
        }),
        source: Source::Dump,
        kind: match report.kind {
            CrashKind::Kernel => Kind::Kernel,
            CrashKind::User => Kind::User,
        },
        counted: counted(&report),
        crashed_at: report.crashed_at,
        received_at: dump.received_at,
        bug_check: report.stop_code.as_ref().map(bug_check),
        uptime_seconds: report.uptime_seconds,
        images: report.drivers.iter().map(image).collect(),
        probable_driver: report.probable_driver.as_ref().map(probable_driver),
        evidence: report.evidence.iter().map(evidence).collect(),
        process: report.process,
        os_build: report.os_build,
        signature: report.signature,
        signature_rules: rules_version,
        missing_symbols: report.missing_symbols.iter().filter_map(missing_symbol).collect(),
        report: json,
    })
}

/// The word for a class of stop codes, as in JSON.
pub(crate) fn class_word(class: StopCodeClass) -> String {
    match serde_json::to_value(class) {
        Ok(Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

/// The store moves a crash with an absurd time to the time of receipt; the report must say so.
fn warn_of_absurd_time(dump: &Dump, report: &mut Report) {
    let (used, absurd) = plausible_time(report.crashed_at, dump.received_at);
    if let Some(absurd) = absurd {
        let told = absurd.format(&Rfc3339).unwrap_or_else(|_| absurd.to_string());
        report.warnings.push(format!(
            "the machine's clock said {told}, which cannot be; the time of receipt is shown instead"
        ));
        report.crashed_at = Some(used);
    }
}

fn counted(report: &Report) -> Counted {
    match &report.stop_code {
        Some(stop_code) if !stop_code.class.is_crash() => Counted::No,
        _ => Counted::Yes,
    }
}

fn bug_check(stop_code: &report::StopCode) -> BugCheck {
    let code = stop_code.code.get();
    BugCheck {
        code,
        raw_code: u32::try_from(stop_code.raw_code.0).unwrap_or(code),
        parameters: stop_code
            .parameters
            .iter()
            .map(|parameter| parameter.value.0)
            .collect(),
    }
}

/// `None` for a name that is not for files: no server has such a file.
fn missing_symbol(missing: &MissingSymbol) -> Option<symbols::Key> {
    let key: SymbolKey = missing.key.parse().ok()?;
    Some(symbols::Key {
        name: key.name().to_owned(),
        id: key.id().to_owned(),
    })
}

fn image(driver: &report::Module) -> DumpImage {
    DumpImage {
        base_name: driver.name.clone(),
        code_id: driver.code_id.clone(),
    }
}

fn probable_driver(driver: &report::ProbableDriver) -> (String, Confidence) {
    let confidence = match driver.confidence {
        report::Confidence::Low => Confidence::Low,
        report::Confidence::Medium => Confidence::Medium,
        report::Confidence::High => Confidence::High,
    };
    (driver.name.clone(), confidence)
}

fn evidence(evidence: &report::Evidence) -> NewEvidence {
    NewEvidence {
        driver: evidence.driver.clone(),
        kind: match evidence.kind {
            EvidenceKind::Parameter => "parameter",
            EvidenceKind::Stack => "stack",
            EvidenceKind::StackScan => "stack-scan",
            EvidenceKind::NamedByWindows => "named-by-windows",
            EvidenceKind::Unloaded => "unloaded",
        },
        strength: evidence.strength,
    }
}
