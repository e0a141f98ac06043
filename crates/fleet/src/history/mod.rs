//! The history of most machines, as the lines that `POST /api/v1/import` takes.
//!
//! Machines go in groups, one import each: ids hold within one import, so every group begins with the drivers. A machine's
//! first set names all its drivers; each later one is the one before it with what changed.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use anyhow::bail;
use reqwest::{Body, Method};
use synth::fleet::{Fleet, Machine, SetId, VersionId};
use wire::import::{
    DriverLine, DriverReference, DriverSetLine, ImportAnswer, ImportLine, InventoryLine, MachineLine,
    PresenceLine,
};

use crate::client::{Client, read};
use crate::describe;

/// Machines in one import.
pub(crate) const GROUP: usize = 250;
/// Bytes after which a piece of the body goes out.
const CHUNK_BYTES: usize = 64 * 1024;
const PATH: &str = "/api/v1/import";

/// Imports the history of a group of machines.
pub(crate) async fn import(
    client: &Client,
    fleet: &Arc<Fleet>,
    machines: Range<usize>,
) -> anyhow::Result<u64> {
    let request = || {
        let chunks = chunks(fleet, machines.clone()).into_iter();
        let stream = futures_util::stream::iter(chunks.map(Ok::<_, std::io::Error>));
        client
            .request(Method::POST, PATH)
            .header("content-type", "application/x-ndjson")
            .body(Body::wrap_stream(stream))
    };
    let response = client.send(PATH, request).await?;
    let answer: ImportAnswer = read(PATH, response).await?;
    if let Some(line) = answer.rejected.first() {
        let count = answer.rejected.len();
        bail!(
            "{count} lines of the history were rejected, the first: line {}: {}",
            line.line,
            line.reason
        );
    }
    Ok(answer.accepted)
}

/// The body in pieces.
fn chunks(fleet: &Fleet, machines: Range<usize>) -> Vec<Vec<u8>> {
    let mut chunks = vec![Vec::new()];
    for line in lines(fleet, machines) {
        let text = serde_json::to_string(&line).expect("lines have text keys and finite numbers");
        if chunks.last().is_some_and(|chunk| chunk.len() > CHUNK_BYTES) {
            chunks.push(Vec::new());
        }
        let chunk = chunks.last_mut().expect("there is at least one");
        chunk.extend_from_slice(text.as_bytes());
        chunk.push(b'\n');
    }
    chunks
}

/// The lines of a group, drivers first.
pub(crate) fn lines(fleet: &Fleet, machines: Range<usize>) -> Vec<ImportLine> {
    let machines = &fleet.machines[machines];
    let mut lines = driver_lines(fleet, machines);
    let mut known = HashSet::new();
    for machine in machines {
        lines.push(ImportLine::Machine(MachineLine {
            machine: machine.id.clone(),
            attributes: describe::attributes(machine),
        }));
        if machine.reports_inventory {
            inventory_lines(fleet, machine, &mut known, &mut lines);
        }
        lines.extend(presence_lines(fleet, machine));
    }
    lines
}

/// The drivers that the machines have, each once.
fn driver_lines(fleet: &Fleet, machines: &[Machine]) -> Vec<ImportLine> {
    let changes = machines.iter().flat_map(|machine| &machine.inventories);
    let mut used: Vec<VersionId> = changes
        .flat_map(|change| fleet.set(change.set))
        .copied()
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    used.sort_unstable();
    used.into_iter()
        .map(|version| {
            ImportLine::Driver(DriverLine {
                id: driver_id(version),
                driver: describe::driver(fleet, version),
            })
        })
        .collect()
}

fn inventory_lines(
    fleet: &Fleet,
    machine: &Machine,
    known: &mut HashSet<SetId>,
    lines: &mut Vec<ImportLine>,
) {
    let mut before = None;
    for change in &machine.inventories {
        if known.insert(change.set) {
            lines.push(ImportLine::DriverSet(set_line(fleet, change.set, before)));
        }
        before = Some(change.set);
        let day = fleet.config.first_day().plus(change.day);
        lines.push(ImportLine::Inventory(InventoryLine {
            machine: machine.id.clone(),
            at: describe::beginning(day),
            driver_set: Some(set_id(change.set)),
            drivers: None,
        }));
    }
}

/// A set, in full or by what changed since the machine's set before it.
fn set_line(fleet: &Fleet, set: SetId, before: Option<SetId>) -> DriverSetLine {
    let references =
        |ids: &mut dyn Iterator<Item = VersionId>| ids.map(|id| DriverReference::Id(driver_id(id))).collect();
    let members = fleet.set(set);
    let Some(before) = before else {
        return DriverSetLine {
            id: set_id(set),
            drivers: Some(references(&mut members.iter().copied())),
            ..DriverSetLine::default()
        };
    };
    let old = fleet.set(before);
    let added = members.iter().filter(|id| old.binary_search(id).is_err());
    let removed = old.iter().filter(|id| members.binary_search(id).is_err());
    DriverSetLine {
        id: set_id(set),
        drivers: None,
        base: Some(set_id(before)),
        add: references(&mut added.copied()),
        remove: removed.map(|id| driver_id(*id)).collect(),
    }
}

fn presence_lines(fleet: &Fleet, machine: &Machine) -> Vec<ImportLine> {
    let spans = machine.presence(fleet.config.first_day()).into_iter();
    spans
        .map(|(from, to)| {
            ImportLine::Presence(PresenceLine {
                machine: machine.id.clone(),
                from: describe::date(from),
                to: describe::date(to),
            })
        })
        .collect()
}

fn driver_id(version: VersionId) -> String {
    format!("d{}", version.0)
}

fn set_id(set: SetId) -> String {
    format!("s{}", set.0)
}

#[cfg(test)]
mod tests;
