//! What people do in a browser, without scripts: sign in, send dumps by the form, make tokens, read the record.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tests::{Server, browser, dump};

/// A browser that is signed in by the server's one-time link.
struct SignedIn {
    http: reqwest::Client,
    base: String,
    cookie: String,
}

/// The secret of the link that a server has printed.
async fn link(server: &Server) -> String {
    let link = server.sign_in_link().await;
    let (_, secret) = link.split_once("/sign-in?link=").unwrap();
    secret.to_owned()
}

async fn press(server: &Server, link: &str) -> Response {
    let form = browser()
        .post(format!("{}/sign-in", server.base()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("link={link}&next=/upload"));
    form.send().await.unwrap()
}

impl SignedIn {
    async fn new(server: &Server) -> SignedIn {
        let answer = press(server, &link(server).await).await;
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        SignedIn {
            http: browser(),
            base: server.base(),
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }

    fn browse(&self, request: RequestBuilder) -> RequestBuilder {
        request
            .header("cookie", &self.cookie)
            .header("accept", "text/html")
            .header("sec-fetch-site", "same-origin")
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.browse(self.http.get(format!("{}{path}", self.base)));
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn post(&self, path: &str, kind: &str, body: Vec<u8>) -> Response {
        let post = self.http.post(format!("{}{path}", self.base));
        let post = self.browse(post).header("content-type", kind).body(body);
        post.send().await.unwrap()
    }

    async fn submit(&self, path: &str, body: &str) -> Response {
        let kind = "application/x-www-form-urlencoded";
        self.post(path, kind, body.as_bytes().to_vec()).await
    }

    /// Sends files as the form does.
    async fn send(&self, machine: &str, files: &[(&str, &[u8])]) -> Response {
        let mut body = Vec::new();
        for (name, bytes) in files {
            body.extend(
                format!(
                    "--b\r\ncontent-disposition: form-data; name=\"upload_file_minidump\"; filename=\"{name}\"\r\n\r\n"
                )
                .into_bytes(),
            );
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(
            format!("--b\r\ncontent-disposition: form-data; name=\"machine\"\r\n\r\n{machine}\r\n--b--\r\n")
                .into_bytes(),
        );
        self.post("/upload", "multipart/form-data; boundary=b", body)
            .await
    }
}

/// A link in a chat or a mail is looked at by programs before a person presses anything.
#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_sign_in_link_does_not_use_it_up_and_its_button_does() {
    let server = Server::start().await;
    let link = link(&server).await;
    for _ in 0..2 {
        let page = browser().get(format!("{}/sign-in?link={link}", server.base()));
        let page = page.send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.headers().get("set-cookie").is_none());
        assert!(page.text().await.unwrap().contains(&link));
    }
    let first = press(&server, &link).await;
    assert_eq!(first.status(), 303);
    assert_eq!(first.headers()["location"], "/upload");
    assert_eq!(press(&server, &link).await.status(), 403);

    let audit = server.admin().json("/api/v1/audit?action=sign-in").await;
    let told: Vec<(&str, &str, &Value)> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["action"].as_str().unwrap(),
                entry["subject"].as_str().unwrap(),
                &entry["actor"],
            )
        })
        .collect();
    assert!(
        told.contains(&("sign-in", "link", &Value::from("one-time link"))),
        "{told:?}"
    );
    assert!(
        told.contains(&("sign-in.refused", "used or expired link", &Value::Null)),
        "{told:?}"
    );
}

