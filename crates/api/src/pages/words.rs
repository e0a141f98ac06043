//! Fixed words: what stop codes and their classes mean, in sentences for people who do not write drivers.
//!
//! The dictionary of stop codes has names and parameters; the sentences here are for the codes that an IT department
//! meets most. Any other code is explained by its class.

use wire::StopCodeNumber;
use wire::dump::DumpFormat;
use wire::report::{Confidence, EvidenceKind, StopCodeClass, Trust};

/// A class as a short label.
pub(crate) fn class_label(class: StopCodeClass) -> &'static str {
    match class {
        StopCodeClass::Driver => "Driver fault",
        StopCodeClass::Verifier => "Driver Verifier",
        StopCodeClass::Memory => "Memory corruption",
        StopCodeClass::Graphics => "Graphics",
        StopCodeClass::Power => "Power transition",
        StopCodeClass::Watchdog => "Watchdog timeout",
        StopCodeClass::Storage => "Storage",
        StopCodeClass::Hardware => "Hardware",
        StopCodeClass::Os => "Windows component",
        StopCodeClass::Security => "Integrity check",
        StopCodeClass::Live => "Live report",
        StopCodeClass::Manual => "Started by hand",
        StopCodeClass::Unknown => "Not classified",
    }
}

fn class_sentence(class: StopCodeClass) -> &'static str {
    match class {
        StopCodeClass::Driver => "A driver or a Windows component broke a rule of the kernel.",
        StopCodeClass::Verifier => "Driver Verifier or special pool caught a driver in the act.",
        StopCodeClass::Memory => {
            "Kernel memory was found damaged. The damage was done earlier, often by another driver than the one on the stack."
        }
        StopCodeClass::Graphics => "The display driver or the graphics hardware failed or stopped answering.",
        StopCodeClass::Power => {
            "A change of power state, such as sleep or resume, failed or did not end in time."
        }
        StopCodeClass::Watchdog => "Something in the kernel took longer than Windows allows.",
        StopCodeClass::Storage => {
            "Data could not be read from or written to a disk, a volume or a registry hive."
        }
        StopCodeClass::Hardware => {
            "The hardware or the firmware reported an error that could not be corrected."
        }
        StopCodeClass::Os => {
            "A part of Windows itself, or a process that Windows cannot do without, ended or failed."
        }
        StopCodeClass::Security => "Windows found that protected code or data had been changed.",
        StopCodeClass::Live => "Windows wrote a report and went on running. It is not counted as a crash.",
        StopCodeClass::Manual => "A person or a tool started this on purpose. It is not counted as a crash.",
        StopCodeClass::Unknown => "This code is not in the table of known stop codes.",
    }
}

/// What a stop code means, in one or two sentences.
pub(crate) fn meaning(code: StopCodeNumber, class: StopCodeClass) -> &'static str {
    match code.get() {
        0x0a => {
            "Kernel code touched memory that it may not touch at its interrupt level, usually through a bad pointer in a driver."
        }
        0x1a => {
            "The memory manager found its own tables damaged, by failing memory or by a driver that wrote where it should not."
        }
        0x1e | 0x7e | 0x8e => "Kernel code raised an exception that nothing handled.",
        0x3b => "An exception was raised while a system call ran and nothing handled it.",
        0x50 => "Kernel code read or wrote an address that has no memory behind it.",
        0x76 => {
            "A process ended while a driver still held some of its memory pages locked. The mistake happened earlier, \
             in a driver that forgot to unlock them; the crash only shows that somebody did."
        }
        0x7a => "Windows could not read a page of kernel data back from the disk.",
        0x9f => "A driver held up a change of power state until Windows gave up waiting.",
        0xc2 | 0x19 => "Kernel memory was allocated or freed wrongly, or its bookkeeping was overwritten.",
        0xcb => {
            "A driver left pages of a process locked, and Windows was set to track who. This code names the driver that \
             0x76 alone cannot name."
        }
        0xd1 => "A driver touched memory that it may not touch at its interrupt level.",
        0xef => "A process that Windows cannot do without ended.",
        0x116 => "The display driver stopped answering and could not be restarted.",
        0x124 => "The processor reported a hardware error that could not be corrected.",
        0x133 => "A driver's interrupt work ran longer than Windows allows.",
        0x139 => "The kernel found one of its own data structures damaged and stopped at once.",
        _ => class_sentence(class),
    }
}

/// How a stack frame was found, as badge and explanation.
pub(crate) fn trust(trust: Trust) -> (&'static str, &'static str) {
    match trust {
        Trust::Context => ("registers", "From the processor's registers: certain"),
        Trust::Cfi => ("unwind info", "From the image's unwind information: reliable"),
        Trust::FramePointer => (
            "frame pointer",
            "From the chain of frame pointers: mostly reliable",
        ),
        Trust::Scan => (
            "scan",
            "A value on the stack that looks like a return address: may be left over",
        ),
    }
}

/// A kind of evidence in words.
pub(crate) fn evidence(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Parameter => "Parameter points into it",
        EvidenceKind::Stack => "On the stack",
        EvidenceKind::StackScan => "Seen in the stack's memory",
        EvidenceKind::NamedByWindows => "Named by Windows",
        EvidenceKind::Unloaded => "Unloaded, but still addressed",
    }
}

/// A confidence in words.
pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high confidence",
        Confidence::Medium => "medium confidence",
        Confidence::Low => "low confidence",
    }
}

/// A dump format in words.
pub(crate) fn format(format: DumpFormat) -> &'static str {
    match format {
        DumpFormat::KernelTriage => "Small kernel dump",
        DumpFormat::KernelBitmap => "Kernel memory dump",
        DumpFormat::KernelFull => "Complete memory dump",
        DumpFormat::KernelLive => "Live kernel dump",
        DumpFormat::UserMinidump => "User-mode minidump",
    }
}
