//! Check-in, inventory, and what the server asks for.

use std::fs;
use std::time::Duration;

use serde_json::json;
use synth::scenarios::{self, Scene};
use time::macros::datetime;

use super::Scenario;
use crate::clock::Clock;

const CHECK_IN: &str = "POST /api/v1/machines/m1/check-in";
const INVENTORY: &str = "PUT /api/v1/machines/m1/inventory";

#[test]
fn a_check_in_tells_the_days_that_were_not_told() {
    let scenario = Scenario::new();
    scenario.once();
    assert_eq!(
        scenario.server.last(CHECK_IN).json()["days"],
        json!(["2026-11-22"])
    );
    scenario.once();
    assert_eq!(scenario.server.count(CHECK_IN), 1);
    scenario.clock.sleep(Duration::from_hours(25));
    scenario.once();
    assert_eq!(
        scenario.server.last(CHECK_IN).json()["days"],
        json!(["2026-11-23"])
    );
}

#[test]
fn a_start_of_the_machine_is_told_at_once() {
    let scenario = Scenario::new();
    scenario.once();
    fs::write(scenario.root("started-at.txt"), "2026-11-22T11:00:00Z").unwrap();
    scenario.once();
    assert_eq!(scenario.server.count(CHECK_IN), 2);
    assert_eq!(
        scenario.server.last(CHECK_IN).json()["started_at"],
        json!("2026-11-22T11:00:00Z")
    );
}

#[test]
fn a_clock_that_jumps_stops_nothing() {
    let scenario = Scenario::new();
    scenario.clock.set(datetime!(2036-01-01 00:00 UTC));
    scenario.once();
    scenario.clock.set(super::NOW);
    scenario.once();
    assert_eq!(scenario.server.count(CHECK_IN), 2);
    assert_eq!(
        scenario.server.last(CHECK_IN).json()["days"],
        json!(["2026-11-22"])
    );
    scenario.clock.set(datetime!(2001-01-01 00:00 UTC));
    assert_eq!(scenario.once().trouble, None);
}

#[test]
fn drivers_are_sent_in_full_once_and_as_a_hash_from_then_on() {
    let scenario = Scenario::new();
    scenario.file("Windows/System32/drivers/acme.sys", b"not a PE", 3600);
    scenario.once();
    scenario.once();
    assert_eq!(scenario.server.count(INVENTORY), 1, "nothing changed");
    let full = scenario.server.last(INVENTORY).json();
    assert_eq!(full["drivers"][0]["name"], json!("acme.sys"));
    fs::write(scenario.root("started-at.txt"), "2026-11-22T11:00:00Z").unwrap();
    scenario.once();
    let short = scenario.server.last(INVENTORY).json();
    assert!(short["driver_set"].is_string() && short["drivers"].is_null());
}

#[test]
fn drivers_that_the_server_forgot_are_sent_in_full_again() {
    let scenario = Scenario::new();
    scenario.once();
    scenario.server.inner().driver_sets.clear();
    fs::write(scenario.root("started-at.txt"), "2026-11-22T11:00:00Z").unwrap();
    assert_eq!(scenario.once().trouble, None);
    assert_eq!(scenario.server.count(INVENTORY), 3);
    assert!(scenario.server.last(INVENTORY).json()["drivers"].is_array());
}

#[test]
fn a_driver_that_changes_is_told() {
    let scenario = Scenario::new();
    scenario.file("Windows/System32/drivers/acme.sys", b"one", 3600);
    scenario.once();
    scenario.file("Windows/System32/drivers/acme.sys", b"two", 60);
    scenario.once();
    let full = scenario.server.last(INVENTORY).json();
    assert_eq!(
        full["drivers"][0]["sha256"],
        json!(crate::digest::of_bytes(b"two"))
    );
}

#[test]
fn locked_pages_are_tracked_on_request_and_told() {
    let mut scenario = Scenario::new();
    scenario.config.allow_track_locked_pages = true;
    scenario.server.inner().policy = json!({"upload_interval_seconds": 900, "track_locked_pages": true,
        "track_locked_pages_until": "2026-12-01T00:00:00Z"});
    scenario.once();
    let told = scenario.server.last(CHECK_IN).json();
    assert_eq!(told["locked_pages"], json!({"set": true, "in_force_since": null}));
    fs::write(scenario.root("started-at.txt"), "2026-11-22T11:00:00Z").unwrap();
    scenario.once();
    let told = scenario.server.last(CHECK_IN).json();
    assert_eq!(
        told["locked_pages"]["in_force_since"],
        json!("2026-11-22T11:00:00Z")
    );
}

