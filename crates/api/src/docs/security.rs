//! The ways to show who one is, and what each scope is for.

use std::fmt::Write;

use serde_json::{Value, json};
use wire::token::Scope;

use super::{add_components, operation};
use crate::auth::SESSION_COOKIE;

/// Adds the schemes, and to each operation the ways that the handlers leave unsaid.
pub(super) fn complete(document: &mut Value) {
    add_components(document, "securitySchemes", schemes());
    operation::for_each(document, |operation| {
        let Some(security) = operation.object.get_mut("security").and_then(Value::as_array_mut) else {
            return;
        };
        let scopes: Vec<Value> = security
            .iter()
            .filter_map(|way| way.get("token").cloned())
            .collect();
        // Whoever may write for any machine may do all that an agent may.
        let agent = json!([Scope::Agent.as_str()]);
        let upload = json!([Scope::Upload.as_str()]);
        if scopes.contains(&agent) && !scopes.contains(&upload) {
            security.push(json!({ "token": upload }));
        }
        security.extend(scopes.into_iter().map(|scopes| json!({ "session": scopes })));
    });
}

fn schemes() -> [(String, Value); 3] {
    let mut scopes = String::from("A token, whose scopes say what it may do:\n");
    for scope in Scope::ALL {
        let _infallible = write!(scopes, "\n* `{}`: {}", scope.as_str(), meaning(scope));
    }
    let token = json!({ "type": "http", "scheme": "bearer", "description": scopes });
    let key = json!({
        "type": "apiKey", "in": "query", "name": "key",
        "description": "The token in the query, for crash reporters and `sym_upload`, which cannot set headers. \
            Sentry's clients call it `sentry_key`. No log shows it.",
    });
    let session = json!({
        "type": "apiKey", "in": "cookie", "name": SESSION_COOKIE,
        "description": "The session of a browser that signed in at `/sign-in`, with the scopes of the token it did so \
            with. Writing requests must come from this server's own pages.",
    });
    [("token", token), ("key", key), ("session", session)].map(|(name, scheme)| (name.to_owned(), scheme))
}

fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::Upload => "send dumps, history and reports for any machine, and enrol agents",
        Scope::Agent => "send dumps and reports for one machine",
        Scope::Read => "read everything but raw dumps",
        Scope::Download => "download raw dumps, which hold personal data",
        Scope::Symbols => "upload and remove symbol files",
        Scope::Admin => "everything, and manage tokens, webhooks, experiments and rules",
    }
}
