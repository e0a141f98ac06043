//! The record of what was done.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::audit::{self, Cursor, Filter};
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;
use wire::audit::AuditEntry;
use wire::page::Page;
use wire::problem::Problem;
use wire::token::Scope;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Query;
use crate::list::{ListRequest, first_moment, moment_after};
use crate::state::AppState;
use crate::view;

/// Which entries; what is absent or empty is not asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Of this action, e.g. `token.create`, or of all that start with this word: `token`.
    pub(crate) action: Option<String>,
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

impl AuditQuery {
    /// The store's filter.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`] for a time that is none.
    pub(crate) fn filter(self) -> Result<Filter, ApiError> {
        let given = |text: Option<String>| {
            let text = text.map(|text| text.trim().replace('\0', ""));
            text.filter(|text| !text.is_empty())
        };
        let (from, to) = (given(self.from), given(self.to));
        Ok(Filter {
            action: given(self.action),
            from: from.map(|text| first_moment("from", &text)).transpose()?,
            to: to.map(|text| moment_after("to", &text)).transpose()?,
        })
    }
}

/// The place after an entry, as a cursor holds it: microseconds since 1970, and the id.
pub(crate) type Key = (i64, Uuid);

pub(crate) fn key(cursor: Cursor) -> Key {
    let micros = cursor.at.unix_timestamp_nanos() / 1000;
    (i64::try_from(micros).unwrap_or(i64::MAX), cursor.id)
}

pub(crate) fn cursor((micros, id): Key) -> Result<Cursor, ApiError> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .map_err(|_| ApiError::invalid("`cursor` is none that this list gave out"))?;
    Ok(Cursor { at, id })
}

/// List what was done, newest first: raw downloads, tokens made and revoked, sign-ins, and the like.
///
/// Sign-ins and refused attempts are counted: all of one kind by one caller within ten minutes are one entry.
#[utoipa::path(get, path = "/api/v1/audit", tag = "operation", params(AuditQuery),
    responses((status = 200, content((Page<AuditEntry> = "application/json"), (String = "text/csv"))),
        (status = 400, body = Problem), (status = 403, body = Problem)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.audit.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    request: ListRequest,
    Query(query): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    let filter = query.filter()?;
    let after = request.cursor::<Key>()?.map(cursor).transpose()?;
    let page = audit::list(&mut *state.conn().await?, &filter, after, request.limit).await?;
    let items = page.items.into_iter().map(view::audit::entry).collect();
    Ok(request.answer(items, page.next.map(key).as_ref()))
}
