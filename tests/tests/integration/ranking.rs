//! The headline: history goes in, the guilty driver version comes out first.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tests::history::{self, Guilty};
use tests::{Client, Server};

/// Machines of the history, of which fourteen crash.
const MACHINES: i64 = 40;

pub(crate) fn history() -> String {
    history::of(MACHINES, Guilty::NewVersion)
}

/// Machine-days of the history. A machine counts up to and including the day of its first crash, the 8 + n-th of the
/// 56 for machine n; the 14 that crash are 1, 3, 6, … 39.
const MACHINE_DAYS: u32 = 40 * 56 - 14 * 48 + (1 + 273);

/// Those of the new version: the machines 0, 3, 6, … 39, of which 0 never crashes.
const MACHINE_DAYS_OF_THE_NEW: u32 = 14 * 56 - 13 * 48 + 273;

/// The ranking once it is computed from everything that has arrived.
pub(crate) async fn fresh_suspects(client: &Client) -> Value {
    let started = Instant::now();
    loop {
        let suspects = client.json("/api/v1/stop-codes/0x76/suspects").await;
        if suspects["stale"] == false && suspects["crashes"] == 14 {
            return suspects;
        }
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "still stale: {suspects}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_history_ranks_the_guilty_version_first() {
    let server = Server::start().await;
    let admin = server.admin();

    let answer = admin.post("/api/v1/import", history()).await;
    let answer: Value = answer.json().await.unwrap();

    assert_eq!(answer["rejected"], json!([]));
    assert_eq!(answer["accepted"], 4 + 120 + 14);
    let suspects = fresh_suspects(&admin).await;
    // One version and no doubt, but fewer than the twenty machines that a likely cause needs.
    assert_eq!(suspects["verdict"], "suspect-set");
    assert!(suspects["none_probability"].as_f64().unwrap() < 0.5);
    assert_eq!(suspects["crashing_machines"], 14);
    assert_eq!(suspects["machine_days"], MACHINE_DAYS);
    let first = &suspects["suspects"][0];
    assert_eq!(first["rank"], 1);
    assert_eq!(first["drivers"][0]["name"], "acmecap.sys");
    assert_eq!(first["drivers"][0]["version"], "2.0.0.0");
    assert_eq!(first["drivers"][0]["company"], "Acme");
    assert_eq!(
        first["drivers"][0]["code_ids"],
        json!(["acmecap.sys/5f0000021a000"])
    );
    assert!(first["probability"].as_f64().unwrap() > 0.5, "{first}");
    assert_eq!(first["in_credible_set"], true);
    assert_eq!(first["crashing_machines"], 13);
    assert_eq!(first["exposed_machines"], 14);
    assert_eq!(first["machine_days"], MACHINE_DAYS_OF_THE_NEW);
    assert!(first["rate_ratio"].as_f64().unwrap() > 5.0, "{first}");
    assert!(first["rate_ratio_low"].as_f64().unwrap() > 1.0, "{first}");
    assert_eq!(first["previous_version"]["version"], "1.9.0.0");
    // the driver that every machine has cannot stand out
    for suspect in suspects["suspects"].as_array().unwrap() {
        let bystander = suspect["drivers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|d| d["name"] == "bystander.sys");
        assert!(
            !bystander || suspect["ic025"].as_f64().unwrap() < 0.0,
            "{suspect}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_in_which_no_version_is_guilty_accuses_none() {
    let server = Server::start().await;
    let admin = server.admin();

    let answer = admin
        .post("/api/v1/import", history::of(MACHINES, Guilty::Nobody))
        .await;

    assert!(answer.status().is_success());
    let suspects = fresh_suspects(&admin).await;
    assert_eq!(suspects["verdict"], "no-driver-explains-this");
    assert!(suspects["none_probability"].as_f64().unwrap() > 0.5, "{suspects}");
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_the_same_history_twice_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    for _ in 0..2 {
        assert!(
            admin
                .post("/api/v1/import", history())
                .await
                .status()
                .is_success()
        );
    }

    let suspects = fresh_suspects(&admin).await;

    assert_eq!(suspects["machine_days"], MACHINE_DAYS);
    assert_eq!(suspects["crashing_machines"], 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_is_named_with_its_number() {
    let server = Server::start().await;
    let lines = format!("{}\nnot json\n", json!({"type": "machine", "machine": "m1"}));

    let answer = server.admin().post("/api/v1/import", lines).await;
    let answer: Value = answer.json().await.unwrap();

    assert_eq!(answer["rejected"][0]["line"], 2);
    assert!(answer["rejected"][0]["reason"].as_str().unwrap().contains(' '));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sends_its_drivers_in_full_only_when_they_are_new() {
    let server = Server::start().await;
    let admin = server.admin();
    let path = "/api/v1/machines/pc-7/inventory";
    let unknown = admin
        .request(Method::PUT, path)
        .json(&json!({"driver_set": "00".repeat(32)}))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 409);
    let problem: Value = unknown.json().await.unwrap();
    assert!(
        problem["type"].as_str().unwrap().ends_with("unknown-driver-set"),
        "{problem}"
    );

    let drivers = json!([{"name": "C:\\Windows\\System32\\drivers\\Acme.SYS", "version": "1.2.3.4"}]);
    let first = admin
        .send_json(Method::PUT, path, &json!({"model": "X1", "drivers": drivers}))
        .await;
    let second = admin
        .send_json(Method::PUT, path, &json!({"driver_set": first["driver_set"]}))
        .await;

    assert_eq!(first["changed"], true);
    assert_eq!(second["changed"], false);
    assert_eq!(second["driver_set"], first["driver_set"]);
    let machine = admin.json("/api/v1/machines/pc-7").await;
    assert_eq!(machine["model"], "X1");
    assert_eq!(machine["drivers"][0]["name"], "acme.sys");
    assert_eq!(machine["drivers"][0]["version"], "1.2.3.4");
}

/// A dump holds no versions; the version of the suspect comes from the inventory by its code id.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_learns_its_driver_versions_from_inventories() {
    let server = Server::start().await;
    let admin = server.admin();
    let description = tests::describe(3);
    let crash = admin.crash_of("pc-1", description.to_bytes()).await;
    let name = crash["probable_driver"]["name"].as_str().unwrap().to_owned();
    assert_eq!(crash["probable_driver"]["version"], Value::Null);
    let driver = crash["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|driver| driver["name"] == name)
        .unwrap();

    let inventory = json!({"drivers": [{"name": name, "version": "7.8.9.0", "company": "Acme",
        "time_date_stamp": driver["time_date_stamp"], "size_of_image": driver["size_of_image"]}]});
    admin
        .send_json(Method::PUT, "/api/v1/machines/another/inventory", &inventory)
        .await;

    let path = format!("/api/v1/crashes/{}", crash["id"].as_str().unwrap());
    let crash = admin.json(&path).await;
    assert_eq!(crash["probable_driver"]["version"], "7.8.9.0");
    let driver = crash["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|driver| driver["name"] == name)
        .unwrap();
    assert_eq!(driver["version"], "7.8.9.0");
    assert_eq!(driver["company"], "Acme");
}
