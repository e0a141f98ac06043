//! What was answered 201 is never lost, whatever is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tests::{Client, Server};

/// Uploads different dumps until the server is gone; answers the ids that were acknowledged.
async fn upload_until_it_dies(client: Client, worker: u64, gone: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if gone.load(Ordering::Relaxed) {
            break;
        }
        let dump = tests::dump(worker * 1_000_000 + number);
        let path = format!("/api/v1/dumps?machine=m{worker}");
        let sent = client
            .request(reqwest::Method::POST, &path)
            .body(dump)
            .send()
            .await;
        let Ok(answer) = sent else { break };
        if answer.status() != 201 {
            continue;
        }
        let Ok(body) = answer.json::<Value>().await else {
            break;
        };
        acknowledged.push(body["dumps"][0]["id"].as_str().expect("an id").to_owned());
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_dump_survives_a_killed_server() {
    let mut server = Server::start().await;
    let gone = Arc::new(AtomicBool::new(false));
    let uploads: Vec<_> = (0..4)
        .map(|worker| tokio::spawn(upload_until_it_dies(server.admin(), worker, Arc::clone(&gone))))
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.kill().await;
    gone.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for upload in uploads {
        acknowledged.extend(upload.await.unwrap());
    }
    assert!(
        acknowledged.len() > 10,
        "only {} uploads: the test proves nothing",
        acknowledged.len()
    );

    let server = server.restart_after_kill().await;

    let admin = server.admin();
    for id in acknowledged {
        let dump = admin.finished_dump(&id).await;
        assert_eq!(dump["state"], "done", "{dump}");
        let raw = admin.get(&format!("/api/v1/dumps/{id}/raw")).await;
        assert!(raw.status().is_success());
        assert_eq!(Value::from(raw.bytes().await.unwrap().len()), dump["size_bytes"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_have_one_id_before_and_after_a_restart() {
    let dump = tests::dump(42);
    let server = Server::start().await;
    let first = server.admin().upload("m1", dump.clone()).await;
    let again = server.admin().upload("m1", dump.clone()).await;

    let server = server.restart().await;
    let later = server.admin().post("/api/v1/dumps?machine=m1", dump).await;

    assert_eq!(first["duplicate"], false);
    assert_eq!(again["duplicate"], true);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(later.status(), 200);
    let later: Value = later.json().await.unwrap();
    assert_eq!(later["dumps"][0]["id"], first["id"]);
}

/// The children that the server starts must not outlive it.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_no_process_behind() {
    let mut server = Server::start().await;
    let dump = tests::dump(5);
    server.admin().crash_of("m1", dump).await;
    let family = descendants(server.pid());
    assert!(!family.is_empty(), "an embedded Postgres is a child");

    server.kill().await;

    for _ in 0..100 {
        if family.iter().all(|pid| !alive(*pid)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left: Vec<_> = family.into_iter().filter(|pid| alive(*pid)).collect();
    panic!("still running: {left:?}");
}

/// All processes below `pid`.
fn descendants(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task");
    let mut found = Vec::new();
    for task in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|text| text.parse().ok()) {
            found.push(child);
            found.extend(descendants(child));
        }
    }
    found
}

/// Whether a process runs; one that has ended and waits to be collected does not.
fn alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status
        .rsplit(')')
        .next()
        .is_some_and(|rest| !matches!(rest.trim().chars().next(), None | Some('Z' | 'X')))
}
