//! One report for people: what stopped, what it means, which driver, why, and what to do.

use std::fmt::Write;

use time::macros::format_description;
use wire::report::{Confidence, CrashKind, EvidenceKind, Frame, ProbableDriver, Report, Trust};

use super::layout::{clean, duration, entry};
use crate::output::Emphasis;

/// Frames that are shown; `--json` has all.
const FRAMES: usize = 20;

/// Pieces of evidence that are shown.
const EVIDENCE: usize = 8;

/// The report of the dump called `shown`.
pub(super) fn render(shown: &str, report: &Report, emphasis: Emphasis) -> String {
    let mut out = format!("{}\n", emphasis.bold(&format!("== {} ==", clean(shown))));
    what_stopped(&mut out, report);
    machine(&mut out, report);
    driver(&mut out, report, emphasis);
    stack(&mut out, report);
    list(&mut out, "What to do", &report.guidance);
    list(&mut out, "Odd", &report.warnings);
    out.push_str(&entry("Signature", &clean(&report.signature)));
    out.push('\n');
    out
}

fn what_stopped(out: &mut String, report: &Report) {
    if let Some(stop_code) = &report.stop_code {
        let class = word(&stop_code.class);
        let name = clean(&stop_code.name);
        out.push_str(&entry(
            "Stop code",
            &format!("{} {name} ({class})", stop_code.code),
        ));
        for (number, parameter) in (1..).zip(&stop_code.parameters) {
            let meaning = parameter.meaning.as_deref().unwrap_or("no documented meaning");
            let value = parameter.value.to_string();
            out.push_str(&entry("", &format!("P{number} {value:<18}  {}", clean(meaning))));
        }
        if !stop_code.class.is_crash() {
            out.push_str(&entry(
                "",
                "This is not a crash: the report was asked for, or Windows went on running.",
            ));
        }
    }
    if let Some(exception) = &report.exception {
        let mut text = format!("{} {}", exception.code, clean(&exception.name));
        if let Some(address) = exception.address {
            let _infallible = write!(text, " at {address}");
        }
        out.push_str(&entry("Exception", &text));
    }
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let when = report.crashed_at.and_then(|at| at.format(format).ok());
    let mut text = when.unwrap_or_else(|| "at an unknown time".to_owned());
    if let Some(seconds) = report.uptime_seconds {
        let _infallible = write!(text, ", {} after it started", duration(seconds));
    }
    out.push_str(&entry("Stopped", &text));
}

fn machine(out: &mut String, report: &Report) {
    let parts: Vec<String> = [
        report.manufacturer.as_deref().map(clean),
        report.model.as_deref().map(clean),
        report.os_build.map(|build| format!("Windows build {build}")),
        report.architecture.as_deref().map(clean),
        report.processors.map(|count| format!("{count} processors")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !parts.is_empty() {
        out.push_str(&entry("Machine", &parts.join(", ")));
    }
    if let Some(process) = &report.process {
        out.push_str(&entry("Process", &clean(process)));
    }
}

/// The verdict of this one dump, or an honest "cannot tell", and the evidence.
fn driver(out: &mut String, report: &Report, emphasis: Emphasis) {
    let verdict = match &report.probable_driver {
        Some(driver) => probable(driver),
        None => cannot_tell(report).to_owned(),
    };
    out.push_str(&entry("Driver", &emphasis.bold(&verdict)));
    for (number, evidence) in report.evidence.iter().take(EVIDENCE).enumerate() {
        let label = if number == 0 { "Evidence" } else { "" };
        let text = format!(
            "{:.2}  {} ({}): {}",
            evidence.strength,
            clean(&evidence.driver),
            evidence_kind(evidence.kind),
            clean(&evidence.detail)
        );
        out.push_str(&entry(label, &text));
    }
}

fn probable(driver: &ProbableDriver) -> String {
    let mut text = clean(&driver.name);
    if let Some(version) = &driver.version {
        let _infallible = write!(text, " {}", clean(version));
    }
    let confidence = match driver.confidence {
        Confidence::High => "high confidence",
        Confidence::Medium => "medium confidence: worth acting on when several crashes agree",
        Confidence::Low => "low confidence: a hint, not more",
    };
    let _infallible = write!(text, " ({confidence})");
    if let Some(via) = &driver.via {
        let _infallible = write!(text, ", which acted through {}", clean(via));
    }
    text
}

fn cannot_tell(report: &Report) -> &'static str {
    let locked_pages = report
        .stop_code
        .as_ref()
        .is_some_and(|stop_code| stop_code.code.get() == 0x76);
    if report.kind == CrashKind::User {
        "none: this is a crash of a program, not of Windows"
    } else if locked_pages {
        "cannot tell: the driver that left pages locked had done so long before Windows noticed. Comparing machines \
         that crash with machines that do not finds it; that is what `stopcode serve` does"
    } else {
        "cannot tell from this dump alone"
    }
}

fn evidence_kind(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Parameter => "parameter",
        EvidenceKind::Stack => "on the stack",
        EvidenceKind::StackScan => "found on the stack by scanning",
        EvidenceKind::NamedByWindows => "named by Windows",
        EvidenceKind::Unloaded => "already unloaded",
    }
}

