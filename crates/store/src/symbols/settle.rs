//! What a worker found out about an uploaded file.

use sqlx::PgConnection;

use super::SymbolKind;
use super::missed::LOCK;
use crate::{Error, SymbolFileId, text};

/// Marks a file as ready and queues every dump again whose crash missed it; the number queued.
///
/// `None` if the file is gone, was replaced, or is not of that kind and key (in lower case): then nothing was written.
/// `debug_key` is that of the debug file which an image names, in lower case. Call it in the transaction that ends the
/// job, as late in it as can be, and wake the workers afterwards.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.symbols.settle_ready", skip_all, fields(symbol_file.id = %id))]
pub async fn settle_ready(
    conn: &mut PgConnection,
    id: SymbolFileId,
    kind: SymbolKind,
    key: &str,
    debug_key: Option<&str>,
) -> Result<Option<u64>, Error> {
    let settled = sqlx::query!(
        r#"
            UPDATE symbol_file
            SET state = 'ready', reason = NULL, debug_key = $4
            WHERE id = $1 AND kind = $2 AND key = $3
        "#,
        id.0,
        kind.as_str(),
        key,
        debug_key.map(text::without_nul),
    )
    .execute(&mut *conn)
    .await?;
    if settled.rows_affected() == 0 {
        return Ok(None);
    }
    let queued = reanalyze(conn, &[key.to_owned()]).await?;
    // Last, because whoever records a crash compares it with the time its analysis began.
    sqlx::query!(
        "UPDATE symbol_file SET settled_at = clock_timestamp() WHERE id = $1",
        id.0
    )
    .execute(conn)
    .await?;
    Ok(Some(queued))
}

/// Marks a file as unusable, with the reason as a sentence. `None` if it is gone or was replaced.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.symbols.settle_failed", skip_all, fields(symbol_file.id = %id))]
pub async fn settle_failed(
    conn: &mut PgConnection,
    id: SymbolFileId,
    reason: &str,
) -> Result<Option<()>, Error> {
    let settled = sqlx::query!(
        "UPDATE symbol_file SET state = 'failed', reason = $2, settled_at = clock_timestamp() WHERE id = $1",
        id.0,
        text::without_nul(reason),
    )
    .execute(conn)
    .await?;
    Ok((settled.rows_affected() == 1).then_some(()))
}

/// Queues every dump again whose crash missed a file under one of these keys (in lower case); the number queued.
///
/// The latest crash comes first; dumps that wait already are left alone. Call it in a transaction that is over soon:
/// until then no crash that misses anything can be recorded.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.symbols.reanalyze", skip_all)]
pub async fn reanalyze(conn: &mut PgConnection, keys: &[String]) -> Result<u64, Error> {
    // In a statement of its own: the next one must see all crashes that were recorded before the lock was had.
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(&mut *conn)
        .await?;
    let ids = sqlx::query_scalar!("SELECT id FROM missing_symbol WHERE key = ANY ($1)", keys)
        .fetch_all(&mut *conn)
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let queued = sqlx::query!(
        r#"
            INSERT INTO job (kind, key)
            SELECT 'reanalyze', dump_id::text
            FROM crash
            WHERE missing_symbols && $1 AND dump_id IS NOT NULL
            ORDER BY crashed_at DESC
            ON CONFLICT (key) WHERE kind = 'reanalyze' AND state = 0 AND worker IS NULL DO NOTHING
        "#,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(queued.rows_affected())
}
