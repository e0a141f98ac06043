//! Where the cluster and its socket are on disk.

use std::fs::{self, DirBuilder};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::account::Account;

/// What Postgres adds to the socket directory.
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// Bytes that a Unix socket's path may have.
const LONGEST_SOCKET_PATH: usize = 107;

/// Where clusters go that cannot be in their data directory.
const ELSEWHERE: &str = "/var/lib/stopcode";

/// The directories of one cluster.
#[derive(Debug)]
pub(super) struct Place {
    home: PathBuf,
    socket_dir: PathBuf,
}

impl Place {
    /// Makes the private directories of the cluster of `data_dir` for `account`.
    pub(super) fn prepare(data_dir: &Path, account: &Account) -> Result<Self> {
        let home = choose_home(data_dir, account)?;
        make_private(&home, account)?;
        let socket_dir = choose_socket_dir(&home, account)?;
        Ok(Self { home, socket_dir })
    }

    /// The private directory that holds everything.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// What Postgres calls its data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Where `initdb` works before the cluster gets its name.
    pub(super) fn incomplete(&self) -> PathBuf {
        self.home.join("data.incomplete")
    }

    /// What Postgres wrote.
    pub(super) fn log(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    /// The directory of the socket.
    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(SOCKET_NAME)
    }

    /// The major version that made the cluster, or `None` if there is none yet.
    pub(super) fn cluster_version(&self) -> Result<Option<u32>> {
        let path = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().parse().with_context(|| {
                format!("{} does not hold a version: {text:?}", path.display())
            })?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The address of a database, for sqlx and libpq.
    pub(super) fn url(&self, role: &str, database: &str) -> String {
        format!(
            "postgres://{role}@localhost/{database}?host={}",
            percent_encoded(&self.socket_dir.to_string_lossy())
        )
    }
}

impl Drop for Place {
    /// Removes the short directory of the socket; it is not empty if Postgres was not stopped.
    fn drop(&mut self) {
        if self.socket_dir != self.home {
            let _in_use = fs::remove_dir(&self.socket_dir);
        }
    }
}

/// Makes the data directory so that the account of the cluster can pass it (not list it).
///
/// # Errors
///
/// When it cannot be made or entered.
pub(super) fn make_data_dir(data_dir: &Path) -> Result<()> {
    let root = rustix::process::geteuid().is_root();
    DirBuilder::new()
        .recursive(true)
        .mode(if root { 0o711 } else { 0o700 })
        .create(data_dir)
        .with_context(|| format!("cannot make the data directory {}", data_dir.display()))?;
    let metadata = fs::metadata(data_dir)?;
    ensure!(metadata.is_dir(), "{} is not a directory", data_dir.display());
    if root && metadata.uid() == 0 && metadata.mode() & 0o011 != 0o011 {
        let mode = metadata.mode() & 0o7777 | 0o011;
        fs::set_permissions(data_dir, fs::Permissions::from_mode(mode))
            .with_context(|| format!("cannot open {} for the cluster's account", data_dir.display()))?;
    }
    Ok(())
}

/// `postgres` in the data directory, or a directory of our own where `account` can reach it.
fn choose_home(data_dir: &Path, account: &Account) -> Result<PathBuf> {
    let inside = data_dir.join("postgres");
    if !account.is_switched() {
        return Ok(inside);
    }
    let Some(blocked) = account.blocked_at(&inside) else {
        return Ok(inside);
    };
    let elsewhere = Path::new(ELSEWHERE).join(short_name(data_dir));
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(ELSEWHERE)
        .with_context(|| format!("cannot make {ELSEWHERE}"))?;
    if let Some(wall) = account.blocked_at(&elsewhere) {
        bail!(
            "the account {} can enter neither {} nor {}; choose another --data-dir",
            account.name,
            blocked.display(),
            wall.display()
        );
    }
    tracing::warn!(
        "the account {} cannot pass {}, so the database is kept in {}",
        account.name,
        blocked.display(),
        elsewhere.display()
    );
    Ok(elsewhere)
}

/// The home itself when the socket's path fits, else a short private directory.
fn choose_socket_dir(home: &Path, account: &Account) -> Result<PathBuf> {
    if fits(home) {
        return Ok(home.to_owned());
    }
    let name = format!("stopcode-{}-{}", account.uid, short_name(home));
    let runtime = (!account.is_switched())
        .then(|| std::env::var_os("XDG_RUNTIME_DIR"))
        .flatten()
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.is_dir());
    for parent in runtime.into_iter().chain([PathBuf::from("/tmp")]) {
        let directory = parent.join(&name);
        if fits(&directory) && make_private(&directory, account).is_ok() {
            return Ok(directory);
        }
    }
    bail!(
        "the socket's path below {} would be longer than {LONGEST_SOCKET_PATH} bytes and no short private directory \
         could be made in /tmp; choose a shorter --data-dir",
        home.display()
    )
}

fn fits(directory: &Path) -> bool {
    directory.join(SOCKET_NAME).as_os_str().len() <= LONGEST_SOCKET_PATH
}

/// Makes a directory that only `account` may enter; refuses one that belongs to somebody else.
fn make_private(directory: &Path, account: &Account) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => account.own(directory)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", directory.display())),
    }
    // Without following links: in /tmp somebody else might have been first.
    let metadata = fs::symlink_metadata(directory)?;
    ensure!(metadata.is_dir(), "{} is not a directory", directory.display());
    if metadata.uid() == 0 && account.is_switched() {
        // Ours, left by a start that was cut short between making and giving away.
        account.own(directory)?;
    } else {
        ensure!(
            metadata.uid() == account.uid,
            "{} belongs to another account (uid {}); run the server as that account, name it with --pg-user, or \
             choose another --data-dir",
            directory.display(),
            metadata.uid()
        );
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// A name for `path` that stays the same for ever: FNV-1a in hex. (std's hashers may change with the compiler.)
fn short_name(path: &Path) -> String {
    let hash = path
        .as_os_str()
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

/// Everything but letters, digits and `/-._` as `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"/-._".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_data_directory_gets_its_socket_in_a_short_private_one() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("d".repeat(120));
        let account = Account::choose(Some("nobody")).unwrap();
        let chosen = choose_socket_dir(&deep, &account).unwrap();
        assert!(fits(&chosen), "{}", chosen.display());
        assert_eq!(fs::metadata(&chosen).unwrap().mode() & 0o777, 0o700);
        fs::remove_dir(chosen).unwrap();
    }

    #[test]
    fn an_address_escapes_what_a_path_may_hold() {
        let place = Place {
            home: PathBuf::from("/srv/my data"),
            socket_dir: PathBuf::from("/srv/my data?&"),
        };
        assert_eq!(
            place.url("stopcode", "stopcode"),
            "postgres://stopcode@localhost/stopcode?host=/srv/my%20data%3F%26"
        );
    }
}
