//! The rules by which crashes are grouped.

use axum::extract::State;
use serde_json::Value;
use store::{audit, signatures};
use wire::problem::Problem;
use wire::symbols::SignatureRules;
use wire::token::Scope;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Json;
use crate::state::{AppState, commit};
use crate::view;

/// Largest rules, written as JSON.
const MAX_RULES_BYTES: usize = 256 << 10;

/// Get the rules by which crashes are grouped; `null` for the built-in ones.
#[utoipa::path(get, path = "/api/v1/signature-rules", tag = "crashes",
    responses((status = 200, body = SignatureRules)), security(("token" = ["read"])))]
#[tracing::instrument(name = "http.signature_rules.get", skip_all)]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<axum::Json<SignatureRules>, ApiError> {
    caller.require(Scope::Read)?;
    let rules = signatures::rules(&mut *state.conn().await?).await?;
    Ok(axum::Json(view::symbols::rules(rules)))
}

/// Change the rules by which crashes are grouped. What is stored is grouped again by itself.
#[utoipa::path(put, path = "/api/v1/signature-rules", tag = "crashes", request_body = Object,
    responses((status = 200, body = SignatureRules), (status = 400, body = Problem), (status = 403, body = Problem)),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.signature_rules.put", skip_all)]
pub(crate) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Json(wish): Json<Value>,
) -> Result<axum::Json<SignatureRules>, ApiError> {
    caller.require(Scope::Admin)?;
    check(&wish)?;
    (state.check_rules)(&wish).map_err(ApiError::invalid)?;
    let mut transaction = state.begin().await?;
    let rules = signatures::put_rules(&mut transaction, wish, state.clock.now()).await?;
    let entry = state.entry(&caller, "signature-rules.change", &rules.version);
    audit::record(&mut transaction, &entry).await?;
    commit(transaction).await?;
    state.notifier.wake();
    Ok(axum::Json(view::symbols::rules(Some(rules))))
}

/// Refuses what cannot be rules.
fn check(wish: &Value) -> Result<(), ApiError> {
    if !wish.is_object() {
        return Err(ApiError::invalid("signature rules are a JSON object"));
    }
    if wish.to_string().len() > MAX_RULES_BYTES {
        return Err(ApiError::invalid(
            "signature rules must have at most 262144 bytes as JSON",
        ));
    }
    Ok(())
}
