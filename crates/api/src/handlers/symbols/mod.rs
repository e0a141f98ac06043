//! Symbol files: sending them, listing them, and which are missing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use store::symbols::{self, FileCursor, FileState, MissingCursor, Ranked};
use store::{SymbolFileId, audit};
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;
use wire::page::Page;
use wire::problem::Problem;
use wire::symbols::{MissingSymbolFile, SymbolFile};
use wire::token::Scope;

use crate::auth::{Caller, Reader};
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, WindowQuery};
use crate::state::{AppState, commit};
use crate::view;

pub(crate) mod breakpad;
pub(crate) mod rules;
pub(crate) mod send;

/// Which files.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilesQuery {
    /// Only files that stand there: `queued`, `ready` or `failed`.
    pub(crate) state: Option<String>,
}

impl FilesQuery {
    pub(crate) fn state(&self) -> Result<Option<FileState>, ApiError> {
        let Some(word) = self.state.as_deref().filter(|word| !word.is_empty()) else {
            return Ok(None);
        };
        FileState::from_name(word)
            .map(Some)
            .ok_or_else(|| ApiError::invalid("`state` must be queued, ready or failed"))
    }
}

/// A cursor's key: when the file was taken, in nanoseconds, and its id.
pub(crate) type FileKey = (i128, Uuid);

/// The place after a file as a cursor's key.
pub(crate) fn file_key(cursor: FileCursor) -> FileKey {
    (cursor.uploaded_at.unix_timestamp_nanos(), cursor.id.0)
}

/// The place that a cursor's key means.
pub(crate) fn file_cursor((nanoseconds, id): FileKey) -> Result<FileCursor, ApiError> {
    let uploaded_at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .map_err(|_| ApiError::invalid("`cursor` is none that this list gave out"))?;
    Ok(FileCursor {
        uploaded_at,
        id: SymbolFileId(id),
    })
}

/// List uploaded symbol files, latest first.
#[utoipa::path(get, path = "/api/v1/symbols", operation_id = "list_symbols", tag = "symbols",
    params(FilesQuery, ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<SymbolFile> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.symbols.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<FilesQuery>,
) -> Result<Response, ApiError> {
    let after = request.cursor::<FileKey>()?.map(file_cursor).transpose()?;
    let mut conn = state.conn().await?;
    let page = symbols::list(&mut conn, query.state()?, after, request.limit).await?;
    let next = page.next.map(file_key);
    let items: Vec<SymbolFile> = page.items.into_iter().map(view::symbols::file).collect();
    Ok(request.answer(items, next.as_ref()))
}

/// Get where one symbol file stands.
#[utoipa::path(get, path = "/api/v1/symbols/{id}", operation_id = "get_symbol", tag = "symbols", params(("id" = Uuid, Path)),
    responses((status = 200, body = SymbolFile), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.symbols.get", skip_all, fields(symbol_file.id = %id))]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<SymbolFile>, ApiError> {
    // Whoever may send symbols may also see what became of them.
    if !caller.may(Scope::Symbols) {
        caller.require(Scope::Read)?;
    }
    let mut conn = state.conn().await?;
    let file = symbols::find(&mut conn, SymbolFileId(id)).await?;
    let file = file.ok_or_else(|| ApiError::not_found("symbol file", &id))?;
    Ok(axum::Json(view::symbols::file(file)))
}

/// Remove a symbol file. Crashes keep what they gained by it until they are analysed again.
#[utoipa::path(delete, path = "/api/v1/symbols/{id}", operation_id = "delete_symbol", tag = "symbols", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 404, body = Problem)),
    security(("token" = ["symbols"])))]
#[tracing::instrument(name = "http.symbols.delete", skip_all, fields(symbol_file.id = %id))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    caller.require(Scope::Symbols)?;
    let mut transaction = state.begin().await?;
    let deleted = symbols::delete(&mut transaction, SymbolFileId(id)).await?;
    deleted.ok_or_else(|| ApiError::not_found("symbol file", &id))?;
    let entry = state.entry(&caller, "symbols.delete", &id);
    audit::record(&mut transaction, &entry).await?;
    commit(transaction).await?;
    state.kept.missing.forget();
    Ok(StatusCode::NO_CONTENT)
}

/// A cursor's key: crashes in the window, crashes ever, the number of the file.
pub(crate) type MissingKey = (u64, u64, i32);

/// The place after an entry as a cursor's key.
pub(crate) fn missing_key(cursor: MissingCursor) -> MissingKey {
    (cursor.crashes, cursor.crashes_ever, cursor.id)
}

/// The place that a cursor's key means.
pub(crate) fn missing_cursor((crashes, crashes_ever, id): MissingKey) -> MissingCursor {
    MissingCursor {
        crashes,
        crashes_ever,
        id,
    }
}

/// List the symbol files that crashes miss, those first that would help most crashes of the window.
///
/// Fetch `key` from a symbol server, on another machine if need be, and send the files here: the crashes that missed
/// them are analysed again by themselves.
#[utoipa::path(get, path = "/api/v1/symbols/missing", operation_id = "list_missing_symbols", tag = "symbols",
    params(WindowQuery, ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<MissingSymbolFile> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.symbols.missing", skip_all)]
pub(crate) async fn missing(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    let window = query.window(&state)?;
    let after = request.cursor::<MissingKey>()?.map(missing_cursor);
    let page = missing_in(&state, window, after, request.limit).await?;
    let next = page.next.map(missing_key);
    let items: Vec<MissingSymbolFile> = page.items.iter().cloned().map(view::symbols::missing).collect();
    Ok(request.answer(items, next.as_ref()))
}

/// A page of the files that the crashes of a window miss, perhaps as they were ranked a moment ago.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn missing_in(
    state: &AppState,
    window: store::Window,
    after: Option<MissingCursor>,
    limit: u32,
) -> Result<Arc<store::Page<Ranked, MissingCursor>>, ApiError> {
    let rank = async { Ok(symbols::missing(&mut *state.conn().await?, window, after, limit).await?) };
    state.kept.missing.get((window, after, limit), rank).await
}
