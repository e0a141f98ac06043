//! Answers that did not change are not sent again: `ETag` and `If-None-Match` (RFC 9110, 13.1.2).
//!
//! The validator is a hash of the body, taken before compression and so a weak one: the same answer has the same
//! validator however it is packed. What a client may not keep (`no-store`), and what is too large to hold while it is
//! hashed, has none.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Larger answers are sent whenever they are asked for.
const LARGEST_BYTES: u64 = 8 << 20;

/// What an answer depends on besides its address.
const VARY: HeaderValue = HeaderValue::from_static("accept, accept-encoding, authorization, cookie");

/// The layer.
pub(crate) async fn validate(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !is_read || !can_be_kept(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = tag(&bytes);
    let is_known = known.is_some_and(|known| names(&known, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    // Beside what others vary by, e.g. the origin.
    parts.headers.append(header::VARY, VARY);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        for name in [
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::CONTENT_DISPOSITION,
        ] {
            parts.headers.remove(name);
        }
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether an answer is a document that a client may keep.
fn can_be_kept(response: &Response) -> bool {
    let headers = response.headers();
    let is_kept = headers
        .get(header::CACHE_CONTROL)
        .is_none_or(|control| !control.as_bytes().starts_with(b"no-store"));
    let size = response.body().size_hint().exact();
    response.status() == StatusCode::OK
        && is_kept
        && !headers.contains_key(header::ETAG)
        && is_document(headers)
        && size.is_some_and(|bytes| bytes <= LARGEST_BYTES)
}

fn is_document(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/json") || kind.starts_with(b"text/csv"))
}

/// `W/"…"` of 128 bits: enough that no two answers share one by chance.
fn tag(body: &[u8]) -> String {
    let hash = hex::encode(Sha256::digest(body));
    format!("W/\"{}\"", hash.get(..32).unwrap_or(&hash))
}

/// Whether a list of validators has this one, as weak comparison has it.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let tag = opaque(tag);
    known.to_str().is_ok_and(|known| {
        known
            .split(',')
            .any(|known| known.trim() == "*" || opaque(known) == tag)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::{names, tag};

    #[test]
    fn a_validator_is_found_in_a_list_weak_or_strong() {
        let tag = tag(b"{}");
        let strong = tag.trim_start_matches("W/").to_owned();
        for known in [tag.clone(), strong, format!("\"x\" , {tag}"), "*".to_owned()] {
            assert!(names(&HeaderValue::from_str(&known).unwrap(), &tag), "{known}");
        }
        assert!(!names(&HeaderValue::from_static("W/\"44136fa3\""), &tag));
    }
}