fn stack(out: &mut String, report: &Report) {
    for (number, frame) in report.frames.iter().take(FRAMES).enumerate() {
        let label = if number == 0 { "Stack" } else { "" };
        let text = format!("{:>2}  {:<44} {}", frame.index, place(frame), trust(frame.trust));
        out.push_str(&entry(label, text.trim_end()));
    }
    let hidden = report.frames.len().saturating_sub(FRAMES);
    if hidden > 0 {
        out.push_str(&entry("", &format!("and {hidden} more; --json has them all")));
    }
}

/// `amdppm.sys!WriteIoMemRawEx+0x70`, `amdppm.sys+0x334c`, or the bare address.
fn place(frame: &Frame) -> String {
    let Some(module) = &frame.module else {
        return frame.address.to_string();
    };
    let mut text = clean(module);
    let offset = if let Some(function) = &frame.function {
        let _infallible = write!(text, "!{}", clean(function));
        frame.function_offset
    } else {
        frame.module_offset
    };
    if let Some(offset) = offset {
        let _infallible = write!(text, "+{offset}");
    }
    text
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Context => "(registers)",
        Trust::Cfi => "",
        Trust::FramePointer => "(frame pointer)",
        Trust::Scan => "(scan)",
    }
}

fn list(out: &mut String, label: &str, items: &[String]) {
    for (number, item) in (1..).zip(items) {
        let label = if number == 1 { label } else { "" };
        out.push_str(&entry(label, &format!("{number}. {}", clean_long(item))));
    }
}

/// Guidance is ours and may be long; only control characters are taken out.
fn clean_long(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// The word of the HTTP contract for an enum value.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report as the API would show it, with what a test wants to be different.
    fn report(change: &str) -> Report {
        let mut value = serde_json::json!({
            "kind": "kernel", "crashed_at": "2021-02-21T01:38:22Z", "uptime_seconds": 3,
            "stop_code": {"code": "0x7e", "raw_code": "0x1000007e", "name": "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED",
                "class": "driver", "parameters": [{"value": "0xffffffffc0000005", "meaning": "exception code"}]},
            "os_build": 19041, "process": "System", "signature": "s", "probable_driver": null,
            "frames": [{"index": 0, "address": "0x1", "module": "amdppm.sys", "module_offset": "0x334c",
                "function": null, "function_offset": null, "file": null, "line": null, "trust": "context"}]
        });
        let change: serde_json::Value = serde_json::from_str(change).unwrap();
        for (key, new) in change.as_object().unwrap() {
            value[key] = new.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_desk_sees_the_code_its_parameters_the_time_and_the_stack() {
        let text = render("a.dmp", &report("{}"), Emphasis::None);
        for expected in [
            "== a.dmp ==",
            "0x7e SYSTEM_THREAD_EXCEPTION_NOT_HANDLED (driver)",
            "P1 0xffffffffc0000005  exception code",
            "2021-02-21 01:38:22 UTC, 3 s after it started",
            "amdppm.sys+0x334c",
            "cannot tell from this dump alone",
        ] {
            assert!(text.contains(expected), "{expected} is missing in\n{text}");
        }
    }

    #[test]
    fn a_named_driver_comes_with_its_confidence() {
        let driver = r#"{"probable_driver": {"name": "x.sys", "version": null, "confidence": "low", "via": "ndis.sys"}}"#;
        let text = render("a.dmp", &report(driver), Emphasis::None);
        assert!(
            text.contains("x.sys (low confidence: a hint, not more), which acted through"),
            "{text}"
        );
    }

    #[test]
    fn a_name_with_escape_sequences_does_not_reach_the_terminal() {
        let text = render(
            "a.dmp",
            &report(r#"{"process": "evil\u001b[2J"}"#),
            Emphasis::None,
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
