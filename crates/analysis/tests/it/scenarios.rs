//! Whole dumps that `synth` writes, for the stop codes that have no public sample.

use crate::support::analyse;
use analysis::symbols::{SymbolBytes, SymbolSource, Wanted};
use synth::dump::{Cpu, DataBlock, DumpDescription, Writer};
use synth::scenarios::{self, Image, Scene};
use wire::dump::DumpFormat;
use wire::report::{Confidence, EvidenceKind, Report, StopCodeClass, Trust};

/// A scenario of `synth`.
type Scenario = fn(&Scene) -> DumpDescription;

const SCENARIOS: &[(&str, Scenario)] = &[
    ("locked pages at exit", scenarios::locked_pages_at_exit),
    ("unlocked twice", scenarios::unlocked_twice),
    ("left locked pages, 2000", scenarios::left_locked_pages_2000),
    ("left locked pages, classic", scenarios::left_locked_pages_classic),
    ("left locked pages, tracker", scenarios::left_locked_pages_tracker),
    ("irql in driver", scenarios::irql_in_driver),
    ("thread exception", scenarios::thread_exception),
    (
        "thread exception, full code",
        scenarios::thread_exception_full_code,
    ),
    ("service exception", scenarios::service_exception),
    ("unhandled exception", scenarios::unhandled_exception),
    ("fault in unloaded", scenarios::fault_in_unloaded),
    (
        "unloaded with pending work",
        scenarios::unloaded_with_pending_work,
    ),
    ("hardware error", scenarios::hardware_error),
    ("power failure", scenarios::power_failure),
    ("manual", scenarios::manual),
    ("live video timeout", scenarios::live_video_timeout),
    ("live watchdog", scenarios::live_watchdog),
];

fn of(scenario: Scenario, scene: &Scene) -> Report {
    analyse(&scenario(scene).to_bytes())
}

#[test]
fn what_is_concluded_from_each_scenario() {
    let conclusions: Vec<_> = SCENARIOS
        .iter()
        .map(|(name, scenario)| {
            let report = of(*scenario, &Scene::sample(7));
            let driver = report
                .probable_driver
                .map(|driver| format!("{} {:?}", driver.name, driver.confidence));
            serde_json::json!({
                "scenario": name,
                "signature": report.signature,
                "process": report.process,
                "probable_driver": driver,
                "evidence": report.evidence.iter().map(|evidence| &evidence.detail).collect::<Vec<_>>(),
                "warnings": report.warnings,
            })
        })
        .collect();
    // Whether `serde_json` keeps the order of fields depends on what else the workspace builds.
    insta::with_settings!({sort_maps => true}, { insta::assert_json_snapshot!(conclusions) });
}

#[test]
fn a_process_that_ends_with_locked_pages_accuses_no_driver() {
    for writer in [Writer::KernelWritten, Writer::Converted] {
        let report = of(
            scenarios::locked_pages_at_exit,
            &Scene::sample(7).written_by(writer),
        );
        assert_eq!(report.probable_driver, None);
        assert!(report.evidence.is_empty());
        assert_eq!(
            report.signature,
            "PROCESS_HAS_LOCKED_PAGES_P1_0 | process capture-host.e"
        );
        assert!(report.guidance.iter().any(|step| step.contains("38 pages")));
        assert!(
            report
                .guidance
                .iter()
                .any(|step| step.contains("TrackLockedPages"))
        );
        assert!(report.guidance.iter().any(|step| step.contains("sfc /scannow")));
    }
}

#[test]
fn a_driver_that_unlocks_twice_is_found_on_the_stack_with_low_confidence() {
    let report = of(scenarios::unlocked_twice, &Scene::sample(7));
    let driver = report.probable_driver.unwrap();
    assert_eq!(
        (driver.name.as_str(), driver.confidence),
        ("acmecap.sys", Confidence::Low)
    );
    assert_eq!(report.evidence[0].kind, EvidenceKind::StackScan);
    assert!(report.signature.starts_with("PROCESS_HAS_LOCKED_PAGES_P1_1"));
}

#[test]
fn each_of_the_three_forms_of_0xcb_names_the_driver() {
    for scenario in [
        scenarios::left_locked_pages_2000,
        scenarios::left_locked_pages_classic,
        scenarios::left_locked_pages_tracker,
    ] {
        let report = of(scenario, &Scene::sample(7));
        let driver = report.probable_driver.unwrap();
        assert_eq!(
            (driver.name.as_str(), driver.confidence),
            ("acmecap.sys", Confidence::High)
        );
        assert_eq!(report.evidence[0].kind, EvidenceKind::NamedByWindows);
        assert_eq!(
            report.signature,
            "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS | acmecap.sys+0x2c18"
        );
    }
}

