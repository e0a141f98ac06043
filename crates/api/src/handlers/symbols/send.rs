//! Taking symbol files: one, or a zip of a symbol store's tree.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::blobs::BlobWriter;
use store::symbols::{self, Added, Key, NewSymbolFile};
use store::{Sha256, TokenId, audit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::problem::Problem;
use wire::symbols::{SymbolKey, UploadedSymbol, UploadedSymbols};
use wire::token::Scope;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Path;
use crate::intake::{self, Member, SymbolFormat, Tree, TreeLimits};
use crate::state::{AppState, commit};
use crate::{telemetry, view};

/// How long an upload waits for its turn before it is asked to come again.
const TURN_WAIT: Duration = Duration::from_secs(10);

/// Upload a symbol file under its symbol-server key.
///
/// PE, PDB, Breakpad `.sym`, or a CAB of one of them, plain or with `Content-Encoding: gzip` or `zstd`. The answer means
/// that file and row are durable; the file is read afterwards, and the crashes that missed it are analysed again. Other
/// bytes under the same key take the place of the old ones.
#[utoipa::path(put, path = "/api/v1/symbols/{name}/{id}/{file}", operation_id = "put_symbol", tag = "symbols",
    params(("name" = String, Path, example = "amdppm.pdb"),
        ("id" = String, Path, example = "1C19FDDB27BB3399D9B45973EFEAFCF31"),
        ("file" = String, Path, example = "amdppm.pd_")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, body = UploadedSymbol, headers(("location" = String, description = "The file"))),
        (status = 200, body = UploadedSymbol, description = "The same bytes were there"),
        (status = 400, body = Problem, description = "`invalid-request` for a key that is none, `unsupported-format`, `corrupt-body`"),
        (status = 429, body = Problem, description = "Too many uploads at once; see `Retry-After`")),
    security(("token" = ["symbols"])))]
#[tracing::instrument(name = "http.symbols.put", skip_all)]
pub(crate) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Path((name, id, file)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::Symbols)?;
    let key = intake::symbol_key(&name, &id)?;
    let file_name = intake::symbol_file_name(&file)?;
    let _turn = turn(&state).await?;
    let limits = state.symbol_limits(state.settings.max_symbol_bytes);
    let bytes = intake::store_body(&headers, body, limits, &state.blobs, intake::accept_symbols).await?;
    let (format, bytes) = format_of(bytes).await?;
    let taken = Taken {
        key,
        file_name,
        format,
    };
    let uploaded = add(&state, &caller, taken, bytes).await?;
    let location = [(header::LOCATION, format!("/api/v1/symbols/{}", uploaded.id))];
    Ok((status(uploaded.duplicate), location, axum::Json(uploaded)).into_response())
}

/// Upload a zip archive of a symbol store's tree: `name/id/file` below any folder.
///
/// A member that is no symbol file is refused by itself.
#[utoipa::path(post, path = "/api/v1/symbols", operation_id = "upload_symbols", tag = "symbols",
    request_body(content = Vec<u8>, content_type = "application/zip"),
    responses(
        (status = 201, body = UploadedSymbols),
        (status = 200, body = UploadedSymbols, description = "All of them were known"),
        (status = 400, body = Problem, description = "No archive, a damaged one, or one without any symbol file")),
    security(("token" = ["symbols"])))]
#[tracing::instrument(name = "http.symbols.post", skip_all)]
pub(crate) async fn post(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require(Scope::Symbols)?;
    let _turn = turn(&state).await?;
    let limits = state.symbol_limits(archive_bytes(&state));
    let archive = intake::store_body(&headers, body, limits, &state.blobs, intake::accept_archives).await?;
    let uploaded = add_tree(&state, &caller, archive).await?;
    if uploaded.files.is_empty() {
        return Err(nothing_taken(&uploaded));
    }
    let known = uploaded.files.iter().all(|file| file.duplicate);
    Ok((status(known), axum::Json(uploaded)).into_response())
}

/// The error for an archive of which nothing was taken.
fn nothing_taken(uploaded: &UploadedSymbols) -> ApiError {
    let saw = match uploaded.refused.as_slice() {
        [] => "this is a zip archive without any file".to_owned(),
        [only] => format!("{}: {}", only.path, only.reason),
        [first, ..] => format!(
            "none of the {} files is taken; {}: {}",
            uploaded.refused.len(),
            first.path,
            first.reason
        ),
    };
    ApiError::NotSymbols { saw }
}

fn status(duplicate: bool) -> StatusCode {
    if duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    }
}

/// Largest archive as sent.
pub(crate) fn archive_bytes(state: &AppState) -> u64 {
    state.settings.max_symbol_bytes.saturating_mul(2)
}

