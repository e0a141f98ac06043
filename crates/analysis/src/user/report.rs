//! From a processed minidump to the report.

use minidump::system_info::{Cpu, Os};
use minidump::{MinidumpModule, Module as _};
use minidump_processor::ProcessState;
use minidump_unwind::{FrameTrust, StackFrame};
use time::OffsetDateTime;
use wire::Hex;
use wire::dump::DumpFormat;
use wire::report::{CrashKind, Exception, Frame, Module, Report, Thread, Trust, code_id};

use super::files::Files;
use super::prepared::LeftOut;
use super::system;
use super::walk::{MAX_CRASHED_FRAMES, MAX_OTHER_FRAMES};
use crate::signature::{self, Rules, Source};
use crate::{frames, guidance, names};

/// What a report is made of.
pub(super) struct Parts<'a> {
    /// Everything but the stacks.
    pub(super) state: &'a ProcessState,
    /// The stacks, one a thread.
    pub(super) stacks: Vec<Vec<StackFrame>>,
    /// The symbol files that were used.
    pub(super) files: &'a Files,
    /// The exception's code, if there is an exception.
    pub(super) exception_code: Option<u32>,
    /// When the dump was written, in seconds since 1970.
    pub(super) written_at: u32,
    /// What did not fit the limits.
    pub(super) left_out: LeftOut,
}

/// The report of a process.
pub(super) fn build(parts: &Parts<'_>, rules: &Rules) -> Report {
    let state = parts.state;
    let exception = exception(state, parts.exception_code);
    let process = state.modules.main_module().map(base_name);
    let crashed = state.requesting_thread;
    let numbered = parts.stacks.iter().enumerate();
    let stacks: Vec<Vec<Frame>> = numbered
        .map(|(index, stack)| {
            let is_crashed = Some(index) == crashed;
            let most = if is_crashed {
                MAX_CRASHED_FRAMES
            } else {
                MAX_OTHER_FRAMES
            };
            frames_of(stack, parts.files, most)
        })
        .collect();
    let frames = crashed
        .and_then(|index| stacks.get(index))
        .cloned()
        .unwrap_or_default();
    let is_system = |frame: &Frame| {
        let module = state.modules.module_at_address(frame.address.0);
        module.is_some_and(|module| system::is_system(&module.code_file()))
    };
    let signature_parts = signature::of_process(exception.as_ref(), process.as_deref(), &frames, is_system);
    let report = Report {
        exception,
        process,
        missing_symbols: parts.files.missing(on_stacks(state, &stacks)),
        threads: threads(state, stacks, crashed),
        frames,
        warnings: warnings(state, parts.left_out)
            .into_iter()
            .chain(parts.files.warnings().iter().cloned())
            .collect(),
        signature_parts: Some(signature_parts),
        crashed_at: written(parts.written_at),
        ..system_and_modules(state)
    };
    signed(report, rules)
}

/// The report with its signature, a warning if that is weak, and what to do about the module it names.
fn signed(mut report: Report, rules: &Rules) -> Report {
    let Some(choice) = signature::choose(&report, rules) else {
        return report;
    };
    report.signature = choice.text;
    report.guidance = guidance::for_user_crash(
        report.exception.as_ref(),
        choice.module.as_deref(),
        report.process.as_deref(),
    );
    let is_scanned = || {
        let parts = report.signature_parts.as_ref();
        parts.is_some_and(|parts| signature::is_scanned(parts, &report.frames))
    };
    let weak = match (choice.module, choice.source) {
        (None, _) => Some("The signature is weak: it names only the program."),
        (Some(_), Source::Parts) if is_scanned() => {
            Some("The signature is weak: its place was found by scanning the stack.")
        }
        _ => None,
    };
    report.warnings.extend(weak.map(str::to_owned));
    report
}

/// A report without anything about the crash.
fn system_and_modules(state: &ProcessState) -> Report {
    Report {
        kind: CrashKind::User,
        format: Some(DumpFormat::UserMinidump),
        crashed_at: None,
        uptime_seconds: None,
        stop_code: None,
        exception: None,
        os_build: os_build(state),
        architecture: Some(architecture(state.system_info.cpu)),
        processors: u32::try_from(state.system_info.cpu_count)
            .ok()
            .filter(|count| *count > 0),
        manufacturer: None,
        model: None,
        process: None,
        signature: String::new(),
        signature_parts: None,
        frames: Vec::new(),
        threads: Vec::new(),
        drivers: Vec::new(),
        modules: state.modules.iter().map(module).collect(),
        unloaded_drivers: Vec::new(),
        evidence: Vec::new(),
        probable_driver: None,
        guidance: Vec::new(),
        missing_symbols: Vec::new(),
        warnings: Vec::new(),
    }
}

