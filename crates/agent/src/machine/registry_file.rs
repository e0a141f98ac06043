//! Reads a registry export (`.reg`), as `regedit` and `reg export` write it, in UTF-16 or UTF-8.
//!
//! ```text
//! Windows Registry Editor Version 5.00
//!
//! [HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\CrashControl]
//! "CrashDumpEnabled"=dword:00000007
//! "MinidumpDir"=hex(2):25,00,53,00,…,\
//!   00,00
//! "OldValue"=-
//! ```
//!
//! Later lines win over earlier ones, `=-` removes, so a file that is only appended to is a registry one can write.
//! Hives themselves (`SYSTEM`, `SOFTWARE`) are not read: of the readers there are, `nt-hive` is under the GPL and
//! `notatin` brings more than this whole agent. Lines that are not understood are skipped.

use std::collections::BTreeMap;

use super::Value;

/// A part of `HKEY_LOCAL_MACHINE`. Names are compared without regard to case.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry {
    keys: BTreeMap<String, Key>,
}

#[derive(Debug, Clone, Default)]
struct Key {
    /// As it was written.
    path: String,
    values: BTreeMap<String, Value>,
}

impl Registry {
    /// Reads one more export into this registry.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let text = decode(bytes);
        let mut key = None;
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if let Some(path) = line.strip_prefix('[') {
                key = below_local_machine(path.trim_end_matches(']'));
                if let Some(path) = key {
                    self.enter(path);
                }
                continue;
            }
            let mut line = line.to_owned();
            while line.ends_with('\\') && line.contains("hex") {
                line.pop();
                line.push_str(lines.next().unwrap_or_default());
            }
            if let (Some(path), Some((name, data))) = (key, split(&line)) {
                self.put(path, &name, data);
            }
        }
    }

    /// A value, or `None`.
    pub(super) fn value(&self, key: &str, name: &str) -> Option<&Value> {
        let key = self.keys.get(&fold(key))?;
        key.values.get(&fold(name))
    }

    /// The names of the keys right below a key.
    pub(super) fn subkeys(&self, key: &str) -> Vec<String> {
        let prefix = fold(key) + "\\";
        let below = self.keys.range(prefix.clone()..);
        let below = below.take_while(|(folded, _)| folded.starts_with(&prefix));
        let mut names: Vec<String> = below
            .filter_map(|(_, key)| {
                key.path
                    .get(prefix.len()..)?
                    .split('\\')
                    .next()
                    .map(str::to_owned)
            })
            .collect();
        names.dedup_by_key(|name| fold(name));
        names
    }

    fn enter(&mut self, path: &str) {
        self.keys.entry(fold(path)).or_insert_with(|| Key {
            path: path.to_owned(),
            values: BTreeMap::new(),
        });
    }

    fn put(&mut self, path: &str, name: &str, data: &str) {
        let Some(key) = self.keys.get_mut(&fold(path)) else {
            return;
        };
        if data == "-" {
            key.values.remove(&fold(name));
        } else {
            key.values.insert(fold(name), value(data));
        }
    }
}

/// The line that sets a `REG_DWORD`, under its key; `None` as number removes the value.
pub(super) fn change(key: &str, name: &str, number: Option<u32>) -> String {
    let data = number.map_or("-".to_owned(), |number| format!("dword:{number:08x}"));
    format!("\r\n[HKEY_LOCAL_MACHINE\\{key}]\r\n\"{name}\"={data}\r\n")
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn decode(bytes: &[u8]) -> String {
    match bytes.strip_prefix(&[0xFF, 0xFE]) {
        Some(wide) => utf16(wide),
        None => String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)).into_owned(),
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_le_bytes(*unit))
        .collect();
    String::from_utf16_lossy(&units)
}

fn below_local_machine(path: &str) -> Option<&str> {
    let (hive, path) = path.split_once('\\')?;
    (hive.eq_ignore_ascii_case("HKEY_LOCAL_MACHINE") || hive.eq_ignore_ascii_case("HKLM")).then_some(path)
}

