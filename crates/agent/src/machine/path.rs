//! The many ways Windows writes one path, brought to one: `C:\Windows\System32\drivers\acme.sys`.
//!
//! The kernel says `\SystemRoot\System32\drivers\acme.sys` or `\??\C:\…`, a service's `ImagePath` may be
//! `System32\drivers\acme.sys` (below the Windows folder), `"%SystemRoot%\…"` or `\Windows\…` (on the system drive).

/// The full form of a path, where Windows is in `system_root` (as in `C:\Windows`, without a backslash at the end).
///
/// ```text
/// \SystemRoot\System32\ntoskrnl.exe   C:\Windows\System32\ntoskrnl.exe
/// \??\D:\tools\x.sys                  D:\tools\x.sys
/// system32\DRIVERS\disk.sys           C:\Windows\system32\DRIVERS\disk.sys
/// ```
pub(super) fn full(path: &str, system_root: &str) -> String {
    let path = path.trim().trim_matches('"').replace('/', "\\");
    let path = path
        .strip_prefix(r"\??\")
        .or_else(|| path.strip_prefix(r"\\?\"))
        .unwrap_or(&path);
    for prefix in [r"\SystemRoot\", r"%SystemRoot%\", r"%windir%\"] {
        if let Some(rest) = strip_prefix_ignoring_case(path, prefix) {
            return format!(r"{system_root}\{rest}");
        }
    }
    let drive = system_root.get(..2).unwrap_or("C:");
    // Which volume has which letter only Windows knows; drivers lie on that of the system.
    if let Some(rest) = strip_prefix_ignoring_case(path, r"\Device\HarddiskVolume") {
        let (_, rest) = rest.split_once('\\').unwrap_or_default();
        return format!(r"{drive}\{rest}");
    }
    if let Some(rest) = strip_prefix_ignoring_case(path, r"%SystemDrive%\") {
        return format!(r"{drive}\{rest}");
    }
    if path.as_bytes().get(1) == Some(&b':') {
        return path.to_owned();
    }
    match path.strip_prefix('\\') {
        Some(rest) => format!(r"{drive}\{rest}"),
        None => format!(r"{system_root}\{path}"),
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| text.get(prefix.len()..))?
}

#[cfg(test)]
mod tests {
    use super::full;

    #[test]
    fn every_way_to_write_a_path_becomes_the_full_one() {
        for (written, expected) in [
            (
                r"\SystemRoot\system32\ntoskrnl.exe",
                r"C:\Windows\system32\ntoskrnl.exe",
            ),
            (r"\??\D:\tools\x.sys", r"D:\tools\x.sys"),
            (
                r"system32\DRIVERS\disk.sys",
                r"C:\Windows\system32\DRIVERS\disk.sys",
            ),
            ("\"%systemroot%\\MEMORY.DMP\"", r"C:\Windows\MEMORY.DMP"),
            (r"\Windows\System32\win32k.sys", r"C:\Windows\System32\win32k.sys"),
            (r"\Device\HarddiskVolume3\Windows\x.sys", r"C:\Windows\x.sys"),
            (r"%SystemDrive%\dumps", r"C:\dumps"),
            ("C:/Windows/Minidump", r"C:\Windows\Minidump"),
            ("é", r"C:\Windows\é"),
        ] {
            assert_eq!(full(written, r"C:\Windows"), expected, "{written}");
        }
    }
}
