//! The authorization code flow with PKCE.

use std::sync::Arc;

use form_urlencoded::byte_serialize;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{self, BadIssuer};
use crate::documents::Documents;
use crate::id_token::{self, Expected, Failure};
use crate::{Attempt, Config, Error, Identity, identity};

const METADATA: &str = "what the provider says of itself";
const KEYS: &str = "the provider's keys";
const TOKENS: &str = "the provider's tokens";
const USERINFO: &str = "what the provider says of the person";

/// A provider that people sign in with. Cheap to clone.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Provider").field(&self.0.config).finish()
    }
}

struct Inner {
    config: Config,
    issuer: Url,
    documents: Documents,
}

/// What the browser comes back from the provider with, as query parameters.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Return {
    /// What the ID token can be had for, once.
    pub code: Option<String>,
    /// What the browser was sent with.
    pub state: Option<String>,
    /// Who says this, if the provider says.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub error_description: Option<String>,
}

/// What is needed of the provider's description of itself (OpenID Connect Discovery 1.0, 3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What a code was exchanged for.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Provider {
    /// The provider of `config`. It is not asked anything yet.
    ///
    /// # Errors
    ///
    /// [`BadIssuer`].
    pub fn new(config: Config) -> Result<Provider, BadIssuer> {
        Ok(Provider(Arc::new(Inner {
            issuer: config::address(&config.issuer)?,
            documents: Documents::new()?,
            config,
        })))
    }

    /// How the provider is known here.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Asks the provider for what a sign-in needs.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`], [`Error::Unusable`].
    pub async fn check(&self) -> Result<(), Error> {
        let metadata = self.metadata().await?;
        self.0
            .documents
            .get(KEYS, &self.endpoint(&metadata.jwks_uri)?)
            .await?;
        Ok(())
    }

    /// Where to send the browser; the provider sends it back to `return_to`.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`], [`Error::Unusable`].
    pub async fn begin(&self, attempt: &Attempt, return_to: &str) -> Result<String, Error> {
        let metadata = self.metadata().await?;
        let mut url = self.endpoint(&metadata.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config().client_id)
            .append_pair("redirect_uri", return_to)
            .append_pair("scope", &self.config().scopes.join(" "))
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Who has come back, with `return_to` as it was when the attempt was begun.
    ///
    /// # Errors
    ///
    /// [`Error::NotBegunHere`] before anybody is asked, and all others.
    pub async fn identify(
        &self,
        attempt: &Attempt,
        back: &Return,
        return_to: &str,
    ) -> Result<Identity, Error> {
        match &back.state {
            Some(state) if attempt.has_state(state) => {}
            // Some providers forget the state when they refuse; nobody gets in by that.
            None if back.error.is_some() => return Err(back.refused()),
            _ => return Err(Error::NotBegunHere),
        }
        let metadata = self.metadata().await?;
        let code = back.code(&metadata)?;
        let tokens = self.exchange(&metadata, attempt, code, return_to).await?;
        let claims = self.prove(&metadata, attempt, &tokens.id_token).await?;
        self.identity(&metadata, claims, tokens.access_token.as_deref())
            .await
    }

    async fn metadata(&self) -> Result<Metadata, Error> {
        let unusable = |why: String| Error::Unusable { what: METADATA, why };
        let issuer = self.0.issuer.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{issuer}/.well-known/openid-configuration"));
        let url = url.map_err(|error| unusable(error.to_string()))?;
        let document = self.0.documents.get(METADATA, &url).await?;
        let metadata = Metadata::deserialize(&*document).map_err(|error| unusable(error.to_string()))?;
        // People forget the slash at the end, or add one.
        if metadata.issuer.trim_end_matches('/') != self.config().issuer.trim_end_matches('/') {
            return Err(unusable(format!(
                "it calls itself {:?}, which is not what was configured",
                metadata.issuer
            )));
        }
        Ok(metadata)
    }

    /// An address of the provider that may be asked: nobody can read or change what is said there.
    fn endpoint(&self, address: &str) -> Result<Url, Error> {
        let unusable = || Error::Unusable {
            what: METADATA,
            why: format!("{address:?} is no address that may be asked"),
        };
        let url = Url::parse(address).map_err(|_| unusable())?;
        let is_here = self.0.issuer.scheme() == "http";
        if config::is_safe(&url) && (url.scheme() == "https" || is_here) {
            Ok(url)
        } else {
            Err(unusable())
        }
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        attempt: &Attempt,
        code: &str,
        return_to: &str,
    ) -> Result<Tokens, Error> {
        let verifier = attempt.verifier();
        let form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", return_to),
            ("code_verifier", &verifier),
        ];
        let endpoint = self.endpoint(&metadata.token_endpoint)?;
        let request = self.0.documents.request(Method::POST, endpoint);
        let request = self.with_password(metadata, request, form);
        let (status, answer) = self.0.documents.ask(TOKENS, request).await?;
        let unusable = |why: String| Error::Unusable { what: TOKENS, why };
        if status != StatusCode::OK {
            let say = |field: &str| {
                answer
                    .get(field)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            return Err(unusable(format!(
                "{status}: {} {}",
                say("error"),
                say("error_description")
            )));
        }
        Tokens::deserialize(answer).map_err(|error| unusable(error.to_string()))
    }

    /// The form with this server's name and password, as the provider wants them (RFC 6749, 2.3.1).
    fn with_password(
        &self,
        metadata: &Metadata,
        request: RequestBuilder,
        form: Vec<(&str, &str)>,
    ) -> RequestBuilder {
        let Config {
            client_id,
            client_secret,
            ..
        } = self.config();
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let takes = |method: &str| methods.is_some_and(|methods| methods.iter().any(|known| known == method));
        let mut form = form;
        let Some(secret) = client_secret else {
            form.push(("client_id", client_id));
            return request.form(&form);
        };
        if takes("client_secret_post") && !takes("client_secret_basic") {
            form.extend([
                ("client_id", client_id.as_str()),
                ("client_secret", secret.as_str()),
            ]);
            return request.form(&form);
        }
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        request
            .basic_auth(encoded(client_id), Some(encoded(secret)))
            .form(&form)
    }

    /// The claims of an ID token that proves them; with new keys if those that are known do not fit.
    async fn prove(
        &self,
        metadata: &Metadata,
        attempt: &Attempt,
        token: &str,
    ) -> Result<Map<String, Value>, Error> {
        let nonce = attempt.nonce();
        let expected = Expected {
            issuer: &metadata.issuer,
            client_id: &self.config().client_id,
            nonce: &nonce,
        };
        let url = self.endpoint(&metadata.jwks_uri)?;
        let keys = self.0.documents.get(KEYS, &url).await?;
        let mut verified = id_token::verify(token, &keys, expected);
        if verified == Err(Failure::NoKey) {
            self.0.documents.forget(&url).await;
            let keys = self.0.documents.get(KEYS, &url).await?;
            verified = id_token::verify(token, &keys, expected);
        }
        verified.map_err(|failure| match failure {
            Failure::NoKey => Error::IdToken("none of the provider's keys has signed it".to_owned()),
            Failure::Wrong(why) => Error::IdToken(why),
        })
    }

    /// Who has these claims. Roles that the ID token does not list are asked for.
    async fn identity(
        &self,
        metadata: &Metadata,
        claims: Map<String, Value>,
        access_token: Option<&str>,
    ) -> Result<Identity, Error> {
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let claim = &self.config().role_claim;
        let mut name = identity::name(&claims);
        let mut roles = identity::roles(&claims, claim);
        let askable = metadata.userinfo_endpoint.as_deref().zip(access_token);
        if let Some((endpoint, access_token)) = askable.filter(|_| roles.is_none() || name.is_none()) {
            let more = self.userinfo(endpoint, access_token, &subject).await?;
            roles = roles.or_else(|| identity::roles(&more, claim));
            name = name.or_else(|| identity::name(&more));
        }
        Ok(Identity {
            subject,
            name,
            roles: roles.unwrap_or_default(),
        })
    }

    async fn userinfo(
        &self,
        endpoint: &str,
        access_token: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, Error> {
        let unusable = |why: &str| Error::Unusable {
            what: USERINFO,
            why: why.to_owned(),
        };
        let request = self.0.documents.request(Method::GET, self.endpoint(endpoint)?);
        let (status, answer) = self
            .0
            .documents
            .ask(USERINFO, request.bearer_auth(access_token))
            .await?;
        if status != StatusCode::OK {
            return Err(unusable(&format!("the provider answered {status}")));
        }
        match answer {
            Value::Object(claims) if claims.get("sub").and_then(Value::as_str) == Some(subject) => Ok(claims),
            _ => Err(unusable("it is about somebody else")),
        }
    }
}

impl Return {
    /// The code, if it is this provider who gave one.
    fn code(&self, metadata: &Metadata) -> Result<&str, Error> {
        let is_theirs = match &self.iss {
            Some(issuer) => *issuer == metadata.issuer,
            None => !metadata.authorization_response_iss_parameter_supported,
        };
        if !is_theirs {
            return Err(Error::NotBegunHere);
        }
        if self.error.is_some() {
            return Err(self.refused());
        }
        self.code.as_deref().ok_or(Error::NotBegunHere)
    }

    fn refused(&self) -> Error {
        let error = self.error.as_deref().unwrap_or_default();
        let words = self.error_description.as_deref().unwrap_or_default();
        Error::Refused(format!("{error:?} {words:?}"))
    }
}
