//! Where dumps lie.
//!
//! ```text
//! %SystemRoot%\Minidump\*.dmp                        small dumps; CrashControl\MinidumpDir may name another folder
//! %SystemRoot%\MEMORY.DMP                            the full one; CrashControl\DumpFile
//! %SystemRoot%\LiveKernelReports\[*\]*.dmp           of machines that went on running; on request
//! Users\*\AppData\Local\CrashDumps\*.dmp             of programs; on request
//! ```

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::config::Config;
use crate::machine::{Machine, text};

/// The most entries of a folder that are looked at.
const ENTRIES_MOST: usize = 10_000;

/// The registry key that says where Windows writes dumps.
pub(crate) const CRASH_CONTROL: &str = r"SYSTEM\CurrentControlSet\Control\CrashControl";

/// A file that may be a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) size_bytes: u64,
    /// When it was changed last, in seconds since 1970.
    pub(crate) modified: i64,
    /// Whether it is the full memory dump, whose body only the server asks for.
    pub(crate) is_memory_dump: bool,
}

/// Everything there is, and the folders that cannot be read with the reason.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) found: Vec<Found>,
    pub(crate) unreadable: Vec<(PathBuf, String)>,
}

/// Lists what there is in all folders that the owner allows.
pub(crate) fn list(machine: &dyn Machine, config: &Config) -> Listing {
    let mut listing = Listing::default();
    listing.folder(&machine.file(&minidump_folder(machine)));
    if config.live_kernel_reports {
        let reports = machine.file(r"%SystemRoot%\LiveKernelReports");
        listing.folder(&reports);
        for folder in listing.subfolders(&reports) {
            listing.folder(&folder);
        }
    }
    if config.user_dumps {
        for user in listing.subfolders(&machine.file(r"%SystemDrive%\Users")) {
            listing.folder(&user.join("AppData").join("Local").join("CrashDumps"));
        }
        listing.folder(&machine.file(r"%SystemRoot%\System32\config\systemprofile\AppData\Local\CrashDumps"));
    }
    for folder in &config.folders {
        listing.folder(&machine.file(folder));
    }
    if config.memory_dump {
        listing.file(machine.file(&memory_dump(machine)));
    }
    listing
}

/// Where Windows writes small dumps.
pub(crate) fn minidump_folder(machine: &dyn Machine) -> String {
    text(machine, CRASH_CONTROL, "MinidumpDir").unwrap_or_else(|| r"%SystemRoot%\Minidump".to_owned())
}

/// Where Windows writes the full dump.
pub(crate) fn memory_dump(machine: &dyn Machine) -> String {
    text(machine, CRASH_CONTROL, "DumpFile").unwrap_or_else(|| r"%SystemRoot%\MEMORY.DMP".to_owned())
}

impl Listing {
    /// Adds the `*.dmp` of a folder. One that is not there holds nothing.
    fn folder(&mut self, folder: &Path) {
        for path in self.entries(folder) {
            let is_dump = path
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("dmp"));
            // Links are not followed: in a user's folder they could lead anywhere.
            if is_dump && let Ok(metadata) = fs::symlink_metadata(&path) {
                self.add(path, &metadata, false);
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        match fs::symlink_metadata(&path) {
            Ok(metadata) => self.add(path, &metadata, true),
            Err(error) => self.note(path, &error),
        }
    }

    fn subfolders(&mut self, folder: &Path) -> Vec<PathBuf> {
        let is_folder = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
        self.entries(folder).into_iter().filter(is_folder).collect()
    }

    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        match fs::read_dir(folder) {
            Ok(entries) => {
                let entries = entries.take(ENTRIES_MOST).filter_map(Result::ok);
                let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
                paths.sort();
                paths
            }
            Err(error) => {
                self.note(folder.to_owned(), &error);
                Vec::new()
            }
        }
    }

    fn add(&mut self, path: PathBuf, metadata: &Metadata, is_memory_dump: bool) {
        if metadata.is_file() && !self.found.iter().any(|found| found.path == path) {
            self.found.push(Found {
                path,
                size_bytes: metadata.len(),
                modified: modified(metadata),
                is_memory_dump,
            });
        }
    }

    fn note(&mut self, path: PathBuf, error: &std::io::Error) {
        if error.kind() != std::io::ErrorKind::NotFound {
            self.unreadable.push((path, error.to_string()));
        }
    }
}

/// When a file was changed last, in seconds since 1970; 0 if the file system does not say.
pub(crate) fn modified(metadata: &Metadata) -> i64 {
    let Ok(time) = metadata.modified() else {
        return 0;
    };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    }
}
