//! The proof loop: a fleet has a suspect, a few machines track locked pages, one of them stops with the 0xCB that names
//! the driver, and the verdict is confirmed.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use synth::dump::DumpDescription;
use synth::scenarios::{
    Image, Scene, left_locked_pages_2000, left_locked_pages_classic, left_locked_pages_tracker,
};
use tests::{Client, Server};
use time::OffsetDateTime;

use crate::ranking::{fresh_suspects, history};

/// The suspect of the history, as its inventories describe it.
const SUSPECT: (&str, &str) = ("acmecap.sys", "2.0.0.0");

/// A driver that every machine of the history has.
const BYSTANDER: (&str, &str) = ("bystander.sys", "1.0.0.0");

#[expect(
    clippy::disallowed_methods,
    reason = "the server under test has the real clock"
)]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A fleet of forty machines in which `m0`, `m3`, `m6`, … have the suspect and most of them crash.
async fn fleet_with_a_suspect() -> (Server, Client) {
    let server = Server::start().await;
    let admin = server.admin();
    let answer = admin.post("/api/v1/import", history()).await;
    assert!(answer.status().is_success());
    let suspects = fresh_suspects(&admin).await;
    assert_eq!(suspects["suspects"][0]["drivers"][0]["name"], SUSPECT.0);
    (server, admin)
}

/// A check-in; its answer is the policy.
async fn check_in(admin: &Client, machine: &str, may_track: bool, locked_pages: Value) -> Value {
    let path = format!("/api/v1/machines/{machine}/check-in");
    let told = json!({"agent_version": "0.1.0", "days": [], "may_track_locked_pages": may_track,
        "locked_pages": locked_pages});
    admin.send_json(Method::POST, &path, &told).await
}

async fn allow(admin: &Client, machines: &[&str]) {
    for machine in machines {
        check_in(admin, machine, true, Value::Null).await;
    }
}

async fn start(admin: &Client, wish: Value) -> Value {
    admin.send_json(Method::POST, "/api/v1/experiments", &wish).await
}

/// How a request ends that is refused: the status, and why.
async fn refused(admin: &Client, path: &str, body: &Value) -> (StatusCode, String) {
    let answer = admin.request(Method::POST, path).json(body).send().await.unwrap();
    let status = answer.status();
    let problem: Value = answer.json().await.unwrap();
    (status, problem["detail"].as_str().unwrap().to_owned())
}

async fn is_asked(admin: &Client, machine: &str) -> bool {
    let policy = admin.json(&format!("/api/v1/machines/{machine}/policy")).await;
    policy["track_locked_pages"].as_bool().unwrap()
}

fn names(experiment: &Value) -> Vec<&str> {
    let machines = experiment["machines"].as_array().unwrap().iter();
    machines
        .map(|machine| machine["machine"].as_str().unwrap())
        .collect()
}

/// One machine of an experiment.
fn machine<'a>(experiment: &'a Value, name: &str) -> &'a Value {
    let mut machines = experiment["machines"].as_array().unwrap().iter();
    machines.find(|machine| machine["machine"] == name).unwrap()
}

