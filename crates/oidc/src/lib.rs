//! Sign-in by an OpenID Connect provider: the authorization code flow with PKCE, and who the provider says somebody is.
//!
//! A sign-in is an [`Attempt`], which lives in the browser; [`Provider::begin`] tells where to send the browser, and
//! [`Provider::identify`] turns what it comes back with into an [`Identity`]. [`RoleRule`]s say what somebody with the
//! identity's roles may do. Cookies, sessions, pages and the record of sign-ins are the business of the HTTP API.
//!
//! Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), RFC 9207 (`iss` in the
//! answer), and the advice of RFC 9700.

mod attempt;
mod config;
mod crypto;
mod documents;
mod error;
mod id_token;
mod identity;
mod provider;
mod roles;

pub use attempt::Attempt;
pub use config::{BadIssuer, Config};
pub use error::Error;
pub use identity::Identity;
pub use provider::{Provider, Return};
pub use roles::{BadRule, RoleRule, scopes_of};
