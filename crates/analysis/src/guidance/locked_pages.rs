//! Advice for 0x76 `PROCESS_HAS_LOCKED_PAGES`, and for 0xCB, which proves what 0x76 only suggests.
//!
//! A 0x76 dump is written long after the guilty call, when the process ends. So the advice is about finding the
//! driver across machines, and about making Windows name it the next time.

use super::class::SYSTEM_FILES;

/// Bytes in a page on all processors Windows runs on today.
const PAGE_BYTES: u64 = 4096;

const PROOF: &str = "To have Windows name the driver: on a few machines that crash, set the REG_DWORD value \
     `TrackLockedPages` to 1 under `HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management` and \
     restart. The next leak stops the machine with 0xCB, whose dump names the driver. Delete the value afterwards: it \
     costs time at every lock, so it is nothing for the whole fleet.";

pub(super) fn steps() -> Vec<String> {
    [
        "Update the suspect driver. One dump cannot name it: the ranking of driver versions for 0x76 across the fleet \
         does.",
        "Look at drivers that were added or updated shortly before the first of these crashes.",
        "The usual families are USB, printer and scanner, graphics, network, storage and security-software drivers; \
         capture cards, virtual audio and cameras belong to them too.",
        "Roll the suspect back to the version before, or uninstall the device or product it belongs to.",
        "Replace security software for a test on one machine: its drivers lock the memory of other programs.",
        PROOF,
        SYSTEM_FILES,
        "If `C:\\Windows\\Minidump` is empty, small memory dumps are switched off: set them in System properties, \
         Advanced, Startup and Recovery, or set the REG_DWORD value `CrashDumpEnabled` to 3 under \
         `HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl`; the page file must be on the system drive.",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(super) fn proof_steps() -> Vec<String> {
    [
        "This is the proof that 0x76 lacks: Windows tracked who locked the pages, and this driver did not unlock them. \
         Update it, roll it back or uninstall it.",
        "If the named driver is a layer of Windows such as ks.sys, storport.sys or ndis.sys, the driver above it is to \
         blame; the return addresses in the evidence name it.",
        "Compare with the suspects of 0x76: the same driver version there confirms the cause.",
        "When the cause is known, delete the value `TrackLockedPages` under `HKLM\\SYSTEM\\CurrentControlSet\\Control\\\
         Session Manager\\Memory Management` on the machines where it was set, and restart them.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What the parameters of one 0x76 add.
pub(super) fn parameter_steps(kind: u64, pages: u64, process: Option<&str>) -> Vec<String> {
    match kind {
        0 => {
            let program = process.unwrap_or("a process");
            vec![format!(
                "{} still locked when {program} ended. The program is a hint: drivers that serve it (its own service, \
                 its device, its overlay) are the first to look at.",
                locked(pages)
            )]
        }
        1 => vec![
            "A driver unlocked memory that was not locked, and was still running when the machine stopped: the drivers \
             on the stack are the first to look at."
                .to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// What the parameters of one 0xCB add.
pub(super) fn proof_parameter_steps(pages: u64) -> Vec<String> {
    // In the form of Windows 2000 the parameter is a pointer, not a count.
    if pages < 1 << 32 {
        vec![format!("{} left locked.", locked(pages))]
    } else {
        Vec::new()
    }
}

fn locked(pages: u64) -> String {
    let kib = pages.saturating_mul(PAGE_BYTES) / 1024;
    match pages {
        1 => format!("1 page ({kib} KiB) was"),
        _ => format!("{pages} pages ({kib} KiB) were"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_pages_is_told_in_pages_and_in_kib() {
        let steps = parameter_steps(0, 38, Some("chrome.exe"));
        assert!(steps[0].starts_with("38 pages (152 KiB) were still locked when chrome.exe ended"));
    }

    #[test]
    fn a_pointer_in_the_place_of_the_count_is_not_a_count() {
        assert!(proof_parameter_steps(0xffff_8000_1234_5678).is_empty());
        assert_eq!(proof_parameter_steps(1), ["1 page (4 KiB) was left locked."]);
    }
}
