//! What all handlers share.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Transaction};
use store::blobs::Blobs;
use store::ingest::Ingest;
use store::symbols::{MissingCursor, Ranked};
use store::wakeup::Notifier;
use store::{Clock, Page, TokenId, Window, audit, fleet};
use tokio::sync::Semaphore;

use crate::auth::{Caller, Network, Remembered};
use crate::error::ApiError;
use crate::intake::{ByteBudget, Limits};
use crate::kept::Kept;
use crate::limits;

/// What the program has started for the handlers to use. Every part is a cheap handle.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub pool: PgPool,
    /// Takes dumps durably.
    pub ingest: Ingest,
    /// The bytes of dumps and symbol files.
    pub blobs: Blobs,
    /// Wakes the workers.
    pub notifier: Notifier,
    /// Tells the time.
    pub clock: Clock,
    /// Renders `/metrics`; its recorder is installed by the program.
    pub metrics: PrometheusHandle,
    /// Says in a clause why JSON cannot be signature rules. They are data of analysis, of which nothing is known here.
    pub check_rules: fn(&serde_json::Value) -> Result<(), String>,
}

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest upload, both as sent and inflated. 64 MiB unless set.
    pub max_dump_bytes: u64,
    /// Bytes of uploads held in memory at once, over all requests. 256 MiB unless set.
    pub inflight_bytes: u64,
    /// Largest symbol file, both as sent and inflated; an archive of them may have twice that as sent and eight times
    /// that inflated. 512 MiB unless set.
    pub max_symbol_bytes: u64,
    /// Uploads of symbol files at once, over all requests. 4 unless set.
    pub symbol_uploads: usize,
    /// The address users reach the server at, without a slash at the end, e.g. `https://stopcode.example.com`.
    /// With `https` the session cookie is sent over TLS only.
    pub public_url: Option<String>,
    /// How long a body may stay silent. 30 s unless set.
    pub body_idle: Duration,
    /// How long the body of an upload may take as a whole. 10 minutes unless set.
    pub body_deadline: Duration,
    /// The same for symbol files. 30 minutes unless set.
    pub symbol_deadline: Duration,
    /// How long any other request may take. 30 s unless set.
    pub request_deadline: Duration,
    /// How long a first request for a verdict waits for it. 10 s unless set.
    pub verdict_wait: Duration,
    /// How often agents should look for something to upload. 15 minutes unless set.
    pub upload_interval: Duration,
    /// Whether agents should send the bodies of full memory dumps too, and not only tell of them. No unless set.
    pub wants_full_dumps: bool,
    /// Requests a minute in which a token may read; 0 for any number. 6,000 unless set.
    pub reads_per_minute: u32,
    /// Requests a minute in which a token may send; 0 for any number. 600,000 unless set.
    pub sends_per_minute: u32,
    /// Wrong tokens that an address may show in a minute; 0 for any number. 100 unless set.
    pub guesses_per_minute: u32,
    /// Proxies that are believed whom they speak for. None unless set.
    pub trusted_proxies: Vec<Network>,
    /// Other sites whose scripts may use the API with a token, e.g. `https://grafana.example.com`, or `*`. None unless
    /// set.
    pub cors_origins: Vec<HeaderValue>,
    /// Whom people may sign in by. Nobody unless set.
    #[cfg(feature = "oidc")]
    pub single_sign_on: Option<oidc::Provider>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_dump_bytes: 64 << 20,
            inflight_bytes: 256 << 20,
            max_symbol_bytes: 512 << 20,
            symbol_uploads: 4,
            public_url: None,
            body_idle: Duration::from_secs(30),
            body_deadline: Duration::from_mins(10),
            symbol_deadline: Duration::from_mins(30),
            request_deadline: Duration::from_secs(30),
            verdict_wait: Duration::from_secs(10),
            upload_interval: Duration::from_mins(15),
            wants_full_dumps: false,
            reads_per_minute: 6_000,
            sends_per_minute: 600_000,
            guesses_per_minute: 100,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            #[cfg(feature = "oidc")]
            single_sign_on: None,
        }
    }
}

impl Settings {
    /// What people call whom they may sign in by, if there is such a service.
    pub fn single_sign_on_name(&self) -> Option<&str> {
        #[cfg(feature = "oidc")]
        let name = self
            .single_sign_on
            .as_ref()
            .map(|provider| provider.config().name.as_str());
        #[cfg(not(feature = "oidc"))]
        let name = None;
        name
    }

