//! All routes and their layers.
//!
//! From the outside in, every request passes: request id, security headers, trace, metrics, compression, validators,
//! problem bodies, panics, the telling of limits; and on addresses of the API: other sites' scripts, and a check that the
//! query says nothing unknown. Uploads and imports bring their own limits and deadlines; every other route has
//! [`Settings::request_deadline`](crate::Settings::request_deadline) and a limit for JSON bodies.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::docs::{self, Document, Known};
use crate::error::ApiError;
use crate::extract::JSON_LIMIT_BYTES;
use crate::handlers::{
    agents, audit, breakpad, crashes, drivers, dumps, enrolment, events, experiments, fleet, health, import,
    inventory, machines, models, parts, stop_codes, suspects, symbols, tokens, uploads, webhooks,
};
use crate::middleware::{
    compression, cors, drain, headers, http_metrics, panic, parameters, problem, rate_limit, request_id,
    trace, validators,
};
use crate::state::AppState;

/// The whole HTTP service: API, documents and pages.
pub fn router(state: AppState) -> Router {
    let document = openapi();
    let known = Arc::new(Known::of(document.clone()));
    let deadline =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, state.settings.request_deadline);
    let bounded = |router: Router<AppState>| router.layer(RequestDecompressionLayer::new()).layer(deadline);
    let unread = from_fn_with_state(state.clone(), drain::unread);
    let api = bounded(Router::from(documented()).merge(reading_as_csv()))
        .merge(Router::from(sending()).layer(unread.clone()))
        // Before the layers: a preflight asks with a method that no route takes.
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(known, parameters::check));
    let pages = bounded(crate::pages::router()).merge(crate::pages::sending().layer(unread));
    // One stack and not layer by layer, each of which would box and clone all that is below it.
    let layers = ServiceBuilder::new()
        .layer(from_fn(request_id::assign))
        .layer(from_fn(headers::add))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(trace::span)
                .on_request(trace::started)
                .on_response(trace::answered)
                .on_failure(()),
        )
        .layer(from_fn(http_metrics::measure))
        .layer(compression::layer())
        .layer(from_fn(validators::validate))
        .layer(from_fn_with_state(state.clone(), problem::write))
        .layer(CatchPanicLayer::custom(panic::answer))
        .layer(DefaultBodyLimit::max(JSON_LIMIT_BYTES))
        .layer(from_fn(rate_limit::tell));
    let api = match cors::layer(&state.settings.cors_origins) {
        Some(cors) => api.layer(cors),
        None => api,
    };
    api.merge(pages)
        .merge(SwaggerUi::new("/docs").external_url_unchecked("/openapi.json", document))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(layers)
        .with_state(state)
}

/// The OpenAPI 3.1 document, as `/openapi.json` gives it.
pub fn openapi() -> serde_json::Value {
    let mut operations = documented().into_openapi();
    operations.merge(sending().into_openapi());
    docs::complete(&operations)
}

/// Everything but what takes large bodies.
fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(about_dumps_and_machines())
        .merge(about_the_fleet())
        .merge(about_agents())
        .merge(about_symbols())
        .merge(about_the_server())
}

fn about_dumps_and_machines() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(dumps::get))
        .routes(routes!(dumps::raw))
        .routes(routes!(parts::failed_dumps))
        .routes(routes!(dumps::reprocess))
        .routes(routes!(inventory::put))
        .routes(routes!(inventory::presence))
        .routes(routes!(events::post))
        .routes(routes!(machines::list))
        .routes(routes!(machines::get))
        .routes(routes!(parts::drivers_of_machine))
}

fn about_the_fleet() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(crashes::list))
        .routes(routes!(crashes::get))
        .routes(routes!(parts::of_crash))
        .routes(routes!(parts::shared_by_stop_code))
        .routes(routes!(parts::changes_by_suspect))
        .routes(routes!(parts::days_of_stop_code))
        .routes(routes!(parts::days))
        .routes(routes!(stop_codes::list))
        .routes(routes!(stop_codes::get))
        .routes(routes!(suspects::get))
        .routes(routes!(fleet::weeks))
        .routes(routes!(fleet::changes))
        .routes(routes!(drivers::list))
        .routes(routes!(drivers::get))
        .routes(routes!(drivers::weeks))
        .routes(routes!(drivers::models))
        .routes(routes!(models::list))
        .routes(routes!(models::get))
}

fn about_agents() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(enrolment::enrol, enrolment::revoke))
        .routes(routes!(agents::check_in))
        .routes(routes!(agents::policy))
        .routes(routes!(agents::has_dump))
        .routes(routes!(experiments::start, experiments::list))
        .routes(routes!(experiments::get))
        .routes(routes!(experiments::cancel))
}

fn about_symbols() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(symbols::list))
        .routes(routes!(symbols::missing))
        .routes(routes!(symbols::get, symbols::delete))
        .routes(routes!(symbols::breakpad::check_status))
        .routes(routes!(symbols::breakpad::create))
        .routes(routes!(symbols::rules::get, symbols::rules::put))
}

fn about_the_server() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::get, tokens::revoke))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::disable))
        .routes(routes!(webhooks::alerts))
        .routes(routes!(audit::list))
        .routes(routes!(parts::failed_jobs))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// What takes large bodies.
fn sending() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(uploads::upload))
        .routes(routes!(breakpad::minidump))
        .routes(routes!(breakpad::submit))
        .routes(routes!(breakpad::sentry))
        .routes(routes!(import::post))
        .routes(routes!(symbols::send::post))
        .routes(routes!(symbols::send::put))
        .routes(routes!(symbols::breakpad::send, symbols::breakpad::complete))
        .route("/api/{project}/minidump", post(breakpad::sentry))
}

/// Lists under the addresses that a spreadsheet or a link asks for.
fn reading_as_csv() -> Router<AppState> {
    Router::new()
        .route("/api/v1/alerts.csv", get(webhooks::alerts))
        .route("/api/v1/audit.csv", get(audit::list))
        .route("/api/v1/crashes.csv", get(crashes::list))
        .route("/api/v1/stop-codes.csv", get(stop_codes::list))
        .route("/api/v1/stop-codes/{code}/suspects.csv", get(suspects::get))
        .route("/api/v1/drivers.csv", get(drivers::list))
        .route("/api/v1/drivers/{name}/weeks.csv", get(drivers::weeks))
        .route("/api/v1/drivers/{name}/models.csv", get(drivers::models))
        .route("/api/v1/models.csv", get(models::list))
        .route("/api/v1/experiments.csv", get(experiments::list))
        .route("/api/v1/fleet/changes.csv", get(fleet::changes))
        .route("/api/v1/fleet/weeks.csv", get(fleet::weeks))
        .route("/api/v1/machines.csv", get(machines::list))
        .route("/api/v1/symbols.csv", get(symbols::list))
        .route("/api/v1/symbols/missing.csv", get(symbols::missing))
        .route("/api/v1/tokens.csv", get(tokens::list))
        .route("/api/v1/webhooks.csv", get(webhooks::list))
}

async fn no_such_path() -> ApiError {
    ApiError::NoSuchPath
}

async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

#[cfg(test)]
mod tests;
