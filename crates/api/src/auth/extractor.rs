//! Finding the caller of a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use store::tokens::Grant;
use store::{Sha256, sessions, tokens};

use super::{Caller, Via, cookie, origin};
use crate::error::ApiError;
use crate::state::AppState;
use crate::view;

/// The signed-in user of a page; everybody else is sent to `/sign-in?next=<this page>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session(pub Caller);

/// The caller of an upload, who may also show the token as `?key=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploader(pub Caller);

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(token) = bearer(&parts.headers)? {
            return by_token(state, token, Via::Bearer).await;
        }
        let Some(secret) = cookie::read(&parts.headers) else {
            return Err(ApiError::Unauthorized {
                detail: "send a token as `Authorization: Bearer …`",
            });
        };
        if !origin::is_same_site(&parts.method, &parts.uri, &parts.headers) {
            return Err(ApiError::CrossSite);
        }
        by_session(state, secret).await
    }
}

impl FromRequestParts<AppState> for Uploader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(token) = bearer(&parts.headers)? {
            return by_token(state, token, Via::Bearer).await.map(Uploader);
        }
        if let Some(token) = key(&parts.uri) {
            return by_token(state, token, Via::Key).await.map(Uploader);
        }
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

/// What the token with this text may do, if it is valid: what the sign-in page asks.
///
/// # Errors
///
/// [`ApiError::Unauthorized`] if it is not.
pub async fn by_token(state: &AppState, token: &str, via: Via) -> Result<Caller, ApiError> {
    let mut conn = state.conn().await?;
    let grant = tokens::authenticate(&mut conn, Sha256::of(token.as_bytes()), state.clock.now()).await?;
    let grant = grant.ok_or(ApiError::Unauthorized {
        detail: "the token is unknown, expired or revoked",
    })?;
    Ok(caller(grant, via))
}

/// What the session with this secret may do, if it is not over.
///
/// # Errors
///
/// [`ApiError::Unauthorized`] if it is.
pub(crate) async fn by_session(state: &AppState, secret: &str) -> Result<Caller, ApiError> {
    let mut conn = state.conn().await?;
    let grant = sessions::authenticate(&mut conn, Sha256::of(secret.as_bytes()), state.clock.now()).await?;
    let grant = grant.ok_or(ApiError::Unauthorized {
        detail: "the session is over; sign in again",
    })?;
    Ok(caller(grant, Via::Session))
}

fn caller(grant: Grant, via: Via) -> Caller {
    Caller {
        token_id: grant.token.map(|id| id.0),
        actor: grant.actor,
        scopes: view::token::scopes(&grant.scopes),
        machine: grant.machine,
        via,
    }
}

/// The token of an `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    token.map(Some).ok_or(ApiError::Unauthorized {
        detail: "the Authorization header must read `Bearer <token>`",
    })
}

/// The token in the query, under our name or under that of Sentry's clients.
fn key(uri: &Uri) -> Option<&str> {
    uri.query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| matches!(name, "key" | "sentry_key").then_some(value))
}

/// `/sign-in` with the way back.
fn sign_in_address(uri: &Uri) -> String {
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
    use super::{bearer, key, sign_in_address};
    use axum::http::{HeaderMap, HeaderValue, Uri};

    #[test]
    fn the_way_back_survives_the_sign_in_page() {
        let uri = Uri::from_static("/crashes?stop_code=0x76&limit=5");
        assert_eq!(
            sign_in_address(&uri),
            "/sign-in?next=/crashes%3Fstop_code%3D0x76%26limit%3D5"
        );
    }

    #[test]
    fn only_the_bearer_scheme_is_read() {
        let with = |text| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static(text));
            bearer(&headers).map(|token| token.map(str::to_owned))
        };
        assert_eq!(with("bearer abc").unwrap().as_deref(), Some("abc"));
        assert!(with("Basic abc").is_err());
        assert!(bearer(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn a_key_is_found_anywhere_in_the_query() {
        assert_eq!(key(&Uri::from_static("/submit?machine=m1&key=abc")), Some("abc"));
        assert_eq!(key(&Uri::from_static("/submit?monkey=abc")), None);
    }
}
