//! The HTTP contract where no dump is needed: lists, CSV, imports, inventories, events, limits.

use reqwest::Method;
use reqwest::header::{ACCEPT, LINK};
use serde_json::{Value, json};
use tests::{Client, Server};

/// Three crashes of one machine, all on the days it was on.
const HISTORY: &str = r#"{"type":"driver","id":"d1","name":"acmecap.sys","version":"4.1.9.0","company":"=Acme"}
{"type":"driver_set","id":"s1","drivers":["d1",{"name":"other.sys","version":"1.0"}]}
{"type":"machine","machine":"i1","manufacturer":"Contoso","model":"X1"}
{"type":"inventory","machine":"i1","at":"2026-08-01T00:00:00Z","driver_set":"s1"}
{"type":"presence","machine":"i1","from":"2026-08-01","to":"2026-09-06"}
{"type":"crash","machine":"i1","at":"2026-08-10T01:00:00Z","stop_code":"0x76","parameters":["0x0","0x0","0x26","0x0"]}
{"type":"crash","machine":"i1","at":"2026-08-11T01:00:00Z","stop_code":"0x76"}
{"type":"crash","machine":"i1","at":"2026-08-12T01:00:00Z","stop_code":"0x10000076"}
"#;

async fn import(admin: &Client, query: &str, lines: &str) -> Value {
    let answer = admin
        .post(&format!("/api/v1/import{query}"), lines.to_owned())
        .await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_paged_by_cursor_and_link_and_is_a_table_too() {
    let server = Server::start().await;
    let admin = server.admin();
    assert_eq!(
        import(&admin, "", HISTORY).await,
        json!({"accepted": 8, "rejected": []})
    );

    let first = admin.get("/api/v1/crashes?stop_code=0x76&limit=2").await;
    let link = first.headers()[LINK].to_str().unwrap().to_owned();
    let first: Value = first.json().await.unwrap();
    let next = link
        .strip_prefix('<')
        .unwrap()
        .strip_suffix(">; rel=\"next\"")
        .unwrap();
    let second = admin.json(next).await;

    assert_eq!(first["items"][0]["crashed_at"], "2026-08-12T01:00:00Z");
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["next_cursor"], Value::Null);
    let table = admin
        .request(Method::GET, "/api/v1/crashes")
        .header(ACCEPT, "text/csv")
        .send()
        .await
        .unwrap();
    let table = table.text().await.unwrap();
    assert!(table.starts_with("id,dump_id,machine,"), "{table}");
    assert_eq!(table.lines().count(), 4);
}

/// A spreadsheet runs a cell that starts with an equals sign.
#[tokio::test(flavor = "multi_thread")]
async fn a_company_name_is_no_formula_in_a_spreadsheet() {
    let server = Server::start().await;
    let admin = server.admin();
    import(&admin, "", HISTORY).await;

    let table = admin.get("/api/v1/drivers.csv").await.text().await.unwrap();

    assert!(table.contains("acmecap.sys,'=Acme,"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_wrong_lines_and_goes_on_where_it_is_told() {
    let server = Server::start().await;
    let admin = server.admin();
    let broken = format!("{HISTORY}{{\"type\":\"crash\"}}\nnot json\n");

    let answer = import(&admin, "", &broken).await;
    assert_eq!(answer["accepted"], 0, "all or nothing: {answer}");
    assert_eq!(answer["rejected"][0]["line"], 9);
    assert_eq!(answer["rejected"][1]["line"], 10);

    // Lines before the given one are read for their ids only.
    let answer = import(&admin, "?from_line=3", HISTORY).await;
    assert_eq!(answer, json!({"accepted": 6, "rejected": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_inventory_is_sent_as_its_hash() {
    let server = Server::start().await;
    let admin = server.admin();
    let drivers = json!({"model": "X1", "drivers": [{"name": "a.sys", "version": "1.0"}]});
    let told = admin
        .send_json(Method::PUT, "/api/v1/machines/m1/inventory", &drivers)
        .await;

    let same = json!({"driver_set": told["driver_set"]});
    let again = admin
        .send_json(Method::PUT, "/api/v1/machines/m1/inventory", &same)
        .await;
    let unknown = json!({"driver_set": "00".repeat(32)});
    let path = "/api/v1/machines/m2/inventory";
    let refused = admin
        .request(Method::PUT, path)
        .json(&unknown)
        .send()
        .await
        .unwrap();

    assert_eq!(
        (&told["changed"], &again["changed"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(refused.status(), 409);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "unknown-driver-set");
}

/// A dump holds no versions; whatever inventory comes later tells them for crashes that are there already.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_inventory_tells_the_versions_of_an_earlier_crash() {
    let server = Server::start().await;
    let admin = server.admin();
    let crash = admin.crash_of("m1", tests::dump(3)).await;
    let drivers = crash["drivers"].as_array().unwrap();
    let driver = drivers
        .iter()
        .find(|driver| driver["name"] == "acmecap.sys")
        .unwrap();
    let inventory = json!({"drivers": [{
        "name": "AcmeCap.sys", "version": "4.2.1.0", "company": "Acme",
        "time_date_stamp": driver["time_date_stamp"], "size_of_image": driver["size_of_image"],
    }]});

    admin
        .send_json(Method::PUT, "/api/v1/machines/m2/inventory", &inventory)
        .await;

    let crash = admin
        .json(&format!("/api/v1/crashes/{}", crash["id"].as_str().unwrap()))
        .await;
    let drivers = crash["drivers"].as_array().unwrap();
    let driver = drivers
        .iter()
        .find(|driver| driver["name"] == "acmecap.sys")
        .unwrap();
    assert_eq!(
        (&driver["version"], &driver["company"]),
        (&json!("4.2.1.0"), &json!("Acme"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_told_twice_is_one_crash() {
    let server = Server::start().await;
    let admin = server.admin();
    let event = |at: &str, source: &str| {
        json!({"events": [{"at": at, "source": source, "stop_code": "0x76",
            "parameters": ["0x0", "0x0", "0x26", "0x0"]}]})
    };
    let path = "/api/v1/machines/m1/events";
    let first = event("2026-11-21T10:00:00Z", "event-1001");
    let second = event("2026-11-21T10:01:00Z", "event-41");

    assert_eq!(
        admin.send_json(Method::POST, path, &first).await,
        json!({"recorded": 1, "known": 0})
    );
    assert_eq!(
        admin.send_json(Method::POST, path, &second).await,
        json!({"recorded": 0, "known": 1})
    );

    let crashes = admin.json("/api/v1/crashes?machine=m1").await;
    assert_eq!(crashes["items"][0]["source"], "event");
    assert_eq!(
        crashes["items"][0]["stop_code"]["name"],
        "PROCESS_HAS_LOCKED_PAGES"
    );
}

/// Closing the connection at once would show the client a reset in place of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_too_much_still_gets_its_answer() {
    let server = Server::start().await;
    let admin = server.admin();
    let answer = admin.post("/api/v1/dumps", vec![1; 70 << 20]).await;
    assert_eq!(answer.status(), 413);
    let answer = admin
        .with_token("wrong")
        .post("/api/v1/dumps", vec![1; 20 << 20])
        .await;
    assert_eq!(answer.status(), 401);
}
