//! The views give the numbers of the API, for the same days.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::Window;
use time::Duration;

use crate::planted::{Planted, closed_week, now};
use crate::reader::Reader;

/// Equal, but for the last bit of what was read from text twice.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-12 * one.abs().max(other.abs()),
        _ => one == other,
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no count: {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_codes_by_day_are_those_of_the_api() {
    let planted = Planted::start().await;
    let mut reader = Reader::connect(&planted.database.pool).await;
    let (from, to) = (
        closed_week() - Duration::days(3),
        closed_week() + Duration::days(9),
    );

    let rows = reader
        .rows(&format!(
            "SELECT stop_code, stop_code_name, class, sum(crashes)::bigint AS crashes, json_object_agg(day, crashes) AS trend
            FROM reporting.stop_codes_daily WHERE day BETWEEN '{from}' AND '{to}' GROUP BY 1, 2, 3"
        ))
        .await;

    let codes = planted
        .admin
        .json(&format!("/api/v1/stop-codes?from={from}&to={to}"))
        .await;
    let codes = codes["items"].as_array().unwrap().clone();
    assert_eq!((rows.len(), codes.len()), (3, 3));
    for code in codes {
        let row = rows.iter().find(|row| row["stop_code"] == code["code"]).unwrap();
        assert_eq!(row["crashes"], code["crashes"], "{code}");
        assert_eq!(row["stop_code_name"], code["name"]);
        assert_eq!(row["class"], code["class"]);
        for day in code["trend"].as_array().unwrap() {
            let crashes = row["trend"]
                .get(day["day"].as_str().unwrap())
                .cloned()
                .unwrap_or(json!(0));
            assert_eq!(crashes, day["crashes"], "{day}");
        }
    }
}

/// Of 0x76 nineteen in the closed week, all on days of which presence was told; the live dump is in no rate.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_has_only_crashes_that_count_on_days_with_presence() {
    let planted = Planted::start().await;
    let mut reader = Reader::connect(&planted.database.pool).await;
    let week = closed_week();

    let rates = reader
        .rows(&format!(
            "SELECT stop_code, sum(crashes_in_rate)::bigint AS crashes_in_rate, min(machine_days) AS machine_days
            FROM reporting.stop_codes_daily WHERE day BETWEEN '{week}' AND '{}' GROUP BY 1",
            week + Duration::days(6)
        ))
        .await;
    let history = reader
        .row("SELECT crashes, crashes_in_rate, machine_days FROM reporting.stop_codes_daily ORDER BY day LIMIT 1")
        .await;

    let of = |code: &str| rates.iter().find(|row| row["stop_code"] == code).unwrap();
    assert_eq!(of("0x76")["crashes_in_rate"], 19);
    assert_eq!(of("0x76")["machine_days"], 36);
    assert_eq!(of("0x161")["crashes_in_rate"], 0);
    assert_eq!(
        (&history["crashes"], &history["crashes_in_rate"]),
        (&json!(1), &json!(0))
    );
}

/// Machine-days and crashing machines by version, as a driver's page has them.
async fn compare_driver(planted: &Planted, reader: &mut Reader) {
    let week = closed_week();
    let path = format!(
        "/api/v1/drivers/acmecap.sys?from={week}&to={}",
        week + Duration::days(6)
    );
    let driver = planted.admin.json(&path).await;
    let days = reader
        .rows(&format!(
            "SELECT version, machine_days FROM reporting.driver_versions_weekly
            WHERE driver = 'acmecap.sys' AND week = '{week}'"
        ))
        .await;
    let crashes = reader
        .rows(&format!(
            "SELECT version, stop_code, crashing_machines FROM reporting.driver_version_crashes_weekly
            WHERE driver = 'acmecap.sys' AND week = '{week}'"
        ))
        .await;
    let mut told = BTreeMap::new();
    for version in driver["versions"].as_array().unwrap() {
        let name = version["version"].as_str().unwrap();
        let row = days.iter().find(|row| row["version"] == name).unwrap();
        assert_eq!(row["machine_days"], version["machine_days"], "{version}");
        assert_eq!(number(&row["machine_days"]), 18 * 7);
        for crashes in version["crashes"].as_array().unwrap() {
            let code = crashes["stop_code"].as_str().unwrap().to_owned();
            told.insert((name.to_owned(), code), number(&crashes["machines"]));
        }
    }
    let key = |row: &Value, column: &str| row[column].as_str().unwrap().to_owned();
    let rows = crashes.iter().map(|row| {
        let machines = number(&row["crashing_machines"]);
        ((key(row, "version"), key(row, "stop_code")), machines)
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), told);
    assert_eq!(told[&("4.2.1.0".to_owned(), "0x76".to_owned())], 18);
}

