//! What lists and pages read.

use sqlx::PgConnection;
use store::exposure::Observed;
use store::import::{Line, Session};
use store::machines::{Spell, TimelineEntry};
use store::verdict_changes::{self, Said};
use store::verdicts::{self, Verdict};
use store::{Window, drivers, fleet, machines, models, stop_codes};
use time::macros::{date, datetime};

use super::{
    connection, crash_line, driver_line, import, inventory_line, machine_line, presence_line, set_line,
};

const WINDOW: Window = Window {
    from: date!(2026 - 11 - 02),
    to: date!(2026 - 11 - 15),
};

/// `m1` is updated from `a.sys` 1 to 2 on the second Monday and crashes two days later; `m2` stays with 1.
async fn two_machines(conn: &mut PgConnection) {
    let start = datetime!(2026-11-02 00:00 UTC);
    let lines: Vec<Line> = vec![
        driver_line("a1", "a.sys", 1),
        driver_line("a2", "a.sys", 2),
        driver_line("b", "b.sys", 1),
        set_line("old", &["a1", "b"]),
        set_line("new", &["a2", "b"]),
        machine_line("m1", "Latitude"),
        inventory_line("m1", start, "old"),
        inventory_line("m1", datetime!(2026-11-09 00:00 UTC), "new"),
        inventory_line("m2", start, "old"),
        presence_line("m1", WINDOW.from, WINDOW.to),
        presence_line("m2", WINDOW.from, WINDOW.to),
        crash_line("m1", datetime!(2026-11-11 10:00 UTC)),
    ];
    assert_eq!(import(conn, &mut Session::default(), lines).await.rejected, []);
}

#[tokio::test]
async fn a_drivers_versions_stand_side_by_side_with_the_safe_one() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let detail = drivers::detail(&mut conn, "A.SYS", WINDOW, None)
        .await
        .unwrap()
        .unwrap();
    let told: Vec<_> = detail
        .versions
        .iter()
        .map(|version| {
            (
                version.version.as_deref(),
                version.machines,
                version.observed.machine_days,
                version.crashes.len(),
            )
        })
        .collect();
    assert_eq!(told, [(Some("2.0"), 1, 7, 1), (Some("1.0"), 1, 21, 0)]);
    assert_eq!(
        detail.versions[0].crashes[0].stop_code_name,
        "PROCESS_HAS_LOCKED_PAGES"
    );
    assert_eq!(detail.versions[0].code_ids, ["a.sys/000000021000"]);
    assert_eq!(detail.safe_version.as_deref(), Some("1.0"));
    assert_eq!(
        drivers::detail(&mut conn, "c.sys", WINDOW, None).await.unwrap(),
        None
    );
}

/// What a count is, in short.
fn short(observed: Observed) -> (u64, u64, u64) {
    (
        observed.machine_days,
        observed.crashes,
        observed.crashing_machines,
    )
}

#[tokio::test]
async fn a_drivers_weeks_and_models_add_up_to_its_versions() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let detail = drivers::detail(&mut conn, "a.sys", WINDOW, None)
        .await
        .unwrap()
        .unwrap();
    let weeks: Vec<_> = detail.weeks.iter().map(|week| short(week.observed)).collect();
    assert_eq!(weeks, [(14, 0, 0), (14, 1, 1)]);
    // In the second week the new version is on one machine, the old one on the other.
    let second: Vec<_> = detail.weeks[1]
        .versions
        .iter()
        .map(|(_, seen)| short(*seen))
        .collect();
    assert_eq!(second, [(7, 0, 0), (7, 1, 1)]);
    let by_model: u64 = detail
        .models
        .iter()
        .map(|model| model.observed.machine_days)
        .sum();
    assert_eq!(by_model, 28);
    assert_eq!(detail.versions[0].last_seen_on, detail.versions[1].last_seen_on);
    let rate = detail.versions[0].observed.per_1000().unwrap();
    assert!(rate.low < 1000.0 / 7.0 && 1000.0 / 7.0 < rate.high);
}

