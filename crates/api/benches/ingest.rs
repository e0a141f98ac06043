//! How fast dumps are taken durably, compared with the least that any server must do.
//!
//! Two servers run in this process, against one Postgres and one disk: a bare axum handler that hashes the body,
//! writes and syncs one file and inserts one row; and the real router's `POST /api/v1/dumps`. Eight clients send
//! dumps of 256 KiB over kept-alive connections. The two sides take turns, five times, because absolute rates of
//! `fsync` depend on what else the machine does; only the ratios mean anything. Beside each rate stands what one upload
//! cost all processors, in everything that ran (clients, server, Postgres, kernel): where the ratio of the rates is
//! lower than that of the costs, the slower side waits.
//!
//! ```text
//! DATABASE_URL=postgres://… cargo bench -p api --bench ingest \
//!     [-- --database-url URL --folder DIR --uploads 1000 --rounds 5]
//! ```
//!
//! `DIR` lies on the disk to be measured, by default the one with the build. In it a folder of its own is made, and in
//! that Postgres a database; both go at the end. On ext4 a new file passes over inodes that were deleted near it in the
//! last five minutes, one by one: leave so long between two runs.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use api::{AppState, Services, Settings};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use metrics_exporter_prometheus::PrometheusBuilder;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use store::blobs::Blobs;
use store::ingest::Ingest;
use store::tokens::{self, NewToken};
use store::wakeup::Notifier;
use store::{Clock, MIGRATOR};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};
use uuid::Uuid;

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const CLIENTS: usize = 8;
const DUMP_BYTES: usize = 256 << 10;
const CONNECTIONS: u32 = 16;

struct Wish {
    database_url: String,
    folder: PathBuf,
    uploads: usize,
    rounds: usize,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let Some(wish) = wish()? else {
        println!("set DATABASE_URL or pass --database-url to run this benchmark");
        return Ok(());
    };
    let server = PgConnectOptions::from_str(&wish.database_url)?;
    let name = format!("stopcode_bench_{}", std::process::id());
    let mut admin = PgConnection::connect_with(&server).await?;
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut admin)
        .await?;
    let url = server.database(&name).to_url_lossy();
    let outcome = run(&wish, url.as_str()).await;
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
        .execute(&mut admin)
        .await?;
    outcome
}

/// What the command line asks for; `None` without a database. `--bench` comes from cargo.
fn wish() -> Outcome<Option<Wish>> {
    let mut database_url = std::env::var("DATABASE_URL").ok();
    let mut folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (mut uploads, mut rounds) = (1000, 5);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--database-url" => database_url = Some(value()?),
            "--folder" => folder = PathBuf::from(value()?),
            "--uploads" => uploads = value()?.parse()?,
            "--rounds" => rounds = value()?.parse()?,
            _ => {}
        }
    }
    Ok(database_url.map(|database_url| Wish {
        database_url,
        folder,
        uploads,
        rounds,
    }))
}

