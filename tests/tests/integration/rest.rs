//! What holds for all of the API: validators, limits, and filters that mean the same everywhere.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use serde_json::Value;
use tests::{Client, Server};

/// Two models, three machines, two drivers, and crashes of two codes.
const HISTORY: &str = r#"{"type":"driver_set","id":"s1","drivers":[{"name":"acmecap.sys","version":"1.0"},{"name":"acme.sys","version":"2.0"},{"name":"other.sys","version":"3.0"}]}
{"type":"machine","machine":"PC-1","model":"X1"}
{"type":"machine","machine":"pc-2","model":"X2"}
{"type":"machine","machine":"srv-1","model":"X2"}
{"type":"inventory","machine":"PC-1","at":"2026-08-01T00:00:00Z","driver_set":"s1"}
{"type":"crash","machine":"PC-1","at":"2026-08-10T01:00:00Z","stop_code":"0x76","process":"a.exe"}
{"type":"crash","machine":"PC-1","at":"2026-08-11T01:00:00Z","stop_code":"0x76","process":"b.exe"}
{"type":"crash","machine":"pc-2","at":"2026-08-12T01:00:00Z","stop_code":"0x76","process":"a.exe"}
{"type":"crash","machine":"pc-2","at":"2026-08-13T01:00:00Z","stop_code":"0xd1","process":"a.exe"}
{"type":"crash","machine":"srv-1","at":"2026-08-14T01:00:00Z","stop_code":"0x76","process":"a.exe"}
"#;

async fn import(admin: &Client) {
    let answer = admin.post("/api/v1/import", HISTORY).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["rejected"], Value::Array(Vec::new()), "{answer}");
}

