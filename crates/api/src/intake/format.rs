//! What kind of dump some bytes are, by their magic.

use kdump::FormatKind;
use wire::dump::DumpFormat;

use super::describe::describe;

/// Whether a file that starts like this may be a dump.
pub(super) fn looks_like_dump(start: &[u8]) -> bool {
    [&b"MDMP"[..], b"PAGEDU64", b"PAGEDUMP"]
        .iter()
        .any(|magic| start.starts_with(magic))
}

/// Whether a file that starts like this is a zip archive.
pub(super) fn looks_like_zip(start: &[u8]) -> bool {
    // An archive without members starts with its end record.
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// The format of a dump.
///
/// # Errors
///
/// What the bytes look like instead, in words.
pub(super) fn recognise(bytes: &[u8]) -> Result<DumpFormat, String> {
    if bytes.starts_with(b"MDMP") {
        return minidump(bytes);
    }
    if !looks_like_dump(bytes) {
        return Err(describe(bytes));
    }
    let format =
        kdump::recognise(bytes).map_err(|error| format!("this kernel dump cannot be read: {error}"))?;
    match format.kind {
        FormatKind::Triage => Ok(DumpFormat::KernelTriage),
        FormatKind::Live => Ok(DumpFormat::KernelLive),
        FormatKind::Full => Ok(DumpFormat::KernelFull),
        FormatKind::Bitmap | FormatKind::Summary | FormatKind::Debugger => Ok(DumpFormat::KernelBitmap),
        kind => Err(format!(
            "this is a kernel dump of the kind {kind}, which holds nothing to analyse"
        )),
    }
}

/// A user-mode minidump needs at least its 32-byte header with the one version there is.
fn minidump(bytes: &[u8]) -> Result<DumpFormat, String> {
    const HEADER_BYTES: usize = 32;
    const VERSION: [u8; 2] = [0x93, 0xa7];
    if bytes.len() < HEADER_BYTES {
        return Err(format!(
            "this minidump ends after {} bytes, inside its header",
            bytes.len()
        ));
    }
    if bytes.get(4..6) != Some(&VERSION) {
        return Err("this starts like a minidump (MDMP) but its version is none that exists".to_owned());
    }
    Ok(DumpFormat::UserMinidump)
}

#[cfg(test)]
mod tests {
    use super::recognise;
    use wire::dump::DumpFormat;

    fn kernel_dump(dump_type: u32) -> Vec<u8> {
        let mut bytes = b"PAGE".repeat(0x800);
        bytes[4..8].copy_from_slice(b"DU64");
        bytes[0xf98..0xf9c].copy_from_slice(&dump_type.to_le_bytes());
        bytes
    }

    #[test]
    fn kernel_dumps_are_told_apart_by_their_type() {
        assert_eq!(recognise(&kernel_dump(4)), Ok(DumpFormat::KernelTriage));
        assert_eq!(recognise(&kernel_dump(1)), Ok(DumpFormat::KernelFull));
        assert_eq!(recognise(&kernel_dump(6)), Ok(DumpFormat::KernelBitmap));
    }

    #[test]
    fn a_header_cut_short_is_refused_with_numbers() {
        let reason = recognise(&kernel_dump(4)[..100]).unwrap_err();
        assert!(reason.contains("cut short"), "{reason}");
        let reason = recognise(b"MDMP\x93\xa7").unwrap_err();
        assert!(reason.contains("6 bytes"), "{reason}");
    }

    #[test]
    fn a_minidump_is_a_minidump_whatever_follows_its_header() {
        let mut bytes = b"MDMP\x93\xa7".to_vec();
        bytes.resize(32, 0xff);
        assert_eq!(recognise(&bytes), Ok(DumpFormat::UserMinidump));
    }
}
