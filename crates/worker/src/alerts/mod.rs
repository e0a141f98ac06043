//! Telling people: what is news is put into the outbox with what made it true, and delivered from there.
//!
//! ```text
//! verdict ──► news ──► outbox ──► claim ──► POST, signed ──► delivered, or later again
//! rates   ──►   (one transaction)
//! ```
//!
//! A delivery is tried again until the receiver answers with a 2xx status, for three days; so it comes at least once.

mod news;
mod post;
mod rates;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use store::alerts::{self, Delivery, Failed};
use store::{Error, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::backoff;
use crate::pool::{Pool, log, pause};

pub(crate) use news::{name as suspect_name, of_verdict};
pub(crate) use rates::watch as watch_rates;

/// Alerts that are delivered side by side.
const BATCH: u32 = 8;

/// A claim is given up after this; a post is, sooner.
const LEASE: Duration = Duration::from_mins(1);

/// How often the outbox is looked into.
const EVERY: Duration = Duration::from_secs(5);

/// Alerts that are older than this are forgotten.
const KEPT: time::Duration = time::Duration::days(90);

/// Delivers until `stop`.
pub(crate) async fn deliver(pool: Arc<Pool>, stop: CancellationToken) {
    let client = match post::client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = %error, "no alerts are delivered: the HTTP client cannot be made");
            return;
        }
    };
    while !stop.is_cancelled() {
        let delivered = match deliver_batch(&pool, &client).await {
            Ok(delivered) => delivered,
            Err(error) => {
                log(&error, "could not look for alerts");
                0
            }
        };
        if delivered == 0 {
            pause(&stop, backoff::with_jitter(EVERY)).await;
        }
    }
}

/// Claims some alerts, posts them side by side and notes what became of each; how many there were.
async fn deliver_batch(pool: &Pool, client: &reqwest::Client) -> Result<usize, Error> {
    let mut conn = pool.database.acquire().await?;
    let claimed = alerts::claim(&mut conn, BATCH, LEASE).await?;
    drop(conn);
    let now = pool.config.clock.now();
    let posts = claimed.iter().map(|delivery| post::post(client, delivery, now));
    let results = join_all(posts).await;
    if claimed.is_empty() {
        return Ok(0);
    }
    let mut conn = pool.database.acquire().await?;
    for (delivery, result) in claimed.iter().zip(results) {
        settle(&mut conn, delivery, result).await?;
    }
    Ok(claimed.len())
}

/// Notes what became of one delivery.
async fn settle(
    conn: &mut PgConnection,
    delivery: &Delivery,
    result: Result<(), post::Refused>,
) -> Result<(), Error> {
    match result {
        Ok(()) => {
            alerts::delivered(conn, delivery.fence).await?;
            tell(delivery, "delivered", None);
        }
        Err(refused) => {
            let delay = post::retry_after(delivery.fence.attempts);
            match alerts::failed(conn, delivery.fence, &refused.to_string(), delay).await? {
                Failed::Retried => tell(delivery, "retried", Some(&refused)),
                Failed::GivenUp => tell(delivery, "given-up", Some(&refused)),
                Failed::Lost => {}
            }
        }
    }
    Ok(())
}

/// Says what the figures are; counters start at 0.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        "stopcode_alert_deliveries_total",
        "Attempts to deliver an alert to a webhook, by outcome."
    );
    for outcome in ["delivered", "retried", "given-up"] {
        deliveries_total(outcome).increment(0);
    }
}

fn deliveries_total(outcome: &'static str) -> metrics::Counter {
    metrics::counter!("stopcode_alert_deliveries_total", "outcome" => outcome)
}

/// Counts and logs an outcome.
fn tell(delivery: &Delivery, outcome: &'static str, refused: Option<&post::Refused>) {
    deliveries_total(outcome).increment(1);
    let (id, kind) = (delivery.alert.id.0, delivery.alert.kind.as_str());
    match refused {
        None => tracing::info!(alert.id = %id, alert.kind = kind, "alert delivered"),
        Some(refused) => {
            tracing::warn!(alert.id = %id, alert.kind = kind, outcome, error = %refused, "alert not taken");
        }
    }
}

/// Forgets old alerts.
pub(crate) async fn prune(pool: &Pool) -> Result<(), Error> {
    let before = pool.config.clock.now() - KEPT;
    let mut conn = pool.database.acquire().await?;
    alerts::prune(&mut conn, before).await?;
    Ok(())
}
