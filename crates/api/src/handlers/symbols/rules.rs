//! The rules by which crashes are grouped.

use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use store::{audit, signatures};
use utoipa::ToSchema;
use wire::symbols::SignatureRules;
use wire::token::Scope;

use crate::auth::{Caller, Reader};
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
    _reader: Reader,
) -> Result<axum::Json<SignatureRules>, ApiError> {
    let rules = signatures::rules(&mut *state.conn().await?).await?;
    Ok(axum::Json(view::symbols::rules(rules)))
}

/// Patterns beside the built-in ones: regular expressions for whole names, without regard to case.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SignaturePatterns {
    /// Images that are the operating system's own, or as little to blame.
    os_images: Vec<String>,
    /// Images that others act through.
    layers: Vec<String>,
    /// Images that can be the place of a crash whatever the built-in lists say.
    own_images: Vec<String>,
    /// Functions to pass over, as `image!function`.
    skipped_functions: Vec<String>,
    /// Functions that are part of the place together with their caller.
    prefix_functions: Vec<String>,
}

/// Change the rules by which crashes are grouped. What is stored is grouped again by itself.
#[utoipa::path(put, path = "/api/v1/signature-rules", tag = "crashes", request_body = SignaturePatterns,
    responses((status = 200, body = SignatureRules)),
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
