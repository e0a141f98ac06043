//! Which of the two writers of small dumps made a file.
//!
//! | field | kernel-written | converted |
//! |---|---|---|
//! | `Attributes` | bit 3 set | unset |
//! | `WriterStatus` | unset | 0 |
//! | `TriageOptions` | 0x41 | 0xFFFFFFFF |
//! | driver names | `ntoskrnl.exe` | `\SystemRoot\system32\ntoskrnl.exe` |
//! | data blocks | tens | hundreds or thousands |

use std::fmt;

use crate::{Attributes, Header, Triage};

/// Who wrote a small dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Writer {
    /// The kernel itself, at the time of the crash.
    KernelWritten,
    /// Windows at the next start, out of a larger kernel dump.
    Converted,
    /// The marks are missing or contradict each other.
    Unknown,
}

impl Writer {
    /// Two of the three marks decide, so that one damaged field does not.
    pub(crate) fn tell(header: &Header, triage: &Triage) -> Writer {
        let is_kernel = header
            .attributes
            .is_some_and(Attributes::is_kernel_generated_triage);
        let kernel_marks = [
            is_kernel,
            header.writer_status.is_none(),
            triage.triage_options != u32::MAX,
        ];
        let converted_marks = [
            header.attributes.is_none(),
            header.writer_status == Some(0),
            triage.triage_options == u32::MAX,
        ];
        let count = |marks: [bool; 3]| marks.into_iter().filter(|&mark| mark).count();
        match (count(kernel_marks), count(converted_marks)) {
            (2.., _) => Writer::KernelWritten,
            (_, 2..) => Writer::Converted,
            _ => Writer::Unknown,
        }
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Writer::KernelWritten => "kernel-written",
            Writer::Converted => "converted",
            Writer::Unknown => "unknown",
        })
    }
}
