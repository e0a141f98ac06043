//! What machines have, and on which days they were on.

use store::drivers::{DumpImage, DumpImages, ResolvedImage, resolve_images, versions_by_code_id};
use store::inventories::{InventoryDrivers, record, sets_at};
use store::{MachineId, driver_sets, presence};
use time::macros::{date, datetime};

use super::{NOW, connection, driver, inventory, presence_rows, version_id};

#[tokio::test]
async fn an_inventory_that_says_the_same_again_is_no_change() {
    let mut conn = connection().await;
    let mut told = inventory(
        "m1",
        datetime!(2026-11-20 08:00 UTC),
        vec![driver("A.sys", 1), driver("b.sys", 1)],
    );
    let first = record(&mut conn, &told, NOW).await.unwrap().unwrap();
    told.at = datetime!(2026-11-21 08:00 UTC);
    told.drivers = InventoryDrivers::Hash(first.driver_set.hash);
    let second = record(&mut conn, &told, NOW).await.unwrap().unwrap();
    assert!(first.changed && !second.changed);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM inventory")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn an_inventory_with_an_unknown_hash_writes_nothing() {
    let mut conn = connection().await;
    let mut told = inventory("m1", NOW, vec![]);
    told.drivers = InventoryDrivers::Hash(driver_sets::DriverSetHash([7; 32]));
    assert_eq!(record(&mut conn, &told, NOW).await.unwrap(), None);
    assert_eq!(store::machines::find(&mut conn, "m1").await.unwrap(), None);
}

#[tokio::test]
async fn ids_of_versions_are_not_used_up_by_inventories_that_tell_nothing_new() {
    let mut conn = connection().await;
    for minute in 0..5 {
        let at = datetime!(2026-11-20 08:00 UTC).replace_minute(minute).unwrap();
        let told = inventory("m1", at, vec![driver("a.sys", 1), driver("b.sys", 1)]);
        record(&mut conn, &told, NOW).await.unwrap();
    }
    let told = inventory("m1", NOW, vec![driver("a.sys", 2)]);
    record(&mut conn, &told, NOW).await.unwrap();
    assert_eq!(version_id(&mut conn, "a.sys", "2.0").await, 3);
}