async fn known(client: &Client, path: &str, tag: &str) -> u16 {
    let request = client.request(Method::GET, path).header(IF_NONE_MATCH, tag);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_sent_again_only_when_it_has_changed() {
    let server = Server::start().await;
    let admin = server.admin();
    import(&admin).await;
    let crashes = admin.json("/api/v1/crashes?limit=1").await;
    let crash = format!("/api/v1/crashes/{}", crashes["items"][0]["id"].as_str().unwrap());
    let list = "/api/v1/crashes?stop_code=0x76";
    for path in [
        crash.as_str(),
        list,
        "/api/v1/stop-codes",
        "/api/v1/drivers/acmecap.sys",
        "/api/v1/drivers.csv",
    ] {
        let first = admin.get(path).await;
        assert_eq!(first.status(), 200, "{path}");
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(known(&admin, path, &tag).await, 304, "{path}");
    }
    let tag = admin.get(list).await.headers()[ETAG].to_str().unwrap().to_owned();
    let more = r#"{"type":"crash","machine":"pc-2","at":"2026-08-20T01:00:00Z","stop_code":"0x76"}"#;
    admin.post("/api/v1/import", more).await;
    assert_eq!(known(&admin, list, &tag).await, 200);
    // Whoever may not read is not told that nothing changed either.
    assert_eq!(known(&admin.with_token("wrong"), list, &tag).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_slowed_down_and_told_so() {
    let server = Server::start_with(&["--reads-per-minute", "4"], &[]).await;
    let admin = server.admin();
    let reader = admin.with_token(&admin.token("read").await);
    for left in (0..4).rev() {
        let answer = reader.get("/api/v1/stop-codes").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["ratelimit-policy"], "\"read\";q=4;w=60");
        let told = answer.headers()["ratelimit"].to_str().unwrap();
        assert!(told.starts_with(&format!("\"read\";r={left};t=")), "{told}");
    }
    let refused = reader.get("/api/v1/stop-codes").await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=16).contains(&wait), "{wait}");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "rate-limited");
    // Another token, and what sends, have shares of their own.
    assert_eq!(admin.get("/api/v1/stop-codes").await.status(), 200);
    let sender = admin.with_token(&admin.token("upload").await);
    assert_eq!(sender.post("/api/v1/import", "").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_cannot_be_guessed_at_speed() {
    let server = Server::start_with(&["--guesses-per-minute", "5"], &[]).await;
    let admin = server.admin();
    let late = admin.token("read").await;
    let mut statuses = Vec::new();
    for guess in 0..7 {
        let guesser = admin.with_token(&format!("stopcode_{guess:064x}"));
        statuses.push(guesser.get("/api/v1/crashes").await.status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    let sign_in = tests::http()
        .post(format!("{}/sign-in", server.base()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("token=stopcode_0&next=/");
    assert_eq!(sign_in.send().await.unwrap().status(), 429);
    // Who is known goes on from the same address; who is not has to wait with the guesser.
    assert_eq!(admin.get("/api/v1/crashes").await.status(), 200);
    assert_eq!(admin.with_token(&late).get("/api/v1/crashes").await.status(), 429);
}

/// The text between `before` and the next quote, everywhere on a page.
fn hrefs(page: &str, before: &str) -> BTreeSet<String> {
    page.split(before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// What the first column of a table holds.
async fn first_column(client: &Client, path: &str) -> BTreeSet<String> {
    let answer = client.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    let table = answer.text().await.unwrap();
    let rows = table.lines().skip(1);
    rows.filter_map(|row| row.split(',').next())
        .map(str::to_owned)
        .collect()
}

/// The rows of a page, and of the table that it links to.
async fn page_and_table(client: &Client, page: &str, rows: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let html = client.get(page).await.text().await.unwrap();
    let table = html
        .split("href=\"/api/v1/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let table = table
        .into_iter()
        .find(|path| path.contains(".csv"))
        .expect("a link to the table");
    let table = format!("/api/v1/{}", table.replace("&#38;", "&").replace("&amp;", "&"));
    (hrefs(&html, rows), first_column(client, &table).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_means_the_same_on_a_page_in_its_table_and_in_json() {
    let server = Server::start().await;
    let admin = server.admin();
    import(&admin).await;

    let (page, table) = page_and_table(
        &admin,
        "/crashes?stop_code=0x76&process=a.exe&to=2026-08-13",
        "href=\"/crashes/",
    )
    .await;
    assert_eq!((page.len(), &page), (2, &table));
    let json = admin
        .json("/api/v1/crashes?stop_code=0x76&process=a.exe&to=2026-08-13")
        .await;
    let json: BTreeSet<String> = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|crash| crash["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(json, table);

    let (page, table) = page_and_table(&admin, "/drivers?search=ACM", "href=\"/drivers/").await;
    assert_eq!(page, ["acme.sys", "acmecap.sys"].map(str::to_owned).into());
    assert_eq!(page, table);
    let (page, table) = page_and_table(&admin, "/machines?search=pc-&limit=5", "href=\"/machines/").await;
    assert_eq!(page, ["PC-1", "pc-2"].map(str::to_owned).into());
    assert_eq!(page, table);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_behind_a_chart_are_those_of_the_crashes() {
    let server = Server::start().await;
    let admin = server.admin();
    import(&admin).await;
    let rows = async |path: &str| {
        let table = admin.get(path).await.text().await.unwrap();
        let rows: Vec<String> = table.lines().skip(1).map(str::to_owned).collect();
        rows
    };
    let window = "from=2026-08-11&to=2026-08-20";
    let name = "PROCESS_HAS_LOCKED_PAGES";
    assert_eq!(
        rows(&format!("/api/v1/fleet/days.csv?{window}")).await,
        [
            format!("2026-08-11,0x76,{name},1"),
            format!("2026-08-12,0x76,{name},1"),
            "2026-08-13,0xd1,DRIVER_IRQL_NOT_LESS_OR_EQUAL,1".to_owned(),
            format!("2026-08-14,0x76,{name},1"),
        ]
    );
    let of_one = rows(&format!("/api/v1/stop-codes/0x76/days.csv?{window}")).await;
    assert_eq!(of_one.len(), 3, "{of_one:?}");
    assert_eq!(admin.get("/api/v1/fleet/days.csv?from=x").await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_tokens_and_alerts_are_read_page_by_page() {
    let server = Server::start().await;
    let admin = server.admin();
    for _ in 0..3 {
        admin.token("read").await;
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/tokens?limit=2".to_owned());
    loop {
        let page = admin.json(&path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|token| token["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/tokens?limit=2&cursor={cursor}");
    }
    let newest_first: Vec<String> = seen
        .iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .rev()
        .cloned()
        .collect();
    assert_eq!((seen.len(), &seen), (4, &newest_first));
    assert_eq!(
        admin.json("/api/v1/alerts?limit=1").await["items"],
        Value::Array(Vec::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_chosen_length_goes_on_at_that_length() {
    let server = Server::start().await;
    let admin = server.admin();
    import(&admin).await;
    let (mut seen, mut path) = (BTreeSet::new(), "/crashes?limit=2&machine=pc-2".to_owned());
    let first = admin.get(&path).await.text().await.unwrap();
    assert_eq!(hrefs(&first, "href=\"/crashes/").len(), 2);
    path = "/crashes?limit=2".to_owned();
    for _ in 0..3 {
        let html = admin.get(&path).await.text().await.unwrap();
        let (page, table) = page_and_table(&admin, &path, "href=\"/crashes/").await;
        assert!(page.len() <= 2);
        assert_eq!(page, table);
        seen.extend(page);
        let next = html.split("<a class=\"button\" href=\"").find(|rest| {
            rest.split('>')
                .next()
                .is_some_and(|tag| tag.contains("rel=\"next\""))
        });
        let Some(next) = next.and_then(|rest| rest.split('"').next()) else {
            break;
        };
        path = next.replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!(seen.len(), 5);
}
