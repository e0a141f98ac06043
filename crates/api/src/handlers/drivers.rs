//! Drivers and their versions.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::{Window, drivers};
use utoipa::IntoParams;
use wire::StopCodeNumber;
use wire::driver::{DriverDetail, DriverSummary, DriverVersionModel, DriverVersionWeek};
use wire::page::Page;
use wire::problem::Problem;

use super::crashes::stop_code;
use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, WindowQuery, answer_detail, without_suffix};
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
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    let after: Option<String> = request.cursor()?;
    let mut conn = state.conn().await?;
    let page = drivers::list(&mut conn, query.given(), after.as_deref(), request.limit).await?;
    let items = page.items.into_iter().map(view::driver::summary).collect();
    Ok(request.answer(items, page.next.as_ref()))
}

/// Which days and crashes of a driver are counted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DriverQuery {
    /// First day; 91 days in all unless given.
    pub(crate) from: Option<String>,
    /// Last day; today unless given.
    pub(crate) to: Option<String>,
    /// Crashes with this stop code only.
    #[param(example = "0x76")]
    pub(crate) stop_code: Option<String>,
}

impl DriverQuery {
    /// The days meant.
    pub(crate) fn window(&self, state: &AppState) -> Result<Window, ApiError> {
        let days = WindowQuery {
            from: self.from.clone(),
            to: self.to.clone(),
        };
        days.window(state)
    }

    /// The stop code meant; `None` for all, which an empty field of a form means too.
    pub(crate) fn stop_code(&self) -> Result<Option<StopCodeNumber>, ApiError> {
        let given = self.stop_code.as_deref().map(str::trim);
        given.filter(|text| !text.is_empty()).map(stop_code).transpose()
    }
}

/// The driver called so, as the query asks for it.
async fn find(state: &AppState, name: &str, query: &DriverQuery) -> Result<drivers::DriverDetail, ApiError> {
    let window = query.window(state)?;
    let stop_code = query.stop_code()?.map(StopCodeNumber::get);
    let mut conn = state.conn().await?;
    let detail = drivers::detail(&mut conn, name, window, stop_code).await?;
    detail.ok_or_else(|| ApiError::not_found("driver", name))
}

/// Get one driver with its versions side by side, and its weeks.
#[utoipa::path(get, path = "/api/v1/drivers/{name}", tag = "drivers",
    params(("name" = String, Path, example = "acmecap.sys"), DriverQuery),
    responses((status = 200, content((DriverDetail = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.drivers.get", skip_all)]
pub(crate) async fn get(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path(name): Path<String>,
    Query(query): Query<DriverQuery>,
) -> Result<Response, ApiError> {
    let name = without_suffix(&name).to_lowercase();
    let detail = find(&state, &name, &query).await?;
    let detail = view::driver::detail(detail, query.window(&state)?, query.stop_code()?);
    Ok(answer_detail(&detail, &detail.versions, request.format))
}

/// List the versions of one driver week by week: how it was rolled out, and who crashed meanwhile.
#[utoipa::path(get, path = "/api/v1/drivers/{name}/weeks", tag = "drivers",
    params(("name" = String, Path, example = "acmecap.sys"), DriverQuery,
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<DriverVersionWeek> = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.drivers.weeks", skip_all)]
pub(crate) async fn weeks(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path(name): Path<String>,
    Query(query): Query<DriverQuery>,
) -> Result<Response, ApiError> {
    let detail = find(&state, &name.to_lowercase(), &query).await?;
    request.answer_whole(view::driver::weeks(&detail))
}

/// List the versions of one driver by hardware model.
#[utoipa::path(get, path = "/api/v1/drivers/{name}/models", tag = "drivers",
    params(("name" = String, Path, example = "acmecap.sys"), DriverQuery,
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<DriverVersionModel> = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.drivers.models", skip_all)]
pub(crate) async fn models(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path(name): Path<String>,
    Query(query): Query<DriverQuery>,
) -> Result<Response, ApiError> {
    let detail = find(&state, &name.to_lowercase(), &query).await?;
    request.answer_whole(view::driver::models(&detail))
}
