//! The headline: which driver versions go with a stop code.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::jobs::{self, VerdictKey};
use store::{stop_codes, verdicts};
use tokio::time::{Instant, sleep};
use utoipa::IntoParams;
use wire::problem::Problem;
use wire::suspects::Suspects;

use super::crashes::stop_code;
use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, answer_detail};
use crate::state::AppState;

/// How often a first verdict is looked for while it is computed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The longest window.
const MAX_WINDOW_DAYS: u16 = 366;

/// Over how many days.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuspectsQuery {
    /// The last so many days; 91 unless given, at most 366.
    pub(crate) window_days: Option<u16>,
}

/// Rank the driver versions that go with a stop code.
///
/// A ranking is computed when data comes in, not when it is asked for. `stale` says that newer data has come that is
/// not counted yet; ask again in a few seconds.
#[utoipa::path(get, path = "/api/v1/stop-codes/{code}/suspects", tag = "stop codes",
    params(("code" = String, Path, example = "0x76"), SuspectsQuery),
    responses((status = 200, content((Suspects = "application/json"), (String = "text/csv"))),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "Still being computed; see `Retry-After`")),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.suspects.get", skip_all, fields(stop_code = code))]
pub(crate) async fn get(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path(code): Path<String>,
    Query(query): Query<SuspectsQuery>,
) -> Result<Response, ApiError> {
    let code = stop_code(&code)?.get();
    let suspects = find(&state, code, query.window_days.unwrap_or(91)).await?;
    Ok(answer_detail(&suspects, &suspects.suspects, request.format))
}

/// The ranking as far as it is computed; the first request for one waits for it.
///
/// # Errors
///
/// [`ApiError::Invalid`] for a window that is too long, [`ApiError::NotFound`] for a stop code that does not exist,
/// [`ApiError::NotReady`] if the ranking is not computed in time.
pub(crate) async fn find(state: &AppState, code: u32, window_days: u16) -> Result<Suspects, ApiError> {
    if !(1..=MAX_WINDOW_DAYS).contains(&window_days) {
        return Err(ApiError::invalid("`window_days` must be from 1 to 366"));
    }
    let key = VerdictKey {
        stop_code: code,
        window_days,
    };
    if let Some(suspects) = stored(state, key).await? {
        return Ok(suspects);
    }
    order_first(state, key).await?;
    let give_up = Instant::now() + state.settings.verdict_wait;
    while Instant::now() < give_up {
        sleep(LOOK_EVERY).await;
        if let Some(suspects) = stored(state, key).await? {
            return Ok(suspects);
        }
    }
    Err(ApiError::NotReady {
        what: "the ranking is being computed; try again shortly",
    })
}

/// The stored ranking; one that is of another day, or that newer data waits for, is marked and ordered anew.
async fn stored(state: &AppState, key: VerdictKey) -> Result<Option<Suspects>, ApiError> {
    let mut conn = state.conn().await?;
    let verdict = verdicts::find(&mut conn, key.stop_code, key.window_days).await?;
    let Some(verdict) = verdict else {
        return Ok(None);
    };
    let mut suspects: Suspects = serde_json::from_value(verdict.body).map_err(ApiError::internal)?;
    let is_old = verdict.window.to < state.clock.now().date();
    if is_old {
        jobs::enqueue_verdict(&mut conn, key, Duration::ZERO).await?;
    }
    suspects.stale = is_old || verdicts::is_stale(&mut conn, key.stop_code, key.window_days).await?;
    Ok(Some(suspects))
}

/// Orders a ranking that was never computed, for a stop code that exists.
async fn order_first(state: &AppState, key: VerdictKey) -> Result<(), ApiError> {
    let mut conn = state.conn().await?;
    let today = store::Window::ending(state.clock.now().date(), 1);
    let code = wire::StopCodeNumber::from_raw(key.stop_code);
    stop_codes::detail(&mut conn, key.stop_code, today)
        .await?
        .ok_or_else(|| ApiError::not_found("stop code", &code))?;
    jobs::enqueue_verdict(&mut conn, key, Duration::ZERO).await?;
    Ok(())
}
