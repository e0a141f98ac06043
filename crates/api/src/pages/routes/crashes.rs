//! `/crashes` and `/crashes/{id}`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::{Answer, html, viewer};
use crate::auth::Session;
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::handlers::crashes::{self as api, CrashQuery};
use crate::list::{ListRequest, opaque_cursor};
use crate::pages::{crash, crashes};
use crate::state::AppState;

/// Show the list of crashes.
#[tracing::instrument(name = "http.pages.crashes", skip_all)]
pub(super) async fn list(
    State(state): State<AppState>,
    Session(caller): Session,
    headers: HeaderMap,
    request: ListRequest,
    // The same query twice: as the filter it means, and as the form shows it again.
    (Query(filter), Query(query)): (Query<CrashQuery>, Query<crashes::Query>),
) -> Result<Response, ApiError> {
    let viewer = viewer(&caller)?;
    let mut facts = crashes::Facts {
        query,
        address: state.address(&headers),
        ..crashes::Facts::default()
    };
    let status = match fill(&state, &mut facts, request, filter).await {
        Ok(()) => StatusCode::OK,
        // The form is shown again, with what was wrong.
        Err(error @ ApiError::Invalid { .. }) => {
            facts.problem = Some(error.to_string());
            StatusCode::BAD_REQUEST
        }
        Err(error) => return Err(error),
    };
    let page = html(&crashes::Page::new(&facts, Some(&viewer)))?;
    Ok((status, page).into_response())
}

async fn fill(
    state: &AppState,
    facts: &mut crashes::Facts,
    request: ListRequest,
    query: CrashQuery,
) -> Result<(), ApiError> {
    let filter = query.filter()?;
    let after = request.cursor::<api::Key>()?.map(api::cursor).transpose()?;
    let (items, next) = api::page(state, &filter, after, request.limit).await?;
    facts.items = items;
    facts.next_cursor = next.map(|next| opaque_cursor(&api::key(next)));
    Ok(())
}

/// `?drivers=load`.
#[derive(Debug, Deserialize)]
pub(super) struct CrashPageQuery {
    drivers: Option<String>,
}

/// Show one crash.
#[tracing::instrument(name = "http.pages.crash", skip_all, fields(crash.id = id))]
pub(super) async fn one(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(id): Path<String>,
    Query(query): Query<CrashPageQuery>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let id: Uuid = id.parse().map_err(|_| ApiError::not_found("crash", &id))?;
    let order = match query.drivers.as_deref() {
        Some("load") => crash::DriverOrder::Load,
        _ => crash::DriverOrder::ThirdPartyFirst,
    };
    let found = api::find(&state, id).await?;
    html(&crash::Page::new(&found, order, Some(&viewer)))
}
