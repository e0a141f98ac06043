//! What a dump alone says of a crash: what happened, and where, if that is no matter of the stack.

use wire::report::{Exception, Frame, SignatureParts, Trust};

/// A place that does not move with the addresses of one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// An address in an image.
    Code {
        /// Base name of the image.
        module: String,
        /// Distance from its base.
        offset: u64,
    },
    /// An address where an image was before it was unloaded.
    Unloaded {
        /// Its name as Windows kept it.
        module: String,
        /// Distance from where it began.
        offset: u64,
    },
    /// A driver that Windows named, without an address.
    Named(String),
    /// The process that was running.
    Process(String),
    /// The beginning of a service's name.
    Service(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Code { module, offset } => write!(formatter, "{module}+{offset:#x}"),
            Place::Unloaded { module, offset } => write!(formatter, "unloaded {module}+{offset:#x}"),
            Place::Named(name) => write!(formatter, "driver {name}"),
            Place::Process(name) => write!(formatter, "process {name}"),
            Place::Service(name) => write!(formatter, "service {name}"),
        }
    }
}

/// What happened, as far as a signature tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BugCheck<'a> {
    /// The name of the stop code.
    pub(crate) name: &'a str,
    /// The code, with bit 28 cleared.
    pub(crate) code: u32,
    /// Its parameters.
    pub(crate) parameters: [u64; 4],
    /// The exception that a parameter points at.
    pub(crate) exception: Option<u32>,
}

/// The parts of the signature of a bug check: its name with the words of its sub-code, and the place if there is a
/// reliable one. `by_stack` says whether the stack may tell the place.
pub(crate) fn of_bug_check(
    bug_check: &BugCheck<'_>,
    place: Option<&Place>,
    by_stack: bool,
) -> SignatureParts {
    let BugCheck {
        name,
        code,
        parameters,
        exception,
    } = *bug_check;
    let words = sub_code(code, parameters).or_else(|| exception.map(|code| format!("{code:08x}")));
    SignatureParts {
        what: match words {
            Some(words) => format!("{name}_{words}"),
            None => name.to_owned(),
        },
        place: place.map(Place::to_string),
        by_stack,
        system_modules: Vec::new(),
    }
}

/// The words that tell apart kinds of one stop code: an exception code, a sub-code, a trap number.
fn sub_code(code: u32, [first, second, _, fourth]: [u64; 4]) -> Option<String> {
    /// Above this a sub-code would be an address, which differs on every boot.
    const MAX_SUB_CODE: u64 = 0xffff_ffff;
    let small = |value: u64| (value <= MAX_SUB_CODE).then(|| format!("{value:x}"));
    // A status is sign-extended to 64 bits.
    let status = |value: u64| Some(format!("{:08x}", value & MAX_SUB_CODE));
    match code {
        0x76 => small(first).map(|kind| format!("P1_{kind}")),
        0x1e | 0x3b | 0x7e | 0x8e | 0x135 => status(first),
        0x7a | 0xed => status(second),
        0xc1 | 0x109 => small(fourth),
        0x12 | 0x19 | 0x1a | 0x4e | 0x7c | 0x7f | 0x9f | 0xa0 | 0xa5 | 0xc2 | 0xc4 | 0xc7 | 0xc9 | 0xca
        | 0xd9 | 0xda | 0xe4 | 0xe6 | 0xf4 | 0xf5 | 0xfa | 0xfe | 0x10d | 0x10e | 0x113 | 0x119 | 0x11d
        | 0x121 | 0x122 | 0x124 | 0x126 | 0x133 | 0x139 | 0x13a | 0x144 | 0x164 | 0x187 | 0x193 | 0x19c
        | 0x1a0 | 0x1a8 | 0x1b8 | 0x1c6 | 0x1d2 | 0x1d3 | 0x1d4 | 0x1d8 | 0x1dc | 0x1de => small(first),
        _ => None,
    }
}

