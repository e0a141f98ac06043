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
        Writer::from_marks(header.attributes, header.writer_status, triage.triage_options)
    }

    fn from_marks(attributes: Option<Attributes>, status: Option<u32>, options: u32) -> Writer {
        let is_kernel = attributes.is_some_and(Attributes::is_kernel_generated_triage);
        let kernel_marks = [is_kernel, status.is_none(), options != u32::MAX];
        let converted_marks = [attributes.is_none(), status == Some(0), options == u32::MAX];
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

#[cfg(test)]
mod tests {
    use super::Writer;
    use crate::Attributes;

    const KERNEL: Option<Attributes> = Some(Attributes(8));

    #[test]
    fn the_marks_of_each_writer_tell_it() {
        assert_eq!(Writer::from_marks(KERNEL, None, 0x41), Writer::KernelWritten);
        assert_eq!(Writer::from_marks(None, Some(0), u32::MAX), Writer::Converted);
    }

    #[test]
    fn one_damaged_mark_does_not_change_the_answer() {
        assert_eq!(Writer::from_marks(KERNEL, Some(7), 0x41), Writer::KernelWritten);
        assert_eq!(Writer::from_marks(KERNEL, None, u32::MAX), Writer::KernelWritten);
        assert_eq!(Writer::from_marks(None, Some(0), 0x41), Writer::Converted);
        assert_eq!(
            Writer::from_marks(Some(Attributes(0)), Some(0), u32::MAX),
            Writer::Converted
        );
    }

    #[test]
    fn marks_that_contradict_each_other_tell_nobody() {
        assert_eq!(
            Writer::from_marks(Some(Attributes(0)), Some(7), 0x41),
            Writer::Unknown
        );
    }
}
