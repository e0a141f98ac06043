//! The history of a fleet whose crashes follow one driver version, or none.

use std::fmt::Write as _;

use serde_json::{Value, json};
use time::{Date, OffsetDateTime, UtcOffset};

/// Today in UTC: rates are counted in a window that ends today.
#[expect(
    clippy::disallowed_methods,
    reason = "the server under test has the real clock"
)]
fn today() -> Date {
    OffsetDateTime::now_utc().to_offset(UtcOffset::UTC).date()
}

/// Whom the crashes of a history follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guilty {
    /// Every third machine has version 2 of a driver, and most of those crash.
    NewVersion,
    /// As many machines crash, whatever version they have.
    Nobody,
}

impl Guilty {
    fn crashes(self, machine: i64) -> bool {
        match self {
            Guilty::NewVersion => machine % 3 == 0 && machine != 0 || machine == 1,
            Guilty::Nobody => machine % 20 < 7,
        }
    }
}

/// `machines` machines for the eight weeks before today, as lines for `POST /api/v1/import`: two models, and a driver in
/// two versions beside one that everybody has.
pub fn of(machines: i64, guilty: Guilty) -> String {
    let mut lines = String::new();
    let mut tell = |line: Value| writeln!(lines, "{line}").expect("a string takes any line");
    let (from, to) = (
        today() - time::Duration::days(56),
        today() - time::Duration::days(1),
    );
    for (id, version) in [("new", "2.0.0.0"), ("old", "1.9.0.0")] {
        let stamp = if id == "new" { "0x5f000002" } else { "0x5f000001" };
        tell(
            json!({"type": "driver", "id": id, "name": "acmecap.sys", "version": version,
            "time_date_stamp": stamp, "size_of_image": "0x1a000", "company": "Acme"}),
        );
        let bystander = json!({"name": "bystander.sys", "version": "1.0.0.0"});
        tell(json!({"type": "driver_set", "id": id, "drivers": [id, bystander]}));
    }
    for machine in 0..machines {
        let name = format!("m{machine}");
        let set = if machine % 3 == 0 { "new" } else { "old" };
        tell(
            json!({"type": "machine", "machine": name, "manufacturer": "Contoso",
            "model": format!("Model {}", machine % 2), "os_build": 22631, "site": "HQ"}),
        );
        tell(
            json!({"type": "inventory", "machine": name, "at": format!("{from}T06:00:00Z"), "driver_set": set}),
        );
        tell(json!({"type": "presence", "machine": name, "from": from.to_string(), "to": to.to_string()}));
        if guilty.crashes(machine) {
            let at = from + time::Duration::days(7 + machine % 40);
            tell(
                json!({"type": "crash", "machine": name, "at": format!("{at}T10:00:00Z"),
                "stop_code": "0x76", "parameters": ["0x0", "0x0", "0x26", "0x0"], "process": "capture.exe"}),
            );
        }
    }
    lines
}
