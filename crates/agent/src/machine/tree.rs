//! A Windows tree in a folder: a mounted disk, or the fixture of a test.
//!
//! ```text
//! ROOT/Windows/Minidump/…            files, found without regard to case
//! ROOT/registry.reg, *.reg           registry exports, read in the order of their names
//! ROOT/registry.reg.changes          what the agent changed; the exports stay as they are
//! ROOT/started-at.txt                when the machine was started, RFC 3339
//! ROOT/loaded-drivers.txt            paths of the loaded drivers, one a line
//! ```
//!
//! All but the dumps may be missing. A root that is itself the Windows folder is taken as that.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::registry_file::{Registry, change};
use super::{Machine, Value, path};

/// The largest file of a tree that is read as text, in bytes.
const TEXT_MOST: u64 = 32 << 20;

/// A machine that is a folder.
#[derive(Debug)]
pub struct TreeMachine {
    root: PathBuf,
    registry: Mutex<Registry>,
}

impl TreeMachine {
    /// The machine whose drive `C:` is `root`.
    ///
    /// # Errors
    ///
    /// When `root` is not a folder that can be read. Exports that cannot be read are logged and left out.
    pub fn open(root: &Path) -> io::Result<Self> {
        let mut exports: Vec<PathBuf> = fs::read_dir(root)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|ending| ending.eq_ignore_ascii_case("reg"))
            })
            .collect();
        exports.sort();
        exports.push(changes(root));
        let mut registry = Registry::default();
        for export in exports {
            match read(&export) {
                Ok(bytes) => registry.read(&bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(path = %export.display(), %error, "a registry export cannot be read");
                }
            }
        }
        Ok(Self {
            root: root.to_owned(),
            registry: Mutex::new(registry),
        })
    }

    fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, key: &str, name: &str, number: Option<u32>) -> io::Result<()> {
        let line = change(key, name, number);
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(changes(&self.root))?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        self.registry().read(line.as_bytes());
        Ok(())
    }

    fn line(&self, name: &str) -> Option<String> {
        let bytes = read(&self.root.join(name)).ok()?;
        String::from_utf8(bytes).ok()
    }
}

impl Machine for TreeMachine {
    fn file(&self, windows_path: &str) -> PathBuf {
        let root = text_of(self.value(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", "SystemRoot"));
        let root = root.as_deref().unwrap_or(r"C:\Windows");
        let full = path::full(windows_path, root);
        let names: Vec<&str> = full
            .split('\\')
            .skip(1)
            .filter(|name| !matches!(*name, "" | "." | ".."))
            .collect();
        let is_windows_folder =
            entry(&self.root, "Windows").is_none() && entry(&self.root, "System32").is_some();
        let skipped = usize::from(
            is_windows_folder
                && names
                    .first()
                    .is_some_and(|name| name.eq_ignore_ascii_case("Windows")),
        );
        names
            .into_iter()
            .skip(skipped)
            .fold(self.root.clone(), |folder, name| {
                entry(&folder, name).unwrap_or_else(|| folder.join(name))
            })
    }

    fn value(&self, key: &str, name: &str) -> io::Result<Option<Value>> {
        Ok(self.registry().value(key, name).cloned())
    }

    fn subkeys(&self, key: &str) -> io::Result<Vec<String>> {
        Ok(self.registry().subkeys(key))
    }

    fn set_number(&self, key: &str, name: &str, number: u32) -> io::Result<()> {
        self.change(key, name, Some(number))
    }

    fn remove_value(&self, key: &str, name: &str) -> io::Result<()> {
        self.change(key, name, None)
    }

    fn loaded_drivers(&self) -> io::Result<Option<Vec<String>>> {
        let lines = self.line("loaded-drivers.txt");
        Ok(lines.map(|lines| {
            lines
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect()
        }))
    }

    fn started_at(&self, _now: OffsetDateTime) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.line("started-at.txt")?.trim(), &Rfc3339).ok()
    }

    fn free_bytes(&self, _windows_path: &str) -> Option<u64> {
        None // that of the disk the tree lies on says nothing about the machine
    }
}

fn changes(root: &Path) -> PathBuf {
    root.join("registry.reg.changes")
}

fn text_of(value: io::Result<Option<Value>>) -> Option<String> {
    match value {
        Ok(Some(Value::Text(text))) => Some(text),
        _ => None,
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > TEXT_MOST {
        return Err(io::Error::other("too large"));
    }
    fs::read(path)
}

/// The entry of a folder with this name, in whatever case.
fn entry(folder: &Path, name: &str) -> Option<PathBuf> {
    let exact = folder.join(name);
    if exact.exists() {
        return Some(exact);
    }
    let mut entries = fs::read_dir(folder).ok()?.flatten();
    let entry = entries.find(|entry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|other| other.eq_ignore_ascii_case(name))
    })?;
    Some(entry.path())
}

#[cfg(test)]
mod tests {
    use super::{Machine, TreeMachine, Value};

    #[test]
    fn files_are_found_in_whatever_case_and_never_outside_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let minidump = folder.path().join("WINDOWS/minidump");
        std::fs::create_dir_all(&minidump).unwrap();
        let machine = TreeMachine::open(folder.path()).unwrap();
        assert_eq!(machine.file(r"%SystemRoot%\Minidump"), minidump);
        assert_eq!(machine.file(r"C:\..\..\etc"), folder.path().join("etc"));
    }

    #[test]
    fn a_root_may_be_the_windows_folder_itself() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("System32")).unwrap();
        let machine = TreeMachine::open(folder.path()).unwrap();
        assert_eq!(
            machine.file(r"C:\Windows\Minidump"),
            folder.path().join("Minidump")
        );
    }

    #[test]
    fn a_change_is_kept_beside_the_export() {
        let folder = tempfile::tempdir().unwrap();
        let export = folder.path().join("registry.reg");
        std::fs::write(&export, "[HKEY_LOCAL_MACHINE\\A]\n\"x\"=dword:1\n").unwrap();
        TreeMachine::open(folder.path())
            .unwrap()
            .set_number("A", "x", 2)
            .unwrap();
        let machine = TreeMachine::open(folder.path()).unwrap();
        assert_eq!(machine.value("A", "x").unwrap(), Some(Value::Number(2)));
        machine.remove_value("A", "x").unwrap();
        assert_eq!(machine.value("A", "x").unwrap(), None);
        assert!(std::fs::read_to_string(export).unwrap().contains("dword:1"));
    }
}
