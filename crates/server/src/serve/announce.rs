//! What a server prints when it is ready: where it is and how to get in.

use std::fmt::Write;

use anyhow::Result;
use store::{Clock, sessions};
use time::Duration;
use wire::token::Scope;

use super::running::Running;

/// How long a printed link can be used.
const LINK_LASTS: Duration = Duration::hours(1);

/// Makes a one-time link, and says all that is worth knowing.
///
/// # Errors
///
/// When the database does not answer.
pub(super) async fn text(running: &Running) -> Result<String> {
    let mut text = format!("Stopcode is ready at {}\n", running.user_url());
    if let Some(secret) = running.made_admin() {
        let _infallible = writeln!(text, "Admin token, shown only now: {}", secret.expose());
    }
    let _infallible = writeln!(
        text,
        "Sign in, once, within the hour: {}",
        sign_in_link(running).await?
    );
    Ok(text)
}

/// A link that signs one browser in, as an administrator.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn sign_in_link(running: &Running) -> Result<String> {
    let mut connection = running.pool().acquire().await?;
    let scopes = [Scope::Admin.as_str().to_owned()];
    let secret = sessions::create_link(&mut connection, &scopes, Clock::System.now(), LINK_LASTS).await?;
    Ok(format!("{}/sign-in?link={}", running.user_url(), secret.expose()))
}
