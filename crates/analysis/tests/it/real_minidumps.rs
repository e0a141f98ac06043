//! Real user-mode minidumps against what Breakpad, rust-minidump and Symbolicator say of them.

use crate::support::{addresses, analyse, corpus, oracle};
use wire::Hex;
use wire::report::{CrashKind, Trust};

#[test]
fn the_stack_of_minidump2_is_the_one_that_breakpad_walks() {
    let (Some(dump), Some(breakpad)) = (
        corpus("dumps/user/minidump2.dmp"),
        oracle("breakpad/minidump2.stackwalk.out"),
    ) else {
        return;
    };
    let report = analyse(&dump);
    let wanted: Vec<u64> = breakpad
        .lines()
        .filter_map(|line| line.trim().strip_prefix("eip = 0x")?.split(' ').next())
        .map(|address| u64::from_str_radix(address, 16).unwrap())
        .collect();
    assert_eq!(addresses(&report), wanted);
    let exception = report.exception.unwrap();
    assert!(breakpad.contains(&format!("Crash reason:  {}", exception.name)));
    assert!(breakpad.contains(&format!("Crash address: {}", exception.address.unwrap())));
    assert_eq!(
        report.signature,
        "EXCEPTION_ACCESS_VIOLATION_WRITE | test_app.exe+0x429e"
    );
}

#[test]
fn the_modules_of_minidump2_are_those_that_breakpad_lists() {
    let (Some(dump), Some(breakpad)) = (
        corpus("dumps/user/minidump2.dmp"),
        oracle("breakpad/minidump2.stackwalk.out"),
    ) else {
        return;
    };
    let mut report = analyse(&dump);
    report.modules.sort_by_key(|module| module.base);
    let (_, listed) = breakpad.split_once("Loaded modules:").unwrap();
    let listed: Vec<&str> = listed.lines().filter(|line| line.starts_with("0x")).collect();
    assert_eq!(report.modules.len(), listed.len());
    for (module, line) in report.modules.iter().zip(listed) {
        let version = module.version.as_deref().unwrap_or("???");
        let end = module.base.0 + u64::from(module.size_of_image) - 1;
        let wanted = format!(
            "{:#010x} - {end:#010x}  {}  {version}",
            module.base.0, module.name
        );
        assert!(line.starts_with(&wanted), "{line}\n{wanted}");
    }
    assert_eq!(report.process.as_deref(), Some("test_app.exe"));
    assert_eq!(report.architecture.as_deref(), Some("x86"));
    assert_eq!(report.os_build, Some(2600));
}

#[test]
fn the_first_frames_of_windows_x86_write_av_are_those_of_symbolicator_without_symbols() {
    let snapshot = oracle("symbolicator/symbolicator__endpoints__minidump__tests__basic.snap");
    let (Some(dump), Some(snapshot)) = (corpus("dumps/user/windows_x86_write_av.dmp"), snapshot) else {
        return;
    };
    let report = analyse(&dump);
    let wanted = snapshot.lines().filter_map(|line| {
        let address = line
            .trim()
            .strip_prefix("instruction_addr: \"0x")?
            .strip_suffix('"')?;
        u64::from_str_radix(address, 16).ok()
    });
    let wanted: Vec<u64> = wanted.take(6).collect();
    assert_eq!(addresses(&report)[..6], wanted);
    assert_eq!(report.exception.unwrap().address, Some(Hex(0x45)));
    assert_eq!(report.os_build, Some(14393));
    assert_eq!(report.threads.len(), 4);
    assert!(
        report
            .threads
            .iter()
            .any(|thread| thread.crashed && thread.id == 1636)
    );
}

#[test]
fn a_dump_without_an_exception_is_shown_and_says_so() {
    let Some(dump) = corpus("dumps/user/tiny-exe-with-cet-xsave.dmp") else {
        return;
    };
    let report = analyse(&dump);
    assert_eq!(report.kind, CrashKind::User);
    assert_eq!(report.exception, None);
    assert_eq!(report.signature, "NO_EXCEPTION | process tiny.exe");
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.contains("no exception"))
    );
    assert!(report.threads.iter().all(|thread| !thread.frames.is_empty()));
}

#[test]
fn an_exception_without_an_address_is_named() {
    let Some(dump) = corpus("dumps/user/invalid-parameter.dmp") else {
        return;
    };
    let report = analyse(&dump);
    assert_eq!(report.exception.unwrap().name, "STATUS_INVALID_PARAMETER");
    assert_eq!(report.process.as_deref(), Some("CrashTest.exe"));
    assert_eq!(report.frames[0].trust, Trust::Context);
}

#[test]
fn a_linux_dump_is_shown_with_the_crash_that_rust_minidump_sees() {
    let snapshot = oracle("rust-minidump/test_minidump_stackwalk__linux_human.snap");
    let (Some(dump), Some(snapshot)) = (corpus("dumps/user/linux-mini.dmp"), snapshot) else {
        return;
    };
    let report = analyse(&dump);
    let frame = &report.frames[0];
    let place = format!(
        "{} + {}",
        frame.module.as_deref().unwrap(),
        frame.module_offset.unwrap()
    );
    assert!(snapshot.contains(&format!(" 0  {place}")), "{place}");
    assert!(snapshot.contains("Crash reason:  SIGSEGV"));
    assert!(report.exception.unwrap().name.starts_with("SIGSEGV"));
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.contains("not from Windows"))
    );
    assert!(report.missing_symbols.is_empty());
}

#[test]
fn a_mac_dump_is_shown_and_says_what_it_is() {
    let Some(dump) = corpus("dumps/user/simple-crashpad.dmp") else {
        return;
    };
    let report = analyse(&dump);
    assert_eq!(report.process.as_deref(), Some("crashy"));
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.contains("not from Windows"))
    );
}

#[test]
fn every_hostile_file_is_refused_in_a_sentence() {
    for name in [
        "invalid-range.dmp",
        "invalid-record-count.dmp",
        "microdump-x86.dmp",
        "trunc_memory64.dmp",
    ] {
        let Some(dump) = corpus(&format!("dumps/hostile/{name}")) else {
            return;
        };
        let text = analysis::analyze(&dump).unwrap_err().to_string();
        assert!(text.starts_with("this "), "{name}: {text}");
        assert!(text.len() > 60, "{name}: {text}");
        assert!(!text.contains("Err") && !text.contains('{'), "{name}: {text}");
    }
}
