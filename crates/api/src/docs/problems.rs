//! The failures that any request can end in.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::operation::{self, Operation};
use super::{add_components, object};
use crate::problem_types::{self as types, ProblemType};

/// The media type of problems.
const PROBLEM_JSON: &str = "application/problem+json";

/// What a status is called among the components, and what it means in general.
const STATUSES: [(u16, &str, &str); 11] = [
    (400, "BadRequest", "The request cannot be used"),
    (401, "Unauthorized", "No token, or none that is valid"),
    (403, "Forbidden", "The token may not do this"),
    (404, "NotFound", "There is no such thing"),
    (408, "RequestTimeout", "The body came too slowly"),
    (409, "Conflict", "The request does not fit the state of things"),
    (413, "TooLarge", "The body is too large"),
    (
        415,
        "UnsupportedMediaType",
        "The body is of a type or encoding that is not taken",
    ),
    (
        429,
        "TooManyRequests",
        "Too much at this moment; `Retry-After` says when to go on",
    ),
    (500, "Internal", "The server is at fault"),
    (
        503,
        "Unavailable",
        "Not at this moment; `Retry-After` says when to try again, if that is known",
    ),
];

/// Adds to each operation the problems that it can end in, and makes those it tells itself problems in form.
pub(super) fn complete(document: &mut Value) {
    let responses = STATUSES.map(|(status, name, meaning)| (name.to_owned(), response(status, meaning)));
    add_components(document, "responses", responses);
    name_types(document);
    operation::for_each(document, |operation| {
        let is_head = operation.method == "head";
        let missing = statuses(&operation);
        let mut operation = operation;
        let Some(responses) = operation.responses() else {
            return;
        };
        for (status, name, meaning) in STATUSES {
            let key = status.to_string();
            if let Some(told) = responses.get_mut(&key) {
                complete_told(told, status, meaning, is_head);
            } else if missing.contains(&status) {
                let shared = if is_head {
                    json!({ "description": meaning })
                } else {
                    json!({ "$ref": format!("#/components/responses/{name}") })
                };
                responses.insert(key, shared);
            }
        }
    });
}

/// The statuses of the failures that it has in common with others.
fn statuses(operation: &Operation<'_>) -> Vec<u16> {
    let mut statuses = Vec::new();
    if !operation.is_open() {
        statuses.extend([400, 401, 403, 429]);
    }
    // The one that only says that the process is alive cannot fail.
    if operation.path != "/healthz" {
        statuses.extend([500, 503]);
    }
    if let Some(body) = operation.object.get("requestBody") {
        statuses.extend([413, 415]);
        if body.pointer("/content/application~1json").is_none() {
            statuses.push(408);
        }
    }
    statuses
}

/// Keeps what a handler said of a failure, and adds the body and headers of problems.
fn complete_told(told: &mut Value, status: u16, meaning: &str, is_head: bool) {
    let Value::Object(general) = response(status, meaning) else {
        return;
    };
    let Some(told) = told.as_object_mut() else {
        return;
    };
    for (name, value) in general {
        if is_head && name == "content" {
            continue;
        }
        if name == "description" && told.contains_key("description") {
            continue;
        }
        told.insert(name, value);
    }
}

/// A failure of this status, with an example of each kind.
fn response(status: u16, meaning: &str) -> Value {
    let kinds = types::ALL.iter().filter(|kind| kind.status.as_u16() == status);
    let examples: Map<String, Value> = kinds
        .map(|kind| {
            (
                kind.word.to_owned(),
                json!({ "summary": kind.meaning, "value": example(kind) }),
            )
        })
        .collect();
    json!({
        "description": meaning,
        "content": { PROBLEM_JSON: {
            "schema": { "$ref": "#/components/schemas/Problem" },
            "examples": examples,
        } },
    })
}

fn example(kind: &ProblemType) -> Value {
    json!({
        "type": kind.word,
        "title": kind.title,
        "status": kind.status.as_u16(),
        "detail": kind.example,
        "request_id": "0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11",
    })
}

/// Says in the schema of problems which words there are.
fn name_types(document: &mut Value) {
    let words: Vec<&str> = types::ALL
        .iter()
        .map(|kind| kind.word)
        .chain(["about:blank"])
        .collect();
    let schema = json!({
        "type": "string",
        "enum": words,
        "description": format!("What kind of problem it is. The words stay; more may come.\n\n{}", table()),
    });
    add_components(document, "schemas", [("ProblemType".to_owned(), schema)]);
    let problem = document.pointer_mut("/components/schemas/Problem");
    if let Some(properties) = problem.and_then(|problem| object(problem, "properties")) {
        properties.insert(
            "type".to_owned(),
            json!({ "$ref": "#/components/schemas/ProblemType" }),
        );
    }
}

/// All kinds as a table in Markdown.
pub(super) fn table() -> String {
    let mut table = String::from("| `type` | status | meaning |\n|---|---|---|\n");
    for kind in types::ALL {
        let _infallible = writeln!(
            table,
            "| `{}` | {} | {} |",
            kind.word,
            kind.status.as_u16(),
            kind.meaning
        );
    }
    table
}
