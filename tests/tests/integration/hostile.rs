//! Hostile input: clear answers, and the server goes on.

use reqwest::Method;
use reqwest::header::CONTENT_ENCODING;
use serde_json::Value;
use tests::{Client, Server};

/// What became of bytes that are no proper dump: the sentence a person reads.
async fn refusal(admin: &Client, bytes: Vec<u8>) -> String {
    let answer = admin.post("/api/v1/dumps?machine=m1", bytes).await;
    let status = answer.status();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).expect("JSON in any case");
    if status.is_client_error() {
        assert_eq!(body["status"], status.as_u16());
        assert!(body["request_id"].is_string(), "{body}");
        return body["detail"].as_str().expect("a detail").to_owned();
    }
    assert!(status.is_success(), "{status}: {body}");
    let dump = admin
        .finished_dump(body["dumps"][0]["id"].as_str().unwrap())
        .await;
    match dump["state"].as_str() {
        Some("failed") => dump["error"].as_str().expect("a reason").to_owned(),
        _ => "done: nothing was wrong enough to refuse it".to_owned(),
    }
}

fn assert_is_a_sentence(text: &str) {
    assert!(text.split_whitespace().count() >= 4, "{text:?} is no sentence");
    for internal in ["panic", "unwrap", "Err(", "None", "src/", "sqlx"] {
        assert!(!text.contains(internal), "{text:?} tells internals");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_file_is_refused_in_words() {
    let Some(corpus) = tests::corpus() else { return };
    let server = Server::start().await;
    let admin = server.admin();
    for entry in std::fs::read_dir(corpus.join("dumps/hostile")).unwrap() {
        let path = entry.unwrap().path();
        let text = refusal(&admin, std::fs::read(&path).unwrap()).await;
        assert_is_a_sentence(&text);
    }
    assert!(admin.get("/readyz").await.status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_truncation_and_lies_are_refused_and_the_server_goes_on() {
    let server = Server::start().await;
    let admin = server.admin();
    let whole = tests::dump(1);
    let mut state = 0x9e37_79b9_u32;
    let noise: Vec<u8> = (0..9000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        })
        .collect();
    let mut lying = whole.clone();
    lying[0x2034..0x2038].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut magic_and_noise = b"PAGEDU64".to_vec();
    magic_and_noise.extend_from_slice(&noise);
    let mut minidump_and_noise = b"MDMP\x93\xa7\x00\x00".to_vec();
    minidump_and_noise.extend_from_slice(&noise);
    for bytes in [
        vec![],
        b"M".to_vec(),
        noise,
        magic_and_noise,
        minidump_and_noise,
        whole[..0x1fff].to_vec(),
        whole[..0x2080].to_vec(),
        whole[..whole.len() / 2].to_vec(),
        lying,
        b"\x1f\x8b\x08\x00broken gzip".to_vec(),
        b"PK\x03\x04broken zip".to_vec(),
        b"\x7fELF\x02\x01\x01".to_vec(),
    ] {
        assert_is_a_sentence(&refusal(&admin, bytes).await);
    }
    let crash = admin.crash_of("m1", whole).await;
    assert_eq!(crash["stop_code"]["code"], "0xd1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_that_inflates_without_end_is_cut_off() {
    let server = Server::start().await;
    let zeros = vec![0_u8; 256 << 20];
    let bomb = zstd::encode_all(zeros.as_slice(), 1).unwrap();
    assert!(bomb.len() < 1 << 20);

    let answer = server
        .admin()
        .request(Method::POST, "/api/v1/dumps?machine=m1")
        .header(CONTENT_ENCODING, "zstd")
        .body(bomb)
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status(), 413);
}

/// The text of a dump reaches pages and lists only as text.
#[tokio::test(flavor = "multi_thread")]
async fn markup_in_a_driver_name_stays_text() {
    let server = Server::start().await;
    let admin = server.admin();
    let mut description = tests::describe(7);
    for driver in &mut description.drivers[1..] {
        driver.path = format!("<script>alert(1)<!--script>{}", driver.base_name());
    }

    let crash = admin.crash_of("<img src=x>", description.to_bytes()).await;

    let page = admin
        .get(&format!("/crashes/{}", crash["id"].as_str().unwrap()))
        .await;
    assert!(page.status().is_success());
    let html = page.text().await.unwrap();
    assert!(html.contains("&lt;script&gt;") || html.contains("&#60;script&#62;"));
    assert!(!html.contains("<script>alert"));
    assert!(!html.contains("<img src=x>"));
}
