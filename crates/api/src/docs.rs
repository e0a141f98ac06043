//! The OpenAPI document's frame; its paths come from the handlers.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// Title, tags and ways to sign in.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stopcode",
        description = "Tells which driver version blue-screens a Windows fleet. Errors are RFC 9457 problems; lists \
            take `limit` and `cursor`, and are CSV with `Accept: text/csv` or the suffix `.csv`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "sending", description = "Dumps, inventories, presence, events, history"),
        (name = "dumps", description = "Uploaded dumps and where they stand"),
        (name = "crashes", description = "What dumps and events told"),
        (name = "stop codes", description = "Stop codes across the fleet, and their suspects"),
        (name = "drivers", description = "Drivers and their versions"),
        (name = "models", description = "Hardware models and how they fare"),
        (name = "machines", description = "Machines and their timelines"),
        (name = "agents", description = "How agents join, what they tell daily, what they are asked to do"),
        (name = "experiments", description = "Locked pages tracked on a few machines, until Windows names the driver"),
        (name = "symbols", description = "Symbol files: what the server has, and what would help most"),
        (name = "tokens", description = "Access tokens"),
        (name = "alerts", description = "Webhooks, and what they are told"),
        (name = "operation", description = "Health and figures"),
    ),
    modifiers(&SignIn)
)]
pub(crate) struct Document;

struct SignIn;

impl Modify for SignIn {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", bearer);
        let key = ApiKeyValue::with_description(
            "key",
            "An upload token, for crash reporters that cannot set headers",
        );
        components.add_security_scheme("key", SecurityScheme::ApiKey(ApiKey::Query(key)));
    }
}