/// The parts of the signature of a crash of a program.
///
/// Its place is told by the stack. Where the stack cannot tell it by trusted frames, it is the first frame near the
/// top that is outside the libraries of the system, because those crash on behalf of others, even if it was found by
/// scanning; then the first frame in any module.
pub(crate) fn of_process(
    exception: Option<&Exception>,
    process: Option<&str>,
    frames: &[Frame],
    is_system: impl Fn(&Frame) -> bool,
) -> SignatureParts {
    const NEAR_THE_TOP: usize = 16;
    let mut system_modules: Vec<String> = frames
        .iter()
        .filter(|frame| is_system(frame))
        .filter_map(|frame| frame.module.clone())
        .collect();
    system_modules.sort();
    system_modules.dedup();
    let own = |frame: &&Frame| frame.module.is_some() && !is_system(frame);
    let frame = exception.and_then(|_| {
        let near = frames.iter().take(NEAR_THE_TOP).find(own);
        near.or_else(|| frames.iter().find(|frame| frame.module.is_some()))
    });
    let named = || Place::Process(process.unwrap_or("unknown").to_owned()).to_string();
    SignatureParts {
        what: exception
            .map_or("NO_EXCEPTION", |exception| exception.name.as_str())
            .to_owned(),
        place: Some(frame.and_then(of_frame).unwrap_or_else(named)),
        by_stack: exception.is_some(),
        system_modules,
    }
}

/// Whether the place of a process's parts is a frame that was found by scanning.
pub(crate) fn is_scanned(parts: &SignatureParts, frames: &[Frame]) -> bool {
    let is_place = |frame: &&Frame| of_frame(frame) == parts.place;
    let place = frames.iter().find(is_place);
    place.is_some_and(|frame| frame.trust == Trust::Scan)
}

fn of_frame(frame: &Frame) -> Option<String> {
    let (module, offset) = (frame.module.as_ref()?, frame.module_offset?);
    Some(match &frame.function {
        Some(function) => format!("{module}!{function}"),
        None => format!("{module}+{offset}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bug_check: &BugCheck<'_>, place: Option<&Place>) -> String {
        let parts = of_bug_check(bug_check, place, false);
        match parts.place {
            Some(place) => format!("{} | {place}", parts.what),
            None => parts.what,
        }
    }

    fn locked_pages(kind: u64) -> BugCheck<'static> {
        BugCheck {
            name: "PROCESS_HAS_LOCKED_PAGES",
            code: 0x76,
            parameters: [kind, 0xffff_9d8c_1234_5080, 38, 0],
            exception: None,
        }
    }

    #[test]
    fn an_exception_code_is_part_of_the_signature() {
        let bug_check = BugCheck {
            name: "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED",
            code: 0x7e,
            parameters: [0xffff_ffff_c000_0005, 0, 0, 0],
            exception: None,
        };
        let place = Place::Code {
            module: "amdppm.sys".to_owned(),
            offset: 0x334c,
        };
        assert_eq!(
            text(&bug_check, Some(&place)),
            "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_c0000005 | amdppm.sys+0x334c"
        );
    }

    #[test]
    fn locked_pages_are_grouped_by_kind_and_process() {
        let place = Place::Process("chrome.exe".to_owned());
        assert_eq!(
            text(&locked_pages(0), Some(&place)),
            "PROCESS_HAS_LOCKED_PAGES_P1_0 | process chrome.exe"
        );
    }

    #[test]
    fn an_address_in_the_place_of_a_sub_code_is_left_out() {
        assert_eq!(
            text(&locked_pages(0xffff_8000_0000_0000), None),
            "PROCESS_HAS_LOCKED_PAGES"
        );
    }

    #[test]
    fn a_code_without_a_sub_code_is_told_by_the_exception_it_points_at() {
        let bug_check = BugCheck {
            name: "NTFS_FILE_SYSTEM",
            code: 0x24,
            parameters: [0x0019_0445, 0xffff_8000_0000_0000, 0xffff_8000_0000_1000, 0],
            exception: Some(0xc000_0006),
        };
        assert_eq!(text(&bug_check, None), "NTFS_FILE_SYSTEM_c0000006");
    }
}