/// `"Name"=data` as its two parts; the default value `@` has the empty name.
fn split(line: &str) -> Option<(String, &str)> {
    if let Some(data) = line.strip_prefix("@=") {
        return Some((String::new(), data));
    }
    let (name, rest) = quoted(line)?;
    Some((name, rest.strip_prefix('=')?))
}

/// The text in quotes that a line begins with, and what follows it.
fn quoted(line: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = line.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, line.get(at + 2..)?)),
            '\\' => text.push(characters.next()?.1),
            other => text.push(other),
        }
    }
    None
}

fn value(data: &str) -> Value {
    if let Some(digits) = data.strip_prefix("dword:") {
        return u32::from_str_radix(digits.trim(), 16).map_or(Value::Other, Value::Number);
    }
    if let Some((text, _)) = quoted(data) {
        return Value::Text(text);
    }
    if let Some(digits) = data.strip_prefix("hex(2):") {
        return Value::Text(utf16(&hex(digits)).trim_end_matches('\0').to_owned());
    }
    if let Some(digits) = data.strip_prefix("hex(7):") {
        let text = utf16(&hex(digits));
        let texts = text.split('\0').filter(|text| !text.is_empty());
        return Value::Texts(texts.map(str::to_owned).collect());
    }
    Value::Other
}

fn hex(digits: &str) -> Vec<u8> {
    digits
        .split(',')
        .filter_map(|digits| u8::from_str_radix(digits.trim(), 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Registry, Value, change};

    const EXPORT: &str = r#"Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\acme]
"ImagePath"=hex(2):5c,00,53,00,79,00,73,00,\
  2e,00,73,00,79,00,73,00,00,00
"Start"=dword:00000003
"Owners"=hex(7):6f,00,65,00,6d,00,37,00,2e,00,69,00,6e,00,66,00,00,00,00,00
"DisplayName"="Acme \"capture\" C:\\x"

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\acme\Parameters]
[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\disk]
[HKEY_CURRENT_USER\Software]
"Mine"=dword:00000001
garbage
"#;

    fn registry(bytes: &[u8]) -> Registry {
        let mut registry = Registry::default();
        registry.read(bytes);
        registry
    }

    #[test]
    fn every_kind_of_value_is_read_whatever_the_encoding() {
        let wide: Vec<u8> = [0xFEFF]
            .into_iter()
            .chain(EXPORT.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        for registry in [registry(EXPORT.as_bytes()), registry(&wide)] {
            let value = |name| {
                registry
                    .value(r"system\currentcontrolset\services\ACME", name)
                    .cloned()
            };
            assert_eq!(value("imagepath"), Some(Value::Text(r"\Sys.sys".to_owned())));
            assert_eq!(value("Start"), Some(Value::Number(3)));
            assert_eq!(value("Owners"), Some(Value::Texts(vec!["oem7.inf".to_owned()])));
            assert_eq!(
                value("DisplayName"),
                Some(Value::Text(r#"Acme "capture" C:\x"#.to_owned()))
            );
            assert_eq!(registry.value("Software", "Mine"), None);
        }
    }

    #[test]
    fn the_keys_below_a_key_are_named_once() {
        let registry = registry(EXPORT.as_bytes());
        assert_eq!(
            registry.subkeys(r"SYSTEM\CurrentControlSet\Services"),
            ["acme", "disk"]
        );
        assert!(registry.subkeys("SOFTWARE").is_empty());
    }

    #[test]
    fn an_appended_change_wins_and_a_removal_removes() {
        let mut registry = registry(EXPORT.as_bytes());
        registry.read(change("SYSTEM\\X", "Flag", Some(1)).as_bytes());
        assert_eq!(registry.value("SYSTEM\\X", "Flag"), Some(&Value::Number(1)));
        registry.read(change("SYSTEM\\X", "Flag", None).as_bytes());
        assert_eq!(registry.value("SYSTEM\\X", "Flag"), None);
    }

    #[test]
    fn an_export_that_ends_in_a_continued_line_does_not_hang() {
        let registry = registry(b"[HKLM\\a]\n\"b\"=hex(2):41,\\");
        assert!(registry.value("a", "b").is_some());
    }
}
