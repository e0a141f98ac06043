//! What falls together and what does not: signatures of whole dumps, with names and without.

use analysis::signature::{Patterns, Rules, of_report};
use wire::report::{CrashKind, Frame, Report, SignatureParts, Trust};

use crate::corpus::CorpusSymbols;
use crate::support::corpus;

/// A report with nothing in it but a stack.
fn report(kind: CrashKind, frames: &[(&str, &str, u64, Trust)]) -> Report {
    let mut report: Report = serde_json::from_value(serde_json::json!({
        "kind": kind,
        "signature": "as before",
        "probable_driver": null,
    }))
    .expect("a report");
    report.frames = frames
        .iter()
        .zip(0_u32..)
        .map(|(frame, index)| frame_of(*frame, index))
        .collect();
    report.signature_parts = Some(SignatureParts {
        what: "WHAT".to_owned(),
        place: None,
        by_stack: true,
        system_modules: Vec::new(),
    });
    report
}

fn frame_of((module, function, offset, trust): (&str, &str, u64, Trust), index: u32) -> Frame {
    Frame {
        index,
        address: wire::Hex(0x1000 + offset),
        module: Some(module.to_owned()),
        module_offset: Some(wire::Hex(offset)),
        function: (!function.is_empty()).then(|| function.to_owned()),
        function_offset: None,
        file: None,
        line: None,
        trust,
        inline: false,
    }
}

fn kernel(frames: &[(&str, &str, u64, Trust)]) -> String {
    of_report(&report(CrashKind::Kernel, frames), &Rules::default())
}

#[test]
fn the_place_is_the_first_trusted_frame_that_is_not_the_systems_own() {
    let stack = [
        ("ntoskrnl.exe", "KeBugCheckEx", 0x10, Trust::Context),
        ("ntoskrnl.exe", "MmUnlockPages", 0x20, Trust::Cfi),
        ("ndis.sys", "NdisFreeMdl", 0x30, Trust::Cfi),
        (
            "acme.sys",
            "acme::Ring<unsigned int>::Pop(void)",
            0x40,
            Trust::Cfi,
        ),
    ];
    assert_eq!(kernel(&stack), "WHAT | acme.sys!acme::Ring<T>::Pop");
    assert_eq!(kernel(&stack[..3]), "WHAT | ndis.sys!NdisFreeMdl");
    assert_eq!(kernel(&stack[..2]), "WHAT | ntoskrnl.exe!MmUnlockPages");
    assert_eq!(kernel(&stack[..1]), "WHAT");
}

#[test]
fn nothing_behind_a_guess_counts() {
    let stack = [
        ("ntoskrnl.exe", "MmUnlockPages", 0x20, Trust::Context),
        ("other.sys", "Junk", 0x30, Trust::Scan),
        ("acme.sys", "AcmeRead", 0x40, Trust::Cfi),
    ];
    assert_eq!(kernel(&stack), "WHAT | ntoskrnl.exe!MmUnlockPages");
}

#[test]
fn a_helper_stands_in_front_of_its_caller_and_one_without_a_name_does_not() {
    let stack = [
        ("acme.sys", "memmove", 0x10, Trust::Context),
        ("acme.sys", "acme::Copy", 0x20, Trust::Cfi),
    ];
    assert_eq!(kernel(&stack), "WHAT | acme.sys!memmove | acme.sys!acme::Copy");
    let unnamed = [("acme.sys", "", 0x334c, Trust::Context)];
    assert_eq!(kernel(&unnamed), "WHAT | acme.sys+0x334c");
}

#[test]
fn a_module_of_the_system_is_passed_over_in_a_process() {
    let stack = [
        ("ntdll.dll", "RtlpFreeHeap", 0x10, Trust::Context),
        ("helper.dll", "Help", 0x20, Trust::Cfi),
        (
            "acme.exe",
            "acme::Run::__l2::<lambda_77aa>::operator()",
            0x30,
            Trust::Cfi,
        ),
    ];
    let mut report = report(CrashKind::User, &stack);
    let parts = report.signature_parts.as_mut().unwrap();
    parts.system_modules = vec!["ntdll.dll".to_owned(), "helper.dll".to_owned()];
    assert_eq!(
        of_report(&report, &Rules::default()),
        "WHAT | acme.exe!acme::Run::<lambda>::operator()"
    );
}

#[test]
fn rules_that_an_administrator_adds_regroup_what_is_stored() {
    let stack = [
        ("acme.sys", "AcmeTrace", 0x10, Trust::Context),
        ("filter.sys", "FilterRead", 0x20, Trust::Cfi),
        ("disk2.sys", "Read", 0x30, Trust::Cfi),
    ];
    let stored = report(CrashKind::Kernel, &stack);
    let with = |added| of_report(&stored, &Rules::new(added).unwrap());
    assert_eq!(with(Patterns::default()), "WHAT | acme.sys!AcmeTrace");
    let skipping = Patterns {
        skipped_functions: vec![r"acme\.sys!AcmeTrace.*".to_owned()],
        ..Patterns::default()
    };
    assert_eq!(with(skipping.clone()), "WHAT | filter.sys!FilterRead");
    let layered = Patterns {
        layers: vec![r"filter\.sys".to_owned()],
        ..skipping
    };
    assert_eq!(with(layered), "WHAT | disk2.sys!Read");
}

#[test]
fn a_report_whose_parts_are_not_known_keeps_its_signature() {
    let mut old = report(
        CrashKind::Kernel,
        &[("acme.sys", "AcmeRead", 0x10, Trust::Context)],
    );
    old.signature_parts = None;
    assert_eq!(of_report(&old, &Rules::default()), "as before");
}

#[test]
fn a_place_that_is_no_matter_of_the_stack_stays() {
    let mut report = report(
        CrashKind::Kernel,
        &[("filter.sys", "AtExit", 0x10, Trust::Context)],
    );
    let parts = report.signature_parts.as_mut().unwrap();
    parts.by_stack = false;
    parts.place = Some("process chrome.exe".to_owned());
    assert_eq!(of_report(&report, &Rules::default()), "WHAT | process chrome.exe");
}

#[test]
fn a_real_dump_with_files_is_grouped_by_the_function_that_failed() {
    let Some(dump) = corpus("dumps/kernel/triage_x64.dmp") else {
        return;
    };
    let rules = Rules::default();
    let report = analysis::analyze_with(&dump, &mut CorpusSymbols::default(), &rules).unwrap();
    assert_eq!(
        report.signature,
        "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_c0000005 | amdppm.sys!WriteIoMemRawEx"
    );
    assert_eq!(of_report(&report, &rules), report.signature);
    let stored = serde_json::to_string(&report).unwrap();
    let stored: Report = serde_json::from_str(&stored).unwrap();
    assert_eq!(of_report(&stored, &rules), report.signature);
}

#[test]
fn a_real_process_with_files_is_grouped_by_the_function_that_failed() {
    let Some(dump) = corpus("dumps/user/minidump2.dmp") else {
        return;
    };
    let mut symbols = crate::support::Symbols::default();
    if !symbols.add_from_corpus("test_app.pdb/5A9832E5287241C1838ED98914E9B7FF1/test_app.sym") {
        return;
    }
    let report = analysis::analyze_with(&dump, &mut symbols, &Rules::default()).unwrap();
    assert_eq!(
        report.signature,
        "EXCEPTION_ACCESS_VIOLATION_WRITE | test_app.exe!`anonymous namespace'::CrashFunction"
    );
}
