//! An OpenID Connect provider for tests, which keeps the protocol's rules and can be told to lie.
//!
//! It signs with ring and checks what a client sends by itself; none of the server's own code is in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// The client that is registered, with a password that must be encoded to get through.
pub(crate) const CLIENT: &str = "stopcode";
pub(crate) const SECRET: &str = "p:ss wörd+%";

/// A running provider.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    says: Arc<Mutex<Says>>,
}

/// What it says, and what it remembers.
struct Says {
    key: EcdsaKeyPair,
    kid: u32,
    /// What it says of whoever signs in.
    person: Value,
    /// The same when it is asked apart; `None` if it cannot be asked.
    userinfo: Option<Value>,
    /// Codes that were given and not yet used, with the query they were given for.
    codes: HashMap<String, HashMap<String, String>>,
    /// What is done to the claims before they are signed.
    lie: fn(&mut Value),
    is_ill: bool,
}

impl Provider {
    /// Starts one that knows a person with these claims.
    pub(crate) async fn start(person: Value) -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Provider {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            says: Arc::new(Mutex::new(Says {
                key: new_key(),
                kid: 1,
                person,
                userinfo: None,
                codes: HashMap::new(),
                lie: |_| (),
                is_ill: false,
            })),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    fn says(&self) -> std::sync::MutexGuard<'_, Says> {
        self.says.lock().unwrap()
    }

    /// Who signs in from now on.
    pub(crate) fn person(&self, person: Value) {
        self.says().person = person;
    }

    /// What it says of them when it is asked apart.
    pub(crate) fn userinfo(&self, userinfo: Value) {
        self.says().userinfo = Some(userinfo);
    }

    /// What it does to the truth from now on.
    pub(crate) fn lie(&self, lie: fn(&mut Value)) {
        self.says().lie = lie;
    }

    /// Signs with a new key from now on, under a new name or the old one.
    pub(crate) fn change_key(&self, with_name: bool) {
        let mut says = self.says();
        says.key = new_key();
        says.kid += u32::from(with_name);
    }

    /// Whether it answers with errors from now on.
    pub(crate) fn ill(&self, is_ill: bool) {
        self.says().is_ill = is_ill;
    }
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap()
}

async fn metadata(State(provider): State<Provider>) -> Response {
    let says = provider.says();
    if says.is_ill {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let at = |path: &str| format!("{}{path}", provider.issuer);
    let mut metadata = json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/authorize?tenant=it"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "authorization_response_iss_parameter_supported": true,
    });
    if says.userinfo.is_some() {
        metadata["userinfo_endpoint"] = at("/userinfo").into();
    }
    Json(metadata).into_response()
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let says = provider.says();
    let (x, y) = says.key.public_key().as_ref()[1..].split_at(32);
    let key = json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": says.kid.to_string(),
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    Json(json!({"keys": [{"kty": "PQ", "kid": "9"}, key]}))
}

async fn authorize(
    State(provider): State<Provider>,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Redirect, String> {
    let must = [
        ("tenant", "it"),
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in must {
        if asked.get(name).map(String::as_str) != Some(value) {
            return Err(format!("{name} must be {value}"));
        }
    }
    if !asked["scope"].split(' ').any(|scope| scope == "openid") || asked["nonce"].len() < 20 {
        return Err("a scope or the nonce is missing".to_owned());
    }
    let code = format!("code-{}", uuid::Uuid::new_v4());
    let back = format!(
        "{}?code={code}&state={}&iss={}",
        asked["redirect_uri"], asked["state"], provider.issuer
    );
    provider.says().codes.insert(code, asked);
    Ok(Redirect::to(&back))
}

async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let no = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error})));
    // What RFC 6749 makes of the password: a form's encoding inside of Basic.
    let basic = STANDARD.encode(format!("{CLIENT}:p%3Ass+w%C3%B6rd%2B%25"));
    if headers["authorization"] != format!("Basic {basic}") {
        return no("invalid_client");
    }
    let mut says = provider.says();
    let Some(asked) = says.codes.remove(&form["code"]) else {
        return no("invalid_grant");
    };
    let challenge = ring::digest::digest(&ring::digest::SHA256, form["code_verifier"].as_bytes());
    let is_theirs = URL_SAFE_NO_PAD.encode(challenge) == asked["code_challenge"];
    if !is_theirs
        || form["redirect_uri"] != asked["redirect_uri"]
        || form["grant_type"] != "authorization_code"
    {
        return no("invalid_grant");
    }
    let now = store::Clock::System.now().unix_timestamp();
    let mut claims = says.person.clone();
    claims["iss"] = provider.issuer.clone().into();
    claims["aud"] = CLIENT.into();
    claims["nonce"] = asked["nonce"].clone().into();
    claims["iat"] = now.into();
    claims["exp"] = (now + 300).into();
    (says.lie)(&mut claims);
    let answer =
        json!({"token_type": "Bearer", "access_token": "for-userinfo", "id_token": says.sign(&claims)});
    (StatusCode::OK, Json(answer))
}

async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    if headers["authorization"] != "Bearer for-userinfo" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    provider
        .says()
        .userinfo
        .clone()
        .map(Json)
        .ok_or(StatusCode::NOT_FOUND)
}

impl Says {
    fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.kid.to_string()});
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
