//! Samples of single crashes.

use uuid::Uuid;
use wire::Hex;
use wire::crash::{CrashSummary, StopCodeBrief};
use wire::dump::DumpFormat;
use wire::report::*;

use super::{NOW, code, hostile};
use crate::pages::crashes;

fn parameter(value: u64, meaning: &str) -> Parameter {
    Parameter {
        value: Hex(value),
        meaning: Some(meaning.to_owned()),
    }
}

fn frame(index: u32, module: &str, function: Option<&str>, trust: Trust) -> Frame {
    Frame {
        index,
        address: Hex(0xffff_f804_8b58_334c + u64::from(index % 64) * 0x1130),
        module: Some(module.to_owned()),
        module_offset: Some(Hex(0x334c + u64::from(index))),
        function: function.map(str::to_owned),
        function_offset: function.map(|_| Hex(0x70)),
        file: None,
        line: None,
        trust,
        inline: false,
    }
}

fn module(name: &str, version: Option<&str>, company: Option<&str>) -> Module {
    Module {
        name: name.to_owned(),
        base: Hex(0xffff_f804_8b58_0000),
        size_of_image: 241_664,
        time_date_stamp: Hex(0x0c9c_0300),
        checksum: Hex(0x4_1f2a),
        code_id: Some(format!("{}/0c9c03003b000", name.to_lowercase())),
        version: version.map(str::to_owned),
        company: company.map(str::to_owned),
    }
}

fn unhandled() -> StopCode {
    StopCode {
        code: code(0x1000_007e),
        raw_code: Hex(0x1000_007e),
        name: "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED".to_owned(),
        class: StopCodeClass::Driver,
        parameters: vec![
            parameter(0xffff_ffff_c000_0005, "exception code (NTSTATUS)"),
            parameter(0xffff_f804_8b58_334c, "address where the exception occurred"),
            parameter(0xffff_a90c_6a6f_f6b8, "exception record"),
            parameter(0xffff_a90c_6a6f_eef0, "context record"),
        ],
    }
}

fn report() -> Report {
    Report {
        kind: CrashKind::Kernel,
        format: Some(DumpFormat::KernelTriage),
        crashed_at: Some(NOW),
        uptime_seconds: Some(8_040),
        stop_code: Some(unhandled()),
        exception: None,
        os_build: Some(19_041),
        architecture: Some("x86_64".to_owned()),
        processors: Some(16),
        manufacturer: Some("Micro-Star International".to_owned()),
        model: Some("MS-7C37".to_owned()),
        process: Some("System".to_owned()),
        signature: "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_c0000005 | amdppm.sys!WriteIoMemRawEx".to_owned(),
        signature_parts: None,
        frames: vec![
            frame(0, "amdppm.sys", Some("WriteIoMemRawEx"), Trust::Context),
            frame(1, "amdppm.sys", Some("WriteGenAddrEx"), Trust::Cfi),
            frame(2, "ntoskrnl.exe", None, Trust::FramePointer),
            frame(3, "ntoskrnl.exe", None, Trust::Scan),
            Frame {
                module: None,
                module_offset: None,
                ..frame(4, "", None, Trust::Scan)
            },
        ],
        threads: Vec::new(),
        drivers: vec![
            module(
                "ntoskrnl.exe",
                Some("10.0.19041.804"),
                Some("Microsoft Corporation"),
            ),
            module("amdppm.sys", Some("10.0.19041.546"), None),
            module("acmecap.sys", Some("4.2.1.0"), Some("Acme Imaging GmbH")),
            module("hal.dll", None, None),
        ],
        modules: Vec::new(),
        unloaded_drivers: vec![UnloadedDriver {
            name: "dam.sys".to_owned(),
            start: Hex(0xffff_f804_9000_0000),
            end: Hex(0xffff_f804_9002_1000),
        }],
        evidence: vec![
            Evidence {
                driver: "amdppm.sys".to_owned(),
                kind: EvidenceKind::Parameter,
                detail: "parameter 2 is amdppm.sys+0x334c, the faulting instruction".to_owned(),
                strength: 0.9,
            },
            Evidence {
                driver: "acmecap.sys".to_owned(),
                kind: EvidenceKind::StackScan,
                detail: "2 addresses in the stack's memory".to_owned(),
                strength: 0.12,
            },
        ],
        probable_driver: Some(ProbableDriver {
            name: "amdppm.sys".to_owned(),
            version: None,
            confidence: Confidence::High,
            via: None,
        }),
        guidance: vec![
            "Update the chipset and processor drivers from the machine's maker.".to_owned(),
            "If the crash came after a Windows update, look for a newer BIOS.".to_owned(),
        ],
        missing_symbols: vec![MissingSymbol {
            name: "ntoskrnl.exe".to_owned(),
            key: "ntoskrnl.exe/0D8333E61046000/ntoskrnl.exe".to_owned(),
        }],
        warnings: vec![
            "the dump was converted from a full dump: its time is that of the conversion".to_owned(),
        ],
    }
}

fn crash(report: Report) -> Crash {
    Crash {
        id: Some(Uuid::nil()),
        dump_id: Some(Uuid::nil()),
        machine: Some("lt-0412".to_owned()),
        source: CrashSource::Dump,
        received_at: Some(NOW),
        report,
    }
}

