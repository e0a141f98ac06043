//! Symbol files as Breakpad's `sym_upload -p sym-upload-v2` sends them: begin, send, complete.
//!
//! ```text
//! GET  {base}/v1/symbols/{debug_file}/{debug_id}:checkStatus?key=   {"status": "MISSING"}
//! POST {base}/v1/uploads:create?key=                                {"uploadUrl": …, "uploadKey": …}
//! PUT  {uploadUrl}                                                  the bytes, without the token
//! POST {base}/v1/uploads/{uploadKey}:complete?key=                  {"result": "OK"}
//! ```
//!
//! The base is `/api/v1/symbols`. The client looks for its answers with patterns that want exactly one space behind each
//! colon, takes no status but 200, and writes JSON without quotes around names.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::symbols::{self, FileState, SymbolKind};
use store::{Sha256, TokenId};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use wire::problem::Problem;
use wire::token::Scope;

use super::send::{Taken, add_stored, turn};
use crate::auth::Uploader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::intake::{self, SymbolFormat};
use crate::state::AppState;

/// Longest body that completes an upload.
const MAX_COMPLETION_BYTES: usize = 16 << 10;

/// Whether a debug file is there.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only described: what is answered is written as the client reads it"
)]
pub(crate) struct CheckStatus {
    /// `FOUND` or `MISSING`.
    #[schema(pattern = "^(FOUND|MISSING)$")]
    status: String,
}

/// Where to send the bytes of an upload.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only described: what is answered is written as the client reads it"
)]
#[schema(rename_all = "camelCase")]
pub(crate) struct BegunUpload {
    /// The address, which has the upload's own secret in it.
    upload_url: String,
    /// What the upload is called when it is completed.
    upload_key: String,
}

/// What became of an upload.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only described: what is answered is written as the client reads it"
)]
pub(crate) struct UploadResult {
    /// `OK`, or `DUPLICATE_DATA` if the same bytes were there.
    #[schema(pattern = "^(OK|DUPLICATE_DATA)$")]
    result: String,
}

/// Which debug file was sent.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only described: what is sent may be less than JSON")]
pub(crate) struct Completion {
    symbol_id: CompletionId,
    /// `BREAKPAD` for a `.sym` file.
    symbol_upload_type: Option<String>,
}

/// The key of a debug file.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only described: what is sent may be less than JSON")]
pub(crate) struct CompletionId {
    /// Its name.
    debug_file: String,
    /// GUID and age.
    #[schema(pattern = "^[0-9A-Fa-f]{1,72}$")]
    debug_id: String,
}

/// An answer of one or two texts, written as the client reads it.
fn answer(fields: &[(&str, &str)]) -> Result<Response, ApiError> {
    let fields: Result<Vec<String>, ApiError> = fields
        .iter()
        .map(|(name, value)| {
            let value = serde_json::to_string(value).map_err(ApiError::internal)?;
            Ok(format!("  \"{name}\": {value}"))
        })
        .collect();
    let body = format!("{{\n{}\n}}\n", fields?.join(",\n"));
    let kind = HeaderValue::from_static("application/json");
    let uncached = HeaderValue::from_static("no-store");
    Ok((
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, uncached)],
        body,
    )
        .into_response())
}

/// Say whether a debug file is there, as Breakpad's `sym_upload` asks before it sends one.
#[utoipa::path(get, path = "/api/v1/symbols/v1/symbols/{debug_file}/{debug_id_check_status}", operation_id = "check_symbol_status", tag = "symbols",
    params(("debug_file" = String, Path), ("debug_id_check_status" = String, Path, description = "The id, a colon and `checkStatus`")),
    responses((status = 200, body = CheckStatus), (status = 404, body = Problem, description = "The id does not end in `:checkStatus`")),
    security(("token" = ["symbols"]), ("key" = ["symbols"])))]
#[tracing::instrument(name = "http.symbols.check_status", skip_all)]
pub(crate) async fn check_status(
    State(state): State<AppState>,
    Uploader(caller): Uploader,
    Path((debug_file, rest)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Symbols)?;
    let id = rest.strip_suffix(":checkStatus").ok_or(ApiError::NoSuchPath)?;
    let key = intake::symbol_key(&debug_file, id)?;
    let mut conn = state.conn().await?;
    let file = symbols::find_by_key(&mut conn, SymbolKind::Debug, &key.canonical()).await?;
    // One that failed is as good as none: the client shall send it again.
    let found = file.is_some_and(|file| file.state != FileState::Failed);
    answer(&[("status", if found { "FOUND" } else { "MISSING" })])
}

/// Begin to upload a debug file, as Breakpad's `sym_upload` does.
#[utoipa::path(post, path = "/api/v1/symbols/v1/uploads:create", operation_id = "begin_symbol_upload", tag = "symbols",
    responses((status = 200, body = BegunUpload)),
    security(("token" = ["symbols"]), ("key" = ["symbols"])))]
#[tracing::instrument(name = "http.symbols.create_upload", skip_all)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Uploader(caller): Uploader,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require(Scope::Symbols)?;
    let mut conn = state.conn().await?;
    let token = caller.token_id.map(TokenId);
    let (id, secret) = symbols::begin_upload(&mut conn, token, state.clock.now()).await?;
    let address = state.address(&headers);
    let secret = secret.expose();
    let address = format!("{address}/api/v1/symbols/v1/uploads/{id}?key={secret}");
    answer(&[("uploadUrl", &address), ("uploadKey", &id.to_string())])
}

/// The secret of one upload.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SecretQuery {
    /// As in the address that the beginning was answered with.
    key: String,
}