/// Waits until an upload of symbols may begin.
pub(crate) async fn turn(state: &AppState) -> Result<OwnedSemaphorePermit, ApiError> {
    turn_within(&state.symbol_uploads, TURN_WAIT).await
}

async fn turn_within(uploads: &Arc<Semaphore>, wait: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
    let waiting = Arc::clone(uploads).acquire_owned();
    match tokio::time::timeout(wait, waiting).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(ApiError::Busy),
    }
}

/// A symbol file that was received, but for its bytes.
pub(crate) struct Taken {
    pub(crate) key: SymbolKey,
    pub(crate) file_name: String,
    pub(crate) format: SymbolFormat,
}

/// What stored bytes start as; they were looked at before.
async fn format_of(bytes: BlobWriter) -> Result<(SymbolFormat, BlobWriter), ApiError> {
    let (start, bytes) = bytes.start().await?;
    let format = intake::recognise_symbols(&start).map_err(|saw| ApiError::NotSymbols { saw })?;
    Ok((format, bytes))
}

/// Stores a file durably and has it read.
async fn add(
    state: &AppState,
    caller: &Caller,
    taken: Taken,
    bytes: BlobWriter,
) -> Result<UploadedSymbol, ApiError> {
    let stored = bytes.finish().await?;
    add_stored(state, caller, taken, stored).await
}

/// The same for bytes that are in the blob store.
pub(crate) async fn add_stored(
    state: &AppState,
    caller: &Caller,
    taken: Taken,
    (sha256, size_bytes): (Sha256, u64),
) -> Result<UploadedSymbol, ApiError> {
    let new = NewSymbolFile {
        kind: taken.format.kind(taken.key.id()),
        key: Key {
            name: taken.key.name().to_owned(),
            id: taken.key.id().to_owned(),
        },
        file_name: taken.file_name,
        sha256,
        size_bytes,
        token: caller.token_id.map(TokenId),
    };
    let mut transaction = state.begin().await?;
    let added = symbols::add(&mut transaction, &new, state.clock.now()).await?;
    let (outcome, duplicate) = match added {
        Added::New(_) => ("new", false),
        Added::Replaced(_) => ("replaced", false),
        Added::Known(_) => ("known", true),
    };
    if !duplicate {
        let entry = state.entry(caller, "symbols.upload", &new.key.path());
        audit::record(&mut transaction, &entry).await?;
    }
    commit(transaction).await?;
    state.notifier.wake();
    let id = added.id();
    state.kept.missing.forget();
    telemetry::took_symbol_file(new.kind, outcome);
    tracing::info!(symbol_file.id = %id, symbol_file.size_bytes = size_bytes, outcome, "symbol file stored");
    Ok(UploadedSymbol {
        id: id.0,
        kind: view::symbols::kind(new.kind),
        key: new.key.path(),
        file_name: new.file_name,
        sha256: sha256.to_string(),
        size_bytes,
        duplicate,
    })
}

/// Unpacks an archive and stores its symbol files, one after the other.
pub(crate) async fn add_tree(
    state: &AppState,
    caller: &Caller,
    archive: BlobWriter,
) -> Result<UploadedSymbols, ApiError> {
    let limits = TreeLimits {
        member_bytes: state.settings.max_symbol_bytes,
        total_bytes: state.settings.max_symbol_bytes.saturating_mul(8),
    };
    let mut tree = Tree::open(archive.into_file().await?, limits).await?;
    let mut uploaded = UploadedSymbols {
        files: Vec::new(),
        refused: Vec::new(),
    };
    while let Some((rest, member)) = tree.next(&state.blobs).await? {
        tree = rest;
        match member {
            Member::Refused(refused) => uploaded.refused.push(refused),
            Member::File {
                key,
                file_name,
                format,
                bytes,
            } => {
                let taken = Taken {
                    key,
                    file_name,
                    format,
                };
                uploaded.files.push(add(state, caller, taken, bytes).await?);
            }
        }
    }
    telemetry::refused_symbols(uploaded.refused.len() as u64);
    Ok(uploaded)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::turn_within;
    use crate::error::ApiError;

    #[tokio::test]
    async fn an_upload_whose_turn_does_not_come_is_asked_to_come_again() {
        let uploads = Arc::new(Semaphore::new(1));
        let wait = Duration::from_millis(10);
        let first = turn_within(&uploads, wait).await.unwrap();
        assert!(matches!(turn_within(&uploads, wait).await, Err(ApiError::Busy)));
        drop(first);
        assert!(turn_within(&uploads, wait).await.is_ok());
    }
}
