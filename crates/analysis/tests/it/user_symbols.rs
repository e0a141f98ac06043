//! Real user-mode minidumps with symbol files, against what Breakpad, rust-minidump and Symbolicator say of them.

use analysis::analyze_with;
use wire::report::{Frame, Report, Trust};
use wire::symbols::SymbolKind;

use crate::support::{Symbols, corpus, oracle};

const TEST_APP: &str = "test_app.pdb/5A9832E5287241C1838ED98914E9B7FF1/test_app.sym";
const KERNEL32: &str = "kernel32.pdb/BCE8785C57B44245A669896B6A19B9542/kernel32.sym";
const CRASH: &str = "crash.pdb/3249D99D0C4049318610F4E4FB0B69361/crash.pdb";

/// The report of a dump of the corpus with files of the corpus, and what was asked for.
fn analysed(dump: &str, files: &[&str]) -> Option<(Report, Symbols)> {
    let dump = corpus(&format!("dumps/user/{dump}"))?;
    let mut symbols = Symbols::default();
    for file in files {
        if !symbols.add_from_corpus(file) {
            return None;
        }
    }
    let report = analyze_with(&dump, &mut symbols, &analysis::Rules::default()).expect("the oracle's form");
    Some((report, symbols))
}

/// A frame as Breakpad's stackwalk prints it, without the distance from the line's first instruction.
fn as_breakpad(frame: &Frame) -> String {
    let module = frame.module.as_deref().unwrap_or_default();
    let function = frame.function.as_deref().unwrap_or_default();
    let place = match (&frame.file, frame.line) {
        (Some(file), Some(line)) => {
            let file = file.rsplit(['\\', '/']).next().expect("the oracle's form");
            format!("[{file} : {line}")
        }
        _ => format!("+ {}", frame.function_offset.expect("the oracle's form")),
    };
    format!("{}  {module}!{function} {place}", frame.index)
}

/// The frames of the crashed thread in Breakpad's output.
fn frames_of_breakpad(output: &str) -> Vec<String> {
    let (_, stack) = output
        .split_once("Thread 0 (crashed)\n")
        .expect("the oracle's form");
    let (stack, _) = stack.split_once("\n\n").expect("the oracle's form");
    let frames = stack.lines().map(str::trim).filter(|line| line.contains('!'));
    frames
        .map(
            |line| match line.split_once("] ").map_or(line, |(line, _)| line) {
                line if line.contains(" : ") => {
                    line.rsplit_once(" + ").expect("the oracle's form").0.to_owned()
                }
                line => line.to_owned(),
            },
        )
        .collect()
}

#[test]
fn every_frame_of_minidump2_is_that_of_breakpad() {
    let (Some((report, symbols)), Some(breakpad)) = (
        analysed("minidump2.dmp", &[TEST_APP, KERNEL32]),
        oracle("breakpad/minidump2.stackwalk.out"),
    ) else {
        return;
    };
    let ours: Vec<String> = report.frames.iter().map(as_breakpad).collect();
    assert_eq!(ours, frames_of_breakpad(&breakpad));
    let trust: Vec<_> = report.frames.iter().map(|frame| frame.trust).collect();
    assert_eq!(trust, [Trust::Context, Trust::Cfi, Trust::Cfi, Trust::Cfi]);
    for (frame, line) in report
        .frames
        .iter()
        .zip(breakpad.lines().filter(|line| line.contains("eip = ")))
    {
        let address = format!("eip = 0x{:08x}", frame.address.0);
        assert!(line.contains(&address), "{line} {address}");
    }
    assert_eq!(symbols.asked.len(), 1, "one question for everything");
    let mut asked = symbols.asked.concat().into_iter();
    assert!(
        asked.all(|key| key.contains(".pdb/")),
        "images of x86 tell nothing"
    );
    assert_eq!(report.missing_symbols, []);
}