/// The images of one dump.
async fn resolve(
    conn: &mut sqlx::PgConnection,
    machine: MachineId,
    images: &[DumpImage],
) -> Vec<ResolvedImage> {
    let dump = DumpImages {
        machine,
        at: NOW,
        images,
    };
    resolve_images(conn, &[dump]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_placeholder_becomes_the_version_that_an_inventory_tells_later() {
    let mut conn = connection().await;
    let image = DumpImage {
        base_name: "A.SYS".to_owned(),
        code_id: Some("a.sys/000000031000".to_owned()),
    };
    let before = resolve(&mut conn, MachineId::UNKNOWN, &[image]).await;
    let placeholder = before[0].driver_version_id.unwrap();
    let set = driver_sets::intern(&mut conn, &[placeholder]).await.unwrap();
    assert_eq!(before[0].version, None);

    record(&mut conn, &inventory("m1", NOW, vec![driver("a.sys", 3)]), NOW)
        .await
        .unwrap();

    let version = version_id(&mut conn, "a.sys", "3.0").await;
    let known = versions_by_code_id(&mut conn, &["a.sys/000000031000".to_owned()])
        .await
        .unwrap();
    assert_eq!(known["a.sys/000000031000"].driver_version_id, version);
    assert_eq!(
        driver_sets::members(&mut conn, set.id).await.unwrap(),
        Some(vec![version])
    );
}

#[tokio::test]
async fn an_unknown_image_is_the_inventorys_version_only_if_that_has_no_image() {
    let mut conn = connection().await;
    let mut without_image = driver("a.sys", 1);
    without_image.time_date_stamp = None;
    let told = inventory(
        "m1",
        datetime!(2026-11-20 08:00 UTC),
        vec![without_image, driver("b.sys", 1)],
    );
    record(&mut conn, &told, NOW).await.unwrap();
    let image = |name: &str| DumpImage {
        base_name: name.to_owned(),
        code_id: Some(format!("{name}/000000091000")),
    };
    let images = [image("a.sys"), image("b.sys")];
    let resolved = resolve(&mut conn, MachineId::of("m1"), &images).await;
    let versions: Vec<_> = resolved.iter().map(|image| image.version.as_deref()).collect();
    assert_eq!(versions, [Some("1.0"), None]);
}

#[tokio::test]
async fn an_inventory_holds_until_the_next() {
    let mut conn = connection().await;
    let machine = MachineId::of("m1");
    let (first, second) = (datetime!(2026-11-02 08:00 UTC), datetime!(2026-11-09 08:00 UTC));
    let told = record(&mut conn, &inventory("m1", first, vec![driver("a.sys", 1)]), NOW)
        .await
        .unwrap();
    record(&mut conn, &inventory("m1", second, vec![driver("a.sys", 2)]), NOW)
        .await
        .unwrap();
    let at = datetime!(2026-11-09 07:59 UTC);
    let before_any = datetime!(2026-11-01 0:00 UTC);
    let sets = sets_at(&mut conn, &[(machine, at), (machine, before_any)])
        .await
        .unwrap();
    assert_eq!(
        sets.get(&(machine, at)).copied(),
        told.map(|told| told.driver_set.id)
    );
    assert_eq!(sets.get(&(machine, before_any)), None);
}

#[tokio::test]
async fn saying_a_day_twice_changes_nothing() {
    let mut conn = connection().await;
    record(
        &mut conn,
        &inventory("m1", datetime!(2026-11-02 08:00 UTC), vec![driver("a.sys", 1)]),
        NOW,
    )
    .await
    .unwrap();
    let days = [
        date!(2026 - 11 - 08),
        date!(2026 - 11 - 02),
        date!(2026 - 11 - 09),
    ];
    presence::add(&mut conn, "m1", &days, NOW).await.unwrap();
    presence::add(&mut conn, "m1", &days, NOW).await.unwrap();
    let rows = presence_rows(&mut conn).await;
    assert_eq!(
        rows,
        [
            (date!(2026 - 11 - 02), vec![1], 0b100_0001),
            (date!(2026 - 11 - 09), vec![1], 1)
        ]
    );
}

/// Agents report the day before the update of the same day: the day then belongs to the later inventory.
#[tokio::test]
async fn an_inventory_takes_over_the_days_that_ended_with_it() {
    let mut conn = connection().await;
    record(
        &mut conn,
        &inventory("m1", datetime!(2026-11-02 08:00 UTC), vec![driver("a.sys", 1)]),
        NOW,
    )
    .await
    .unwrap();
    let days: Vec<_> = (2..=4)
        .map(|day| date!(2026 - 11 - 01).replace_day(day).unwrap())
        .collect();
    presence::add(&mut conn, "m1", &days, NOW).await.unwrap();
    record(
        &mut conn,
        &inventory("m1", datetime!(2026-11-03 17:00 UTC), vec![driver("a.sys", 2)]),
        NOW,
    )
    .await
    .unwrap();
    let rows = presence_rows(&mut conn).await;
    assert_eq!(
        rows,
        [
            (date!(2026 - 11 - 02), vec![1], 0b001),
            (date!(2026 - 11 - 02), vec![2], 0b110)
        ]
    );
}

#[tokio::test]
async fn days_before_the_first_inventory_get_no_drivers_but_the_model_once_it_is_told() {
    let mut conn = connection().await;
    presence::add(&mut conn, "m1", &[date!(2026 - 11 - 02)], NOW)
        .await
        .unwrap();
    record(
        &mut conn,
        &inventory("m1", datetime!(2026-11-09 08:00 UTC), vec![driver("a.sys", 1)]),
        NOW,
    )
    .await
    .unwrap();
    assert_eq!(
        presence_rows(&mut conn).await,
        [(date!(2026 - 11 - 02), vec![], 1)]
    );
    let model: Option<i32> = sqlx::query_scalar("SELECT model_id FROM presence")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(model, Some(1));
}
