//! `/drivers`, `/models`, `/machines`, and one of each.
//!
//! Drivers and machines are sorted by name. A search for a name that exists leads to it; any other search shows the
//! names that start with it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use wire::StopCodeNumber;

use super::{Answer, html, viewer};
use crate::auth::Session;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::handlers::drivers::{DriverQuery, SearchQuery};
use crate::handlers::machines::MachineQuery;
use crate::list::{ListRequest, WindowQuery, opaque_cursor};
use crate::pages::{driver, drivers, machines, models, show};
use crate::state::AppState;
use crate::view;

/// Days that models' machine-days and crashes are counted over.
const WINDOW_DAYS: u16 = 91;

/// Models on one page of their list.
const MODELS: usize = 100;

/// Show the list of drivers.
#[tracing::instrument(name = "http.pages.drivers", skip_all)]
pub(super) async fn drivers(
    State(state): State<AppState>,
    Session(caller): Session,
    request: ListRequest,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    let viewer = viewer(&caller)?;
    let search = query.given().unwrap_or_default().to_lowercase();
    let cursor: Option<String> = request.cursor()?;
    let mut conn = state.conn().await?;
    if !search.is_empty() && cursor.is_none() && store::drivers::is_known(&mut conn, &search).await? {
        return Ok(Redirect::to(&format!("/drivers/{}", show::encode(&search))).into_response());
    }
    let page = store::drivers::list(&mut conn, query.given(), cursor.as_deref(), request.limit).await?;
    let facts = drivers::ListFacts {
        next_cursor: page.next.as_ref().map(opaque_cursor),
        limit: request.asked_limit(),
        drivers: page.items.into_iter().map(view::driver::summary).collect(),
        search,
        cursor: request.asked_cursor(),
    };
    Ok(html(&drivers::ListPage::new(&facts, Some(&viewer)))?.into_response())
}

/// How the table of versions is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TableQuery {
    order: Option<String>,
    page: Option<usize>,
}

/// Show one driver with its versions side by side.
#[tracing::instrument(name = "http.pages.driver", skip_all)]
pub(super) async fn driver(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(name): Path<String>,
    Query(query): Query<DriverQuery>,
    Query(table): Query<TableQuery>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let name = name.to_lowercase();
    let (window, stop_code) = (query.window(&state)?, query.stop_code()?);
    let mut conn = state.conn().await?;
    let detail = store::drivers::detail(&mut conn, &name, window, stop_code.map(StopCodeNumber::get)).await?;
    let detail = detail.ok_or_else(|| ApiError::not_found("driver", &name))?;
    let facts = driver::Facts {
        weeks: view::driver::weeks(&detail),
        models: view::driver::models(&detail),
        driver: view::driver::detail(detail, window, stop_code),
        order: driver::Order::of(table.order.as_deref()),
        page: table.page.unwrap_or(1),
    };
    html(&driver::Page::new(&facts, Some(&viewer)))
}

/// Where the list of models goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ModelsQuery {
    first: usize,
}

/// Show the list of hardware models.
#[tracing::instrument(name = "http.pages.models", skip_all)]
pub(super) async fn models(
    State(state): State<AppState>,
    Session(caller): Session,
    Query(query): Query<ModelsQuery>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let window = store::Window::ending(state.clock.now().date(), WINDOW_DAYS);
    let all = store::models::list(&mut *state.conn().await?, window).await?;
    let (count, end) = (all.len(), query.first.saturating_add(MODELS));
    let shown = all.into_iter().skip(query.first).take(MODELS);
    let facts = models::ListFacts {
        models: shown.map(view::model::summary).collect(),
        first: query.first,
        all: count,
        next: (count > end).then_some(end),
    };
    html(&models::ListPage::new(&facts, Some(&viewer)))
}

/// Show one hardware model.
#[tracing::instrument(name = "http.pages.model", skip_all)]
pub(super) async fn model(
    State(state): State<AppState>,
    Session(caller): Session,
    Path((manufacturer, model)): Path<(String, String)>,
    Query(query): Query<WindowQuery>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let window = query.window(&state)?;
    let detail = crate::handlers::models::find(&state, (&manufacturer, &model), window).await?;
    html(&models::DetailPage::new(&detail, Some(&viewer)))
}

/// Show the list of machines.
#[tracing::instrument(name = "http.pages.machines", skip_all)]
pub(super) async fn machines(
    State(state): State<AppState>,
    Session(caller): Session,
    headers: HeaderMap,
    request: ListRequest,
    // The same query twice: as the filter it means, and as the form shows it again.
    (Query(filter), Query(query)): (Query<MachineQuery>, Query<machines::Query>),
) -> Result<Response, ApiError> {
    let viewer = viewer(&caller)?;
    let filter = match filter.filter() {
        Ok(filter) => filter,
        // The form is shown again, with what was wrong.
        Err(error @ ApiError::Invalid { .. }) => {
            let facts = machines::ListFacts {
                problem: Some(error.to_string()),
                query,
                ..machines::ListFacts::default()
            };
            let page = html(&machines::ListPage::new(&facts, Some(&viewer)))?;
            return Ok((error.status(), page).into_response());
        }
        Err(error) => return Err(error),
    };
    let cursor: Option<String> = request.cursor()?;
    let mut conn = state.conn().await?;
    if let Some(search) = filter.search.as_deref().filter(|_| cursor.is_none())
        && store::machines::find(&mut conn, search).await?.is_some()
    {
        return Ok(Redirect::to(&format!("/machines/{}", show::encode(search))).into_response());
    }
    let page = store::machines::list(&mut conn, &filter, cursor.as_deref(), request.limit).await?;
    let named_only = store::machines::Filter {
        search: filter.search.clone(),
        ..store::machines::Filter::default()
    };
    let count = if filter == named_only {
        None
    } else {
        Some(store::machines::count(&mut conn, &filter).await?)
    };
    let facts = machines::ListFacts {
        next_cursor: page.next.as_ref().map(opaque_cursor),
        machines: page.items.into_iter().map(view::machine::summary).collect(),
        query,
        count,
        problem: None,
        cursor: request.asked_cursor(),
        address: state.address(&headers),
    };
    Ok(html(&machines::ListPage::new(&facts, Some(&viewer)))?.into_response())
}

/// Show one machine with its timeline.
#[tracing::instrument(name = "http.pages.machine", skip_all)]
pub(super) async fn machine(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(machine): Path<String>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let detail = store::machines::detail(&mut *state.conn().await?, &machine).await?;
    let detail = detail.ok_or_else(|| ApiError::not_found("machine", &machine))?;
    html(&machines::DetailPage::new(
        &view::machine::detail(detail),
        Some(&viewer),
    ))
}
