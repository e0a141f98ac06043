//! Symbol files: the keys that symbol servers use, what the server has, and what it misses.
//!
//! ```text
//! ntoskrnl.exe/0D8333E61046000/ntoskrnl.exe                        image: TimeDateStamp, SizeOfImage
//! amdppm.pdb/1C19FDDB27BB3399D9B45973EFEAFCF31/amdppm.pdb          debug: GUID, age of the DBI stream
//! ```
//!
//! A key is [parsed](SymbolKey::new) before it is used anywhere: its name came out of a dump or a request and becomes
//! part of a path or an address.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StopCodeNumber;

/// The longest name of a symbol file, in bytes.
pub const MAX_NAME_BYTES: usize = 160;

/// The longest id, in digits: a build id of 32 bytes and an age.
const MAX_ID_DIGITS: usize = 72;

/// What a key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SymbolKind {
    /// A program, library or driver: what its stack frames look like.
    Image,
    /// Its PDB or Breakpad file: names and lines.
    Debug,
}

impl SymbolKind {
    /// Its name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolKind::Image => "image",
            SymbolKind::Debug => "debug",
        }
    }
}

/// The name and id of a symbol file. Two keys that differ only in upper and lower case are the same one.
///
/// ```
/// use wire::symbols::SymbolKey;
///
/// let key: SymbolKey = "NTOSKRNL.exe/0d8333e61046000".parse().unwrap();
/// assert_eq!(key, SymbolKey::image("ntoskrnl.exe", 0x0d83_33e6, 0x104_6000).unwrap());
/// assert!("../0d8333e61046000".parse::<SymbolKey>().is_err());
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SymbolKey {
    name: String,
    id: String,
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadKey {
    /// It is not a name, a slash and an id.
    Shape,
    /// The name is empty, too long, or has characters that are not for file names.
    Name,
    /// The id is empty, too long, or not hexadecimal.
    Id,
}

impl fmt::Display for BadKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            BadKey::Shape => "a symbol key is a file name, a slash and an id",
            BadKey::Name => {
                "the file name of a symbol key is empty, too long, or has characters not for file names"
            }
            BadKey::Id => "the id of a symbol key is not a hexadecimal number of at most 72 digits",
        })
    }
}

impl std::error::Error for BadKey {}

impl SymbolKey {
    /// The key of a name and an id.
    ///
    /// # Errors
    ///
    /// [`BadKey`]: a name is 1 to 160 printable ASCII characters without `/ \ : * ? " < > | %` and does not begin with a dot
    /// or end with a dot or a space; an id is 1 to 72 hexadecimal digits.
    pub fn new(name: &str, id: &str) -> Result<SymbolKey, BadKey> {
        let is_fit = |byte: u8| (b' '..=b'~').contains(&byte) && !br#"/\:*?"<>|%"#.contains(&byte);
        let is_name = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name.bytes().all(is_fit)
            && !name.starts_with(['.', ' '])
            && !name.ends_with(['.', ' ']);
        if !is_name {
            return Err(BadKey::Name);
        }
        let is_id =
            (1..=MAX_ID_DIGITS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            return Err(BadKey::Id);
        }
        Ok(SymbolKey {
            name: name.to_owned(),
            id: id.to_owned(),
        })
    }

    /// The key of an image; `None` when the stamp is 0, which means absent, or the name is not one for files.
    pub fn image(base_name: &str, time_date_stamp: u32, size_of_image: u32) -> Option<SymbolKey> {
        if time_date_stamp == 0 {
            return None;
        }
        SymbolKey::new(base_name, &format!("{time_date_stamp:08X}{size_of_image:x}")).ok()
    }

    /// The key of a PDB or Breakpad file, from the GUID as 32 digits and the age; `None` when the name is not one for
    /// files.
    pub fn debug(base_name: &str, guid: u128, age: u32) -> Option<SymbolKey> {
        SymbolKey::new(base_name, &format!("{guid:032X}{age:x}")).ok()
    }

    /// The file name, as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id, as it was given.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key in lower case, `amdppm.sys/c9c030003b000`: by which keys are compared and stored.
    pub fn canonical(&self) -> String {
        format!("{}/{}", self.name, self.id).to_ascii_lowercase()
    }

    /// Where a symbol server has the file: `amdppm.sys/C9C030003b000/amdppm.sys`.
    pub fn path(&self) -> String {
        format!("{0}/{1}/{0}", self.name, self.id)
    }
}

impl PartialEq for SymbolKey {
    fn eq(&self, other: &SymbolKey) -> bool {
        self.name.eq_ignore_ascii_case(&other.name) && self.id.eq_ignore_ascii_case(&other.id)
    }
}

impl Eq for SymbolKey {}

impl std::hash::Hash for SymbolKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

/// As it was given, `NAME/ID`.
impl fmt::Display for SymbolKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.name, self.id)
    }
}

/// From `NAME/ID` or `NAME/ID/FILE`.
impl FromStr for SymbolKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<SymbolKey, BadKey> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(id), _, None) => SymbolKey::new(name, id),
            _ => Err(BadKey::Shape),
        }
    }
}

impl TryFrom<String> for SymbolKey {
    type Error = BadKey;

