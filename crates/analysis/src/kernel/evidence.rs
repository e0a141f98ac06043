//! What points at which driver, and how strongly.
//!
//! | what | strength |
//! |---|---|
//! | Windows named it | 0.95 |
//! | a parameter or the faulting instruction is inside it | 0.9 |
//! | it holds the request that a parameter points at | 0.8 |
//! | the address is where it was before it was unloaded | 0.9 or 0.7, by code |
//! | a frame of a trusted walk is inside it | 0.6, less further out |
//! | an address found by scanning is inside it | 0.3, less further out |
//! | a layer of Windows in any of these places | a third of it |
//!
//! Windows itself is never evidence. Codes that no driver is blamed for have none at all, and neither has 0x76 with
//! parameter 1 = 0: what is on that stack has nothing to do with who locked the pages.

use wire::report::{Evidence, EvidenceKind, Frame, StopCodeClass, Trust};

use super::addresses::{AddressParameter, Leads};
use super::fault::Fault;
use super::modules::{Hit, Modules};
use super::named::Named;
use crate::images::Role;

/// Most drivers that a scan of the stack may name.
const MAX_SCANNED: usize = 8;

/// One piece of evidence and what the verdict needs to know of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    /// As it is reported.
    pub(super) evidence: Evidence,
    /// Whether the driver can be blamed, or only stands between.
    pub(super) role: Role,
    /// Distance from the driver's base.
    pub(super) offset: Option<u64>,
    /// A layer that stands between.
    pub(super) via: Option<String>,
    /// Whether evidence of this kind is less certain than usual.
    pub(super) is_guess: bool,
}

/// What the evidence is taken from.
pub(super) struct Sources<'a> {
    /// The code, with bit 28 cleared.
    pub(super) code: u32,
    /// Its class.
    pub(super) class: StopCodeClass,
    /// The parameters.
    pub(super) parameters: [u64; 4],
    /// The images.
    pub(super) modules: &'a Modules,
    /// The registers.
    pub(super) fault: Option<&'a Fault<'a>>,
    /// The parameters that are addresses.
    pub(super) addresses: &'a [AddressParameter],
    /// The driver Windows named.
    pub(super) named: Option<Named>,
    /// The stack.
    pub(super) frames: &'a [Frame],
}

/// All evidence, strongest first.
pub(super) fn collect(sources: &Sources<'_>) -> Vec<Finding> {
    if accuses_nobody(sources) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    findings.extend(sources.named.as_ref().map(named));
    for parameter in sources.addresses {
        let finding = of_parameter(sources, parameter);
        findings.extend(finding.filter(|finding| !is_known(finding, &findings)));
    }
    findings.extend(of_instruction(sources, &findings));
    if sources.class != StopCodeClass::Live {
        findings.extend(of_frames(sources, &findings));
    }
    findings.sort_by(|a, b| b.evidence.strength.total_cmp(&a.evidence.strength));
    findings
}

/// Whether the same place in the same driver has been found already.
fn is_known(finding: &Finding, known: &[Finding]) -> bool {
    let place = |finding: &Finding| (finding.evidence.driver.clone(), finding.offset);
    known.iter().any(|other| place(other) == place(finding))
}

/// Whether this bug check cannot be the fault of a driver that the dump could name.
fn accuses_nobody(sources: &Sources<'_>) -> bool {
    let is_locked_pages_at_exit = sources.code == 0x76 && sources.parameters.first() != Some(&1);
    is_locked_pages_at_exit || matches!(sources.class, StopCodeClass::Hardware | StopCodeClass::Manual)
}

fn named(named: &Named) -> Finding {
    Finding {
        evidence: Evidence {
            driver: named.driver.clone(),
            kind: EvidenceKind::NamedByWindows,
            detail: named.detail.clone(),
            strength: if named.is_guess { 0.6 } else { 0.95 },
        },
        role: crate::images::role(&named.driver),
        offset: named.offset,
        via: named.via.clone(),
        is_guess: named.is_guess,
    }
}

