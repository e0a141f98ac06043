//! Everything that a running server consists of.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use api::{AppState, Services};
use sqlx::PgPool;
use store::Clock;
use store::blobs::Blobs;
use store::ingest::Ingest;
use store::tokens::{self, Secret};
use store::wakeup::Notifier;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::ServeArguments;
use crate::database::Database;
use crate::postgres::EmbeddedPostgres;
use crate::{roles, telemetry};

/// How long uploads under way may take to finish after the server was asked to stop.
const UPLOADS_MAY_TAKE: Duration = Duration::from_secs(30);

/// How long workers may take to finish what they have begun: a little longer than the longest analysis.
const WORKERS_MAY_TAKE: Duration = Duration::from_secs(35);

/// A running server.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    public_url: Option<String>,
    made_admin: Option<Secret>,
    database: Database,
    stop: CancellationToken,
    http: JoinHandle<std::io::Result<()>>,
    workers: Option<JoinHandle<()>>,
    postgres_ended: Option<watch::Receiver<bool>>,
}

/// Why a server is no longer running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A signal came.
    Asked,
    /// The HTTP service ended.
    Http,
    /// The workers ended.
    Workers,
    /// The embedded Postgres ended.
    Postgres,
}

impl Running {
    /// Starts all parts. When this returns, uploads can be taken.
    ///
    /// # Errors
    ///
    /// When one of the parts does not start.
    pub(crate) async fn start(arguments: &ServeArguments) -> Result<Self> {
        let listener = TcpListener::bind(arguments.listen)
            .await
            .with_context(|| format!("cannot listen on {}", arguments.listen))?;
        let address = listener.local_addr()?;
        let metrics = telemetry::metrics()?;
        api::describe_metrics();
        worker::describe_metrics();
        let database = Database::open(&arguments.database).await?;
        // Before the first request can come: whoever waits for `/readyz` may use the token at once.
        let made_admin = ensure_admin(&database, arguments.admin_token.as_deref()).await?;
        let folder = arguments.blobs.folder(&arguments.database.data_dir)?;
        let blobs = Blobs::open(folder, Clock::System)
            .await
            .context("cannot open the blobs")?;
        let stop = CancellationToken::new();
        let workers = start_workers(arguments, &database.pool, &blobs, &stop)?;
        let pool = database.pool.clone();
        let figures = api::keep_figures(pool.clone(), Clock::System);
        tokio::spawn(stop.clone().run_until_cancelled_owned(figures));
        let notifier = Notifier::start(pool.clone());
        let services = Services {
            ingest: Ingest::start(pool.clone(), blobs.clone(), Clock::System, notifier.clone()),
            pool,
            blobs,
            notifier,
            clock: Clock::System,
            metrics,
            check_rules: crate::roles::check_rules,
        };
        let settings = settings(arguments)?;
        let public_url = settings.public_url.clone();
        let router = api::router(AppState::new(services, settings));
        // Where a request comes from is asked when it shows a wrong token.
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let http = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tracing::info!(%address, workers = workers.is_some(), "serving");
        Ok(Self {
            address,
            public_url,
            made_admin,
            postgres_ended: database.embedded.as_ref().map(EmbeddedPostgres::ended),
            database,
            stop,
            http: tokio::spawn(http.into_future()),
            workers,
        })
    }

    /// Connections to the server's database.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.database.pool
    }

    /// The admin token that this start has made, if it has.
    pub(crate) fn made_admin(&self) -> Option<&Secret> {
        self.made_admin.as_ref()
    }

    /// The address for this machine, e.g. `http://127.0.0.1:8080`.
    pub(crate) fn local_url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }

    /// The address for users.
    pub(crate) fn user_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| self.local_url())
    }

    /// Waits until a part ends that should not.
    pub(crate) async fn ended(&mut self) -> Ended {
        let workers = async {
            match &mut self.workers {
                Some(workers) => drop(workers.await),
                None => std::future::pending().await,
            }
        };
        let postgres = async {
            match &mut self.postgres_ended {
                Some(ended) => drop(ended.wait_for(|ended| *ended).await),
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            _ = &mut self.http => Ended::Http,
            () = workers => Ended::Workers,
            () = postgres => Ended::Postgres,
        };
        if ended == Ended::Workers {
            self.workers = None;
        }
        ended
    }

    /// Stops all parts, Postgres last.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let mut http = self.http;
        let workers = async {
            if let Some(mut workers) = self.workers
                && tokio::time::timeout(WORKERS_MAY_TAKE, &mut workers)
                    .await
                    .is_err()
            {
                tracing::warn!("the workers did not stop in time; their leases will run out");
                workers.abort();
            }
        };
        let uploads = async {
            if !http.is_finished() && tokio::time::timeout(UPLOADS_MAY_TAKE, &mut http).await.is_err() {
                tracing::warn!("some requests did not finish in time");
                http.abort();
            }
        };
        tokio::join!(workers, uploads);
        self.database.close().await;
        tracing::info!("stopped");
    }
}

/// The API's settings.
fn settings(arguments: &ServeArguments) -> Result<api::Settings> {
    #[cfg_attr(
        not(feature = "oidc"),
        expect(unused_mut, reason = "only a provider is added")
    )]
    let mut settings = arguments.limits.settings();
    #[cfg(feature = "oidc")]
    {
        settings.single_sign_on = arguments.oidc.provider()?;
        if let Some(provider) = settings.single_sign_on.clone() {
            tokio::spawn(crate::single_sign_on::check(provider));
        }
    }
    #[cfg(not(feature = "oidc"))]
    if std::env::var_os("STOPCODE_OIDC_ISSUER").is_some_and(|issuer| !issuer.is_empty()) {
        anyhow::bail!("STOPCODE_OIDC_ISSUER is set, but this program was built without the feature oidc");
    }
    Ok(settings)
}

/// Sees to it that there is an admin token: that of the environment, or one that the first start makes.
async fn ensure_admin(database: &Database, from_environment: Option<&str>) -> Result<Option<Secret>> {
    let mut connection = database.pool.acquire().await?;
    let given = from_environment.filter(|token| !token.is_empty());
    tokens::ensure_admin(&mut connection, given, Clock::System.now())
        .await
        .context("cannot see to an admin token")
}

fn start_workers(
    arguments: &ServeArguments,
    pool: &PgPool,
    blobs: &Blobs,
    stop: &CancellationToken,
) -> Result<Option<JoinHandle<()>>> {
    if arguments.no_worker {
        return Ok(None);
    }
    let config = roles::pool_config(&arguments.pool)?;
    let data_dir = &arguments.database.data_dir;
    let symbols = roles::symbols(&arguments.symbols, data_dir, &config, pool, blobs)?;
    let work = worker::run(config, pool.clone(), blobs.clone(), symbols, stop.clone());
    Ok(Some(tokio::spawn(work)))
}
