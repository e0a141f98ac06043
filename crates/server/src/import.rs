//! `stopcode import`: history from a file, on the very path that `POST /api/v1/import` takes.
//!
//! The file becomes the body of one request to the API in this process: no socket, and no second reader of import
//! lines.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use axum::body::Body;
use axum::http::{Request, header};
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;
use wire::import::ImportAnswer;
use wire::token::Scope;

use crate::cli::ImportArguments;
use crate::database::Database;
use crate::in_process::{self, InProcess};
use crate::output;

/// Bytes read from the file at once.
const CHUNK: usize = 64 << 10;

/// Imports the file; the exit code is 1 if a line was not taken.
///
/// # Errors
///
/// When the file or the database cannot be reached, or the import stopped half-way; then it says where to go on.
pub(crate) async fn run(arguments: ImportArguments) -> Result<ExitCode> {
    let (reader, length) = open(&arguments.file).await?;
    let database = Database::open_beside(&arguments.database).await?;
    let result = send(&database, reader, length, &arguments).await;
    database.close().await;
    report(&result?)
}

/// The lines, and how many bytes they are if that is known.
async fn open(file: &Path) -> Result<(Box<dyn AsyncRead + Send + Unpin>, Option<u64>)> {
    if file == Path::new("-") {
        return Ok((Box::new(tokio::io::stdin()), None));
    }
    let opened = tokio::fs::File::open(file)
        .await
        .with_context(|| format!("cannot open {}", file.display()))?;
    let length = opened.metadata().await?.len();
    Ok((Box::new(opened), Some(length)))
}

async fn send(
    database: &Database,
    reader: Box<dyn AsyncRead + Send + Unpin>,
    length: Option<u64>,
    arguments: &ImportArguments,
) -> Result<ImportAnswer> {
    let bar = progress(length);
    let counted = bar.clone();
    let chunks = ReaderStream::with_capacity(reader, CHUNK)
        .inspect_ok(move |chunk| counted.inc(u64::try_from(chunk.len()).unwrap_or(u64::MAX)));
    let blobs = arguments.database.data_dir.join("blobs");
    let name = "import on the command line";
    // Its blobs are not used by imports.
    let server = InProcess::open(&database.pool, &blobs, Scope::Upload, name).await?;
    let request = Request::post(format!("/api/v1/import?from_line={}", arguments.from_line))
        .header(header::CONTENT_TYPE, "application/x-ndjson")
        .body(Body::from_stream(chunks))?;
    let answer = in_process::read(server.send(request).await?).await;
    bar.finish_and_clear();
    server.close().await?;
    answer
}

fn progress(length: Option<u64>) -> ProgressBar {
    let Some(length) = length else {
        return ProgressBar::new_spinner();
    };
    let style = ProgressStyle::with_template("[{bar:40}] {bytes}/{total_bytes} {elapsed}")
        .expect("the template names known keys only")
        .progress_chars("=> ");
    ProgressBar::new(length).with_style(style)
}

fn report(answer: &ImportAnswer) -> Result<ExitCode> {
    for rejected in &answer.rejected {
        output::tell(&format!("line {}: {}", rejected.line, rejected.reason));
    }
    let (accepted, rejected) = (answer.accepted, answer.rejected.len());
    output::print(&format!("{accepted} lines taken, {rejected} not\n"))?;
    Ok(if rejected == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
