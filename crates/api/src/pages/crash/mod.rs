//! `/crashes/{id}`: what one dump says, and what it cannot say.

mod finding;
mod rows;

use askama::Template;
use wire::report::{Crash, CrashKind, MissingSymbol};

use super::layout::{Layout, Section, Viewer};
use super::show::{self, Prose};
use finding::{Finding, Heading, finding, heading};
use rows::{
    EvidenceRow, Fact, FrameRow, ModuleRow, ParameterRow, ThreadView, UnloadedRow, evidence, facts, frame,
    modules, parameters, threads, unloaded,
};

/// How the table of drivers is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DriverOrder {
    /// Drivers of other makers than Microsoft first, then those of unknown maker.
    #[default]
    ThirdPartyFirst,
    /// As Windows loaded them.
    Load,
}

/// The page.
#[derive(Template)]
#[template(path = "crash.html")]
pub(crate) struct Page {
    layout: Layout,
    id: String,
    heading: Heading,
    finding: Finding,
    facts: Vec<Fact>,
    parameters: Vec<ParameterRow>,
    frames: Vec<FrameRow>,
    threads: Vec<ThreadView>,
    evidence: Vec<EvidenceRow>,
    modules: Vec<ModuleRow>,
    modules_title: &'static str,
    load_order: bool,
    unloaded: Vec<UnloadedRow>,
    guidance: Vec<Prose>,
    warnings: Vec<String>,
    missing_symbols: Vec<MissingSymbol>,
    signature: String,
    signature_href: String,
    dump_href: Option<String>,
    dump_locked: bool,
}

impl Page {
    /// Lays one crash out.
    pub(crate) fn new(crash: &Crash, order: DriverOrder, viewer: Option<&Viewer>) -> Page {
        let report = &crash.report;
        let heading = heading(crash);
        let may_download = viewer.is_some_and(|viewer| viewer.may_download);
        let raw = crash.dump_id.map(|id| format!("/api/v1/dumps/{id}/raw"));
        let is_kernel = report.kind == CrashKind::Kernel;
        Page {
            layout: Layout::new(
                format!("Crash: {} {}", heading.code, heading.name),
                Section::Crashes,
                viewer,
            ),
            id: crash.id.map(|id| id.to_string()).unwrap_or_default(),
            finding: finding(report),
            facts: facts(crash),
            parameters: parameters(report),
            frames: report.frames.iter().map(frame).collect(),
            threads: threads(report),
            evidence: report.evidence.iter().map(evidence).collect(),
            modules: modules(report, order),
            modules_title: if is_kernel {
                "Loaded drivers"
            } else {
                "Loaded modules"
            },
            load_order: order == DriverOrder::Load,
            unloaded: unloaded(report),
            guidance: show::prose(&report.guidance),
            warnings: report.warnings.clone(),
            missing_symbols: report.missing_symbols.clone(),
            signature: report.signature.clone(),
            signature_href: format!("/crashes?signature={}", show::encode(&report.signature)),
            dump_locked: raw.is_some() && !may_download,
            dump_href: raw.filter(|_| may_download),
            heading,
        }
    }
}
