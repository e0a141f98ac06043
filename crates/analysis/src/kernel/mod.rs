//! Kernel dumps: what stopped the machine, and who is to blame.
//!
//! ```text
//! header ─► stop code, parameters ─► addresses ─┐
//!                │                              ├─► evidence ─► verdict ─► signature, guidance
//!                └─► fault (registers) ─► stack ┘        ▲
//!                                     named by Windows ──┘
//! ```
//!
//! A dump that is no small dump has no driver list here and no stack; its report has the stop code and says so.

mod addresses;
mod arm64;
mod evidence;
mod fault;
mod files;
mod irp;
mod machine;
mod modules;
mod named;
mod process;
mod scan;
mod stack;
mod verdict;
mod x86;

use kdump::{Dump, FormatKind};
use wire::report::{Parameter, Report, SignatureParts, StopCode, StopCodeClass, Trust};
use wire::{Hex, StopCodeNumber};

use crate::guidance::{self, KernelCrash};
use crate::signature::{self, Place, Rules, Source};
use crate::stop_codes::{self, UNKNOWN_NAME};
use crate::symbols::SymbolSource;
use crate::{Error, Foreign};
use evidence::{Finding, Sources};
use modules::Modules;
use stack::Walk;

/// Says what a kernel dump tells.
pub(crate) fn analyze(bytes: &[u8], symbols: &mut dyn SymbolSource, rules: &Rules) -> Result<Report, Error> {
    let dump = Dump::parse(bytes).map_err(|reason| refusal(bytes, reason))?;
    let bug_check = dump.header().bug_check;
    if bug_check.is_memory_image() {
        return Err(Error::MemoryImage { tool: "DumpIt" });
    }
    let modules = Modules::of(&dump);
    let parameters = bug_check.parameters;
    let code = StopCodeNumber::from_raw(bug_check.code).get();
    let stop_code = stop_code(&dump);
    let mut addresses = addresses::of(code, parameters);
    addresses.extend(addresses::through_request(&dump, code, parameters));
    let fault = fault::find(&dump, code, addresses::instruction(code, parameters));
    let walk = fault
        .as_ref()
        .map(|fault| stack::walk(&dump, &modules, fault, symbols))
        .unwrap_or_default();
    let sources = Sources {
        code,
        class: stop_code.class,
        parameters,
        modules: &modules,
        fault: fault.as_ref(),
        addresses: &addresses,
        named: named::find(&dump, &modules, code, parameters),
        frames: &walk.frames,
    };
    let report = conclude(&dump, &sources, stop_code);
    let Walk {
        frames,
        missing,
        warnings,
    } = walk;
    let report = Report {
        frames,
        missing_symbols: missing,
        warnings: report.warnings.into_iter().chain(warnings).collect(),
        ..report
    };
    Ok(signed(report, rules))
}

/// From all that was found to the report, but for the stack.
fn conclude(dump: &Dump<'_>, sources: &Sources<'_>, stop_code: StopCode) -> Report {
    let findings = evidence::collect(sources);
    let process = process::find(dump, sources.code, sources.parameters);
    let signature_parts = signature_parts(sources, &stop_code, &findings, process.name.as_deref());
    let probable_driver = verdict::probable_driver(stop_code.class, &findings);
    let guidance = guidance::for_kernel_crash(&KernelCrash {
        raw_code: dump.header().bug_check.code,
        parameters: sources.parameters,
        probable_driver: probable_driver.as_ref(),
        process: process.name.as_deref(),
        during_start: machine::uptime_seconds(dump).is_some_and(|seconds| seconds < 120),
    });
    let warnings = warnings(dump).chain(process.warning);
    Report {
        stop_code: Some(stop_code),
        process: process.name,
        signature_parts: Some(signature_parts),
        evidence: findings.into_iter().map(|finding| finding.evidence).collect(),
        probable_driver,
        guidance,
        warnings: warnings.collect(),
        ..machine::report(dump, sources.modules)
    }
}

