//! Machines.

use axum::extract::State;
use axum::response::Response;
use store::machines;
use wire::machine::{MachineDetail, MachineSummary};
use wire::page::Page;
use wire::problem::Problem;
use wire::token::Scope;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Path;
use crate::list::{ListRequest, answer_detail, without_suffix};
use crate::state::AppState;
use crate::view;

/// List machines by name.
#[utoipa::path(get, path = "/api/v1/machines", tag = "machines",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<MachineSummary> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.machines.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    request: ListRequest,
) -> Result<Response, ApiError> {
    caller.require(Scope::Read)?;
    let after: Option<String> = request.cursor()?;
    let mut conn = state.conn().await?;
    let page = machines::list(&mut conn, after.as_deref(), request.limit).await?;
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
    caller: Caller,
    request: ListRequest,
    Path(machine): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Read)?;
    let machine = without_suffix(&machine);
    let mut conn = state.conn().await?;
    let detail = machines::detail(&mut conn, machine).await?;
    let detail = view::machine::detail(detail.ok_or_else(|| ApiError::not_found("machine", machine))?);
    Ok(answer_detail(&detail, &detail.timeline, request.format))
}
