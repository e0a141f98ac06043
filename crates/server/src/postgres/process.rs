//! The running `postgres` and the thread that it hangs on.
//!
//! Linux can signal a child when its parent ends (`PR_SET_PDEATHSIG`), and for the kernel the parent is the *thread*
//! that made it. So Postgres is started from a thread that does nothing else and lives until Postgres has ended. When
//! this program ends by whatever means, the thread ends, and Postgres gets SIGINT, its "fast shutdown".

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use super::account::Account;
use super::binaries::Binaries;
use super::cluster::as_whom;
use super::place::Place;

/// How long a start may take; recovery after a power cut counts too.
const START_LIMIT: Duration = Duration::from_mins(2);

/// How long a fast shutdown may take before it is made an immediate one.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How often we look whether Postgres is ready or has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often we look whether a Postgres that runs has ended by itself.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// A log longer than this is started anew.
const LONGEST_LOG: u64 = 8 << 20;

/// What is needed to start `postgres`.
pub(super) struct Launch {
    command: Command,
    program: PathBuf,
    whom: String,
    pid_file: PathBuf,
    log: PathBuf,
}

impl Launch {
    /// The command for the cluster at `place`.
    pub(super) fn new(
        place: &Place,
        binaries: &Binaries,
        account: &Account,
        settings: &[(String, String)],
    ) -> Self {
        let program = binaries.program("postgres");
        let socket_dir = place.socket_dir().to_string_lossy().into_owned();
        let mut command = account.command(&program, place.home());
        command.arg("-D").arg(place.cluster());
        for (name, value) in [
            ("listen_addresses", ""),
            ("unix_socket_directories", &socket_dir),
            ("unix_socket_permissions", "0700"),
            ("port", "5432"),
            ("fsync", "on"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            // Our queries take milliseconds; compiling them would take longer than running them.
            ("jit", "off"),
        ]
        .into_iter()
        .chain(
            settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        ) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        Self {
            command,
            program,
            whom: as_whom(account),
            pid_file: place.cluster().join("postmaster.pid"),
            log: place.log(),
        }
    }
}

/// A running `postgres`. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Running {
    pid: u32,
    stop: SyncSender<()>,
    ended: watch::Receiver<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// The process id of the postmaster.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Becomes true when Postgres has ended.
    pub(super) fn ended(&self) -> watch::Receiver<bool> {
        self.ended.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that the thread has ended already.
        let _ended = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Starts Postgres on a thread of its own and waits until it takes connections.
pub(super) fn start(launch: Launch) -> Result<Running> {
    let (report, started) = mpsc::sync_channel(1);
    let (stop, stopped) = mpsc::sync_channel(1);
    let (ended_sender, ended) = watch::channel(false);
    let thread = thread::Builder::new()
        .name("postgres".to_owned())
        .spawn(move || {
            match spawn_ready(launch) {
                Ok(mut child) => {
                    let _gone = report.send(Ok(child.id()));
                    attend(&mut child, &stopped);
                }
                Err(error) => {
                    let _gone = report.send(Err(error));
                }
            }
            ended_sender.send_replace(true);
        })
        .context("cannot start a thread")?;
    let pid = started.recv().context("the thread of Postgres died")??;
    Ok(Running {
        pid,
        stop,
        ended,
        thread: Some(thread),
    })
}

/// Starts Postgres and waits until its note says `ready`.
fn spawn_ready(mut launch: Launch) -> Result<Child> {
    let log_start = open_log(&mut launch)?;
    die_with_this_thread(&mut launch.command);
    // A group of its own, so that Ctrl-C in the terminal reaches us first and Postgres stops last.
    launch.command.process_group(0);
    let mut child = launch
        .command
        .spawn()
        .with_context(|| format!("cannot run {}{}", launch.program.display(), launch.whom))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            bail!(
                "Postgres ended at once ({status}): {}",
                log_since(&launch.log, log_start)
            );
        }
        if is_ready(&launch.pid_file, child.id()) {
            return Ok(child);
        }
        if started.elapsed() > START_LIMIT {
            shut_down(&mut child);
            bail!(
                "Postgres was not ready after {} s: {}",
                START_LIMIT.as_secs(),
                log_since(&launch.log, log_start)
            );
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Lets the kernel stop the child when this thread ends.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "only between fork and exec can the child ask for its parent's death signal"
)]
fn die_with_this_thread(command: &mut Command) {
    let parent = rustix::process::getpid();
    let hook = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::INT))?;
        // We may have died before the request was made: then there is a new parent and no signal would come.
        if rustix::process::getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(
                rustix::io::Errno::SRCH.raw_os_error(),
            ))
        }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The hook makes two plain system calls
    // (prctl, getppid) and takes no lock and no memory. std runs it after it has changed the user, which matters
    // because a change of user forgets the death signal.
    unsafe { command.pre_exec(hook) };
}

