//! `/symbols`, and the form on it.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use store::symbols::{self, FileState};
use wire::symbols::{SymbolState, UploadedSymbols};
use wire::token::Scope;

use super::{Answer, html, viewer};
use crate::auth::{Caller, Session};
use crate::extract::Query;
use crate::handlers::symbols::send::{add_tree, archive_bytes, turn};
use crate::handlers::symbols::{file_cursor, file_key, missing_cursor, missing_in, missing_key};
use crate::intake;
use crate::list::{decode_cursor, opaque_cursor};
use crate::pages::symbols::{Facts, Page};
use crate::state::AppState;
use crate::view;

/// Days of the ranking's window.
const WINDOW_DAYS: u16 = 91;

/// Files of each list on one page.
const ROWS: u32 = 25;

/// Which files, and where the lists go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SymbolsQuery {
    state: String,
    missing: String,
    files: String,
}

/// Show the symbol files that are missing and that are there.
#[tracing::instrument(name = "http.pages.symbols", skip_all)]
pub(super) async fn show(
    State(state): State<AppState>,
    Session(caller): Session,
    Query(query): Query<SymbolsQuery>,
) -> Answer {
    page(&state, &caller, &query, None).await
}

/// Take the archive of the form.
#[tracing::instrument(name = "http.pages.send_symbols", skip_all)]
pub(crate) async fn send(
    State(state): State<AppState>,
    Session(caller): Session,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    caller.require(Scope::Symbols)?;
    let turn = turn(&state).await?;
    let limits = state.symbol_limits(archive_bytes(&state));
    let accept = intake::accept_archives;
    let archive = intake::store_form(&headers, body, limits, &state.blobs, accept).await?;
    let uploaded = add_tree(&state, &caller, archive).await?;
    drop(turn);
    page(&state, &caller, &SymbolsQuery::default(), Some(uploaded)).await
}

async fn page(
    state: &AppState,
    caller: &Caller,
    query: &SymbolsQuery,
    sent: Option<UploadedSymbols>,
) -> Answer {
    let viewer = viewer(caller)?;
    let window = store::Window::ending(state.clock.now().date(), WINDOW_DAYS);
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let missing_after = given(&query.missing)
        .map(|text| decode_cursor(&text))
        .transpose()?;
    let files_after = given(&query.files).map(|text| decode_cursor(&text)).transpose()?;
    let files_after = files_after.map(file_cursor).transpose()?;
    let only = SymbolState::from_name(&query.state);
    let stored_only = only.and_then(|only| FileState::from_name(only.as_str()));
    let missing = missing_in(state, window, missing_after.map(missing_cursor), ROWS).await?;
    let mut conn = state.conn().await?;
    let files = symbols::list(&mut conn, stored_only, files_after, ROWS).await?;
    drop(conn);
    let facts = Facts {
        next_missing: missing.next.map(|cursor| opaque_cursor(&missing_key(cursor))),
        missing: missing
            .items
            .iter()
            .cloned()
            .map(view::symbols::missing)
            .collect(),
        next_files: files.next.map(|cursor| opaque_cursor(&file_key(cursor))),
        files: files.items.into_iter().map(view::symbols::file).collect(),
        state: only,
        window_days: WINDOW_DAYS,
        may_send: caller.may(Scope::Symbols),
        sent,
    };
    html(&Page::new(&facts, Some(&viewer)))
}