#[test]
fn the_real_registers_are_found_through_the_parameters() {
    for scenario in [scenarios::thread_exception, scenarios::service_exception] {
        let report = of(scenario, &Scene::sample(7));
        assert_eq!(report.frames[0].module.as_deref(), Some("acmecap.sys"));
        assert_eq!(report.frames[0].trust, Trust::Context);
        assert_eq!(report.probable_driver.unwrap().confidence, Confidence::High);
    }
}

#[test]
fn the_small_and_the_full_code_of_a_thread_exception_are_one_group() {
    let scene = Scene::sample(7);
    let small = of(scenarios::thread_exception, &scene);
    let full = of(scenarios::thread_exception_full_code, &scene);
    assert_eq!(small.signature, full.signature);
    assert_eq!(small.stop_code.unwrap().code, full.stop_code.unwrap().code);
}

#[test]
fn signatures_are_the_same_on_another_boot_and_with_one_driver_more() {
    let mut larger = Scene::sample(8);
    let another = Image {
        path: r"\SystemRoot\System32\drivers\latecomer.sys".to_owned(),
        size_of_image: 0x9000,
        time_date_stamp: 0x5f5f_5f5f,
        checksum: 0x1234,
    };
    larger.images.insert(20, another);
    for (name, scenario) in SCENARIOS {
        let first = of(*scenario, &Scene::sample(7));
        let second = of(*scenario, &larger);
        assert_ne!(
            first.drivers[0].base, second.drivers[0].base,
            "{name}: the boots differ"
        );
        assert_eq!(first.drivers.len() + 1, second.drivers.len(), "{name}");
        assert_eq!(first.signature, second.signature, "{name}");
    }
}

#[test]
fn both_writers_and_all_processors_lead_to_the_same_driver() {
    for cpu in [Cpu::X64, Cpu::Arm64, Cpu::X86] {
        for writer in [Writer::KernelWritten, Writer::Converted] {
            let scene = Scene::sample(7).written_by(writer).with_cpu(cpu);
            let report = of(scenarios::unhandled_exception, &scene);
            assert_eq!(
                report.probable_driver.unwrap().name,
                "acmecap.sys",
                "{cpu:?} {writer:?}"
            );
        }
    }
}

#[test]
fn an_unloaded_driver_is_blamed_for_calls_into_the_place_where_it_was() {
    for scenario in [
        scenarios::fault_in_unloaded,
        scenarios::unloaded_with_pending_work,
    ] {
        let report = of(scenario, &Scene::sample(7));
        let driver = report.probable_driver.unwrap();
        assert_eq!(
            (driver.name.as_str(), driver.confidence),
            ("acmecap.sys", Confidence::High)
        );
        assert_eq!(report.evidence[0].kind, EvidenceKind::Unloaded);
        assert!(
            report.signature.ends_with("unloaded acmecap.sys+0x1c18"),
            "{}",
            report.signature
        );
    }
}

#[test]
fn hardware_and_people_are_not_blamed_on_drivers() {
    for scenario in [
        scenarios::hardware_error,
        scenarios::manual,
        scenarios::live_watchdog,
    ] {
        let report = of(scenario, &Scene::sample(7));
        assert_eq!(report.probable_driver, None, "{}", report.signature);
    }
}

#[test]
fn larger_kernel_dumps_have_their_stop_code_and_say_that_the_rest_is_not_read() {
    for (scenario, format) in [
        (scenarios::complete_memory as Scenario, DumpFormat::KernelFull),
        (scenarios::kernel_memory, DumpFormat::KernelBitmap),
        (scenarios::debugger_written, DumpFormat::KernelFull),
    ] {
        let report = of(scenario, &Scene::sample(7));
        assert_eq!(report.format, Some(format));
        assert!(report.stop_code.is_some());
        assert!(
            report
                .warnings
                .iter()
                .any(|warning| warning.contains("not read yet")),
            "{:?}",
            report.warnings
        );
    }
}

#[test]
fn encrypted_dumps_and_memory_images_are_refused_in_words() {
    let encrypted = scenarios::encrypted(&Scene::sample(7)).to_bytes();
    let text = analysis::analyze(&encrypted).unwrap_err().to_string();
    assert!(text.contains("encrypted"), "{text}");
    let image = scenarios::memory_imager(&Scene::sample(7)).to_bytes();
    let text = analysis::analyze(&image).unwrap_err().to_string();
    assert!(text.contains("DumpIt"), "{text}");
}

/// A request (IRP) that waits in a device of the culprit, as data blocks: request, stack location, device, driver.
fn waiting_request(description: &DumpDescription, at: u64) -> Vec<DataBlock> {
    let culprit = description.driver("acmecap.sys").expect("the sample has it");
    let (location, device, driver) = (at + 0x1000, at + 0x2000, at + 0x3000);
    [
        (at, 6_u8, 0xb8, location),
        (location, 0, 0x28, device),
        (device, 3, 0x08, driver),
        (driver, 4, 0x18, culprit.base),
    ]
    .map(|(address, kind, offset, pointer)| {
        let mut bytes = vec![0; 0x100];
        bytes[0] = kind;
        bytes[offset..offset + 8].copy_from_slice(&pointer.to_le_bytes());
        DataBlock { address, bytes }
    })
    .to_vec()
}

