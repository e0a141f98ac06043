//! Whom people sign in by, besides tokens and links: what an operator says of it, and a look at it at the start.

use anyhow::Result;
use clap::Args;

/// Whom people sign in by, besides tokens and links.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OidcArguments {
    /// An OpenID Connect provider, e.g. <https://login.microsoftonline.com/TENANT/v2.0>
    #[arg(
        long = "oidc-issuer",
        env = "STOPCODE_OIDC_ISSUER",
        value_name = "URL",
        requires_all = ["client_id", "roles"]
    )]
    issuer: Option<String>,
    /// The name this server is registered under there
    #[arg(long = "oidc-client-id", env = "STOPCODE_OIDC_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// Its password there, if it has one
    #[arg(
        long = "oidc-client-secret",
        env = "STOPCODE_OIDC_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// What people call the provider, for the button
    #[arg(
        long = "oidc-name",
        env = "STOPCODE_OIDC_NAME",
        value_name = "NAME",
        default_value = "single sign-on"
    )]
    name: String,
    /// What the provider is asked for
    #[arg(
        long = "oidc-scopes",
        env = "STOPCODE_OIDC_SCOPES",
        value_name = "SCOPES",
        default_value = "openid profile email"
    )]
    scopes: String,
    /// The claim that lists somebody's roles or groups; `realm_access.roles` looks inside an object
    #[arg(
        long = "oidc-role-claim",
        env = "STOPCODE_OIDC_ROLE_CLAIM",
        value_name = "CLAIM",
        default_value = "groups"
    )]
    role_claim: String,
    /// What a role may do here, e.g. `helpdesk=read,download`; `*` is everybody; may be given several times
    #[arg(
        long = "oidc-role",
        env = "STOPCODE_OIDC_ROLES",
        value_name = "ROLE=SCOPES",
        value_delimiter = ';'
    )]
    roles: Vec<oidc::RoleRule>,
}

impl OidcArguments {
    /// The provider, if one was given.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub(crate) fn provider(&self) -> Result<Option<oidc::Provider>> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some((issuer, client_id)) = given(&self.issuer).zip(given(&self.client_id)) else {
            return Ok(None);
        };
        let mut scopes: Vec<String> = self.scopes.split_whitespace().map(str::to_owned).collect();
        if !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        let provider = oidc::Provider::new(oidc::Config {
            issuer,
            client_id,
            client_secret: given(&self.client_secret),
            name: self.name.clone(),
            scopes,
            role_claim: self.role_claim.clone(),
            roles: self.roles.clone(),
        })?;
        Ok(Some(provider))
    }
}

/// Tells the operator at the start what the first who signs in would find.
pub(crate) async fn check(provider: oidc::Provider) {
    let issuer = &provider.config().issuer;
    match provider.check().await {
        Ok(()) => tracing::info!(issuer, "people can sign in by the provider"),
        Err(error) => tracing::warn!(issuer, %error, "nobody can sign in by the provider"),
    }
}
