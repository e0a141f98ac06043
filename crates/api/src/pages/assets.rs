//! The style sheet, the script and the icon: embedded, and served under a name that changes with their content.
//!
//! The hash in the name lets a browser keep a file for a year and still see a new one at once after an update.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// One embedded file.
struct Asset {
    /// File name with its hash.
    name: String,
    content_type: &'static str,
    body: &'static [u8],
}

impl Asset {
    fn new(stem: &str, ending: &str, content_type: &'static str, body: &'static [u8]) -> Asset {
        let hash = hex::encode(Sha256::digest(body));
        let name = format!("{stem}.{}.{ending}", hash.get(..12).unwrap_or(&hash));
        Asset {
            name,
            content_type,
            body,
        }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_bytes!("../../static/stopcode.css");
    Asset::new("stopcode", "css", "text/css; charset=utf-8", body)
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_bytes!("../../static/stopcode.js");
    Asset::new("stopcode", "js", "text/javascript; charset=utf-8", body)
});

static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let body = include_bytes!("../../static/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", body)
});

/// The path of the style sheet.
pub(crate) fn style() -> String {
    format!("/static/{}", STYLE.name)
}

/// The path of the script.
pub(crate) fn script() -> String {
    format!("/static/{}", SCRIPT.name)
}

/// The path of the icon.
pub(crate) fn icon() -> String {
    format!("/static/{}", ICON.name)
}

/// Answer with the embedded file of this name.
pub(crate) async fn get(Path(file): Path<String>) -> Response {
    let all: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let Some(asset) = all.into_iter().find(|asset| asset.name == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::extract::Path;
    use axum::http::StatusCode;

    #[tokio::test]
    async fn a_file_is_found_under_its_hashed_name_only() {
        let name = super::style().trim_start_matches("/static/").to_owned();
        assert_eq!(super::get(Path(name)).await.status(), StatusCode::OK);
        let plain = super::get(Path("stopcode.css".to_owned())).await;
        assert_eq!(plain.status(), StatusCode::NOT_FOUND);
    }
}
