//! What an operator says of the provider.

use reqwest::Url;

use crate::RoleRule;

/// The provider, and what is known of this server there.
#[derive(Clone)]
pub struct Config {
    /// The provider's address, under which its `.well-known/openid-configuration` lies.
    pub issuer: String,
    /// The name this server is registered under there.
    pub client_id: String,
    /// Its password there, if it has one.
    pub client_secret: Option<String>,
    /// What people call the provider, for the button.
    pub name: String,
    /// What is asked for, with `openid` among it.
    pub scopes: Vec<String>,
    /// The claim that lists somebody's roles or groups. With dots it is also looked for inside objects:
    /// `realm_access.roles`.
    pub role_claim: String,
    /// What the roles allow.
    pub roles: Vec<RoleRule>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Config {
            issuer,
            client_id,
            client_secret: _,
            name,
            scopes,
            role_claim,
            roles,
        } = self;
        f.debug_struct("Config")
            .field("issuer", issuer)
            .field("client_id", client_id)
            .field("name", name)
            .field("scopes", scopes)
            .field("role_claim", role_claim)
            .field("roles", roles)
            .finish_non_exhaustive()
    }
}

/// An issuer that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadIssuer {
    /// It is no address.
    #[error("the provider {0:?} is no address such as https://login.example.com/tenant")]
    NoAddress(String),
    /// What it says could be changed on the way.
    #[error("the provider {0} must be asked by https; http is enough only on this machine itself")]
    NotSafe(Url),
    /// The program cannot ask anybody.
    #[error("no HTTP client can be made: {0}")]
    NoClient(String),
}

/// The issuer as an address: over TLS, or on this machine itself.
pub(crate) fn address(issuer: &str) -> Result<Url, BadIssuer> {
    let no_address = || BadIssuer::NoAddress(issuer.to_owned());
    let url = Url::parse(issuer).map_err(|_| no_address())?;
    if url.host_str().is_none() || url.query().is_some() || url.fragment().is_some() {
        return Err(no_address());
    }
    if is_safe(&url) {
        Ok(url)
    } else {
        Err(BadIssuer::NotSafe(url))
    }
}

/// Whether what is said under this address cannot be read or changed on the way.
pub(crate) fn is_safe(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => true,
        "http" => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{BadIssuer, address};

    #[test]
    fn a_provider_is_asked_over_tls_or_on_this_machine() {
        assert!(address("https://login.example.com/tenant/v2.0").is_ok());
        assert!(address("http://127.0.0.1:9000").is_ok());
        assert!(address("http://localhost:9000/realms/it").is_ok());
        for unsafe_one in [
            "http://login.example.com",
            "http://127.0.0.1.evil.example",
            "ftp://login.example.com",
        ] {
            assert!(
                matches!(address(unsafe_one), Err(BadIssuer::NotSafe(_))),
                "{unsafe_one}"
            );
        }
        for none in [
            "",
            "login.example.com",
            "https://",
            "https://a.example/?b",
            "data:x",
        ] {
            assert!(matches!(address(none), Err(BadIssuer::NoAddress(_))), "{none}");
        }
    }
}
