//! The embedded Postgres, really started: as whoever runs the tests, and, when that is root, as a normal user too.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use server::postgres::{EmbeddedPostgres, Options};
use sqlx::{ConnectOptions, Connection};

/// Where the tests, run for another account, find the program.
const PROGRAM: &str = "STOPCODE_TEST_PROGRAM";

fn options(data_dir: &Path) -> Options {
    Options {
        data_dir: data_dir.to_owned(),
        ..Options::default()
    }
}

/// A directory that the account of the cluster can reach.
fn reachable_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

async fn query(url: &str, sql: &'static str) -> String {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    let value = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    value
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "waited too long until {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process of this id is there and not a zombie.
fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|text| !text.contains(") Z "))
}

/// The program to be killed: as it was built, or the copy for another account.
fn program() -> PathBuf {
    std::env::var_os(PROGRAM).map_or_else(|| env!("CARGO_BIN_EXE_stopcode").into(), PathBuf::from)
}

/// Starts the real server on `data_dir` and waits for the postmaster's id.
fn start_server(data_dir: &Path) -> (Child, u32) {
    let child = Command::new(program())
        .args(["serve", "--no-worker", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let note = data_dir.join("postgres/data/postmaster.pid");
    let mut pid = None;
    wait_until("Postgres is ready", || {
        let text = fs::read_to_string(&note).unwrap_or_default();
        let is_ready = text.lines().any(|line| line.trim() == "ready");
        pid = text.lines().next().and_then(|first| first.trim().parse().ok());
        is_ready && pid.is_some()
    });
    (child, pid.expect("waited for"))
}

#[tokio::test]
async fn a_cluster_starts_keeps_its_data_and_stops() {
    let directory = reachable_directory();
    let data_dir = directory.path().join("data");
    let postgres = EmbeddedPostgres::start(&options(&data_dir)).unwrap();
    let url = postgres.create_database("fleet").await.unwrap();
    assert_eq!(query(&url, "SELECT current_setting('fsync')").await, "on");
    assert_eq!(
        query(&url, "SELECT current_setting('listen_addresses')").await,
        ""
    );
    let pid = postgres.pid();
    postgres.stop();
    assert!(!is_alive(pid));

    let again = EmbeddedPostgres::start(&options(&data_dir)).unwrap();
    let url = again.create_database("fleet").await.unwrap();
    assert_eq!(query(&url, "SELECT current_database()::text").await, "fleet");
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_in_words_and_can_find_the_first() {
    let directory = reachable_directory();
    let first = EmbeddedPostgres::start(&options(directory.path())).unwrap();
    let error = EmbeddedPostgres::start(&options(directory.path()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("another stopcode"), "{error}");
    assert_eq!(
        EmbeddedPostgres::running_in(directory.path()).unwrap(),
        Some(first.url())
    );
}

#[tokio::test]
async fn a_deep_data_directory_works_although_socket_paths_are_short() {
    let directory = reachable_directory();
    let deep = directory.path().join("d".repeat(100));
    let postgres = EmbeddedPostgres::start(&options(&deep)).unwrap();
    let url = postgres.create_database("fleet").await.unwrap();
    assert_eq!(query(&url, "SELECT current_database()::text").await, "fleet");
}

#[test]
fn a_cluster_of_another_version_is_refused_and_left_alone() {
    let directory = reachable_directory();
    EmbeddedPostgres::start(&options(directory.path()))
        .unwrap()
        .stop();
    let version = directory.path().join("postgres/data/PG_VERSION");
    fs::write(&version, "9\n").unwrap();
    let error = EmbeddedPostgres::start(&options(directory.path()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("made by Postgres 9"), "{error}");
    assert_eq!(fs::read_to_string(&version).unwrap(), "9\n");
}

#[cfg(target_os = "linux")]
#[test]
fn postgres_goes_when_its_server_is_killed_and_the_next_start_is_clean() {
    let directory = reachable_directory();
    let (mut server, pid) = start_server(directory.path());
    assert!(is_alive(pid));
    server.kill().unwrap();
    server.wait().unwrap();
    // At once, while the orphan may still be shutting down.
    let postgres = EmbeddedPostgres::start(&options(directory.path())).unwrap();
    assert_ne!(postgres.pid(), pid);
    wait_until("the orphan has gone", || !is_alive(pid));
}

#[cfg(target_os = "linux")]
#[test]
fn a_postmaster_that_was_killed_too_is_recovered_although_its_id_lives_again() {
    let directory = reachable_directory();
    let (mut server, pid) = start_server(directory.path());
    let killed = Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    server.kill().unwrap();
    server.wait().unwrap();
    // The note names a process that lives and is no Postgres: this one.
    let note = directory.path().join("postgres/data/postmaster.pid");
    wait_until("the postmaster has gone", || !is_alive(pid));
    let text = fs::read_to_string(&note).unwrap();
    fs::write(
        &note,
        text.replacen(&pid.to_string(), &std::process::id().to_string(), 1),
    )
    .unwrap();
    EmbeddedPostgres::start(&options(directory.path())).unwrap();
}

#[test]
fn a_temporary_cluster_leaves_nothing_behind() {
    let postgres = EmbeddedPostgres::start_temporary(&Options::default()).unwrap();
    let url = postgres.url();
    let home = PathBuf::from(url.split_once("host=").unwrap().1);
    assert!(home.exists());
    postgres.stop();
    assert!(!home.exists(), "{}", home.display());
}

/// Runs the tests above once more as `nobody` when they run as root.
#[cfg(target_os = "linux")]
#[test]
fn all_of_this_works_for_a_normal_user_too() {
    if !is_root() || Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("skipped: not root, or no setpriv");
        return;
    }
    // The build directory may be closed to other accounts.
    let directory = reachable_directory();
    let copy_of = |program: &Path, name: &str| {
        let copy = directory.path().join(name);
        fs::copy(program, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        copy
    };
    let copy = copy_of(&std::env::current_exe().unwrap(), "tests");
    let program = copy_of(&program(), "stopcode");
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .args(["--skip", "all_of_this_works_for_a_normal_user_too"])
        .env(PROGRAM, program)
        .current_dir("/")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Whether the tests run as root, told by whom `/proc/self` belongs to.
#[cfg(target_os = "linux")]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
