//! What agents report: inventories, and the days a machine was on.

use axum::extract::State;
use axum::http::StatusCode;
use store::inventories::{self, InventoryDrivers, NewInventory};
use store::presence;
use time::{Date, Duration, OffsetDateTime};
use wire::inventory::{Inventory, InventoryAnswer, Presence};
use wire::problem::Problem;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Path};
use crate::intake::machine_name;
use crate::state::{AppState, commit};
use crate::view;

/// Most days in one report of presence.
const MAX_DAYS: usize = 400;

/// Tell what a machine is and which drivers it has.
///
/// A client may send the hash that it was answered last time in place of unchanged drivers.
#[utoipa::path(put, path = "/api/v1/machines/{machine}/inventory", tag = "sending",
    params(("machine" = String, Path)), request_body = Inventory,
    responses((status = 200, body = InventoryAnswer),
        (status = 409, body = Problem, description = "`unknown-driver-set`: send the drivers in full")),
    security(("token" = ["agent"])))]
#[tracing::instrument(name = "http.inventory.put", skip_all)]
pub(crate) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Path(machine): Path<String>,
    Json(inventory): Json<Inventory>,
) -> Result<axum::Json<InventoryAnswer>, ApiError> {
    caller.write_for(Some(&machine))?;
    let now = state.clock.now();
    let named_set = inventory.driver_set.clone();
    let inventory = new_inventory(machine_name(&machine)?, inventory, now)?;
    let mut transaction = state.begin().await?;
    let recorded = inventories::record(&mut transaction, &inventory, now).await?;
    let recorded = recorded.ok_or_else(|| unknown_set(named_set))?;
    commit(transaction).await?;
    Ok(axum::Json(InventoryAnswer {
        driver_set: recorded.driver_set.hash.to_string(),
        changed: recorded.changed,
    }))
}

fn unknown_set(hash: Option<String>) -> ApiError {
    ApiError::UnknownDriverSet {
        hash: hash.unwrap_or_default(),
    }
}

fn new_inventory(machine: &str, inventory: Inventory, now: OffsetDateTime) -> Result<NewInventory, ApiError> {
    if inventory
        .crash_control
        .as_ref()
        .is_some_and(|told| !told.is_object())
    {
        return Err(ApiError::invalid("`crash_control` must be a JSON object"));
    }
    let drivers = match (inventory.drivers, inventory.driver_set) {
        (Some(drivers), _) => {
            InventoryDrivers::Whole(view::inventory::loaded_drivers(drivers).map_err(ApiError::invalid)?)
        }
        (None, Some(hash)) => match hash.parse() {
            Ok(hash) => InventoryDrivers::Hash(hash),
            // A text that is no hash is as unknown as a hash we never gave out: the client sends the drivers then.
            Err(_) => return Err(unknown_set(Some(hash.chars().take(80).collect()))),
        },
        (None, None) => InventoryDrivers::Untold,
    };
    Ok(NewInventory {
        machine: machine.to_owned(),
        // A machine whose clock runs ahead must not own the future.
        at: inventory.at.unwrap_or(now).min(now),
        attributes: view::inventory::attributes(inventory.machine),
        crash_control: inventory.crash_control,
        drivers,
    })
}

/// Tell the days a machine was on.
#[utoipa::path(post, path = "/api/v1/machines/{machine}/presence", operation_id = "post_machine_presence", tag = "sending",
    params(("machine" = String, Path)), request_body = Presence,
    responses((status = 204)),
    security(("token" = ["agent"])))]
#[tracing::instrument(name = "http.presence.post", skip_all)]
pub(crate) async fn presence(
    State(state): State<AppState>,
    caller: Caller,
    Path(machine): Path<String>,
    Json(Presence { days }): Json<Presence>,
) -> Result<StatusCode, ApiError> {
    caller.write_for(Some(&machine))?;
    let machine = machine_name(&machine)?;
    let now = state.clock.now();
    check_days(&days, now)?;
    let mut transaction = state.begin().await?;
    presence::add(&mut transaction, machine, &days, now).await?;
    commit(transaction).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses more days than a report may have, and days that are not there yet.
pub(super) fn check_days(days: &[Date], now: OffsetDateTime) -> Result<(), ApiError> {
    if days.len() > MAX_DAYS {
        return Err(ApiError::invalid("at most 400 days in one report"));
    }
    // Machines ahead of UTC may be a day further.
    let last = (now + Duration::DAY).date();
    match days.iter().find(|&&day| day > last) {
        Some(day) => Err(ApiError::invalid(format!("the day {day} has not come yet"))),
        None => Ok(()),
    }
}
