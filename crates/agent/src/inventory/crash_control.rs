//! Whether the machine could have written a dump at all. A fleet's silent machines are otherwise taken for healthy.
//!
//! Registry values keep Windows' own names; what the agent makes of them is `can_write_dumps` and `reasons`. Free
//! space is told as enough or not, not as a number: a number would make every look differ from the last.

use serde_json::{Map, Value as Json, json};

use crate::dumps::folders::{CRASH_CONTROL, memory_dump, minidump_folder};
use crate::machine::{Machine, Value, number, text};
use crate::state::State;

const MEMORY: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management";

/// Free space under which Windows would not copy a small dump out of the page file.
const SMALL_DUMP_NEEDS: u64 = 16 << 20;

/// Reads the state of `CrashControl`, and what is known of full dumps that were not sent.
pub(super) fn read(machine: &dyn Machine, state: &State) -> Json {
    let mut told = Map::new();
    for name in [
        "CrashDumpEnabled",
        "FilterPages",
        "AutoReboot",
        "Overwrite",
        "AlwaysKeepMemoryDump",
        "LogEvent",
    ] {
        if let Some(number) = number(machine, CRASH_CONTROL, name) {
            told.insert(name.to_owned(), number.into());
        }
    }
    told.insert("MinidumpDir".to_owned(), minidump_folder(machine).into());
    told.insert("DumpFile".to_owned(), memory_dump(machine).into());
    let dedicated = text(machine, CRASH_CONTROL, "DedicatedDumpFile");
    let page_files = page_files(machine);
    if let Some(files) = &page_files {
        told.insert("PagingFiles".to_owned(), json!(files));
    }
    if let Some(kind) = dump_kind(machine) {
        told.insert("kind".to_owned(), kind.into());
    }
    let reasons = reasons(machine, dedicated.is_some(), page_files.as_deref());
    told.insert("can_write_dumps".to_owned(), reasons.is_empty().into());
    told.insert("reasons".to_owned(), json!(reasons));
    if let Some(file) = dedicated {
        told.insert("DedicatedDumpFile".to_owned(), file.into());
    }
    if !state.withheld.is_empty() {
        told.insert("full_dumps".to_owned(), full_dumps(state));
    }
    Json::Object(told)
}

fn dump_kind(machine: &dyn Machine) -> Option<&'static str> {
    let is_active = number(machine, CRASH_CONTROL, "FilterPages") == Some(1);
    Some(match number(machine, CRASH_CONTROL, "CrashDumpEnabled")? {
        0 => "none",
        1 if is_active => "active",
        1 => "complete",
        2 => "kernel",
        3 => "small",
        7 => "automatic",
        _ => "unknown",
    })
}

fn reasons(machine: &dyn Machine, has_dedicated: bool, page_files: Option<&[String]>) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if number(machine, CRASH_CONTROL, "CrashDumpEnabled") == Some(0) {
        reasons.push("writing dumps is turned off (CrashDumpEnabled is 0)");
    }
    if !has_dedicated && page_files.is_some_and(<[String]>::is_empty) {
        reasons.push("there is no page file and no dedicated dump file");
    }
    let free = machine.free_bytes(&memory_dump(machine));
    if free.is_some_and(|free| free < SMALL_DUMP_NEEDS) {
        reasons.push("the volume that dumps are written to is full");
    }
    reasons
}

/// The configured page files; `None` if the registry does not say.
fn page_files(machine: &dyn Machine) -> Option<Vec<String>> {
    match machine.value(MEMORY, "PagingFiles") {
        Ok(Some(Value::Texts(files))) => Some(files),
        Ok(Some(Value::Text(file))) => Some(Some(file).into_iter().filter(|file| !file.is_empty()).collect()),
        _ => None,
    }
}

fn full_dumps(state: &State) -> Json {
    let dumps = state.withheld.iter().map(|(path, dump)| {
        json!({
            "path": path,
            "size_bytes": dump.size_bytes,
            "modified_unix": dump.modified,
            "kind": dump.kind,
            "stop_code": dump.crash.as_ref().map(|crash| format!("{:#x}", crash.raw_code)),
            "parameters": dump.crash.as_ref().map(|crash| crash.parameters.map(|value| format!("{value:#x}"))),
            "crashed_at_unix": dump.crash.as_ref().and_then(|crash| crash.at),
        })
    });
    dumps.collect()
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::machine::TreeMachine;
    use crate::state::State;
    use serde_json::json;

    fn crash_control(export: &str) -> serde_json::Value {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.reg"), export).unwrap();
        read(&TreeMachine::open(folder.path()).unwrap(), &State::default())
    }

    #[test]
    fn a_machine_that_could_not_have_written_a_dump_says_why() {
        let told = crash_control(
            "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\CrashControl]\n\"CrashDumpEnabled\"=dword:0\n\
             [HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management]\n\
             \"PagingFiles\"=hex(7):00,00\n",
        );
        assert_eq!(told["can_write_dumps"], json!(false));
        assert_eq!(told["reasons"].as_array().map(Vec::len), Some(2));
        assert_eq!(told["kind"], json!("none"));
    }

    #[test]
    fn what_the_registry_does_not_say_is_no_reason() {
        assert_eq!(crash_control("")["can_write_dumps"], json!(true));
    }
}
