//! Whom to tell.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::AlertKind;
use crate::Error;

/// A webhook's id: a UUID version 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct WebhookId(pub Uuid);

/// A webhook to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where alerts are posted to.
    pub url: String,
    /// The key of the signature.
    pub secret: String,
    /// What it wants to be told.
    pub kinds: Vec<AlertKind>,
}

/// An address that wants to be told of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where alerts are posted to.
    pub url: String,
    /// The key of the signature. Not to be shown again.
    pub secret: String,
    /// What it wants to be told.
    pub kinds: Vec<AlertKind>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was switched off.
    pub disabled_at: Option<OffsetDateTime>,
}

/// Makes a webhook. It is told of what happens from now on.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.create_webhook", skip_all)]
pub async fn create_webhook(
    conn: &mut PgConnection,
    webhook: &NewWebhook,
    now: OffsetDateTime,
) -> Result<WebhookId, Error> {
    let id = WebhookId(Uuid::now_v7());
    let kinds: Vec<&str> = webhook.kinds.iter().map(|kind| kind.as_str()).collect();
    sqlx::query!(
        "INSERT INTO webhook (id, url, secret, kinds, created_at) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        webhook.url,
        webhook.secret,
        &kinds as &[&str],
        now,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// All webhooks, those that were switched off included, oldest first.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn webhooks(conn: &mut PgConnection) -> Result<Vec<Webhook>, Error> {
    let rows =
        sqlx::query!("SELECT id, url, secret, kinds, created_at, disabled_at FROM webhook ORDER BY id")
            .fetch_all(conn)
            .await?;
    let webhooks = rows.into_iter().map(|row| Webhook {
        id: WebhookId(row.id),
        url: row.url,
        secret: row.secret,
        kinds: row
            .kinds
            .iter()
            .filter_map(|kind| AlertKind::from_name(kind))
            .collect(),
        created_at: row.created_at,
        disabled_at: row.disabled_at,
    });
    Ok(webhooks.collect())
}

/// Switches a webhook off; what still waits for it is given up. `None` if there is none that is on.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.alerts.disable_webhook", skip_all)]
pub async fn disable_webhook(
    conn: &mut PgConnection,
    id: WebhookId,
    now: OffsetDateTime,
) -> Result<Option<()>, Error> {
    let disabled = sqlx::query_scalar!(
        r#"
        WITH
            disabled AS (
                UPDATE webhook SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL RETURNING id
            ),
            given_up AS (
                UPDATE alert_delivery
                SET state = 2, last_error = 'the webhook was switched off'
                FROM disabled
                WHERE alert_delivery.webhook_id = disabled.id AND alert_delivery.state = 0
            )
        SELECT count(*) AS "count!" FROM disabled
        "#,
        id.0,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok((disabled == 1).then_some(()))
}
