//! From the first page to the machines at risk, and to a file of it all.

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{Client, Server, history};

use crate::chromium::{Browser, Tab};
use crate::{DESK, sign_in};

/// A server that has seen 120 machines for eight weeks and has made up its mind.
async fn with_history() -> Server {
    let server = Server::start().await;
    let admin = server.admin();
    let answer = admin
        .post("/api/v1/import", history::of(120, history::Guilty::NewVersion))
        .await;
    assert!(answer.status().is_success());
    settled(&admin).await;
    server
}

async fn settled(admin: &Client) -> Value {
    let started = Instant::now();
    loop {
        let suspects = admin.json("/api/v1/stop-codes/0x76/suspects").await;
        if suspects["stale"] == false && suspects["verdict"] == "likely-cause" {
            return suspects;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{suspects}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_names_the_version_how_sure_it_is_and_what_to_do() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = with_history().await;
    let tab = sign_in(&browser, &server, DESK).await;

    let verdict = tab.text(".verdict").await;

    assert!(
        verdict.contains("acmecap.sys") && verdict.contains("2.0.0.0"),
        "{verdict}"
    );
    assert!(verdict.to_lowercase().contains("likely cause"), "{verdict}");
    assert!(verdict.contains('%'), "how sure: {verdict}");
    assert!(verdict.contains("What to do"), "{verdict}");
    assert_eq!(tab.complaints(), Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_leads_to_its_machines_and_to_a_file() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let server = with_history().await;
    let tab = sign_in(&browser, &server, DESK).await;

    tab.follow(".verdict", "0x76").await;
    assert_eq!(tab.path().await, "/stop-codes/0x76");
    let first = tab.text("#suspects tbody tr").await;
    assert!(
        first.contains("acmecap.sys") && first.contains("2.0.0.0"),
        "{first}"
    );
    let pictures: u32 = tab
        .evaluate("document.querySelectorAll('main svg[role=img]').length")
        .await;
    assert!(pictures >= 1, "rate ratios are drawn");

    let file = String::from_utf8(tab.download("#suspects", "CSV").await).unwrap();
    assert_csv_has_what_the_table_shows(&tab, &file).await;

    tab.follow(".verdict", "Machines at risk").await;
    let path = tab.path().await;
    assert!(path.starts_with("/machines?"), "{path}");
    let machines = tab.texts("main tbody tr th a").await;
    // Every third of 120 machines has the new version.
    assert_eq!(machines.len(), 40, "{machines:?}");
    let file = String::from_utf8(tab.download("main", "CSV").await).unwrap();
    assert_eq!(file.lines().count(), 1 + 40, "{file}");

    let crashed = "m3";
    tab.follow("main tbody", crashed).await;
    assert_eq!(tab.path().await, format!("/machines/{crashed}"));
    let timeline = tab.text(".timeline").await;
    assert!(timeline.contains("0x76"), "{timeline}");
    assert_eq!(tab.complaints(), Vec::<String>::new());
    browser.close().await;
}

async fn assert_csv_has_what_the_table_shows(tab: &Tab, file: &str) {
    let rows = tab
        .texts("#suspects .suspects:first-of-type tbody tr .rank")
        .await;
    let lines: Vec<&str> = file.trim_start_matches('\u{feff}').lines().collect();
    let head = lines[0];
    assert!(head.contains("rank") && head.contains("rate_ratio"), "{head}");
    assert!(lines.len() > rows.len(), "{file}");
    assert!(
        lines[1].contains("acmecap.sys") && lines[1].contains("2.0.0.0"),
        "{}",
        lines[1]
    );
}
