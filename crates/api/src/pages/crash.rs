//! `/crashes/{id}`: what one dump says, and what it cannot say.

use askama::Template;
use uuid::Uuid;
use wire::report::{Crash, CrashKind, CrashSource, Evidence, Frame, Module, ProbableDriver, Report};

use super::layout::{Layout, Section, Viewer};
use super::show::{self, When};
use super::words;

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
    guidance: Vec<String>,
    warnings: Vec<String>,
    missing_symbols: Vec<wire::report::MissingSymbol>,
    signature: String,
    signature_href: String,
    dump_href: Option<String>,
    dump_locked: bool,
}

/// What stopped the machine or the process.
struct Heading {
    code: String,
    code_href: Option<String>,
    raw_code: Option<String>,
    name: String,
    class: &'static str,
    meaning: String,
    source: &'static str,
}

/// The answer to "which driver?", or an honest "cannot tell".
struct Finding {
    driver: Option<FoundDriver>,
    sentence: String,
    /// Where the fleet's answer is.
    ranking_href: Option<String>,
}

struct FoundDriver {
    name: String,
    href: String,
    version: String,
    confidence: &'static str,
    tone: &'static str,
}

struct Fact {
    label: &'static str,
    value: String,
    href: Option<String>,
    at: Option<When>,
}

struct ParameterRow {
    index: usize,
    value: String,
    meaning: String,
}

struct FrameRow {
    index: u32,
    place: String,
    function: Option<String>,
    source: Option<String>,
    address: String,
    trust: &'static str,
    trust_class: &'static str,
    trust_title: &'static str,
}

struct ThreadView {
    title: String,
    frames: Vec<FrameRow>,
}

struct EvidenceRow {
    driver: String,
    href: String,
    kind: &'static str,
    detail: String,
    percent: String,
    width: String,
}

struct ModuleRow {
    name: String,
    href: String,
    version: String,
    company: String,
    base: String,
    size: String,
    stamp: String,
    code_id: String,
    suspected: bool,
}

