//! Crashes that are known without their dumps.
//!
//! They get the same columns and the same report as one from a dump, with what little is known of them: the
//! signature is the stop code's name and the process, and the modules of the stack become frames without addresses.

use std::collections::HashSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::{Builder, Uuid};

use super::{CrashLine, evidence};
use crate::stop_codes::{self, StopCodeEntry};
use crate::{Error, MachineId, text};

/// Within this, two lines of one machine and stop code tell of the same crash; as for crashes with dumps.
const SAME_CRASH: Duration = Duration::minutes(10);

/// Longest process or module name that is kept, in characters.
const MAX_NAME: usize = 255;

/// Columns of the crashes to be written.
#[derive(Default)]
struct Columns {
    machines: Vec<Uuid>,
    times: Vec<OffsetDateTime>,
    ids: Vec<Uuid>,
    counts: Vec<bool>,
    codes: Vec<i64>,
    parameters: Vec<Value>,
    processes: Vec<Option<String>>,
    signatures: Vec<String>,
    reports: Vec<Value>,
}

/// Writes crashes that are not known yet, from a dump or from an earlier import.
pub(super) async fn write(
    conn: &mut PgConnection,
    crashes: Vec<CrashLine>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    if crashes.is_empty() {
        return Ok(());
    }
    let codes: Vec<u32> = crashes.iter().map(|crash| crash.stop_code).collect();
    let dictionary = stop_codes::entries(conn, &codes).await?;
    let mut columns = Columns::default();
    let crashes = once_each(crashes);
    for crash in &crashes {
        columns.push(crash, dictionary.get(&crash.stop_code));
    }
    let new = insert(conn, &columns, now).await?;
    let new = crashes
        .iter()
        .zip(&columns.ids)
        .filter(|(_, id)| new.contains(id))
        .map(|(crash, id)| (crash, *id));
    evidence::write(conn, &new.collect::<Vec<_>>()).await
}

/// The crashes without those that an earlier one of them tells already.
fn once_each(mut crashes: Vec<CrashLine>) -> Vec<CrashLine> {
    crashes.sort_by(|one, other| {
        (&one.machine, one.stop_code, one.at).cmp(&(&other.machine, other.stop_code, other.at))
    });
    crashes.dedup_by(|later, earlier| {
        later.machine == earlier.machine
            && later.stop_code == earlier.stop_code
            && later.at - earlier.at <= SAME_CRASH
    });
    crashes
}

impl Columns {
    fn push(&mut self, crash: &CrashLine, entry: Option<&StopCodeEntry>) {
        let name = entry.map_or(stop_codes::UNKNOWN_NAME, |entry| entry.name.as_str());
        let class = entry.map_or("unknown", |entry| entry.class.as_str());
        let process = crash
            .process
            .as_deref()
            .map(shortened)
            .filter(|process| !process.is_empty());
        let signature = match &process {
            Some(process) => format!("{name} | process {}", process.to_lowercase()),
            None => name.to_owned(),
        };
        self.machines.push(MachineId::of(&crash.machine).0);
        self.times.push(crash.at);
        self.ids.push(crash_id(crash));
        self.counts.push(!matches!(class, "live" | "manual"));
        self.codes.push(i64::from(crash.stop_code));
        self.parameters.push(json!(
            crash
                .parameters
                .iter()
                .map(|value| value.cast_signed())
                .collect::<Vec<i64>>()
        ));
        self.reports
            .push(report(crash, entry, process.as_deref(), &signature));
        self.processes.push(process);
        self.signatures.push(signature);
    }
}

fn shortened(name: &str) -> String {
    text::without_nul(name.trim()).chars().take(MAX_NAME).collect()
}

/// An id that is the same when the same line is imported again.
fn crash_id(crash: &CrashLine) -> Uuid {
    let text = format!(
        "{}/{}/{}",
        MachineId::of(&crash.machine),
        crash.at.unix_timestamp_nanos(),
        crash.stop_code
    );
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The report as the API shows it.
fn report(crash: &CrashLine, entry: Option<&StopCodeEntry>, process: Option<&str>, signature: &str) -> Value {
    let meaning = |index: usize| entry.and_then(|entry| entry.parameters.get(index)?.as_deref());
    let parameters: Vec<Value> = crash
        .parameters
        .iter()
        .enumerate()
        .map(|(index, value)| json!({ "value": format!("{value:#x}"), "meaning": meaning(index) }))
        .collect();
    let frames: Vec<Value> = crash
        .stack_modules
        .iter()
        .enumerate()
        .map(|(index, module)| {
            json!({ "index": index, "address": "0x0", "module": shortened(module), "trust": "scan" })
        })
        .collect();
    let at = crash
        .at
        .format(&time::format_description::well_known::Rfc3339)
        .ok();
    json!({
        "kind": "kernel",
        "crashed_at": at,
        "stop_code": {
            "code": format!("{:#x}", crash.stop_code),
            "raw_code": format!("{:#x}", crash.stop_code),
            "name": entry.map_or(stop_codes::UNKNOWN_NAME, |entry| entry.name.as_str()),
            "class": entry.map_or("unknown", |entry| entry.class.as_str()),
            "parameters": parameters,
        },
        "process": process,
        "signature": signature,
        "frames": frames,
        "probable_driver": null,
        "guidance": entry.map(|entry| entry.guidance.clone()).unwrap_or_default(),
        "warnings": ["Known without its dump: the stack is the order of modules that was imported."],
    })
}

/// Inserts what is not known; answers the ids of what was inserted.
async fn insert(
    conn: &mut PgConnection,
    columns: &Columns,
    now: OffsetDateTime,
) -> Result<HashSet<Uuid>, Error> {
    let new = sqlx::query_file_scalar!(
        "src/import/crashes.sql",
        &columns.machines,
        &columns.times,
        &columns.ids,
        &columns.counts,
        &columns.codes,
        &columns.parameters,
        &columns.processes as &[Option<String>],
        &columns.signatures,
        &columns.reports,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(new.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{crash_id, once_each};
    use crate::import::CrashLine;

    fn crash(minute: u8) -> CrashLine {
        CrashLine {
            machine: "m1".to_owned(),
            at: datetime!(2026-11-01 10:00 UTC).replace_minute(minute).unwrap(),
            stop_code: 0x76,
            parameters: vec![0, 0, 0x26, 0],
            process: Some("Backup.exe".to_owned()),
            stack_modules: vec!["a.sys".to_owned()],
        }
    }

    #[test]
    fn two_lines_within_ten_minutes_tell_of_one_crash() {
        let kept = once_each(vec![crash(30), crash(0), crash(5)]);
        assert_eq!(kept, [crash(0), crash(30)]);
    }

    #[test]
    fn the_same_line_gets_the_same_id_again() {
        assert_eq!(crash_id(&crash(3)), crash_id(&crash(3)));
        assert_ne!(crash_id(&crash(3)), crash_id(&crash(4)));
    }
}
