//! `/` and `/stop-codes/{code}`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use sqlx::PgConnection;
use store::{fleet, freshness, stop_codes, verdict_changes, verdicts};
use tokio::time::timeout;
use wire::StopCodeNumber;
use wire::stop_code::StopCodeCount;
use wire::suspects::{Suspects, VerdictWord, Window};

use super::{Answer, html, viewer};
use crate::auth::Session;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::handlers;
use crate::pages::{overview, stop_code};
use crate::state::AppState;
use crate::view;

/// The window of a ranking that pages show.
const RANKING_DAYS: u16 = 91;

/// Stop codes whose verdict the overview shows.
const MOST_VERDICTS: usize = 30;

/// Changed verdicts, and driver versions newly suspected, that the overview shows.
const MOST_NEWS: u32 = 10;

/// How long a page waits for a ranking that was never computed before.
const PATIENCE: Duration = Duration::from_secs(3);

/// `?days=`.
#[derive(Debug, Deserialize)]
pub(super) struct OverviewQuery {
    days: Option<String>,
}

/// Show the overview.
#[tracing::instrument(name = "http.pages.overview", skip_all)]
pub(super) async fn overview(
    State(state): State<AppState>,
    Session(caller): Session,
    headers: HeaderMap,
    Query(query): Query<OverviewQuery>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let window_days = overview::window_days(query.days.and_then(|days| days.parse().ok()));
    let facts = gather(&state, window_days, state.address(&headers)).await?;
    html(&overview::Page::new(&facts, Some(&viewer)))
}

async fn gather(state: &AppState, window_days: u16, address: String) -> Result<overview::Facts, ApiError> {
    let window = store::Window::ending(state.clock.now().date(), window_days);
    let counted = spans(state, window, window_days).await?;
    let (now, before) = &*counted;
    let weeks = handlers::fleet::weeks_of(state, window).await?;
    let mut conn = state.conn().await?;
    let counts = stop_codes::list(&mut conn, window).await?;
    let stop_codes: Vec<StopCodeCount> = counts.into_iter().map(view::stop_code::count).collect();
    let verdicts = verdicts_of(&mut conn, &stop_codes).await?;
    let now_at = state.clock.now();
    let since = now_at - time::Duration::days(handlers::fleet::USUAL_DAYS.into());
    let changes = verdict_changes::list(&mut conn, since, MOST_NEWS).await?;
    let regressions = verdict_changes::regressions(&mut conn, since, MOST_NEWS).await?;
    let freshness = freshness::read(&mut conn, RANKING_DAYS).await?;
    Ok(overview::Facts {
        window: days(window),
        window_days,
        machines_seen: now.machines,
        machine_days: now.machine_days,
        now: overview::Span {
            crashes: now.crashes,
            machines: now.machines.saturating_sub(now.crash_free_machines),
        },
        before: overview::Span {
            crashes: before.crashes,
            machines: before.machines,
        },
        weeks: weeks.iter().copied().map(view::fleet::week).collect(),
        changes: changes.into_iter().filter_map(view::fleet::change).collect(),
        regressions: regressions.into_iter().filter_map(regression).collect(),
        freshness,
        now_at,
        stop_codes,
        verdicts,
        new_versions: now.new.driver_versions.iter().cloned().map(new_version).collect(),
        new_signatures: now.new.signatures.iter().cloned().map(new_signature).collect(),
        address,
    })
}

/// The window and the one before it, perhaps as they were counted a moment ago.
async fn spans(
    state: &AppState,
    window: store::Window,
    window_days: u16,
) -> Result<Arc<(fleet::Overview, fleet::Span)>, ApiError> {
    let count = async {
        let day_before = window.from.previous_day().unwrap_or(window.from);
        let mut conn = state.conn().await?;
        let now = fleet::overview(&mut conn, window).await?;
        let before = fleet::span(&mut conn, store::Window::ending(day_before, window_days)).await?;
        Ok((now, before))
    };
    state.kept.overviews.get((window, window_days), count).await
}

fn regression(one: verdict_changes::Regression) -> Option<overview::Regression> {
    Some(overview::Regression {
        driver: one.driver,
        version: one.version,
        stop_code: StopCodeNumber::from_raw(one.stop_code),
        stop_code_name: one.stop_code_name,
        verdict: VerdictWord::from_name(&one.word)?,
        suspected_at: one.suspected_at,
        first_seen: one.first_seen_on,
    })
}

fn new_version(version: store::drivers::VersionDescription) -> overview::NewVersion {
    overview::NewVersion {
        driver: version.name,
        version: version.version,
        company: version.company,
        first_seen: version.first_seen_on,
    }
}

fn new_signature(signature: fleet::NewSignature) -> overview::NewSignature {
    overview::NewSignature {
        signature: signature.signature,
        crashes: signature.crashes,
        first_seen: signature.first_seen_on,
    }
}

/// The verdicts that are there already; none is computed for an overview.
async fn verdicts_of(conn: &mut PgConnection, codes: &[StopCodeCount]) -> Result<Vec<Suspects>, ApiError> {
    let mut found = Vec::new();
    for count in codes.iter().take(MOST_VERDICTS) {
        if let Some(verdict) = verdicts::find(conn, count.code.get(), RANKING_DAYS).await? {
            found.push(serde_json::from_value(verdict.body).map_err(ApiError::internal)?);
        }
    }
    Ok(found)
}

/// Show one stop code with its suspects.
#[tracing::instrument(name = "http.pages.stop_code", skip_all, fields(stop_code = code))]
pub(super) async fn stop_code(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(code): Path<String>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let code = handlers::crashes::stop_code(&code)?;
    let window = store::Window::ending(state.clock.now().date(), RANKING_DAYS);
    let detail = stop_codes::detail(&mut *state.conn().await?, code.get(), window).await?;
    let detail = detail.ok_or_else(|| ApiError::not_found("stop code", &code))?;
    let detail = view::stop_code::detail(detail);
    let is_crash = detail.count.class.is_crash();
    let suspects = if is_crash {
        ranking(&state, code.get()).await?
    } else {
        None
    };
    let facts = stop_code::Facts {
        detail,
        window: days(window),
        suspects,
    };
    html(&stop_code::Page::new(&facts, Some(&viewer)))
}

/// The ranking; `None` while a first one is being computed.
async fn ranking(state: &AppState, code: u32) -> Result<Option<Suspects>, ApiError> {
    match timeout(PATIENCE, handlers::suspects::find(state, code, RANKING_DAYS)).await {
        Ok(Ok(suspects)) => Ok(Some(suspects)),
        Err(_) | Ok(Err(ApiError::NotReady { .. })) => Ok(None),
        Ok(Err(error)) => Err(error),
    }
}

fn days(window: store::Window) -> Window {
    Window {
        from: window.from,
        to: window.to,
    }
}
