//! What the agent is told by its owner: flags, environment, a TOML file, in this order of precedence.
//!
//! The flags and environment are read by the binary (with `clap`); the file and the defaults are here. Every setting
//! of the file has the name of a field of [`Settings`].

mod secret;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

pub use self::secret::Secret;

/// The largest configuration file, in bytes.
const FILE_MOST: u64 = 1 << 20;

/// Settings as they are written: all optional. Flags and environment make one, the file another.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The server, e.g. `https://stopcode.corp.example`.
    pub server: Option<String>,
    /// An enrolment token, or the machine's own token.
    pub token: Option<Secret>,
    /// The machine's id; by default Windows' `MachineGuid`.
    pub machine: Option<String>,
    /// Where the machine stands.
    pub site: Option<String>,
    /// Its update ring.
    pub ring: Option<String>,
    /// A Windows tree other than the machine's own.
    pub root: Option<PathBuf>,
    /// Where the agent keeps its state, token, spool and log.
    pub state_dir: Option<PathBuf>,
    /// An HTTP proxy, e.g. `http://proxy:3128`; by default what the environment says.
    pub proxy: Option<String>,
    /// A file of PEM certificates that are trusted in place of the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// Whether `LiveKernelReports` are collected.
    pub live_kernel_reports: Option<bool>,
    /// Whether `MEMORY.DMP` is looked at; its body is sent only if the server wants it.
    pub memory_dump: Option<bool>,
    /// Whether users' `CrashDumps` are collected. They hold what the users were doing.
    pub user_dumps: Option<bool>,
    /// Further folders to collect `*.dmp` from, as Windows paths.
    pub folders: Option<Vec<String>>,
    /// The most bytes a second that uploads take.
    pub bandwidth_bytes_per_second: Option<u64>,
    /// The longest random wait before the first request of a service that has just started.
    pub jitter_seconds: Option<u64>,
    /// The most bytes that the spool takes.
    pub spool_bytes: Option<u64>,
    /// The largest dump that is sent without the server asking for full dumps, in bytes.
    pub dump_bytes: Option<u64>,
    /// How long a file must not change before it is taken.
    pub steady_seconds: Option<u64>,
    /// How long a dump that is cut short is waited for before it is sent as it is.
    pub patience_seconds: Option<u64>,
    /// How often `once` tries while the server cannot be reached.
    pub attempts: Option<u32>,
    /// Whether the server may have `TrackLockedPages` set on this machine.
    pub allow_track_locked_pages: Option<bool>,
}

impl Settings {
    /// Reads a TOML file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not understood; unknown settings are refused, so that slips show.
    pub fn read(path: &Path) -> Result<Self> {
        let about = || format!("cannot read the configuration {}", path.display());
        ensure!(
            fs::metadata(path).with_context(about)?.len() <= FILE_MOST,
            "{}: too large",
            about()
        );
        let text = fs::read_to_string(path).with_context(about)?;
        // The error is not shown with its source line: that line may be the token.
        let parsed: Result<Self, toml::de::Error> = toml::from_str(text.trim_start_matches('\u{feff}'));
        match parsed {
            Ok(settings) => Ok(settings),
            Err(error) => bail!("{}: {}", about(), error.message()),
        }
    }

