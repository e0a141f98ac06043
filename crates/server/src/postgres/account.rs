//! Whom Postgres runs as: ourselves, or another account when we are root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The accounts that root falls back to, in order: Debian's package makes the first, every system has the second.
const USUAL: [&str; 2] = ["postgres", "nobody"];

/// The account Postgres runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// Its name, for messages and for `initdb`'s owner; empty when it is ourselves.
    pub(super) name: String,
    /// Its user id.
    pub(super) uid: u32,
    /// Its group id.
    pub(super) gid: u32,
    /// Whether it is another account than ours, so that files must be handed over.
    switched: bool,
}

impl Account {
    /// Ourselves, or, as root, `wished`, else the first usual account that exists.
    pub(super) fn choose(wished: Option<&str>) -> Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        if uid != 0 {
            if let Some(name) = wished {
                tracing::debug!(postgres.user = name, "not root: Postgres runs as ourselves");
            }
            return Ok(Self {
                name: String::new(),
                uid,
                gid: rustix::process::getegid().as_raw(),
                switched: false,
            });
        }
        if let Some(name) = wished {
            return look_up(name)?.with_context(|| format!("there is no account named {name}"));
        }
        for name in USUAL {
            if let Some(account) = look_up(name)? {
                return Ok(account);
            }
        }
        bail!(
            "Postgres does not run as root and there is neither an account postgres nor nobody; \
             name one with --pg-user"
        )
    }

    /// Whether files that we make must be given to it.
    pub(super) fn is_switched(&self) -> bool {
        self.switched
    }

    /// Gives `path` to the account, if it is another than ours.
    pub(super) fn own(&self, path: &Path) -> Result<()> {
        if self.switched {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
                .with_context(|| format!("cannot give {} to {}", path.display(), self.name))?;
        }
        Ok(())
    }

    /// A command that runs as the account, in `directory`, with an empty environment.
    ///
    /// An inherited `HOME=/root` has been seen to make libpq fail inside a server process.
    pub(super) fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory).env_clear().env("TZ", "UTC");
        if self.switched {
            // Also clears the supplementary groups.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// The first directory on the way to `path` that the account may not pass, or `None` if it can reach it.
    pub(super) fn blocked_at<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let mut ancestors: Vec<&Path> = path.ancestors().skip(1).collect();
        ancestors.reverse();
        ancestors
            .into_iter()
            .find(|directory| fs::metadata(directory).is_ok_and(|metadata| !self.may_pass(&metadata)))
    }

    fn may_pass(&self, metadata: &fs::Metadata) -> bool {
        let mode = metadata.mode();
        let bit = if metadata.uid() == self.uid {
            0o100
        } else if metadata.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }
}

/// The account of this name, from `/etc/passwd` or, for directories such as LDAP, from `getent`.
fn look_up(name: &str) -> Result<Option<Account>> {
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    if let Some(account) = passwd.lines().find_map(|line| parse(line, name)) {
        return Ok(Some(account));
    }
    let Ok(output) = Command::new("getent").args(["passwd", name]).output() else {
        return Ok(None);
    };
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| parse(line, name)))
}

/// Reads `name:x:uid:gid:…` if it is about `wanted`. Root itself is no account to drop to.
fn parse(line: &str, wanted: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| *name == wanted)?;
    let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account {
        name: name.to_owned(),
        uid,
        gid,
        switched: true,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_passwd_line_gives_both_ids() {
        let account = parse(
            "postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash",
            "postgres",
        )
        .unwrap();
        assert_eq!((account.uid, account.gid), (101, 104));
    }

    #[test]
    fn root_is_no_account_to_drop_to() {
        assert_eq!(parse("root:x:0:0:root:/root:/bin/bash", "root"), None);
    }

    #[test]
    fn a_private_home_on_the_way_blocks_another_account() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let nobody = Account {
            name: "nobody".to_owned(),
            uid: 65_534,
            gid: 65_534,
            switched: true,
        };
        let inside = home.path().join("clone");
        assert_eq!(nobody.blocked_at(&inside), Some(home.path()));
        assert_eq!(nobody.blocked_at(home.path()), None);
    }
}
