//! Signed-in browsers, and links that sign one in once.
//!
//! Cookies and links carry 256 random bits each, stored as their SHA-256, as tokens are.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::tokens::{Grant, Secret};
use crate::{Error, Sha256, TokenId, text};

/// Who is said to have signed in by a link.
const BY_LINK: &str = "one-time link";

/// Opens a session with what `grant` may do, for `lasts`; hands out the cookie's value.
///
/// # Errors
///
/// [`Error::NoRandomness`], [`Error::Database`].
#[tracing::instrument(name = "db.sessions.open", skip_all)]
pub async fn open(
    conn: &mut PgConnection,
    grant: &Grant,
    now: OffsetDateTime,
    lasts: Duration,
) -> Result<Secret, Error> {
    let secret = Secret::generate("")?;
    sqlx::query!(
        "INSERT INTO session (hash, token_id, scopes, actor, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &secret.hash().0,
        grant.token.map(|token| token.0),
        &grant.scopes,
        grant.actor.as_deref().map(text::without_nul),
        now,
        now + lasts,
    )
    .execute(conn)
    .await?;
    Ok(secret)
}

/// What the session with this hash may do at `now`; `None` if it is unknown, over, or its token is.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.sessions.authenticate", skip_all)]
pub async fn authenticate(
    conn: &mut PgConnection,
    hash: Sha256,
    now: OffsetDateTime,
) -> Result<Option<Grant>, Error> {
    let grant = sqlx::query_as!(
        Grant,
        r#"
            SELECT session.token_id AS "token: TokenId", session.scopes, token.machine, session.actor
            FROM session
            LEFT JOIN token ON token.id = session.token_id
            WHERE session.hash = $1
                AND session.expires_at > $2
                AND token.revoked_at IS NULL
                AND (token.expires_at IS NULL OR token.expires_at > $2)
        "#,
        hash.as_bytes(),
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(grant)
}

/// Ends the session with this hash: who was signed in, in words; `None` if there is no such session.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.sessions.close", skip_all)]
pub async fn close(conn: &mut PgConnection, hash: Sha256) -> Result<Option<String>, Error> {
    let who = sqlx::query_scalar!(
        r#"
            DELETE FROM session
            WHERE hash = $1
            RETURNING coalesce((SELECT name FROM token WHERE id = token_id), actor, '') AS "who!"
        "#,
        hash.as_bytes(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(who)
}

/// A signed-in browser, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What it is known by here; the cookie cannot be made from it.
    pub hash: Sha256,
    /// What the token that it was opened with is called.
    pub token_name: Option<String>,
    /// Who, in words, where no token tells.
    pub actor: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

/// The sessions that work at `now`, newest first, at most `limit`.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.sessions.open_now", skip_all)]
pub async fn open_now(conn: &mut PgConnection, now: OffsetDateTime, limit: u32) -> Result<Vec<Open>, Error> {
    let rows = sqlx::query!(
        r#"
            SELECT
                session.hash, token.name AS "token_name?", session.actor, session.scopes, session.created_at,
                session.expires_at
            FROM session
            LEFT JOIN token ON token.id = session.token_id
            WHERE session.expires_at > $1
                AND token.revoked_at IS NULL
                AND (token.expires_at IS NULL OR token.expires_at > $1)
            ORDER BY session.created_at DESC, session.hash
            LIMIT $2
        "#,
        now,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    let open = rows.into_iter().map(|row| {
        Ok(Open {
            hash: Sha256::from_slice(&row.hash).ok_or(Error::Row {
                table: "session",
                column: "hash",
            })?,
            token_name: row.token_name,
            actor: row.actor,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    });
    open.collect()
}

/// Makes a link's secret that opens one session with `scopes`, until it is used or `lasts` is over.
///
/// # Errors
///
/// [`Error::NoRandomness`], [`Error::Database`].
#[tracing::instrument(name = "db.sessions.create_link", skip_all)]
pub async fn create_link(
    conn: &mut PgConnection,
    scopes: &[String],
    now: OffsetDateTime,
    lasts: Duration,
) -> Result<Secret, Error> {
    let secret = Secret::generate("")?;
    sqlx::query!(
        "INSERT INTO sign_in_link (hash, scopes, expires_at) VALUES ($1, $2, $3)",
        &secret.hash().0,
        scopes,
        now + lasts,
    )
    .execute(conn)
    .await?;
    Ok(secret)
}

/// Uses up a link: what its session may do, or `None` if it is unknown, used or over. Of two uses at once one wins.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.sessions.use_link", skip_all)]
pub async fn use_link(
    conn: &mut PgConnection,
    hash: Sha256,
    now: OffsetDateTime,
) -> Result<Option<Grant>, Error> {
    let scopes = sqlx::query_scalar!(
        r#"
            UPDATE sign_in_link
            SET used_at = $2
            WHERE hash = $1 AND used_at IS NULL AND expires_at > $2
            RETURNING scopes
        "#,
        hash.as_bytes(),
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(scopes.map(|scopes| Grant {
        token: None,
        scopes,
        machine: None,
        actor: Some(BY_LINK.to_owned()),
    }))
}

/// Deletes sessions and links that are over; the number deleted.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.sessions.sweep", skip_all)]
pub async fn sweep(conn: &mut PgConnection, now: OffsetDateTime) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"
            WITH links AS (DELETE FROM sign_in_link WHERE expires_at <= $1)
            DELETE FROM session WHERE expires_at <= $1
        "#,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
