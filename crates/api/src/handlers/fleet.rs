//! The fleet as a whole.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::{fleet, verdict_changes};
use time::Duration;
use utoipa::IntoParams;
use wire::fleet::{FleetWeek, VerdictChange};
use wire::page::Page;
use wire::problem::Problem;

use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::Query;
use crate::list::{ListRequest, WindowQuery};
use crate::state::AppState;
use crate::view;

/// Most changes of verdicts that are read.
const MOST_CHANGES: u32 = 500;

/// Most days that changes are looked for in.
const MAX_DAYS: u16 = 364;

/// Days that changes are looked for in when the client does not say.
pub(crate) const USUAL_DAYS: u16 = 28;

/// List the weeks of the fleet: how many machines were on, how many of them did not crash, how often the others did.
#[utoipa::path(get, path = "/api/v1/fleet/weeks", tag = "stop codes",
    params(WindowQuery, ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<FleetWeek> = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.fleet.weeks", skip_all)]
pub(crate) async fn weeks(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    let window = query.window(&state)?;
    let weeks = weeks_of(&state, window).await?;
    request.answer_whole(weeks.iter().copied().map(view::fleet::week).collect())
}

/// The weeks of a window, perhaps as they were counted a moment ago.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn weeks_of(
    state: &AppState,
    window: store::Window,
) -> Result<Arc<Vec<fleet::Week>>, ApiError> {
    let count = async { Ok(fleet::weeks(&mut *state.conn().await?, window).await?) };
    state.kept.weeks.get(window, count).await
}

/// How far back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// Days to look back: 28 unless given, at most 364.
    #[param(value_type = Option<u16>)]
    pub(crate) days: Option<String>,
}

/// List the stop codes whose verdict says something else than so many days ago, the latest change first.
#[utoipa::path(get, path = "/api/v1/fleet/changes", tag = "stop codes",
    params(ChangesQuery, ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<VerdictChange> = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.fleet.changes", skip_all)]
pub(crate) async fn changes(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<ChangesQuery>,
) -> Result<Response, ApiError> {
    let days = match query.days.as_deref().map(str::trim) {
        None | Some("") => USUAL_DAYS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|days| (1..=MAX_DAYS).contains(days))
            .ok_or_else(|| ApiError::invalid("`days` must be a number from 1 to 364"))?,
    };
    let since = state.clock.now() - Duration::days(days.into());
    let changes = verdict_changes::list(&mut *state.conn().await?, since, MOST_CHANGES).await?;
    request.answer_whole(changes.into_iter().filter_map(view::fleet::change).collect())
}
