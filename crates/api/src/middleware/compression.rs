//! Which answers are compressed: texts of some size. Dumps are not; they would cost much and gain little.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

type IsText = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Below this an answer fits into one packet anyway.
const SMALLEST_BYTES: u64 = 1024;

/// The layer.
pub(crate) fn layer() -> CompressionLayer<And<SizeAbove, IsText>> {
    CompressionLayer::new().compress_when(SizeAbove::new(SMALLEST_BYTES).and(is_text as IsText))
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    kind.starts_with("text/")
        || kind.starts_with("application/json")
        || kind.starts_with("application/javascript")
        || kind.starts_with("image/svg+xml")
}
