//! Looking for files.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{FileState, Row, SymbolFile, SymbolKind};
use crate::{Error, Page, SymbolFileId, TokenId};

/// The place after one file of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileCursor {
    /// When that file was taken.
    pub uploaded_at: OffsetDateTime,
    /// Its id, which orders files of one time.
    pub id: SymbolFileId,
}

impl SymbolFile {
    /// The place after this file.
    pub fn cursor(&self) -> FileCursor {
        FileCursor {
            uploaded_at: self.uploaded_at,
            id: self.id,
        }
    }
}

/// The file with this id, or `None` if there is none any more.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.symbols.find", skip_all, fields(symbol_file.id = %id))]
pub async fn find(conn: &mut PgConnection, id: SymbolFileId) -> Result<Option<SymbolFile>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"
            SELECT
                id AS "id: SymbolFileId", kind, name, symbol_id, file_name, sha256, size_bytes, state, reason,
                debug_key, uploaded_at, token_id AS "token: TokenId"
            FROM symbol_file
            WHERE id = $1
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(SymbolFile::try_from).transpose()
}

/// The file under this key (in lower case), whatever its state.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.symbols.find_by_key", skip_all)]
pub async fn find_by_key(
    conn: &mut PgConnection,
    kind: SymbolKind,
    key: &str,
) -> Result<Option<SymbolFile>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"
            SELECT
                id AS "id: SymbolFileId", kind, name, symbol_id, file_name, sha256, size_bytes, state, reason,
                debug_key, uploaded_at, token_id AS "token: TokenId"
            FROM symbol_file
            WHERE key = $1 AND kind = $2
        "#,
        key,
        kind.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(SymbolFile::try_from).transpose()
}

/// Those of the wanted files (kind, and key in lower case) that are ready, in no order.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.symbols.ready", level = "debug", skip_all)]
pub async fn ready(
    conn: &mut PgConnection,
    wanted: &[(SymbolKind, String)],
) -> Result<Vec<SymbolFile>, Error> {
    let kinds: Vec<String> = wanted.iter().map(|(kind, _)| kind.as_str().to_owned()).collect();
    let keys: Vec<String> = wanted.iter().map(|(_, key)| key.clone()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
            SELECT
                id AS "id: SymbolFileId", symbol_file.kind, name, symbol_id, file_name, sha256, size_bytes, state,
                reason, debug_key, uploaded_at, token_id AS "token: TokenId"
            FROM symbol_file
            JOIN unnest($1::text[], $2::text[]) AS wanted (kind, key)
                ON wanted.kind = symbol_file.kind AND wanted.key = symbol_file.key
            WHERE state = 'ready'
        "#,
        &kinds,
        &keys,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(SymbolFile::try_from).collect()
}

/// At most `limit` files after `after`, latest first; all, or those in one state.
///
/// # Errors
///
/// [`Error::Database`], [`Error::Row`].
#[tracing::instrument(name = "db.symbols.list", skip_all)]
pub async fn list(
    conn: &mut PgConnection,
    state: Option<FileState>,
    after: Option<FileCursor>,
    limit: u32,
) -> Result<Page<SymbolFile, FileCursor>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"
            SELECT
                id AS "id: SymbolFileId", kind, name, symbol_id, file_name, sha256, size_bytes, state, reason,
                debug_key, uploaded_at, token_id AS "token: TokenId"
            FROM symbol_file
            WHERE ($1::text IS NULL OR state = $1)
                AND ($2::timestamptz IS NULL OR (uploaded_at, id) < ($2, $3::uuid))
            ORDER BY uploaded_at DESC, id DESC
            LIMIT $4
        "#,
        state.map(FileState::as_str),
        after.map(|cursor| cursor.uploaded_at),
        after.map_or(Uuid::nil(), |cursor| cursor.id.0),
        i64::from(limit) + 1,
    )
    .fetch_all(conn)
    .await?;
    let files: Result<Vec<SymbolFile>, Error> = rows.into_iter().map(SymbolFile::try_from).collect();
    Ok(Page::cut(files?, limit, SymbolFile::cursor))
}
