//! Real kernel dumps against what debuggers say of them.

use crate::corpus::CorpusSymbols;
use crate::support::{addresses, analyse, corpus, oracle, rewritten};
use analysis::symbols::{SymbolBytes, SymbolSource, Wanted};
use std::sync::Arc;
use wire::Hex;
use wire::dump::DumpFormat;
use wire::report::{Confidence, EvidenceKind, StopCodeClass, Trust};
use wire::symbols::SymbolKind;

const X64: &str = "dumps/kernel/triage_x64.dmp";
const ARM64: &str = "dumps/kernel/triage_arm64.dmp";
const VIRTUAL_MACHINE: &str = "dumps/kernel/083125-14875-01.dmp";

/// The addresses of a stack as rizin prints it: `8  0xfffff8048b58334c sp: …`.
fn rizin_frames(name: &str) -> Option<Vec<u64>> {
    let text = oracle("rizin-dmp-tests.txt")?;
    let section = text
        .split("NAME=: ")
        .find(|section| section.starts_with(name))?
        .to_owned();
    let frames = section.lines().filter_map(|line| {
        let (index, rest) = line.split_once(char::is_whitespace)?;
        index.parse::<u32>().ok()?;
        let (address, _) = rest.trim().strip_prefix("0x")?.split_once(' ')?;
        u64::from_str_radix(address, 16).ok()
    });
    Some(frames.collect())
}

/// Whether all of `wanted` occur in `there` in this order.
fn in_order(wanted: &[u64], there: &[u64]) -> bool {
    let mut rest = there.iter();
    wanted.iter().all(|address| rest.any(|other| other == address))
}

