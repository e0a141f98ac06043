//! The counts that verdicts are computed from, against fleets small enough to count by hand.

use sqlx::PgConnection;
use store::exposure::{Case, Counts, Feature, counts, histories};
use store::import::{Line, Session};
use store::{MachineId, Window, driver_sets};
use time::macros::{date, datetime};

use super::{
    connection, crash_line, driver_line, import, inventory_line, machine_line, presence_line, set_line,
    version_id,
};

/// Two weeks from a Monday.
pub(super) const WINDOW: Window = Window {
    from: date!(2026 - 11 - 02),
    to: date!(2026 - 11 - 15),
};

/// `m1` and `m2` are Latitudes, `m3` is a Surface. All have `common.sys`; `m1` has `a.sys` 1, updated to 2 on the
/// second Monday; `m2` has `a.sys` 1. All are on every day of both weeks.
pub(super) async fn fleet(conn: &mut PgConnection, more: Vec<Line>) {
    let start = datetime!(2026-11-01 00:00 UTC);
    let mut lines = vec![
        driver_line("a1", "a.sys", 1),
        driver_line("a2", "a.sys", 2),
        driver_line("c", "common.sys", 1),
        set_line("old", &["a1", "c"]),
        set_line("new", &["a2", "c"]),
        set_line("none", &["c"]),
        machine_line("m1", "Latitude"),
        machine_line("m2", "Latitude"),
        machine_line("m3", "Surface"),
        inventory_line("m1", start, "old"),
        inventory_line("m1", datetime!(2026-11-09 09:00 UTC), "new"),
        inventory_line("m2", start, "old"),
        inventory_line("m3", start, "none"),
    ];
    let machines = ["m1", "m2", "m3"].into_iter();
    lines.extend(machines.map(|machine| presence_line(machine, WINDOW.from, WINDOW.to)));
    lines.extend(more);
    let applied = import(conn, &mut Session::default(), lines).await;
    assert_eq!(applied.rejected, []);
}

/// Machine-days of a version over all strata.
fn days(counts: &Counts, version: i32) -> u64 {
    counts.version(version).map_or(0, |place| counts.days_of(place))
}

/// The driver versions of a case.
fn had(counts: &Counts, case: &Case) -> Vec<i32> {
    let places = case
        .candidates
        .iter()
        .map(|place| usize::try_from(*place).unwrap());
    let features = places.map(|place| counts.candidates[place].feature);
    let version = |feature| match feature {
        Feature::Driver { version, .. } => Some(version),
        Feature::OsBuild(_) => None,
    };
    features.filter_map(version).collect()
}

#[tokio::test]
async fn machine_days_are_counted_by_model_week_and_version() {
    let mut conn = connection().await;
    fleet(&mut conn, vec![]).await;
    let counts = counts(&mut conn, 0x76, WINDOW).await.unwrap();
    let a1 = version_id(&mut conn, "a.sys", "1.0").await;
    let a2 = version_id(&mut conn, "a.sys", "2.0").await;
    let common = version_id(&mut conn, "common.sys", "1.0").await;
    let strata: Vec<u64> = counts.strata.iter().map(|stratum| stratum.machine_days).collect();
    assert_eq!(strata, [14, 14, 7, 7]);
    assert_eq!(
        (days(&counts, a1), days(&counts, a2), days(&counts, common)),
        (7 + 14, 7, 42)
    );
    assert_eq!(counts.machine_days, 42);
}

#[tokio::test]
async fn a_window_counts_its_own_days_only() {
    let mut conn = connection().await;
    fleet(&mut conn, vec![]).await;
    let window = Window {
        from: date!(2026 - 11 - 08),
        to: date!(2026 - 11 - 10),
    };
    assert_eq!(counts(&mut conn, 0x76, window).await.unwrap().machine_days, 9);
}

