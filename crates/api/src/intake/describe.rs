//! Saying in words what an upload is that is no dump, so that whoever sent it can find their mistake.

/// What files start with, and what they are then called.
const KNOWN: [(&[u8], &str); 27] = [
    (b"\x7fELF", "an ELF program or library"),
    (b"MZ", "a Windows program or driver (PE)"),
    (b"Microsoft C/C++ MSF", "a PDB symbol file"),
    (b"MODULE ", "a Breakpad symbol file"),
    (b"MSCF", "a CAB archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xfd7zXZ\0", "an xz stream"),
    (b"BZh", "a bzip2 stream"),
    (b"\x04\x22\x4d\x18", "an LZ4 stream"),
    (b"PK", "a zip archive with a damaged start"),
    (b"\x1f\x8b", "a gzip stream inside another"),
    (b"\x28\xb5\x2f\xfd", "a zstd stream inside another"),
    (b"PMDM", "a minidump with its bytes swapped"),
    (
        b"PAGE",
        "damaged: it starts like a kernel dump, but neither PAGEDU64 nor PAGEDUMP",
    ),
    (b"ElfFile\0", "a Windows event log (.evtx)"),
    (b"regf", "a registry hive"),
    (b"hibr", "a hibernation file"),
    (b"HIBR", "a hibernation file"),
    (b"EMiL", "a LiME memory image"),
    (b"\xfe\xed\xfa", "a Mach-O file"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\xff\xfe", "a text in UTF-16, such as a Report.wer"),
];

/// A sentence about `bytes`, with their beginning when nothing better is known.
pub(super) fn describe(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "it is empty".to_owned();
    }
    if is_microdump(bytes) {
        return "this is a text microdump, which holds no memory to analyse".to_owned();
    }
    if is_elf_core(bytes) {
        return "this is an ELF core dump".to_owned();
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return format!("this is {} zero bytes", bytes.len());
    }
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return format!("this is {name}");
    }
    format!(
        "this is {}: {}",
        text_kind(bytes).unwrap_or("of no known format"),
        beginning(bytes)
    )
}

/// Breakpad's microdumps are log lines between two markers, each line often led by a logger's own prefix.
fn is_microdump(bytes: &[u8]) -> bool {
    const MARKER: &[u8] = b"BEGIN BREAKPAD MICRODUMP";
    const SEARCHED_BYTES: usize = 64 << 10;
    let searched = bytes.get(..SEARCHED_BYTES).unwrap_or(bytes);
    searched.windows(MARKER.len()).any(|window| window == MARKER)
}

/// `e_type` 4 in either byte order.
fn is_elf_core(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF") && matches!(bytes.get(16..18), Some([4, 0] | [0, 4]))
}

/// What kind of text it is, if it is text.
fn text_kind(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.get(..512).unwrap_or(bytes);
    let is_text = start
        .iter()
        .all(|&byte| byte >= 0x20 && byte != 0x7f || b"\r\n\t".contains(&byte));
    if !is_text || std::str::from_utf8(start).is_err_and(|error| error.error_len().is_some()) {
        return None;
    }
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    Some(match first {
        Some(b'{' | b'[') => "a JSON text",
        Some(b'<') => "an HTML or XML text",
        Some(b'-') if start.starts_with(b"--") => {
            "a multipart body; its Content-Type must be multipart/form-data with the boundary"
        }
        _ => "a text",
    })
}

/// The first bytes as hex and as text.
fn beginning(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 16;
    let start = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let hex: Vec<String> = start.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String = start
        .iter()
        .map(|&byte| {
            if matches!(byte, 0x20..=0x7e) {
                char::from(byte)
            } else {
                '.'
            }
        })
        .collect();
    format!(
        "{} bytes that start with {} \"{text}\"",
        bytes.len(),
        hex.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn common_mistakes_are_named() {
        let microdump = b"W/google-breakpad(1): -----BEGIN BREAKPAD MICRODUMP-----\nV Chrome";
        let core = [
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".as_slice(),
            &[4, 0, 62, 0],
        ]
        .concat();
        for (bytes, words) in [
            (&b""[..], "empty"),
            (microdump, "text microdump"),
            (&core, "ELF core dump"),
            (b"MZ\x90\0", "Windows program"),
            (b"Microsoft C/C++ MSF 7.00\r\n", "PDB"),
            (b"{\"machine\": 1}", "JSON"),
            (b"\0\0\0\0", "4 zero bytes"),
            (b"--abc\r\nContent-Disposition: form-data", "boundary"),
        ] {
            let text = describe(bytes);
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn unknown_bytes_are_shown_in_hex_and_ascii() {
        let text = describe(b"\xde\xad<b>\x01");
        assert_eq!(
            text,
            "this is of no known format: 6 bytes that start with de ad 3c 62 3e 01 \"..<b>.\""
        );
    }
}
