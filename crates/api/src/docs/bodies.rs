//! What bodies are, where types alone do not say it: bytes, and numbers without a sign.

use serde_json::{Map, Value, json};

use super::operation;

/// Media types whose bodies are bytes.
const BYTES: [&str; 2] = ["application/octet-stream", "application/zip"];

/// What an answer is that its handler says nothing of.
const ANSWERS: [(&str, &str); 4] = [
    ("200", "What was asked for"),
    ("201", "It was made"),
    ("202", "It will be done"),
    ("204", "It is done; there is nothing to show"),
];

/// Describes bytes as such, gives each answer a description and each unsigned number its bounds.
pub(super) fn complete(document: &mut Value) {
    operation::for_each(document, |operation| {
        if let Some(body) = operation.object.get_mut("requestBody") {
            describe_bytes(body);
        }
        let responses = operation
            .object
            .get_mut("responses")
            .and_then(Value::as_object_mut);
        for (status, response) in responses.into_iter().flatten() {
            describe_bytes(response);
            let told = ANSWERS.iter().find(|(of, _)| of == status);
            if let (Some((_, text)), Some(response)) = (told, response.as_object_mut()) {
                response.entry("description").or_insert_with(|| json!(text));
            }
        }
    });
    bound(document);
}

fn describe_bytes(owner: &mut Value) {
    let content = owner.get_mut("content").and_then(Value::as_object_mut);
    for (kind, content) in content.into_iter().flatten() {
        if BYTES.contains(&kind.as_str())
            && let Some(content) = content.as_object_mut()
        {
            content.insert(
                "schema".to_owned(),
                json!({ "type": "string", "format": "binary" }),
            );
        }
    }
}

/// An unsigned number of 32 bits does not fit the format `int32` that it is given: it becomes a bounded `int64`.
fn bound(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if is_unsigned(fields) {
                fields.insert("format".to_owned(), json!("int64"));
                fields.entry("maximum").or_insert(json!(u32::MAX));
            }
            fields.values_mut().for_each(bound);
        }
        Value::Array(items) => items.iter_mut().for_each(bound),
        _ => {}
    }
}

fn is_unsigned(fields: &Map<String, Value>) -> bool {
    fields.get("format") == Some(&json!("int32"))
        && fields
            .get("minimum")
            .is_some_and(|least| least.as_u64().is_some())
}
