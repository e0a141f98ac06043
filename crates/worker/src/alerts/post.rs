//! Posting one alert.
//!
//! The body is signed as many receivers know it: a time and an HMAC-SHA-256 over time and body. Redirects are not
//! followed, the answer's body is not read, and nothing takes longer than ten seconds.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sha2::Sha256;
use store::alerts::Delivery;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pauses between attempts double up to this.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Why an alert was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The receiver answered otherwise.
    #[error("the receiver answered {0}")]
    Status(StatusCode),
    /// There was no answer. The address is left out: it may hold a secret.
    #[error("{0}")]
    Unreachable(&'static str),
    /// The key cannot be used; it never can.
    #[error("the webhook's secret cannot be a key")]
    Secret,
}

/// A client for all posts.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    // The one provider of the whole program; whoever came first has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(PATIENCE)
        .redirect(Policy::none())
        .build()
}

/// Posts one alert; taken only if the receiver says so with a 2xx status.
pub(super) async fn post(client: &Client, delivery: &Delivery, now: OffsetDateTime) -> Result<(), Refused> {
    let body = body(delivery);
    let signature = signature(&delivery.secret, now.unix_timestamp(), &body)?;
    let answer = client
        .post(&delivery.url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("stopcode/", env!("CARGO_PKG_VERSION")))
        .header("stopcode-alert", delivery.alert.id.0.to_string())
        .header("stopcode-signature", signature)
        .body(body)
        .send()
        .await
        .map_err(|error| Refused::Unreachable(unreachable(&error)))?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(Refused::Status(answer.status()))
    }
}

fn unreachable(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "the receiver did not answer in time"
    } else if error.is_connect() {
        "the receiver cannot be reached"
    } else if error.is_builder() {
        "the address cannot be posted to"
    } else {
        "the connection to the receiver broke"
    }
}

/// What is posted: the stored news with id and time.
fn body(delivery: &Delivery) -> String {
    let alert = &delivery.alert;
    let mut body = match &alert.body {
        Value::Object(fields) => fields.clone(),
        other => serde_json::Map::from_iter([("news".to_owned(), other.clone())]),
    };
    body.insert("id".to_owned(), alert.id.0.to_string().into());
    let created_at = alert.created_at.format(&Rfc3339).unwrap_or_default();
    body.insert("created_at".to_owned(), created_at.into());
    Value::Object(body).to_string()
}

/// `t=<seconds>,v1=<hex>`.
fn signature(secret: &str, seconds: i64, body: &str) -> Result<String, Refused> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| Refused::Secret)?;
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    Ok(format!(
        "t={seconds},v1={}",
        hex::encode(mac.finalize().into_bytes())
    ))
}

/// How long to wait after so many attempts: 10 s, 20 s, 40 s, … an hour, more or less a quarter.
pub(super) fn retry_after(attempts: i32) -> Duration {
    let doublings = attempts.clamp(1, 12).unsigned_abs() - 1;
    let pause = Duration::from_secs(10 << doublings).min(LONGEST_PAUSE);
    crate::backoff::with_jitter(pause)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{retry_after, signature};

    /// The oracle is python: `hmac.new(b"key", b"1763812800.{}", "sha256").hexdigest()`.
    #[test]
    fn the_signature_is_that_of_python() {
        let expected = "t=1763812800,v1=8f83b4e2305fd4c11b7052532cd2ef16711cf300a166186aed59b4133c95da64";
        assert_eq!(signature("key", 1_763_812_800, "{}").unwrap(), expected);
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        assert!(retry_after(1) <= Duration::from_secs(13));
        let last = retry_after(1000);
        assert!(
            (Duration::from_mins(45)..=Duration::from_mins(75)).contains(&last),
            "{last:?}"
        );
    }
}
