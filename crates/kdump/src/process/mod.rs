//! The process that was current when the machine stopped: name, id and locked pages out of a copy of `EPROCESS`.
//!
//! Where the fields are depends on the build; which build it is, the size of the structure tells (`SizeEProcess` of
//! the debugger data, which is also `ThreadOffset - ProcessOffset`). What is read is verified, and if it is no name
//! of a process, the copy is searched for one.

mod offsets;

use crate::bytes::Bytes;
use crate::{Address, Machine};
use offsets::Offsets;

/// Room for `ImageFileName`: 14 characters and a NUL.
const NAME_SIZE: u64 = 15;
/// Names shorter than this are not searched for: too much else looks like them.
const MIN_SEARCHED_NAME: usize = 5;
/// More than the largest known `EPROCESS`.
pub(crate) const MAX_SIZE: u64 = 0x2000;

/// The process that was current when the machine stopped.
///
/// It is not always the process that a stop code's parameter means: 0x76 may name another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// The file name, cut to 14 characters by Windows: `notmyfault64.e`.
    pub image_file_name: String,
    /// The process id, where the structure of this build is known.
    pub pid: Option<u32>,
    /// How many pages drivers had locked for it, where known. Locked pages are normal in a process that runs.
    pub locked_pages: Option<u64>,
    /// The address of its `EPROCESS`, where the dump tells it.
    pub address: Option<Address>,
    /// How the name was found.
    pub found_by: ProcessEvidence,
}

/// How the name of the process was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessEvidence {
    /// At the offsets of a known build.
    KnownLayout,
    /// By searching the structure for something that looks like a name.
    Search,
}

/// Which `EPROCESS` it is: its processor, build and size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) machine: Machine,
    pub(crate) build: u32,
    pub(crate) size: u64,
}

impl Process {
    /// Reads the copy `eprocess`, which holds the structure and nothing else.
    pub(crate) fn read(eprocess: Bytes<'_>, identity: Identity, address: Option<Address>) -> Option<Process> {
        Process::at_known_offsets(eprocess, identity, address).or_else(|| {
            let image_file_name = search(eprocess, identity.machine)?;
            Some(Process {
                image_file_name,
                pid: None,
                locked_pages: None,
                address,
                found_by: ProcessEvidence::Search,
            })
        })
    }

    fn at_known_offsets(
        eprocess: Bytes<'_>,
        identity: Identity,
        address: Option<Address>,
    ) -> Option<Process> {
        let offsets = Offsets::find(identity)?;
        let name = eprocess.slice(offsets.image_file_name, NAME_SIZE)?;
        let pid = match identity.machine {
            Machine::X86 => u64::from(eprocess.u32(offsets.unique_process_id)?),
            _ => eprocess.u64(offsets.unique_process_id)?,
        };
        Some(Process {
            image_file_name: name_of(name)?,
            pid: Some(u32::try_from(pid).ok().filter(|pid| pid % 4 == 0)?),
            locked_pages: offsets.locked_pages.and_then(|offset| eprocess.u64(offset)),
            address,
            found_by: ProcessEvidence::KnownLayout,
        })
    }
}

/// The text of `ImageFileName`: printable ASCII, then NULs to the end.
fn name_of(field: &[u8]) -> Option<String> {
    let length = field.iter().position(|&byte| byte == 0)?;
    let (name, padding) = field.split_at_checked(length)?;
    let is_name = name.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let is_padded = padding.iter().all(|&byte| byte == 0);
    let text = std::str::from_utf8(name).ok()?;
    (is_name && is_padded && !name.is_empty()).then(|| text.to_owned())
}

/// The first aligned field that looks like a name.
///
/// A name of more than eight characters looks like a second, shorter one eight bytes on, so the first counts.
fn search(eprocess: Bytes<'_>, machine: Machine) -> Option<String> {
    let step = if machine == Machine::X86 { 4 } else { 8 };
    (0..eprocess.len().min(MAX_SIZE))
        .step_by(step)
        .filter_map(|offset| name_of(eprocess.slice(offset, NAME_SIZE)?))
        .find(|name| name.len() >= MIN_SEARCHED_NAME)
}

#[cfg(test)]
mod tests {
    use super::{Identity, Process, ProcessEvidence, name_of};
    use crate::Machine;
    use crate::bytes::Bytes;

    const WINDOWS_10: Identity = Identity {
        machine: Machine::Amd64,
        build: 19041,
        size: 0xA40,
    };

    fn eprocess(name: &[u8], at: usize, pid: u64) -> Vec<u8> {
        let mut bytes = vec![0; 0xA40];
        bytes[0x440..0x448].copy_from_slice(&pid.to_le_bytes());
        bytes[0x500] = 64;
        bytes[at..at + name.len()].copy_from_slice(name);
        bytes
    }

    #[test]
    fn a_known_build_gives_name_id_and_locked_pages() {
        let bytes = eprocess(b"MemCompression", 0x5A8, 1236);
        let process = Process::read(Bytes::new(&bytes), WINDOWS_10, None).unwrap();
        assert_eq!(process.image_file_name, "MemCompression");
        assert_eq!(process.pid, Some(1236));
        assert_eq!(process.locked_pages, Some(64));
        assert_eq!(process.found_by, ProcessEvidence::KnownLayout);
    }

    #[test]
    fn an_unknown_build_is_searched() {
        let bytes = eprocess(b"notmyfault64.e", 0x5A8, 1236);
        let unknown = Identity {
            size: 0xA38,
            ..WINDOWS_10
        };
        let process = Process::read(Bytes::new(&bytes), unknown, None).unwrap();
        assert_eq!(process.image_file_name, "notmyfault64.e");
        assert_eq!(process.pid, None);
        assert_eq!(process.found_by, ProcessEvidence::Search);
    }

    #[test]
    fn a_pid_that_windows_does_not_give_makes_the_offsets_doubtful() {
        let bytes = eprocess(b"System", 0x5A8, 5);
        let process = Process::read(Bytes::new(&bytes), WINDOWS_10, None).unwrap();
        assert_eq!(process.found_by, ProcessEvidence::Search);
    }

    #[test]
    fn a_name_is_printable_and_padded_with_nuls() {
        assert_eq!(name_of(b"System\0\0\0\0\0\0\0\0\0").as_deref(), Some("System"));
        assert_eq!(name_of(b"System\0\0\0x\0\0\0\0\0"), None);
        assert_eq!(name_of(b"Sys\x01em\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(name_of(b"fifteen letters"), None);
        assert_eq!(name_of(&[0; 15]), None);
    }

    #[test]
    fn a_structure_without_a_name_has_no_process() {
        assert_eq!(Process::read(Bytes::new(&[0; 0xA40]), WINDOWS_10, None), None);
        assert_eq!(Process::read(Bytes::new(&[]), WINDOWS_10, None), None);
    }
}
