//! The history of a few machines, sent as their agents would: one request an inventory, one for the days.

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use synth::fleet::{Fleet, Machine};
use wire::inventory::{Inventory, InventoryAnswer, Presence};

use crate::client::{Client, checked, read};
use crate::describe;

/// Sends everything that one machine's agent would have sent.
pub(crate) async fn report(client: &Client, fleet: &Fleet, machine: &Machine) -> anyhow::Result<()> {
    if machine.reports_inventory {
        inventories(client, fleet, machine)
            .await
            .with_context(|| format!("inventories of machine {}", machine.id))?;
    }
    presence(client, fleet, machine)
        .await
        .with_context(|| format!("presence of machine {}", machine.id))
}

/// Every change in full, then the last one again by the hash that the server gave it.
async fn inventories(client: &Client, fleet: &Fleet, machine: &Machine) -> anyhow::Result<()> {
    let path = format!("/api/v1/machines/{}/inventory", machine.id);
    let mut hash = None;
    for change in &machine.inventories {
        let versions = fleet.set(change.set).iter();
        let day = fleet.config.first_day().plus(change.day);
        let inventory = Inventory {
            at: Some(describe::beginning(day)),
            machine: describe::attributes(machine),
            crash_control: Some(serde_json::json!({"CrashDumpEnabled": 7})),
            drivers: Some(versions.map(|id| describe::driver(fleet, *id)).collect()),
            driver_set: None,
        };
        let answer: InventoryAnswer = client.exchange(Method::PUT, &path, &inventory).await?;
        hash = Some(answer.driver_set);
    }
    match hash {
        Some(hash) => repeat_by_hash(client, fleet, machine, &path, hash).await,
        None => Ok(()),
    }
}

async fn repeat_by_hash(
    client: &Client,
    fleet: &Fleet,
    machine: &Machine,
    path: &str,
    hash: String,
) -> anyhow::Result<()> {
    let inventory = Inventory {
        at: Some(describe::beginning(fleet.config.last_day)),
        machine: describe::attributes(machine),
        crash_control: None,
        drivers: None,
        driver_set: Some(hash),
    };
    let request = client.request(Method::PUT, path).json(&inventory);
    let response = request.send().await?;
    ensure!(
        response.status() != StatusCode::CONFLICT,
        "the server does not know the driver set that it just took"
    );
    let answer: InventoryAnswer = read(path, checked(path, response).await?).await?;
    ensure!(!answer.changed, "the same drivers count as a change");
    Ok(())
}

async fn presence(client: &Client, fleet: &Fleet, machine: &Machine) -> anyhow::Result<()> {
    let first_day = fleet.config.first_day();
    let on = machine.on.iter().enumerate().filter(|(_, on)| **on);
    let days: Vec<_> = on.map(|(day, _)| describe::date(first_day.plus(day))).collect();
    if days.is_empty() {
        return Ok(());
    }
    let path = format!("/api/v1/machines/{}/presence", machine.id);
    client.send_json(Method::POST, &path, &Presence { days }).await
}