async fn run(wish: &Wish, url: &str) -> Outcome<()> {
    let pool = store::connect(url, CONNECTIONS).await?;
    MIGRATOR.run(&pool).await?;
    sqlx::query("CREATE TABLE bare (sha256 bytea PRIMARY KEY, size_bytes bigint NOT NULL)")
        .execute(&pool)
        .await?;
    let folder = wish.folder.join(format!("ingest-{}", std::process::id()));
    tell_what_it_runs_on(&pool, &folder).await?;
    let token = upload_token(&pool).await?;
    // Not counted: connections are opened, statements prepared, and the file system finds room for the folders.
    for is_ours in [true, false] {
        side(is_ours, &pool, &folder, &token, wish.uploads).await?;
    }
    let mut ratios = Vec::new();
    for round in 0..wish.rounds {
        let ours_first = round % 2 == 1;
        let (mut bare, mut ours) = (Speed::default(), Speed::default());
        for is_ours in [ours_first, !ours_first] {
            let speed = side(is_ours, &pool, &folder, &token, wish.uploads).await?;
            *(if is_ours { &mut ours } else { &mut bare }) = speed;
        }
        let ratio = ours.rate / bare.rate;
        println!(
            "round {}: bare {bare}   ours {ours}   ratio {ratio:.2}",
            round + 1
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN);
    println!("median ratio {median:.2} (wanted: at least 0.90)");
    pool.close().await;
    // Not between the sides: ext4 walks past inodes deleted in the last seconds, one by one, before it finds a free one.
    fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn tell_what_it_runs_on(pool: &PgPool, folder: &Path) -> Outcome<()> {
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?;
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(pool).await?;
    let cores = std::thread::available_parallelism()?;
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or_default();
    let load = read("/proc/loadavg");
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    println!("{CLIENTS} clients, {} KiB dumps, {build} build", DUMP_BYTES >> 10);
    println!("{cores} cores{cpu}, load {}", load.trim());
    println!("Postgres {version}, fsync {fsync}; blobs in {}", folder.display());
    Ok(())
}

async fn upload_token(pool: &PgPool) -> Outcome<String> {
    let wish = NewToken {
        name: "bench".to_owned(),
        scopes: vec!["upload".to_owned()],
        machine: None,
        expires_at: None,
    };
    let mut conn = pool.acquire().await?;
    let (_, secret) = tokens::create(&mut conn, &wish, Clock::System.now()).await?;
    Ok(secret.expose().to_owned())
}

/// One side of a round, into a folder of its own that it goes on filling from round to round.
async fn side(is_ours: bool, pool: &PgPool, folder: &Path, token: &str, uploads: usize) -> Outcome<Speed> {
    let folder = &folder.join(if is_ours { "ours" } else { "bare" });
    fs::create_dir_all(folder)?;
    let (router, path) = if is_ours {
        (ours(pool, folder).await?, "/api/v1/dumps")
    } else {
        (bare(pool, folder), "/")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let busy_before = busy_ms();
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let head = head(path, token);
        clients.spawn(client(address, head, uploads / CLIENTS));
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    let elapsed = started.elapsed();
    let busy = busy_ms() - busy_before;
    server.abort();
    #[expect(clippy::cast_precision_loss, reason = "some thousand uploads")]
    let sent = (uploads / CLIENTS * CLIENTS) as f64;
    Ok(Speed {
        rate: sent / elapsed.as_secs_f64(),
        busy_ms: busy / sent,
    })
}

/// How fast a side was in a round.
#[derive(Default)]
struct Speed {
    /// Uploads a second.
    rate: f64,
    /// Milliseconds of processor time that the machine spent on an upload.
    busy_ms: f64,
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:5.0}/s {:.2} ms", self.rate, self.busy_ms)
    }
}

/// What all processors have worked since the machine was started, in milliseconds; 0 where there is no `/proc`.
fn busy_ms() -> f64 {
    // Linux counts in hundredths of a second here, whatever its own clock.
    const MS_PER_TICK: f64 = 10.0;
    // The first line: "cpu", then ticks in user, nice, system, idle, iowait, irq and softirq.
    const BUSY: [usize; 5] = [1, 2, 3, 6, 7];
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: &usize| fields.get(*at).and_then(|ticks| ticks.parse::<f64>().ok());
    BUSY.iter().filter_map(ticks).sum::<f64>() * MS_PER_TICK
}

async fn ours(pool: &PgPool, folder: &Path) -> Outcome<Router> {
    let clock = Clock::System;
    let blobs = Blobs::open(folder, clock.clone()).await?;
    let notifier = Notifier::start(pool.clone());
    let services = Services {
        pool: pool.clone(),
        ingest: Ingest::start(pool.clone(), blobs.clone(), clock.clone(), notifier.clone()),
        blobs,
        notifier,
        clock,
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        check_rules: |_| Ok(()),
    };
    Ok(api::router(AppState::new(services, Settings::default())))
}

fn bare(pool: &PgPool, folder: &Path) -> Router {
    Router::new()
        .route("/", post(bare_upload))
        .layer(DefaultBodyLimit::disable())
        .with_state((pool.clone(), folder.to_owned()))
}

/// The least: hash, one file written and synced, one row.
async fn bare_upload(
    State((pool, folder)): State<(PgPool, PathBuf)>,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, String)> {
    let failed = |error: &dyn Error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let sha256: [u8; 32] = Sha256::digest(&body).into();
    let size_bytes = i64::try_from(body.len()).map_err(|error| failed(&error))?;
    let written = spawn_blocking(move || {
        let mut file = File::create(folder.join(hex::encode(sha256)))?;
        file.write_all(&body)?;
        file.sync_all()
    });
    written
        .await
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))?;
    sqlx::query("INSERT INTO bare (sha256, size_bytes) VALUES ($1, $2)")
        .bind(sha256.as_slice())
        .bind(size_bytes)
        .execute(&pool)
        .await
        .map_err(|error| failed(&error))?;
    Ok(StatusCode::CREATED)
}

fn head(path: &str, token: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
         content-type: application/octet-stream\r\ncontent-length: {DUMP_BYTES}\r\n\r\n"
    )
    .into_bytes()
}

/// Sends `count` dumps, one after the other, each different from all others.
async fn client(address: SocketAddr, head: Vec<u8>, count: usize) -> Outcome<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut request = head;
    let unique = request.len() + 0x8000;
    request.extend_from_slice(&dump());
    let mut answer = Vec::new();
    for _ in 0..count {
        let id = Uuid::now_v7();
        request
            .get_mut(unique..unique + 16)
            .ok_or("the dump is too short")?
            .copy_from_slice(id.as_bytes());
        stream.write_all(&request).await?;
        read_answer(&mut stream, &mut answer).await?;
        if !answer.starts_with(b"HTTP/1.1 201") {
            return Err(String::from_utf8_lossy(&answer).into_owned().into());
        }
    }
    Ok(())
}

/// Reads one answer: its head, and as much body as the head says.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Outcome<()> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err("the server hung up".into());
        }
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(Ok(0), |length| length.trim().parse::<usize>())?;
        if answer.len() >= end + 4 + length {
            return Ok(());
        }
    }
}

/// A small kernel dump as far as uploading looks at it: a header, and bytes that do not compress.
fn dump() -> Vec<u8> {
    const DUMP_TYPE_AT: usize = 0xf98;
    const HEADER_BYTES: usize = 0x2000;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes: Vec<u8> = b"PAGE".repeat(HEADER_BYTES / 4);
    while bytes.len() < DUMP_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    for (at, field) in [(4, *b"DU64"), (DUMP_TYPE_AT, 4_u32.to_le_bytes())] {
        if let Some(place) = bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&field);
        }
    }
    bytes
}
