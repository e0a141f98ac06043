//! Roles apart, rights apart, and the ways in which a dump may come.

use std::io::{Cursor, Write as _};
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use reqwest::header::CONTENT_ENCODING;
use serde_json::{Value, json};
use tests::{Server, program};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_and_the_worker_run_as_two_processes_over_one_database() {
    let database = tests::database().await;
    let blobs = tempfile::tempdir().unwrap();
    let blobs = blobs.path().to_str().unwrap();
    let environment = [("DATABASE_URL", database.url.as_str()), ("STOPCODE_BLOBS", blobs)];
    let server = Server::start_with(&["--no-worker"], &environment).await;
    let admin = server.admin();
    let uploaded = admin.upload("m1", tests::dump(1)).await;
    let id = uploaded["id"].as_str().unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let dump = admin.json(&format!("/api/v1/dumps/{id}")).await;
    assert_eq!(dump["state"], "queued", "nobody works yet");

    let worker = Command::new(program())
        .arg("worker")
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    let dump = admin.finished_dump(id).await;
    assert_eq!(dump["state"], "done", "{dump}");
    drop(worker);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_has_one_identity_however_it_is_packed() {
    let server = Server::start().await;
    let admin = server.admin();
    let dump = tests::dump(9);
    let plain = admin.upload("m1", dump.clone()).await;
    for (encoding, body) in [
        ("gzip", gzip(&dump)),
        ("zstd", zstd::encode_all(dump.as_slice(), 3).unwrap()),
    ] {
        let answer = admin
            .request(Method::POST, "/api/v1/dumps?machine=m1")
            .header(CONTENT_ENCODING, encoding)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{encoding}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["dumps"][0]["id"], plain["id"], "{encoding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_of_a_minidump_folder_brings_every_dump() {
    let server = Server::start().await;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..3 {
        let options = zip::write::SimpleFileOptions::default();
        archive
            .start_file(format!("Minidump/0{number}.dmp"), options)
            .unwrap();
        archive.write_all(&tests::dump(100 + number)).unwrap();
    }
    let body = archive.finish().unwrap().into_inner();

    let answer = server.admin().post("/api/v1/dumps?machine=m1", body).await;

    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.unwrap();
    let dumps = answer["dumps"].as_array().unwrap();
    assert_eq!(dumps.len(), 3);
    assert!(
        dumps
            .iter()
            .all(|dump| dump["format"] == "kernel-triage" && dump["duplicate"] == false)
    );
    assert!(dumps[0]["file_name"].as_str().unwrap().ends_with("00.dmp"));
}

/// Multipart as Breakpad and Crashpad write it, the whole body gzipped as Crashpad does.
#[tokio::test(flavor = "multi_thread")]
async fn a_stock_crash_reporter_gets_its_crash_id() {
    let server = Server::start().await;
    let token = server.admin().token("upload").await;
    let dump = tests::dump(77);
    let mut body = Vec::new();
    body.extend_from_slice(b"--X\r\nContent-Disposition: form-data; name=\"prod\"\r\n\r\nAcme\r\n--X\r\n");
    body.extend_from_slice(
        b"Content-Disposition: form-data; name=\"upload_file_minidump\"; filename=\"a.dmp\"\r\n",
    );
    body.extend_from_slice(b"Content-Type: application/octet-stream\r\n\r\n");
    body.extend_from_slice(&dump);
    body.extend_from_slice(b"\r\n--X--\r\n");

    let answer = tests::http()
        .post(format!("{}/api/minidump?key={token}", server.base()))
        .header("content-type", "multipart/form-data; boundary=X")
        .header(CONTENT_ENCODING, "gzip")
        .body(gzip(&body))
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    let id = text
        .trim()
        .strip_prefix("CrashID=")
        .expect("the shape that Breakpad expects");
    let dump = server.admin().finished_dump(id).await;
    assert_eq!(dump["state"], "done");
    assert!(!server.log().contains(&token), "a token in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_opens_its_own_doors_only() {
    let server = Server::start().await;
    let admin = server.admin();
    let dump = tests::dump(1);
    let id = admin.upload("m1", dump.clone()).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let raw = format!("/api/v1/dumps/{id}/raw");
    let upload = admin.with_token(&admin.token("upload").await);
    let read = admin.with_token(&admin.token("read").await);
    let download = admin.with_token(&admin.token("download").await);
    let nobody = admin.with_token("wrong");

    assert_eq!(nobody.get("/api/v1/crashes").await.status(), 401);
    assert_eq!(upload.get("/api/v1/crashes").await.status(), 403);
    assert_eq!(read.get("/api/v1/crashes").await.status(), 200);
    assert_eq!(
        read.post("/api/v1/dumps?machine=m1", dump.clone()).await.status(),
        403
    );
    assert_eq!(read.get(&raw).await.status(), 403);
    assert_eq!(download.get(&raw).await.status(), 200);
    assert_eq!(upload.post("/api/v1/dumps?machine=m1", dump).await.status(), 200);
    assert_eq!(read.get("/api/v1/tokens").await.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_for_its_own_machine_only_and_is_revoked_at_once() {
    let server = Server::start().await;
    let admin = server.admin();
    let wish = json!({"name": "agent of m1", "scopes": ["agent"], "machine": "m1"});
    let made = admin.send_json(Method::POST, "/api/v1/tokens", &wish).await;
    let agent = admin.with_token(made["token"].as_str().unwrap());
    let days = json!({"days": ["2026-11-20"]});
    let presence = async |machine: &str| {
        let path = format!("/api/v1/machines/{machine}/presence");
        agent
            .request(Method::POST, &path)
            .json(&days)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };

    assert_eq!(presence("m1").await, 204);
    assert_eq!(presence("m2").await, 403);
    let revoked = admin
        .request(
            Method::DELETE,
            &format!("/api/v1/tokens/{}", made["id"].as_str().unwrap()),
        )
        .send()
        .await
        .unwrap();
    assert!(revoked.status().is_success());
    assert_eq!(presence("m1").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_ends_cleanly_and_keeps_everything() {
    let server = Server::start().await;
    let crash = server.admin().crash_of("m1", tests::dump(1)).await;

    let server = server.restart().await;

    let path = format!("/api/v1/crashes/{}", crash["id"].as_str().unwrap());
    assert_eq!(server.admin().json(&path).await["signature"], crash["signature"]);
}
