//! How agents join: an enrolment token is exchanged for a token of one machine, which can do very little and can be
//! taken away at once.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Client, Server};

/// What an agent gets for its enrolment token.
async fn enrol(key: &Client, machine: &str) -> Client {
    let path = format!("/api/v1/machines/{machine}/enrolment");
    let answer = key
        .send_json(Method::POST, &path, &json!({"agent_version": "0.1.0"}))
        .await;
    assert_eq!(answer["machine"], machine);
    key.with_token(answer["token"].as_str().unwrap())
}

/// How an attempt to enrol ends: the status and, of a problem, its type.
async fn try_to_enrol(key: &Client, machine: &str) -> (StatusCode, Value) {
    let path = format!("/api/v1/machines/{machine}/enrolment");
    let wish = json!({"agent_version": "0.1.0"});
    let request = key.request(Method::POST, &path).json(&wish);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    (status, body["type"].clone())
}

fn check_in() -> Value {
    json!({"agent_version": "0.1.0", "days": []})
}

async fn check_in_status(agent: &Client, machine: &str) -> StatusCode {
    let path = format!("/api/v1/machines/{machine}/check-in");
    let request = agent.request(Method::POST, &path).json(&check_in());
    request.send().await.unwrap().status()
}

async fn enrolment_key(admin: &Client) -> Client {
    admin.with_token(&admin.token("upload").await)
}

/// The newest token for a machine, as an administrator sees it.
async fn token_of(admin: &Client, machine: &str) -> Value {
    let tokens = admin.json("/api/v1/tokens").await;
    let mut tokens = tokens["items"].as_array().unwrap().iter();
    tokens.find(|token| token["machine"] == machine).unwrap().clone()
}