#[test]
fn a_request_that_waits_too_long_leads_to_the_driver_that_holds_it() {
    let mut description = scenarios::power_failure(&Scene::sample(7));
    let request = 0xffff_9d8c_4000_0000;
    description.parameters = [3, 0, 0, request];
    description
        .data_blocks
        .extend(waiting_request(&description, request));
    let report = analyse(&description.to_bytes());
    let driver = report.probable_driver.unwrap();
    assert_eq!(
        (driver.name.as_str(), driver.confidence),
        ("acmecap.sys", Confidence::Medium)
    );
    assert_eq!(
        report.signature,
        "DRIVER_POWER_STATE_FAILURE_3 | driver acmecap.sys"
    );
    assert!(report.evidence[0].detail.contains("request (IRP)"));
}

#[test]
fn a_live_dump_is_a_live_dump_whatever_its_code() {
    let mut description = scenarios::live_watchdog(&Scene::sample(7));
    description.stop_code = 0x133;
    let report = analyse(&description.to_bytes());
    assert_eq!(report.format, Some(DumpFormat::KernelLive));
    assert_eq!(report.stop_code.unwrap().class, StopCodeClass::Live);
    assert_eq!(report.probable_driver, None);
}

#[test]
fn a_layer_of_windows_is_told_as_the_way_and_not_as_the_culprit() {
    let mut description = scenarios::irql_in_driver(&Scene::sample(7));
    let layer = description
        .driver("NETIO.SYS")
        .expect("it is in the box")
        .address_at(0x4321);
    description.parameters[3] = layer;
    let report = analyse(&description.to_bytes());
    let driver = report.probable_driver.unwrap();
    assert_eq!(
        (driver.name.as_str(), driver.confidence),
        ("acmecap.sys", Confidence::Low)
    );
    assert_eq!(driver.via.as_deref(), Some("NETIO.SYS"));
    assert!(
        report.signature.contains("| NETIO.SYS+0x"),
        "the certain place: {}",
        report.signature
    );
}

#[test]
fn pages_locked_through_a_layer_are_charged_to_its_caller() {
    let mut description = scenarios::left_locked_pages_classic(&Scene::sample(7));
    description.parameters[0] = description
        .driver("FLTMGR.SYS")
        .expect("it is in the box")
        .address_at(0x4321);
    let report = analyse(&description.to_bytes());
    let driver = report.probable_driver.unwrap();
    assert_eq!(
        (driver.name.as_str(), driver.confidence),
        ("acmecap.sys", Confidence::High)
    );
    assert_eq!(driver.via.as_deref(), Some("FLTMGR.SYS"));
}

#[test]
fn a_fault_in_the_kernel_itself_blames_only_by_hint_and_keeps_its_place() {
    let mut description = scenarios::irql_in_driver(&Scene::sample(7));
    let kernel = description.drivers[0].address_at(0x12_3456);
    description.stop_code = 0x0a;
    description.parameters[3] = kernel;
    let report = analyse(&description.to_bytes());
    assert_eq!(report.probable_driver.unwrap().confidence, Confidence::Low);
    assert_eq!(report.signature, "IRQL_NOT_LESS_OR_EQUAL | ntoskrnl.exe+0x124456");
}

#[test]
fn an_x86_stack_is_walked_by_its_frame_pointers() {
    let scene = Scene::sample(7).with_cpu(Cpu::X86);
    let mut description = scenarios::unhandled_exception(&scene);
    let report = analyse(&description.to_bytes());
    let trusts: Vec<_> = report.frames.iter().map(|frame| frame.trust).collect();
    let chained = trusts
        .iter()
        .filter(|trust| **trust == Trust::FramePointer)
        .count();
    assert!(chained >= 3, "{trusts:?}");
    // Without the first link the same addresses are found by scanning.
    description.registers.frame = 0;
    let scanned = analyse(&description.to_bytes());
    assert!(scanned.frames[1..].iter().all(|frame| frame.trust == Trust::Scan));
    let scanned: Vec<_> = scanned.frames.iter().map(|frame| frame.address).collect();
    assert!(report.frames.iter().all(|frame| scanned.contains(&frame.address)));
}

#[test]
fn a_source_that_does_not_answer_is_one_without_files() {
    struct Silent;
    impl SymbolSource for Silent {
        fn find(&mut self, _: &[Wanted]) -> Vec<Option<SymbolBytes>> {
            Vec::new()
        }
    }
    for (name, scenario) in SCENARIOS {
        let dump = scenario(&Scene::sample(7)).to_bytes();
        let report = analysis::analyze_with(&dump, &mut Silent, &analysis::Rules::default()).unwrap();
        assert_eq!(report, analyse(&dump), "{name}");
    }
}