    fn try_from(text: String) -> Result<SymbolKey, BadKey> {
        text.parse()
    }
}

impl From<SymbolKey> for String {
    fn from(key: SymbolKey) -> String {
        key.to_string()
    }
}

/// Where an uploaded symbol file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SymbolState {
    /// Stored, waiting to be read.
    Queued,
    /// In use.
    Ready,
    /// It could not be read, or is not what its key says.
    Failed,
}

impl SymbolState {
    /// The name as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolState::Queued => "queued",
            SymbolState::Ready => "ready",
            SymbolState::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<SymbolState> {
        [SymbolState::Queued, SymbolState::Ready, SymbolState::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// An uploaded symbol file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SymbolFile {
    /// Its id. Other bytes under the same key get another.
    pub id: Uuid,
    /// What it is.
    pub kind: SymbolKind,
    /// Where a symbol server has it, e.g. `amdppm.sys/C9C030003b000/amdppm.sys`.
    pub key: String,
    /// The name it was sent under, e.g. `amdppm.sy_`.
    pub file_name: String,
    /// SHA-256 of the bytes, 64 hex digits.
    pub sha256: String,
    /// Size.
    pub size_bytes: u64,
    /// Where it stands.
    pub state: SymbolState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Of an image: the debug file that it names, as name and id in lower case.
    pub debug_key: Option<String>,
    /// When it was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub uploaded_at: OffsetDateTime,
}

/// One symbol file of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadedSymbol {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: SymbolKind,
    /// Where a symbol server has it.
    pub key: String,
    /// The name it was sent under.
    pub file_name: String,
    /// SHA-256 of the bytes, 64 hex digits.
    pub sha256: String,
    /// Size.
    pub size_bytes: u64,
    /// Whether the server had these bytes under this key already.
    pub duplicate: bool,
}

/// What an archive of symbol files is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadedSymbols {
    /// The files that were taken, in the archive's order.
    pub files: Vec<UploadedSymbol>,
    /// Those that were not, and why.
    pub refused: Vec<RefusedSymbol>,
}

/// A member of an archive that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedSymbol {
    /// Its path in the archive.
    pub path: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// A symbol file that crashes miss, and what it would help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MissingSymbolFile {
    /// File name.
    pub name: String,
    /// Where a symbol server has it: put this behind the server's address to fetch it.
    pub key: String,
    /// What it probably is.
    pub kind: SymbolKind,
    /// Crashes in the window whose stack it would make better.
    pub crashes: u64,
    /// Machines those are of.
    pub machines: u64,
    /// The same whenever they were.
    pub crashes_ever: u64,
    /// Machines those are of.
    pub machines_ever: u64,
    /// The stop codes it would help most, at most three.
    pub stop_codes: Vec<HelpedStopCode>,
    /// Where a file stands that was uploaded for it: not read yet, or failed.
    pub uploaded: Option<SymbolState>,
}

/// A stop code that a missing file would help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HelpedStopCode {
    /// The code.
    pub code: StopCodeNumber,
    /// Its crashes that miss the file, whenever they were.
    pub crashes: u64,
}

/// The rules by which crashes are grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignatureRules {
    /// Counts the changes; 0 for the built-in rules.
    pub version: u32,
    /// The rules; `null` for the built-in ones.
    pub rules: Option<serde_json::Value>,
    /// When they were changed last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub changed_at: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_an_upper_case_stamp_and_a_lower_case_size() {
        let key = SymbolKey::image("ntoskrnl.exe", 0x0d83_33e6, 0x104_6000).unwrap();
        assert_eq!(key.path(), "ntoskrnl.exe/0D8333E61046000/ntoskrnl.exe");
        assert_eq!(SymbolKey::image("cdd.dll", 0, 0x1000), None);
        let key = SymbolKey::debug("amdppm.pdb", 0x1c19_fddb_27bb_3399_d9b4_5973_efea_fcf3, 0x1a).unwrap();
        assert_eq!(key.id(), "1C19FDDB27BB3399D9B45973EFEAFCF31a");
        assert_eq!(key.canonical(), "amdppm.pdb/1c19fddb27bb3399d9b45973efeafcf31a");
    }

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            r"a\b",
            "C:x",
            "a\0",
            "ä.sys",
            "%2e%2e",
            "a?",
            "x ",
            "x.",
            ".x",
            &"a".repeat(161),
        ] {
            assert_eq!(SymbolKey::new(name, "1"), Err(BadKey::Name), "{name:?}");
        }
        for id in ["", "..", "1g", &"1".repeat(73)] {
            assert_eq!(SymbolKey::new("a.sys", id), Err(BadKey::Id), "{id:?}");
        }
        assert_eq!("a.sys".parse::<SymbolKey>(), Err(BadKey::Shape));
        assert_eq!("a.sys/1/a.sys/..".parse::<SymbolKey>(), Err(BadKey::Shape));
    }

    #[test]
    fn keys_do_not_differ_by_case() {
        let key: SymbolKey = serde_json::from_str("\"A.SYS/ABC\"").unwrap();
        assert_eq!(key, SymbolKey::new("a.sys", "abc").unwrap());
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"A.SYS/ABC\"");
    }
}
