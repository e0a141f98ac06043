//! `stopcode demo`: a whole fleet in a minute, played through the public HTTP API.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use fleet::{PlayConfig, Progress};
use store::tokens::{self, NewToken};
use store::{Clock, TokenId};
use time::Duration;
use wire::token::Scope;

use crate::cli::{
    BlobArguments, DatabaseArguments, DemoArguments, LimitArguments, PoolArguments, ServeArguments,
    SymbolArguments,
};
use crate::output;
use crate::postgres::TemporaryDirectory;
use crate::serve::announce;
use crate::serve::running::Running;
use crate::serve::signals::Signals;

/// Where a demo listens if nobody asked for another address.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Plays the fleet, shows the ranking, and goes on serving unless `--once`.
///
/// # Errors
///
/// When the server does not start or the fleet cannot be played.
pub(crate) async fn run(arguments: DemoArguments) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    // Removed last, when nothing runs in it any more.
    let temporary = match arguments.data_dir {
        Some(_) => None,
        None => Some(TemporaryDirectory::make()?),
    };
    let data_dir = match (&arguments.data_dir, &temporary) {
        (Some(given), _) => given.clone(),
        (None, made) => made
            .as_ref()
            .map(|made| made.path().to_owned())
            .unwrap_or_default(),
    };
    output::tell(&format!(
        "Starting a server in {} and playing a fleet of {} machines.",
        data_dir.display(),
        arguments.machines
    ));
    let serve = serve_arguments(&arguments, data_dir, free_address(&arguments));
    let running = tokio::select! {
        running = Running::start(&serve) => running?,
        () = signals.next() => bail!("stopped before the server was ready"),
    };
    let code = tokio::select! {
        outcome = play(&arguments, &running) => finish(outcome, &arguments, &running).await,
        () = signals.next() => Err(anyhow!("stopped before the ranking was there")),
    };
    if !arguments.once && code.is_ok() {
        signals.next().await;
    }
    signals.or_force(running.stop()).await;
    code
}

/// Shows what came of it and, unless `--once`, where the pages are. The code is for the ranking.
async fn finish(
    outcome: Result<fleet::Outcome>,
    arguments: &DemoArguments,
    running: &Running,
) -> Result<ExitCode> {
    let outcome = outcome?;
    fleet::print_ranking(&outcome);
    if !arguments.once {
        let link = announce::sign_in_link(running).await?;
        output::print(&format!(
            "\nThe pages are at {}\nSign in, once, within the hour: {link}\nCtrl-C ends the demo.\n",
            running.user_url()
        ))?;
    }
    Ok(if outcome.found() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Plays the fleet with a token that lives only for it.
async fn play(arguments: &DemoArguments, running: &Running) -> Result<fleet::Outcome> {
    let now = Clock::System.now();
    let (token, secret) = fleet_token(running).await?;
    let outcome = fleet::play(&PlayConfig {
        base_url: running.local_url(),
        token: secret,
        machines: arguments.machines,
        seed: arguments.seed,
        weeks: PlayConfig::DEFAULT_WEEKS,
        end_date: now.date(),
        progress: Progress::Bar,
    })
    .await;
    let mut connection = running.pool().acquire().await?;
    tokens::revoke(&mut connection, token, Clock::System.now()).await?;
    outcome
}

async fn fleet_token(running: &Running) -> Result<(TokenId, String)> {
    let now = Clock::System.now();
    let wish = NewToken {
        name: "demo fleet".to_owned(),
        scopes: [Scope::Upload, Scope::Read]
            .map(|scope| scope.as_str().to_owned())
            .to_vec(),
        machine: None,
        expires_at: Some(now + Duration::days(1)),
    };
    let mut connection = running.pool().acquire().await?;
    let (id, secret) = tokens::create(&mut connection, &wish, now)
        .await
        .context("cannot make a token for the fleet")?;
    Ok((id, secret.expose().to_owned()))
}

/// The address that was asked for; else the usual one; a free port if that is taken or nobody will look.
fn free_address(arguments: &DemoArguments) -> SocketAddr {
    let any = SocketAddr::new(USUAL.ip(), 0);
    match arguments.listen {
        Some(address) => address,
        None if arguments.once || std::net::TcpListener::bind(USUAL).is_err() => any,
        None => USUAL,
    }
}

fn serve_arguments(arguments: &DemoArguments, data_dir: PathBuf, listen: SocketAddr) -> ServeArguments {
    ServeArguments {
        listen,
        no_worker: false,
        admin_token: None,
        database: DatabaseArguments {
            database_url: None,
            data_dir,
            pg_bin: arguments.pg_bin.clone(),
            pg_user: arguments.pg_user.clone(),
            database_connections: 20,
        },
        blobs: BlobArguments { blobs: None },
        pool: PoolArguments::default(),
        symbols: SymbolArguments::default(),
        limits: LimitArguments::default(),
        #[cfg(feature = "oidc")]
        oidc: crate::single_sign_on::OidcArguments::default(),
    }
}
