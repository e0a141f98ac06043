//! Stop codes across the fleet.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::stop_codes;
use utoipa::IntoParams;
use wire::page::Page;
use wire::problem::Problem;
use wire::stop_code::{StopCodeCount, StopCodeDetail};
use wire::token::Scope;

use super::crashes::stop_code;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, answer_detail, window, without_suffix};
use crate::state::AppState;
use crate::view;

/// Which days; the last 91 unless given.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// First day.
    pub(crate) from: Option<String>,
    /// Last day.
    pub(crate) to: Option<String>,
}

impl WindowQuery {
    /// The window meant.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`].
    pub(crate) fn window(&self, state: &AppState) -> Result<store::Window, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let (from, to) = (given(&self.from), given(&self.to));
        window(from.as_deref(), to.as_deref(), state.clock.now().date())
    }
}

/// List the stop codes seen in a window, most crashes first.
#[utoipa::path(get, path = "/api/v1/stop-codes", tag = "stop codes",
    params(WindowQuery, ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<StopCodeCount> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.stop_codes.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    request: ListRequest,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Read)?;
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
    caller: Caller,
    request: ListRequest,
    Path(code): Path<String>,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Read)?;
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
