//! Hardware models.

use axum::extract::State;
use axum::response::Response;
use store::models;
use wire::model::{ModelDetail, ModelSummary};
use wire::page::Page;
use wire::problem::Problem;

use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, WindowQuery, answer_detail, without_suffix};
use crate::state::AppState;
use crate::view;

/// Stands in an address for the manufacturer of machines that told none.
pub(crate) const NO_MANUFACTURER: &str = "-";

/// List hardware models, most machines first, with how often their machines crash.
#[utoipa::path(get, path = "/api/v1/models", tag = "models", params(WindowQuery,
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<ModelSummary> = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.models.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    let window = query.window(&state)?;
    let mut conn = state.conn().await?;
    let models = models::list(&mut conn, window).await?;
    request.answer_whole(models.into_iter().map(view::model::summary).collect())
}

/// Get one hardware model with its weeks, stop codes, drivers, Windows builds and BIOS versions. As CSV, all of them
/// below each other.
///
/// For machines that told no manufacturer, `-` stands in its place.
#[utoipa::path(get, path = "/api/v1/models/{manufacturer}/{model}", tag = "models",
    params(("manufacturer" = String, Path, example = "Dell Inc."),
        ("model" = String, Path, example = "Latitude 7420"), WindowQuery),
    responses((status = 200, content((ModelDetail = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.models.get", skip_all)]
pub(crate) async fn get(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path((manufacturer, model)): Path<(String, String)>,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    let window = query.window(&state)?;
    let detail = find(&state, (&manufacturer, without_suffix(&model)), window).await?;
    let rows = view::model::parts(&detail);
    Ok(answer_detail(&detail, &rows, request.format))
}

/// The model under an address.
pub(crate) async fn find(
    state: &AppState,
    (manufacturer, name): (&str, &str),
    window: store::Window,
) -> Result<ModelDetail, ApiError> {
    let mut conn = state.conn().await?;
    let mut model = models::find(&mut conn, manufacturer, name).await?;
    if model.is_none() && manufacturer == NO_MANUFACTURER {
        model = models::find(&mut conn, "", name).await?;
    }
    let model = model.ok_or_else(|| ApiError::not_found("model", name))?;
    let detail = models::detail(&mut conn, model, window).await?;
    Ok(view::model::detail(detail, window))
}
