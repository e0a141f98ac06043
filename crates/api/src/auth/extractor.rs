//! Finding the caller of a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use super::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The signed-in user of a page; everybody else is sent to `/sign-in?next=<this page>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session(pub Caller);

/// The caller of an upload, who may also show the token as `?key=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploader(pub Caller);

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, _state: &AppState) -> Result<Self, ApiError> {
        todo!("tokens land with the store")
    }
}

impl FromRequestParts<AppState> for Uploader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Caller::from_request_parts(parts, state).await.map(Uploader)
    }
}

impl FromRequestParts<AppState> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        match Caller::from_request_parts(parts, state).await {
            Ok(caller) => Ok(Session(caller)),
            Err(ApiError::Unauthorized { .. }) => {
                Err(Redirect::to(&sign_in_address(&parts.uri)).into_response())
            }
            Err(error) => Err(error.into_response()),
        }
    }
}

/// `/sign-in` with the way back.
fn sign_in_address(uri: &axum::http::Uri) -> String {
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    if here == "/" {
        return "/sign-in".to_owned();
    }
    // Everything but unreserved characters and slashes is percent-encoded.
    let mut address = "/sign-in?next=".to_owned();
    for byte in here.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                address.push(char::from(byte));
            }
            _ => {
                address.push('%');
                address.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    address
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_way_back_survives_the_sign_in_page() {
        let uri = axum::http::Uri::from_static("/crashes?stop_code=0x76&limit=5");
        assert_eq!(
            super::sign_in_address(&uri),
            "/sign-in?next=/crashes%3Fstop_code%3D0x76%26limit%3D5"
        );
    }
}