/// Other systems have no such signal: after a hard kill Postgres runs on until the next start finds it.
#[cfg(not(target_os = "linux"))]
fn die_with_this_thread(_command: &mut Command) {}

/// Directs the output of Postgres into its log; gives where the new part begins.
fn open_log(launch: &mut Launch) -> Result<u64> {
    let too_long = fs::metadata(&launch.log).is_ok_and(|metadata| metadata.len() > LONGEST_LOG);
    if too_long {
        fs::remove_file(&launch.log)?;
    }
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&launch.log)
        .with_context(|| format!("cannot open {}", launch.log.display()))?;
    let start = log.metadata()?.len();
    launch
        .command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(start)
}

/// What Postgres wrote since `start`, at most the last 2,000 characters.
fn log_since(log: &Path, start: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let text = String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned();
    let skip = text.chars().count().saturating_sub(2_000);
    text.trim().chars().skip(skip).collect()
}

/// Whether the postmaster's note is of `pid` and its eighth line says `ready`.
fn is_ready(pid_file: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(pid_file) else {
        return false;
    };
    let mut lines = text.lines();
    let of_child = lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid);
    of_child && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// Waits for the wish to stop or for Postgres to end by itself.
fn attend(child: &mut Child, stopped: &Receiver<()>) {
    loop {
        match stopped.recv_timeout(WATCH_EVERY) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                let status = shut_down(child);
                tracing::info!(?status, "the embedded Postgres has stopped");
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Ok(Some(status)) = child.try_wait() {
            tracing::error!(%status, "the embedded Postgres ended by itself");
            return;
        }
    }
}

/// Fast shutdown, then an immediate one, then none at all.
fn shut_down(child: &mut Child) -> Option<ExitStatus> {
    for signal in [Signal::INT, Signal::QUIT] {
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _gone = kill_process(pid, signal);
        }
        let asked = Instant::now();
        while asked.elapsed() < STOP_LIMIT {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            thread::sleep(LOOK_EVERY);
        }
        tracing::warn!("Postgres does not stop; asking harder");
    }
    let _gone = child.kill();
    child.wait().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_note_of_our_own_child_counts_as_ready() {
        let directory = tempfile::tempdir().unwrap();
        let note = directory.path().join("postmaster.pid");
        assert!(!is_ready(&note, 42));
        fs::write(
            &note,
            "42\n/data\n1700000000\n5432\n/socket\n\n  1234  5\nstarting\n",
        )
        .unwrap();
        assert!(!is_ready(&note, 42));
        fs::write(
            &note,
            "42\n/data\n1700000000\n5432\n/socket\n\n  1234  5\nready   \n",
        )
        .unwrap();
        assert!(is_ready(&note, 42));
        assert!(!is_ready(&note, 43));
    }

    #[test]
    fn only_the_new_part_of_the_log_is_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("postgres.log");
        fs::write(&log, "old\nnew\n").unwrap();
        assert_eq!(log_since(&log, 4), "new");
        assert_eq!(log_since(&log, 400), "");
    }
}
