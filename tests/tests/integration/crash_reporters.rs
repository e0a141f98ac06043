//! Crash reporters as they come: a browser that really crashes, and the crashpad handler that its package carries.
//!
//! Skipped with a message where Debian's `chromium` is not installed, unless `STOPCODE_REQUIRE_CHROMIUM=1` says that it
//! must be there.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::Server;
use tokio::process::{Child, Command};

const BROWSER: &str = "/usr/bin/chromium";
const HANDLER: &str = "/usr/lib/chromium/chrome_crashpad_handler";

/// How long a browser may take to start, to crash, or to have its crash sent.
const PATIENCE: Duration = Duration::from_mins(1);

/// `database/settings.dat` with uploads allowed, as Crashpad lays it out: magic, version, options (bit 0: uploads),
/// padding, time of the last upload, and the client's id.
fn uploads_allowed() -> Vec<u8> {
    let mut settings = b"sdPC".to_vec();
    settings.extend(1_u32.to_le_bytes());
    settings.extend(1_u32.to_le_bytes());
    settings.extend(0_u32.to_le_bytes());
    settings.extend(0_u64.to_le_bytes());
    settings.extend([0x5c; 16]);
    settings
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn is_installed() -> bool {
    let installed = Path::new(BROWSER).exists() && Path::new(HANDLER).exists();
    let required = std::env::var_os("STOPCODE_REQUIRE_CHROMIUM").is_some_and(|value| value == "1");
    assert!(installed || !required, "chromium is required and not installed");
    if !installed {
        eprintln!("skipped: {BROWSER} and {HANDLER} are not installed");
    }
    installed
}

/// A browser without a window whose crash database lies below `home`.
fn browser(home: &Path) -> Child {
    Command::new(BROWSER)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args(["--enable-crash-reporter", "--remote-debugging-port=0"])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .arg("about:blank")
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .process_group(0)
        .spawn()
        .unwrap()
}

/// A process that draws pages for the browser with this home.
fn renderer(home: &Path) -> Option<String> {
    let profile = home.join("profile").display().to_string();
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let is_ours = line.contains("--type=renderer") && line.contains(&profile);
        is_ours.then(|| entry.file_name().to_string_lossy().into_owned())
    })
}

/// The dump that the browser's own handler wrote below `home`.
fn pending(home: &Path) -> Option<PathBuf> {
    let folder = home.join(".config/chromium/Crash Reports/pending");
    let mut entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let dump = entries.find(|path| path.extension().is_some_and(|extension| extension == "dmp"))?;
    // It is written under this name, and its data come with it when it is whole.
    dump.with_extension("meta").exists().then_some(dump)
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn signal(signal: &str, process: &str) {
    let sent = std::process::Command::new("kill")
        .args([signal, "--", process])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Crashes a browser and gives what its handler left to be sent.
async fn crash_a_browser(home: &Path) -> PathBuf {
    let mut browser = browser(home);
    let victim = until("a renderer", || renderer(home)).await;
    // A renderer can be told apart a moment before it has its signal handlers.
    tokio::time::sleep(Duration::from_secs(2)).await;
    signal("-SEGV", &victim);
    let dump = until("a dump", || pending(home)).await;
    signal("-KILL", &format!("-{}", browser.id().unwrap()));
    browser.wait().await.unwrap();
    dump
}

/// Runs the handler on a crash database until it has sent what is pending.
async fn send(database: &Path, url: &str) {
    fs::write(database.join("settings.dat"), uploads_allowed()).unwrap();
    // The handler ends when its client does.
    let (client, handlers_end) = UnixStream::pair().unwrap();
    let mut handler = Command::new(HANDLER)
        .arg(format!("--database={}", database.display()))
        .arg(format!("--url={url}"))
        .args(["--initial-client-fd=0", "--no-rate-limit"])
        .stdin(Stdio::from(OwnedFd::from(handlers_end)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let completed = database.join("completed");
    let _sent = until("an upload", || fs::read_dir(&completed).ok()?.next()).await;
    drop(client);
    handler.wait().await.unwrap();
}

async fn only_crash(server: &Server) -> Value {
    let admin = server.admin();
    let begun = Instant::now();
    loop {
        let crashes = admin.json("/api/v1/crashes").await;
        if let Some(crash) = crashes["items"].as_array().unwrap().first() {
            return crash.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "no crash came\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_browser_that_crashes_is_sent_by_its_own_crashpad_handler() {
    if !is_installed() {
        return;
    }
    let server = Server::start().await;
    let admin = server.admin();
    let key = admin.token("upload").await;
    let home = tempfile::tempdir().unwrap();

    let dump = crash_a_browser(home.path()).await;
    let bytes = fs::read(&dump).unwrap();
    let database = dump.parent().unwrap().parent().unwrap();
    send(
        database,
        &format!("{}/api/minidump?machine=desk-7&key={key}", server.base()),
    )
    .await;

    let crash = only_crash(&server).await;
    assert_eq!(
        (&crash["kind"], &crash["machine"]),
        (&"user".into(), &"desk-7".into()),
        "{crash}"
    );
    let sent = admin
        .json(&format!("/api/v1/dumps/{}", crash["dump_id"].as_str().unwrap()))
        .await;
    assert_eq!(sent["size_bytes"], bytes.len(), "{sent}");
    assert_eq!(sent["format"], "user-minidump");
    let told = (&sent["annotations"]["prod"], &sent["annotations"]["ptype"]);
    assert_eq!(told, (&"Chrome_Linux".into(), &"renderer".into()), "{sent}");
    let detail = admin
        .json(&format!("/api/v1/crashes/{}", crash["id"].as_str().unwrap()))
        .await;
    let frames = detail["frames"].as_array().unwrap();
    assert!(!frames.is_empty(), "{detail}");
    assert!(!server.log().contains(&key), "a log shows the key");
}
