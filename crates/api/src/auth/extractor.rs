//! Finding the caller of a request.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use store::tokens::Grant;
use store::{Sha256, sessions, tokens};
use wire::token::Scope;

use super::{Caller, cookie, origin, peer};
use crate::error::ApiError;
use crate::limits::{Share, Use};
use crate::middleware::rate_limit::Taken;
use crate::state::AppState;
use crate::view;

/// A caller of the API who may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader(pub Caller);

/// The signed-in user of a page; everybody else is sent to `/sign-in?next=<this page>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session(pub Caller);

/// The caller of an upload, who may also show the token as `?key=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploader(pub Caller);

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let door = Door::of(parts, state);
        if let Some(token) = bearer(&parts.headers)? {
            return door.by_token(state, token).await;
        }
        let Some(secret) = cookie::session_secret(&parts.headers) else {
            return Err(ApiError::Unauthorized {
                detail: "send a token as `Authorization: Bearer …`",
            });
        };
        if !origin::is_same_site(&parts.method, &parts.uri, &parts.headers) {
            return Err(ApiError::CrossSite);
        }
        door.by_session(state, secret).await
    }
}

impl FromRequestParts<AppState> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.require(Scope::Read)?;
        Ok(Reader(caller))
    }
}

impl FromRequestParts<AppState> for Uploader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let door = Door::of(parts, state);
        if let Some(token) = bearer(&parts.headers)? {
            return door.by_token(state, token).await.map(Uploader);
        }
        if let Some(token) = key(&parts.uri) {
            return door.by_token(state, token).await.map(Uploader);
        }
        Caller::from_request_parts(parts, state).await.map(Uploader)
    }
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Visitor(Door::of(parts, state)))
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

/// Where somebody shows a token: what it takes to count it.
#[derive(Debug, Clone)]
struct Door {
    address: Option<IpAddr>,
    what: Use,
    taken: Option<Taken>,
}

/// A token as somebody showed it.
#[derive(Clone, Copy)]
struct Shown {
    hash: Sha256,
    /// Whether it was right before, so that it has a share of its own.
    is_known: bool,
}

impl Door {
    fn of(parts: &Parts, state: &AppState) -> Door {
        Door {
            address: peer::address(parts, &state.settings.trusted_proxies),
            what: Use::of(&parts.method),
            taken: parts.extensions.get::<Taken>().cloned(),
        }
    }

    async fn by_token(&self, state: &AppState, token: &str) -> Result<Caller, ApiError> {
        let shown = self.let_in(state, token).await?;
        if let Some(grant) = state.remembered.get(shown.hash).await {
            return Ok(caller(grant, None));
        }
        let era = state.remembered.era();
        let mut conn = state.conn().await?;
        let grant = tokens::authenticate(&mut conn, shown.hash, state.clock.now()).await?;
        drop(conn);
        let grant = self.judge(state, shown, grant).await?;
        let grant = grant.ok_or(ApiError::Unauthorized {
            detail: "the token is unknown, expired or revoked",
        })?;
        state.remembered.note(shown.hash, era, grant.clone()).await;
        Ok(caller(grant, None))
    }

    async fn by_session(&self, state: &AppState, secret: &str) -> Result<Caller, ApiError> {
        let shown = self.let_in(state, secret).await?;
        let mut conn = state.conn().await?;
        let grant = sessions::authenticate(&mut conn, shown.hash, state.clock.now()).await?;
        drop(conn);
        let grant = self.judge(state, shown, grant).await?;
        let grant = grant.ok_or(ApiError::Unauthorized {
            detail: "the session is over; sign in again",
        })?;
        Ok(caller(grant, Some(shown.hash)))
    }

    /// Takes one request from the share of the token, if that is known.
    async fn let_in(&self, state: &AppState, secret: &str) -> Result<Shown, ApiError> {
        let hash = Sha256::of(secret.as_bytes());
        let share = state.rates.take(hash, self.what).await?;
        match share {
            Some(share) => self.note(share),
            None => state.rates.may_try(self.address).await?,
        }
        let is_known = share.is_some();
        Ok(Shown { hash, is_known })
    }

    /// What the database said of a token, with its consequences for the shares.
    async fn judge(
        &self,
        state: &AppState,
        shown: Shown,
        grant: Option<Grant>,
    ) -> Result<Option<Grant>, ApiError> {
        if grant.is_none() {
            state.rates.was_wrong(shown.hash, self.address).await;
        } else if !shown.is_known {
            self.note(state.rates.take_of_new(shown.hash, self.what).await?);
        }
        Ok(grant)
    }

    fn note(&self, share: Share) {
        if let Some(taken) = &self.taken {
            taken.note(share);
        }
    }
}

/// Somebody at the sign-in page, who has shown nothing yet.
#[derive(Debug, Clone)]
pub(crate) struct Visitor(Door);

impl Visitor {
    /// What the token with this text may do, if it is valid.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unauthorized`] if it is not, [`ApiError::RateLimited`] after too many of those.
    pub(crate) async fn by_token(&self, state: &AppState, token: &str) -> Result<Caller, ApiError> {
        self.0.by_token(state, token).await
    }

    /// What the one-time link with this secret may do, if it was not used before.
    ///
    /// # Errors
    ///
    /// [`ApiError::RateLimited`] after too many wrong ones, and those of the store.
    pub(crate) async fn by_link(&self, state: &AppState, secret: &str) -> Result<Option<Grant>, ApiError> {
        let hash = Sha256::of(secret.as_bytes());
        state.rates.may_try(self.0.address).await?;
        let mut conn = state.conn().await?;
        let grant = sessions::use_link(&mut conn, hash, state.clock.now()).await?;
        drop(conn);
        if grant.is_none() {
            state.rates.was_wrong(hash, self.0.address).await;
        }
        Ok(grant)
    }
}

#[cfg(feature = "oidc")]
impl Visitor {
    /// Whether this visitor may try once more.
    ///
    /// # Errors
    ///
    /// [`ApiError::RateLimited`] after too many wrong things from the same address.
    pub(crate) async fn may_try(&self, state: &AppState) -> Result<(), ApiError> {
        state.rates.may_try(self.0.address).await
    }

    /// Notes that what this visitor showed was wrong.
    pub(crate) async fn was_wrong(&self, state: &AppState, shown: &str) {
        let hash = Sha256::of(shown.as_bytes());
        state.rates.was_wrong(hash, self.0.address).await;
    }
}

/// What the session with this secret may do, if it is not over.
///
/// # Errors
///
/// [`ApiError::Unauthorized`] if it is.
pub(crate) async fn by_session(state: &AppState, secret: &str) -> Result<Caller, ApiError> {
    let mut conn = state.conn().await?;
    let session = Sha256::of(secret.as_bytes());
    let grant = sessions::authenticate(&mut conn, session, state.clock.now()).await?;
    let grant = grant.ok_or(ApiError::Unauthorized {
        detail: "the session is over; sign in again",
    })?;
    Ok(caller(grant, Some(session)))
}

fn caller(grant: Grant, session: Option<Sha256>) -> Caller {
    Caller {
        token_id: grant.token.map(|id| id.0),
        actor: grant.actor,
        scopes: view::token::scopes(&grant.scopes),
        machine: grant.machine,
        session,
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

/// What is percent-encoded in the way back: everything but unreserved characters and slashes.
const NOT_IN_A_PATH: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// `/sign-in` with the way back.
fn sign_in_address(uri: &Uri) -> String {
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    if here == "/" {
        return "/sign-in".to_owned();
    }
    format!("/sign-in?next={}", utf8_percent_encode(here, &NOT_IN_A_PATH))
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
