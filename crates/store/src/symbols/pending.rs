//! Uploads in three steps: begun with a token, sent to an address that holds a secret, completed with the token.
//!
//! One that is not complete after a day is void: its blob has no row and may be swept then.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::tokens::Secret;
use crate::{Error, Sha256, TokenId};

/// How long an upload may take from its beginning to its completion.
const LASTS: Duration = Duration::DAY;

/// Begins an upload: its id, and the secret for sending its bytes. Uploads that are void are forgotten meanwhile.
///
/// # Errors
///
/// [`Error::NoRandomness`], [`Error::Database`].
#[tracing::instrument(name = "db.symbols.begin_upload", skip_all)]
pub async fn begin_upload(
    conn: &mut PgConnection,
    token: Option<TokenId>,
    now: OffsetDateTime,
) -> Result<(Uuid, Secret), Error> {
    let id = Uuid::now_v7();
    let secret = Secret::generate("")?;
    sqlx::query!(
        r#"
            WITH void AS (DELETE FROM symbol_upload WHERE created_at < $5)
            INSERT INTO symbol_upload (id, secret_hash, token_id, created_at)
            VALUES ($1, $2, $3, $4)
        "#,
        id,
        &secret.hash().0,
        token.map(|token| token.0),
        now,
        now - LASTS,
    )
    .execute(conn)
    .await?;
    Ok((id, secret))
}

/// Whether bytes may be sent for this upload with the secret of this hash.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.symbols.may_send", skip_all)]
pub async fn may_send(
    conn: &mut PgConnection,
    id: Uuid,
    secret: Sha256,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let may = sqlx::query_scalar!(
        r#"
            SELECT EXISTS (
                SELECT FROM symbol_upload WHERE id = $1 AND secret_hash = $2 AND created_at >= $3
            ) AS "may!"
        "#,
        id,
        secret.as_bytes(),
        now - LASTS,
    )
    .fetch_one(conn)
    .await?;
    Ok(may)
}

/// Notes that the bytes of an upload are durable. `None` if the upload is void.
///
/// # Errors
///
/// [`Error::Database`], [`Error::OutOfRange`].
#[tracing::instrument(name = "db.symbols.sent", skip_all)]
pub async fn sent(
    conn: &mut PgConnection,
    id: Uuid,
    sha256: Sha256,
    size_bytes: u64,
) -> Result<Option<()>, Error> {
    let noted = sqlx::query!(
        "UPDATE symbol_upload SET sha256 = $2, size_bytes = $3 WHERE id = $1",
        id,
        sha256.as_bytes(),
        i64::try_from(size_bytes).map_err(|_| Error::OutOfRange { what: "size" })?,
    )
    .execute(conn)
    .await?;
    Ok((noted.rows_affected() == 1).then_some(()))
}

/// Ends an upload that was begun with `token`: hash and size of its bytes. `None` if there is no such upload, it is void,
/// or its bytes never came.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.symbols.take_upload", skip_all)]
pub async fn take_upload(
    conn: &mut PgConnection,
    id: Uuid,
    token: Option<TokenId>,
    now: OffsetDateTime,
) -> Result<Option<(Sha256, u64)>, Error> {
    let row = sqlx::query!(
        r#"
            DELETE FROM symbol_upload
            WHERE id = $1 AND token_id IS NOT DISTINCT FROM $2 AND created_at >= $3 AND sha256 IS NOT NULL
            RETURNING sha256 AS "sha256!", size_bytes AS "size_bytes!"
        "#,
        id,
        token.map(|token| token.0),
        now - LASTS,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let sha256 = Sha256::from_slice(&row.sha256).ok_or(Error::Row {
        table: "symbol_upload",
        column: "sha256",
    })?;
    Ok(Some((sha256, row.size_bytes.unsigned_abs())))
}
