//! The machine's id: configured, else Windows' `MachineGuid`, else one that is made once and kept.

use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};

use crate::config::Config;
use crate::machine::{Machine, text};
use crate::state::write_whole;

/// The longest id that a server takes, in bytes.
const ID_MOST: usize = 200;

/// The id of this machine.
pub(crate) fn of(machine: &dyn Machine, config: &Config) -> String {
    let guid = || text(machine, r"SOFTWARE\Microsoft\Cryptography", "MachineGuid");
    let id = config
        .machine
        .clone()
        .or_else(guid)
        .map(|id| id.trim().to_owned());
    let is_usable = |id: &String| !id.is_empty() && id.len() <= ID_MOST && !id.chars().any(char::is_control);
    id.filter(is_usable).unwrap_or_else(|| kept(&config.state_dir))
}

fn kept(folder: &Path) -> String {
    let path = folder.join("machine-id");
    if let Ok(id) = std::fs::read_to_string(&path)
        && id.len() == 32
        && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return id;
    }
    let mut bytes = [0; 16];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        tracing::warn!("the system gives no random bytes; set `machine` in the configuration");
    }
    let id = hex::encode(bytes);
    if let Err(error) = write_whole(&path, id.as_bytes()) {
        tracing::warn!(%error, "the machine's id cannot be kept; set `machine` in the configuration");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::config::Settings;
    use crate::machine::TreeMachine;

    #[test]
    fn a_machine_without_a_guid_keeps_the_id_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            state_dir: Some(folder.path().to_owned()),
            ..Settings::default()
        };
        let config = settings.complete().unwrap();
        let machine = TreeMachine::open(folder.path()).unwrap();
        let id = of(&machine, &config);
        assert_eq!(id.len(), 32);
        assert_eq!(of(&machine, &config), id);
    }

    #[test]
    fn windows_own_id_is_taken_unless_another_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let export = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography]\n\"MachineGuid\"=\"guid-1\"\n";
        std::fs::write(folder.path().join("a.reg"), export).unwrap();
        let machine = TreeMachine::open(folder.path()).unwrap();
        let mut config = Settings::default().complete().unwrap();
        assert_eq!(of(&machine, &config), "guid-1");
        config.machine = Some("PC-1".to_owned());
        assert_eq!(of(&machine, &config), "PC-1");
    }
}