/// However often somebody guesses, the record grows by the kinds of guesses and not by their number.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refused_sign_ins_is_counted_in_few_rows() {
    let server = Server::start().await;
    for guess in 0..30 {
        let form = browser()
            .post(format!("{}/sign-in", server.base()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token=guess-{guess}"));
        assert_eq!(form.send().await.unwrap().status(), 403);
    }
    let audit = server.admin().json("/api/v1/audit?action=sign-in.refused").await;
    let entries = audit["items"].as_array().unwrap();
    // Ten minutes may have ended in between.
    assert!(entries.len() <= 2, "{entries:?}");
    let times: u64 = entries.iter().map(|entry| entry["times"].as_u64().unwrap()).sum();
    assert_eq!(times, 30);
    assert!(!audit.to_string().contains("guess-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_takes_dumps_and_says_of_each_file_what_became_of_it() {
    let server = Server::start().await;
    let browser = SignedIn::new(&server).await;
    let taken = browser.send("PC-0815", &[("one.dmp", &dump(1))]).await;
    assert_eq!(taken.status(), 303);
    let place = taken.headers()["location"].to_str().unwrap().to_owned();
    let id = place.split_once("dumps=").unwrap().1.split('&').next().unwrap();
    let admin = server.admin();
    let finished = admin.finished_dump(id).await;
    assert_eq!(finished["machine"], "PC-0815");
    let (_, page) = browser.get(&place).await;
    assert!(page.contains(&format!("/crashes/{}", finished["crash_id"].as_str().unwrap())));
    assert!(
        page.contains("one.dmp") && !page.contains("data-refresh"),
        "{page}"
    );

    let broken_zip = b"PK\x03\x04 and nothing more".as_slice();
    let files: [(&str, &[u8]); 4] = [
        ("again.dmp", &dump(1)),
        ("new.dmp", &dump(2)),
        ("notes<b>.txt", b"just a text"),
        ("broken.zip", broken_zip),
    ];
    let mixed = browser.send("", &files).await;
    assert_eq!(mixed.status(), 200);
    let page = mixed.text().await.unwrap();
    assert!(
        page.contains("2 dumps taken, 1 of them known already, 2 files not taken."),
        "{page}"
    );
    assert!(
        page.contains("notes&#60;b&#62;.txt") && page.contains("broken.zip"),
        "{page}"
    );

    let nothing = browser.send("", &[("notes.txt", b"just a text")]).await;
    let page = nothing.text().await.unwrap();
    assert!(page.contains("0 dumps taken, 1 file not taken."), "{page}");
    let odd = browser.send("a\u{7}b", &[("new.dmp", &dump(3))]).await;
    assert_eq!(odd.status(), 400);
    assert!(odd.text().await.unwrap().contains("control characters"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cannot_send_dumps_with_our_cookie() {
    let server = Server::start().await;
    let browser = SignedIn::new(&server).await;
    let form = browser
        .http
        .post(format!("{}/upload", server.base()))
        .header("cookie", &browser.cookie)
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "multipart/form-data; boundary=b")
        .body("--b--\r\n");
    assert_eq!(form.send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_shown_once_used_and_revoked_on_its_page() {
    let server = Server::start().await;
    let browser = SignedIn::new(&server).await;
    let refused = browser.submit("/tokens", "name=none&days=30").await;
    assert_eq!(refused.status(), 400);
    let made = browser.submit("/tokens", "name=ring+1&scope=read&days=30").await;
    assert_eq!(
        (made.status().as_u16(), &made.headers()["cache-control"]),
        (201, &"no-store".parse().unwrap())
    );
    let page = made.text().await.unwrap();
    let (_, rest) = page.split_once("<code>stopcode_").unwrap();
    let secret = format!("stopcode_{}", rest.split('<').next().unwrap());
    let (_, later) = browser.get("/tokens").await;
    assert!(later.contains("ring 1") && !later.contains(&secret));

    let reader = server.admin().with_token(&secret);
    assert_eq!(reader.get("/api/v1/crashes").await.status(), 200);
    for admin_only in ["/tokens", "/audit", "/api/v1/audit", "/api/v1/audit.csv"] {
        assert_eq!(reader.get(admin_only).await.status(), 403, "{admin_only}");
    }
    let tokens = server.admin().json("/api/v1/tokens").await;
    let token = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["name"] == "ring 1");
    let id = token.unwrap()["id"].as_str().unwrap().to_owned();
    let revoked = browser.submit(&format!("/tokens/{id}/revoke"), "").await;
    assert_eq!(revoked.status(), 303);
    assert_eq!(reader.get("/api/v1/crashes").await.status(), 401);

    let (_, page) = browser.get("/audit?action=token").await;
    assert!(
        page.contains("made a token") && page.contains("revoked a token"),
        "{page}"
    );
    let table = server.admin().get("/api/v1/audit.csv?action=token.create").await;
    let table = table.text().await.unwrap();
    assert!(
        table
            .lines()
            .nth(1)
            .unwrap()
            .contains("one-time link,token.create"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_error_keeps_the_navigation_of_who_is_signed_in() {
    let server = Server::start().await;
    let browser = SignedIn::new(&server).await;
    let (status, page) = browser.get("/machines/none").await;
    assert_eq!(status, 404);
    assert!(
        page.contains("aria-label=\"Main\"") && page.contains("/audit"),
        "{page}"
    );
    let stranger = tests::browser().get(format!("{}/no-such-page", server.base()));
    let page = stranger.header("accept", "text/html").send().await.unwrap();
    assert!(!page.text().await.unwrap().contains("aria-label=\"Main\""));
}
