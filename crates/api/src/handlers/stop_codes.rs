//! Stop codes across the fleet.

use axum::extract::State;
use axum::response::Response;
use store::stop_codes;
use wire::page::Page;
use wire::problem::Problem;
use wire::stop_code::{StopCodeCount, StopCodeDetail};

use super::crashes::stop_code;
use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, WindowQuery, answer_detail, without_suffix};
use crate::state::AppState;
use crate::view;

/// List the stop codes seen in a window, most crashes first.
#[utoipa::path(get, path = "/api/v1/stop-codes", tag = "stop codes",
    params(WindowQuery, ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<StopCodeCount> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.stop_codes.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    let window = query.window(&state)?;
    let mut conn = state.conn().await?;
    let counts = stop_codes::list(&mut conn, window).await?;
    let mut counts: Vec<StopCodeCount> = counts.into_iter().map(view::stop_code::count).collect();
    for count in &mut counts {
        leave_out_quiet_days(count);
    }
    request.answer_whole(counts)
}

/// Days without crashes say nothing that their absence does not, ninety times a stop code.
fn leave_out_quiet_days(count: &mut StopCodeCount) {
    count.trend.retain(|day| day.crashes > 0);
}

/// Get what one stop code means and how it spreads over the fleet.
#[utoipa::path(get, path = "/api/v1/stop-codes/{code}", tag = "stop codes",
    params(("code" = String, Path, example = "0x76"), WindowQuery),
    responses((status = 200, content((StopCodeDetail = "application/json"), (String = "text/csv"))),
        (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.stop_codes.get", skip_all, fields(stop_code = code))]
pub(crate) async fn get(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path(code): Path<String>,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    let code = stop_code(without_suffix(&code))?;
    let window = query.window(&state)?;
    let mut conn = state.conn().await?;
    let detail = stop_codes::detail(&mut conn, code.get(), window).await?;
    let detail = detail.ok_or_else(|| ApiError::not_found("stop code", &code))?;
    let mut detail = view::stop_code::detail(detail);
    leave_out_quiet_days(&mut detail.count);
    let rows = view::stop_code::breakdowns(&detail);
    Ok(answer_detail(&detail, &rows, request.format))
}
