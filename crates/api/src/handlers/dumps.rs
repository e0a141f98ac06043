//! Dumps that were uploaded.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use store::{DumpId, audit, dumps};
use tokio_util::io::ReaderStream;
use uuid::Uuid;
use wire::dump::Dump;
use wire::problem::Problem;
use wire::token::Scope;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Path;
use crate::state::{AppState, commit};
use crate::view;

/// Get where one dump stands.
#[utoipa::path(get, path = "/api/v1/dumps/{id}", tag = "dumps", params(("id" = Uuid, Path)),
    responses((status = 200, body = Dump), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.dumps.get", skip_all, fields(dump.id = %id))]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Dump>, ApiError> {
    // Whoever may upload may also see what became of it.
    if !caller.may(Scope::Upload) {
        caller.require(Scope::Read)?;
    }
    Ok(axum::Json(view::dump::dump(find(&state, id).await?)?))
}

/// Download a dump's bytes. Minidumps hold personal data: this needs a right of its own and is recorded.
#[utoipa::path(get, path = "/api/v1/dumps/{id}/raw", tag = "dumps", params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)),
    security(("token" = ["download"])))]
#[tracing::instrument(name = "http.dumps.raw", skip_all, fields(dump.id = %id))]
pub(crate) async fn raw(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<([(HeaderName, String); 3], Body), ApiError> {
    caller.require(Scope::Download)?;
    let dump = find(&state, id).await?;
    let blob = state.blobs.open_blob(dump.sha256).await?;
    let (file, length) = blob.ok_or_else(|| ApiError::internal("a dump has no blob"))?;
    state.record(&caller, "dump.download", id).await?;
    let name = safe_name(dump.file_name.as_deref(), id);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))))
}

/// Analyse a dump again.
#[utoipa::path(post, path = "/api/v1/dumps/{id}/reprocess", tag = "dumps", params(("id" = Uuid, Path)),
    responses((status = 202, body = Dump), (status = 404, body = Problem)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.dumps.reprocess", skip_all, fields(dump.id = %id))]
pub(crate) async fn reprocess(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, axum::Json<Dump>), ApiError> {
    caller.require(Scope::Admin)?;
    let mut transaction = state.begin().await?;
    let queued = dumps::reprocess(&mut transaction, DumpId(id)).await?;
    queued.ok_or_else(|| ApiError::not_found("dump", &id))?;
    audit::record(&mut transaction, &state.entry(&caller, "dump.reprocess", &id)).await?;
    commit(transaction).await?;
    let dump = view::dump::dump(find(&state, id).await?)?;
    Ok((StatusCode::ACCEPTED, axum::Json(dump)))
}

async fn find(state: &AppState, id: Uuid) -> Result<dumps::Dump, ApiError> {
    let mut conn = state.conn().await?;
    let dump = dumps::find(&mut conn, DumpId(id)).await?;
    dump.ok_or_else(|| ApiError::not_found("dump", &id))
}

/// A file name that needs no quoting in a header and means nothing to a shell.
fn safe_name(name: Option<&str>, id: Uuid) -> String {
    let safe: String = name
        .unwrap_or_default()
        .chars()
        .take(100)
        .map(|letter| {
            let kept = letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
            if kept { letter } else { '_' }
        })
        .collect();
    let safe = safe.trim_start_matches('.');
    if safe.is_empty() {
        format!("{id}.dmp")
    } else {
        safe.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::safe_name;
    use uuid::Uuid;

    #[test]
    fn a_download_is_named_without_anything_a_header_or_shell_reads() {
        let name = safe_name(Some("..\"; rm -rf /\r\n.dmp"), Uuid::nil());
        assert_eq!(name, "___rm_-rf____.dmp");
        assert_eq!(
            safe_name(None, Uuid::nil()),
            "00000000-0000-0000-0000-000000000000.dmp"
        );
    }
}
