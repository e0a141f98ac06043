//! axum's extractors with our error: a bad path, query or JSON body is answered as a problem.

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// A JSON body: an object, as all of them are.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let bytes = Bytes::from_request(whole, state).await;
        let bytes = bytes.map_err(|rejection| unread(&rejection))?;
        let again = Request::from_parts(parts, Body::from(bytes.clone()));
        let axum::Json(value) = axum::Json::from_request(again, state).await?;
        // The reader takes a list for an object whose fields it has in order, which nobody means.
        if bytes.trim_ascii_start().first() == Some(&b'{') {
            Ok(Json(value))
        } else {
            Err(ApiError::invalid("the body must be a JSON object"))
        }
    }
}

fn unread(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::TooLarge {
            what: "the JSON body",
            limit_bytes: JSON_LIMIT_BYTES as u64,
        }
    } else {
        ApiError::CorruptBody {
            detail: sentence(rejection.body_text()),
        }
    }
}

/// The query.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub(crate) struct Query<T>(pub(crate) T);

/// The variable parts of the path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub(crate) struct Path<T>(pub(crate) T);

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        if matches!(rejection, JsonRejection::MissingJsonContentType(_)) {
            return ApiError::UnsupportedMediaType;
        }
        ApiError::invalid(sentence(rejection.body_text()))
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        ApiError::invalid(sentence(rejection.body_text()))
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        ApiError::invalid(sentence(rejection.body_text()))
    }
}

/// Largest JSON body: an inventory of some hundred drivers with all their fields is below 1 MiB.
pub(crate) const JSON_LIMIT_BYTES: usize = 8 << 20;

/// A rejection's text, cut short: it may quote what the client sent.
fn sentence(mut text: String) -> String {
    const LIMIT: usize = 400;
    if text.len() > LIMIT {
        let end = text.floor_char_boundary(LIMIT);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::{FromRequest, Request};
    use axum::http::header::CONTENT_TYPE;

    use super::Json;
    use crate::error::ApiError;

    #[derive(Debug, serde::Deserialize)]
    struct Wish {
        #[serde(default)]
        machines: Option<u32>,
    }

    async fn read(kind: &str, body: &'static str) -> Result<Option<u32>, ApiError> {
        let request = Request::post("/")
            .header(CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        Json::<Wish>::from_request(request, &())
            .await
            .map(|Json(wish)| wish.machines)
    }

    /// `[5]` was taken for `{"machines": 5}`, and `[]` for a wish without any wishes.
    #[tokio::test]
    async fn a_list_is_no_object() {
        assert_eq!(
            read("application/json", " {\"machines\": 5}").await.unwrap(),
            Some(5)
        );
        for body in ["[5]", "[]", "5", ""] {
            let refused = read("application/json", body).await.unwrap_err();
            assert!(matches!(refused, ApiError::Invalid { .. }), "{body}: {refused}");
        }
        let refused = read("text/plain", "{}").await.unwrap_err();
        assert!(matches!(refused, ApiError::UnsupportedMediaType));
    }
}
