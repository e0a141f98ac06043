//! Delivering alerts at least once.
//!
//! Times are the database's, as with jobs, because all replicas share its clock.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

use super::outbox::kind_of;
use super::{Alert, AlertId};
use crate::{Error, stop_codes, text};

/// A delivery is given up so long after its alert.
const GIVE_UP_AFTER: Duration = Duration::from_hours(72);

/// A claimed delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What settles it.
    pub fence: DeliveryFence,
    /// Where to post it.
    pub url: String,
    /// The key of the signature.
    pub secret: String,
    /// What to tell.
    pub alert: Alert,
}

/// A claim on one delivery. It is void as soon as the delivery is claimed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryFence {
    /// The alert.
    pub alert: AlertId,
    /// The webhook.
    pub webhook: Uuid,
    /// Which claim it is, counted from 1.
    pub attempts: i32,
}

/// What became of a delivery that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It will be tried again.
    Retried,
    /// Its alert is too old to be tried again.
    GivenUp,
    /// Somebody else has claimed it since; nothing was written.
    Lost,
}

/// Claims up to `batch` deliveries that are due for `lease`; after that they are due again unless they were settled.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.claim", level = "debug", skip_all)]
pub async fn claim(conn: &mut PgConnection, batch: u32, lease: Duration) -> Result<Vec<Delivery>, Error> {
    let rows = sqlx::query!(
        r#"
        -- What is due and in nobody's hands.
        WITH due AS MATERIALIZED (
            SELECT alert_id, webhook_id
            FROM alert_delivery
            WHERE state = 0 AND next_attempt_at <= now()
            ORDER BY next_attempt_at
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE alert_delivery AS delivery
        SET attempts = delivery.attempts + 1, next_attempt_at = now() + $2
        FROM due
        JOIN alert ON alert.id = due.alert_id
        JOIN webhook ON webhook.id = due.webhook_id
        WHERE delivery.alert_id = due.alert_id AND delivery.webhook_id = due.webhook_id
        RETURNING delivery.alert_id, delivery.webhook_id, delivery.attempts, webhook.url, webhook.secret,
            alert.kind, alert.stop_code, alert.body, alert.created_at
        "#,
        i64::from(batch),
        interval(lease),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let id = AlertId(row.alert_id);
            Ok(Delivery {
                fence: DeliveryFence {
                    alert: id,
                    webhook: row.webhook_id,
                    attempts: row.attempts,
                },
                url: row.url,
                secret: row.secret,
                alert: Alert {
                    id,
                    kind: kind_of(&row.kind)?,
                    stop_code: stop_codes::code_of(row.stop_code),
                    body: row.body,
                    created_at: row.created_at,
                },
            })
        })
        .collect()
}

/// Notes that the receiver took it; `false` if somebody else has claimed it since, so that it may get it twice.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.delivered", skip_all)]
pub async fn delivered(conn: &mut PgConnection, fence: DeliveryFence) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"
        UPDATE alert_delivery
        SET state = 1, delivered_at = now()
        WHERE alert_id = $1 AND webhook_id = $2 AND attempts = $3 AND state = 0
        "#,
        fence.alert.0,
        fence.webhook,
        fence.attempts,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a delivery wait for `delay`, or gives it up three days after its alert.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.failed", skip_all)]
pub async fn failed(
    conn: &mut PgConnection,
    fence: DeliveryFence,
    error: &str,
    delay: Duration,
) -> Result<Failed, Error> {
    let state = sqlx::query_scalar!(
        r#"
        UPDATE alert_delivery AS delivery
        SET state = CASE WHEN alert.created_at < now() - $6::interval THEN 2 ELSE 0 END,
            last_error = $4, next_attempt_at = now() + $5
        FROM alert
        WHERE delivery.alert_id = $1 AND delivery.webhook_id = $2 AND delivery.attempts = $3
          AND delivery.state = 0 AND alert.id = delivery.alert_id
        RETURNING delivery.state
        "#,
        fence.alert.0,
        fence.webhook,
        fence.attempts,
        text::without_nul(error),
        interval(delay),
        interval(GIVE_UP_AFTER),
    )
    .fetch_optional(conn)
    .await?;
    Ok(match state {
        None => Failed::Lost,
        Some(2) => Failed::GivenUp,
        Some(_) => Failed::Retried,
    })
}

/// A span for the database.
fn interval(span: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(span.as_micros()).unwrap_or(i64::MAX),
    }
}
