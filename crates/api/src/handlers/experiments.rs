//! Experiments: locked pages tracked on a few machines at risk, until Windows names the driver.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use store::experiments::{self, AtRisk, Cancelled, LONGEST, MOST_MACHINES, MOST_RUNNING, Started};
use store::{ExperimentId, audit, drivers, proofs};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::StopCodeNumber;
use wire::experiment::{ExperimentDetail, Experiments, NewExperiment};
use wire::problem::Problem;
use wire::suspects::VerdictWord;
use wire::token::Scope;

use super::suspects;
use crate::auth::{Caller, Reader};
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::list::{ListRequest, answer_detail, without_suffix};
use crate::state::{AppState, commit};
use crate::view;

/// On how many machines an experiment runs unless told.
pub(crate) const USUAL_MACHINES: u32 = 5;

/// For how many days an experiment runs unless told.
pub(crate) const USUAL_DAYS: u32 = 14;

/// The window of the ranking whose first suspect is taken.
const RANKING_DAYS: u16 = 91;

/// Start an experiment: `TrackLockedPages` on a few machines at risk, until one of them stops with the 0xCB that names
/// the driver.
///
/// Machines are taken whose latest inventory has the suspect, whose agent checked in within three days, and whose owner
/// allows it; those that crashed most often first, then those that had the suspect longest. None is in two experiments.
#[utoipa::path(post, path = "/api/v1/experiments", operation_id = "start_experiment", tag = "experiments", request_body = NewExperiment,
    responses((status = 201, body = ExperimentDetail),
        (status = 404, body = Problem, description = "No inventory has that driver version"),
        (status = 409, body = Problem, description = "There is no suspect, no machine can be taken, or it runs already")),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.experiments.start", skip_all)]
pub(crate) async fn start(
    State(state): State<AppState>,
    caller: Caller,
    Json(wish): Json<NewExperiment>,
) -> Result<Response, ApiError> {
    let id = begin(&state, &caller, wish).await?;
    let detail = find(&state, id.0).await?;
    Ok((StatusCode::CREATED, axum::Json(detail)).into_response())
}

/// Starts an experiment as wished.
///
/// # Errors
///
/// As the responses of [`start`].
pub(crate) async fn begin(
    state: &AppState,
    caller: &Caller,
    wish: NewExperiment,
) -> Result<ExperimentId, ApiError> {
    caller.require(Scope::Admin)?;
    let now = state.clock.now();
    let stop_code = stop_code(wish.stop_code)?;
    let machines = machines(wish.machines)?;
    let until = until(&wish, now)?;
    let driver_version_id = suspect(state, stop_code, wish.driver, wish.version).await?;
    let wish = experiments::NewExperiment {
        stop_code,
        driver_version_id,
        machines,
        until,
    };
    let mut transaction = state.begin().await?;
    let id = match experiments::start(&mut transaction, &wish, now).await? {
        Started::Started(id) => id,
        Started::AlreadyRunning(id) => {
            return Err(conflict(format!(
                "an experiment with this driver version runs already: {id}"
            )));
        }
        Started::TooMany => {
            return Err(conflict(format!(
                "{MOST_RUNNING} experiments run already; cancel one of them first"
            )));
        }
        Started::NoMachine(at_risk) => return Err(conflict(no_machine(&at_risk))),
    };
    audit::record(&mut transaction, &state.entry(caller, "experiment.start", &id)).await?;
    commit(transaction).await?;
    Ok(id)
}

fn conflict(detail: impl Into<String>) -> ApiError {
    ApiError::Conflict {
        detail: detail.into(),
    }
}

fn stop_code(wished: Option<StopCodeNumber>) -> Result<u32, ApiError> {
    match wished.map(StopCodeNumber::get) {
        None => Ok(experiments::LOCKED_PAGES),
        Some(code @ (experiments::LOCKED_PAGES | experiments::LEFT_LOCKED_PAGES)) => Ok(code),
        Some(code) => Err(ApiError::invalid(format!(
            "Windows can only track who locks pages, so an experiment is for 0x76 or 0xcb; nothing it could set would \
             name the driver behind {code:#x}"
        ))),
    }
}

fn machines(wished: Option<u32>) -> Result<u32, ApiError> {
    match wished.unwrap_or(USUAL_MACHINES) {
        machines @ 1..=MOST_MACHINES => Ok(machines),
        _ => Err(ApiError::invalid(format!(
            "`machines` must be from 1 to {MOST_MACHINES}"
        ))),
    }
}