#[tokio::test]
async fn crashes_of_another_stop_code_are_left_out_when_one_is_asked_for() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    for (code, crashes) in [(0x76, 1), (0xd1, 0)] {
        let detail = drivers::detail(&mut conn, "a.sys", WINDOW, Some(code))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            short(detail.versions[0].observed),
            (7, crashes, crashes),
            "{code:#x}"
        );
        assert_eq!(detail.versions[0].crashes.is_empty(), crashes == 0);
    }
}

#[tokio::test]
async fn a_model_has_its_machines_days_and_what_crashed_on_it() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let list = models::list(&mut conn, WINDOW).await.unwrap();
    let [model] = &list[..] else { panic!("{list:?}") };
    assert_eq!((model.model.name.as_str(), model.machines), ("Latitude", 1));
    assert_eq!(short(model.observed), (14, 1, 1));
    assert_eq!(model.stop_codes[0].stop_code_name, "PROCESS_HAS_LOCKED_PAGES");
    let found = models::find(&mut conn, &model.model.manufacturer, "Latitude")
        .await
        .unwrap();
    assert_eq!(models::find(&mut conn, "Nobody", "Latitude").await.unwrap(), None);
    let detail = models::detail(&mut conn, found.unwrap(), WINDOW).await.unwrap();
    assert_eq!(detail.summary.observed, model.observed);
    let weeks: Vec<_> = detail.weeks.iter().map(|week| short(week.observed)).collect();
    assert_eq!(weeks, [(7, 0, 0), (7, 1, 1)]);
    // The other machine has all other versions too, and is of no known model.
    let [own] = &detail.versions[..] else {
        panic!("{:?}", detail.versions)
    };
    assert_eq!(own.version.version.as_deref(), Some("2.0"));
    assert_eq!(short(own.observed), (7, 1, 1));
    assert_eq!(
        (
            detail.bios_versions[0].machines,
            detail.bios_versions[0].crashing_machines
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn the_list_of_drivers_goes_on_after_its_last_name() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let first = drivers::list(&mut conn, None, None, 1).await.unwrap();
    assert_eq!(
        (
            first.items[0].name.as_str(),
            first.items[0].versions,
            first.items[0].machines
        ),
        ("a.sys", 2, 2)
    );
    let second = drivers::list(&mut conn, None, first.next.as_deref(), 1)
        .await
        .unwrap();
    assert_eq!((second.items[0].name.as_str(), second.next), ("b.sys", None));
}

#[tokio::test]
async fn a_machines_timeline_has_its_crash_and_what_came_and_went_before() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let detail = machines::detail(&mut conn, "m1").await.unwrap().unwrap();
    assert_eq!(
        (
            detail.summary.crashes,
            detail.drivers.len(),
            detail.timeline.len()
        ),
        (1, 2, 2)
    );
    assert!(matches!(
        &detail.timeline[0],
        TimelineEntry::Crash {
            stop_code: Some(0x76),
            ..
        }
    ));
    let TimelineEntry::DriversChanged {
        added,
        removed,
        changes,
        ..
    } = &detail.timeline[1]
    else {
        panic!("the change comes second");
    };
    assert_eq!(added[0].version.as_deref(), Some("2.0"));
    assert_eq!(removed[0].version.as_deref(), Some("1.0"));
    let spell = |machine_days, crashes| Spell {
        machine_days,
        crashes,
    };
    let changed = changes.iter().find(|change| change.name == "a.sys").unwrap();
    assert_eq!((changed.before, changed.after), (spell(7, 0), spell(7, 1)));
    assert_eq!(machines::detail(&mut conn, "m9").await.unwrap(), None);
}

#[tokio::test]
async fn the_list_of_machines_goes_on_after_its_last_name() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let all = machines::Filter::default();
    let first = machines::list(&mut conn, &all, None, 1).await.unwrap();
    assert_eq!(first.next.as_deref(), Some("m1"));
    let second = machines::list(&mut conn, &all, Some("m1"), 1).await.unwrap();
    assert_eq!(
        (
            second.items[0].name.as_str(),
            second.items[0].crashes,
            second.next
        ),
        ("m2", 0, None)
    );
}

