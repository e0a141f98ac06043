//! `/experiments`, its form, and one experiment with its button.
//!
//! As on `/health`, a form posts with the session cookie, and [`Session`] refuses what does not come from our own pages.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use store::{ExperimentId, experiments as stored, proofs};
use uuid::Uuid;
use wire::experiment::NewExperiment;

use super::{Answer, html, viewer};
use crate::auth::{Caller, Session};
use crate::error::ApiError;
use crate::extract::{Path, Query};
use crate::handlers::experiments as api;
use crate::list::{ListRequest, opaque_cursor};
use crate::pages::experiments::{DetailPage, Form, ListFacts, ListPage};
use crate::state::AppState;
use crate::view;

/// Experiments on the page that shows the form again.
const FIRST_PAGE: u32 = 50;

/// Show the experiments, and the form to start one; `?driver=` and `?version=` fill it.
#[tracing::instrument(name = "http.pages.experiments", skip_all)]
pub(super) async fn list(
    State(state): State<AppState>,
    Session(caller): Session,
    request: ListRequest,
    Query(mut form): Query<Form>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let after: Option<Uuid> = request.cursor()?;
    for (field, usual) in [
        (&mut form.machines, api::USUAL_MACHINES),
        (&mut form.days, api::USUAL_DAYS),
    ] {
        if field.is_empty() {
            *field = usual.to_string();
        }
    }
    let mut facts = gather(&state, after, request.limit, form).await?;
    facts.limit = request.asked_limit();
    facts.cursor = request.asked_cursor();
    html(&ListPage::new(&facts, Some(&viewer)))
}

async fn gather(
    state: &AppState,
    after: Option<Uuid>,
    limit: u32,
    form: Form,
) -> Result<ListFacts, ApiError> {
    let mut conn = state.conn().await?;
    let page = stored::list(&mut conn, after.map(ExperimentId), limit).await?;
    let proofs = proofs::score(&mut conn).await?;
    Ok(ListFacts {
        experiments: page.items.into_iter().map(view::experiment::experiment).collect(),
        proofs: view::experiment::score(proofs),
        limit: None,
        cursor: None,
        next_cursor: page.next.map(|next| opaque_cursor(&next.0)),
        form,
        problem: None,
    })
}

/// Start an experiment as the form says; the form is shown again with what was wrong.
#[tracing::instrument(name = "http.pages.start_experiment", skip_all)]
pub(super) async fn start(
    State(state): State<AppState>,
    Session(caller): Session,
    axum::Form(form): axum::Form<Form>,
) -> Result<Response, ApiError> {
    match begin(&state, &caller, &form).await {
        Ok(id) => Ok(Redirect::to(&format!("/experiments/{id}")).into_response()),
        Err(
            error @ (ApiError::Invalid { .. }
            | ApiError::Conflict { .. }
            | ApiError::NotFound { .. }
            | ApiError::NotReady { .. }),
        ) => {
            let viewer = viewer(&caller)?;
            let mut facts = gather(&state, None, FIRST_PAGE, form).await?;
            facts.problem = Some(error.to_string());
            let page = html(&ListPage::new(&facts, Some(&viewer)))?;
            Ok((error.status(), page).into_response())
        }
        Err(error) => Err(error),
    }
}

async fn begin(state: &AppState, caller: &Caller, form: &Form) -> Result<ExperimentId, ApiError> {
    let text = |field: &str| Some(field.trim().to_owned()).filter(|text| !text.is_empty());
    let number = |field: &str, name: &str| {
        let wrong = || ApiError::invalid(format!("{name} must be a whole number"));
        text(field)
            .map(|text| text.parse::<u32>().map_err(|_| wrong()))
            .transpose()
    };
    let wish = NewExperiment {
        driver: text(&form.driver),
        version: text(&form.version),
        machines: number(&form.machines, "the number of machines")?,
        days: number(&form.days, "the number of days")?,
        ..NewExperiment::default()
    };
    api::begin(state, caller, wish).await
}

/// Show one experiment with its machines.
#[tracing::instrument(name = "http.pages.experiment", skip_all, fields(experiment.id = id))]
pub(super) async fn one(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(id): Path<String>,
) -> Answer {
    let viewer = viewer(&caller)?;
    let id: Uuid = id.parse().map_err(|_| ApiError::not_found("experiment", &id))?;
    let detail = api::find(&state, id).await?;
    html(&DetailPage::new(&detail, Some(&viewer)))
}

/// Cancel an experiment.
#[tracing::instrument(name = "http.pages.cancel_experiment", skip_all, fields(experiment.id = %id))]
pub(super) async fn cancel(
    State(state): State<AppState>,
    Session(caller): Session,
    Path(id): Path<Uuid>,
) -> Result<Redirect, ApiError> {
    match api::end(&state, &caller, id).await {
        // Over before: the page that they are sent to says how.
        Ok(()) | Err(ApiError::Conflict { .. }) => Ok(Redirect::to(&format!("/experiments/{id}"))),
        Err(error) => Err(error),
    }
}
