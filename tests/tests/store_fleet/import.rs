//! History in bulk.

use store::import::{Line, NumberedLine, Rejected, Session, SetContent};
use time::macros::{date, datetime};

use super::{
    NOW, connection, crash_line, driver_line, import, inventory_line, machine_line, presence_line,
    presence_rows, set_line, version_id,
};

#[tokio::test]
async fn ids_hold_from_one_batch_to_the_next() {
    let mut conn = connection().await;
    let mut session = Session::default();
    let named = vec![
        driver_line("d1", "a.sys", 1),
        driver_line("d2", "b.sys", 1),
        set_line("s1", &["d1"]),
    ];
    import(&mut conn, &mut session, named).await;
    let change = Line::DriverSet {
        id: "s2".to_owned(),
        content: SetContent::Change {
            base: "s1".to_owned(),
            add: vec![store::import::DriverReference::Id("d2".to_owned())],
            remove: vec!["d1".to_owned()],
        },
    };
    let used = vec![
        change,
        inventory_line("m1", datetime!(2026-08-03 00:00 UTC), "s1"),
        inventory_line("m1", datetime!(2026-08-06 00:00 UTC), "s2"),
        presence_line("m1", date!(2026 - 08 - 03), date!(2026 - 08 - 09)),
    ];
    let applied = import(&mut conn, &mut session, used).await;
    assert_eq!((applied.accepted, applied.rejected.len()), (4, 0));
    let week = date!(2026 - 08 - 03);
    let b = version_id(&mut conn, "b.sys", "1.0").await;
    let a = version_id(&mut conn, "a.sys", "1.0").await;
    assert_eq!(
        presence_rows(&mut conn).await,
        [(week, vec![a], 0b111), (week, vec![b], 0b111_1000)]
    );
}

#[tokio::test]
async fn a_batch_with_a_wrong_line_is_not_written_and_leaves_no_ids() {
    let mut conn = connection().await;
    let mut session = Session::default();
    let lines = vec![
        driver_line("d1", "a.sys", 1),
        machine_line("m1", "Latitude"),
        set_line("s1", &["d1", "d9"]),
    ];
    let applied = import(&mut conn, &mut session, lines).await;
    let reason = "no earlier line names the driver \"d9\"".to_owned();
    assert_eq!(
        (applied.accepted, applied.rejected),
        (0, vec![Rejected { line: 3, reason }])
    );
    let applied = import(&mut conn, &mut session, vec![set_line("s1", &["d1"])]).await;
    assert_eq!(applied.accepted, 0);
    assert_eq!(store::machines::find(&mut conn, "m1").await.unwrap(), None);
}

#[tokio::test]
async fn a_line_that_could_not_be_read_is_told_with_its_number() {
    let mut conn = connection().await;
    let line = NumberedLine {
        number: 1_234,
        line: Err("expected value at line 1 column 1".to_owned()),
    };
    let applied = store::import::apply(&mut conn, &mut Session::default(), vec![line], NOW)
        .await
        .unwrap();
    assert_eq!(applied.rejected[0].line, 1_234);
}

#[tokio::test]
async fn importing_a_file_again_changes_nothing() {
    let mut conn = connection().await;
    for _ in 0..2 {
        let lines = vec![
            driver_line("d1", "a.sys", 1),
            set_line("s1", &["d1"]),
            inventory_line("m1", datetime!(2026-08-03 00:00 UTC), "s1"),
            presence_line("m1", date!(2026 - 08 - 03), date!(2026 - 08 - 16)),
            crash_line("m1", datetime!(2026-08-05 10:00 UTC)),
        ];
        import(&mut conn, &mut Session::default(), lines).await;
    }
    let counts: (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM presence), (SELECT sum(bit_count(days::int::bit(7))) FROM presence)::bigint,
            (SELECT count(*) FROM inventory), (SELECT count(*) FROM crash)",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(counts, (2, 14, 1, 1));
}

#[tokio::test]
async fn an_imported_crash_has_a_signature_and_a_report() {
    let mut conn = connection().await;
    import(
        &mut conn,
        &mut Session::default(),
        vec![crash_line("m1", datetime!(2026-08-05 10:00 UTC))],
    )
    .await;
    let (signature, report): (String, serde_json::Value) =
        sqlx::query_as("SELECT signature, report FROM crash")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(signature, "PROCESS_HAS_LOCKED_PAGES | process backup.exe");
    let report: wire::report::Report = serde_json::from_value(report).unwrap();
    assert_eq!(report.frames[0].module.as_deref(), Some("ntoskrnl.exe"));
    assert_eq!(report.frames[0].trust, wire::report::Trust::Scan);
    let stop_code = report.stop_code.unwrap();
    assert_eq!(stop_code.parameters[2].value, wire::Hex(0x26));
    assert_eq!(stop_code.parameters[0].meaning.as_deref(), Some("0: left locked"));
}

#[tokio::test]
async fn versions_are_dated_by_the_history_that_tells_of_them() {
    let mut conn = connection().await;
    let lines = vec![
        driver_line("d1", "a.sys", 1),
        set_line("s1", &["d1"]),
        inventory_line("m1", datetime!(2026-08-10 00:00 UTC), "s1"),
        inventory_line("m2", datetime!(2026-08-03 00:00 UTC), "s1"),
    ];
    import(&mut conn, &mut Session::default(), lines).await;
    let id = version_id(&mut conn, "a.sys", "1.0").await;
    let described = store::drivers::describe(&mut conn, &[id]).await.unwrap();
    assert_eq!(described[0].first_seen_on, date!(2026 - 08 - 03));
}
