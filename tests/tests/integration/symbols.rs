//! Symbol files over HTTP: what is answered is durable, keys are checked, and hostile archives are bounded.

use std::io::{Cursor, Write};

use reqwest::header::{ACCEPT, CONTENT_ENCODING};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tests::{Client, Server};
use zip::write::SimpleFileOptions;

const IMAGE_KEY: &str = "/api/v1/symbols/acme.sys/5F3A1B2C9000/acme.sys";
const DEBUG_ID: &str = "1C19FDDB27BB3399D9B45973EFEAFCF31";

fn image(filler: u8) -> Vec<u8> {
    let mut bytes = b"MZ\x90\0".to_vec();
    bytes.resize(3000, filler);
    bytes
}

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn put(client: &Client, path: &str, body: Vec<u8>) -> Response {
    client.request(Method::PUT, path).body(body).send().await.unwrap()
}

async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (
        status,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_symbol_file_outlives_a_kill_and_is_known_by_its_bytes() {
    // A worker would find out that these are no real files.
    let server = Server::start_with(&["--no-worker"], &[]).await;
    let sender = server.admin().with_token(&server.admin().token("symbols").await);
    let (status, first) = answer(put(&sender, IMAGE_KEY, image(1)).await).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(
        (first["kind"].as_str(), first["size_bytes"].as_u64()),
        (Some("image"), Some(3000))
    );
    assert_eq!(first["key"], "acme.sys/5F3A1B2C9000/acme.sys");

    let server = server.restart_after_kill().await;
    let sha256 = first["sha256"].as_str().unwrap();
    let blob = server.data_dir().join("blobs").join(&sha256[..2]).join(sha256);
    assert_eq!(std::fs::read(blob).unwrap(), image(1));
    let sender = server.admin().with_token(&server.admin().token("symbols").await);
    let (status, again) = answer(put(&sender, &IMAGE_KEY.to_lowercase(), image(1)).await).await;
    assert_eq!((status.as_u16(), &again["id"]), (200, &first["id"]), "{again}");
    // Other bytes take their place.
    let (status, other) = answer(put(&sender, IMAGE_KEY, image(2)).await).await;
    assert_eq!(status, 201);
    assert_ne!(other["id"], first["id"]);
    let files = server.admin().json("/api/v1/symbols").await;
    assert_eq!(files["items"].as_array().unwrap().len(), 1);
    assert_eq!(files["items"][0]["id"], other["id"]);
    let id = other["id"].as_str().unwrap();
    let deleted = sender
        .request(Method::DELETE, &format!("/api/v1/symbols/{id}"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(
        server
            .admin()
            .get(&format!("/api/v1/symbols/{id}"))
            .await
            .status(),
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symbol_file_may_be_compressed_on_its_way() {
    // A worker would find out that it is no real file, and then it may be sent again.
    let server = Server::start_with(&["--no-worker"], &[]).await;
    let admin = server.admin();
    let packed = zstd::encode_all(image(1).as_slice(), 3).unwrap();
    let response = admin
        .request(Method::PUT, IMAGE_KEY)
        .header(CONTENT_ENCODING, "zstd")
        .body(packed)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(put(&admin, IMAGE_KEY, image(1)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_keys_and_foreign_files_are_refused_in_words() {
    let server = Server::start().await;
    let admin = server.admin();
    for path in [
        "/api/v1/symbols/%2e%2e/1234/acme.sys",
        "/api/v1/symbols/..%2f..%2fetc/1234/acme.sys",
        "/api/v1/symbols/acme.sys/12xy/acme.sys",
        "/api/v1/symbols/acme.sys/1234/%2e%2e%5cacme.sys",
        "/api/v1/symbols/acme.sys%00/1234/acme.sys",
    ] {
        let (status, problem) = answer(put(&admin, path, image(1)).await).await;
        // A client resolves `..` by itself; then nothing is at the address.
        assert!(status.is_client_error(), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().split(' ').count() > 3);
    }
    for (bytes, word) in [
        (b"\x7fELF\x02\x01".to_vec(), "ELF"),
        (b"PK\x03\x04".to_vec(), "POST /api/v1/symbols"),
        (b"<html>".to_vec(), "text"),
        (Vec::new(), "empty"),
    ] {
        let (status, problem) = answer(put(&admin, IMAGE_KEY, bytes).await).await;
        assert_eq!(
            (status.as_u16(), problem["type"].as_str()),
            (400, Some("unsupported-format"))
        );
        assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
    }
    let files = admin.json("/api/v1/symbols").await;
    assert_eq!(files["items"], json!([]));
    assert_eq!(
        std::fs::read_dir(server.data_dir().join("blobs").join("tmp"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_the_limit_is_refused_however_it_is_sent() {
    let server = Server::start_with(&["--max-symbol-mib", "1"], &[]).await;
    let admin = server.admin();
    let mut large = image(0);
    large.resize(3 << 20, 0);
    let whole = put(&admin, IMAGE_KEY, large.clone()).await;
    assert_eq!(whole.status(), 413);
    let packed = zstd::encode_all(large.as_slice(), 3).unwrap();
    let bomb = admin
        .request(Method::PUT, IMAGE_KEY)
        .header(CONTENT_ENCODING, "zstd")
        .body(packed)
        .send()
        .await
        .unwrap();
    assert_eq!(bomb.status(), 413);
    let zip = archive(&[("acme.sys/5F3A1B2C9000/acme.sys", large)]);
    let (status, problem) = answer(admin.post("/api/v1/symbols", zip).await).await;
    assert_eq!(status, 400);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("larger than the limit")
    );
    let blobs = server.data_dir().join("blobs");
    assert_eq!(std::fs::read_dir(blobs.join("tmp")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn symbols_need_their_scope() {
    let server = Server::start().await;
    let admin = server.admin();
    let reader = admin.with_token(&admin.token("read").await);
    let uploader = admin.with_token(&admin.token("upload").await);
    let sender = admin.with_token(&admin.token("symbols").await);
    for wrong in [&reader, &uploader] {
        assert_eq!(put(wrong, IMAGE_KEY, image(1)).await.status(), 403);
        let posted = wrong.post("/api/v1/symbols", archive(&[])).await;
        assert_eq!(posted.status(), 403);
        let created = wrong.post("/api/v1/symbols/v1/uploads:create", "").await;
        assert_eq!(created.status(), 403);
    }
    let (_, sent) = answer(put(&sender, IMAGE_KEY, image(1)).await).await;
    let one = format!("/api/v1/symbols/{}", sent["id"].as_str().unwrap());
    assert_eq!(sender.get(&one).await.status(), 200);
    assert_eq!(sender.get("/api/v1/symbols").await.status(), 403);
    assert_eq!(reader.get("/api/v1/symbols/missing").await.status(), 200);
    let deleted = reader.request(Method::DELETE, &one).send().await.unwrap();
    assert_eq!(deleted.status(), 403);
    let rules = json!({});
    let changed = sender
        .request(Method::PUT, "/api/v1/signature-rules")
        .json(&rules);
    assert_eq!(changed.send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_in_a_zip_is_taken_file_by_file() {
    // A worker would find out that these are no real files.
    let server = Server::start_with(&["--no-worker"], &[]).await;
    let admin = server.admin();
    let sym = format!("MODULE windows x86_64 {DEBUG_ID} acme.pdb\nFUNC 0 1 0 main\n").into_bytes();
    let name = format!("symbols/acme.pdb/{DEBUG_ID}/acme.sym");
    let files = archive(&[
        ("symbols/acme.sys/5F3A1B2C9000/acme.sys", image(1)),
        (&name, sym),
        ("symbols/000Admin/server.txt", b"x".to_vec()),
        ("../../acme.sys/5F3A1B2C9000/acme.sys", image(2)),
        ("acme.so/1234/acme.so", b"\x7fELF".to_vec()),
    ]);
    let (status, uploaded) = answer(admin.post("/api/v1/symbols", files.clone()).await).await;
    assert_eq!(status, 201, "{uploaded}");
    assert_eq!(uploaded["files"].as_array().unwrap().len(), 2);
    assert_eq!(uploaded["files"][1]["kind"], "debug");
    let refused = uploaded["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 3);
    assert!(refused[2]["reason"].as_str().unwrap().contains("ELF"));
    let (status, _) = answer(admin.post("/api/v1/symbols", files).await).await;
    assert_eq!(status, 200);
    for (bytes, word) in [
        (archive(&[]), "without any file"),
        (archive(&[("a.txt", b"x".to_vec())]), "name/id/file"),
        (b"PK\x03\x04broken zip".to_vec(), "damaged"),
        (image(1), "zip archive"),
    ] {
        let (status, problem) = answer(admin.post("/api/v1/symbols", bytes).await).await;
        assert_eq!(status, 400, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
    }
}

/// The requests of Breakpad's `sym_upload -p sym-upload-v2`, written as that program writes them.
#[tokio::test(flavor = "multi_thread")]
async fn breakpads_sym_upload_is_understood() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = admin.token("symbols").await;
    // Without a token of its own: the client only has `?key=`.
    let http = tests::http();
    let base = format!("{}/api/v1/symbols", server.base());
    let status = format!("{base}/v1/symbols/acme.pdb/{DEBUG_ID}:checkStatus?key={key}");
    let text = http.get(&status).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("\"status\": \"MISSING\""), "{text}");

    let created = http
        .post(format!("{base}/v1/uploads:create?key={key}"))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 200);
    let created = created.text().await.unwrap();
    let field = |name: &str| {
        let (_, behind) = created.split_once(&format!("\"{name}\": \"")).unwrap();
        behind.split_once('"').unwrap().0.to_owned()
    };
    let (address, upload) = (field("uploadUrl"), field("uploadKey"));
    let sym = format!("MODULE windows x86_64 {DEBUG_ID} acme.pdb\nFUNC 0 1 0 main\n");
    // Without its secret the address takes nothing, and images are no debug files.
    let foreign = format!("{base}/v1/uploads/{upload}?key=guessed");
    let refused = http.put(foreign).body(sym.clone()).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let refused = http.put(&address).body(image(1)).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let complete = format!("{base}/v1/uploads/{upload}:complete?key={key}");
    let body = format!(
        "{{ symbol_id: {{debug_file: \"acme.pdb\", debug_id: \"{DEBUG_ID}\" }}, \
         symbol_upload_type: \"BREAKPAD\", use_async_processing: true }}"
    );
    // Nothing was sent yet.
    let early = http.post(&complete).body(body.clone()).send().await.unwrap();
    assert_eq!(early.status(), 404);
    assert_eq!(
        http.put(&address)
            .body(sym.clone())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let done = http.post(&complete).body(body.clone()).send().await.unwrap();
    assert_eq!(done.status(), 200);
    assert!(done.text().await.unwrap().contains("\"result\": \"OK\""));
    let text = http.get(&status).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("\"status\": \"FOUND\""), "{text}");
    let files = admin.json("/api/v1/symbols").await;
    assert_eq!(files["items"][0]["file_name"], "acme.sym");
    // An upload completes once.
    let twice = http.post(&complete).body(body).send().await.unwrap();
    assert_eq!(twice.status(), 404);
    let log = server.log();
    assert!(!log.contains(&key), "the log shows the token");
    assert!(!log.contains(address.split_once("key=").unwrap().1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_ranked_with_keys_to_fetch() {
    let server = Server::start().await;
    let admin = server.admin();
    let crash = admin.crash_of("m1", tests::dump(1)).await;
    let told = crash["missing_symbols"].as_array().unwrap();
    assert!(!told.is_empty(), "{crash}");
    let missing = admin.json("/api/v1/symbols/missing?limit=500").await;
    let keys: Vec<&str> = missing["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["key"].as_str().unwrap())
        .collect();
    for symbol in told {
        assert!(keys.contains(&symbol["key"].as_str().unwrap()), "{missing}");
    }
    assert_eq!(missing["items"][0]["crashes_ever"], 1);
    let table = admin
        .request(Method::GET, "/api/v1/symbols/missing")
        .header(ACCEPT, "text/csv")
        .send()
        .await
        .unwrap();
    let table = table.text().await.unwrap();
    assert!(table.starts_with("name,key,kind,crashes,"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signature_rules_are_kept_and_counted() {
    let server = Server::start().await;
    let admin = server.admin();
    let none = admin.json("/api/v1/signature-rules").await;
    assert_eq!(none, json!({"version": 0, "rules": null, "changed_at": null}));
    let rules = json!({});
    let changed = admin
        .send_json(Method::PUT, "/api/v1/signature-rules", &rules)
        .await;
    assert_eq!((&changed["version"], &changed["rules"]), (&json!(1), &rules));
    let refused = admin
        .request(Method::PUT, "/api/v1/signature-rules")
        .json(&json!([1]))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 400);
    let refused = admin
        .request(Method::PUT, "/api/v1/signature-rules")
        .json(&json!({"layers": ["("]}))
        .send()
        .await
        .unwrap();
    let (status, problem) = answer(refused).await;
    assert_eq!(status, 400);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no regular expression"),
        "{problem}"
    );
}

async fn symbols_add(server: &Server, path: &std::path::Path) -> std::process::Output {
    tokio::process::Command::new(tests::program())
        .args(["symbols", "add", "--data-dir"])
        .arg(server.data_dir())
        .arg(path)
        .env_remove("DATABASE_URL")
        .output()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_adds_files_folders_and_zips_beside_a_running_server() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let sym = format!("MODULE windows x86_64 {DEBUG_ID} acme.pdb\nPUBLIC 1000 0 AcmeRead\n");
    std::fs::write(folder.path().join("acme.sym"), &sym).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let output = symbols_add(&server, folder.path()).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        text,
        format!("added acme.pdb/{DEBUG_ID}/acme.pdb\n1 added, 0 known already, 0 refused\n")
    );
    let member = format!("acme.pdb/{DEBUG_ID}/acme.sym");
    let zip = archive(&[(&member, sym.into_bytes()), ("notes.txt", b"hello".to_vec())]);
    let zip_path = folder.path().join("tree.zip");
    std::fs::write(&zip_path, zip).unwrap();
    let output = symbols_add(&server, &zip_path).await;
    assert_eq!(output.status.code(), Some(1), "one member is refused");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.ends_with("0 added, 1 known already, 1 refused\n"), "{text}");
    let files = server.admin().json("/api/v1/symbols").await;
    assert_eq!(files["items"][0]["file_name"], "acme.sym");
}

/// Real files: what they are is told by themselves, whatever they are called.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_knows_real_images_and_pdbs() {
    let Some(corpus) = tests::corpus() else { return };
    let server = Server::start().await;
    let output = symbols_add(&server, &corpus.join("symbols")).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("amdppm.pdb/1C19FDDB27BB3399D9B45973EFEAFCF31/amdppm.pdb"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_is_missing_and_takes_an_archive() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.crash_of("m1", tests::dump(1)).await;
    let page = admin.get("/symbols").await.text().await.unwrap();
    assert!(page.contains("Missing, by the crashes they would help"), "{page}");
    assert!(page.contains("/stop-codes/0xd1"), "{page}");
    let zip = archive(&[
        ("acme.sys/5F3A1B2C9000/acme.sys", image(1)),
        ("<b>.txt", b"x".to_vec()),
    ]);
    let mut form =
        b"--x\r\nContent-Disposition: form-data; name=\"archive\"; filename=\"a.zip\"\r\n\r\n".to_vec();
    form.extend_from_slice(&zip);
    form.extend_from_slice(b"\r\n--x--\r\n");
    let response = admin
        .request(Method::POST, "/symbols")
        .header("content-type", "multipart/form-data; boundary=x")
        .body(form)
        .send()
        .await
        .unwrap();
    let status = response.status();
    let page = response.text().await.unwrap();
    assert_eq!(status, 200, "{page}");
    assert!(
        page.contains("1 file taken, 0 files known already, 1 file not taken"),
        "{page}"
    );
    assert!(
        page.contains("5F3A1B2C9000") && !page.contains("<b>.txt"),
        "{page}"
    );
}
