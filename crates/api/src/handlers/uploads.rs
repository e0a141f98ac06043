//! Uploading dumps.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::try_join_all;
use serde::Deserialize;
use store::ingest::{NewDump, Receipt};
use store::{Sha256, machines};
use utoipa::IntoParams;
use wire::dump::{UploadedDump, UploadedDumps};
use wire::problem::Problem;

use crate::auth::Uploader;
use crate::error::ApiError;
use crate::extract::Query;
use crate::intake::{self, TakenDump, Upload};
use crate::state::AppState;
use crate::{telemetry, view};

/// Whom a dump is from.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadQuery {
    /// The machine that crashed, by any id that stays. Without one the crash is shown but counts in no rate.
    pub(crate) machine: Option<String>,
}

/// Upload a dump, a zip of dumps, or a form with `upload_file_minidump`.
///
/// Plain or with `Content-Encoding: gzip` or `zstd`; the format is told by magic bytes. The answer means that file
/// and row are durable. The same bytes again are answered with the same id.
#[utoipa::path(post, path = "/api/v1/dumps", tag = "sending", params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, body = UploadedDumps, headers(("location" = String, description = "The dump, if it is one"))),
        (status = 200, body = UploadedDumps, description = "All of them were known"),
        (status = 400, body = Problem, description = "`unsupported-format` or `corrupt-body`"),
        (status = 429, body = Problem, description = "Too many bytes in flight; see `Retry-After`")),
    security(("token" = ["upload"])))]
#[tracing::instrument(name = "http.dumps.upload", skip_all)]
pub(crate) async fn upload(
    State(state): State<AppState>,
    Uploader(caller): Uploader,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let machine = caller.write_for(query.machine.as_deref())?;
    let uploaded = take(&state, machine, &headers, body).await?;
    let known = uploaded.dumps.iter().all(|dump| dump.duplicate);
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let location = location(&uploaded);
    let mut response = (status, axum::Json(uploaded)).into_response();
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The address of the dump, when there is one.
fn location(uploaded: &UploadedDumps) -> Option<HeaderValue> {
    let [dump] = uploaded.dumps.as_slice() else {
        return None;
    };
    HeaderValue::from_str(&format!("/api/v1/dumps/{}", dump.id)).ok()
}

/// Receives an upload and stores what it holds, durably.
pub(super) async fn take(
    state: &AppState,
    machine: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<UploadedDumps, ApiError> {
    let machine = machine.map(intake::machine_name).transpose()?;
    let upload = intake::receive(headers, body, state.limits(), &state.budget).await?;
    keep(state, machine, upload).await
}

/// Stores what an upload held, durably.
pub(crate) async fn keep(
    state: &AppState,
    machine: Option<&str>,
    upload: Upload,
) -> Result<UploadedDumps, ApiError> {
    let Upload {
        dumps,
        refused,
        annotations,
        lease,
    } = upload;
    let annotations = (!annotations.is_empty())
        .then(|| serde_json::to_value(annotations))
        .transpose()
        .map_err(ApiError::internal)?;
    let note = |dump: TakenDump| store_dump(state, machine, annotations.clone(), dump);
    if dumps.is_empty() {
        touch(state, machine).await?;
    }
    let stored = try_join_all(dumps.into_iter().map(note)).await?;
    drop(lease);
    telemetry::refused_dumps(refused.len() as u64);
    Ok(UploadedDumps {
        dumps: stored,
        refused,
    })
}

/// Notes that the machine was heard of although none of its files was stored; a stored one says so by itself.
async fn touch(state: &AppState, machine: Option<&str>) -> Result<(), ApiError> {
    if let Some(machine) = machine {
        let mut conn = state.conn().await?;
        machines::touch(&mut conn, machine, state.clock.now()).await?;
    }
    Ok(())
}

async fn store_dump(
    state: &AppState,
    machine: Option<&str>,
    annotations: Option<serde_json::Value>,
    dump: TakenDump,
) -> Result<UploadedDump, ApiError> {
    let TakenDump {
        held,
        format,
        file_name,
    } = dump;
    let sha256 = Sha256(held.sha256);
    let size_bytes = held.bytes.len() as u64;
    let new = NewDump {
        sha256,
        bytes: held.bytes,
        format: format.as_str(),
        machine: machine.map(str::to_owned),
        file_name: file_name.clone(),
        annotations,
    };
    let Receipt {
        id,
        state: stands,
        duplicate,
    } = state.ingest.submit(new).await?;
    let outcome = if duplicate { "known" } else { "new" };
    telemetry::took_dump(format, outcome, size_bytes);
    tracing::info!(dump.id = %id, dump.format = format.as_str(), dump.size_bytes = size_bytes, outcome, "dump stored");
    Ok(UploadedDump {
        id: id.0,
        sha256: sha256.to_string(),
        size_bytes,
        format,
        state: view::dump::state(stands),
        duplicate,
        file_name,
    })
}
