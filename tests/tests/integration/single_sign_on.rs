//! Signing in by an OpenID Connect provider, in a browser without scripts.

use reqwest::Response;
use serde_json::{Value, json};
use tests::{Server, browser};

use crate::provider::{CLIENT, Provider, SECRET};

/// A browser at the server's sign-in page.
struct Visitor {
    http: reqwest::Client,
    base: String,
    cookies: Vec<(String, String)>,
}

impl Visitor {
    fn new(server: &Server) -> Visitor {
        Visitor {
            http: browser(),
            base: server.base(),
            cookies: Vec::new(),
        }
    }

    /// Looks at an address, with the cookies that were set, and keeps those that are set now.
    async fn get(&mut self, address: &str) -> Response {
        let address = match address.strip_prefix('/') {
            Some(_) => format!("{}{address}", self.base),
            None => address.to_owned(),
        };
        let request = self
            .http
            .get(address)
            .header("accept", "text/html")
            .header("cookie", self.pairs());
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let (name, value) = cookie
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .split_once('=')
                .unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// Presses a button of a page of the server's.
    async fn post(&self, path: &str) -> Response {
        let post = self.http.post(format!("{}{path}", self.base));
        let post = post
            .header("sec-fetch-site", "same-origin")
            .header("cookie", self.pairs());
        post.send().await.unwrap()
    }

    fn pairs(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Goes to the provider and to the door on the way back: the address with the code.
    async fn as_far_as_the_door(&mut self) -> String {
        let there = location(&self.get("/sign-in/oidc?next=/crashes%3Flimit=5").await);
        let back = self.get(&there).await;
        let status = back.status();
        assert_eq!(status, 303, "the provider wants something else");
        location(&back)
    }

    /// The whole way: where it ends.
    async fn sign_in(&mut self) -> Response {
        let door = self.as_far_as_the_door().await;
        self.get(&door).await
    }

    fn has(&self, cookie: &str) -> bool {
        self.cookies.iter().any(|(name, _)| name == cookie)
    }
}

fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), 303);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

fn ada() -> Value {
    json!({"sub": "248289761001", "email": "ada@example.com", "groups": ["everybody", "it-leads"]})
}

async fn server(provider: &Provider) -> Server {
    let issuer = format!("{}/", provider.issuer);
    let arguments = [
        ["--oidc-issuer", &issuer],
        ["--oidc-client-id", CLIENT],
        ["--oidc-name", "Contoso"],
        ["--oidc-role", "it-leads=admin"],
        ["--oidc-role", "helpdesk=read,download"],
    ];
    let environment = [("STOPCODE_OIDC_CLIENT_SECRET", SECRET)];
    Server::start_with(arguments.as_flattened(), &environment).await
}