    /// These settings, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            server: self.server.or(other.server),
            token: self.token.or(other.token),
            machine: self.machine.or(other.machine),
            site: self.site.or(other.site),
            ring: self.ring.or(other.ring),
            root: self.root.or(other.root),
            state_dir: self.state_dir.or(other.state_dir),
            proxy: self.proxy.or(other.proxy),
            ca_file: self.ca_file.or(other.ca_file),
            live_kernel_reports: self.live_kernel_reports.or(other.live_kernel_reports),
            memory_dump: self.memory_dump.or(other.memory_dump),
            user_dumps: self.user_dumps.or(other.user_dumps),
            folders: self.folders.or(other.folders),
            bandwidth_bytes_per_second: self
                .bandwidth_bytes_per_second
                .or(other.bandwidth_bytes_per_second),
            jitter_seconds: self.jitter_seconds.or(other.jitter_seconds),
            spool_bytes: self.spool_bytes.or(other.spool_bytes),
            dump_bytes: self.dump_bytes.or(other.dump_bytes),
            steady_seconds: self.steady_seconds.or(other.steady_seconds),
            patience_seconds: self.patience_seconds.or(other.patience_seconds),
            attempts: self.attempts.or(other.attempts),
            allow_track_locked_pages: self.allow_track_locked_pages.or(other.allow_track_locked_pages),
        }
    }

    /// The configuration, with defaults where nothing is said.
    ///
    /// # Errors
    ///
    /// When a setting cannot be meant.
    pub fn complete(self) -> Result<Config> {
        if let Some(server) = &self.server {
            ensure!(
                server.starts_with("https://") || server.starts_with("http://"),
                "the server must begin with https:// or http://, it is {server:?}"
            );
        }
        ensure!(
            self.bandwidth_bytes_per_second != Some(0),
            "a bandwidth of 0 would send nothing"
        );
        let seconds = |seconds: Option<u64>, default| Duration::from_secs(seconds.unwrap_or(default));
        Ok(Config {
            server: self.server.map(|server| server.trim_end_matches('/').to_owned()),
            token: self.token,
            machine: self.machine,
            site: self.site,
            ring: self.ring,
            root: self.root,
            state_dir: self.state_dir.unwrap_or_else(default_state_dir),
            proxy: self.proxy,
            ca_file: self.ca_file,
            live_kernel_reports: self.live_kernel_reports.unwrap_or(false),
            memory_dump: self.memory_dump.unwrap_or(true),
            user_dumps: self.user_dumps.unwrap_or(false),
            folders: self.folders.unwrap_or_default(),
            bandwidth_bytes_per_second: self.bandwidth_bytes_per_second,
            jitter: seconds(self.jitter_seconds, 300),
            spool_bytes: self.spool_bytes.unwrap_or(256 << 20),
            dump_bytes: self.dump_bytes.unwrap_or(64 << 20),
            steady: seconds(self.steady_seconds, 10),
            patience: seconds(self.patience_seconds, 120),
            attempts: self.attempts.unwrap_or(4).max(1),
            allow_track_locked_pages: self.allow_track_locked_pages.unwrap_or(false),
        })
    }
}

/// The configuration. Fields are those of [`Settings`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is told in `Settings`")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the owner")]
pub struct Config {
    pub server: Option<String>,
    pub token: Option<Secret>,
    pub machine: Option<String>,
    pub site: Option<String>,
    pub ring: Option<String>,
    pub root: Option<PathBuf>,
    pub state_dir: PathBuf,
    pub proxy: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub live_kernel_reports: bool,
    pub memory_dump: bool,
    pub user_dumps: bool,
    pub folders: Vec<String>,
    pub bandwidth_bytes_per_second: Option<u64>,
    pub jitter: Duration,
    pub spool_bytes: u64,
    pub dump_bytes: u64,
    pub steady: Duration,
    pub patience: Duration,
    pub attempts: u32,
    pub allow_track_locked_pages: bool,
}

/// Where the configuration file is looked for when no other is named.
pub fn default_file() -> PathBuf {
    if cfg!(windows) {
        program_data().join("agent.toml")
    } else {
        PathBuf::from("/etc/stopcode-agent.toml")
    }
}

fn default_state_dir() -> PathBuf {
    if cfg!(windows) {
        program_data().join("state")
    } else {
        PathBuf::from("/var/lib/stopcode-agent")
    }
}

fn program_data() -> PathBuf {
    let folder = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
    Path::new(&folder).join("Stopcode")
}

#[cfg(test)]
mod tests {
    use super::Settings;

    fn read(text: &str) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, text).unwrap();
        Settings::read(&path)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = read("server = 'https://file/'\njitter_seconds = 5\n").unwrap();
        let flags = Settings {
            server: Some("https://flag".to_owned()),
            ..Settings::default()
        };
        let config = flags.or(file).complete().unwrap();
        assert_eq!(config.server.as_deref(), Some("https://flag"));
        assert_eq!(config.jitter.as_secs(), 5);
        assert!(!config.allow_track_locked_pages && !config.user_dumps);
    }

    #[test]
    fn a_slip_in_the_file_is_told_without_the_token() {
        let error = read("token = 'sct_secret'\nservr = 'x'\n").unwrap_err();
        assert!(error.to_string().contains("servr"), "{error}");
        let error = format!("{:?}", read("token = sct_secret\n").unwrap_err());
        assert!(!error.contains("sct_secret"), "{error}");
    }

    #[test]
    fn the_token_is_not_in_what_is_printed_for_debugging() {
        let settings = read("token = 'sct_secret'").unwrap();
        assert!(!format!("{settings:?}").contains("sct_secret"));
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        for text in [
            "server = 'stopcode.corp.example'",
            "bandwidth_bytes_per_second = 0",
        ] {
            assert!(read(text).unwrap().complete().is_err(), "{text}");
        }
    }
}