#[test]
fn a_refused_inventory_does_not_keep_dumps_from_being_sent() {
    let scenario = Scenario::new();
    scenario.dump("1.dmp", 1);
    let refusal = super::server::problem("invalid", 400);
    scenario
        .server
        .misbehave(INVENTORY, super::server::Misbehaviour::Answer(400, None, refusal));
    let outcome = scenario.once();
    assert_eq!(outcome.dumps_sent, 1);
    assert!(outcome.trouble.is_some());
}

#[test]
fn an_end_of_tracking_that_came_while_offline_is_told_later() {
    let mut scenario = Scenario::new();
    scenario.config.allow_track_locked_pages = true;
    scenario.server.inner().policy = json!({"upload_interval_seconds": 900, "track_locked_pages": true,
        "track_locked_pages_until": "2026-11-23T00:00:00Z"});
    scenario.once();
    let address = scenario.config.server.replace("http://127.0.0.1:1".to_owned());
    scenario.clock.sleep(Duration::from_hours(48));
    assert!(scenario.once().trouble.is_some());
    let value = fs::read_to_string(scenario.root("registry.reg.changes")).unwrap();
    assert!(value.trim_end().ends_with("\"TrackLockedPages\"=-"), "{value}");
    scenario.config.server = address;
    scenario.once();
    let told = scenario.server.last(CHECK_IN).json();
    assert_eq!(
        told["locked_pages"],
        json!({"set": false, "in_force_since": null})
    );
    let count = scenario.server.count(CHECK_IN);
    scenario.once();
    assert_eq!(scenario.server.count(CHECK_IN), count, "and once is enough");
}

#[test]
fn a_value_of_somebody_else_is_told_as_such() {
    let mut scenario = Scenario::new();
    scenario.config.allow_track_locked_pages = true;
    fs::write(
        scenario.root("registry.reg"),
        "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management]\n\
         \"TrackLockedPages\"=dword:00000001\n",
    )
    .unwrap();
    scenario.server.inner().policy = json!({"upload_interval_seconds": 900, "track_locked_pages": true,
        "track_locked_pages_until": "2026-12-01T00:00:00Z"});
    scenario.once();
    let told = scenario.server.last(CHECK_IN).json();
    assert!(
        told["locked_pages"]["trouble"]
            .as_str()
            .unwrap()
            .contains("somebody else")
    );
    let count = scenario.server.count(CHECK_IN);
    scenario.once();
    assert_eq!(scenario.server.count(CHECK_IN), count);
}

#[test]
fn days_that_the_server_does_not_take_do_not_cost_the_policy() {
    let scenario = Scenario::new();
    let refusal = super::server::problem("invalid", 400);
    scenario
        .server
        .misbehave(CHECK_IN, super::server::Misbehaviour::Answer(400, None, refusal));
    assert_eq!(scenario.once().trouble, None);
    assert_eq!(scenario.server.last(CHECK_IN).json()["days"], json!([]));
    scenario.clock.sleep(Duration::from_hours(25));
    scenario.once();
    let days = scenario.server.last(CHECK_IN).json()["days"].clone();
    assert_eq!(
        days,
        json!(["2026-11-22", "2026-11-23"]),
        "they are told once it is right"
    );
}

#[test]
fn a_refused_report_does_not_end_the_wait_for_a_dump() {
    let scenario = Scenario::new();
    let bytes = scenarios::power_failure(&Scene::sample(3)).to_bytes();
    scenario.file("Windows/Minidump/new.dmp", &bytes, 0);
    for _ in 0..10 {
        let refusal = super::server::problem("invalid", 400);
        scenario
            .server
            .misbehave(INVENTORY, super::server::Misbehaviour::Answer(400, None, refusal));
    }
    assert_eq!(scenario.once().dumps_sent, 1);
}