async fn delete(admin: &Client, path: &str) {
    let answer = admin.request(Method::DELETE, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_for_its_machine_and_reads_nothing_but_its_policy() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = enrolment_key(&admin).await;
    admin.crash_of("pc-2", tests::dump(1)).await;

    let agent = enrol(&key, "pc-1").await;

    assert_eq!(check_in_status(&agent, "pc-1").await, 200);
    assert_eq!(
        agent.json("/api/v1/machines/pc-1/policy").await["track_locked_pages"],
        false
    );
    let own = agent.post("/api/v1/dumps?machine=pc-1", tests::dump(2)).await;
    assert_eq!(own.status(), 201);

    assert_eq!(check_in_status(&agent, "pc-2").await, 403);
    let foreign = agent.post("/api/v1/dumps?machine=pc-2", tests::dump(3)).await;
    assert_eq!(foreign.status(), 403);
    assert_eq!(try_to_enrol(&agent, "pc-1").await.0, 403);
    for body in ["presence", "events", "inventory"] {
        let path = format!("/api/v1/machines/pc-2/{body}");
        let method = if body == "inventory" {
            Method::PUT
        } else {
            Method::POST
        };
        let request = agent
            .request(method, &path)
            .json(&json!({"days": [], "events": []}));
        assert_eq!(request.send().await.unwrap().status(), 403, "{path}");
    }
    let dump = own.json::<Value>().await.unwrap()["dumps"][0]["id"].clone();
    let dump = dump.as_str().unwrap();
    for path in [
        "/api/v1/machines/pc-2/policy",
        "/api/v1/machines/pc-1",
        "/api/v1/machines",
        "/api/v1/crashes",
        "/api/v1/stop-codes",
        "/api/v1/stop-codes/0x76/suspects",
        "/api/v1/drivers",
        "/api/v1/tokens",
        "/api/v1/experiments",
        "/api/v1/alerts",
        "/api/v1/symbols",
        &format!("/api/v1/dumps/{dump}"),
        &format!("/api/v1/dumps/{dump}/raw"),
        "/",
        "/experiments",
    ] {
        assert_eq!(agent.get(path).await.status(), 403, "{path}");
    }
    let started = agent.post("/api/v1/experiments", "{}").await;
    assert!(started.status().is_client_error());
    assert_eq!(agent.post("/api/v1/import", "").await.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_again_ends_the_earlier_token_and_is_on_record() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = enrolment_key(&admin).await;
    let first = enrol(&key, "pc-1").await;

    let second = enrol(&key, "pc-1").await;

    assert_eq!(check_in_status(&first, "pc-1").await, 401);
    assert_eq!(check_in_status(&second, "pc-1").await, 200);
    let token = token_of(&admin, "pc-1").await;
    assert!(token["enrolled_by"].is_string(), "{token}");
    assert_eq!(token["scopes"], json!(["agent"]));
    let id = token["id"].as_str().unwrap().to_owned();
    let audited = server.audited().await;
    assert!(audited.contains(&("machine.enrol".to_owned(), id)), "{audited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_machine_is_out_at_once_until_an_administrator_makes_it_a_newer_token() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = enrolment_key(&admin).await;
    let agent = enrol(&key, "pc-1").await;
    let other = enrol(&key, "pc-2").await;
    let token = token_of(&admin, "pc-1").await;

    delete(
        &admin,
        &format!("/api/v1/tokens/{}", token["id"].as_str().unwrap()),
    )
    .await;

    assert_eq!(check_in_status(&agent, "pc-1").await, 401);
    assert_eq!(
        try_to_enrol(&key, "pc-1").await,
        (StatusCode::FORBIDDEN, json!("machine-revoked"))
    );
    assert_eq!(check_in_status(&other, "pc-2").await, 200);

    let wish = json!({"name": "again", "scopes": ["agent"], "machine": "pc-1"});
    let made = admin.send_json(Method::POST, "/api/v1/tokens", &wish).await;
    let by_hand = admin.with_token(made["token"].as_str().unwrap());
    assert_eq!(check_in_status(&by_hand, "pc-1").await, 200);
    let again = enrol(&key, "pc-1").await;
    assert_eq!(check_in_status(&again, "pc-1").await, 200);
    // What an administrator made by hand, only an administrator ends.
    assert_eq!(check_in_status(&by_hand, "pc-1").await, 200);

    delete(&admin, "/api/v1/machines/pc-1/enrolment").await;
    for gone in [&by_hand, &again] {
        assert_eq!(check_in_status(gone, "pc-1").await, 401);
    }
    assert_eq!(try_to_enrol(&key, "pc-1").await.0, 403);
    let never = admin
        .request(Method::DELETE, "/api/v1/machines/pc-99/enrolment")
        .send()
        .await
        .unwrap();
    assert_eq!(never.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_enrolment_token_lets_nobody_in_and_takes_its_agents_along_only_if_that_is_wished() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = enrolment_key(&admin).await;
    let agent = enrol(&key, "pc-1").await;
    let enrolled_by = token_of(&admin, "pc-1").await["enrolled_by"].clone();
    let path = format!("/api/v1/tokens/{}", enrolled_by.as_str().unwrap());

    delete(&admin, &path).await;

    assert_eq!(
        try_to_enrol(&key, "pc-2").await,
        (StatusCode::UNAUTHORIZED, json!("unauthorized"))
    );
    assert_eq!(check_in_status(&agent, "pc-1").await, 200);

    delete(&admin, &format!("{path}?with_agents=true")).await;

    assert_eq!(check_in_status(&agent, "pc-1").await, 401);
    // The fleet enrols again with the token that replaces the leaked one.
    let replaced = enrolment_key(&admin).await;
    let again = enrol(&replaced, "pc-1").await;
    assert_eq!(check_in_status(&again, "pc-1").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_learns_only_of_its_own_dumps() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = enrolment_key(&admin).await;
    let agent = enrol(&key, "pc-1").await;
    let own = agent.upload("pc-1", tests::dump(1)).await;
    let foreign = key.upload("pc-2", tests::dump(2)).await;
    let ask = async |client: &Client, machine: &str, hash: &Value| {
        let path = format!("/api/v1/machines/{machine}/dumps/{}", hash.as_str().unwrap());
        client.request(Method::HEAD, &path).send().await.unwrap().status()
    };

    assert_eq!(ask(&agent, "pc-1", &own["sha256"]).await, 200);
    assert_eq!(ask(&agent, "pc-1", &foreign["sha256"]).await, 404);
    assert_eq!(ask(&agent, "pc-2", &foreign["sha256"]).await, 403);
    assert_eq!(ask(&key, "pc-2", &foreign["sha256"]).await, 200);
    assert_eq!(ask(&key, "pc-2", &json!("00".repeat(32))).await, 404);
    assert_eq!(ask(&key, "pc-2", &json!("no-hash")).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_in_is_presence_and_is_seen_on_the_machine() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = enrolment_key(&admin).await;
    let agent = enrol(&key, "pc-1").await;
    let told = json!({"agent_version": "0.1.0", "days": ["2026-11-20", "2026-11-21"],
        "started_at": "2026-11-21T06:00:00Z", "may_track_locked_pages": true});

    let policy = agent
        .send_json(Method::POST, "/api/v1/machines/pc-1/check-in", &told)
        .await;
    let inventory = json!({"drivers": [], "crash_control": {"CrashDumpEnabled": 0}});
    agent
        .send_json(Method::PUT, "/api/v1/machines/pc-1/inventory", &inventory)
        .await;

    assert_eq!(policy["check_in_seconds"], 86_400);
    assert_eq!(policy["track_locked_pages"], false);
    assert_eq!(policy["track_locked_pages_until"], Value::Null);
    let machine = admin.json("/api/v1/machines/pc-1").await;
    assert_eq!(machine["agent"]["agent_version"], "0.1.0");
    assert_eq!(machine["agent"]["started_at"], "2026-11-21T06:00:00Z");
    assert_eq!(machine["agent"]["may_track_locked_pages"], true);
    assert_eq!(machine["agent"]["locked_pages"], Value::Null);
    assert!(
        machine["cannot_write_dumps"]
            .as_str()
            .unwrap()
            .contains("switched off")
    );
    let page = admin.get("/machines/pc-1").await.text().await.unwrap();
    assert!(page.contains("off, allowed by the owner"));
    assert!(page.contains("could not have left a dump"));
    for wrong in [
        json!({"agent_version": "<b>", "days": []}),
        json!({"agent_version": "0.1.0", "days": ["2999-01-01"]}),
    ] {
        let request = agent
            .request(Method::POST, "/api/v1/machines/pc-1/check-in")
            .json(&wrong);
        assert_eq!(request.send().await.unwrap().status(), 400, "{wrong}");
    }
}
