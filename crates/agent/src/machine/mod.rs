//! What only the machine itself knows: registry, loaded drivers, start, free space; and where its files are.
//!
//! Two machines: the Windows that the agent runs on (`windows`, the only module with `unsafe`), and a Windows tree in
//! a folder ([`TreeMachine`]): a mounted disk, or a fixture of a test. Everything else in this crate is written
//! against [`Machine`] and is the same for both.

mod path;
mod registry_file;
mod tree;
#[cfg(any(windows, stopcode_check_windows))]
pub(crate) mod windows;

use std::io;
use std::path::PathBuf;

use time::{Duration, OffsetDateTime};

pub use self::tree::TreeMachine;
#[cfg(any(windows, stopcode_check_windows))]
pub use self::windows::WindowsMachine;

/// A Windows machine. Keys are below `HKEY_LOCAL_MACHINE`, without a leading backslash.
pub trait Machine {
    /// Where a file of the machine is for this process; `windows_path` may be written as the kernel, the registry or
    /// people write it.
    fn file(&self, windows_path: &str) -> PathBuf;

    /// A value of the registry, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// When the registry cannot be read.
    fn value(&self, key: &str, name: &str) -> io::Result<Option<Value>>;

    /// The names of the keys below a key; empty if there is no such key.
    ///
    /// # Errors
    ///
    /// When the registry cannot be read.
    fn subkeys(&self, key: &str) -> io::Result<Vec<String>>;

    /// Sets a `REG_DWORD`.
    ///
    /// # Errors
    ///
    /// When the agent may not.
    fn set_number(&self, key: &str, name: &str, number: u32) -> io::Result<()>;

    /// Removes a value; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// When the agent may not.
    fn remove_value(&self, key: &str, name: &str) -> io::Result<()>;

    /// The paths of the loaded drivers as the kernel tells them, or `None` if this machine cannot tell.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    fn loaded_drivers(&self) -> io::Result<Option<Vec<String>>>;

    /// When the machine was started, as seen from `now`; `None` if unknown.
    fn started_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime>;

    /// Free bytes of the volume that a path is on; `None` if unknown.
    fn free_bytes(&self, windows_path: &str) -> Option<u64>;
}

/// A value of the registry, as far as the agent reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `REG_SZ` or `REG_EXPAND_SZ`, not expanded.
    Text(String),
    /// `REG_DWORD`.
    Number(u32),
    /// `REG_MULTI_SZ`.
    Texts(Vec<String>),
    /// Another type.
    Other,
}

/// A text of the registry, trimmed; `None` if it is empty, absent, of another type or cannot be read.
pub(crate) fn text(machine: &dyn Machine, key: &str, name: &str) -> Option<String> {
    match machine.value(key, name) {
        Ok(Some(Value::Text(text))) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// A number of the registry; `None` if it is absent, of another type or cannot be read.
pub(crate) fn number(machine: &dyn Machine, key: &str, name: &str) -> Option<u32> {
    match machine.value(key, name) {
        Ok(Some(Value::Number(number))) => Some(number),
        _ => None,
    }
}

/// One run of the machine, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Boot {
    /// Windows' own count of starts.
    pub(crate) id: Option<u32>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) started_at: Option<OffsetDateTime>,
}

impl Boot {
    /// The run that the machine is in.
    pub(crate) fn of(machine: &dyn Machine, now: OffsetDateTime) -> Self {
        const KEY: &str =
            r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";
        Self {
            id: number(machine, KEY, "BootId"),
            started_at: machine.started_at(now),
        }
    }

    /// Whether both are one run.
    ///
    /// The start is the wall clock minus the time since, so it moves when the clock is set: five minutes are forgiven,
    /// and Windows' count of starts, where there is one, decides alone.
    pub(crate) fn is_same(self, other: Self) -> bool {
        if let (Some(one), Some(other)) = (self.id, other.id) {
            return one == other;
        }
        match (self.started_at, other.started_at) {
            (Some(one), Some(other)) => (one - other).abs() < Duration::minutes(5),
            (None, None) => true,
            _ => false,
        }
    }
}
