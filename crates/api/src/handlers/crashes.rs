//! Crashes.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::crashes::{self, Cursor, Filter};
use store::{CrashId, drivers, stop_codes};
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;
use wire::StopCodeNumber;
use wire::crash::CrashSummary;
use wire::page::Page;
use wire::problem::Problem;
use wire::report::Crash;

use crate::auth::Reader;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::list::{ListRequest, first_moment, moment_after};
use crate::state::AppState;
use crate::view;

/// Which crashes; what is absent or empty is not asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CrashQuery {
    /// Of this stop code, e.g. `0x76`.
    pub(crate) stop_code: Option<String>,
    /// Pointing at this driver.
    pub(crate) driver: Option<String>,
    /// Pointing at this version of a driver.
    pub(crate) version: Option<String>,
    /// Of this machine.
    pub(crate) machine: Option<String>,
    /// With this current process.
    pub(crate) process: Option<String>,
    /// With this signature.
    pub(crate) signature: Option<String>,
    /// Of this hardware model.
    pub(crate) model: Option<String>,
    /// On this OS build.
    pub(crate) os_build: Option<String>,
    /// From this day or time on.
    pub(crate) from: Option<String>,
    /// Up to this day (included) or time (excluded).
    pub(crate) to: Option<String>,
    /// Items on a page: 50 unless given, at most 500.
    #[param(value_type = Option<u32>)]
    #[serde(rename = "limit")]
    _limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[serde(rename = "cursor")]
    _cursor: Option<String>,
}

impl CrashQuery {
    /// The store's filter.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`] for a stop code, build or time that is none.
    pub(crate) fn filter(self) -> Result<Filter, ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let stop_code = given(self.stop_code).map(|text| stop_code(&text)).transpose()?;
        let os_build = given(self.os_build).map(|text| text.trim().parse());
        Ok(Filter {
            stop_code: stop_code.map(StopCodeNumber::get),
            driver: given(self.driver),
            version: given(self.version),
            machine: given(self.machine).map(|name| store::MachineId::of(&name)),
            process: given(self.process),
            signature: given(self.signature),
            model: given(self.model),
            os_build: os_build
                .transpose()
                .map_err(|_| ApiError::invalid("`os_build` must be a number such as 22631"))?,
            from: given(self.from)
                .map(|text| first_moment("from", &text))
                .transpose()?,
            to: given(self.to).map(|text| moment_after("to", &text)).transpose()?,
        })
    }
}

/// The stop code that a path or query names.
pub(crate) fn stop_code(text: &str) -> Result<StopCodeNumber, ApiError> {
    text.trim()
        .parse()
        .map_err(|_| ApiError::invalid("a stop code is written like 0x76"))
}

/// The place after a crash, as a cursor holds it: microseconds since 1970, and the id.
pub(crate) type Key = (i64, Uuid);

pub(crate) fn key(cursor: Cursor) -> Key {
    let micros = cursor.crashed_at.unix_timestamp_nanos() / 1000;
    (i64::try_from(micros).unwrap_or(i64::MAX), cursor.id.0)
}

pub(crate) fn cursor((micros, id): Key) -> Result<Cursor, ApiError> {
    let crashed_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .map_err(|_| ApiError::invalid("`cursor` is none that this list gave out"))?;
    Ok(Cursor {
        crashed_at,
        id: CrashId(id),
    })
}

/// List crashes, newest first.
#[utoipa::path(get, path = "/api/v1/crashes", tag = "crashes", params(CrashQuery),
    responses((status = 200, content((Page<CrashSummary> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.crashes.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Query(query): Query<CrashQuery>,
) -> Result<Response, ApiError> {
    let filter = query.filter()?;
    let after = request.cursor::<Key>()?.map(cursor).transpose()?;
    let (items, next) = page(&state, &filter, after, request.limit).await?;
    Ok(request.answer(items, next.map(key).as_ref()))
}

/// One page of crashes and the place after it, if there are more.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn page(
    state: &AppState,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<(Vec<CrashSummary>, Option<Cursor>), ApiError> {
    let mut conn = state.conn().await?;
    let mut rows = crashes::list(&mut conn, filter, after, limit.saturating_add(1)).await?;
    let kept = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > kept;
    rows.truncate(kept);
    let next = rows.last().filter(|_| more).map(crashes::CrashSummary::cursor);
    let codes: Vec<u32> = rows
        .iter()
        .filter_map(|row| Some(row.bug_check.as_ref()?.code))
        .collect();
    let names = stop_codes::names(&mut conn, &codes).await?;
    let items = rows.into_iter().map(|row| view::crash::summary(row, &names));
    Ok((items.collect(), next))
}

/// Get one crash with all that its dump says.
#[utoipa::path(get, path = "/api/v1/crashes/{id}", tag = "crashes", params(("id" = Uuid, Path)),
    responses((status = 200, body = Crash), (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.crashes.get", skip_all, fields(crash.id = %id))]
pub(crate) async fn get(
    State(state): State<AppState>,
    _reader: Reader,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Crash>, ApiError> {
    find(&state, id).await.map(axum::Json)
}

/// One crash with versions and companies as inventories know them by now.
///
/// # Errors
///
/// [`ApiError::NotFound`], and those of the store.
pub(crate) async fn find(state: &AppState, id: Uuid) -> Result<Crash, ApiError> {
    let mut conn = state.conn().await?;
    let crash = crashes::find(&mut conn, CrashId(id)).await?;
    let crash = crash.ok_or_else(|| ApiError::not_found("crash", &id))?;
    let report = view::crash::stored_report(crash.report)?;
    let known = drivers::versions_by_code_id(&mut conn, &view::crash::code_ids(&report)).await?;
    Ok(view::crash::crash(crash.summary, report, &known))
}
