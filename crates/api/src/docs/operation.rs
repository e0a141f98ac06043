//! The operations of the document, one by one, and their names.

use serde_json::{Map, Value, json};

/// The methods that a path can have operations for.
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "head"];

/// One operation.
pub(super) struct Operation<'a> {
    /// Its path, as in the document.
    pub(super) path: &'a str,
    /// Its method, lower case.
    pub(super) method: &'a str,
    /// What the document says of it.
    pub(super) object: &'a mut Map<String, Value>,
}

impl Operation<'_> {
    /// Whether nothing at all has to be shown to call it.
    pub(super) fn is_open(&self) -> bool {
        let security = self.object.get("security").and_then(Value::as_array);
        security.is_none_or(Vec::is_empty)
    }

    /// Its parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &Value> {
        let parameters = self.object.get("parameters").and_then(Value::as_array);
        parameters.into_iter().flatten()
    }

    /// Its parameters, to be changed.
    pub(super) fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let parameters = self.object.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten()
    }

    /// Whether it has a parameter of this name.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.parameters()
            .any(|parameter| parameter.get("name") == Some(&json!(name)))
    }

    /// Its answers by status.
    pub(super) fn responses(&mut self) -> Option<&mut Map<String, Value>> {
        self.object.get_mut("responses").and_then(Value::as_object_mut)
    }
}

/// Calls `change` with each operation.
pub(super) fn for_each(document: &mut Value, mut change: impl FnMut(Operation<'_>)) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        for method in METHODS {
            if let Some(object) = item.get_mut(method).and_then(Value::as_object_mut) {
                change(Operation { path, method, object });
            }
        }
    }
}

/// Gives each operation a name that no other one has: clients are made with functions of these names.
///
/// Handlers are called `list` and `get`, each in a module of its own, and modules are not in the document: such a bare
/// verb gets the path's nouns behind it.
pub(super) fn name_all(document: &mut Value) {
    for_each(document, |operation| {
        let name = operation.object.get("operationId").and_then(Value::as_str);
        let name = name.unwrap_or(operation.method);
        if !name.contains('_') {
            let name = full_name(name, operation.path);
            operation.object.insert("operationId".to_owned(), json!(name));
        }
    });
}

/// `get` and `/api/v1/stop-codes/{code}/suspects` make `get_stop_code_suspects`.
fn full_name(verb: &str, path: &str) -> String {
    let (path, suffix) = match path.strip_suffix(".csv") {
        Some(path) => (path, "_as_csv"),
        None => (path, ""),
    };
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let mut name = verb.to_owned();
    for (place, segment) in segments.iter().enumerate() {
        if segment.starts_with('{') || *segment == verb {
            continue;
        }
        let noun = segment.replace(['-', ':'], "_");
        let is_of_one = segments.get(place + 1).is_some_and(|next| next.starts_with('{'));
        name.push('_');
        name.push_str(if is_of_one { singular(&noun) } else { &noun });
    }
    name.push_str(suffix);
    name
}

fn singular(noun: &str) -> &str {
    noun.strip_suffix("es")
        .filter(|stem| stem.ends_with("sh"))
        .or_else(|| noun.strip_suffix('s'))
        .unwrap_or(noun)
}

#[cfg(test)]
mod tests {
    use super::full_name;

    #[test]
    fn a_bare_verb_gets_the_nouns_of_its_path() {
        for (verb, path, name) in [
            ("list", "/api/v1/crashes", "list_crashes"),
            ("get", "/api/v1/crashes/{id}", "get_crash"),
            (
                "get",
                "/api/v1/stop-codes/{code}/suspects",
                "get_stop_code_suspects",
            ),
            ("raw", "/api/v1/dumps/{id}/raw", "raw_dump"),
            ("list", "/api/v1/drivers.csv", "list_drivers_as_csv"),
            ("get", "/api/v1/drivers/{name}.csv", "get_driver_as_csv"),
        ] {
            assert_eq!(full_name(verb, path), name);
        }
    }
}