/// That somebody is let out again, with a sentence and without a session.
async fn assert_refused(visitor: &Visitor, answer: Response, status: u16, sentence: &str) {
    assert_eq!(answer.status(), status);
    let page = answer.text().await.unwrap();
    assert!(page.contains(sentence), "{sentence:?} is not said in\n{page}");
    assert!(page.contains("Sign in with Contoso"), "no way to try again");
    assert!(!visitor.has("stopcode_session"));
    assert!(!visitor.has("stopcode_sign_in"), "an attempt was not forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_by_the_provider_and_may_do_what_their_role_may() {
    let provider = Provider::start(ada()).await;
    let server = server(&provider).await;
    let mut visitor = Visitor::new(&server);
    let page = visitor.get("/sign-in?next=/crashes").await.text().await.unwrap();
    assert!(
        page.contains(r#"href="/sign-in/oidc?next=%2Fcrashes">Sign in with Contoso"#),
        "{page}"
    );

    let answer = visitor.sign_in().await;
    assert_eq!(location(&answer), "/crashes?limit=5");
    assert!(visitor.has("stopcode_session") && !visitor.has("stopcode_sign_in"));
    assert_eq!(visitor.get("/crashes?limit=5").await.status(), 200);
    assert_eq!(
        visitor.get("/tokens").await.status(),
        200,
        "the lead is an administrator"
    );
    let record = visitor.get("/audit").await.text().await.unwrap();
    assert!(record.contains("ada@example.com (248289761001)"), "{record}");
    assert!(record.contains("single sign-on"), "{record}");

    provider.person(json!({"sub": "2", "groups": ["helpdesk"]}));
    let mut helper = Visitor::new(&server);
    assert_eq!(helper.sign_in().await.status(), 303);
    assert_eq!(helper.get("/crashes").await.status(), 200);
    assert_eq!(helper.get("/tokens").await.status(), 403, "the help desk is not");

    // The lead sees that the help desk is in, and puts it out.
    let page = visitor.get("/tokens").await.text().await.unwrap();
    let theirs = page.split("End the session of 2\"").next().unwrap();
    let form = theirs
        .rsplit("action=\"")
        .next()
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let ended = visitor.post(form).await;
    assert_eq!(location(&ended), "/tokens?done=ended#sessions");
    assert_eq!(location(&helper.get("/crashes").await), "/sign-in?next=/crashes");
    let audit = server.admin().json("/api/v1/audit?action=session.end").await;
    assert_eq!(
        audit["items"][0]["actor"], "ada@example.com (248289761001)",
        "{audit}"
    );
    assert_eq!(audit["items"][0]["subject"], "2", "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_the_id_token_does_not_list_are_asked_for() {
    let provider = Provider::start(json!({"sub": "5"})).await;
    provider.userinfo(json!({"sub": "5", "name": "Grace", "groups": "helpdesk"}));
    let server = server(&provider).await;
    let mut visitor = Visitor::new(&server);
    assert_eq!(visitor.sign_in().await.status(), 303);
    assert_eq!(visitor.get("/crashes").await.status(), 200);
    let audit = server.admin().json("/api/v1/audit?action=sign-in").await;
    assert_eq!(audit["items"][0]["actor"], "Grace (5)", "{audit}");

    provider.userinfo(json!({"sub": "6", "groups": ["it-leads"]}));
    let mut visitor = Visitor::new(&server);
    let answer = visitor.sign_in().await;
    assert_refused(&visitor, answer, 403, "answer cannot be used").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_roles_nobody_has_named_is_not_let_in_and_recorded() {
    let provider = Provider::start(json!({"sub": "7", "name": "Eve", "groups": ["sales"]})).await;
    let server = server(&provider).await;
    let mut visitor = Visitor::new(&server);
    let answer = visitor.sign_in().await;
    assert_refused(&visitor, answer, 403, "none of your roles may read").await;
    let audit = server.admin().json("/api/v1/audit?action=sign-in.refused").await;
    assert_eq!(audit["items"][0]["actor"], "Eve (7)", "{audit}");
    assert_eq!(audit["items"][0]["subject"], "no role that may read", "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_good_once_and_in_the_browser_that_asked() {
    let provider = Provider::start(ada()).await;
    let server = server(&provider).await;
    let mut visitor = Visitor::new(&server);
    let door = visitor.as_far_as_the_door().await;

    // Somebody else's browser: one that has begun nothing, and one that has begun something else.
    let mut other = Visitor::new(&server);
    let answer = other.get(&door).await;
    assert_refused(&other, answer, 403, "begun in another window").await;
    other.as_far_as_the_door().await;
    let answer = other.get(&door).await;
    assert_refused(&other, answer, 403, "begun in another window").await;

    // From somebody who only says to be the provider, or who brings nothing.
    for (from, to) in [("&iss=http", "&iss=https"), ("&iss=", "&is="), ("code=", "cod=")] {
        let mut other = Visitor::new(&server);
        let door = other.as_far_as_the_door().await.replace(from, to);
        let answer = other.get(&door).await;
        assert_refused(&other, answer, 403, "begun in another window").await;
    }

    let kept = visitor.cookies.clone();
    assert_eq!(visitor.get(&door).await.status(), 303, "it is still good");
    let mut again = Visitor::new(&server);
    again.cookies = kept;
    let answer = again.get(&door).await;
    assert_refused(&again, answer, 403, "answer cannot be used").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_lets_nobody_in() {
    let provider = Provider::start(ada()).await;
    let server = server(&provider).await;
    let lies: [fn(&mut Value); 5] = [
        |claims| claims["nonce"] = "of-another-attempt-altogether".into(),
        |claims| claims["aud"] = "another-program".into(),
        |claims| claims["iss"] = "https://login.example.com".into(),
        |claims| claims["exp"] = 1_700_000_000.into(),
        |claims| claims["sub"] = Value::Null,
    ];
    for lie in lies {
        provider.lie(lie);
        let mut visitor = Visitor::new(&server);
        let answer = visitor.sign_in().await;
        assert_refused(&visitor, answer, 403, "answer cannot be used").await;
    }
    let log = server.log();
    for why in [
        "another attempt",
        "InvalidAudience",
        "InvalidIssuer",
        "ExpiredSignature",
    ] {
        assert!(log.contains(why), "the operator does not read of {why}");
    }
    provider.lie(|_| ());
    assert_eq!(Visitor::new(&server).sign_in().await.status(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_may_refuse_and_may_say_anything_then() {
    let provider = Provider::start(ada()).await;
    let server = server(&provider).await;
    let mut visitor = Visitor::new(&server);
    let door = visitor.as_far_as_the_door().await;
    let code = door
        .split(['?', '&'])
        .find(|part| part.starts_with("code="))
        .unwrap();
    let words = "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E%0Aline";
    let answer = visitor.get(&door.replace(code, words)).await;
    let mut other = Visitor::new(&server);
    other.as_far_as_the_door().await;
    // As some providers write it, without the state.
    let stateless = other.get("/sign-in/oidc/callback?error=access_denied").await;
    assert_refused(&other, stateless, 403, "did not let you in").await;
    assert!(!server.log().contains("\nline"), "a line of the log was made up");
    assert_refused(&visitor, answer, 403, "did not let you in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_may_change_its_keys_and_be_away_for_a_while() {
    let provider = Provider::start(ada()).await;
    provider.ill(true);
    let server = server(&provider).await;
    let mut visitor = Visitor::new(&server);
    let answer = visitor.get("/sign-in/oidc").await;
    assert_refused(&visitor, answer, 503, "does not answer").await;
    assert_eq!(
        visitor.get("/readyz").await.status(),
        200,
        "the server does not need it"
    );

    provider.ill(false);
    assert_eq!(Visitor::new(&server).sign_in().await.status(), 303);
    for with_name in [true, false] {
        provider.change_key(with_name);
        assert_eq!(
            Visitor::new(&server).sign_in().await.status(),
            303,
            "with a new name: {with_name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_nothing_is_said_of_one() {
    let server = Server::start().await;
    let mut visitor = Visitor::new(&server);
    let page = visitor.get("/sign-in").await.text().await.unwrap();
    assert!(!page.contains("oidc"));
    assert_eq!(visitor.get("/sign-in/oidc").await.status(), 404);
    assert_eq!(
        visitor
            .get("/sign-in/oidc/callback?code=a&state=b")
            .await
            .status(),
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_nobody_answers_for_is_told_of() {
    let unused = tests::free_address();
    let issuer = format!("http://{unused}");
    let arguments = [
        "--oidc-issuer",
        &issuer,
        "--oidc-client-id",
        "a",
        "--oidc-name",
        "Contoso",
        "--oidc-role",
        "*=read",
    ];
    let server = Server::start_with(&arguments, &[]).await;
    let mut visitor = Visitor::new(&server);
    let answer = visitor.get("/sign-in/oidc").await;
    assert_refused(&visitor, answer, 503, "does not answer").await;
    assert!(server.log().contains("nobody can sign in by the provider"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_told_at_the_start() {
    let wrong = [
        (
            vec!["--oidc-issuer", "https://login.example.com"],
            "--oidc-client-id",
        ),
        (
            vec![
                "--oidc-issuer",
                "http://login.example.com",
                "--oidc-client-id",
                "a",
                "--oidc-role",
                "*=read",
            ],
            "https",
        ),
        (
            vec![
                "--oidc-issuer",
                "x",
                "--oidc-client-id",
                "a",
                "--oidc-role",
                "*=read",
            ],
            "no address",
        ),
        (vec!["--oidc-role", "it=agent"], "no scope"),
    ];
    for (arguments, expected) in wrong {
        let folder = tempfile::tempdir().unwrap();
        let program = tokio::process::Command::new(tests::program())
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path().join("data"))
            .args(&arguments)
            .env_remove("DATABASE_URL")
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(std::time::Duration::from_mins(1), program)
            .await
            .unwrap()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(expected),
            "{arguments:?}: {said}"
        );
    }
}