#[test]
fn the_driver_of_the_faulting_instruction_is_blamed_with_high_confidence() {
    let Some(dump) = corpus(X64) else { return };
    let report = analyse(&dump);
    let driver = report.probable_driver.unwrap();
    assert_eq!(driver.name, "amdppm.sys");
    assert_eq!(driver.confidence, Confidence::High);
    assert_eq!(
        report.signature,
        "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_c0000005 | amdppm.sys+0x334c"
    );
    assert_eq!(report.evidence[0].kind, EvidenceKind::Parameter);
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[test]
fn the_head_of_a_report_says_what_the_contract_promises() {
    let Some(dump) = corpus(X64) else { return };
    let report = analyse(&dump);
    let stop_code = report.stop_code.unwrap();
    assert_eq!(stop_code.code.to_string(), "0x7e");
    assert_eq!(stop_code.raw_code, Hex(0x1000_007e));
    assert_eq!(stop_code.name, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED");
    assert_eq!(stop_code.class, StopCodeClass::Driver);
    assert_eq!(stop_code.parameters[0].value, Hex(0xffff_ffff_c000_0005));
    assert_eq!(report.format, Some(DumpFormat::KernelTriage));
    assert_eq!(
        report.crashed_at.unwrap().to_string(),
        "2021-02-21 1:38:22.0 +00:00:00"
    );
    assert_eq!(report.uptime_seconds, Some(3));
    assert_eq!(report.os_build, Some(19041));
    assert_eq!(report.architecture.as_deref(), Some("x86_64"));
    assert_eq!(report.processors, Some(16));
    assert_eq!(report.process.as_deref(), Some("System"));
}

#[test]
fn the_scan_meets_every_frame_that_rizin_unwinds_in_its_order() {
    let (Some(dump), Some(rizin)) = (corpus(X64), rizin_frames("Triage Dump Debug x64")) else {
        return;
    };
    let report = analyse(&dump);
    // Frames 0 to 7 are the kernel's own handling of the fault; the last is the end of the stack.
    let wanted = &rizin[8..36];
    assert!(in_order(wanted, &addresses(&report)), "{wanted:x?}");
    assert_eq!(report.frames[0].trust, Trust::Context);
    assert!(report.frames.len() < 2 * wanted.len(), "more junk than frames");
}

#[test]
fn with_the_files_of_two_drivers_their_frames_are_certain_and_the_rest_is_as_before() {
    let (Some(dump), Some(rizin)) = (corpus(X64), rizin_frames("Triage Dump Debug x64")) else {
        return;
    };
    let mut symbols = CorpusSymbols::default();
    let report = analysis::analyze_with(&dump, &mut symbols, &analysis::Rules::default()).unwrap();
    let addresses = addresses(&report);
    assert_eq!(addresses[..17], rizin[8..25]);
    assert!(report.frames[1..17].iter().all(|frame| frame.trust == Trust::Cfi));
    assert!(in_order(&rizin[25..36], &addresses[17..]), "{addresses:x?}");
    assert!(report.frames[17..].iter().all(|frame| frame.trust == Trust::Scan));
    assert_eq!(report.warnings, Vec::<String>::new());
    // Once for images, once for their debug files; what was had is not missed.
    let kinds = symbols.asked.iter().map(|wanted| wanted[0].kind);
    assert_eq!(kinds.collect::<Vec<_>>(), [SymbolKind::Image, SymbolKind::Debug]);
    let missing: Vec<_> = report
        .missing_symbols
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert!(missing.contains(&"ntoskrnl.exe"), "{missing:?}");
    assert!(missing.contains(&"Wdf01000.pdb"), "{missing:?}");
    assert!(
        !missing.contains(&"amdppm.sys") && !missing.contains(&"amdppm.pdb"),
        "{missing:?}"
    );
    let driver = report.probable_driver.unwrap();
    assert_eq!(
        (driver.name.as_str(), driver.confidence),
        ("amdppm.sys", Confidence::High)
    );
}

#[test]
fn the_functions_of_amdppm_and_the_distances_in_them_are_those_of_rizin() {
    let (Some(dump), Some(tests)) = (corpus(X64), oracle("rizin-dmp-tests.txt")) else {
        return;
    };
    let report =
        analysis::analyze_with(&dump, &mut CorpusSymbols::default(), &analysis::Rules::default()).unwrap();
    // 8  0xfffff8048b58334c sp: 0xffff850429892120  40   [??]  pdb.amdppm.WriteIoMemRawEx+112
    let named = tests.lines().filter_map(|line| {
        let (frame, function) = line.split_once("pdb.amdppm.")?;
        let address = frame.split_whitespace().nth(1)?;
        let (function, distance) = function.trim().rsplit_once('+')?;
        Some(format!(
            "{address} {function} {:#x}",
            distance.parse::<u64>().ok()?
        ))
    });
    let named: Vec<String> = named.take(6).collect();
    let ours = report.frames.iter().map(|frame| {
        let function = frame.function.as_deref().unwrap_or_default();
        format!(
            "{} {function} {}",
            frame.address,
            frame.function_offset.unwrap_or(Hex(0))
        )
    });
    assert_eq!(ours.take(6).collect::<Vec<_>>(), named);
    assert_eq!(named.len(), 6);
    assert!(report.frames[6].function.is_none(), "Wdf01000.pdb was not had");
}

#[test]
fn a_file_that_is_not_what_its_key_says_is_told_and_not_used() {
    struct Wrong(&'static [u8]);
    impl SymbolSource for Wrong {
        fn find(&mut self, wanted: &[Wanted]) -> Vec<Option<SymbolBytes>> {
            let bytes: SymbolBytes = Arc::new(self.0);
            vec![Some(bytes); wanted.len()]
        }
    }
    let Some(dump) = corpus(X64) else { return };
    let without = analyse(&dump);
    for bytes in [&b""[..], b"MZ", b"Not Found"] {
        let report = analysis::analyze_with(&dump, &mut Wrong(bytes), &analysis::Rules::default()).unwrap();
        assert_eq!(report.frames, without.frames);
        assert_eq!(report.missing_symbols, without.missing_symbols);
        assert!(
            report.warnings[0].starts_with("The symbol file "),
            "{:?}",
            report.warnings
        );
        assert!(report.warnings.len() <= 8);
    }
}

#[test]
fn every_loaded_image_has_the_code_id_that_the_oracle_computes() {
    for name in [X64, ARM64, VIRTUAL_MACHINE] {
        let file = name.rsplit('/').next().unwrap();
        let (Some(dump), Some(oracle)) = (corpus(name), oracle(&format!("oracle/{file}.json"))) else {
            return;
        };
        let oracle: serde_json::Value = serde_json::from_str(&oracle).unwrap();
        let wanted = oracle["driver_list"].as_array().unwrap();
        let report = analyse(&dump);
        assert_eq!(report.drivers.len(), wanted.len());
        for (driver, wanted) in report.drivers.iter().zip(wanted) {
            let name = wanted["name"].as_str().unwrap().rsplit('\\').next().unwrap();
            let stamp = wanted["timestamp"].as_str().unwrap().to_lowercase();
            let size = wanted["size"].as_str().unwrap().trim_start_matches("0x");
            let is_absent = stamp == "00000000";
            let code_id = format!("{}/{stamp}{size}", name.to_lowercase());
            assert_eq!(driver.name, name);
            assert_eq!(driver.code_id, (!is_absent).then_some(code_id));
        }
    }
}

#[test]
fn the_frame_chain_of_an_arm64_dump_is_what_rizin_unwinds() {
    let (Some(dump), Some(rizin)) = (corpus(ARM64), rizin_frames("Triage Dump Debug arm64")) else {
        return;
    };
    let report = analyse(&dump);
    assert_eq!(addresses(&report), rizin[..5]);
    assert!(
        report.frames[1..]
            .iter()
            .all(|frame| frame.trust == Trust::FramePointer)
    );
}

#[test]
fn a_power_button_blames_nobody() {
    let Some(dump) = corpus(ARM64) else { return };
    let report = analyse(&dump);
    assert_eq!(report.probable_driver, None);
    assert!(report.evidence.is_empty());
    assert_eq!(report.signature, "MANUALLY_INITIATED_POWER_BUTTON_HOLD");
    assert_eq!(report.architecture.as_deref(), Some("arm64"));
    assert_eq!(
        report.manufacturer.as_deref(),
        Some("SAMSUNG ELECTRONICS CO., LTD.")
    );
}

#[test]
fn a_driver_that_is_loaded_but_not_on_the_stack_is_not_blamed() {
    let (Some(dump), Some(windbg)) = (corpus(VIRTUAL_MACHINE), oracle("eolaruhagen/kv.txt")) else {
        return;
    };
    let report = analyse(&dump);
    assert!(report.drivers.iter().any(|driver| driver.name == "myfault.sys"));
    assert_eq!(report.probable_driver, None);
    assert!(report.evidence.is_empty());
    assert_eq!(report.process.as_deref(), Some("notmyfault64.e"));
    assert_eq!(report.model.as_deref(), Some("VirtualBox"));
    // WinDbg's column of return addresses: frames 1 and 2 of the stack.
    for frame in &report.frames[1..3] {
        let address = format!("{:016x}", frame.address.0);
        let (high, low) = address.split_at(8);
        assert!(windbg.contains(&format!("{high}`{low}")), "{address}");
    }
    assert_eq!(report.drivers.len(), 156);
    assert_eq!(report.unloaded_drivers.len(), 9);
}

#[test]
fn a_memory_image_is_refused_in_words() {
    let Some(dump) = corpus("dumps/kernel/truncated_full_header.dmp") else {
        return;
    };
    let text = analysis::analyze(&dump).unwrap_err().to_string();
    assert!(
        text.contains("DumpIt") && text.contains("not a crash dump"),
        "{text}"
    );
}

#[test]
fn triage_x64_rewritten_as_locked_pages_at_exit_accuses_nobody() {
    let Some(dump) = corpus(X64) else { return };
    let report = analyse(&rewritten(&dump, 0x76, [0, 0xffff_9d8c_1234_5080, 38, 0]));
    assert_eq!(report.probable_driver, None);
    assert!(report.evidence.is_empty());
    assert_eq!(report.process, None, "the process in the dump is another one");
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.contains("0xffff9d8c12345080"))
    );
    assert_eq!(report.signature, "PROCESS_HAS_LOCKED_PAGES_P1_0");
}

#[test]
fn triage_x64_rewritten_as_a_trap_in_0x139_is_walked_from_the_trap_frame() {
    let Some(dump) = corpus(X64) else { return };
    // rizin's frame 7: the fault handler, whose frame begins with the trap frame.
    let trap_frame = 0xffff_8504_2989_1f90;
    let report = analyse(&rewritten(&dump, 0x139, [3, trap_frame, 0, 0]));
    assert_eq!(report.frames[0].address, Hex(0xffff_f804_8b58_334c));
    assert_eq!(report.frames[0].trust, Trust::Context);
    let driver = report.probable_driver.unwrap();
    assert_eq!(driver.name, "amdppm.sys");
    assert_eq!(
        driver.confidence,
        Confidence::Medium,
        "who finds damage may be its victim"
    );
    assert_eq!(
        report.signature,
        "KERNEL_SECURITY_CHECK_FAILURE_3 | amdppm.sys+0x334c"
    );
}

#[test]
fn triage_x64_rewritten_as_0xd1_is_walked_from_the_trap_frame_on_its_stack() {
    let Some(dump) = corpus(X64) else { return };
    let mut dump = rewritten(&dump, 0xd1, [0x28, 2, 0, 0xffff_f804_8b58_334c]);
    let of_context = analyse(&dump);
    // Without the registers in the header the same frames are found.
    dump[0x348..0x348 + 0x4d0].fill(0);
    let of_trap_frame = analyse(&dump);
    assert_eq!(addresses(&of_trap_frame), addresses(&of_context));
    assert_eq!(
        of_trap_frame.signature,
        "DRIVER_IRQL_NOT_LESS_OR_EQUAL | amdppm.sys+0x334c"
    );
}

#[test]
fn virtual_machine_dump_rewritten_with_an_address_in_myfault_blames_it() {
    let Some(dump) = corpus(VIRTUAL_MACHINE) else {
        return;
    };
    let report = analyse(&rewritten(
        &dump,
        0xd1,
        [0x28, 2, 0, 0xffff_f807_6142_0000 + 0x12ab],
    ));
    assert_eq!(report.probable_driver.unwrap().name, "myfault.sys");
    assert_eq!(
        report.signature,
        "DRIVER_IRQL_NOT_LESS_OR_EQUAL | myfault.sys+0x12ab"
    );
}

#[test]
fn virtual_machine_dump_rewritten_with_an_address_in_an_unloaded_driver_blames_that() {
    let Some(dump) = corpus(VIRTUAL_MACHINE) else {
        return;
    };
    // dam.sys was there, by WinDbg's list of unloaded modules.
    let address = 0xffff_f807_5f3d_0000 + 0x123;
    let report = analyse(&rewritten(&dump, 0xce, [address, 8, address, 0]));
    assert_eq!(report.evidence[0].kind, EvidenceKind::Unloaded);
    assert_eq!(report.probable_driver.unwrap().name, "dam.sys");
    assert_eq!(
        report.signature,
        "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS | unloaded dam.sys+0x123"
    );
}

#[test]
fn virtual_machine_dump_rewritten_as_a_hardware_error_blames_nobody() {
    let Some(dump) = corpus(VIRTUAL_MACHINE) else {
        return;
    };
    let report = analyse(&rewritten(
        &dump,
        0x124,
        [0, 0xffff_f807_6142_12ab, 0xb200_0000, 0x3100_000a],
    ));
    assert_eq!(report.probable_driver, None);
    assert!(report.evidence.is_empty());
    assert_eq!(report.signature, "WHEA_UNCORRECTABLE_ERROR_0");
}

#[test]
fn virtual_machine_dump_rewritten_as_a_pnp_watchdog_names_the_service_by_its_text() {
    let Some(dump) = corpus(VIRTUAL_MACHINE) else {
        return;
    };
    let report = analyse(&rewritten(
        &dump,
        0x1d5,
        [u64::from_le_bytes(*b"myfault\0"), 0, 0, 60_000],
    ));
    assert_eq!(report.signature, "DRIVER_PNP_WATCHDOG | service myfault");
    let driver = report.probable_driver.unwrap();
    assert_eq!(
        (driver.name.as_str(), driver.confidence),
        ("myfault.sys", Confidence::Medium)
    );
}