fn until(wish: &NewExperiment, now: OffsetDateTime) -> Result<OffsetDateTime, ApiError> {
    let until = match (wish.until, wish.days) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("give `until` or `days`, not both")),
        (Some(until), None) => until,
        (None, days) => now.saturating_add(Duration::days(i64::from(days.unwrap_or(USUAL_DAYS)))),
    };
    if until <= now || until > now.saturating_add(LONGEST) {
        return Err(ApiError::invalid(format!(
            "an experiment ends after now and within {} days",
            LONGEST.whole_days()
        )));
    }
    Ok(until)
}

/// The driver version to test: the one that was named, else the first suspect of the ranking.
async fn suspect(
    state: &AppState,
    stop_code: u32,
    driver: Option<String>,
    version: Option<String>,
) -> Result<i32, ApiError> {
    let (name, version) = match (driver, version) {
        (Some(driver), Some(version)) => (driver.trim().to_lowercase(), version.trim().to_owned()),
        (None, None) => first_suspect(state, stop_code).await?,
        _ => return Err(ApiError::invalid("`driver` and `version` go together")),
    };
    let mut conn = state.conn().await?;
    let found = drivers::find_version(&mut conn, &name, &version).await?;
    found.ok_or_else(|| ApiError::not_found("driver version", &format!("{name} {version}")))
}

/// Name and version of whom the ranking accuses.
async fn first_suspect(state: &AppState, stop_code: u32) -> Result<(String, String), ApiError> {
    const NAME_ONE: &str = "name a `driver` and its `version` to test one nevertheless";
    let suspects = suspects::find(state, stop_code, RANKING_DAYS).await?;
    let code = suspects.stop_code;
    if suspects.verdict < VerdictWord::Associated {
        return Err(conflict(format!(
            "the ranking of {code} accuses no driver yet; {NAME_ONE}"
        )));
    }
    let first = suspects
        .suspects
        .into_iter()
        .next()
        .and_then(|first| first.drivers.into_iter().next());
    match first.map(|driver| (driver.name, driver.version)) {
        Some((name, Some(version))) => Ok((name, version)),
        Some((name, None)) => Err(conflict(format!(
            "no inventory tells the version of {name}, the first suspect of {code}; {NAME_ONE}"
        ))),
        None => Err(conflict(format!(
            "the first suspect of {code} is a build of Windows, no driver; {NAME_ONE}"
        ))),
    }
}

/// Why no machine can be taken, in a sentence.
fn no_machine(at_risk: &AtRisk) -> String {
    let AtRisk {
        machines,
        heard,
        allowed,
        free: _,
    } = *at_risk;
    if machines == 0 {
        "no machine has this driver version by its latest inventory".to_owned()
    } else if heard == 0 {
        format!(
            "of {machines} machines with this driver version, none has an agent that checked in within three days"
        )
    } else if allowed == 0 {
        format!(
            "of {machines} machines with this driver version, {heard} have an agent, and the owner of none allows to \
             have locked pages tracked (`may_track_locked_pages`)"
        )
    } else {
        format!("all {allowed} machines with this driver version that may be used are in other experiments")
    }
}

/// List experiments, newest first, and how often the first suspect was right when Windows named the driver.
#[utoipa::path(get, path = "/api/v1/experiments", tag = "experiments",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, content((Experiments = "application/json"), (String = "text/csv")))),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.experiments.list", skip_all)]
pub(crate) async fn list(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
) -> Result<Response, ApiError> {
    let after: Option<Uuid> = request.cursor()?;
    let mut conn = state.conn().await?;
    let page = experiments::list(&mut conn, after.map(ExperimentId), request.limit).await?;
    let proofs = view::experiment::score(proofs::score(&mut conn).await?);
    let items = page.items.into_iter().map(view::experiment::experiment).collect();
    Ok(
        request.answer_as(items, page.next.as_ref(), |items, next_cursor| Experiments {
            items,
            next_cursor,
            proofs,
        }),
    )
}

/// Get one experiment with its machines. As CSV, the machines.
#[utoipa::path(get, path = "/api/v1/experiments/{id}", tag = "experiments", params(("id" = Uuid, Path)),
    responses((status = 200, content((ExperimentDetail = "application/json"), (String = "text/csv"))),
        (status = 404, body = Problem)),
    security(("token" = ["read"])))]
