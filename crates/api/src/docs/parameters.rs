//! What parameters may hold, by their names, and which ones an address knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::operation::{self, Operation};

/// Adds bounds and patterns where a handler says no more than a type.
///
/// They tell what is enforced elsewhere: by the list machinery, by the types of `wire` and by `intake`.
pub(super) fn complete(document: &mut Value) {
    operation::for_each(document, |mut operation| {
        let path = operation.path.to_owned();
        for parameter in operation.parameters_mut() {
            let Some(parameter) = parameter.as_object_mut() else {
                continue;
            };
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            let place = parameter.get("in").and_then(Value::as_str).unwrap_or_default();
            let Some(rule) = rule(&path, place, name) else {
                continue;
            };
            if let Value::Object(mut rule) = rule {
                if let Some(description) = rule.remove("description") {
                    parameter.entry("description").or_insert(description);
                }
                if let Some(example) = rule.remove("example") {
                    parameter.entry("example").or_insert(example);
                }
                let schema = parameter.entry("schema").or_insert_with(|| json!({}));
                if let Some(schema) = schema.as_object_mut() {
                    schema.extend(rule);
                }
            }
        }
    });
}

/// A day, or a moment as RFC 3339 has it; or nothing, which is as good as absent.
const MOMENT: &str = r"^$|^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d))?$";

/// A stop code, always hexadecimal.
const STOP_CODE: &str = "^(0[xX])?0*[0-9a-fA-F]{1,8}$";

/// A file name as it may stand in the key of a symbol server.
const SYMBOL_NAME: &str = r"^[!#$&'()+,\-0-9;=@A-Z\[\]^_`a-z{}~]([ !#$&'()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]{0,158}[!#$&'()+,\-0-9;=@A-Z\[\]^_`a-z{}~])?$";

/// A machine's id: something that is neither blank nor has control characters.
const MACHINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// What holds for the parameter `name` in `place` of an operation at `path`.
fn rule(path: &str, place: &str, name: &str) -> Option<Value> {
    let is_symbol_key = path.starts_with("/api/v1/symbols/{name}") || path.contains("{debug_file}");
    Some(match (place, name) {
        (_, "machine") if path.starts_with("/api/v1/crashes") => json!({ "example": "pc-0815" }),
        (_, "machine") => json!({
            "minLength": 1, "maxLength": 200, "pattern": MACHINE, "example": "pc-0815",
            "description": "The machine, by the id that its clients use.",
        }),
        ("query", "limit") => json!({
            "type": "integer", "format": "int64", "minimum": 1, "maximum": u32::MAX, "default": 50,
            "description": "Items on a page; whoever asks for more than 500 gets 500.",
        }),
        ("query", "cursor") => json!({
            "type": "string", "maxLength": 2000, "pattern": "^([0-9a-f]{2})*$",
            "description": "The `next_cursor` of the page before.",
        }),
        ("query", "from" | "to") => json!({ "type": "string", "pattern": MOMENT, "example": "2026-11-22" }),
        ("query", "days") => json!({ "minimum": 1, "maximum": 364, "default": 28 }),
        ("query", "window_days") => json!({ "minimum": 1, "maximum": 366, "default": 91 }),
        ("query", "from_line") => json!({ "minimum": 1, "default": 1 }),
        ("query", "stop_code") => json!({ "pattern": format!("^$|{STOP_CODE}"), "example": "0x76" }),
        ("query", "os_build") => json!({ "pattern": "^$|^0*[0-9]{1,9}$", "example": "22631" }),
        ("query", "state") => json!({ "enum": ["", "queued", "ready", "failed"] }),
        ("path", "code") => json!({
            "pattern": STOP_CODE, "example": "0x76",
            "description": "The stop code in hexadecimal, with or without `0x`.",
        }),
        ("path", "id") if is_symbol_key => json!({
            "pattern": "^[0-9A-Fa-f]{1,72}$",
            "description": "Time stamp and size of an image, or GUID and age of a PDB.",
        }),
        ("path", "name" | "file" | "debug_file") if is_symbol_key => json!({
            "pattern": SYMBOL_NAME, "example": "amdppm.pdb",
            "description": "A file name as symbol servers have it.",
        }),
        ("path", "debug_id_check_status") => json!({
            "pattern": "^[0-9A-Fa-f]{1,72}:checkStatus$", "example": "1C19FDDB27BB3399D9B45973EFEAFCF31:checkStatus",
        }),
        ("path", "sha256") => json!({
            "pattern": "^[0-9A-Fa-f]{64}$",
            "description": "SHA-256 of the plain bytes.",
            "example": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }),
        ("path", "id") => json!({ "example": "0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11" }),
        _ => return None,
    })
}

/// Addresses that crash reporters upload to: they add parameters of their own, which are ignored.
const TOLERANT: [&str; 4] = [
    "/api/v1/dumps",
    "/api/minidump",
    "/submit",
    "/api/{project}/minidump/",
];

/// The query parameters that each address knows.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<(String, String), BTreeSet<String>>);

impl Known {
    /// What a completed document says.
    pub(crate) fn of(mut document: Value) -> Known {
        let mut known = BTreeMap::new();
        operation::for_each(&mut document, |operation| {
            if !TOLERANT.contains(&operation.path) && operation.path.starts_with("/api/") {
                let place = (operation.path.to_owned(), operation.method.to_uppercase());
                known.insert(place, in_query(&operation));
            }
        });
        Known(known)
    }

    /// The parameters of an address, if it knows all that it takes.
    pub(crate) fn find(&self, path: &str, method: &str) -> Option<&BTreeSet<String>> {
        let method = if method == "HEAD" && !self.has(path, method) {
            "GET"
        } else {
            method
        };
        self.0.get(&(path.to_owned(), method.to_owned()))
    }

    fn has(&self, path: &str, method: &str) -> bool {
        self.0.contains_key(&(path.to_owned(), method.to_owned()))
    }
}

fn in_query(operation: &Operation<'_>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = operation
        .parameters()
        .filter(|parameter| parameter.get("in") == Some(&json!("query")))
        .filter_map(|parameter| parameter.get("name")?.as_str().map(str::to_owned))
        .collect();
    let ways = operation.object.get("security").and_then(Value::as_array);
    if ways.into_iter().flatten().any(|way| way.get("key").is_some()) {
        names.extend(["key".to_owned(), "sentry_key".to_owned()]);
    }
    names
}
