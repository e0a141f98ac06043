//! Symbol servers: `GET <address>/NAME/ID/FILE` by the Simple Symbol Query Protocol.
//!
//! A server may be slow, wrong, endless or down, and none of that may hold up more than the dump that asked. Each
//! request has a limit of time and size. "Not found" is believed for an hour, a failure for two minutes, and a server
//! that failed several times in a row is left alone for half a minute.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use analysis::symbols::Wanted;
use moka::future::Cache as Memory;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Semaphore;

use super::cache::{Entry, Temporary, name_of};
use super::compiler::{Compiler, Place, Source};
use super::tree::LARGEST_FILE;
use super::{SymbolSetupError, names, telemetry};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(15);

/// How long one file may take as a whole.
const WHOLE: Duration = Duration::from_mins(5);

/// Requests to one server at a time.
const AT_ONCE: usize = 8;

/// How long "not found" is believed.
const NOT_FOUND: Duration = Duration::from_hours(1);

/// How long a failure is believed.
const FAILED: Duration = Duration::from_mins(2);

/// Failures in a row after which a server is left alone.
const MOST_FAILURES: u32 = 3;

/// For how long.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// Keys that are remembered as not found.
const MOST_REMEMBERED: u64 = 100_000;

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    address: Url,
    client: Client,
    at_once: Semaphore,
    /// Until when a key need not be asked for again.
    not_before: Memory<Wanted, Instant>,
    failures: AtomicU32,
    alone_until: Mutex<Option<Instant>>,
}

/// Why a server gave nothing that can be used.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the symbol server answered {0}")]
    Status(StatusCode),
    #[error("the symbol server cannot be read from")]
    Request(#[from] reqwest::Error),
    #[error("the symbol server sends more than 512 MiB")]
    TooLarge,
    #[error("a downloaded symbol file cannot be written")]
    NotWritten(#[from] std::io::Error),
    #[error("a downloaded symbol file cannot be used")]
    Unusable(#[from] super::compiler::NotCompiled),
    #[error("the address of a symbol file cannot be made")]
    Address,
}

impl Trouble {
    /// Whether the server is at fault, and not one file.
    fn is_outage(&self) -> bool {
        match self {
            Trouble::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Trouble::Request(_) => true,
            _ => false,
        }
    }
}

/// The servers at these addresses.
pub(super) fn all(addresses: &[String]) -> Result<Vec<Server>, SymbolSetupError> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let client = client().map_err(SymbolSetupError::Client)?;
    let server = |address: &String| {
        Server::new(address, client.clone()).ok_or_else(|| SymbolSetupError::Server {
            address: address.clone(),
        })
    };
    addresses.iter().map(server).collect()
}

fn client() -> Result<Client, reqwest::Error> {
    // The one provider of the whole program; whoever came first has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(WHOLE)
        // Microsoft's server sends everybody on to where its files are.
        .redirect(Policy::limited(5))
        .user_agent(concat!("stopcode/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl Server {
    fn new(address: &str, client: Client) -> Option<Server> {
        let address = Url::parse(&format!("{}/", address.trim_end_matches('/'))).ok()?;
        let is_http = matches!(address.scheme(), "http" | "https") && address.has_host();
        is_http.then(|| Server {
            address,
            client,
            at_once: Semaphore::new(AT_ONCE),
            not_before: Memory::builder()
                .max_capacity(MOST_REMEMBERED)
                .time_to_live(NOT_FOUND)
                .build(),
            failures: AtomicU32::new(0),
            alone_until: Mutex::new(None),
        })
    }

    /// The compiled file, if the server has one of this key that can be used.
    pub(super) async fn find(&self, wanted: &Wanted, compiler: &Compiler) -> Option<Arc<Entry>> {
        let cached = name_of(&[
            "server",
            self.address.as_str(),
            wanted.kind.as_str(),
            &wanted.key.canonical(),
        ]);
        if let Some(entry) = compiler.cache.get(&cached) {
            return Some(entry);
        }
        let known = self.not_before.get(wanted).await;
        if known.is_some_and(|until| Instant::now() < until) || self.is_left_alone() {
            return None;
        }
        let _turn = self.at_once.acquire().await.ok()?;
        for name in names::candidates(wanted) {
            let place = Place {
                name: &name,
                cached: &cached,
            };
            match self.take(wanted, place, compiler).await {
                Ok(Some(entry)) => {
                    self.failures.store(0, Ordering::Relaxed);
                    telemetry::found(telemetry::Origin::Server);
                    return Some(entry);
                }
                Ok(None) => {}
                Err(trouble) => {
                    telemetry::unusable(telemetry::Origin::Server, wanted, &trouble);
                    self.remember(wanted, FAILED).await;
                    self.count(&trouble);
                    return None;
                }
            }
        }
        self.failures.store(0, Ordering::Relaxed);
        telemetry::absent(telemetry::Origin::Server);
        self.remember(wanted, NOT_FOUND).await;
        None
    }

    /// Downloads and compiles one file; `None` if the server has none of this name.
    async fn take(
        &self,
        wanted: &Wanted,
        place: Place<'_>,
        compiler: &Compiler,
    ) -> Result<Option<Arc<Entry>>, Trouble> {
        let path = format!("{}/{}/{}", wanted.key.name(), wanted.key.id(), place.name);
        let address = self.address.join(&path).map_err(|_| Trouble::Address)?;
        let answer = self.client.get(address).send().await?;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => return Ok(None),
            status if !status.is_success() => return Err(Trouble::Status(status)),
            _ => {}
        }
        let mut file = compiler.cache.temporary()?;
        download(answer, &mut file).await?;
        let source = Source::Temporary(file);
        Ok(Some(compiler.compile(wanted, place, source).await?.entry))
    }

    async fn remember(&self, wanted: &Wanted, span: Duration) {
        self.not_before
            .insert(wanted.clone(), Instant::now() + span)
            .await;
    }

    fn count(&self, trouble: &Trouble) {
        if !trouble.is_outage() {
            return;
        }
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_FAILURES {
            self.failures.store(0, Ordering::Relaxed);
            *self.alone_until.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Instant::now() + LEFT_ALONE);
            tracing::warn!(symbols.server = %self.address, "a symbol server fails; it is left alone for a while");
        }
    }

    fn is_left_alone(&self) -> bool {
        let until = *self.alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}

async fn download(mut answer: Response, file: &mut Temporary) -> Result<(), Trouble> {
    if answer
        .content_length()
        .is_some_and(|length| length > LARGEST_FILE)
    {
        return Err(Trouble::TooLarge);
    }
    let mut left = LARGEST_FILE;
    while let Some(chunk) = answer.chunk().await? {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or(Trouble::TooLarge)?;
        file.file.write_all(&chunk)?;
    }
    Ok(())
}
