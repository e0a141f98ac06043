//! Adding and removing uploaded files. The bytes are in the blob store before a row speaks of them.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Key, SymbolKind};
use crate::jobs::{self, JobKind};
use crate::{Error, Sha256, SymbolFileId, TokenId, text};

/// An uploaded file whose bytes are stored durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSymbolFile {
    /// What it is.
    pub kind: SymbolKind,
    /// The key it was uploaded under.
    pub key: Key,
    /// The file name it came under.
    pub file_name: String,
    /// Where its blob lies.
    pub sha256: Sha256,
    /// Its size.
    pub size_bytes: u64,
    /// The token it was uploaded with.
    pub token: Option<TokenId>,
}

/// What [`add`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// A file under a new key.
    New(SymbolFileId),
    /// It took the place of other bytes under the same key, or of the same bytes that had failed.
    Replaced(SymbolFileId),
    /// The same bytes were there under the same key.
    Known(SymbolFileId),
}

impl Added {
    /// The current file under that key.
    pub fn id(self) -> SymbolFileId {
        match self {
            Added::New(id) | Added::Replaced(id) | Added::Known(id) => id,
        }
    }
}

/// Adds a file and has a worker read it. Call it in a transaction, after the blob was stored, and wake the workers
/// afterwards.
///
/// The same bytes under the same key add nothing, unless they failed: then they are read once more.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.symbols.add", skip_all)]
pub async fn add(conn: &mut PgConnection, file: &NewSymbolFile, now: OffsetDateTime) -> Result<Added, Error> {
    let id = SymbolFileId(Uuid::now_v7());
    let inserted = upsert(conn, id, file, now).await?;
    let Some(is_new) = inserted else {
        return known(conn, file).await;
    };
    jobs::enqueue(conn, JobKind::Symbol, &id.to_string(), Duration::ZERO).await?;
    Ok(if is_new {
        Added::New(id)
    } else {
        Added::Replaced(id)
    })
}

/// Whether the row is new; `None` if the same bytes are there.
async fn upsert(
    conn: &mut PgConnection,
    id: SymbolFileId,
    file: &NewSymbolFile,
    now: OffsetDateTime,
) -> Result<Option<bool>, Error> {
    let is_new = sqlx::query_scalar!(
        r#"
            INSERT INTO symbol_file AS known
                (id, key, kind, name, symbol_id, file_name, sha256, size_bytes, uploaded_at, token_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (key, kind) DO UPDATE
            SET id = excluded.id, name = excluded.name, symbol_id = excluded.symbol_id,
                file_name = excluded.file_name, sha256 = excluded.sha256, size_bytes = excluded.size_bytes,
                state = 'queued', reason = NULL, debug_key = NULL, settled_at = NULL,
                uploaded_at = excluded.uploaded_at, token_id = excluded.token_id
            WHERE known.sha256 <> excluded.sha256 OR known.state = 'failed'
            -- A row that was inserted by this statement was never updated by another.
            RETURNING xmax = 0 AS "is_new!"
        "#,
        id.0,
        file.key.canonical(),
        file.kind.as_str(),
        file.key.name,
        file.key.id,
        text::without_nul(&file.file_name),
        file.sha256.as_bytes(),
        i64::try_from(file.size_bytes).map_err(|_| Error::OutOfRange { what: "size" })?,
        now,
        file.token.map(|token| token.0),
    )
    .fetch_optional(conn)
    .await?;
    Ok(is_new)
}

async fn known(conn: &mut PgConnection, file: &NewSymbolFile) -> Result<Added, Error> {
    let id = sqlx::query_scalar!(
        r#"SELECT id AS "id: SymbolFileId" FROM symbol_file WHERE key = $1 AND kind = $2"#,
        file.key.canonical(),
        file.kind.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(Added::Known(id))
}

/// Removes a file; its bytes are swept when nothing else has them. `None` if there is no such file.
///
/// Crashes keep what they gained by it until their dumps are analysed again.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.symbols.delete", skip_all, fields(symbol_file.id = %id))]
pub async fn delete(conn: &mut PgConnection, id: SymbolFileId) -> Result<Option<()>, Error> {
    let done = sqlx::query!("DELETE FROM symbol_file WHERE id = $1", id.0)
        .execute(conn)
        .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}