/// The experiment once `reached` says so.
async fn until(admin: &Client, experiment: &Value, reached: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/v1/experiments/{}", experiment["id"].as_str().unwrap());
    let started = Instant::now();
    loop {
        let experiment = admin.json(&path).await;
        if reached(&experiment) {
            return experiment;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{experiment}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The verdict on 0x76 once it is `word`.
async fn verdict(admin: &Client, word: &str) -> Value {
    let started = Instant::now();
    loop {
        let suspects = admin.json("/api/v1/stop-codes/0x76/suspects").await;
        if suspects["verdict"] == word && suspects["stale"] == false {
            return suspects;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{suspects}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A machine of the history that leaked just now because of `culprit`.
fn scene(boot_seed: u64, culprit: &str) -> Scene {
    let mut scene = Scene::sample(boot_seed);
    scene.images.retain(|image| !image.path.ends_with("acmecap.sys"));
    scene.images.push(Image {
        path: r"\SystemRoot\System32\drivers\acmecap.sys".to_owned(),
        size_of_image: 0x1a000,
        time_date_stamp: 0x5f00_0002,
        checksum: 0,
    });
    culprit.clone_into(&mut scene.culprit);
    // Dumps tell whole seconds, and the experiment began within this one.
    scene.crashed_at_unix = now().unix_timestamp() + 1;
    scene
}

const FORMS: [fn(&Scene) -> DumpDescription; 3] = [
    left_locked_pages_2000,
    left_locked_pages_classic,
    left_locked_pages_tracker,
];

#[tokio::test(flavor = "multi_thread")]
async fn windows_names_the_suspect_and_the_verdict_is_confirmed() {
    let (server, admin) = fleet_with_a_suspect().await;
    let (status, why) = refused(&admin, "/api/v1/experiments", &json!({})).await;
    assert_eq!(status, 409);
    assert!(why.contains("14 machines") && why.contains("checked in"), "{why}");
    // Two may be used; one may not, and one has the version before.
    allow(&admin, &["m3", "m6", "m1"]).await;
    check_in(&admin, "m9", false, Value::Null).await;

    let begun = start(&admin, json!({})).await;

    assert_eq!(begun["state"], "running");
    assert_eq!(begun["driver"], json!({"name": SUSPECT.0, "version": SUSPECT.1}));
    assert_eq!(names(&begun), ["m3", "m6"]);
    assert_eq!(machine(&begun, "m3")["state"], "asked");
    assert!(is_asked(&admin, "m3").await && is_asked(&admin, "m6").await);
    assert!(!is_asked(&admin, "m1").await && !is_asked(&admin, "m9").await);

    let waiting = json!({"set": true, "in_force_since": null});
    let policy = check_in(&admin, "m3", true, waiting).await;
    assert_eq!(policy["experiment"], begun["id"]);
    assert_eq!(policy["track_locked_pages_until"], begun["until"]);
    let told = until(&admin, &begun, |_| true).await;
    assert_eq!(machine(&told, "m3")["state"], "set");
    let in_force = json!({"set": true, "in_force_since": "2026-11-22T08:00:00Z"});
    check_in(&admin, "m3", true, in_force.clone()).await;
    let policy = check_in(&admin, "m6", false, Value::Null).await;
    assert_eq!(policy["track_locked_pages"], false);
    let told = until(&admin, &begun, |_| true).await;
    assert_eq!(machine(&told, "m3")["state"], "in-force");
    assert_eq!(machine(&told, "m6")["state"], "opted-out");
    assert_eq!(told["counts"]["in_force"], 1);

    let dump = left_locked_pages_tracker(&scene(1, SUSPECT.0)).to_bytes();
    let crash = admin.crash_of("m3", dump).await;
    assert_eq!(crash["probable_driver"]["name"], SUSPECT.0);

    let ended = until(&admin, &begun, |experiment| experiment["state"] != "running").await;
    assert_eq!(ended["state"], "confirmed");
    assert_eq!(ended["named"], begun["driver"]);
    assert_eq!(ended["ended_by_crash"], crash["id"]);
    assert_eq!(machine(&ended, "m3")["crash"], crash["id"]);
    assert!(!is_asked(&admin, "m3").await);
    let suspects = verdict(&admin, "confirmed").await;
    assert_eq!(suspects["confirmed_by"], "named-by-windows");
    assert_eq!(suspects["suspects"][0]["direct_evidence"]["named_by_0xcb"], 1);

    // The agent tells that the setting is still there, and then that it is gone.
    assert_eq!(
        check_in(&admin, "m3", true, in_force).await["track_locked_pages"],
        false
    );
    let told = until(&admin, &begun, |_| true).await;
    assert_eq!(machine(&told, "m3")["state"], "released");
    check_in(&admin, "m3", true, json!({"set": false, "in_force_since": null})).await;
    let told = until(&admin, &begun, |_| true).await;
    assert_eq!(machine(&told, "m3")["state"], "removed");
    let list = admin.json("/api/v1/experiments").await;
    assert_eq!(list["proofs"], json!({"proofs": 1, "judged": 1, "right": 1}));
    assert_eq!(list["items"][0]["id"], begun["id"]);
    let page = admin.get("/experiments").await.text().await.unwrap();
    assert!(page.contains("the first suspect of 0x76 was right in 1 of 1 proof."));
    let path = format!("/experiments/{}", begun["id"].as_str().unwrap());
    let page = admin.get(&path).await.text().await.unwrap();
    assert!(page.contains("Confirmed: Windows caught acmecap.sys 2.0.0.0"));
    let audited = server.audited().await;
    for action in ["experiment.start", "experiment.confirmed"] {
        let entry = (action.to_owned(), begun["id"].as_str().unwrap().to_owned());
        assert!(audited.contains(&entry), "{audited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_0xcb_decides_an_experiment() {
    let (_server, admin) = fleet_with_a_suspect().await;
    allow(&admin, &["m3"]).await;
    for (seed, form) in (10..).zip(FORMS) {
        let begun = start(&admin, json!({"machines": 1, "days": 1})).await;

        admin
            .crash_of("m3", form(&scene(seed, SUSPECT.0)).to_bytes())
            .await;

        let ended = until(&admin, &begun, |experiment| experiment["state"] != "running").await;
        assert_eq!(ended["state"], "confirmed", "form {seed}");
        assert_eq!(ended["named"], begun["driver"], "form {seed}");
    }
    let list = admin.json("/api/v1/experiments").await;
    assert_eq!(list["proofs"]["right"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_names_another_driver_and_the_suspect_is_not_confirmed() {
    let (_server, admin) = fleet_with_a_suspect().await;
    allow(&admin, &["m3"]).await;
    let begun = start(
        &admin,
        json!({"stop_code": "0xcb", "driver": SUSPECT.0, "version": SUSPECT.1}),
    )
    .await;

    let dump = left_locked_pages_classic(&scene(2, "northgpu.sys")).to_bytes();
    admin.crash_of("m3", dump).await;

    let ended = until(&admin, &begun, |experiment| experiment["state"] != "running").await;
    assert_eq!(ended["state"], "refuted");
    assert_eq!(ended["named"]["name"], "northgpu.sys");
    assert!(!is_asked(&admin, "m3").await);
    let suspects = verdict(&admin, "suspect-set").await;
    assert_eq!(suspects["suspects"][0]["direct_evidence"]["named_by_0xcb"], 0);
    let list = admin.json("/api/v1/experiments").await;
    assert_eq!(list["proofs"], json!({"proofs": 1, "judged": 1, "right": 0}));
    let path = format!("/experiments/{}", begun["id"].as_str().unwrap());
    let page = admin.get(&path).await.text().await.unwrap();
    assert!(page.contains("Windows named northgpu.sys (version unknown), not acmecap.sys 2.0.0.0."));
}

/// The lock tracker is memory that a small dump may not hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_0xcb_that_names_nobody_decides_nothing() {
    let (_server, admin) = fleet_with_a_suspect().await;
    allow(&admin, &["m3"]).await;
    let begun = start(&admin, json!({})).await;
    let mut description = left_locked_pages_tracker(&scene(3, SUSPECT.0));
    description.data_blocks.clear();

    let crash = admin.crash_of("m3", description.to_bytes()).await;

    assert_eq!(crash["probable_driver"], Value::Null);
    let told = until(&admin, &begun, |told| told["counts"]["crashed"] == 1).await;
    assert_eq!(told["state"], "running");
    assert_eq!(machine(&told, "m3")["state"], "crashed");
    assert!(is_asked(&admin, "m3").await);
    assert_eq!(admin.json("/api/v1/experiments").await["proofs"]["proofs"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_experiments_never_take_one_machine() {
    let (_server, admin) = fleet_with_a_suspect().await;
    let all = ["m3", "m6", "m12", "m1", "m2"];
    allow(&admin, &all).await;
    let wish = |(driver, version): (&str, &str), machines| json!({"driver": driver, "version": version, "machines": machines});
    let (one, other) = tokio::join!(start(&admin, wish(SUSPECT, 2)), start(&admin, wish(BYSTANDER, 3)),);

    let (one_has, other_has) = (names(&one), names(&other));
    assert!(
        one_has.iter().all(|name| !other_has.contains(name)),
        "{one_has:?} {other_has:?}"
    );
    assert!(one_has.iter().all(|name| ["m3", "m6", "m12"].contains(name)));
    let (status, why) = refused(&admin, "/api/v1/experiments", &wish(SUSPECT, 5)).await;
    assert_eq!(status, 409);
    assert!(why.contains("runs already"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_experiment_releases_its_machines() {
    let (_server, admin) = fleet_with_a_suspect().await;
    allow(&admin, &["m3", "m6"]).await;
    let begun = start(&admin, json!({})).await;
    let path = format!("/api/v1/experiments/{}/cancel", begun["id"].as_str().unwrap());

    let cancelled = admin.send_json(Method::POST, &path, &json!({})).await;

    assert_eq!(cancelled["state"], "cancelled");
    assert!(!is_asked(&admin, "m3").await);
    let (status, why) = refused(&admin, &path, &json!({})).await;
    assert_eq!(
        (status, why.as_str()),
        (StatusCode::CONFLICT, "the experiment is over already")
    );
    // They are free for the next one.
    assert_eq!(names(&start(&admin, json!({})).await), ["m3", "m6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_ends_by_its_date() {
    let (_server, admin) = fleet_with_a_suspect().await;
    allow(&admin, &["m3"]).await;
    let date = (now() + Duration::from_secs(3))
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    let begun = start(&admin, json!({"until": date})).await;
    assert!(is_asked(&admin, "m3").await);

    let ended = until(&admin, &begun, |experiment| experiment["state"] != "running").await;

    assert_eq!(ended["state"], "expired");
    assert!(!is_asked(&admin, "m3").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_experiment_can_do_is_refused_in_words() {
    let server = Server::start().await;
    let admin = server.admin();
    let path = "/api/v1/experiments";
    for (wish, status, words) in [
        (json!({"stop_code": "0xd1"}), 400, "only track who locks pages"),
        (json!({"machines": 51}), 400, "from 1 to 50"),
        (json!({"days": 61}), 400, "within 60 days"),
        (json!({"driver": "acmecap.sys"}), 400, "go together"),
        (json!({"driver": "no.sys", "version": "1"}), 404, "no.sys 1"),
        (json!({}), 409, "accuses no driver"),
    ] {
        let (answered, why) = refused(&admin, path, &wish).await;
        assert_eq!(answered, status, "{wish}: {why}");
        assert!(why.contains(words), "{wish}: {why}");
    }
    let reader = admin.with_token(&admin.token("read").await);
    assert_eq!(refused(&reader, path, &json!({})).await.0, 403);
    assert_eq!(reader.get(path).await.status(), 200);
}

/// A browser that is signed in sends its cookie whoever made it send the form.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_can_start_an_experiment() {
    let server = Server::start().await;
    let admin = server.admin();
    let token = admin.token("admin").await;
    let browser = tests::browser();
    let post = |path: &str, body: String| {
        browser
            .post(format!("{}{path}", server.base()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    };
    let signed_in = post("/sign-in", format!("token={token}")).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let send = async |site: &str| {
        let form = post("/experiments", "machines=1".to_owned())
            .header("cookie", cookie)
            .header("sec-fetch-site", site);
        form.send().await.unwrap().status()
    };

    assert_eq!(send("cross-site").await, 403);
    // From our own page it is taken, and there is no suspect.
    assert_eq!(send("same-origin").await, 409);
}

/// The form on the page does what the API does.
#[tokio::test(flavor = "multi_thread")]
async fn the_form_starts_and_cancels_and_says_what_is_wrong() {
    let (_server, admin) = fleet_with_a_suspect().await;
    allow(&admin, &["m3"]).await;
    let send = async |path: &str, body: &str| {
        let request = admin
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned());
        let answer = request.send().await.unwrap();
        let (status, url) = (answer.status(), answer.url().path().to_owned());
        (status, url, answer.text().await.unwrap())
    };
    let stop_code = admin.get("/stop-codes/0x76").await.text().await.unwrap();
    assert!(
        stop_code.contains("/experiments?driver=acmecap.sys&#38;version=2.0.0.0"),
        "{stop_code}"
    );

    let (status, _, page) = send("/experiments", "machines=many").await;
    assert_eq!(status, 400);
    assert!(page.contains("must be a whole number") && page.contains("value=\"many\""));
    let (status, url, page) = send(
        "/experiments",
        "driver=acmecap.sys&version=2.0.0.0&machines=&days=3",
    )
    .await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Cancel the experiment") && page.contains("m3"));
    let (_, same, page) = send(&format!("{url}/cancel"), "").await;
    assert_eq!(same, url);
    assert!(page.contains("An administrator cancelled it"));
}
