//! Installing and removing the Windows service, and running as one.
//!
//! Windows' own tools do the work (`sc.exe`, `icacls.exe`), so what happens can be read here and done by hand. The
//! calls to the service control manager are in `machine::windows`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::clock::Stop;

/// The name of the service.
pub const NAME: &str = "stopcode-agent";

/// Installs and starts the service, with this program and this configuration file.
///
/// # Errors
///
/// When this is not Windows, or `sc.exe` refuses: the agent must be run as an administrator for this.
pub fn install(program: &Path, config: Option<&Path>) -> Result<()> {
    ensure!(
        cfg!(windows),
        "a Windows service can only be installed on Windows"
    );
    for arguments in install_commands(program, config) {
        call("sc.exe", &arguments)?;
    }
    Ok(())
}

/// Stops and removes the service. State, spool and log stay.
///
/// # Errors
///
/// As [`install`].
pub fn uninstall() -> Result<()> {
    ensure!(cfg!(windows), "a Windows service can only be removed on Windows");
    // One that is not running cannot be stopped, and that is no trouble.
    let _ = call("sc.exe", &owned(&["stop", NAME]));
    call("sc.exe", &owned(&["delete", NAME]))
}

/// Runs `run` as a Windows service if the service control manager started this process; else says `false`.
pub fn run_as_service(stop: Stop, run: Box<dyn Fn() + Send + Sync>) -> bool {
    #[cfg(any(windows, stopcode_check_windows))]
    return crate::machine::windows::run_as_service(stop, run);
    #[cfg(not(any(windows, stopcode_check_windows)))]
    {
        drop((stop, run));
        false
    }
}

/// Makes a folder that only the agent's own account (on Windows: the system and administrators) can read.
///
/// # Errors
///
/// When it cannot be made. On Windows, when `icacls.exe` cannot restrict it.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(path, mode)
            .with_context(|| format!("cannot restrict {}", path.display()))?;
    }
    if cfg!(windows) {
        call("icacls.exe", &restrict_arguments(path))?;
    }
    Ok(())
}

fn install_commands(program: &Path, config: Option<&Path>) -> Vec<Vec<String>> {
    let mut command = format!("\"{}\"", program.display());
    if let Some(config) = config {
        command = format!("{command} --config \"{}\"", config.display());
    }
    command += " run";
    let display = "Stopcode agent";
    let mut create = owned(&["create", NAME, "binPath="]);
    create.push(command);
    create.extend(owned(&["start=", "delayed-auto", "DisplayName=", display]));
    vec![
        create,
        owned(&[
            "description",
            NAME,
            "Sends crash dumps and the driver inventory to Stopcode.",
        ]),
        // Three restarts a minute apart; after a day without failure the count begins anew.
        owned(&[
            "failure",
            NAME,
            "reset=",
            "86400",
            "actions=",
            "restart/60000/restart/60000/restart/60000",
        ]),
        owned(&["start", NAME]),
    ]
}

/// Without inherited rights: full access for the system (S-1-5-18) and administrators (S-1-5-32-544), in any language.
fn restrict_arguments(path: &Path) -> Vec<String> {
    let mut arguments = vec![path.display().to_string()];
    arguments.extend(owned(&[
        "/inheritance:r",
        "/grant:r",
        "*S-1-5-18:(OI)(CI)F",
        "*S-1-5-32-544:(OI)(CI)F",
    ]));
    arguments
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn call(program: &str, arguments: &[String]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let verb = arguments.first().map_or("", String::as_str);
    ensure!(
        output.status.success(),
        "{program} {verb} failed: {}",
        said.trim()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{install_commands, restrict_arguments};
    use std::path::Path;

    #[test]
    fn the_service_starts_this_program_with_its_configuration() {
        let program = Path::new(r"C:\Program Files\Stopcode\stopcode-agent.exe");
        let commands = install_commands(program, Some(Path::new(r"C:\ProgramData\Stopcode\agent.toml")));
        assert_eq!(
            commands[0][3],
            r#""C:\Program Files\Stopcode\stopcode-agent.exe" --config "C:\ProgramData\Stopcode\agent.toml" run"#
        );
        assert_eq!(commands.last().unwrap(), &["start", "stopcode-agent"]);
    }

    #[test]
    fn only_the_system_and_administrators_can_read_the_state() {
        let arguments = restrict_arguments(Path::new(r"C:\ProgramData\Stopcode\state"));
        assert_eq!(arguments[1], "/inheritance:r");
        assert_eq!(arguments.len(), 5);
    }
}
