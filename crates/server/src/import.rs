//! `stopcode import`: history from a file, on the very path that `POST /api/v1/import` takes.
//!
//! The file becomes the body of one request to the API's router in this process: no socket, and no second reader of
//! import lines. The request carries a token that is made for it and revoked after it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use api::{AppState, Services, Settings};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use store::Clock;
use store::blobs::Blobs;
use store::ingest::Ingest;
use store::tokens::{self, NewToken};
use store::wakeup::Notifier;
use time::Duration;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;
use tower::ServiceExt;
use wire::import::ImportAnswer;
use wire::problem::Problem;
use wire::token::Scope;

use crate::cli::ImportArguments;
use crate::database::Database;
use crate::{output, telemetry};

/// Bytes read from the file at once.
const CHUNK: usize = 64 << 10;

/// The most of an answer that is read.
const LARGEST_ANSWER: usize = 64 << 20;

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
    let mut connection = database.pool.acquire().await?;
    let now = Clock::System.now();
    let wish = NewToken {
        name: "import on the command line".to_owned(),
        scopes: vec![Scope::Upload.as_str().to_owned()],
        machine: None,
        expires_at: Some(now + Duration::days(1)),
    };
    let (id, secret) = tokens::create(&mut connection, &wish, now).await?;
    drop(connection);
    let request = Request::post(format!("/api/v1/import?from_line={}", arguments.from_line))
        .header(header::AUTHORIZATION, format!("Bearer {}", secret.expose()))
        .header(header::CONTENT_TYPE, "application/x-ndjson")
        .body(Body::from_stream(chunks))?;
    let blobs = arguments.database.data_dir.join("blobs");
    let response = router(database, &blobs).await?.oneshot(request).await?;
    let answer = read(response).await;
    bar.finish_and_clear();
    let mut connection = database.pool.acquire().await?;
    tokens::revoke(&mut connection, id, Clock::System.now()).await?;
    answer
}

/// The API on this database. Its blobs are not used by imports.
async fn router(database: &Database, blobs: &Path) -> Result<axum::Router> {
    let pool = database.pool.clone();
    let blobs = Blobs::open(blobs, Clock::System).await?;
    let notifier = Notifier::start(pool.clone());
    let services = Services {
        ingest: Ingest::start(pool.clone(), blobs.clone(), Clock::System, notifier.clone()),
        pool,
        blobs,
        notifier,
        clock: Clock::System,
        metrics: telemetry::metrics()?,
    };
    // A file may take as long as it takes, and a pipe may be silent.
    let settings = Settings {
        body_idle: std::time::Duration::from_hours(1),
        body_deadline: std::time::Duration::from_hours(24),
        ..Settings::default()
    };
    Ok(api::router(AppState::new(services, settings)))
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

/// The answer, or the sentence of the problem that was answered.
async fn read(response: Response<Body>) -> Result<ImportAnswer> {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), LARGEST_ANSWER).await?;
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).context("the answer cannot be read");
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("{}", problem.detail),
        Err(_) => bail!("the import was answered with {status}"),
    }
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
