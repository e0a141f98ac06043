//! Asking the provider over HTTP: documents that are kept for a while, and single requests.
//!
//! An answer is JSON of at most a mebibyte, there within seconds, from the address that was asked.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::Error;
use crate::config::BadIssuer;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of an answer.
const LARGEST_ANSWER: usize = 1 << 20;

/// Requests at once.
const AT_ONCE: usize = 16;

/// How long a document is kept.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// The most documents that are kept: what the provider says of itself, and its keys.
const MOST_KEPT: u64 = 8;

/// What the provider is asked with.
pub(crate) struct Documents {
    client: Client,
    kept: Cache<Url, Arc<Value>>,
    turns: Semaphore,
}

impl Documents {
    /// Nothing kept yet.
    ///
    /// # Errors
    ///
    /// [`BadIssuer::NoClient`].
    pub(crate) fn new() -> Result<Documents, BadIssuer> {
        // The one provider of the whole program; whoever came first has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(PATIENCE)
            // An answer from elsewhere is not the provider's.
            .redirect(Policy::none())
            .user_agent(concat!("stopcode/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| BadIssuer::NoClient(error.to_string()))?;
        Ok(Documents {
            client,
            kept: Cache::builder()
                .max_capacity(MOST_KEPT)
                .time_to_live(KEPT_FOR)
                .build(),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    /// The document at `url`, perhaps as it was within the last hour. Of many who ask at once, one goes.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`], [`Error::Unusable`]; the next who asks tries again.
    pub(crate) async fn get(&self, what: &'static str, url: &Url) -> Result<Arc<Value>, Error> {
        let fetch = async {
            let (status, document) = self.ask(what, self.client.get(url.clone())).await?;
            if status == StatusCode::OK {
                Ok(Arc::new(document))
            } else {
                Err(Error::Unusable {
                    what,
                    why: format!("the provider answered {status}"),
                })
            }
        };
        let document = self.kept.try_get_with_by_ref(url, fetch).await;
        document.map_err(|error: Arc<Error>| Error::clone(&error))
    }

    /// Has the next who asks for the document at `url` fetch it anew.
    pub(crate) async fn forget(&self, url: &Url) {
        self.kept.invalidate(url).await;
    }

    /// A request to be finished and given to [`ask`](Documents::ask).
    pub(crate) fn request(&self, method: reqwest::Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// What the provider answers to `request`.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`], [`Error::Unusable`] if it is no JSON.
    pub(crate) async fn ask(
        &self,
        what: &'static str,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Value), Error> {
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            what,
            why: in_words(&error),
        };
        // Closed never: whoever waits gets a turn.
        let _turn = self.turns.acquire().await;
        let response = request
            .header("accept", "application/json")
            .send()
            .await
            .map_err(unreachable)?;
        let status = response.status();
        if status.is_server_error() {
            let why = format!("the provider answered {status}");
            return Err(Error::Unreachable { what, why });
        }
        let body = bounded(response).await.map_err(unreachable)?;
        let unusable = |why: String| Error::Unusable { what, why };
        let body = body.ok_or_else(|| unusable(format!("more than {LARGEST_ANSWER} bytes")))?;
        match serde_json::from_slice(&body) {
            Ok(answer) => Ok((status, answer)),
            Err(_) => Err(unusable(format!(
                "the provider answered {status} with something that is no JSON"
            ))),
        }
    }
}

/// The body, or `None` if it is too large.
async fn bounded(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > LARGEST_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// What went wrong, with its innermost cause: that is the one that names the name or the certificate.
fn in_words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let when = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot be reached"
    } else {
        "the connection broke"
    };
    format!("{when}: {cause}")
}
