//! A small fleet whose numbers can be counted by hand, in a database that both a server and a test can reach.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Client, Database, Server};
use time::{Date, OffsetDateTime, UtcOffset, Weekday};

/// A running server over a database of the test's own.
pub(crate) struct Planted {
    pub(crate) database: Database,
    pub(crate) server: Server,
    pub(crate) admin: Client,
}

impl Planted {
    /// A server that was told of the fleet.
    pub(crate) async fn start() -> Self {
        let database = tests::database().await;
        let server = Server::start_with(&[], &[("DATABASE_URL", database.url.as_str())]).await;
        let admin = server.admin();
        let answer = admin.post("/api/v1/import", history()).await;
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["rejected"], json!([]));
        Planted {
            database,
            server,
            admin,
        }
    }

    /// Waits for the verdict on 0x76 that has all of the fleet's crashes.
    pub(crate) async fn suspects(&self) -> Value {
        let started = Instant::now();
        loop {
            let suspects = self.admin.json("/api/v1/stop-codes/0x76/suspects").await;
            if suspects["stale"] == false && suspects["crashes"] == 22 {
                return suspects;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "{suspects}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Now, by the clock that the server under test has too.
#[expect(
    clippy::disallowed_methods,
    reason = "the server under test has the real clock"
)]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().to_offset(UtcOffset::UTC)
}

/// Monday of the week before last: over, and wholly in the fleet's history.
pub(crate) fn closed_week() -> Date {
    let today = now().date();
    today.prev_occurrence(Weekday::Monday) - time::Duration::weeks(2)
}

/// Thirty-six machines, on each of the last 42 days; the eighteen with the new version of a driver crash with 0x76 in the closed
/// week, one of them twice, and two others once a week later. Besides: a crash on a day of which no presence was told,
/// a live dump, and a stop code that a machine made up.
fn history() -> String {
    let today = now().date();
    let (from, to) = (today - time::Duration::days(42), today - time::Duration::days(1));
    let mut lines = String::new();
    let mut tell = |line: Value| writeln!(lines, "{line}").unwrap();
    for (id, version, stamp) in [("new", "4.2.1.0", "0x5f000002"), ("old", "4.1.9.0", "0x5f000001")] {
        tell(
            json!({"type": "driver", "id": id, "name": "acmecap.sys", "version": version,
            "time_date_stamp": stamp, "size_of_image": "0x1a000", "company": "Acme"}),
        );
        let bystander = json!({"name": "bystander.sys", "version": "1.0.0.0"});
        tell(json!({"type": "driver_set", "id": id, "drivers": [id, bystander]}));
    }
    for machine in 0..36 {
        let name = format!("m{machine}");
        let set = if machine % 2 == 0 { "new" } else { "old" };
        tell(
            json!({"type": "machine", "machine": name, "manufacturer": "Contoso", "site": "HQ",
            "model": format!("Model {}", machine % 3), "os_build": 22631}),
        );
        tell(
            json!({"type": "inventory", "machine": name, "at": format!("{from}T00:00:01Z"), "driver_set": set}),
        );
        tell(json!({"type": "presence", "machine": name, "from": from.to_string(), "to": to.to_string()}));
    }
    let mut crash = |machine: i64, day: Date, stop_code: &str| {
        tell(
            json!({"type": "crash", "machine": format!("m{machine}"), "at": format!("{day}T10:00:00Z"),
            "stop_code": stop_code, "process": "Capture.exe"}),
        );
    };
    let week = closed_week();
    for machine in (0..36).step_by(2) {
        crash(machine, week + time::Duration::days(machine / 2 % 6), "0x76");
    }
    crash(0, week + time::Duration::days(6), "0x76");
    for machine in [1, 3] {
        crash(machine, week + time::Duration::days(7), "0x76");
    }
    crash(5, from - time::Duration::days(3), "0x76");
    crash(7, week + time::Duration::days(1), "0x161");
    crash(9, week + time::Duration::days(1), "0x7abcdef1");
    lines
}