/// What pages show as machine-days is what the view by day adds up to.
async fn compare_machine_days(planted: &Planted, reader: &mut Reader) {
    let window = Window::ending(now().date(), 30);
    let mut conn = planted.database.pool.acquire().await.unwrap();
    let overview = store::fleet::overview(&mut conn, window).await.unwrap();
    let row = reader
        .row(&format!(
            "SELECT sum(machine_days)::bigint AS machine_days FROM reporting.machine_days_daily WHERE day BETWEEN '{}' AND '{}'",
            window.from, window.to
        ))
        .await;
    assert_eq!(number(&row["machine_days"]), overview.machine_days);
    assert_eq!(overview.machine_days, 29 * 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn exposure_is_the_same_before_and_after_weeks_are_rolled_up() {
    let planted = Planted::start().await;
    let mut reader = Reader::connect(&planted.database.pool).await;
    let rolled_up = "SELECT count(*) AS weeks FROM reporting.weeks WHERE is_rolled_up";
    assert_eq!(reader.row(rolled_up).await["weeks"], 0);
    compare_driver(&planted, &mut reader).await;
    compare_machine_days(&planted, &mut reader).await;

    let mut conn = planted.database.pool.acquire().await.unwrap();
    let later = now() + Duration::minutes(10);
    let weeks = store::exposure::roll_up_due(&mut conn, later).await.unwrap();
    drop(conn);

    assert!(weeks.contains(&closed_week()));
    assert_eq!(number(&reader.row(rolled_up).await["weeks"]), weeks.len() as u64);
    compare_driver(&planted, &mut reader).await;
    compare_machine_days(&planted, &mut reader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_and_suspects_are_those_of_the_api() {
    let planted = Planted::start().await;
    let told = planted.suspects().await;
    let mut reader = Reader::connect(&planted.database.pool).await;

    let verdict = reader
        .row("SELECT * FROM reporting.verdicts WHERE stop_code = '0x76'")
        .await;
    let suspects = reader
        .rows("SELECT * FROM reporting.suspects WHERE stop_code = '0x76' ORDER BY rank")
        .await;

    for column in [
        "verdict",
        "none_probability",
        "confirmed_by",
        "crashes",
        "crashes_without_exposure",
        "crashing_machines",
        "machine_days",
    ] {
        assert!(
            same(&verdict[column], &told[column]),
            "{column}: {verdict} {told}"
        );
    }
    assert_eq!(verdict["window_from"], told["window"]["from"]);
    let api = told["suspects"].as_array().unwrap();
    assert_eq!(suspects.len(), api.len());
    assert!(!api.is_empty());
    for (row, suspect) in suspects.iter().zip(api) {
        for column in [
            "rank",
            "scope",
            "os_build",
            "probability",
            "in_credible_set",
            "rate_ratio",
            "rate_ratio_low",
            "rate_ratio_high",
            "ic025",
            "expected_machines",
            "crashing_machines",
            "exposed_machines",
            "machine_days",
            "crashes_per_1000_machine_days",
        ] {
            assert!(same(&row[column], &suspect[column]), "{column}: {row} {suspect}");
        }
        let names: Vec<&str> = suspect["drivers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|driver| driver["name"].as_str().unwrap())
            .collect();
        assert_eq!(row["drivers"], names.join("; "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_machines_and_symbols_are_those_of_the_api_without_what_names_a_person() {
    let planted = Planted::start().await;
    let crash = planted.admin.crash_of("m1", tests::dump(7)).await;
    let mut reader = Reader::connect(&planted.database.pool).await;

    let id = crash["id"].as_str().unwrap();
    let row = reader
        .row(&format!(
            "SELECT * FROM reporting.crashes WHERE crash_id = '{id}'"
        ))
        .await;
    assert_eq!(row["stop_code"], crash["stop_code"]["code"]);
    assert_eq!(row["stop_code_name"], crash["stop_code"]["name"]);
    assert_eq!(row["signature"], crash["signature"]);
    assert_eq!(row["probable_driver"], crash["probable_driver"]["name"]);
    assert_eq!(row["os_build"], crash["os_build"]);
    let missing = crash["missing_symbols"].as_array().unwrap().len() as u64;
    assert_eq!(number(&row["missing_symbols"]), missing);

    let all = planted.admin.json("/api/v1/crashes?limit=500").await;
    let crashes = reader.rows("SELECT crash_id FROM reporting.crashes").await;
    assert_eq!(crashes.len(), all["items"].as_array().unwrap().len());
    let machines = planted.admin.json("/api/v1/machines?limit=500").await;
    let names = reader.rows("SELECT machine FROM reporting.machines").await;
    assert_eq!(names.len(), machines["items"].as_array().unwrap().len());

    let api = planted.admin.json("/api/v1/symbols/missing?limit=500").await;
    let rows = reader
        .rows("SELECT path, crashes_ever, machines_ever FROM reporting.missing_symbols")
        .await;
    let of = |row: &Value| {
        (
            row["path"].clone().to_string(),
            number(&row["crashes_ever"]),
            number(&row["machines_ever"]),
        )
    };
    let mut rows: Vec<_> = rows.iter().map(of).collect();
    let mut items: Vec<_> = api["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let path = item.get("path").or_else(|| item.get("key")).unwrap();
            (
                path.to_string(),
                number(&item["crashes_ever"]),
                number(&item["machines_ever"]),
            )
        })
        .collect();
    rows.sort();
    items.sort();
    assert_eq!(rows, items);
    assert!(!rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_and_the_queue_are_as_the_tables_have_them() {
    let planted = Planted::start().await;
    let uploaded = planted.admin.upload("m1", tests::dump(8)).await;
    planted
        .admin
        .finished_dump(uploaded["id"].as_str().unwrap())
        .await;
    let mut conn = planted.database.pool.acquire().await.unwrap();
    sqlx::raw_sql("INSERT INTO job (kind, key, state) VALUES ('symbol', 'lost', 2)")
        .execute(&mut *conn)
        .await
        .unwrap();
    let mut reader = Reader::connect(&planted.database.pool).await;

    let dumps = reader.row("SELECT * FROM reporting.dumps_daily").await;
    let queue = reader
        .row("SELECT kind, jobs FROM reporting.queue WHERE state = 'failed'")
        .await;

    assert_eq!(dumps["dumps"], 1);
    assert_eq!(
        (&dumps["format"], &dumps["state"]),
        (&json!("kernel-triage"), &json!("done"))
    );
    assert_eq!(dumps["size_bytes"], uploaded["size_bytes"]);
    assert_eq!(queue, json!({"kind": "symbol", "jobs": 1}));
}
