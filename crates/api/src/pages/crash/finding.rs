//! What a crash is, and which driver its dump points at, if it points at any.

use wire::report::{Confidence, Crash, CrashSource, ProbableDriver, Report};

use crate::pages::{show, words};

/// What stopped the machine or the process.
pub(super) struct Heading {
    pub(super) code: String,
    pub(super) code_href: Option<String>,
    pub(super) raw_code: Option<String>,
    pub(super) name: String,
    pub(super) class: &'static str,
    pub(super) meaning: String,
    pub(super) source: &'static str,
}

/// The answer to "which driver?", or an honest "cannot tell".
pub(super) struct Finding {
    pub(super) driver: Option<FoundDriver>,
    pub(super) sentence: String,
    /// Where the fleet's answer is.
    pub(super) ranking_href: Option<String>,
}

pub(super) struct FoundDriver {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) version: String,
    pub(super) confidence: &'static str,
    pub(super) tone: &'static str,
}

pub(super) fn heading(crash: &Crash) -> Heading {
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
            let place = exception
                .address
                .map(|address| format!(" The address involved is {address}."))
                .unwrap_or_default();
            let meaning = format!("A process ended because nothing handled this exception.{place}");
            (exception.code.to_string(), exception.name.clone(), meaning)
        }
        None => (
            "–".to_owned(),
            "No exception".to_owned(),
            "The dump holds no exception.".to_owned(),
        ),
    };
    Heading {
        code,
        code_href: None,
        raw_code: None,
        name,
        class: "User-mode process",
        meaning,
        source,
    }
}

pub(super) fn finding(report: &Report) -> Finding {
    let ranking_href = report
        .stop_code
        .as_ref()
        .map(|stop| format!("/stop-codes/{}#suspects", stop.code));
    match &report.probable_driver {
        Some(driver) => Finding {
            driver: Some(found(driver)),
            sentence: found_sentence(driver),
            ranking_href,
        },
        None => Finding {
            driver: None,
            sentence: cannot_tell(report).to_owned(),
            ranking_href,
        },
    }
}

fn found(driver: &ProbableDriver) -> FoundDriver {
    FoundDriver {
        name: driver.name.clone(),
        href: format!("/drivers/{}", show::encode(&driver.name.to_lowercase())),
        version: driver
            .version
            .clone()
            .unwrap_or_else(|| "version unknown".to_owned()),
        confidence: words::confidence(driver.confidence),
        tone: match driver.confidence {
            Confidence::High => "suspect",
            Confidence::Medium => "warn",
            Confidence::Low => "quiet",
        },
    }
}

fn found_sentence(driver: &ProbableDriver) -> String {
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
        _ if report.format.is_none() => {
            "This crash came without a dump, so there is nothing to read a driver from."
        }
        _ => "This dump alone cannot tell: nothing in it points at one driver more than at others.",
    }
}
