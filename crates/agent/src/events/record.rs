//! What one record of the event log says of a bug check.
//!
//! ```text
//! 1001  Microsoft-Windows-WER-SystemErrorReporting (BugCheck before Windows 8)
//!       param1 = 0x00000076 (0x0000000000000000, 0xffff…, 0x…26, 0x0000000000000000)
//!       param2 = C:\Windows\Minidump\112226-8765-01.dmp
//! 41    Microsoft-Windows-Kernel-Power
//!       BugcheckCode = 118 (0 after a power cut), BugcheckParameter1…4 = 0x0
//! ```
//!
//! The texts are the same in every language of Windows: only numbers and paths are parameters.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::inventory::Event;
use wire::{Hex, StopCodeNumber};

/// The longest path that is kept, in characters.
const PATH_MOST: usize = 260;

/// The bug check that a record tells of, or `None` if it tells of something else.
pub(super) fn bug_check(record: &Value) -> Option<Event> {
    let event = record.get("Event")?;
    let system = event.get("System")?;
    let provider = system.pointer("/Provider/#attributes/Name")?.as_str()?;
    let data = event.get("EventData")?;
    let at = system.pointer("/TimeCreated/#attributes/SystemTime")?.as_str()?;
    let at = OffsetDateTime::parse(at, &Rfc3339).ok()?;
    let id = number(system.get("EventID")?)?;
    let (source, (stop_code, parameters, dump_path)) = match (id, provider) {
        (1001, "Microsoft-Windows-WER-SystemErrorReporting" | "BugCheck") => ("event-1001", reported(data)?),
        (41, "Microsoft-Windows-Kernel-Power") => ("event-41", unclean(data)?),
        _ => return None,
    };
    Some(Event {
        at,
        source: source.to_owned(),
        stop_code: StopCodeNumber::from_raw(stop_code),
        parameters,
        dump_path,
    })
}

type BugCheck = (u32, Vec<Hex>, Option<String>);

/// Event 1001: texts, named or by position.
fn reported(data: &Value) -> Option<BugCheck> {
    let text = |name: &str, index: usize| {
        let named = data.get(name).map(plain).and_then(Value::as_str);
        named.or_else(|| plain(data.get("Data")?).get(index)?.as_str())
    };
    let (code, parameters) = text("param1", 0)?.split_once('(')?;
    let code: Hex = code.trim().parse().ok()?;
    let parameters = parameters.trim_end().trim_end_matches(')').split(',');
    let parameters: Option<Vec<Hex>> = parameters.map(|text| text.trim().parse().ok()).take(4).collect();
    let path = text("param2", 1).map(|path| path.chars().take(PATH_MOST).collect());
    Some((u32::try_from(code.0).ok()?, parameters?, path))
}

/// Event 41: numbers. A code of zero is no bug check: the power went, or somebody held the button.
fn unclean(data: &Value) -> Option<BugCheck> {
    let code = number(data.get("BugcheckCode")?)?;
    let parameters = (1..=4).map(|index| Some(Hex(number(data.get(format!("BugcheckParameter{index}"))?)?)));
    let code = u32::try_from(code).ok().filter(|code| *code != 0)?;
    Some((code, parameters.collect::<Option<_>>()?, None))
}

/// A number, or a text in decimal or with `0x`.
fn number(value: &Value) -> Option<u64> {
    match plain(value) {
        Value::String(text) if text.starts_with("0x") => text.parse::<Hex>().ok().map(|hex| hex.0),
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    }
}

/// The content of an element with attributes is below `#text`.
fn plain(value: &Value) -> &Value {
    value.get("#text").unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::bug_check;
    use serde_json::{Value, json};
    use wire::Hex;

    fn record(id: u64, provider: &str, data: &Value) -> Value {
        json!({"Event": {
            "System": {
                "Provider": {"#attributes": {"Name": provider}},
                "EventID": {"#attributes": {"Qualifiers": 16384}, "#text": id},
                "TimeCreated": {"#attributes": {"SystemTime": "2026-11-22T10:00:00.123Z"}},
            },
            "EventData": data,
        }})
    }

    const WER: &str = "Microsoft-Windows-WER-SystemErrorReporting";

    #[test]
    fn a_report_tells_code_parameters_and_dump() {
        let param1 = "0x1000007e (0xffffffffc0000005, 0xfffff8048b58334c, 0x0, 0x26)";
        let path = r"C:\Windows\Minidump\112226-8765-01.dmp";
        for data in [
            json!({"param1": param1, "param2": path}),
            json!({"Data": {"#text": [param1, path]}}),
        ] {
            let event = bug_check(&record(1001, WER, &data)).unwrap();
            assert_eq!(event.stop_code.get(), 0x7e);
            assert_eq!(event.parameters[1], Hex(0xffff_f804_8b58_334c));
            assert_eq!(
                (event.source.as_str(), event.dump_path.as_deref()),
                ("event-1001", Some(path))
            );
        }
    }

    #[test]
    fn an_unclean_start_tells_the_code_in_decimal_and_a_power_cut_is_none() {
        let data = |code: u64| {
            json!({"BugcheckCode": code, "BugcheckParameter1": "0x0", "BugcheckParameter2": "0xffffc48f0d1e0080",
                   "BugcheckParameter3": "0x26", "BugcheckParameter4": "0x0"})
        };
        let event = bug_check(&record(41, "Microsoft-Windows-Kernel-Power", &data(118))).unwrap();
        assert_eq!((event.stop_code.get(), event.source.as_str()), (0x76, "event-41"));
        assert_eq!(event.parameters[2], Hex(0x26));
        assert!(bug_check(&record(41, "Microsoft-Windows-Kernel-Power", &data(0))).is_none());
    }

    #[test]
    fn other_records_and_nonsense_tell_nothing() {
        assert!(
            bug_check(&record(
                1001,
                "Application Error",
                &json!({"param1": "0x1 (0x2)"})
            ))
            .is_none()
        );
        for param1 in ["", "0x76", "0x76 (zz)", "(0x1)", "0x123456789 (0x1)"] {
            assert!(
                bug_check(&record(1001, WER, &json!({"param1": param1}))).is_none(),
                "{param1}"
            );
        }
        assert!(bug_check(&json!({"Event": []})).is_none());
    }
}