#[tracing::instrument(name = "http.experiments.get", skip_all, fields(experiment.id = id))]
pub(crate) async fn get(
    State(state): State<AppState>,
    _reader: Reader,
    request: ListRequest,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let text = without_suffix(&id);
    let id: Uuid = text
        .parse()
        .map_err(|_| ApiError::not_found("experiment", text))?;
    let detail = find(&state, id).await?;
    Ok(answer_detail(&detail, &detail.machines, request.format))
}

/// One experiment with its machines.
///
/// # Errors
///
/// [`ApiError::NotFound`].
pub(crate) async fn find(state: &AppState, id: Uuid) -> Result<ExperimentDetail, ApiError> {
    let mut conn = state.conn().await?;
    let found = experiments::find(&mut conn, ExperimentId(id)).await?;
    found
        .map(view::experiment::detail)
        .ok_or_else(|| ApiError::not_found("experiment", &id))
}

/// Cancel an experiment: the setting goes from its machines with their next check-ins.
#[utoipa::path(post, path = "/api/v1/experiments/{id}/cancel", tag = "experiments", params(("id" = Uuid, Path)),
    responses((status = 200, body = ExperimentDetail), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It was over before")),
    security(("token" = ["admin"])))]
#[tracing::instrument(name = "http.experiments.cancel", skip_all, fields(experiment.id = %id))]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<ExperimentDetail>, ApiError> {
    end(&state, &caller, id).await?;
    find(&state, id).await.map(axum::Json)
}

/// Ends an experiment by an administrator's word.
///
/// # Errors
///
/// As the responses of [`cancel`].
pub(crate) async fn end(state: &AppState, caller: &Caller, id: Uuid) -> Result<(), ApiError> {
    caller.require(Scope::Admin)?;
    let mut transaction = state.begin().await?;
    let cancelled = experiments::cancel(&mut transaction, ExperimentId(id), state.clock.now()).await?;
    match cancelled.ok_or_else(|| ApiError::not_found("experiment", &id))? {
        Cancelled::Cancelled => {}
        Cancelled::OverBefore => return Err(conflict("the experiment is over already")),
    }
    audit::record(&mut transaction, &state.entry(caller, "experiment.cancel", &id)).await?;
    commit(transaction).await
}

#[cfg(test)]
mod tests {
    use store::experiments::AtRisk;
    use time::macros::datetime;
    use wire::StopCodeNumber;
    use wire::experiment::NewExperiment;

    use super::{machines, no_machine, stop_code, until};

    #[test]
    fn only_locked_pages_can_be_tracked() {
        let code = |code| stop_code(Some(StopCodeNumber::from_raw(code)));
        assert_eq!(stop_code(None).unwrap(), 0x76);
        assert_eq!(code(0x76).unwrap(), 0x76);
        assert_eq!(code(0xcb).unwrap(), 0xcb);
        assert!(code(0xd1).unwrap_err().to_string().contains("0xd1"));
    }

    #[test]
    fn an_experiment_is_bounded_in_machines_and_days() {
        let now = datetime!(2026-11-23 02:00 UTC);
        let wish = |days, until| NewExperiment {
            days,
            until,
            ..NewExperiment::default()
        };
        assert_eq!(
            until(&wish(None, None), now).unwrap(),
            datetime!(2026-12-07 02:00 UTC)
        );
        assert!(until(&wish(Some(60), None), now).is_ok());
        for wrong in [
            wish(Some(61), None),
            wish(Some(0), None),
            wish(Some(u32::MAX), None),
            wish(None, Some(now)),
            wish(Some(1), Some(datetime!(2026-11-24 02:00 UTC))),
        ] {
            assert!(until(&wrong, now).is_err(), "{wrong:?}");
        }
        assert_eq!(machines(None).unwrap(), 5);
        assert!(machines(Some(0)).is_err());
        assert!(machines(Some(51)).is_err());
    }

    #[test]
    fn why_there_is_no_machine_is_said_at_the_first_condition_that_fails() {
        let at_risk = |machines, heard, allowed| AtRisk {
            machines,
            heard,
            allowed,
            free: 0,
        };
        assert!(no_machine(&at_risk(0, 0, 0)).contains("no machine has"));
        assert!(no_machine(&at_risk(9, 0, 0)).contains("checked in"));
        assert!(no_machine(&at_risk(9, 4, 0)).contains("allows"));
        assert!(no_machine(&at_risk(9, 4, 2)).contains("other experiments"));
    }
}