#[tokio::test]
async fn a_machine_is_counted_until_its_first_crash() {
    let mut conn = connection().await;
    let crashes = vec![
        crash_line("m1", datetime!(2026-11-11 10:00 UTC)),
        crash_line("m1", datetime!(2026-11-13 10:00 UTC)),
    ];
    fleet(&mut conn, crashes).await;
    let counts = counts(&mut conn, 0x76, WINDOW).await.unwrap();
    let a2 = version_id(&mut conn, "a.sys", "2.0").await;
    let common = version_id(&mut conn, "common.sys", "1.0").await;
    assert_eq!(
        (
            counts.crashes,
            counts.cases.len(),
            counts.crashes_without_exposure
        ),
        (2, 1, 0)
    );
    assert_eq!(had(&counts, &counts.cases[0]), [a2.min(common), a2.max(common)]);
    // Wednesday is its last day: Thursday to Sunday are gone.
    assert_eq!((days(&counts, a2), counts.machine_days), (3, 38));
    assert_eq!(
        counts.strata[usize::try_from(counts.cases[0].stratum).unwrap()].machine_days,
        10
    );
}

#[tokio::test]
async fn crashes_without_presence_are_counted_apart() {
    let mut conn = connection().await;
    let crashes = vec![
        machine_line("m4", "Latitude"),
        crash_line("m4", datetime!(2026-11-11 10:00 UTC)),
        presence_line("m4", date!(2026 - 11 - 12), date!(2026 - 11 - 12)),
    ];
    fleet(&mut conn, crashes).await;
    let counts = counts(&mut conn, 0x76, WINDOW).await.unwrap();
    assert_eq!(
        (
            counts.crashes,
            counts.cases.len(),
            counts.crashes_without_exposure
        ),
        (1, 0, 1)
    );
}

/// The agent told of version 1 in the morning; the dump of the same day shows that version 2 was loaded, and modules
/// that no inventory lists.
#[tokio::test]
async fn the_dump_corrects_the_inventory_of_its_day_and_adds_nothing_else() {
    let mut conn = connection().await;
    fleet(&mut conn, vec![crash_line("m2", datetime!(2026-11-11 10:00 UTC))]).await;
    let a2 = version_id(&mut conn, "a.sys", "2.0").await;
    let common = version_id(&mut conn, "common.sys", "1.0").await;
    let image = store::drivers::DumpImage {
        base_name: "ntoskrnl.exe".to_owned(),
        code_id: Some("ntoskrnl.exe/12345678abc000".to_owned()),
    };
    let at = datetime!(2026-11-11 10:00 UTC);
    let dump = store::drivers::DumpImages {
        machine: MachineId::of("m2"),
        at,
        images: &[image],
    };
    let kernel = store::drivers::resolve_images(&mut conn, &[dump]).await.unwrap();
    let loaded = [a2, common, kernel[0][0].driver_version_id.unwrap()];
    let own = driver_sets::intern(&mut conn, &loaded).await.unwrap();
    sqlx::query("UPDATE crash SET driver_set_id = $1")
        .bind(own.id)
        .execute(&mut *conn)
        .await
        .unwrap();
    let counts = counts(&mut conn, 0x76, WINDOW).await.unwrap();
    assert_eq!(had(&counts, &counts.cases[0]), [a2.min(common), a2.max(common)]);
}

#[tokio::test]
async fn machines_that_had_a_version_are_counted_once() {
    let mut conn = connection().await;
    fleet(&mut conn, vec![]).await;
    let a1 = version_id(&mut conn, "a.sys", "1.0").await;
    let a2 = version_id(&mut conn, "a.sys", "2.0").await;
    let common = version_id(&mut conn, "common.sys", "1.0").await;
    let asked = [vec![common], vec![a1], vec![a2], vec![a1, a2], vec![999]];
    let histories = histories(&mut conn, 0x76, WINDOW, &asked).await.unwrap();
    let machines: Vec<u64> = histories.iter().map(|history| history.machines).collect();
    assert_eq!(machines, [3, 2, 1, 2, 0]);
}
