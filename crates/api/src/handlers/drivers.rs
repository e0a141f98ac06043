//! Drivers and their versions.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::drivers;
use utoipa::IntoParams;
use wire::driver::{DriverDetail, DriverSummary};
use wire::page::Page;
use wire::problem::Problem;
use wire::token::Scope;

use super::stop_codes::WindowQuery;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, answer_detail, without_suffix};
use crate::state::AppState;
use crate::view;

/// Which ones, by name.
#[derive(Debug, Default, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Only those whose names start with this, in upper or lower case.
    pub(crate) search: Option<String>,
}

impl SearchQuery {
    /// What names must start with, if anything.
    pub(crate) fn given(&self) -> Option<&str> {
        self.search
            .as_deref()
            .map(str::trim)
            .filter(|search| !search.is_empty())
    }
}

/// List drivers by name.
#[utoipa::path(get, path = "/api/v1/drivers", tag = "drivers",
    params(SearchQuery, ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<DriverSummary> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.drivers.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    request: ListRequest,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Read)?;
    let after: Option<String> = request.cursor()?;
    let mut conn = state.conn().await?;
    let page = drivers::list(&mut conn, query.given(), after.as_deref(), request.limit).await?;
    let items = page.items.into_iter().map(view::driver::summary).collect();
    Ok(request.answer(items, page.next.as_ref()))
}

/// Get one driver with its versions side by side.
#[utoipa::path(get, path = "/api/v1/drivers/{name}", tag = "drivers",
    params(("name" = String, Path, example = "acmecap.sys"), WindowQuery),
    responses((status = 200, content((DriverDetail = "application/json"), (String = "text/csv"))),
        (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.drivers.get", skip_all)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    request: ListRequest,
    Path(name): Path<String>,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Read)?;
    let name = without_suffix(&name).to_lowercase();
    let window = query.window(&state)?;
    let mut conn = state.conn().await?;
    let detail = drivers::detail(&mut conn, &name, window).await?;
    let detail = view::driver::detail(detail.ok_or_else(|| ApiError::not_found("driver", &name))?);
    Ok(answer_detail(&detail, &detail.versions, request.format))
}