fn locked_pages() -> Crash {
    let stop = StopCode {
        code: code(0x76),
        raw_code: Hex(0x76),
        name: "PROCESS_HAS_LOCKED_PAGES".to_owned(),
        class: StopCodeClass::Driver,
        parameters: vec![
            parameter(0, "the process ends with locked pages"),
            parameter(0xffff_9c8f_31a1_2080, "process object"),
            parameter(0x26, "number of locked pages"),
            parameter(0, "no driver stacks: tracking is off"),
        ],
    };
    crash(Report {
        stop_code: Some(stop),
        process: Some("AcmeScan.exe".to_owned()),
        signature: "PROCESS_HAS_LOCKED_PAGES_0 | AcmeScan.exe".to_owned(),
        probable_driver: None,
        evidence: Vec::new(),
        warnings: Vec::new(),
        ..report()
    })
}

fn user() -> Crash {
    let thread = Thread {
        id: 4_312,
        name: Some("render".to_owned()),
        crashed: false,
        frames: vec![frame(
            0,
            "ntdll.dll",
            Some("NtWaitForSingleObject"),
            Trust::Context,
        )],
    };
    crash(Report {
        kind: CrashKind::User,
        format: Some(DumpFormat::UserMinidump),
        stop_code: None,
        exception: Some(Exception {
            code: Hex(0xc000_0005),
            name: "EXCEPTION_ACCESS_VIOLATION_WRITE".to_owned(),
            address: Some(Hex(0x45)),
        }),
        threads: vec![thread],
        modules: vec![module("app.exe", Some("1.0"), None)],
        drivers: Vec::new(),
        probable_driver: None,
        ..report()
    })
}

fn bare() -> Crash {
    let bare = Report {
        stop_code: report().stop_code,
        format: None,
        frames: Vec::new(),
        drivers: Vec::new(),
        unloaded_drivers: Vec::new(),
        evidence: Vec::new(),
        guidance: Vec::new(),
        missing_symbols: Vec::new(),
        warnings: Vec::new(),
        probable_driver: None,
        process: None,
        uptime_seconds: None,
        architecture: None,
        manufacturer: None,
        model: None,
        crashed_at: None,
        ..report()
    };
    Crash {
        dump_id: None,
        machine: None,
        source: CrashSource::Event,
        received_at: None,
        ..crash(bare)
    }
}

fn evil() -> Crash {
    let text = hostile();
    let mut report = report();
    report.process = Some(text.clone());
    report.signature.clone_from(&text);
    report.model = Some(text.clone());
    report.warnings = vec![text.clone(); 3];
    report.guidance = vec![text.clone()];
    report.uptime_seconds = Some(u64::MAX);
    report.drivers = vec![module(&text, Some(&text), Some(&text))];
    report.frames = vec![Frame {
        file: Some(text.clone()),
        line: Some(u32::MAX),
        ..frame(u32::MAX, &text, Some(&text), Trust::Scan)
    }];
    report.evidence = vec![Evidence {
        driver: text.clone(),
        kind: EvidenceKind::Unloaded,
        detail: text.clone(),
        strength: f64::NAN,
    }];
    report.unloaded_drivers[0].name.clone_from(&text);
    report.missing_symbols[0] = MissingSymbol {
        name: text.clone(),
        key: text.clone(),
    };
    report.probable_driver = Some(ProbableDriver {
        name: text.clone(),
        version: Some(text.clone()),
        confidence: Confidence::Low,
        via: Some(text.clone()),
    });
    Crash {
        machine: Some(text),
        ..crash(report)
    }
}

/// Single crashes: a usual one, 0x76 whose dump cannot tell, a process, an event without a dump, a hostile one.
pub(crate) fn crashes() -> [Crash; 5] {
    [crash(report()), locked_pages(), user(), bare(), evil()]
}

/// Lists of crashes: usual, empty, empty for its filters, hostile.
pub(crate) fn crash_lists() -> [crashes::Facts; 4] {
    let brief = StopCodeBrief {
        code: code(0x76),
        raw_code: Hex(0x76),
        name: "PROCESS_HAS_LOCKED_PAGES".to_owned(),
    };
    let item = |text: &str, driver| CrashSummary {
        id: Uuid::nil(),
        dump_id: None,
        machine: Some(text.to_owned()),
        kind: CrashKind::Kernel,
        source: CrashSource::Dump,
        crashed_at: NOW,
        received_at: NOW,
        uptime_seconds: None,
        stop_code: Some(brief.clone()),
        os_build: Some(22_631),
        manufacturer: None,
        model: None,
        process: Some("AcmeScan.exe".to_owned()),
        signature: format!("PROCESS_HAS_LOCKED_PAGES_0 | {text}"),
        probable_driver: driver,
        counts: true,
    };
    let driver = |name: &str| {
        Some(ProbableDriver {
            name: name.to_owned(),
            version: Some("4.2.1.0".to_owned()),
            confidence: Confidence::Medium,
            via: None,
        })
    };
    let usual = crashes::Facts {
        items: vec![
            item("lt-0412", None),
            item("lt-0413", driver("nwtunnel.sys")),
            CrashSummary {
                machine: None,
                stop_code: None,
                counts: false,
                ..item("app.exe", None)
            },
        ],
        next_cursor: Some("b3Blbg==".to_owned()),
        ..crashes::Facts::default()
    };
    let text = hostile();
    let query = crashes::Query {
        driver: text.clone(),
        cursor: text.clone(),
        process: text.clone(),
        ..crashes::Query::default()
    };
    let filtered = crashes::Facts {
        query: query.clone(),
        problem: Some(text.clone()),
        ..crashes::Facts::default()
    };
    let evil = crashes::Facts {
        query,
        items: vec![item(&text, driver(&text))],
        next_cursor: Some(text.clone()),
        problem: None,
        address: text,
    };
    [
        usual,
        crashes::Facts {
            address: "http://127.0.0.1:8080".to_owned(),
            ..crashes::Facts::default()
        },
        filtered,
        evil,
    ]
}