/// Send the bytes of an upload that was begun, to the address that was told.
#[utoipa::path(put, path = "/api/v1/symbols/v1/uploads/{upload}", operation_id = "send_symbol_upload", tag = "symbols",
    params(("upload" = String, Path), SecretQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = UploadResult)),
    security(("key" = [])))]
#[tracing::instrument(name = "http.symbols.send_upload", skip_all)]
pub(crate) async fn send(
    State(state): State<AppState>,
    Path(upload): Path<String>,
    Query(query): Query<SecretQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let refused = || ApiError::Unauthorized {
        detail: "this upload was not begun, or its address is not the one that was told",
    };
    let id: Uuid = upload.parse().map_err(|_| refused())?;
    let secret = Sha256::of(query.key.as_bytes());
    let may = symbols::may_send(&mut *state.conn().await?, id, secret, state.clock.now()).await?;
    if !may {
        return Err(refused());
    }
    let _turn = turn(&state).await?;
    let limits = state.symbol_limits(state.settings.max_symbol_bytes);
    let accept = intake::accept_debug_files;
    let bytes = intake::store_body(&headers, body, limits, &state.blobs, accept).await?;
    let (sha256, size_bytes) = bytes.finish().await?;
    let sent = symbols::sent(&mut *state.conn().await?, id, sha256, size_bytes).await?;
    sent.ok_or_else(refused)?;
    answer(&[("result", "OK")])
}

/// Complete an upload, as Breakpad's `sym_upload` does: say which debug file it is.
#[utoipa::path(post, path = "/api/v1/symbols/v1/uploads/{upload}", operation_id = "complete_symbol_upload", tag = "symbols",
    params(("upload" = String, Path, description = "The upload's key, a colon and `complete`")),
    request_body(content = Completion, content_type = "application/json", description = "Names may stand without quotes"),
    responses((status = 200, body = UploadResult),
        (status = 404, body = Problem, description = "The upload was not begun, or nothing was sent")),
    security(("token" = ["symbols"]), ("key" = ["symbols"])))]
#[tracing::instrument(name = "http.symbols.complete_upload", skip_all)]
pub(crate) async fn complete(
    State(state): State<AppState>,
    Uploader(caller): Uploader,
    Path(upload): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    caller.require(Scope::Symbols)?;
    let upload = upload.strip_suffix(":complete").ok_or(ApiError::NoSuchPath)?;
    let body = body
        .get(..MAX_COMPLETION_BYTES.min(body.len()))
        .unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let (Some(debug_file), Some(debug_id)) = (text(&body, "debug_file"), text(&body, "debug_id")) else {
        return Err(ApiError::invalid(
            "the body has no `debug_file` and `debug_id` in a `symbol_id`",
        ));
    };
    let key = intake::symbol_key(debug_file, debug_id)?;
    let no_upload = || ApiError::not_found("upload", upload);
    let id: Uuid = upload.parse().map_err(|_| no_upload())?;
    let begun_with = caller.token_id.map(TokenId);
    let stored = symbols::take_upload(&mut *state.conn().await?, id, begun_with, state.clock.now()).await?;
    let file = Taken {
        file_name: sent_name(key.name(), text(&body, "symbol_upload_type")),
        key,
        format: SymbolFormat::Debug,
    };
    let uploaded = add_stored(&state, &caller, file, stored.ok_or_else(no_upload)?).await?;
    let result = if uploaded.duplicate {
        "DUPLICATE_DATA"
    } else {
        "OK"
    };
    answer(&[("result", result)])
}

/// The name of the file that was sent: the client only tells that of the debug file, also when it sends a text of it.
fn sent_name(debug_file: &str, upload_type: Option<&str>) -> String {
    if upload_type != Some("BREAKPAD") {
        return debug_file.to_owned();
    }
    let stem = debug_file.strip_suffix(".pdb").unwrap_or(debug_file);
    format!("{stem}.sym")
}

/// The text under `name` in JSON whose names may lack their quotes: what stands between the next two quotes behind the
/// name and a colon. Neither file names nor ids have anything that JSON would escape.
fn text<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = body;
    while let Some((_, behind)) = rest.split_once(name) {
        rest = behind;
        let value = behind.strip_prefix('"').unwrap_or(behind).trim_start();
        let value = value
            .strip_prefix(':')
            .and_then(|value| value.trim_start().strip_prefix('"'));
        if let Some((value, _)) = value.and_then(|value| value.split_once('"')) {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{sent_name, text};

    #[test]
    fn names_are_read_with_and_without_quotes() {
        let bare = r#"{ symbol_id: {debug_file: "a.pdb", debug_id: "12AB" }, symbol_upload_type: "BREAKPAD", use_async_processing: true }"#;
        let proper =
            r#"{"symbol_id":{"debug_file":"a.pdb","debug_id":"12AB"},"symbol_upload_type":"BREAKPAD"}"#;
        for body in [bare, proper] {
            assert_eq!(text(body, "debug_file"), Some("a.pdb"));
            assert_eq!(text(body, "debug_id"), Some("12AB"));
            assert_eq!(text(body, "symbol_upload_type"), Some("BREAKPAD"));
        }
        for odd in [
            "",
            "debug_id",
            "debug_id: 12",
            "debug_id: \"12",
            "\"debug_id\" \"x\"",
        ] {
            assert_eq!(text(odd, "debug_id"), None, "{odd:?}");
        }
    }

    #[test]
    fn a_breakpad_text_gets_the_name_of_one() {
        assert_eq!(sent_name("a.pdb", Some("BREAKPAD")), "a.sym");
        assert_eq!(sent_name("libc.so.6", Some("BREAKPAD")), "libc.so.6.sym");
        assert_eq!(sent_name("a.pdb", Some("PDB")), "a.pdb");
    }
}
