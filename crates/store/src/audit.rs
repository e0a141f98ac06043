//! The record of what was done that needs an answer later.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, TokenId, text};

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: OffsetDateTime,
    /// The token used; `None` for a session opened by a link, and for the program itself.
    pub token: Option<TokenId>,
    /// What, e.g. `dump.download`.
    pub action: String,
    /// To what: an id.
    pub subject: String,
}

/// Records one thing that was done.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.audit.record", skip_all, fields(action = entry.action))]
pub async fn record(conn: &mut PgConnection, entry: &Entry) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO audit (id, at, token_id, action, subject) VALUES ($1, $2, $3, $4, $5)",
        Uuid::now_v7(),
        entry.at,
        entry.token.map(|token| token.0),
        entry.action,
        text::without_nul(&entry.subject),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The latest `limit` entries, newest first.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.audit.list", skip_all)]
pub async fn list(conn: &mut PgConnection, limit: u32) -> Result<Vec<Entry>, Error> {
    let entries = sqlx::query_as!(
        Entry,
        r#"
            SELECT at, token_id AS "token: TokenId", action, subject
            FROM audit
            ORDER BY at DESC
            LIMIT $1
        "#,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    Ok(entries)
}
