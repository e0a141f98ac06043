//! Refuses queries that an address does not understand.
//!
//! A misspelt filter must not pass for no filter, nor the first of two values for both. What each address knows is in
//! the OpenAPI document, so that the two cannot differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::docs::Known;
use crate::error::ApiError;

/// The layer.
pub(crate) async fn check(State(known): State<Arc<Known>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let names = path.and_then(|path| known.find(path, request.method().as_str()));
    match checked(request.uri(), names) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn checked(uri: &Uri, names: Option<&BTreeSet<String>>) -> Result<(), ApiError> {
    // No text that is stored can hold one, so nothing can be found by it either.
    let has_nul = |text: &str| text.contains("%00");
    if has_nul(uri.path()) || uri.query().is_some_and(has_nul) {
        return Err(ApiError::invalid("the address has a NUL character"));
    }
    let Some(names) = names else {
        return Ok(());
    };
    let Ok(Query(sent)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(ApiError::invalid("the query cannot be read"));
    };
    let mut seen = BTreeSet::new();
    for (name, _) in &sent {
        if !names.contains(name) {
            return Err(unknown(name, names));
        }
        if !seen.insert(name) {
            return Err(ApiError::invalid(format!("`{name}` is given more than once")));
        }
    }
    Ok(())
}

fn unknown(name: &str, names: &BTreeSet<String>) -> ApiError {
    let name: String = name
        .chars()
        .filter(|letter| !letter.is_control())
        .take(60)
        .collect();
    let takes = if names.is_empty() {
        "no parameters".to_owned()
    } else {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.join(", ")
    };
    ApiError::invalid(format!(
        "`{name}` is no parameter of this address; it takes {takes}"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::checked;

    fn detail(uri: &'static str) -> Option<String> {
        let names = BTreeSet::from(["limit".to_owned(), "stop_code".to_owned()]);
        checked(&axum::http::Uri::from_static(uri), Some(&names))
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn a_misspelt_filter_is_refused_with_those_there_are() {
        assert_eq!(detail("/x?stop%5Fcode=0x76&limit=5"), None);
        assert_eq!(
            detail("/x?stopcode=0x76").unwrap(),
            "`stopcode` is no parameter of this address; it takes limit, stop_code"
        );
    }

    #[test]
    fn a_parameter_is_given_once_and_without_nul() {
        assert!(detail("/x?limit=5&limit=6").unwrap().contains("more than once"));
        assert!(detail("/x?stop_code=%00").unwrap().contains("NUL"));
        assert!(detail("/x%00").unwrap().contains("NUL"));
    }
}
