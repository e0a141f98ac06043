//! Webhooks, and the alerts that they are told.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::alerts;
use store::tokens::Secret;
use uuid::Uuid;
use wire::page::Page;
use wire::problem::Problem;
use wire::token::Scope;
use wire::webhook::{AlertKind, CreatedWebhook, NewWebhook, SentAlert, Webhook};

use crate::auth::{Caller, Reader};
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::list::ListRequest;
use crate::state::AppState;
use crate::view;

/// Longest address, in bytes.
const MAX_URL_BYTES: usize = 2000;

/// Make a webhook. Its secret is in this answer and nowhere else.
///
/// Alerts are posted as JSON, signed with `Stopcode-Signature: t=<seconds>,v1=<hex>`: the HMAC-SHA-256 of the seconds, a
/// full stop and the body. An alert can come twice; its `id` is then the same.
#[utoipa::path(post, path = "/api/v1/webhooks", operation_id = "create_webhook", tag = "alerts", request_body = NewWebhook,
    responses((status = 201, body = CreatedWebhook)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.webhooks.create", skip_all)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(wish): Json<NewWebhook>,
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    check(&wish.url)?;
    let kinds = wish.kinds.unwrap_or_else(|| AlertKind::ALL.to_vec());
    if kinds.is_empty() {
        return Err(ApiError::invalid("`kinds` is empty; it would be told nothing"));
    }
    let secret = Secret::generate("stopcode_hook_")?;
    let new = alerts::NewWebhook {
        url: wish.url,
        secret: secret.expose().to_owned(),
        kinds: view::webhook::stored_kinds(&kinds),
    };
    let mut conn = state.conn().await?;
    let id = alerts::create_webhook(&mut conn, &new, state.clock.now()).await?;
    drop(conn);
    state.record(&caller, "webhook.create", id.0).await?;
    let created = CreatedWebhook {
        id: id.0,
        secret: secret.expose().to_owned(),
    };
    let uncached = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, uncached, axum::Json(created)).into_response())
}

/// Refuses an address that nothing can be posted to.
fn check(url: &str) -> Result<(), ApiError> {
    if url.len() > MAX_URL_BYTES {
        return Err(ApiError::invalid("`url` must have at most 2000 bytes"));
    }
    let parsed: axum::http::Uri = url
        .parse()
        .map_err(|_| ApiError::invalid("`url` is no address"))?;
    let is_http = matches!(parsed.scheme_str(), Some("http" | "https"));
    if !is_http || parsed.host().is_none_or(str::is_empty) {
        return Err(ApiError::invalid(
            "`url` must begin with https:// or http:// and name a host",
        ));
    }
    Ok(())
}

/// List webhooks, without their secrets.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "alerts",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<Webhook> = "application/json"), (String = "text/csv")))),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.webhooks.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    request: ListRequest,
) -> Result<Response, ApiError> {
    caller.require(Scope::Admin)?;
    let mut conn = state.conn().await?;
    let webhooks = alerts::webhooks(&mut conn).await?;
    request.answer_whole(webhooks.into_iter().map(view::webhook::webhook).collect())
}

/// Switch a webhook off; what waits for it is not sent any more.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "alerts", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 404, body = Problem)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.webhooks.disable", skip_all, fields(webhook.id = %id))]
pub(crate) async fn disable(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    caller.require(Scope::Admin)?;
    let mut conn = state.conn().await?;
    let disabled = alerts::disable_webhook(&mut conn, alerts::WebhookId(id), state.clock.now()).await?;
    disabled.ok_or_else(|| ApiError::not_found("webhook", &id))?;
    drop(conn);
    state.record(&caller, "webhook.disable", id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List alerts, newest first, with what became of them.
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "list_alerts", tag = "alerts",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Page<SentAlert> = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.alerts.list", skip_all)]
pub(crate) async fn alerts(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
) -> Result<Response, ApiError> {
    let after: Option<Uuid> = request.cursor()?;
    let page = alerts::list(
        &mut *state.conn().await?,
        after.map(alerts::AlertId),
        request.limit,
    )
    .await?;
    let sent: Result<Vec<SentAlert>, ApiError> = page.items.into_iter().map(view::webhook::sent).collect();
    Ok(request.answer(sent?, page.next.map(|next| next.0).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_http_addresses_with_a_host_are_taken() {
        assert!(check("https://chat.example.com/hooks/7?x=1").is_ok());
        assert!(check("http://127.0.0.1:9000/").is_ok());
        for wrong in [
            "",
            "chat.example.com",
            "file:///etc/passwd",
            "https://",
            "/hooks",
            "ftp://example.com/",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
