//! The tables of a crash's page, row by row.

use time::OffsetDateTime;
use wire::report::{Crash, CrashKind, Evidence, Frame, Module, Report, Trust};

use super::DriverOrder;
use crate::pages::show::{self, When};
use crate::pages::words;

pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) href: Option<String>,
    pub(super) at: Option<When>,
}

pub(super) struct ParameterRow {
    pub(super) index: usize,
    pub(super) value: String,
    pub(super) meaning: String,
}

pub(super) struct FrameRow {
    pub(super) index: u32,
    pub(super) place: String,
    pub(super) function: Option<String>,
    pub(super) source: Option<String>,
    pub(super) address: String,
    pub(super) trust: &'static str,
    pub(super) trust_class: &'static str,
    pub(super) trust_title: &'static str,
}

pub(super) struct ThreadView {
    pub(super) title: String,
    pub(super) frames: Vec<FrameRow>,
}

pub(super) struct EvidenceRow {
    pub(super) driver: String,
    pub(super) href: String,
    pub(super) kind: &'static str,
    pub(super) detail: String,
    pub(super) percent: String,
    pub(super) width: String,
}

pub(super) struct ModuleRow {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) version: String,
    pub(super) company: String,
    pub(super) base: String,
    pub(super) size: String,
    pub(super) stamp: String,
    pub(super) code_id: String,
    pub(super) suspected: bool,
}

pub(super) struct UnloadedRow {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) start: String,
    pub(super) end: String,
}

pub(super) fn facts(crash: &Crash) -> Vec<Fact> {
    let report = &crash.report;
    let hardware = [report.manufacturer.as_deref(), report.model.as_deref()];
    let hardware = hardware.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let all = [
        moment("Crashed", report.crashed_at),
        Some(machine(crash.machine.as_deref())),
        text("Hardware", Some(hardware).filter(|text| !text.is_empty())),
        text("Process", report.process.clone()),
        text("Up for", report.uptime_seconds.map(show::duration)),
        text("OS build", report.os_build.map(|build| build.to_string())),
        text("Processor", processor(report)),
        text(
            "Dump",
            report.format.map(|format| words::format(format).to_owned()),
        ),
        moment("Received", crash.received_at),
    ];
    all.into_iter().flatten().collect()
}

fn text(label: &'static str, value: Option<String>) -> Option<Fact> {
    value.map(|value| Fact {
        label,
        value,
        href: None,
        at: None,
    })
}

fn moment(label: &'static str, at: Option<OffsetDateTime>) -> Option<Fact> {
    at.map(|at| Fact {
        label,
        value: String::new(),
        href: None,
        at: Some(When(at)),
    })
}

fn machine(name: Option<&str>) -> Fact {
    Fact {
        label: "Machine",
        value: name.unwrap_or("not named by the upload").to_owned(),
        href: name.map(|name| format!("/machines/{}", show::encode(name))),
        at: None,
    }
}

fn processor(report: &Report) -> Option<String> {
    let architecture = report.architecture.clone()?;
    Some(match report.processors {
        Some(processors) => format!(
            "{architecture}, {}",
            show::counted(u64::from(processors), "logical processor")
        ),
        None => architecture,
    })
}

pub(super) fn parameters(report: &Report) -> Vec<ParameterRow> {
    let Some(stop) = &report.stop_code else {
        return Vec::new();
    };
    let numbered = stop.parameters.iter().enumerate();
    numbered
        .map(|(index, parameter)| ParameterRow {
            index: index + 1,
            value: parameter.value.to_string(),
            meaning: parameter
                .meaning
                .clone()
                .unwrap_or_else(|| "not documented".to_owned()),
        })
        .collect()
}

pub(super) fn frame(frame: &Frame) -> FrameRow {
    let (trust, trust_title) = words::trust(frame.trust);
    let place = match (&frame.module, frame.module_offset) {
        (Some(module), Some(offset)) => format!("{module} + {offset}"),
        (Some(module), None) => module.clone(),
        (None, _) => "outside every known module".to_owned(),
    };
    let function = frame
        .function
        .as_ref()
        .map(|function| match frame.function_offset {
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
            Trust::Context | Trust::Cfi => "sure",
            Trust::FramePointer => "fair",
            Trust::Scan => "guess",
        },
        trust_title,
    }
}

pub(super) fn threads(report: &Report) -> Vec<ThreadView> {
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

pub(super) fn evidence(evidence: &Evidence) -> EvidenceRow {
    let strength = if evidence.strength.is_nan() {
        0.0
    } else {
        evidence.strength.clamp(0.0, 1.0)
    };
    EvidenceRow {
        driver: evidence.driver.clone(),
        href: format!("/drivers/{}", show::encode(&evidence.driver.to_lowercase())),
        kind: words::evidence(evidence.kind),
        detail: evidence.detail.clone(),
        percent: format!("{strength:.2}"),
        width: format!("{:.0}%", strength * 100.0),
    }
}

pub(super) fn modules(report: &Report, order: DriverOrder) -> Vec<ModuleRow> {
    let all = if report.kind == CrashKind::Kernel {
        &report.drivers
    } else {
        &report.modules
    };
    let mut sorted: Vec<&Module> = all.iter().collect();
    if order == DriverOrder::ThirdPartyFirst {
        // A stable sort: within each part the load order stays.
        sorted.sort_by_key(|module| maker_rank(module.company.as_deref()));
    }
    let suspected = report
        .probable_driver
        .as_ref()
        .map(|driver| driver.name.to_lowercase());
    sorted
        .into_iter()
        .map(|one| module(one, suspected.as_deref()))
        .collect()
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

pub(super) fn unloaded(report: &Report) -> Vec<UnloadedRow> {
    let all = report.unloaded_drivers.iter();
    all.map(|driver| UnloadedRow {
        name: driver.name.clone(),
        href: format!("/drivers/{}", show::encode(&driver.name.to_lowercase())),
        start: driver.start.to_string(),
        end: driver.end.to_string(),
    })
    .collect()
}
