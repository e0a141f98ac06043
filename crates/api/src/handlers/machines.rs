//! Machines.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::machines::{self, Filter};
use utoipa::IntoParams;
use wire::machine::{MachineDetail, MachineSummary};
use wire::page::Page;
use wire::problem::Problem;

use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, answer_detail, without_suffix};
use crate::state::AppState;
use crate::view;

/// Which machines; what is absent or empty is not asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MachineQuery {
    /// Whose names start with this, in upper or lower case.
    pub(crate) search: Option<String>,
    /// That have this driver by their latest inventory, e.g. `acmecap.sys`.
    pub(crate) driver: Option<String>,
    /// That have this version of it; only with `driver`.
    pub(crate) version: Option<String>,
    /// Of this hardware model.
    pub(crate) model: Option<String>,
    /// On this Windows build.
    #[param(value_type = Option<u32>)]
    pub(crate) os_build: Option<String>,
    /// Items on a page: 50 unless given, at most 500.
    #[param(value_type = Option<u32>)]
    #[serde(rename = "limit")]
    _limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[serde(rename = "cursor")]
    _cursor: Option<String>,
}

impl MachineQuery {
    /// The store's filter.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`] for a build that is none, and for a version of no driver.
    pub(crate) fn filter(self) -> Result<Filter, ApiError> {
        let given = |text: Option<String>| {
            let text = text.map(|text| text.trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let (driver, version) = (given(self.driver), given(self.version));
        if version.is_some() && driver.is_none() {
            return Err(ApiError::invalid("`version` is asked for without its `driver`"));
        }
        let os_build = given(self.os_build).map(|text| text.parse());
        Ok(Filter {
            search: given(self.search),
            driver: driver.map(|name| name.to_lowercase()),
            version,
            model: given(self.model),
            os_build: os_build
                .transpose()
                .map_err(|_| ApiError::invalid("`os_build` must be a number such as 22631"))?,
        })
    }
}

/// List machines by name.
#[utoipa::path(get, path = "/api/v1/machines", tag = "machines", params(MachineQuery),
    responses((status = 200, content((Page<MachineSummary> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.machines.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<MachineQuery>,
) -> Result<Response, ApiError> {
    let filter = query.filter()?;
    let after: Option<String> = request.cursor()?;
    let mut conn = state.conn().await?;
    let page = machines::list(&mut conn, &filter, after.as_deref(), request.limit).await?;
    let items = page.items.into_iter().map(view::machine::summary).collect();
    Ok(request.answer(items, page.next.as_ref()))
}

/// Get one machine with its drivers and its timeline. As CSV, the timeline.
#[utoipa::path(get, path = "/api/v1/machines/{machine}", tag = "machines", params(("machine" = String, Path)),
    responses((status = 200, content((MachineDetail = "application/json"), (String = "text/csv"))),
        (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.machines.get", skip_all)]
pub(crate) async fn get(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path(machine): Path<String>,
) -> Result<Response, ApiError> {
    let machine = without_suffix(&machine);
    let mut conn = state.conn().await?;
    let detail = machines::detail(&mut conn, machine).await?;
    let detail = view::machine::detail(detail.ok_or_else(|| ApiError::not_found("machine", machine))?);
    Ok(answer_detail(&detail, &detail.timeline, request.format))
}
