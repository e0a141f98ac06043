//! Whose process it was.
//!
//! A small dump holds the process that was running. For 0x76 with parameter 1 = 0 the process that matters is the one
//! in parameter 2: often the same, but a system worker may be the one that drops the last reference.

use kdump::Dump;

use crate::names;

/// The process of a crash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Its image name, or `None` if the dump does not hold the process that matters.
    pub(super) name: Option<String>,
    /// What is uncertain about it.
    pub(super) warning: Option<String>,
}

pub(super) fn find(dump: &Dump<'_>, code: u32, parameters: [u64; 4]) -> Found {
    let Some(process) = dump.process() else {
        return Found::default();
    };
    let name = names::printable(&process.image_file_name);
    let (0x76, [0, wanted, ..]) = (code, parameters) else {
        return Found {
            name: Some(name),
            warning: None,
        };
    };
    match process.address {
        Some(address) if address.0 == wanted => Found {
            name: Some(name),
            warning: None,
        },
        Some(_) => Found {
            warning: Some(format!(
                "The pages belonged to the process at {wanted:#x}, which is not in the dump: {name} was running while it \
                 was taken down."
            )),
            name: None,
        },
        None => Found {
            warning: Some(format!(
                "The dump does not say where its process lies, so {name} may not be the one whose pages were locked."
            )),
            name: Some(name),
        },
    }
}