#[tokio::test]
async fn a_stop_codes_trend_has_every_day() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let list = stop_codes::list(&mut conn, WINDOW).await.unwrap();
    assert_eq!(
        (
            list.len(),
            list[0].code,
            list[0].crashes,
            list[0].machines,
            list[0].new
        ),
        (1, 0x76, 1, 1, true)
    );
    let days: Vec<u64> = list[0].trend.iter().map(|day| day.crashes).collect();
    assert_eq!(days, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_stop_code_is_broken_down_by_model_and_process() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let detail = stop_codes::detail(&mut conn, 0x76, WINDOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(detail.by_model[0].value.as_deref(), Some("Latitude"));
    assert_eq!(detail.by_process[0].value.as_deref(), Some("backup.exe"));
    assert_eq!(detail.parameter_meanings[0].as_deref(), Some("0: left locked"));
    let quiet = stop_codes::detail(&mut conn, 0x161, WINDOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(quiet.count.crashes, 0);
    assert_eq!(stop_codes::detail(&mut conn, 0x9999, WINDOW).await.unwrap(), None);
}

#[tokio::test]
async fn the_overview_tells_crash_free_machines_and_what_is_new() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let overview = fleet::overview(&mut conn, WINDOW).await.unwrap();
    assert_eq!(
        (
            overview.machines,
            overview.crash_free_machines,
            overview.machine_days
        ),
        (2, 1, 28)
    );
    assert_eq!(overview.crashes, 1);
    let new: Vec<_> = overview
        .new
        .driver_versions
        .iter()
        .map(|version| version.version.as_deref())
        .collect();
    assert_eq!(new, [Some("2.0")]);
    assert_eq!(overview.new.stop_codes[0].first_seen_on, date!(2026 - 11 - 11));
    assert_eq!(overview.new.signatures.len(), 1);
}

#[tokio::test]
async fn a_verdict_is_stale_while_its_job_waits() {
    let mut conn = connection().await;
    let verdict = Verdict {
        stop_code: 0x76,
        window_days: 91,
        window: WINDOW,
        computed_at: datetime!(2026-11-15 10:00 UTC),
        body: serde_json::json!({"suspects": []}),
    };
    verdicts::put(&mut conn, &verdict).await.unwrap();
    let older = Verdict {
        computed_at: datetime!(2026-11-15 09:00 UTC),
        body: serde_json::json!({}),
        ..verdict.clone()
    };
    verdicts::put(&mut conn, &older).await.unwrap();
    assert_eq!(verdicts::find(&mut conn, 0x76, 91).await.unwrap(), Some(verdict));
    assert!(!verdicts::is_stale(&mut conn, 0x76, 91).await.unwrap());
    let key = store::jobs::VerdictKey {
        stop_code: 0x76,
        window_days: 91,
    };
    store::jobs::enqueue_verdict(&mut conn, key, std::time::Duration::ZERO)
        .await
        .unwrap();
    assert!(verdicts::is_stale(&mut conn, 0x76, 91).await.unwrap());
}

#[tokio::test]
async fn codes_with_crashes_and_no_fresh_ranking_are_to_be_refreshed() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let codes = verdicts::codes_to_refresh(&mut conn, WINDOW, 91, super::NOW)
        .await
        .unwrap();
    assert_eq!(codes, [0x76]);
}

#[tokio::test]
async fn machines_are_found_by_the_driver_that_they_have_now() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let driver = |name: &str, version: Option<&str>| machines::Filter {
        driver: Some(name.to_owned()),
        version: version.map(str::to_owned),
        ..machines::Filter::default()
    };
    let model = machines::Filter {
        model: Some("Latitude".to_owned()),
        ..driver("a.sys", None)
    };
    let cases: [(machines::Filter, &[&str]); 6] = [
        (driver("a.sys", Some("2.0")), &["m1"]),
        // m1 had it, but has it no more.
        (driver("a.sys", Some("1.0")), &["m2"]),
        (driver("b.sys", None), &["m1", "m2"]),
        (driver("a.sys", Some("9.9")), &[]),
        (driver("none.sys", None), &[]),
        (model, &["m1"]),
    ];
    for (filter, names) in cases {
        let found = machines::list(&mut conn, &filter, None, 10).await.unwrap();
        let found: Vec<&str> = found.items.iter().map(|machine| machine.name.as_str()).collect();
        assert_eq!(found, names, "{filter:?}");
        let count = machines::count(&mut conn, &filter).await.unwrap();
        assert_eq!(count, names.len() as u64, "{filter:?}");
    }
}