    /// Whether browsers reach the server over TLS only.
    pub fn is_https(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }
}

/// What all handlers share. One count to clone, since every layer of every request does.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The parts of [`AppState`].
pub struct Shared {
    /// The database.
    pub pool: PgPool,
    /// Takes dumps durably.
    pub ingest: Ingest,
    /// The bytes of dumps and symbol files.
    pub blobs: Blobs,
    /// Wakes the workers.
    pub notifier: Notifier,
    /// Tells the time.
    pub clock: Clock,
    /// What an operator can set.
    pub settings: Settings,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) check_rules: fn(&serde_json::Value) -> Result<(), String>,
    pub(crate) budget: ByteBudget,
    pub(crate) symbol_uploads: Arc<Semaphore>,
    pub(crate) rates: limits::Limits,
    pub(crate) remembered: Remembered,
    pub(crate) kept: KeptAnswers,
}

/// Answers over the whole fleet, kept while they are dear.
pub(crate) struct KeptAnswers {
    /// Of a window, by its length in days too: what the overview shows of it and of the window before.
    pub(crate) overviews: Kept<(Window, u16), (fleet::Overview, fleet::Span)>,
    /// The weeks of a window.
    pub(crate) weeks: Kept<Window, Vec<fleet::Week>>,
    /// A page of the symbol files that are missing.
    pub(crate) missing: Kept<(Window, Option<MissingCursor>, u32), Page<Ranked, MissingCursor>>,
}

impl KeptAnswers {
    fn new() -> Self {
        KeptAnswers {
            overviews: Kept::new(),
            weeks: Kept::new(),
            missing: Kept::new(),
        }
    }
}

impl AppState {
    /// The state for [`router`](crate::router()).
    pub fn new(services: Services, settings: Settings) -> Self {
        AppState(Arc::new(Shared {
            pool: services.pool,
            ingest: services.ingest,
            blobs: services.blobs,
            notifier: services.notifier,
            clock: services.clock,
            metrics: services.metrics,
            check_rules: services.check_rules,
            budget: ByteBudget::new(settings.inflight_bytes),
            symbol_uploads: Arc::new(Semaphore::new(settings.symbol_uploads.max(1))),
            rates: limits::Limits::new(&settings),
            remembered: Remembered::new(),
            kept: KeptAnswers::new(),
            settings,
        }))
    }

    /// A connection to the database.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] if none is free in time.
    pub async fn conn(&self) -> Result<PoolConnection<Postgres>, ApiError> {
        self.pool.acquire().await.map_err(unavailable)
    }

    /// A transaction; it rolls back unless it is committed.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] if no connection is free in time.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, ApiError> {
        self.pool.begin().await.map_err(unavailable)
    }

    /// Records what a caller did that may need an answer later.
    pub(crate) async fn record(
        &self,
        caller: &Caller,
        action: &str,
        subject: impl ToString,
    ) -> Result<(), ApiError> {
        let entry = self.entry(caller, action, &subject);
        audit::record(&mut *self.conn().await?, &entry).await?;
        Ok(())
    }

    /// What is recorded of something a caller does, to be written in the transaction that does it.
    pub(crate) fn entry(&self, caller: &Caller, action: &str, subject: &impl ToString) -> audit::Entry {
        audit::Entry {
            at: self.clock.now(),
            token: caller.token_id.map(TokenId),
            actor: caller.actor.clone(),
            action: action.to_owned(),
            subject: subject.to_string(),
        }
    }

    /// Where clients reach this server: as configured, else as this request did.
    pub(crate) fn address(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.settings.public_url {
            return url.clone();
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        format!("http://{}", host.unwrap_or("127.0.0.1:8080"))
    }

    /// The limits of a body that holds symbol files, at most `max_bytes` of it.
    pub(crate) fn symbol_limits(&self, max_bytes: u64) -> Limits {
        Limits {
            max_bytes,
            idle: self.settings.body_idle,
            deadline: self.settings.symbol_deadline,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_bytes: self.settings.max_dump_bytes,
            idle: self.settings.body_idle,
            deadline: self.settings.body_deadline,
        }
    }
}

/// Commits.
///
/// # Errors
///
/// [`ApiError::Unavailable`]; then nothing was written.
pub(crate) async fn commit(transaction: Transaction<'_, Postgres>) -> Result<(), ApiError> {
    transaction.commit().await.map_err(unavailable)
}

fn unavailable(error: sqlx::Error) -> ApiError {
    ApiError::Unavailable(Box::new(error))
}
