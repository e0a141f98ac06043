//! The fleet's tables against a real Postgres: inventories, presence, import, exposure and what pages read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod alerts;
mod counting;
mod experiments;
mod exposure;
mod histories;
mod import;
mod inventories;
mod pages;
mod roll_up;
mod truth;

use sqlx::PgConnection;
use sqlx::pool::PoolConnection;
use store::drivers::InventoryDriver;
use store::import::{
    self as bulk, Applied, CrashLine, InventorySource, Line, NumberedLine, Session, SetContent,
};
use store::inventories::{InventoryDrivers, NewInventory};
use store::machines::Attributes;
use store::stop_codes::StopCodeEntry;
use time::macros::datetime;
use time::{Date, OffsetDateTime};

/// When everything in here is told to the server.
const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// A fresh database with `PROCESS_HAS_LOCKED_PAGES` in its dictionary.
async fn connection() -> PoolConnection<sqlx::Postgres> {
    let database = tests::database().await;
    let mut conn = database.pool.acquire().await.unwrap();
    let entry = |code, name: &str, class: &str| StopCodeEntry {
        code,
        name: name.to_owned(),
        class: class.to_owned(),
        parameters: [Some("0: left locked".to_owned()), None, None, None],
        guidance: vec!["Update the driver.".to_owned()],
    };
    let entries = [
        entry(0x76, "PROCESS_HAS_LOCKED_PAGES", "driver"),
        entry(0x161, "LIVE_SYSTEM_DUMP", "live"),
    ];
    store::stop_codes::upsert_dictionary(&mut conn, &entries)
        .await
        .unwrap();
    conn
}

/// A driver of an inventory. `version` 3 of `a.sys` is the image `a.sys/000000031000`.
fn driver(name: &str, version: u32) -> InventoryDriver {
    InventoryDriver {
        name: name.to_owned(),
        version: Some(format!("{version}.0")),
        time_date_stamp: Some(version),
        size_of_image: Some(0x1000),
        company: Some("Acme".to_owned()),
        ..InventoryDriver::default()
    }
}

/// An inventory that tells these drivers in full.
fn inventory(machine: &str, at: OffsetDateTime, drivers: Vec<InventoryDriver>) -> NewInventory {
    NewInventory {
        machine: machine.to_owned(),
        at,
        attributes: Attributes {
            model: Some("Latitude".to_owned()),
            os_build: Some(22631),
            ..Attributes::default()
        },
        crash_control: None,
        drivers: InventoryDrivers::Whole(drivers),
    }
}

/// Imports one batch.
async fn import(conn: &mut PgConnection, session: &mut Session, lines: Vec<Line>) -> Applied {
    let numbered = (1..).zip(lines);
    let lines = numbered
        .map(|(number, line)| NumberedLine {
            number,
            line: Ok(line),
        })
        .collect();
    bulk::apply(conn, session, lines, NOW).await.unwrap()
}

fn machine_line(machine: &str, model: &str) -> Line {
    let attributes = Attributes {
        model: Some(model.to_owned()),
        ..Attributes::default()
    };
    Line::Machine {
        machine: machine.to_owned(),
        attributes,
    }
}

fn driver_line(id: &str, name: &str, version: u32) -> Line {
    Line::Driver {
        id: id.to_owned(),
        driver: driver(name, version),
    }
}

fn set_line(id: &str, drivers: &[&str]) -> Line {
    let references = drivers
        .iter()
        .map(|id| bulk::DriverReference::Id((*id).to_owned()));
    Line::DriverSet {
        id: id.to_owned(),
        content: SetContent::Whole(references.collect()),
    }
}

fn inventory_line(machine: &str, at: OffsetDateTime, set: &str) -> Line {
    Line::Inventory {
        machine: machine.to_owned(),
        at,
        drivers: InventorySource::Set(set.to_owned()),
    }
}

fn presence_line(machine: &str, from: Date, to: Date) -> Line {
    Line::Presence {
        machine: machine.to_owned(),
        from,
        to,
    }
}

fn crash_line(machine: &str, at: OffsetDateTime) -> Line {
    Line::Crash(CrashLine {
        machine: machine.to_owned(),
        at,
        stop_code: 0x76,
        parameters: vec![0, 0, 0x26, 0],
        process: Some("Backup.exe".to_owned()),
        stack_modules: vec!["ntoskrnl.exe".to_owned()],
    })
}

/// The version ids of `a.sys` and others by name and version.
async fn version_id(conn: &mut PgConnection, name: &str, version: &str) -> i32 {
    sqlx::query_scalar(
        "SELECT driver_version.id FROM driver_version JOIN driver ON driver.id = driver_id
         WHERE driver.name = $1 AND version = $2",
    )
    .bind(name)
    .bind(version)
    .fetch_one(conn)
    .await
    .unwrap()
}

/// All rows of presence: week, members of the set, days.
async fn presence_rows(conn: &mut PgConnection) -> Vec<(Date, Vec<i32>, i16)> {
    sqlx::query_as(
        "SELECT week, driver_set_members(driver_version_ids), days
         FROM presence JOIN driver_set ON driver_set.id = driver_set_id ORDER BY week, days",
    )
    .fetch_all(conn)
    .await
    .unwrap()
}