/// rust-minidump has the same dump, without the file of kernel32.
#[test]
fn every_frame_of_minidump2_is_that_of_rust_minidump() {
    let (Some((report, _)), Some(snapshot)) = (
        analysed("minidump2.dmp", &[TEST_APP]),
        oracle("rust-minidump/test_minidump_stackwalk__human-symbols.snap"),
    ) else {
        return;
    };
    let (_, stack) = snapshot.split_once("Thread 0  (crashed)").unwrap();
    let (stack, _) = stack.split_once("\n\n").unwrap();
    let lines: Vec<&str> = stack.lines().map(str::trim).collect();
    let theirs: Vec<&str> = lines
        .iter()
        .filter(|line| line.contains(".exe!") || line.contains(".dll"))
        .map(|line| line.rsplit_once(" + ").unwrap().0)
        .collect();
    let ours = report.frames.iter().map(|frame| match frame.function {
        Some(_) => as_breakpad(frame),
        None => format!("{}  {}", frame.index, frame.module.as_deref().unwrap()),
    });
    assert_eq!(ours.collect::<Vec<_>>(), theirs);
    let found = lines.iter().filter(|line| **line == "Found by: call frame info");
    assert_eq!(
        found.count(),
        report
            .frames
            .iter()
            .filter(|frame| frame.trust == Trust::Cfi)
            .count()
    );
    assert_eq!(
        report.missing_symbols[0].key,
        "kernel32.pdb/BCE8785C57B44245A669896B6A19B9542/kernel32.pdb"
    );
}

#[test]
fn every_frame_of_windows_x86_write_av_is_that_of_symbolicator() {
    let (Some((report, _)), Some(snapshot)) = (
        analysed("windows_x86_write_av.dmp", &[CRASH]),
        oracle("symbolicator/integration__process_minidump__minidump_windows.snap"),
    ) else {
        return;
    };
    let mut threads = snapshot.split("  - thread_id: ").skip(1);
    let crashed = threads
        .find(|thread| thread.contains("is_requesting: true"))
        .unwrap();
    let theirs = frames_of_symbolicator(crashed);
    let ours: Vec<String> = report.frames.iter().map(as_symbolicator).collect();
    assert_eq!(ours, theirs);
    assert!(theirs.len() >= 5);
}

/// A frame as Symbolicator's snapshot has it: address, trust, function and line. Where it has a name, it shows the
/// address inside the call instead of the one behind it.
fn as_symbolicator(frame: &Frame) -> String {
    let trust = match frame.trust {
        Trust::Context => "context",
        Trust::Cfi => "cfi",
        Trust::FramePointer => "fp",
        Trust::Scan => "scan",
    };
    let line = frame.line.map(|line| line.to_string()).unwrap_or_default();
    let function = frame.function.as_deref().unwrap_or_default();
    let is_call = frame.function.is_some() && frame.trust != Trust::Context;
    let address = frame.address.0 - u64::from(is_call);
    format!("{address:#x} {trust} {function} {line}")
}

fn frames_of_symbolicator(thread: &str) -> Vec<String> {
    let frames = thread.split("original_index: ").skip(1);
    frames
        .map(|frame| {
            let field = |name: &str| {
                let mut lines = frame.lines().map(str::trim);
                let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                value.unwrap_or_default().trim_matches('"').to_owned()
            };
            let address = u64::from_str_radix(field("instruction_addr").trim_start_matches("0x"), 16);
            format!(
                "{:#x} {} {} {}",
                address.expect("the oracle's form"),
                field("trust"),
                field("function"),
                field("lineno")
            )
        })
        .collect()
}

#[test]
fn bad_symbol_files_are_warnings_and_the_report_is_as_without_them() {
    let Some(dump) = corpus("dumps/user/invalid-parameter.dmp") else {
        return;
    };
    let without = analysis::analyze(&dump).unwrap();
    assert!(!without.missing_symbols.is_empty());
    let mut symbols = Symbols::default();
    for missing in &without.missing_symbols {
        let key = missing.key.rsplit_once('/').unwrap().0;
        symbols = if missing.key.contains(".pdb/") {
            symbols.with_bytes(SymbolKind::Debug, key, b"STOPSYM\0\x07\0\0\0".to_vec())
        } else {
            symbols.with_bytes(SymbolKind::Image, key, b"MZ and no more".to_vec())
        };
    }
    let report = analyze_with(&dump, &mut symbols, &analysis::Rules::default()).unwrap();
    assert_eq!(report.frames, without.frames);
    assert_eq!(report.missing_symbols, without.missing_symbols);
    for part in [
        "is not used: it has version 7",
        "is not used: it is an image whose headers",
    ] {
        let mut warnings = report.warnings.iter();
        assert!(
            warnings.any(|warning| warning.contains(part)),
            "{:?}",
            report.warnings
        );
    }
}