fn of_parameter(sources: &Sources<'_>, parameter: &AddressParameter) -> Option<Finding> {
    let AddressParameter {
        number,
        address,
        leads,
    } = *parameter;
    if let Some(hit) = sources.modules.at(address) {
        let what = format!("Parameter {number} is the address");
        return match leads {
            Leads::IntoUnloaded => None,
            // 0xCB: who is named by this address is found with its other parameters.
            Leads::Inside if sources.code == 0xcb => None,
            Leads::Inside => in_image(hit, &what, 0.9, EvidenceKind::Parameter),
            Leads::ThroughRequest => through_request(hit, number),
        };
    }
    let (driver, offset) = sources.modules.unloaded_at(address)?;
    let is_expected = matches!(sources.code, 0x50 | 0xce | 0xd4);
    Some(Finding {
        evidence: Evidence {
            driver: driver.name.clone(),
            kind: EvidenceKind::Unloaded,
            detail: format!(
                "Parameter {number} is where {}+{offset:#x} was before the driver was unloaded.",
                driver.name
            ),
            strength: if is_expected { 0.9 } else { 0.7 },
        },
        role: crate::images::role(&driver.name),
        offset: Some(offset),
        via: None,
        is_guess: !is_expected,
    })
}

/// The driver that holds a request; what it waits for may still be another's.
fn through_request(hit: Hit<'_>, number: u8) -> Option<Finding> {
    let finding = in_image(hit, "", 0.8, EvidenceKind::Parameter)?;
    let name = &hit.image.name;
    Some(Finding {
        evidence: Evidence {
            detail: format!("Parameter {number} is a request (IRP) that waits in a device of {name}."),
            ..finding.evidence
        },
        offset: None,
        is_guess: true,
        ..finding
    })
}

/// The faulting instruction, unless a parameter has already said the same.
fn of_instruction(sources: &Sources<'_>, known: &[Finding]) -> Option<Finding> {
    let fault = sources.fault.filter(|fault| fault.is_at_fault())?;
    let hit = sources.modules.at(fault.pc)?;
    let finding = in_image(
        hit,
        "The instruction that failed is at",
        0.9,
        EvidenceKind::Parameter,
    )?;
    Some(finding).filter(|finding| !is_known(finding, known))
}

fn in_image(hit: Hit<'_>, what: &str, strength: f64, kind: EvidenceKind) -> Option<Finding> {
    let name = &hit.image.name;
    let (strength, remark) = match hit.image.role {
        Role::Os => return None,
        Role::Layer => (strength / 3.0, ", a layer of Windows that acts for other drivers"),
        Role::Driver => (strength, ""),
    };
    Some(Finding {
        evidence: Evidence {
            driver: name.clone(),
            kind,
            detail: format!("{what} {name}+{:#x}{remark}.", hit.offset),
            strength: rounded(strength),
        },
        role: hit.image.role,
        offset: Some(hit.offset),
        via: None,
        is_guess: false,
    })
}

/// Every driver on the stack once, at its innermost frame; those that are named already are left out.
fn of_frames(sources: &Sources<'_>, known: &[Finding]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut is_behind_guess = false;
    for frame in sources.frames.iter().skip(1) {
        is_behind_guess |= frame.trust == Trust::Scan;
        // What unwinding makes of a guess is no better than the guess.
        let is_certain = match frame.trust {
            Trust::Context | Trust::FramePointer => true,
            Trust::Cfi => !is_behind_guess,
            Trust::Scan => false,
        };
        let Some(hit) = sources.modules.at(frame.address.0) else {
            continue;
        };
        let is_named = |finding: &Finding| finding.evidence.driver == hit.image.name;
        if known.iter().any(is_named) || findings.iter().any(is_named) || findings.len() >= MAX_SCANNED {
            continue;
        }
        // 1, 2/3, 1/2, …: the further out a driver is, the less it says.
        let further = u32::try_from(findings.len()).unwrap_or(u32::MAX);
        let fading = 1.0 / f64::from(further.saturating_add(2)) * 2.0;
        let index = frame.index;
        findings.extend(if is_certain {
            in_image(
                hit,
                &format!("Frame {index} of the stack is at"),
                0.6 * fading,
                EvidenceKind::Stack,
            )
        } else {
            in_image(
                hit,
                &format!("Scanning the stack found, in place {index}, an address at"),
                0.3 * fading,
                EvidenceKind::StackScan,
            )
        });
    }
    findings
}

/// Two digits are more than enough for a guess.
fn rounded(strength: f64) -> f64 {
    (strength * 100.0).round() / 100.0
}
