//! Writing alerts, looking at them, and forgetting them.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Alert, AlertId, AlertKind};
use crate::{Error, Page, stop_codes};

/// Writes an alert with a delivery for each webhook that wants it.
pub(super) async fn add(
    conn: &mut PgConnection,
    kind: AlertKind,
    stop_code: u32,
    body: &Value,
    now: OffsetDateTime,
) -> Result<AlertId, Error> {
    let id = AlertId(Uuid::now_v7());
    sqlx::query!(
        r#"
        WITH added AS (
            INSERT INTO alert (id, kind, stop_code, body, created_at) VALUES ($1, $2, $3, $4, $5)
            RETURNING id, kind
        )
        INSERT INTO alert_delivery (alert_id, webhook_id, next_attempt_at)
        SELECT added.id, webhook.id, now()
        FROM added
        JOIN webhook ON added.kind = ANY (webhook.kinds) AND webhook.disabled_at IS NULL
        "#,
        id.0,
        kind.as_str(),
        i64::from(stop_code),
        body,
        now,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// An alert and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertSummary {
    /// The alert.
    pub alert: Alert,
    /// Webhooks that took it.
    pub delivered: u64,
    /// Webhooks that will be tried again.
    pub waiting: u64,
    /// Webhooks that were given up.
    pub failed: u64,
    /// Why the last attempt of one of them failed.
    pub last_error: Option<String>,
}

/// Alerts, newest first, at most `limit`, after the one with the id `after`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    after: Option<AlertId>,
    limit: u32,
) -> Result<Page<AlertSummary, AlertId>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT alert.id, alert.kind, alert.stop_code, alert.body, alert.created_at,
            count(*) FILTER (WHERE delivery.state = 0) AS "waiting!",
            count(*) FILTER (WHERE delivery.state = 1) AS "delivered!",
            count(*) FILTER (WHERE delivery.state = 2) AS "failed!",
            max(delivery.last_error) FILTER (WHERE delivery.state <> 1) AS last_error
        FROM alert
        LEFT JOIN alert_delivery AS delivery ON delivery.alert_id = alert.id
        WHERE $1::uuid IS NULL OR alert.id < $1
        GROUP BY alert.id
        ORDER BY alert.id DESC
        LIMIT $2
        "#,
        after.map(|after| after.0),
        i64::from(limit) + 1,
    )
    .fetch_all(conn)
    .await?;
    let alerts: Result<Vec<AlertSummary>, Error> = rows
        .into_iter()
        .map(|row| {
            let alert = Alert {
                id: AlertId(row.id),
                kind: kind_of(&row.kind)?,
                stop_code: stop_codes::code_of(row.stop_code),
                body: row.body,
                created_at: row.created_at,
            };
            Ok(AlertSummary {
                alert,
                delivered: row.delivered.unsigned_abs(),
                waiting: row.waiting.unsigned_abs(),
                failed: row.failed.unsigned_abs(),
                last_error: row.last_error,
            })
        })
        .collect();
    Ok(Page::cut(alerts?, limit, |summary| summary.alert.id))
}

/// Deletes alerts from before that time of which nothing waits; the number deleted.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.prune", skip_all)]
pub async fn prune(conn: &mut PgConnection, before: OffsetDateTime) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"
        DELETE FROM alert
        WHERE created_at < $1
          AND NOT EXISTS (
              SELECT FROM alert_delivery WHERE alert_delivery.alert_id = alert.id AND alert_delivery.state = 0
          )
        "#,
        before,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

pub(super) fn kind_of(name: &str) -> Result<AlertKind, Error> {
    AlertKind::from_name(name).ok_or(Error::Row {
        table: "alert",
        column: "kind",
    })
}
