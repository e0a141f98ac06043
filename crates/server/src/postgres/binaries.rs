//! Finds `postgres` and `initdb`.
//!
//! In order: the directory that was asked for, `PATH` (symbolic links resolved: a `postgres` in `/usr/local/bin` is
//! often a link while `initdb` lies beside its target), Debian's, Red Hat's and Homebrew's directories, highest
//! version first. If the cluster exists, only binaries of its major version will do.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The oldest major version that the product's SQL runs on.
const OLDEST: u32 = 15;

/// A directory with both programs, and its major version.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    directory: PathBuf,
    major: u32,
}

impl Binaries {
    /// The best installed binaries, or those in `wished`; of version `existing` if a cluster exists.
    pub(super) fn find(wished: Option<&Path>, existing: Option<u32>) -> Result<Self> {
        if let Some(directory) = wished {
            let found = Self::probe(directory)?;
            return match existing {
                Some(major) if major != found.major => bail!(mismatch(major, &[found])),
                _ => Ok(found),
            };
        }
        let found: Vec<Self> = candidates()
            .iter()
            .filter_map(|directory| Self::probe(directory).ok())
            .collect();
        if found.is_empty() {
            bail!(
                "no Postgres found: install it (Debian, Ubuntu: apt-get install postgresql), or name the directory \
                 of its programs with --pg-bin or STOPCODE_PG_BIN, or give a database with DATABASE_URL"
            );
        }
        match existing {
            Some(major) => match found.iter().find(|binaries| binaries.major == major) {
                Some(binaries) => Ok(binaries.clone()),
                None => bail!(mismatch(major, &found)),
            },
            None => Ok(found[0].clone()),
        }
    }

    /// The path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The major version, e.g. 15.
    pub(super) fn major(&self) -> u32 {
        self.major
    }

    /// Checks that `directory` holds both programs of a version that we can use.
    fn probe(directory: &Path) -> Result<Self> {
        let directory = directory
            .canonicalize()
            .with_context(|| format!("cannot find {}", directory.display()))?;
        ensure!(
            directory.join("initdb").is_file(),
            "there is no initdb in {}",
            directory.display()
        );
        let postgres = directory.join("postgres");
        let output = Command::new(&postgres)
            .arg("--version")
            .output()
            .with_context(|| format!("cannot run {}", postgres.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let major = parse_version(&text).with_context(|| format!("cannot read the version in {text:?}"))?;
        ensure!(
            major >= OLDEST,
            "{} is Postgres {major}; {OLDEST} or newer is needed",
            postgres.display()
        );
        Ok(Self { directory, major })
    }
}

/// Where to look, best first.
fn candidates() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = env::var_os("PATH")
        .iter()
        .flat_map(|path| env::split_paths(path).collect::<Vec<_>>())
        .filter_map(|directory| directory.join("postgres").canonicalize().ok())
        .filter_map(|postgres| postgres.parent().map(Path::to_owned))
        .collect();
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
    ] {
        directories.extend(
            numbered(Path::new(parent), prefix)
                .into_iter()
                .map(|found| found.join(below)),
        );
    }
    directories.dedup();
    directories
}

/// The directories `<parent>/<prefix><number>`, highest number first.
fn numbered(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The major version in `postgres (PostgreSQL) 15.19 (Debian 15.19-0+deb12u1)`.
fn parse_version(text: &str) -> Option<u32> {
    let number = text.split_whitespace().nth(2)?;
    number
        .split(|character: char| !character.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// What to say when the cluster is of another version than everything that is installed.
fn mismatch(cluster: u32, found: &[Binaries]) -> String {
    let versions: Vec<String> = found
        .iter()
        .map(|binaries| format!("{} in {}", binaries.major, binaries.directory.display()))
        .collect();
    format!(
        "the data directory was made by Postgres {cluster}, but the programs found are {}; install Postgres \
         {cluster} or name it with --pg-bin (to move to a newer one, run pg_upgrade on the directory first)",
        versions.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_release_and_beta_texts() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.19 (Debian 15.19-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta2"), Some(19));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn numbered_directories_come_highest_first_by_number_not_by_text() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["pgsql-9", "pgsql-17", "pgsql-16", "other"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        let names: Vec<_> = numbered(parent.path(), "pgsql-")
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["pgsql-17", "pgsql-16", "pgsql-9"]);
    }

    #[test]
    fn a_cluster_of_a_version_that_is_not_installed_is_refused_with_advice() {
        let error = Binaries::find(None, Some(3)).unwrap_err().to_string();
        assert!(
            error.contains("made by Postgres 3") && error.contains("--pg-bin"),
            "{error}"
        );
    }
}
