//! Whether the server is alive and ready, and its figures.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::jobs;
use utoipa::ToSchema;
use wire::problem::Problem;

use crate::error::ApiError;
use crate::state::AppState;
use crate::telemetry;

/// What can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// The database answers and has the schema.
    pub(crate) database: &'static str,
    /// Blobs can be written.
    pub(crate) blobs: &'static str,
}

/// Answer, to show that the process is alive.
#[utoipa::path(get, path = "/healthz", operation_id = "get_alive", tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn alive() -> &'static str {
    "ok"
}

/// Tell whether uploads can be taken: database, schema and blob store are usable.
#[utoipa::path(get, path = "/readyz", operation_id = "get_ready", tag = "operation",
    responses((status = 200, body = Ready), (status = 503, body = Problem)))]
#[tracing::instrument(name = "http.health.ready", skip_all)]
pub(crate) async fn ready(State(state): State<AppState>) -> Result<axum::Json<Ready>, ApiError> {
    let mut conn = state.conn().await?;
    // Reads a table, so that a database without the schema is not ready.
    jobs::counts(&mut conn).await.map_err(unavailable)?;
    state.blobs.check().await.map_err(unavailable)?;
    Ok(axum::Json(Ready {
        database: "ok",
        blobs: "ok",
    }))
}

fn unavailable(error: store::Error) -> ApiError {
    ApiError::Unavailable(Box::new(error))
}

/// Get the server's figures for Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain")))]
#[tracing::instrument(name = "http.health.metrics", skip_all)]
pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    telemetry::upload_budget(state.budget.free_bytes());
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, telemetry::render_metrics(&state.metrics)).into_response()
}
