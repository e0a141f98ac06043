//! The headers of answers.

use serde_json::{Map, Value, json};

use super::operation::{self, Operation};
use super::{add_components, object};

/// A name among the components, and the header that it describes.
const REQUEST_ID: (&str, &str) = ("RequestId", "X-Request-Id");
const ETAG: (&str, &str) = ("ETag", "ETag");
const LINK: (&str, &str) = ("Link", "Link");
const LIMIT: (&str, &str) = ("RateLimit", "RateLimit");
const POLICY: (&str, &str) = ("RateLimitPolicy", "RateLimit-Policy");
const RETRY_AFTER: (&str, &str) = ("RetryAfter", "Retry-After");
const CHALLENGE: (&str, &str) = ("Challenge", "WWW-Authenticate");

/// Describes the headers and says which answers have them.
pub(super) fn complete(document: &mut Value) {
    let headers = described().map(|((name, _), header)| (name.to_owned(), header));
    add_components(document, "headers", headers);
    let responses = document
        .pointer_mut("/components/responses")
        .and_then(Value::as_object_mut);
    for (name, response) in responses.into_iter().flatten() {
        add(response, &of_problem(name));
    }
    operation::for_each(document, |mut operation| {
        let has_pages = operation.has_parameter("cursor");
        let is_limited = !operation.is_open();
        let validates = add_not_modified(&mut operation);
        for (status, response) in operation.responses().into_iter().flatten() {
            if response.get("$ref").is_some() {
                continue;
            }
            let mut headers = vec![REQUEST_ID];
            if is_limited && status != "401" {
                headers.extend([LIMIT, POLICY]);
            }
            match status.as_str() {
                "200" if validates => headers.push(ETAG),
                "304" => headers.push(ETAG),
                "401" => headers.push(CHALLENGE),
                "429" | "503" => headers.push(RETRY_AFTER),
                _ => {}
            }
            if status == "200" && has_pages {
                headers.push(LINK);
            }
            add(response, &headers);
        }
    });
}

/// Adds 304 to what is read and can be validated; whether it can.
fn add_not_modified(operation: &mut Operation<'_>) -> bool {
    let is_read = operation.method == "get" && !operation.is_open();
    let Some(responses) = operation.responses() else {
        return false;
    };
    let content = responses.get("200").and_then(|response| response.get("content"));
    let is_validated = is_read
        && content.and_then(Value::as_object).is_some_and(|content| {
            content.contains_key("application/json") || content.contains_key("text/csv")
        });
    if is_validated {
        let answer = json!({ "description": "Nothing changed since the answer whose `ETag` was sent as `If-None-Match`" });
        responses.insert("304".to_owned(), answer);
    }
    is_validated
}

/// The headers of a shared answer.
fn of_problem(name: &str) -> Vec<(&'static str, &'static str)> {
    match name {
        "Unauthorized" => vec![REQUEST_ID, CHALLENGE],
        "TooManyRequests" => vec![REQUEST_ID, LIMIT, POLICY, RETRY_AFTER],
        "Unavailable" => vec![REQUEST_ID, RETRY_AFTER],
        _ => vec![REQUEST_ID, LIMIT, POLICY],
    }
}

fn add(response: &mut Value, headers: &[(&str, &str)]) {
    let Some(told) = object(response, "headers") else {
        return;
    };
    let references: Map<String, Value> = headers
        .iter()
        .map(|(name, header)| {
            let reference = json!({ "$ref": format!("#/components/headers/{name}") });
            ((*header).to_owned(), reference)
        })
        .collect();
    told.extend(references);
}

fn described() -> [((&'static str, &'static str), Value); 7] {
    let text = |description: &str, example: &str, schema: Value| json!({ "description": description, "schema": schema, "example": example });
    [
        (
            REQUEST_ID,
            text(
                "The id of this request: the client's own if it sent a harmless one. It is in the server's log.",
                "0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11",
                json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" }),
            ),
        ),
        (
            ETAG,
            text(
                "Send it as `If-None-Match` to be answered 304 while nothing has changed.",
                "W/\"4f1c2f7e0f6f4f3aa5d2b9f9c1d0e8a7\"",
                json!({ "type": "string", "pattern": "^W/\"[0-9a-f]{32}\"$" }),
            ),
        ),
        (
            LINK,
            text(
                "The next page (RFC 8288); absent on the last one.",
                "</api/v1/crashes?limit=50&cursor=5b3137>; rel=\"next\"",
                json!({ "type": "string", "pattern": "^<[^>]+>; rel=\"next\"$" }),
            ),
        ),
        (
            LIMIT,
            text(
                "How many requests are left (`r`) and after how many seconds all of them are there again (`t`).",
                "\"read\";r=5999;t=1",
                json!({ "type": "string", "pattern": "^\"(read|send)\";r=[0-9]+;t=[0-9]+$" }),
            ),
        ),
        (
            POLICY,
            text(
                "How many requests (`q`) the token may make in how many seconds (`w`).",
                "\"read\";q=6000;w=60",
                json!({ "type": "string", "pattern": "^\"(read|send)\";q=[0-9]+;w=[0-9]+$" }),
            ),
        ),
        (
            RETRY_AFTER,
            json!({ "description": "Seconds to wait before the next try.", "schema": { "type": "integer", "minimum": 1 }, "example": 2 }),
        ),
        (
            CHALLENGE,
            text(
                "How to sign in.",
                "Bearer realm=\"stopcode\"",
                json!({ "type": "string" }),
            ),
        ),
    ]
}