/// A crash of a machine that nobody saw on enters no rate, here neither.
#[tokio::test]
async fn weeks_count_machines_that_were_on_and_their_crashes_alone() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let unseen = vec![crash_line("m3", datetime!(2026-11-12 10:00 UTC))];
    assert_eq!(
        import(&mut conn, &mut Session::default(), unseen).await.rejected,
        []
    );
    let weeks = fleet::weeks(&mut conn, WINDOW).await.unwrap();
    let told: Vec<_> = weeks
        .iter()
        .map(|week| {
            (
                week.week,
                week.machines,
                week.crash_free_machines,
                week.machine_days,
                week.crashes,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (date!(2026 - 11 - 02), 2, 2, 14, 0),
            (date!(2026 - 11 - 09), 2, 1, 14, 1)
        ]
    );
    let span = fleet::span(&mut conn, WINDOW).await.unwrap();
    assert_eq!((span.crashes, span.machines), (2, 1));
}

/// What came and went within the span is no change; who was suspected before is no regression.
#[tokio::test]
async fn a_change_of_a_verdict_is_what_differs_at_both_ends_of_the_span() {
    let mut conn = connection().await;
    two_machines(&mut conn).await;
    let version = drivers::find_version(&mut conn, "a.sys", "2.0")
        .await
        .unwrap()
        .unwrap();
    let said = |stop_code, word, versions: &[i32]| Said {
        stop_code,
        word,
        suspect: (!versions.is_empty()).then(|| "a.sys 2.0".to_owned()),
        driver_version_ids: versions.to_vec(),
    };
    let day = |day: i64| datetime!(2026-11-01 00:00 UTC) + time::Duration::days(day);
    for (at, said) in [
        (1, said(0x76, "too-little-data", &[])),
        (2, said(0xd1, "associated", &[version])),
        (5, said(0x76, "too-little-data", &[])),
        (6, said(0x76, "associated", &[version])),
        (7, said(0x76, "likely-cause", &[version])),
        (8, said(0xd1, "too-little-data", &[])),
        (9, said(0xd1, "associated", &[version])),
    ] {
        verdict_changes::note(&mut conn, &said, day(at)).await.unwrap();
    }
    let changes = verdict_changes::list(&mut conn, day(4), 10).await.unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.stop_code,
                change.word_before.as_deref(),
                change.word.as_str(),
                change.changed_at,
            )
        })
        .collect();
    assert_eq!(told, [(0x76, Some("too-little-data"), "likely-cause", day(7))]);
    let regressions = verdict_changes::regressions(&mut conn, day(4), 10).await.unwrap();
    let told: Vec<_> = regressions
        .iter()
        .map(|one| {
            (
                one.stop_code,
                one.driver.as_str(),
                one.version.as_deref(),
                one.suspected_at,
            )
        })
        .collect();
    assert_eq!(told, [(0x76, "a.sys", Some("2.0"), day(6))]);

    // What is forgotten is what nobody looks back to: the last word of each code still holds.
    assert_eq!(verdict_changes::prune(&mut conn, day(7)).await.unwrap(), 3);
    let changes = verdict_changes::list(&mut conn, day(7), 10).await.unwrap();
    assert_eq!(
        changes[0].word_before.as_deref(),
        Some("associated"),
        "{changes:?}"
    );
    assert_eq!(verdict_changes::prune(&mut conn, day(100)).await.unwrap(), 1);
    let regressions = verdict_changes::regressions(&mut conn, day(0), 10).await.unwrap();
    assert_eq!(regressions.len(), 2, "{regressions:?}");
}
