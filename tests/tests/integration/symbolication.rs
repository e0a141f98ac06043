//! Symbol files from upload, from a tree, and from servers that misbehave, as the crash of a real dump shows them.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Client, Server, corpus_file};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const DUMP: &str = "dumps/kernel/triage_x64.dmp";
const IMAGE: &str = "amdppm.sys/C9C030003b000/amdppm.sys";
const DEBUG: &str = "amdppm.pdb/1C19FDDB27BB3399D9B45973EFEAFCF31/amdppm.pdb";
const FRAMEWORK: &str = "Wdf01000.sys/A9A9D36Ed1000/Wdf01000.sys";

/// A file of the corpus's symbol tree, whose ids are in lower case where they are an image's.
fn symbol_file(key: &str) -> Vec<u8> {
    let [name, id, file] = key.split('/').collect::<Vec<_>>()[..] else {
        panic!("no key: {key}");
    };
    let id = if name.contains(".pdb") {
        id.to_owned()
    } else {
        id.to_lowercase()
    };
    corpus_file(&format!("symbols/{name}/{id}/{file}")).expect("the corpus was there a moment ago")
}

async fn upload_symbol(admin: &Client, key: &str) {
    let answer = admin
        .request(Method::PUT, &format!("/api/v1/symbols/{key}"))
        .body(symbol_file(key))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

fn functions(crash: &Value) -> Vec<&str> {
    let frames = crash["frames"].as_array().unwrap();
    frames
        .iter()
        .filter_map(|frame| frame["function"].as_str())
        .collect()
}

/// The crash of a dump when it comes to fulfil `is_as_wished`.
async fn crash_when(admin: &Client, id: &str, is_as_wished: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let crash = admin.json(&format!("/api/v1/crashes/{id}")).await;
        if is_as_wished(&crash) {
            return crash;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "still {crash}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The expected names are those of `expected/rizin-dmp-tests.txt`.
fn assert_named(crash: &Value) {
    assert_eq!(
        functions(crash)[..6],
        [
            "WriteIoMemRawEx",
            "WriteGenAddrEx",
            "WriteGenAddrMaybeHiddenEx",
            "InitAcpiCpc",
            "ProcLibDeviceStart",
            "EvtDevicePrepareHardware"
        ]
    );
    assert_eq!(crash["frames"][0]["function_offset"], "0x70");
    assert_eq!(crash["frames"][5]["trust"], "cfi");
    let signature = crash["signature"].as_str().unwrap();
    assert!(signature.ends_with("| amdppm.sys!WriteIoMemRawEx"), "{signature}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_analysed_again_when_the_symbols_come_that_it_missed() {
    let Some(dump) = corpus_file(DUMP) else {
        return;
    };
    let server = Server::start().await;
    let admin = server.admin();
    let crash = admin.crash_of("m1", dump).await;
    let id = crash["id"].as_str().unwrap().to_owned();
    assert!(functions(&crash).is_empty());
    let missing = admin.json("/api/v1/symbols/missing").await;
    let keys: Vec<_> = missing["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["key"])
        .collect();
    assert!(keys.iter().any(|key| **key == IMAGE), "{missing}");

    for key in [IMAGE, FRAMEWORK, DEBUG] {
        upload_symbol(&admin, key).await;
    }

    let crash = crash_when(&admin, &id, |crash| functions(crash).len() >= 6).await;
    assert_named(&crash);
    assert_eq!(crash["id"], id);
    let missing = admin.json("/api/v1/symbols/missing").await;
    assert!(!missing.to_string().contains("amdppm"), "{missing}");

    // An administrator says that this function is never the place: what is stored is grouped again.
    let rules = json!({"skipped_functions": [r"amdppm\.sys!WriteIoMemRawEx"]});
    admin
        .send_json(Method::PUT, "/api/v1/signature-rules", &rules)
        .await;
    let is_regrouped = |crash: &Value| {
        let signature = crash["signature"].as_str().unwrap();
        signature.ends_with("| amdppm.sys!WriteGenAddrEx")
    };
    crash_when(&admin, &id, is_regrouped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_tree_and_a_server_are_asked_in_order() {
    let Some(dump) = corpus_file(DUMP) else {
        return;
    };
    let tree = tempfile::tempdir().unwrap();
    for key in [FRAMEWORK, DEBUG] {
        let place = tree.path().join(key);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, symbol_file(key)).unwrap();
    }
    let upstream = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(format!("/symbols/{IMAGE}")))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(symbol_file(IMAGE)))
        .mount(&upstream)
        .await;
    let server = Server::start_with(
        &[
            "--symbol-path",
            tree.path().to_str().unwrap(),
            "--symbol-server",
            &format!("{}/symbols", upstream.uri()),
        ],
        &[],
    )
    .await;
    let admin = server.admin();

    assert_named(&admin.crash_of("m1", dump.clone()).await);

    let asked = upstream.received_requests().await.unwrap();
    assert!(
        !asked
            .iter()
            .any(|request| request.url.path().contains("Wdf01000.sys"))
    );
    let before = asked.len();
    // The same again: what is there and what is not is known.
    let mut other = dump;
    other.push(0);
    assert_named(&admin.crash_of("m2", other).await);
    assert_eq!(upstream.received_requests().await.unwrap().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_wrong_cut_off_or_fails_costs_only_detail() {
    let Some(dump) = corpus_file(DUMP) else {
        return;
    };
    let upstream = MockServer::start().await;
    let answers = [
        (
            IMAGE,
            ResponseTemplate::new(200).set_body_bytes(symbol_file(FRAMEWORK)),
        ),
        (FRAMEWORK, {
            let mut half = symbol_file(FRAMEWORK);
            half.truncate(100_000);
            ResponseTemplate::new(200).set_body_bytes(half)
        }),
        ("CI.dll/x", ResponseTemplate::new(500)),
    ];
    for (key, answer) in answers {
        Mock::given(method("GET"))
            .and(path(format!("/{key}")))
            .respond_with(answer)
            .mount(&upstream)
            .await;
    }
    let server = Server::start_with(&["--symbol-server", &upstream.uri()], &[]).await;
    let crash = server.admin().crash_of("m1", dump).await;
    assert!(functions(&crash).is_empty());
    assert_eq!(crash["probable_driver"]["name"], "amdppm.sys");
    assert!(server.log().contains("a symbol file cannot be used"));
    assert!(server.log().contains("system calls filtered by seccomp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_slow_server_sends_late_is_used_all_the_same() {
    let Some(dump) = corpus_file(DUMP) else {
        return;
    };
    let upstream = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_body_bytes(symbol_file(IMAGE));
    Mock::given(method("GET"))
        .and(path(format!("/{IMAGE}")))
        .respond_with(late.set_delay(Duration::from_secs(13)))
        .mount(&upstream)
        .await;
    let server = Server::start_with(
        &["--symbol-server", &upstream.uri(), "--symbol-patience", "2"],
        &[],
    )
    .await;
    let admin = server.admin();
    let begun = Instant::now();
    let crash = admin.crash_of("m1", dump).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let id = crash["id"].as_str().unwrap().to_owned();
    let is_unwound = |crash: &Value| crash["frames"][1]["trust"] == "cfi";
    assert!(!is_unwound(&crash));
    crash_when(&admin, &id, is_unwound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_not_waited_for() {
    let Some(dump) = corpus_file(DUMP) else {
        return;
    };
    // A port that nobody listens on.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = Server::start_with(&["--symbol-server", &format!("http://{address}")], &[]).await;
    let begun = Instant::now();
    let crash = server.admin().crash_of("m1", dump).await;
    assert_eq!(crash["probable_driver"]["name"], "amdppm.sys");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