struct UnloadedRow {
    name: String,
    href: String,
    start: String,
    end: String,
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
            layout: Layout::new(format!("Crash: {} {}", heading.code, heading.name), Section::Crashes, viewer),
            id: crash.id.map(|id: Uuid| id.to_string()).unwrap_or_default(),
            finding: finding(report),
            facts: facts(crash),
            parameters: parameters(report),
            frames: report.frames.iter().map(frame).collect(),
            threads: threads(report),
            evidence: report.evidence.iter().map(evidence).collect(),
            modules: modules(report, order),
            modules_title: if is_kernel { "Loaded drivers" } else { "Loaded modules" },
            load_order: order == DriverOrder::Load,
            unloaded: unloaded(report),
            guidance: report.guidance.clone(),
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

fn heading(crash: &Crash) -> Heading {
    let report = &crash.report;
    let source = match crash.source {
        CrashSource::Dump => "from a dump",
        CrashSource::Event => "from the event log, without a dump",
        CrashSource::Import => "from imported history",
    };
    if let Some(stop) = &report.stop_code {
        let code = stop.code.to_string();
        let raw = stop.raw_code.to_string();
        return Heading {
            code_href: Some(format!("/stop-codes/{code}")),
            raw_code: (raw != code).then_some(raw),
            name: stop.name.clone(),
            class: words::class_label(stop.class),
            meaning: words::meaning(stop.code, stop.class).to_owned(),
            source,
            code,
        };
    }
    let (code, name, meaning) = match &report.exception {
        Some(exception) => {
            let place = exception.address.map(|address| format!(" The address involved is {address}.")).unwrap_or_default();
            let meaning = format!("A process ended because nothing handled this exception.{place}");
            (exception.code.to_string(), exception.name.clone(), meaning)
        }
        None => ("–".to_owned(), "No exception".to_owned(), "The dump holds no exception.".to_owned()),
    };
    Heading { code, code_href: None, raw_code: None, name, class: "User-mode process", meaning, source }
}

fn finding(report: &Report) -> Finding {
    let ranking_href = report.stop_code.as_ref().map(|stop| format!("/stop-codes/{}#suspects", stop.code));
    match &report.probable_driver {
        Some(driver) => Finding { driver: Some(found(driver)), sentence: found_sentence(driver), ranking_href },
        None => Finding { driver: None, sentence: cannot_tell(report).to_owned(), ranking_href },
    }
}

fn found(driver: &ProbableDriver) -> FoundDriver {
    use wire::report::Confidence;
    FoundDriver {
        name: driver.name.clone(),
        href: format!("/drivers/{}", show::encode(&driver.name.to_lowercase())),
        version: driver.version.clone().unwrap_or_else(|| "version unknown".to_owned()),
        confidence: words::confidence(driver.confidence),
        tone: match driver.confidence {
            Confidence::High => "suspect",
            Confidence::Medium => "warn",
            Confidence::Low => "quiet",
        },
    }
}

fn found_sentence(driver: &ProbableDriver) -> String {
    use wire::report::Confidence;
    let sure = match driver.confidence {
        Confidence::High => "The dump points straight at this driver.",
        Confidence::Medium => "The dump points at this driver. Act on it when several crashes agree.",
        Confidence::Low => "The dump holds a hint at this driver, no more.",
    };
    match &driver.via {
        Some(via) => format!("{sure} The fault came through {via}, which other drivers are built on."),
        None => sure.to_owned(),
    }
}

fn cannot_tell(report: &Report) -> &'static str {
    let Some(stop) = &report.stop_code else {
        return "A crash of a process: no driver is suspected.";
    };
    let first = stop.parameters.first().map(|parameter| parameter.value.0);
    match (stop.code.get(), first) {
        (0x76, Some(0)) => {
            "This dump alone cannot tell. The driver that left the pages locked had finished its work before the crash, so it \
             is not on the stack. The fleet can tell: which driver versions are on the machines that crash?"
        }
        _ if report.format.is_none() => "This crash came without a dump, so there is nothing to read a driver from.",
        _ => "This dump alone cannot tell: nothing in it points at one driver more than at others.",
    }
}

fn facts(crash: &Crash) -> Vec<Fact> {
    let report = &crash.report;
    let mut facts = Vec::new();
    let mut text = |label, value: Option<String>, href: Option<String>| {
        if let Some(value) = value {
            facts.push(Fact { label, value, href, at: None });
        }
    };
    let machine_href = crash.machine.as_ref().map(|machine| format!("/machines/{}", show::encode(machine)));
    text("Machine", Some(crash.machine.clone().unwrap_or_else(|| "not named by the upload".to_owned())), machine_href);
    let hardware: Vec<&str> = [report.manufacturer.as_deref(), report.model.as_deref()].into_iter().flatten().collect();
    text("Hardware", (!hardware.is_empty()).then(|| hardware.join(" ")), None);
    text("Process", report.process.clone(), None);
    text("Up for", report.uptime_seconds.map(show::duration), None);
    text("OS build", report.os_build.map(|build| build.to_string()), None);
    text("Processor", processor(report), None);
    text("Dump", report.format.map(|format| words::format(format).to_owned()), None);
    let mut at = |label, at| facts.push(Fact { label, value: String::new(), href: None, at });
    if let Some(received) = crash.received_at {
        at("Received", Some(When(received)));
    }
    if let Some(crashed) = report.crashed_at {
        facts.insert(0, Fact { label: "Crashed", value: String::new(), href: None, at: Some(When(crashed)) });
    }
    facts
}

fn processor(report: &Report) -> Option<String> {
    let architecture = report.architecture.clone()?;
    Some(match report.processors {
        Some(processors) => format!("{architecture}, {}", show::counted(u64::from(processors), "logical processor")),
        None => architecture,
    })
}

