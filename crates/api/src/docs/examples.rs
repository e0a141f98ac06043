//! An example of each request and each answer, by the name of its schema.

use serde_json::{Map, Value, json};

use super::operation;

/// Examples by the names of schemas.
const EXAMPLES: &str = include_str!("examples.json");

/// Adds them to requests and answers in JSON.
pub(super) fn complete(document: &mut Value) {
    let examples = all();
    operation::for_each(document, |operation| {
        let body = operation.object.get_mut("requestBody");
        add(body, &examples);
        let responses = operation
            .object
            .get_mut("responses")
            .and_then(Value::as_object_mut);
        for (_, response) in responses.into_iter().flatten() {
            add(Some(response), &examples);
        }
    });
}

/// All examples.
fn all() -> Map<String, Value> {
    // That it can be read is tested.
    serde_json::from_str(EXAMPLES).unwrap_or_default()
}

/// Adds the example to a request or an answer whose schema has one.
fn add(owner: Option<&mut Value>, examples: &Map<String, Value>) {
    let content = owner
        .and_then(|owner| owner.get_mut("content"))
        .and_then(Value::as_object_mut);
    for (_, content) in content.into_iter().flatten() {
        let Some(content) = content.as_object_mut() else {
            continue;
        };
        if let Some(example) = content
            .get("schema")
            .and_then(|schema| of_schema(schema, examples))
            && !content.contains_key("examples")
        {
            content.entry("example").or_insert(example);
        }
    }
}

/// The example of a schema that is a name, or a list of one.
fn of_schema(schema: &Value, examples: &Map<String, Value>) -> Option<Value> {
    if let Some(items) = schema.get("items") {
        return Some(json!([of_schema(items, examples)?]));
    }
    let name = schema.get("$ref")?.as_str()?.rsplit('/').next()?;
    example(name, examples)
}

/// The example of a named schema; that of a page is one of its items.
fn example(name: &str, examples: &Map<String, Value>) -> Option<Value> {
    if let Some(item) = name.strip_prefix("Page_") {
        let item = examples.get(item)?;
        return Some(json!({ "items": [item], "next_cursor": null }));
    }
    examples.get(name).cloned()
}
