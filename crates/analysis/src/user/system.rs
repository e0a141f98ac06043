//! Which modules of a process belong to the system: they crash on behalf of whoever called them.

use crate::names::stem;

const FOLDERS: &[&str] = &[
    "/windows/system32/",
    "/windows/syswow64/",
    "/windows/winsxs/",
    "/usr/lib/",
    "/lib/",
    "/system/lib",
];

const LIBRARIES: &[&str] = &[
    "ntdll",
    "kernel32",
    "kernelbase",
    "ucrtbase",
    "ucrtbased",
    "msvcrt",
    "msvcrtd",
    "msvcp140",
    "vcruntime140",
    "vcruntime140_1",
    "user32",
    "win32u",
    "gdi32",
    "gdi32full",
    "advapi32",
    "sechost",
    "rpcrt4",
    "combase",
    "ole32",
    "oleaut32",
    "shell32",
    "shlwapi",
    "ws2_32",
    "mswsock",
    "dbghelp",
    "dbgcore",
    "imm32",
    "wow64",
    "wow64cpu",
    "wow64win",
    "apphelp",
    "bcryptprimitives",
    "cryptbase",
    "psapi",
    "version",
];

/// Whether a module is part of the system, by its path or, where the dump has only names, by its name.
pub(super) fn is_system(path: &str) -> bool {
    let path = path.to_lowercase().replace('\\', "/");
    let name = path.rsplit('/').next().unwrap_or(&path);
    let is_linux_library = [
        "libc.so",
        "libc-",
        "libpthread",
        "ld-",
        "libstdc++",
        "linux-gate",
        "linux-vdso",
    ]
    .iter()
    .any(|beginning| name.starts_with(beginning));
    FOLDERS.iter().any(|folder| path.contains(folder)) || LIBRARIES.contains(&stem(name)) || is_linux_library
}

#[cfg(test)]
mod tests {
    use super::is_system;

    #[test]
    fn a_library_is_of_the_system_by_folder_or_by_name() {
        assert!(is_system(r"C:\Windows\System32\rpcrt4.dll"));
        assert!(is_system("ntdll.dll"));
        assert!(is_system("/lib/x86_64-linux-gnu/libc-2.23.so"));
        assert!(!is_system(r"C:\Program Files\Acme\acme.exe"));
        assert!(!is_system("test_app.exe"));
    }
}
