//! Tells clients how their share of requests stands: `RateLimit-Policy` and `RateLimit`, as
//! draft-ietf-httpapi-ratelimit-headers has them.
//!
//! The share is taken where the token is checked, in `auth`, because only there it is known which one counts.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::limits::{Share, WINDOW_SECONDS};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Where the check of a request's token leaves how its share stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(Arc<OnceLock<Share>>);

impl Taken {
    /// Notes how the share stands; the first note counts.
    pub(crate) fn note(&self, share: Share) {
        // The second extractor of one request has nothing new to tell.
        let _first_counts = self.0.set(share);
    }
}

/// The layer.
pub(crate) async fn tell(mut request: Request, next: Next) -> Response {
    let taken = Taken::default();
    request.extensions_mut().insert(taken.clone());
    let mut response = next.run(request).await;
    if let Some(share) = taken.0.get().filter(|share| share.whole > 0) {
        let name = share.of.as_str();
        let policy = format!("\"{name}\";q={};w={WINDOW_SECONDS}", share.whole);
        let limit = format!("\"{name}\";r={};t={}", share.left, share.whole_in_seconds);
        for (header, text) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().insert(header, value);
            }
        }
    }
    response
}
