//! `stopcode token`: works beside a running server and without one.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use sqlx::PgConnection;
use store::tokens::{self, NewToken, Token};
use store::{Clock, TokenId, audit, enrolment};
use time::{Date, Duration, OffsetDateTime};
use wire::token::Scope;

use crate::cli::{TokenArguments, TokenCommand};
use crate::database::Database;
use crate::output;

/// Runs the command on the database of the running server, or starts it briefly.
///
/// # Errors
///
/// As [`Database::open_beside`], or when the token is not there.
pub(crate) async fn run(arguments: TokenArguments) -> Result<ExitCode> {
    check(&arguments.command)?;
    let database = Database::open_beside(&arguments.database).await?;
    let mut connection = database
        .pool
        .acquire()
        .await
        .context("cannot reach the database")?;
    let result = execute(&mut connection, arguments.command, Clock::System.now()).await;
    drop(connection);
    database.close().await;
    output::print(&result?)?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses what makes no sense before a database is started for it.
fn check(command: &TokenCommand) -> Result<()> {
    if let TokenCommand::Create { scope, machine, .. } = command
        && scope.contains(&Scope::Agent)
        && machine.is_none()
    {
        bail!("a token with the scope agent is for one machine: name it with --machine");
    }
    Ok(())
}

/// What is to be printed.
async fn execute(
    connection: &mut PgConnection,
    command: TokenCommand,
    now: OffsetDateTime,
) -> Result<String> {
    match command {
        TokenCommand::Create {
            scope,
            machine,
            expires,
            name,
        } => {
            let wish = NewToken {
                name,
                scopes: scope.into_iter().map(|scope| scope.as_str().to_owned()).collect(),
                machine,
                expires_at: expires.map(|days| now + Duration::days(i64::from(days))),
            };
            let (id, secret) = tokens::create(connection, &wish, now).await?;
            record(connection, "token.create", id, now).await?;
            Ok(format!("{}\n", secret.expose()))
        }
        TokenCommand::List => Ok(table(&tokens::list(connection).await?, now)),
        TokenCommand::Revoke { id, with_agents } => {
            let (revoked, action) = if with_agents {
                let ended = enrolment::revoke_with_agents(connection, TokenId(id), now).await?;
                (ended.map(|_| ()), "token.revoke-with-agents")
            } else {
                let revoked = tokens::revoke(connection, TokenId(id), now).await?;
                (revoked, "token.revoke")
            };
            revoked.with_context(|| format!("there is no token {id}"))?;
            record(connection, action, TokenId(id), now).await?;
            Ok(String::new())
        }
    }
}

/// Records what was done to a token from here, where nobody shows one.
async fn record(connection: &mut PgConnection, action: &str, id: TokenId, now: OffsetDateTime) -> Result<()> {
    let entry = audit::Entry {
        at: now,
        token: None,
        actor: Some("command line".to_owned()),
        action: action.to_owned(),
        subject: id.to_string(),
    };
    audit::record(connection, &entry).await?;
    Ok(())
}

/// One line a token, newest first.
fn table(tokens: &[Token], now: OffsetDateTime) -> String {
    let mut text = format!(
        "{:36}  {:8}  {:10}  {:10}  {:20}  NAME\n",
        "ID", "STATE", "MADE", "LAST USED", "SCOPES"
    );
    for token in tokens {
        let scopes = match &token.machine {
            Some(machine) => format!("{} for {machine}", token.scopes.join(",")),
            None => token.scopes.join(","),
        };
        let last_used = token
            .last_used_at
            .map_or_else(|| "never".to_owned(), |at| at.date().to_string());
        let made: Date = token.created_at.date();
        let _infallible = writeln!(
            text,
            "{:36}  {:8}  {made}  {last_used:10}  {scopes:20}  {}",
            token.id.to_string(),
            state(token, now),
            token.name
        );
    }
    text
}

fn state(token: &Token, now: OffsetDateTime) -> &'static str {
    if token.revoked_at.is_some() {
        "revoked"
    } else if token.expires_at.is_some_and(|at| at <= now) {
        "expired"
    } else {
        "good"
    }
}