/// The parser's refusal, with what the person who sent the file can do about it.
fn refusal(bytes: &[u8], reason: kdump::Error) -> Error {
    match reason {
        kdump::Error::Encrypted { .. } => Error::Encrypted,
        kdump::Error::NotADump { .. } => Error::NotADump {
            what: Foreign::recognise(bytes),
        },
        reason => Error::DamagedKernelDump { reason },
    }
}

fn stop_code(dump: &Dump<'_>) -> StopCode {
    let kdump::BugCheck { code, parameters } = dump.header().bug_check;
    let info = stop_codes::find(code);
    let meanings = info.map(|info| info.parameters).unwrap_or_default();
    let class = info.map_or(StopCodeClass::Unknown, |info| info.class);
    let is_live = dump.format().kind == FormatKind::Live && class.is_crash();
    StopCode {
        code: StopCodeNumber::from_raw(code),
        raw_code: Hex(u64::from(code)),
        name: info.map_or(UNKNOWN_NAME, |info| info.name).to_owned(),
        // Whatever the code means otherwise: a machine with a live dump went on running.
        class: if is_live { StopCodeClass::Live } else { class },
        parameters: parameters
            .into_iter()
            .zip(meanings)
            .map(|(value, meaning)| Parameter {
                value: Hex(value),
                meaning: meaning.map(str::to_owned),
            })
            .collect(),
    }
}

fn signature_parts(
    sources: &Sources<'_>,
    stop_code: &StopCode,
    findings: &[Finding],
    process: Option<&str>,
) -> SignatureParts {
    let place = match (sources.code, sources.parameters) {
        (0x1d5, [text, ..]) => named::service_name(text).map(Place::Service),
        _ => verdict::place(sources, findings, process),
    };
    let bug_check = signature::BugCheck {
        name: &stop_code.name,
        code: sources.code,
        parameters: sources.parameters,
        exception: sources
            .fault
            .and_then(|fault| fault.exception)
            .map(|record| record.code),
    };
    let by_stack = is_told_by_stack(sources, place.as_ref());
    signature::of_bug_check(&bug_check, place.as_ref(), by_stack)
}

/// Whether the place of the crash is on the stack: not where Windows or a parameter names another one, and not where
/// the stack has nothing to do with the cause, as at the end of a process.
fn is_told_by_stack(sources: &Sources<'_>, place: Option<&Place>) -> bool {
    let is_apart =
        matches!(sources.code, 0x4a | 0x76 | 0xcb | 0xef | 0x1d5) || expects_no_place(sources.class);
    let is_on_stack = match place {
        None => true,
        Some(Place::Code { module, offset }) => sources.frames.iter().any(|frame| {
            let is_it = frame.module.as_ref() == Some(module) && frame.module_offset == Some(Hex(*offset));
            is_it && frame.trust != Trust::Scan
        }),
        Some(_) => false,
    };
    is_on_stack && !is_apart
}

/// Whether nothing but the code is expected of a signature.
fn expects_no_place(class: StopCodeClass) -> bool {
    matches!(
        class,
        StopCodeClass::Hardware | StopCodeClass::Live | StopCodeClass::Manual
    )
}

/// The report with its signature, and a warning if that is weak.
fn signed(mut report: Report, rules: &Rules) -> Report {
    let Some(choice) = signature::choose(&report, rules) else {
        return report;
    };
    report.signature = choice.text;
    let class = report.stop_code.as_ref().map(|stop_code| stop_code.class);
    if choice.source == Source::Nowhere && !class.is_some_and(expects_no_place) {
        report.warnings.push(
            "The signature is weak: without symbols no place in the code is certain, so all crashes with this \
             stop code fall into one group."
                .to_owned(),
        );
    }
    report
}

fn warnings(dump: &Dump<'_>) -> impl Iterator<Item = String> {
    dump.warnings()
        .iter()
        .map(|warning| sentence(&warning.to_string()))
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), characters.as_str())
}
