//! The OpenAPI document: its frame, and what every address has in common.
//!
//! The paths come from the handlers, which say what is theirs alone: what they take, what they answer when all goes
//! well, and which failures are special to them. The rest is written here, by rules that hold for every operation, so
//! that a handler can neither forget it nor say it differently.
//!
//! | Module | What it adds |
//! |---|---|
//! | `operation` | a name for each operation that no other one has |
//! | `security` | the ways to show a token, and what each scope is for |
//! | `parameters` | bounds and patterns of parameters, by their names |
//! | `bodies` | bytes, and the bounds of unsigned numbers |
//! | `problems` | the failures that any request can end in, as RFC 9457 problems |
//! | `headers` | `X-Request-Id`, `ETag`, `Link`, `RateLimit`, `Retry-After` |
//! | `tables` | the addresses ending in `.csv` |
//! | `examples` | an example of each request and answer |

mod bodies;
mod examples;
mod headers;
mod operation;
mod parameters;
mod problems;
mod security;
mod tables;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

pub(crate) use parameters::Known;

/// Title and tags.
#[derive(OpenApi)]
#[openapi(
    info(title = "Stopcode", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    servers((url = "/", description = "This server")),
    tags(
        (name = "sending", description = "Dumps, inventories, presence, events, history"),
        (name = "dumps", description = "Uploaded dumps and where they stand"),
        (name = "crashes", description = "What dumps and events told"),
        (name = "stop codes", description = "Stop codes across the fleet, and their suspects"),
        (name = "drivers", description = "Drivers and their versions"),
        (name = "models", description = "Hardware models and how they fare"),
        (name = "machines", description = "Machines and their timelines"),
        (name = "agents", description = "How agents join, what they tell daily, what they are asked to do"),
        (name = "experiments", description = "Locked pages tracked on a few machines, until Windows names the driver"),
        (name = "symbols", description = "Symbol files: what the server has, and what would help most"),
        (name = "tokens", description = "Access tokens"),
        (name = "alerts", description = "Webhooks, and what they are told"),
        (name = "operation", description = "Health and figures"),
    )
)]
pub(crate) struct Document;

/// What the document says before its first path.
const INTRODUCTION: &str = include_str!("introduction.md");

/// The document of these operations, with all that they have in common.
pub(crate) fn complete(operations: &utoipa::openapi::OpenApi) -> Value {
    // What derives from types always serialises.
    let mut document = serde_json::to_value(operations).unwrap_or_default();
    tables::add(&mut document);
    operation::name_all(&mut document);
    security::complete(&mut document);
    bodies::complete(&mut document);
    parameters::complete(&mut document);
    problems::complete(&mut document);
    headers::complete(&mut document);
    examples::complete(&mut document);
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        let text = format!("{INTRODUCTION}\n{}", problems::table());
        info.insert("description".to_owned(), json!(text));
    }
    document
}

/// The object at `pointer`'s last name, made if it is not there.
fn object<'a>(parent: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    parent
        .as_object_mut()?
        .entry(name)
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

/// Puts `parts` into a group of the document's components.
fn add_components(document: &mut Value, group: &str, parts: impl IntoIterator<Item = (String, Value)>) {
    if let Some(components) = object(document, "components")
        && let Some(group) = components
            .entry(group)
            .or_insert_with(|| json!({}))
            .as_object_mut()
    {
        group.extend(parts);
    }
}