fn parameters(report: &Report) -> Vec<ParameterRow> {
    let Some(stop) = &report.stop_code else { return Vec::new() };
    let numbered = stop.parameters.iter().enumerate();
    numbered
        .map(|(index, parameter)| ParameterRow {
            index: index + 1,
            value: parameter.value.to_string(),
            meaning: parameter.meaning.clone().unwrap_or_else(|| "not documented".to_owned()),
        })
        .collect()
}

fn frame(frame: &Frame) -> FrameRow {
    let (trust, trust_title) = words::trust(frame.trust);
    let place = match (&frame.module, frame.module_offset) {
        (Some(module), Some(offset)) => format!("{module} + {offset}"),
        (Some(module), None) => module.clone(),
        (None, _) => "outside every known module".to_owned(),
    };
    let function = frame.function.as_ref().map(|function| match frame.function_offset {
        Some(offset) => format!("{function} + {offset}"),
        None => function.clone(),
    });
    let source = frame.file.as_ref().map(|file| match frame.line {
        Some(line) => format!("{file}:{line}"),
        None => file.clone(),
    });
    FrameRow {
        index: frame.index,
        place,
        function,
        source,
        address: frame.address.to_string(),
        trust,
        trust_class: match frame.trust {
            wire::report::Trust::Context | wire::report::Trust::Cfi => "sure",
            wire::report::Trust::FramePointer => "fair",
            wire::report::Trust::Scan => "guess",
        },
        trust_title,
    }
}

fn threads(report: &Report) -> Vec<ThreadView> {
    let others = report.threads.iter().filter(|thread| !thread.crashed);
    others
        .map(|thread| ThreadView {
            title: match &thread.name {
                Some(name) => format!("Thread {} – {name}", thread.id),
                None => format!("Thread {}", thread.id),
            },
            frames: thread.frames.iter().map(frame).collect(),
        })
        .collect()
}

fn evidence(evidence: &Evidence) -> EvidenceRow {
    // `max` turns a value that is no number into 0.
    let strength = evidence.strength.max(0.0).min(1.0);
    EvidenceRow {
        driver: evidence.driver.clone(),
        href: format!("/drivers/{}", show::encode(&evidence.driver.to_lowercase())),
        kind: words::evidence(evidence.kind),
        detail: evidence.detail.clone(),
        percent: format!("{strength:.2}"),
        width: format!("{:.0}%", strength * 100.0),
    }
}

fn modules(report: &Report, order: DriverOrder) -> Vec<ModuleRow> {
    let all = if report.kind == CrashKind::Kernel { &report.drivers } else { &report.modules };
    let mut sorted: Vec<&Module> = all.iter().collect();
    if order == DriverOrder::ThirdPartyFirst {
        // A stable sort: within each part the load order stays.
        sorted.sort_by_key(|module| maker_rank(module.company.as_deref()));
    }
    let suspected = report.probable_driver.as_ref().map(|driver| driver.name.to_lowercase());
    sorted.into_iter().map(|one| module(one, suspected.as_deref())).collect()
}

fn maker_rank(company: Option<&str>) -> u8 {
    match company {
        Some(company) if company.to_lowercase().contains("microsoft") => 2,
        Some(_) => 0,
        None => 1,
    }
}

fn module(module: &Module, suspected: Option<&str>) -> ModuleRow {
    let name = module.name.to_lowercase();
    ModuleRow {
        href: format!("/drivers/{}", show::encode(&name)),
        suspected: suspected == Some(name.as_str()),
        name: module.name.clone(),
        version: module.version.clone().unwrap_or_default(),
        company: module.company.clone().unwrap_or_default(),
        base: module.base.to_string(),
        size: show::bytes(u64::from(module.size_of_image)),
        stamp: module.time_date_stamp.to_string(),
        code_id: module.code_id.clone().unwrap_or_default(),
    }
}

fn unloaded(report: &Report) -> Vec<UnloadedRow> {
    let all = report.unloaded_drivers.iter();
    all.map(|driver| UnloadedRow {
        name: driver.name.clone(),
        href: format!("/drivers/{}", show::encode(&driver.name.to_lowercase())),
        start: driver.start.to_string(),
        end: driver.end.to_string(),
    })
    .collect()
}