fn exception(state: &ProcessState, code: Option<u32>) -> Option<Exception> {
    let info = state.exception_info.as_ref()?;
    Some(Exception {
        code: Hex(u64::from(code?)),
        name: names::printable(&info.reason.to_string()),
        address: Some(Hex(info.address.0)),
    })
}

fn written(seconds: u32) -> Option<OffsetDateTime> {
    (seconds != 0)
        .then(|| OffsetDateTime::from_unix_timestamp(i64::from(seconds)).ok())
        .flatten()
}

fn os_build(state: &ProcessState) -> Option<u32> {
    if state.system_info.os != Os::Windows {
        return None;
    }
    state
        .system_info
        .os_version
        .as_deref()?
        .rsplit('.')
        .next()?
        .parse()
        .ok()
}

fn architecture(cpu: Cpu) -> String {
    match cpu {
        Cpu::X86 => "x86".to_owned(),
        Cpu::X86_64 => "x86_64".to_owned(),
        Cpu::Arm => "arm".to_owned(),
        Cpu::Arm64 => "arm64".to_owned(),
        other => other.to_string(),
    }
}

fn base_name(module: &MinidumpModule) -> String {
    names::base_name(&module.code_file())
}

fn frames_of(stack: &[StackFrame], files: &Files, most: usize) -> Vec<Frame> {
    let walked = stack.iter().flat_map(|frame| {
        let base = frame.module.as_ref().map(MinidumpModule::base_address);
        let files = base.and_then(|base| files.at(base));
        let inside = frame.instruction.saturating_sub(base.unwrap_or_default());
        frames::named(
            walked(frame),
            files.and_then(|files| files.debug.as_ref()),
            inside,
        )
    });
    frames::numbered(walked, most)
}

/// A frame without names, as the walk found it.
fn walked(frame: &StackFrame) -> Frame {
    Frame {
        index: 0,
        address: Hex(frame.resume_address),
        module: frame.module.as_ref().map(base_name),
        module_offset: frame
            .module
            .as_ref()
            .map(|module| Hex(frame.resume_address.saturating_sub(module.base_address()))),
        function: None,
        function_offset: None,
        file: None,
        line: None,
        trust: match frame.trust {
            FrameTrust::Context | FrameTrust::PreWalked => Trust::Context,
            FrameTrust::CallFrameInfo => Trust::Cfi,
            FrameTrust::FramePointer => Trust::FramePointer,
            FrameTrust::Scan | FrameTrust::CfiScan | FrameTrust::None => Trust::Scan,
        },
        inline: false,
    }
}

/// The bases of the modules that the stacks lead through.
fn on_stacks(state: &ProcessState, stacks: &[Vec<Frame>]) -> impl Iterator<Item = u64> {
    let frames = stacks.iter().flatten();
    frames.filter_map(|frame| {
        let module = state.modules.module_at_address(frame.address.0)?;
        Some(module.base_address())
    })
}

fn threads(state: &ProcessState, stacks: Vec<Vec<Frame>>, crashed: Option<usize>) -> Vec<Thread> {
    let numbered = state.threads.iter().zip(stacks).enumerate();
    numbered
        .map(|(index, (thread, frames))| Thread {
            id: thread.thread_id,
            name: thread.thread_name.as_deref().map(names::printable),
            crashed: Some(index) == crashed,
            // The crashing thread's frames are the report's own.
            frames: if Some(index) == crashed {
                Vec::new()
            } else {
                frames
            },
        })
        .collect()
}

fn module(module: &MinidumpModule) -> Module {
    let name = base_name(module);
    let raw = &module.raw;
    Module {
        base: Hex(raw.base_of_image),
        size_of_image: raw.size_of_image,
        time_date_stamp: Hex(u64::from(raw.time_date_stamp)),
        checksum: Hex(u64::from(raw.checksum)),
        code_id: code_id(&name, raw.time_date_stamp, raw.size_of_image),
        version: module
            .version()
            .map(std::borrow::Cow::into_owned)
            .filter(|version| version != "0.0.0.0"),
        company: None,
        name,
    }
}

fn warnings(state: &ProcessState, left_out: LeftOut) -> Vec<String> {
    let mut warnings = Vec::new();
    if state.system_info.os != Os::Windows {
        warnings.push(format!(
            "This dump is not from Windows but from {}; it is shown as far as it can be read.",
            names::printable(&state.system_info.os.long_name())
        ));
    }
    if state.exception_info.is_none() {
        warnings.push("The dump holds no exception, so no thread is known to have crashed.".to_owned());
    }
    if left_out.threads > 0 {
        warnings.push(format!(
            "{} threads are not shown: only the first 128 are looked at.",
            left_out.threads
        ));
    }
    if left_out.modules > 0 {
        warnings.push(format!(
            "{} modules could not be read and are left out.",
            left_out.modules
        ));
    }
    if state.modules.iter().next().is_none() {
        warnings.push("The dump lists no modules, so addresses cannot be told apart.".to_owned());
    }
    warnings
}
