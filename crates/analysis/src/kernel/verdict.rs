//! From evidence to the driver most likely at fault, and to the place that the crash is grouped by.
//!
//! The order is that of the evidence: named by Windows, parameter or faulting instruction, unloaded, trusted stack,
//! scanned stack. A layer of Windows is never the answer; it is told as the way the fault came. How sure the answer
//! is depends on the code too: where memory was found damaged, the instruction that tripped may be the victim's.

use wire::report::{Confidence, EvidenceKind, ProbableDriver, StopCodeClass};

use super::addresses::Leads;
use super::evidence::{Finding, Sources};
use super::modules::Modules;
use crate::images::Role;
use crate::signature::Place;

/// The driver most likely at fault, or `None` when the dump cannot tell.
pub(super) fn probable_driver(class: StopCodeClass, findings: &[Finding]) -> Option<ProbableDriver> {
    if matches!(class, StopCodeClass::Hardware | StopCodeClass::Manual) {
        return None;
    }
    let suspect = findings.iter().find(|finding| finding.role == Role::Driver)?;
    let layer = findings
        .iter()
        .find(|finding| finding.role == Role::Layer && finding.evidence.kind == EvidenceKind::Parameter);
    let via = suspect.via.clone().or_else(|| {
        let stands_between =
            suspect.evidence.kind == EvidenceKind::StackScan || suspect.evidence.kind == EvidenceKind::Stack;
        layer
            .filter(|_| stands_between)
            .map(|layer| layer.evidence.driver.clone())
    });
    Some(ProbableDriver {
        name: suspect.evidence.driver.clone(),
        version: None,
        confidence: confidence(class, suspect),
        via,
    })
}

fn confidence(class: StopCodeClass, finding: &Finding) -> Confidence {
    let of_direct_evidence = match class {
        StopCodeClass::Memory
        | StopCodeClass::Os
        | StopCodeClass::Storage
        | StopCodeClass::Security
        | StopCodeClass::Live => Confidence::Medium,
        _ => Confidence::High,
    };
    match finding.evidence.kind {
        EvidenceKind::StackScan => Confidence::Low,
        EvidenceKind::Stack => Confidence::Medium,
        _ if finding.is_guess => Confidence::Medium,
        EvidenceKind::NamedByWindows => Confidence::High,
        EvidenceKind::Parameter | EvidenceKind::Unloaded => of_direct_evidence,
    }
}

/// The place that the crash is grouped by; never one that was found by scanning.
pub(super) fn place(sources: &Sources<'_>, findings: &[Finding], process: Option<&str>) -> Option<Place> {
    let is_certain = |finding: &&Finding| finding.evidence.kind != EvidenceKind::StackScan;
    let of_role = |role| {
        findings
            .iter()
            .filter(is_certain)
            .find(move |finding| finding.role == role)
    };
    of_role(Role::Driver)
        .or_else(|| of_role(Role::Layer))
        .map(of_finding)
        .or_else(|| of_process(sources.code, process))
        .or_else(|| in_kernel(sources))
}

fn of_finding(finding: &Finding) -> Place {
    let module = finding.evidence.driver.clone();
    match (finding.evidence.kind, finding.offset) {
        (EvidenceKind::Unloaded, Some(offset)) => Place::Unloaded { module, offset },
        (_, Some(offset)) => Place::Code { module, offset },
        (_, None) => Place::Named(module),
    }
}

/// Codes for which the process says more than any address: the pages are its own, or it is what ended.
fn of_process(code: u32, process: Option<&str>) -> Option<Place> {
    matches!(code, 0x76 | 0x4a | 0xef)
        .then_some(process)?
        .map(|process| Place::Process(process.to_owned()))
}

/// The place of the fault in Windows itself: it blames nobody, but it tells crashes apart within a build.
fn in_kernel(sources: &Sources<'_>) -> Option<Place> {
    let fault = sources
        .fault
        .filter(|fault| fault.is_at_fault())
        .map(|fault| fault.pc);
    let parameter = sources
        .addresses
        .iter()
        .find(|parameter| parameter.leads == Leads::Inside)
        .map(|parameter| parameter.address);
    let is_code = !matches!(sources.code, 0x76 | 0xcb);
    let place = |modules: &Modules, address| {
        let hit = modules.at(address)?;
        Some(Place::Code {
            module: hit.image.name.clone(),
            offset: hit.offset,
        })
    };
    fault
        .or(parameter)
        .filter(|_| is_code)
        .and_then(|address| place(sources.modules, address))
}
