//! The real program, started as a user starts it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Client;

/// The admin token of every server that a test starts.
const ADMIN_TOKEN: &str = "an-admin-token-for-the-tests-only-0123456789";

/// The program's path. This package builds it under a name of its own, so that a test run needs no other build.
pub fn program() -> PathBuf {
    let mut path = std::env::current_exe().expect("this process has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("stopcode-under-test")
}

/// A running server with a data directory and an embedded Postgres of its own.
///
/// Dropping it kills the server hard; [`Server::terminate`] ends it as an operator would.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    data: Data,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Where a server keeps its data: gone with the last server that uses it.
#[derive(Debug)]
struct Data {
    folder: TempDir,
}

impl Server {
    /// Starts `serve` on a fresh data directory and waits until it takes uploads.
    pub async fn start() -> Self {
        Self::start_with(&[], &[]).await
    }

    /// Starts `serve` with more arguments and environment variables.
    pub async fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("stopcode-tests-")
            .tempdir()
            .expect("a folder");
        // The embedded Postgres runs as another user when the tests run as root, and must get through.
        open_to_others(folder.path());
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self::launch(Data { folder }, arguments, environment, free_address()).await
    }

    /// Kills the server without warning and starts it again on the same data.
    pub async fn restart_after_kill(mut self) -> Self {
        self.kill().await;
        self.launch_again(free_address()).await
    }

    /// The same on the same address, for clients that know only that one. Somebody else may have taken the address
    /// meanwhile: not for tests.
    pub async fn restart_in_place_after_kill(mut self) -> Self {
        self.kill().await;
        let address = self.address.clone();
        self.launch_again(address).await
    }

    /// Stops the server as an operator would, and starts it again on the same data.
    pub async fn restart(mut self) -> Self {
        self.terminate().await;
        self.launch_again(free_address()).await
    }

    async fn launch_again(self, address: String) -> Self {
        let Server {
            data,
            arguments,
            environment,
            ..
        } = self;
        Self::launch(data, arguments, environment, address).await
    }

    async fn launch(
        data: Data,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
        address: String,
    ) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(data.folder.path().join("server.log"))
            .expect("a log file");
        let child = Command::new(program())
            .arg("serve")
            .args(["--listen", &address])
            .arg("--data-dir")
            .arg(data.folder.path().join("data"))
            .args(&arguments)
            .env("STOPCODE_ADMIN_TOKEN", ADMIN_TOKEN)
            .env_remove("DATABASE_URL")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut server = Server {
            child,
            address,
            data,
            arguments,
            environment,
        };
        server.wait_until_ready().await;
        server
    }

    async fn wait_until_ready(&mut self) {
        let started = Instant::now();
        let http = crate::http();
        loop {
            if let Ok(answer) = http.get(format!("{}/readyz", self.base())).send().await
                && answer.status().is_success()
            {
                return;
            }
            let ended = self.child.try_wait().expect("the child can be asked");
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", self.log());
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "not ready\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client with the admin token.
    pub fn admin(&self) -> Client {
        Client::new(&self.base(), ADMIN_TOKEN)
    }

    /// The server's data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.data.folder.path().join("data")
    }

    /// What is on record in the server's database, newest first: what was done, and to what.
    pub async fn audited(&self) -> Vec<(String, String)> {
        let told = Command::new(program())
            .arg("database-url")
            .arg("--data-dir")
            .arg(self.data_dir())
            .output()
            .await
            .expect("the program runs");
        let url = String::from_utf8(told.stdout).expect("an address");
        let pool = store::connect(url.trim(), 1).await.expect("the database answers");
        let mut conn = pool.acquire().await.expect("a connection");
        let entries = store::audit::list(&mut conn, &store::audit::Filter::default(), None, 100)
            .await
            .expect("a list");
        entries
            .items
            .into_iter()
            .map(|entry| (entry.action, entry.subject))
            .collect()
    }

    /// The one-time link that the server prints a moment after it is ready.
    ///
    /// # Panics
    ///
    /// If it prints none within a minute.
    pub async fn sign_in_link(&self) -> String {
        let started = Instant::now();
        loop {
            let log = self.log();
            // The last line may not be whole yet.
            let whole = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
            let mut words = whole.split_whitespace();
            if let Some(link) = words.find(|word| word.contains("/sign-in?link=")) {
                return link.to_owned();
            }
            assert!(started.elapsed() < Duration::from_mins(1), "no link\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the server has printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.folder.path().join("server.log")).unwrap_or_default()
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// Kills the server without warning.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the server can be killed");
    }

    /// Asks the server to stop, as `kill` or a service manager does, and waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end within 40 seconds or ends with a failure.
    pub async fn terminate(&mut self) {
        let pid = self.pid();
        let asked = std::process::Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status();
        assert!(asked.expect("kill runs").success());
        let ended = tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("still running\n{}", self.log()));
        assert!(status.expect("a status").success(), "{}", self.log());
    }
}

/// An address whose port was free a moment ago.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// Lets other users pass through a folder, without letting them list it.
pub(crate) fn open_to_others(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(folder, permissions).expect("the folder is ours");
}
