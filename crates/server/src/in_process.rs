//! The API without a socket, for commands that write: what they bring takes the very path of an upload.
//!
//! Requests carry a token that is made for the command and revoked after it.

use std::path::Path;
use std::time::Duration as Span;

use anyhow::{Context, Result, bail};
use api::{AppState, Services, Settings};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use serde::de::DeserializeOwned;
use store::blobs::Blobs;
use store::ingest::Ingest;
use store::tokens::{self, NewToken, Secret};
use store::wakeup::Notifier;
use store::{Clock, PgPool, TokenId};
use time::Duration;
use tower::ServiceExt;
use wire::problem::Problem;
use wire::token::Scope;

use crate::telemetry;

/// The most of an answer that is read.
const LARGEST_ANSWER: usize = 64 << 20;

/// A server in this process that only this command can reach.
pub(crate) struct InProcess {
    router: Router,
    pool: PgPool,
    token: TokenId,
    secret: Secret,
}

impl InProcess {
    /// The API on this database and these blobs, with a token of one scope.
    ///
    /// # Errors
    ///
    /// When the database does not answer or the folder cannot be written.
    pub(crate) async fn open(pool: &PgPool, blobs: &Path, scope: Scope, name: &str) -> Result<Self> {
        let router = router(pool, blobs).await?;
        let now = Clock::System.now();
        let wish = NewToken {
            name: name.to_owned(),
            scopes: vec![scope.as_str().to_owned()],
            machine: None,
            expires_at: Some(now + Duration::days(1)),
        };
        let mut connection = pool.acquire().await?;
        let (token, secret) = tokens::create(&mut connection, &wish, now).await?;
        Ok(InProcess {
            router,
            pool: pool.clone(),
            token,
            secret,
        })
    }

    /// The answer to a request.
    ///
    /// # Errors
    ///
    /// When the token cannot be written into a header.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        let token = HeaderValue::from_str(&format!("Bearer {}", self.secret.expose()))?;
        request.headers_mut().insert(header::AUTHORIZATION, token);
        Ok(self.router.clone().oneshot(request).await?)
    }

    /// Revokes the token.
    ///
    /// # Errors
    ///
    /// When the database does not answer; the token expires after a day.
    pub(crate) async fn close(self) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        tokens::revoke(&mut connection, self.token, Clock::System.now()).await?;
        Ok(())
    }
}

/// What was answered, or the sentence of the problem that was.
///
/// # Errors
///
/// The problem, or an answer that cannot be read.
pub(crate) async fn read<T: DeserializeOwned>(response: Response<Body>) -> Result<T> {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), LARGEST_ANSWER).await?;
    if status.is_success() {
        return serde_json::from_slice(&body).context("the answer cannot be read");
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("{}", problem.detail),
        Err(_) => bail!("it was answered with {status}"),
    }
}

async fn router(pool: &PgPool, blobs: &Path) -> Result<Router> {
    let pool = pool.clone();
    let blobs = Blobs::open(blobs, Clock::System).await?;
    let notifier = Notifier::start(pool.clone());
    let services = Services {
        ingest: Ingest::start(pool.clone(), blobs.clone(), Clock::System, notifier.clone()),
        pool,
        blobs,
        notifier,
        clock: Clock::System,
        metrics: telemetry::metrics()?,
        check_rules: crate::roles::check_rules,
    };
    // A file may take as long as it takes, and a pipe may be silent.
    let settings = Settings {
        body_idle: Span::from_hours(1),
        body_deadline: Span::from_hours(24),
        symbol_deadline: Span::from_hours(24),
        ..Settings::default()
    };
    Ok(api::router(AppState::new(services, settings)))
}
