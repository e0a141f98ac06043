//! Uploads by stock crash reporters: Breakpad, Crashpad, and clients made for Sentry.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use utoipa::ToSchema;
use uuid::Uuid;

use super::uploads::{UploadQuery, take};
use crate::auth::Uploader;
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::AppState;

/// The form of a crash reporter. Parts of other names are kept as annotations.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only described: the form is read part by part")]
pub(crate) struct MinidumpForm {
    /// The dump.
    #[schema(value_type = String, format = Binary)]
    upload_file_minidump: Vec<u8>,
}

/// Upload a minidump the way Breakpad and Crashpad do.
///
/// The form of `POST /api/v1/dumps`, answered as these clients expect. The token may be sent as `?key=`.
#[utoipa::path(post, path = "/api/minidump", operation_id = "upload_minidump", tag = "sending", params(UploadQuery),
    request_body(content = MinidumpForm, content_type = "multipart/form-data"),
    responses((status = 200, body = String, content_type = "text/plain", description = "`CrashID=<id>`", example = "CrashID=0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11")),
    security(("token" = ["upload"]), ("key" = ["upload"])))]
#[tracing::instrument(name = "http.breakpad.minidump", skip_all)]
pub(crate) async fn minidump(
    State(state): State<AppState>,
    Uploader(caller): Uploader,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, ApiError> {
    let machine = caller.write_for(query.machine.as_deref())?;
    first_id(&state, machine, &headers, body)
        .await
        .map(|id| format!("CrashID={id}"))
}

/// Upload a minidump the way Socorro's clients do: the same as `/api/minidump`.
#[utoipa::path(post, path = "/submit", operation_id = "submit_minidump", tag = "sending", params(UploadQuery),
    request_body(content = MinidumpForm, content_type = "multipart/form-data"),
    responses((status = 200, body = String, content_type = "text/plain", description = "`CrashID=<id>`", example = "CrashID=0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11")),
    security(("token" = ["upload"]), ("key" = ["upload"])))]
pub(crate) async fn submit(
    state: State<AppState>,
    uploader: Uploader,
    query: Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, ApiError> {
    minidump(state, uploader, query, headers, body).await
}

/// Upload a minidump to the address that clients made for Sentry use; the project is ignored.
///
/// Answered with the bare id. The token may be sent as `?sentry_key=`.
#[utoipa::path(post, path = "/api/{project}/minidump/", operation_id = "upload_minidump_as_sentry", tag = "sending", params(UploadQuery, ("project" = String, Path)),
    request_body(content = MinidumpForm, content_type = "multipart/form-data"),
    responses((status = 200, body = String, content_type = "text/plain", description = "The dump's id", example = "0199a0c6-5d5f-7a51-b9a7-2e6f8a3a1c11")),
    security(("token" = ["upload"]), ("key" = ["upload"])))]
#[tracing::instrument(name = "http.breakpad.sentry", skip_all)]
pub(crate) async fn sentry(
    State(state): State<AppState>,
    Uploader(caller): Uploader,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, ApiError> {
    let machine = caller.write_for(query.machine.as_deref())?;
    first_id(&state, machine, &headers, body)
        .await
        .map(|id| id.to_string())
}

async fn first_id(
    state: &AppState,
    machine: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Uuid, ApiError> {
    let uploaded = take(state, machine, headers, body).await?;
    let first = uploaded.dumps.first();
    first
        .map(|dump| dump.id)
        .ok_or_else(|| ApiError::internal("an upload without a dump was taken"))
}
