//! `stopcode symbols add`: symbol files from this machine, on the very path that an upload takes.
//!
//! A single file says by itself what it is: its key is read out of it, wherever it lies. Zips are sent as they are; their
//! members' paths must end in `name/id/file`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::Request;
use tokio_util::io::ReaderStream;
use wire::symbols::{SymbolKey, UploadedSymbol, UploadedSymbols};
use wire::token::Scope;

use self::collect::Found;
use crate::cli::{SymbolsArguments, SymbolsCommand};
use crate::database::Database;
use crate::in_process::{self, InProcess};
use crate::output;

mod collect;

/// How many files went which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    added: u64,
    known: u64,
    refused: u64,
}

/// Runs the command; the exit code is 1 if a file was not taken.
///
/// # Errors
///
/// When the database or the folder of blobs cannot be reached.
pub(crate) async fn run(arguments: SymbolsArguments) -> Result<ExitCode> {
    let SymbolsCommand::Add { paths } = &arguments.command;
    let blobs = arguments.blobs.folder(&arguments.database.data_dir)?;
    let database = Database::open_beside(&arguments.database).await?;
    let tally = add(&database, &blobs, paths).await;
    database.close().await;
    let tally = tally?;
    let Tally {
        added,
        known,
        refused,
    } = tally;
    output::print(&format!(
        "{added} added, {known} known already, {refused} refused\n"
    ))?;
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn add(database: &Database, blobs: &Path, paths: &[PathBuf]) -> Result<Tally> {
    let name = "symbols on the command line";
    let server = InProcess::open(&database.pool, blobs, Scope::Symbols, name).await?;
    let mut tally = Tally::default();
    for path in paths {
        for file in collect::files(path) {
            add_one(&server, &file, &mut tally).await?;
        }
    }
    server.close().await?;
    Ok(tally)
}

/// Adds one file. What is wrong with the file itself is told and counted; only the rest is an error.
async fn add_one(server: &InProcess, path: &Path, tally: &mut Tally) -> Result<()> {
    let opened = {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || collect::open(&path))
            .await
            .context("reading a file was cut short")?
    };
    let shown = path.display().to_string();
    match opened {
        Err(reason) => refuse(&shown, &reason, tally),
        Ok(Found::Archive) => {
            let file = tokio::fs::File::open(path)
                .await
                .with_context(|| format!("cannot open {shown}"))?;
            let body = Body::from_stream(ReaderStream::with_capacity(file, 64 << 10));
            let request = Request::post("/api/v1/symbols").body(body)?;
            match in_process::read::<UploadedSymbols>(server.send(request).await?).await {
                Err(error) => refuse(&shown, &format!("{error:#}"), tally),
                Ok(uploaded) => {
                    for file in &uploaded.files {
                        tell(file, tally)?;
                    }
                    for refused in &uploaded.refused {
                        refuse(&format!("{shown}: {}", refused.path), &refused.reason, tally);
                    }
                }
            }
        }
        Ok(Found::File {
            key,
            file_name,
            bytes,
        }) => {
            let request = Request::put(address(&key, &file_name)).body(Body::from(bytes))?;
            match in_process::read::<UploadedSymbol>(server.send(request).await?).await {
                Err(error) => refuse(&shown, &format!("{error:#}"), tally),
                Ok(uploaded) => tell(&uploaded, tally)?,
            }
        }
    }
    Ok(())
}

fn tell(file: &UploadedSymbol, tally: &mut Tally) -> Result<()> {
    let word = if file.duplicate {
        tally.known += 1;
        "known"
    } else {
        tally.added += 1;
        "added"
    };
    output::print(&format!("{word} {}\n", file.key))?;
    Ok(())
}

fn refuse(path: &str, reason: &str, tally: &mut Tally) {
    tally.refused += 1;
    output::tell(&format!("refused {path}: {reason}"));
}

/// Where a file is sent to. Everything but unreserved characters is percent-encoded.
fn address(key: &SymbolKey, file_name: &str) -> String {
    let mut address = "/api/v1/symbols".to_owned();
    for part in [key.name(), key.id(), file_name] {
        address.push('/');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                address.push(char::from(byte));
            } else {
                // Writing into a string cannot fail.
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::{SymbolKey, address};

    #[test]
    fn a_name_with_a_space_stays_one_part_of_the_address() {
        let key = SymbolKey::new("my driver.sys", "12").unwrap();
        assert_eq!(
            address(&key, "my+driver.sy_"),
            "/api/v1/symbols/my%20driver.sys/12/my%2Bdriver.sy_"
        );
    }
}
