//! Makes a cluster, and waits for what is left of an earlier server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::ROLE;
use super::account::Account;
use super::binaries::Binaries;
use super::place::Place;

/// After this long an orphan is asked to stop: the kernel's signal may have missed it.
const ASK_AFTER: Duration = Duration::from_secs(5);

/// After this long an orphan is told to stop at once; its cluster recovers from the log at the next start.
const FORCE_AFTER: Duration = Duration::from_secs(20);

/// After this long we give up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(40);

/// Makes the cluster if it is not there.
///
/// `initdb` works under another name first, so that a start that was cut short never leaves half a cluster.
pub(super) fn ensure(
    place: &Place,
    binaries: &Binaries,
    account: &Account,
    settings: &[(String, String)],
) -> Result<()> {
    if place.cluster_version()?.is_some() {
        return Ok(());
    }
    ensure!(
        !place.cluster().exists(),
        "{} is there but is not a Postgres cluster",
        place.cluster().display()
    );
    tracing::info!(
        postgres.version = binaries.major(),
        "making the database cluster in {}",
        place.home().display()
    );
    // Without fsync there is nothing to sync for.
    let sync = !settings
        .iter()
        .any(|(name, value)| name == "fsync" && value == "off");
    let first = initdb(place, binaries, account, "C.UTF-8", sync)?;
    if let Err(text) = first {
        // macOS and old C libraries know no C.UTF-8.
        if !text.contains("invalid locale") {
            bail!(explained(&text));
        }
        if let Err(text) = initdb(place, binaries, account, "C", sync)? {
            bail!(explained(&text));
        }
    }
    fs::rename(place.incomplete(), place.cluster()).context("cannot give the new cluster its name")?;
    Ok(())
}

/// Runs `initdb`; the inner error is what it wrote.
fn initdb(
    place: &Place,
    binaries: &Binaries,
    account: &Account,
    locale: &str,
    sync: bool,
) -> Result<Result<(), String>> {
    let directory = place.incomplete();
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", directory.display()));
        }
        _ => {}
    }
    let program = binaries.program("initdb");
    let mut command = account.command(&program, place.home());
    command
        .args(["--username", ROLE, "--encoding", "UTF8", "--locale", locale])
        .args(["--data-checksums", "--auth-local=trust", "--auth-host=reject"])
        .arg("--pgdata")
        .arg(&directory);
    if !sync {
        command.arg("--no-sync");
    }
    let output = command
        .output()
        .with_context(|| format!("cannot run {}{}", program.display(), as_whom(account)))?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// ` as <account>` when it is not ourselves.
pub(super) fn as_whom(account: &Account) -> String {
    if account.is_switched() {
        format!(" as {}", account.name)
    } else {
        String::new()
    }
}

/// What `initdb` wrote, with advice where we know some.
fn explained(stderr: &str) -> String {
    let stderr = stderr.trim();
    if stderr.contains("could not look up effective user ID") {
        return format!(
            "Postgres needs a line in /etc/passwd for the account it runs as, and user id {} has none: add one, start \
             the container with a named user, or give a database with DATABASE_URL ({stderr})",
            rustix::process::geteuid().as_raw()
        );
    }
    format!("initdb failed: {stderr}")
}

/// Waits until no process works in the cluster any more.
///
/// When the server is killed hard, the kernel tells Postgres to stop, and that takes a moment. We hold the data
/// directory's lock, so whoever works in the cluster now is such an orphan.
pub(super) fn wait_for_orphans(place: &Place) -> Result<()> {
    let cluster = place.cluster();
    let started = Instant::now();
    let mut said = false;
    loop {
        let orphans = processes_in(&cluster);
        if orphans.is_empty() {
            break;
        }
        if !said {
            tracing::info!("waiting for the Postgres of a killed server to stop");
            said = true;
        }
        let waited = started.elapsed();
        if waited > GIVE_UP_AFTER {
            bail!("processes {orphans:?} of an earlier Postgres do not stop; end them and start again");
        } else if waited > FORCE_AFTER {
            signal_postmaster(&cluster, &orphans, Signal::QUIT);
        } else if waited > ASK_AFTER {
            signal_postmaster(&cluster, &orphans, Signal::INT);
        }
        thread::sleep(Duration::from_millis(50));
    }
    remove_stale_notes(place)
}

/// Removes the notes of a postmaster that is gone: in the cluster, and beside its socket.
///
/// Postgres does this by itself unless the old process id lives again as something else, which is common in
/// containers where ids are small, or is a zombie. Only where `/proc` has shown that nobody works in the cluster.
fn remove_stale_notes(place: &Place) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let socket = place.socket();
    for path in [
        socket.with_extension("5432.lock"),
        socket,
        place.cluster().join("postmaster.pid"),
    ] {
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!("removed {}, which a killed Postgres left behind", path.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot remove {}", path.display())),
        }
    }
    Ok(())
}

/// The processes whose working directory is `cluster`: every process of a Postgres, and nothing else.
///
/// Empty where there is no `/proc`.
fn processes_in(cluster: &Path) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let directory: PathBuf = fs::read_link(entry.path().join("cwd")).ok()?;
            (directory == cluster).then_some(id)
        })
        .collect()
}

/// Sends `signal` to the postmaster, whose id is in its own note, or to all when the note is gone.
fn signal_postmaster(cluster: &Path, orphans: &[i32], signal: Signal) {
    let postmaster: Option<i32> = fs::read_to_string(cluster.join("postmaster.pid"))
        .ok()
        .and_then(|text| text.lines().next()?.trim().parse().ok())
        .filter(|id| orphans.contains(id));
    for id in orphans
        .iter()
        .filter(|id| postmaster.is_none_or(|wanted| **id == wanted))
    {
        if let Some(pid) = Pid::from_raw(*id) {
            // It may have ended meanwhile.
            let _gone = kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_passwd_entry_is_explained() {
        let text =
            explained("initdb: error: could not look up effective user ID 12345: user does not exist\n");
        assert!(
            text.contains("/etc/passwd") && text.contains("DATABASE_URL"),
            "{text}"
        );
    }

    #[test]
    fn a_process_is_found_by_the_directory_it_works_in() {
        let here = std::env::current_dir().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(processes_in(&here).contains(&own));
    }
}
